"""What people read of a parameter: its name, its value with the unit, and what it rests on."""

from __future__ import annotations

from typing import Any

from onemap.book.texts import Texts

PERCENT = "share"
RESTS_ON_LAW = "found"


def parameter_title(texts: Texts, parameter_id: str, lang: str = "zh") -> str:
    """The name with the id in brackets, by which the row is found in ``parameters.csv``; the id where it has no name.

    >>> from onemap.book.catalogue import load_catalogue
    >>> parameter_title(load_catalogue().texts, "sliver_area", "en")
    'Area of a sliver (sliver_area)'
    """
    title = texts.get(f"parameter.{parameter_id}", lang)
    return texts("parameter.named", lang, title=title, id=parameter_id) if title else parameter_id


def parameter_value(texts: Texts, value: float, unit: str, lang: str = "zh") -> str:
    """The value as the book states it, never rounded, with its unit; a share in per cent.

    >>> from onemap.book.catalogue import load_catalogue
    >>> texts = load_catalogue().texts
    >>> parameter_value(texts, 0.0001, "share"), parameter_value(texts, 2000, "m", "en")
    ('0.01%', '2,000 m')
    """
    if unit == PERCENT:
        return f"{float(value) * 100:.12g}%"
    return f"{float(value):,.12g} {texts.get(f'unit.{unit}', lang, unit)}".rstrip()


def parameter_kind(texts: Texts, row: Any, lang: str = "zh") -> str:
    """Whether the law sets it, it was worked out from the law, or engineers chose it; and that nobody checked it.

    ``row`` has ``basis`` and ``checked_on``. A choice of engineers has no original to be checked against.
    """
    basis = str(row["basis"])
    kind = basis.split(":")[0].strip().split("-")[0]
    said = texts.get(f"basis.{kind}", lang) or texts.get(f"basis.{RESTS_ON_LAW}", lang)
    if row["checked_on"] or kind == "engineering":
        return said
    return texts("basis.unchecked", lang, basis=said)
