"""Sentences that travel as a key and values, and become words in the language of whoever reads them.

The words stand in the packaged tables ``layers/texts/messages_*.csv`` (key, zh, en). They are read leniently: when the
book itself is broken, what is said about it must still be readable.
"""

from __future__ import annotations

import csv
import io
import json
import os
import string
from collections.abc import Mapping
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
BOOKS = (PACKAGE / "layers", PACKAGE.parent / "layers")  # inside a wheel, beside a checkout
LANGUAGES = ("zh", "en")
NOTHING = "—"
_COLON, _SEMICOLON, _COMMA = {"zh": "：", "en": ": "}, {"zh": "；", "en": "; "}, {"zh": "、", "en": ", "}
_spoken = {"lang": os.environ.get("ONEMAP_LANG", LANGUAGES[0])}


def spoken() -> str:
    """The language of messages that nobody asked for in another: Chinese, unless ``ONEMAP_LANG`` or a call said en."""
    return _spoken["lang"] if _spoken["lang"] in LANGUAGES else LANGUAGES[0]


def speak(lang: str) -> None:
    """Choose the language of messages in this process; see :func:`onemap.set_language`."""
    _spoken["lang"] = lang


class Message:
    """A key of the table of messages and its values; ``where`` goes before the sentence, ``mend`` after it.

    Values are plain: texts, numbers, lists, other messages; anything else is kept as its text.

    >>> Message("book.table.cells", where="rules.csv:4", cells=3, columns=5).text("en")
    'rules.csv:4: 3 cells for 5 columns; quote cells that contain commas'
    """

    __slots__ = ("key", "values")

    def __init__(self, key: str, /, **values):
        self.key = key
        self.values = {name: _plain(value) for name, value in values.items()}

    def text(self, lang: str | None = None) -> str:
        """The sentence in a language, by default the one spoken; the bare key and values where no text is found."""
        lang = lang or spoken()
        shown = {name: in_words(value, lang) for name, value in self.values.items() if name != "mend"}
        where, mend = shown.pop("where", ""), self.values.get("mend") or []
        mend = _SEMICOLON[lang].join(
            in_words(m, lang) for m in (mend if isinstance(mend, list) else [mend]) if m
        )
        try:
            what = fill(_texts()[self.key][LANGUAGES.index(lang)], shown)
        except (KeyError, ValueError, IndexError, TypeError):
            given = ", ".join(f"{name}={value}" for name, value in shown.items())
            what = f"{self.key} ({given})" if given else self.key
        return (
            (f"{where}{_COLON[lang]}" if where else "") + what + (f"{_SEMICOLON[lang]}{mend}" if mend else "")
        )

    __str__ = text

    def __repr__(self) -> str:
        return f"Message({self.key!r}, {', '.join(f'{k}={v!r}' for k, v in self.values.items())})"

    def __eq__(self, other) -> bool:
        return isinstance(other, Message) and (self.key, self.values) == (other.key, other.values)

    def __hash__(self) -> int:
        return hash(packed(self))

    def __reduce__(self):
        return _rebuild, (self.key, self.values)


def told(*parts: Message | str | None) -> dict[str, str | None]:
    """The columns ``message`` (in Chinese) and ``detail`` (canonical JSON) of a row that says these things.

    A plain text, such as the words of another library, is kept as it is and needs no detail.

    >>> told("no space left")
    {'message': 'no space left', 'detail': None}
    """
    parts = [part for part in parts if part]
    message = _SEMICOLON["zh"].join(in_words(part, "zh") for part in parts)
    if not any(isinstance(part, Message) for part in parts):
        return {"message": message, "detail": None}
    return {"message": message, "detail": packed(parts[0] if len(parts) == 1 else parts)}


def said(row: Mapping, lang: str | None = None) -> str:
    """What a row with columns ``message`` and ``detail`` says, in a language.

    >>> said(told(Message("book.table.cells", cells=3, columns=5)), "en")
    '3 cells for 5 columns; quote cells that contain commas'
    """
    detail, lang = row.get("detail"), lang or spoken()
    try:
        parts = unpacked(detail) if isinstance(detail, str) and detail else row.get("message")
    except (ValueError, KeyError, TypeError):
        parts = row.get("message")
    parts = parts if isinstance(parts, list) else [parts]
    return _SEMICOLON[lang].join(in_words(p, lang) for p in parts if isinstance(p, Message | str))


def message_of(error: BaseException) -> Message | str:
    """What an error says: its message where it has one, else kind and text."""
    return getattr(error, "said", None) or f"{type(error).__name__}: {error}"


def packed(thing) -> str:
    """A message as canonical JSON: sorted, without blanks."""
    return json.dumps(thing, default=_as_json, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def unpacked(text: str):
    """What ``packed`` made JSON of."""
    return json.loads(
        text, object_hook=lambda known: Message(known["key"], **known["values"]) if "key" in known else known
    )


def _as_json(value: Message) -> dict:
    return {"key": value.key, "values": value.values}


def _rebuild(key: str, values: dict) -> Message:
    return Message(key, **values)


def _plain(value):
    if value is None or isinstance(value, Message | bool | int | float | str):
        return value.item() if hasattr(value, "item") else value
    if isinstance(value, BaseException):
        return getattr(value, "said", None) or str(value)
    if isinstance(value, set | frozenset):
        value = sorted(value)
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return _plain(value.item()) if hasattr(value, "item") else str(value)


def in_words(value, lang: str):
    """A value as a sentence shows it: messages in a language, lists with its marks, anything else as it is."""
    if isinstance(value, Message):
        return value.text(lang)
    if isinstance(value, list):
        return _COMMA[lang].join(str(in_words(one, lang)) for one in value) or NOTHING
    return value


class _Formatter(string.Formatter):
    def format_field(self, value, format_spec):
        if value is None or (isinstance(value, float) and value != value):
            return NOTHING
        if isinstance(value, str) and format_spec and format_spec[-1] in "f%d,g":
            return value
        return super().format_field(value, format_spec)


_FORMATTER = _Formatter()


def fill(text: str, values: Mapping) -> str:
    """A text with its placeholders filled; what is not known is a dash.

    >>> fill("{area_m2:.1f} m²", {"area_m2": None})
    '— m²'
    """
    return _FORMATTER.vformat(text, (), values)


def placeholders(text: str) -> set[str]:
    """The names in braces of a text.

    >>> sorted(placeholders("{a} and {b:.2f}"))
    ['a', 'b']
    """
    return {name for _, name, _, _ in _FORMATTER.parse(text) if name is not None}


@cache
def _texts() -> dict[str, tuple[str, str]]:
    found = {}
    for folder in BOOKS:
        for path in sorted((folder / "texts").glob("messages_*.csv")):
            data = path.read_bytes()
            for encoding in ("utf-8-sig", "gb18030"):
                try:
                    rows = list(csv.reader(io.StringIO(data.decode(encoding), newline="")))
                except (UnicodeDecodeError, csv.Error):
                    continue
                found |= {row[0].strip(): (row[1], row[2]) for row in rows if len(row) == 3}
                break
    return found
