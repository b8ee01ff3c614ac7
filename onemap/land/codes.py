"""Class codes as people write them, turned into codes of the layer's table."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from onemap.land.values import text


class Coded(NamedTuple):
    """A code, the table's name for it, its major class, and how it was understood ('' for no such code)."""

    code: str | None
    name: str | None
    major: str | None
    how: str


_IN_BRACKETS = re.compile(r"[(（\[【]\s*([A-Za-z]{0,4}[\d.]{0,8}[A-Za-z]?)\s*[)）\]】]\s*$")
_AT_FRONT = re.compile(r"^([A-Za-z]{0,4}\d[\d.]*|[A-Z]{1,2}\d*)(?=[\s\-—:：_/]|[\u3400-\u9fff]|$)")


class CodeTable:
    """One code table made ready for look-up by code, label, or a damaged spelling of either."""

    def __init__(self, catalogue, table: str):
        frame = self.frame = catalogue.codes.get(table) if table else None
        self.known = {} if frame is None else {str(code): row for code, row in frame.to_dict("index").items()}
        self._upper = {code.upper(): code for code in self.known}
        names: dict[str, set[str]] = {}
        for code, row in self.known.items():
            for name in (row.get("name_zh"), row.get("name_en")):
                if text(name):
                    names.setdefault(text(name).lower(), set()).add(code)
        self._by_name = {name: codes.pop() for name, codes in names.items() if len(codes) == 1}
        self.look_up = lru_cache(100_000)(self._look_up)

    def _look_up(self, code: str, name: str) -> Coded:
        """The meaning of a code cell and a name cell, both as text."""
        if not self.known:
            return Coded(code or None, name or None, None, "as_is")
        for found, how in self._readings(code, name):
            key = self._upper.get(found.upper())
            if key is not None:
                row = self.known[key]
                return Coded(key, text(row.get("name_zh")) or name or None, self.major(key), how)
        return Coded(code or None, name or None, None, "" if code or name else "blank")

    def _readings(self, code: str, name: str):
        yield code, "exact"
        for word, how in ((code, "label"), (name, "by_name")):
            if not word:
                continue
            if how == "by_name" and code:
                continue
            bracketed = _IN_BRACKETS.search(word)
            if bracketed and bracketed.group(1):
                yield bracketed.group(1), how
            front = _AT_FRONT.match(word)
            if front and (how == "by_name" or front.group(1) != word):
                yield front.group(1), how
            plain = word[: bracketed.start()].strip() if bracketed else word
            if plain.lower() in self._by_name:
                yield self._by_name[plain.lower()], how
        if code.isdigit():
            cut = code
            while len(cut) > 2 and cut.endswith("0"):
                cut = cut[:-1]
                yield cut, "padded"
            for zeros in (1, 2):
                yield "0" * zeros + code, "lost_zero"

    def by_name(self, name: str) -> str | None:
        """The one code that bears a name; None if none or several do."""
        return self._by_name.get(name.lower())

    def major(self, code: str) -> str | None:
        """The major class of a code; a blank inherits its parent's."""
        for _ in range(10):
            row = self.known.get(code)
            if row is None:
                return None
            if text(row.get("major_class")):
                return text(row["major_class"])
            code = text(row.get("parent"))
        return None
