"""The words and numbers that people read, in the language they asked for."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from onemap.book.catalogue import Catalogue, load_catalogue
from onemap.book.cite import cite
from onemap.book.rulebook import Rulebook
from onemap.book.texts import Texts
from onemap.errors import InputError
from onemap.messages import LANGUAGES, said

SQM_PER_HECTARE = 10_000
MU_PER_SQM = 3 / 2000
SAME = 1e-9


@dataclass(frozen=True, eq=False)
class Words:
    """Texts, names and clauses of one book, in one language."""

    lang: str
    texts: Texts
    catalogue: Catalogue
    rulebook: Rulebook | None


def words_of(thing: Any, lang: str = "zh") -> Words:
    """The words for a Review (its own rule book) or for a Blueprint (the packaged catalogue).

    Raises InputError for a language that has no texts.
    """
    if lang not in LANGUAGES:
        raise InputError("house.language.unknown", lang=lang, known=LANGUAGES)
    rulebook = getattr(thing, "rulebook", None)
    catalogue = rulebook.catalogue if rulebook is not None else load_catalogue()
    return Words(lang, catalogue.texts if rulebook is None else rulebook.texts, catalogue, rulebook)


def day_of(thing: Any) -> dt.date:
    """The day that a Review, or a Blueprint with its conflicts, answers for; the day it was built for without any."""
    day = getattr(thing, "as_of", None)
    if day is None:
        day = thing.manifest.get("conflicts", {}).get("as_of") or thing.manifest["as_of"]
    return day if isinstance(day, dt.date) else dt.date.fromisoformat(day[:10])


def say(words: Words, key: str, **values: Any) -> str:
    """The text of a key with its values filled in; KeyError when nobody wrote it."""
    return words.texts(key, words.lang, **values)


def label(words: Words, field: str, value: Any) -> str:
    """What people call a value of an enumeration; the value itself where it has no text."""
    if blank(value):
        return "—"
    for key in (f"{field}.{value}", f"present.{field}.{value}"):
        if found := words.texts.get(key, words.lang, ""):
            return found
    return str(value)


def described(words: Words, key: Any, row: dict[str, Any], default: str = "") -> str:
    """The text behind a text key in a frame, filled from the row; never the bare key."""
    if blank(key):
        return default
    if words.texts.get(str(key), words.lang, "") == "":
        return default
    try:
        return words.texts(str(key), words.lang, **row)
    except (KeyError, ValueError, TypeError, IndexError):
        return default


def layer_title(words: Words, layer: Any) -> str:
    """A layer's name in the catalogue; its id where the catalogue does not list it."""
    layers = words.catalogue.layers
    return str(layers.at[layer, f"name_{words.lang}"] or layer) if layer in layers.index else text_of(layer)


def class_title(words: Words, layer: Any, code: Any, name: Any = "") -> str:
    """Code and name of a class, the name from the layer's code table unless the feature brought one.

    A feature's own name is Chinese: elsewhere it only stands where the table has none.
    """
    if blank(code):
        return text_of(name)
    table = class_table(words, layer)
    if (blank(name) or words.lang != "zh") and table is not None and code in table.index:
        name = table.at[code, f"name_{words.lang}"] or name
    return f"{code} {text_of(name)}".strip()


def class_table(words: Words, layer: Any) -> pd.DataFrame | None:
    """The code table that a layer's classes come from."""
    layers = words.catalogue.layers
    if layer not in layers.index:
        return None
    return words.catalogue.codes.get(layers.at[layer, "code_table"])


def subject_title(words: Words, subject: str) -> str:
    """What people call the land that a measurement is about; a whole layer is called by its name."""
    return words.texts.get(f"subject.{subject}", words.lang, "") or layer_title(words, subject)


def rule_title(words: Words, rule_id: str) -> str:
    """What people call a rule of the rule book; its id where it has no title."""
    return words.texts.get(f"rule.{rule_id}.title", words.lang, "") or rule_id


def clauses(words: Words, citations: Any) -> str:
    """The cited articles with their marks, one after the other."""
    if blank(citations) or words.rulebook is None:
        return ""
    return listed(words, (cite(one, words.rulebook, words.lang) for one in split(citations)))


def departments(words: Words, cell: Any) -> str:
    """The departments of a cell that may hold several, as people list them."""
    return listed(words, (label(words, "department", one) for one in split(cell)))


def listed(words: Words, names: Iterable[str]) -> str:
    """Names one after the other, as the language lists them."""
    return say(words, "present.list", first="", next="").join(names)


def sentences(words: Words, parts: Iterable[str]) -> str:
    """The parts that say something, as one sentence."""
    return say(words, "report.sentences", first="", next="").join(part for part in parts if part)


def split(cell: Any) -> list[str]:
    """The parts of a cell that holds several, joined by ``|``.

    >>> split("K01|K02"), split(None)
    (['K01', 'K02'], [])
    """
    return [] if blank(cell) else [part.strip() for part in str(cell).split("|") if part.strip()]


def blank(value: Any) -> bool:
    """Whether a cell says nothing.

    >>> [blank(x) for x in (None, "", float("nan"), 0, False)]
    [True, True, True, False, False]
    """
    if value is None or value is pd.NaT or value is pd.NA:
        return True
    if isinstance(value, float):
        return math.isnan(value)
    return isinstance(value, str) and not value.strip()


def text_of(value: Any) -> str:
    """A cell as plain text, nothing for a blank one.

    >>> text_of(dt.date(2024, 3, 1)), text_of(None)
    ('2024-03-01', '')
    """
    if blank(value):
        return ""
    if isinstance(value, dt.datetime):
        value = value.date()
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def number(value: Any, digits: int = 2) -> str:
    """A number with thousands marks; a dash for an unknown one, ``<0.01`` for what rounds to nothing.

    >>> number(1234.5), number(None), number(0.001), number(0)
    ('1,234.50', '—', '<0.01', '0.00')
    """
    if blank(value) or not math.isfinite(float(value)):
        return "—"
    value = float(value)
    least = 10.0**-digits
    if value and abs(value) < least / 2:
        return f"<{least:.{digits}f}" if value > 0 else f">-{least:.{digits}f}"
    return f"{value:,.{digits}f}"


def percent(share: Any) -> str:
    """A share as per cent; ``>99.99%`` where rounding would claim the whole (areas add up to 1e-9).

    >>> percent(0.25), percent(0.999999), percent(1 - 1e-12), percent(None)
    ('25.00%', '>99.99%', '100.00%', '—')
    """
    if blank(share):
        return "—"
    share = float(share)
    if 0.99995 <= share < 1 - SAME:
        return ">99.99%"
    return "<0.01%" if 0 < share < 0.00005 else f"{share * 100:.2f}%"


def area(words: Words, area_m2: Any) -> str:
    """An area in square metres, hectares and mu."""
    if blank(area_m2):
        return "—"
    square_metres = float(area_m2)
    return say(
        words,
        "present.areas",
        m2=number(square_metres),
        ha=number(square_metres / SQM_PER_HECTARE, 4),
        mu=number(square_metres * MU_PER_SQM),
    )


def measured(words: Words, value: Any, unit: Any) -> str:
    """A measured value or threshold with its unit."""
    if blank(value):
        return "—"
    if isinstance(value, str):
        return value
    if not math.isfinite(float(value)):
        return say(words, "explain.infinite")
    if unit in ("share", "1", "ratio"):
        return percent(value)
    sign = {"m2": " m²", "m": " m", "ha": " ha"}.get(text_of(unit), f" {text_of(unit)}".rstrip())
    shown = f"{float(value):,.2f}" if abs(float(value)) >= 1 or float(value) == 0 else f"{float(value):.4g}"
    return shown + sign


def count(value: Any) -> str:
    """A number of things; nothing counted is 0.

    >>> count(3.0), count(None)
    ('3', '0')
    """
    return "0" if blank(value) else f"{int(float(value)):,}"


def issue_words(row: dict, texts, lang: str) -> str:
    """What an issue says in the reader's language."""
    key = f"issue.{row['issue']}"
    message = said(row, lang)
    filled = {k: "" if blank(v) else v for k, v in row.items()} | {"message": message}
    filled["value"] = (
        filled.get("value") or message
    )  # what a reader remarks is a message, what a cell holds a value
    return texts(key, lang, **filled) if key in texts else str(row["issue"])
