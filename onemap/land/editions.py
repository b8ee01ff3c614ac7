"""Which edition of the land classes a layer's codes belong to: one code can mean two things in two of them."""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

from onemap.land.codes import Coded, CodeTable
from onemap.land.issues import Issues
from onemap.land.values import text

_MOST_CODES = 20
_KIND = re.compile(r"(?<=.)(用地|地)$")


class Said(NamedTuple):
    """A code and a name as a row has them."""

    code: str
    name: str


def doubtful(seen: Counter, own: CodeTable, catalogue, issues: Issues) -> set[Said]:
    """The pairs of code and name whose class is not established because the layer's codes are of two editions.

    ``seen``: how many rows have each pair, ``own``: the layer's table. The editions stand in ``codes/editions.csv``;
    a layer with another kind of table is left alone. An issue names the editions met and the codes that tell them.
    """
    tables = {name: CodeTable(catalogue, name) for name in catalogue.editions.index}
    mine = next((name for name, table in tables.items() if table.frame is own.frame), None)
    if mine is None:
        return set()
    fits = {pair: _fitting(pair, tables) for pair in seen}
    left = {pair for pair, names in fits.items() if names and mine not in names}
    others: dict[str, set[Said]] = {}
    while left:
        best = max(tables, key=lambda name: len({p.code for p in left if name in fits[p]}))
        others[best] = {pair for pair in left if best in fits[pair]}
        left -= others[best]
    if not others:
        return set()
    unsure = {
        pair
        for pair in seen
        for name in others
        if (name in fits[pair] or mine not in fits[pair]) and _two_classes(pair, own, tables[name])
    }
    telling = {
        mine: {pair for pair, names in fits.items() if mine in names and not names & set(others)}
    } | others
    _tell(telling, mine, unsure, seen, catalogue.editions, issues)
    return unsure


def _fitting(pair: Said, tables: dict[str, CodeTable]) -> set[str]:
    """The editions that know a code, or, where the row's name is that of the code in some, only those."""
    found = {name: meaning for name, table in tables.items() if (meaning := _meaning(pair, table))}
    named = {name for name, meaning in found.items() if pair.name and _kind(meaning.name) == _kind(pair.name)}
    return named or set(found)


def _meaning(pair: Said, table: CodeTable) -> Coded | None:
    found = table.look_up(pair.code, "")
    return found if pair.code and found.how in ("exact", "padded", "label") else None


def _kind(name: str | None) -> str:
    """A class name without the word for land at its end, which the editions use freely."""
    return _KIND.sub("", text(name))


def _two_classes(pair: Said, own: CodeTable, other: CodeTable) -> bool:
    one, two = _meaning(pair, own), _meaning(pair, other)
    return one is not None and two is not None and one.major != two.major


def _tell(
    telling: dict[str, set[Said]], mine: str, unsure: set[Said], seen, editions, issues: Issues
) -> None:
    parts = []
    for name, pairs in telling.items():
        codes = sorted({pair.code for pair in pairs})
        more = f" … ({len(codes)})" if len(codes) > _MOST_CODES else ""
        if codes:
            parts.append(f"{editions.at[name, 'standard']}: {' '.join(codes[:_MOST_CODES])}{more}")
    unchecked = ", ".join(
        editions.at[name, "standard"] for name in telling if not editions.at[name, "checked_on"]
    )
    code = "mixed_codes" if telling[mine] else "other_codes"
    issues.add(code, field="class_code", value="; ".join(parts), message=unchecked)
    if unsure:
        issues.add(
            "class_unsure", field="class_code", value=" ".join(sorted({pair.code for pair in unsure})),
            message=str(sum(seen[pair] for pair in unsure)),
        )  # fmt: skip
