"""Frames as people read them: heads, layers and enumerated values in words, numbers with their digits."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import pandas as pd

from onemap.book.words import Words, blank, layer_title, listed, say, split, words_of

LAYERS = ("layer", "layer_a", "layer_b", "governing_layer")
LISTS = ("prohibited", "consent", "unknown", "missing_layers", "projects", "feature_ids", "citations")
# column → the families of texts that name its values
WORDED = {
    "verdict": ("verdict.{}",),
    "route": ("route.{}",),
    "effect": ("effect.{}",),
    "severity": ("severity.{}", "cli.severity.{}"),
    "status": ("status.{}", "precondition_status.{}"),
    "kind": ("kind.{}", "conflict.{}.title"),
    "stage": ("stage.{}",),
    "group": ("group.{}",),
    "completeness": ("completeness.{}",),
}
DIGITS = {"_m2": "{:,.2f}", "_ha": "{:,.4f}", "_m": "{:,.2f}", "share": "{:.2%}", "relative": "{:.1e}"}


def show_table(table: pd.DataFrame, lang: str = "zh", thing: Any = None) -> Any:
    """A frame as a table for people, which draws itself in a notebook; the frame stays as it is.

    Columns get the heads of the workbook (``sheet.column.*`` of the texts; one without a text keeps its name), layers
    their titles, verdicts, routes, effects, severities, statuses, kinds and stages their words; areas are in m², ``_ha``
    in hectares, shares in per cent. Geometry is left out, markup is shown as text. ``thing``: the Review whose own
    book names the words. Returns a pandas Styler. Raises InputError for a language that has no texts.

    >>> import pandas as pd
    >>> show_table(pd.DataFrame({"layer": ["forest_land"], "area_m2": [10000.0]})).data.columns.tolist()
    ['图层', '面积（平方米，精确椭球）']
    """
    return _styled(table, words_of(thing, lang))


def drawn(words: Words, key: str, table: pd.DataFrame, **values: Any) -> str:
    """HTML for a notebook: the text of a key, and a frame under it as :func:`show_table` shows it."""
    return f"<p>{html.escape(say(words, key, **values))}</p>{_styled(table, words).to_html()}"


def _styled(table: pd.DataFrame, words: Words) -> Any:
    plain = pd.DataFrame(table.drop(columns="geometry", errors="ignore"))
    if plain.index.name:
        plain = plain.reset_index()
    heads = {
        name: words.texts.get(f"sheet.column.{name}", words.lang, "") or str(name) for name in plain.columns
    }
    digits = {heads[name]: _digits(plain[name]) for name in plain.columns}
    told = pd.DataFrame({heads[name]: _told(plain[name], words) for name in plain.columns})
    return told.style.format(digits, na_rep="", escape="html").hide()


def _told(column: pd.Series, words: Words) -> list[Any]:
    name = str(column.name)
    if name in LAYERS:
        return ["" if blank(one) else layer_title(words, one) for one in column]
    if name in LISTS and column.dtype.kind == "O":
        return [listed(words, split(one)) for one in column]
    if name in WORDED:
        return [_word(cell, WORDED[name], words) for cell in column]
    if column.dtype.kind == "b":
        return [say(words, "present.yes" if one else "present.no") for one in column]
    return [None if blank(one) else one for one in column]


def _word(cell: Any, families: tuple[str, ...], words: Words) -> str:
    def named(one: str) -> str:
        found = (words.texts.get(family.format(one), words.lang, "") for family in families)
        return next(filter(None, found), one)

    return "" if blank(cell) else listed(words, map(named, split(cell)))


def _digits(column: pd.Series) -> str | Callable[[float], str] | None:
    if column.dtype.kind == "i":
        return "{:,}"
    if column.dtype.kind != "f":
        return None
    form = next((form for end, form in DIGITS.items() if str(column.name).endswith(end)), "{:,.2f}")

    def written(number: float) -> str:
        text = form.format(number)
        return text.lstrip("-") if not float(text.replace(",", "").rstrip("%")) else text

    return written
