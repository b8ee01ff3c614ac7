"""Frames as people read them: heads, layers and enumerated values in words, numbers with their digits."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Callable
from typing import Any

import pandas as pd

from onemap.book.words import (
    Words,
    blank,
    class_title,
    issue_words,
    layer_title,
    listed,
    say,
    split,
    words_of,
)

LAYERS = ("layer", "layer_a", "layer_b", "governing_layer")
LISTS = ("prohibited", "consent", "unknown", "missing_layers", "projects", "feature_ids", "citations")
# column → the families of texts that name its values
WORDED = {
    "verdict": ("verdict.{}",),
    "route": ("route.{}",),
    "effect": ("effect.{}",),
    "severity": ("severity.{}", "cli.severity.{}"),
    "status": ("status.{}", "precondition_status.{}"),
    "duty_status": ("precondition_status.{}",),
    "kind": ("kind.{}", "conflict.{}.title"),
    "stage": ("stage.{}",),
    "group": ("group.{}",),
    "completeness": ("completeness.{}",),
    "department": ("department.{}",),
    "authority": ("department.{}",),
    "responsible": ("department.{}",),
    "method": ("method.{}",),
}
JOINED = {"method": "+"}
SHORT = 12  # signs of a text that is kept on one line
LEFT, RIGHT, ONE_LINE = (("text-align", "left"),), (("text-align", "right"),), (("white-space", "nowrap"),)
DIGITS = {"_m2": "{:,.2f}", "_ha": "{:,.4f}", "_m": "{:,.2f}", "share": "{:.2%}", "relative": "{:.1e}"}


def show_table(table: pd.DataFrame, lang: str = "zh", thing: Any = None) -> Any:
    """A frame as a table for people, which draws itself in a notebook; the frame stays as it is.

    Columns get the heads of the workbook (``sheet.column.*`` of the texts; one without a text keeps its name), layers
    their titles, verdicts, routes, effects, severities, statuses, kinds and stages their words; an issue becomes the
    sentence that its value and message belong to, and a quarantined shape's reason too. Areas are in m², ``_ha`` in
    hectares, shares in per cent. Geometry is left out, markup is shown as text. ``thing``: the Review whose own
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
    if any(name is not None for name in plain.index.names):
        plain = plain.reset_index(allow_duplicates=True)
    if plain.columns.is_unique:
        plain = _classes(_sentences(plain, words), words)
    columns = dict(zip(_heads(plain.columns, words), (column for _, column in plain.items()), strict=True))
    digits = {head: _digits(column) for head, column in columns.items()}
    told = pd.DataFrame({head: _told(column, words) for head, column in columns.items()})
    looks = {head: _look(told[head]) for head in told}
    return told.style.format(digits, na_rep="", escape="html").hide().set_table_styles(looks, overwrite=False)


def _heads(names: pd.Index, words: Words) -> list[str]:
    """A head of its own for every column: where two would be equal, each has its name behind it, and then its place."""
    heads = [words.texts.get(f"sheet.column.{name}", words.lang, "") or str(name) for name in names]
    for more in (map(str, names), map(str, range(1, len(names) + 1))):
        times = Counter(heads)
        heads = [
            f"{head} ({one})" if times[head] > 1 else head for head, one in zip(heads, more, strict=True)
        ]
    return heads


def _look(column: pd.Series) -> list[dict[str, Any]]:
    """Numbers stand right and texts left; what is short is not broken."""
    props = RIGHT if column.dtype.kind in "if" else LEFT
    if props is RIGHT or column.map(lambda one: len(str(one)) <= SHORT).all():
        props += ONE_LINE
    return [{"selector": "th, td", "props": list(props)}]


def _sentences(plain: pd.DataFrame, words: Words) -> pd.DataFrame:
    """Codes of issues as the sentences that people read, in the place of the code, its value and its message."""
    if {"issue", "message"} <= set(plain.columns):
        told = [issue_words(row, words.texts, words.lang) for row in plain.to_dict("records")]
        return plain.assign(issue=told).drop(columns=["value", "message", "detail"], errors="ignore")
    if {"reason", "source_fid"} <= set(plain.columns):
        rows = plain.assign(issue=plain["reason"], message="", value="").to_dict("records")
        told = [issue_words(row, words.texts, words.lang).rstrip(": ：") for row in rows]
        return plain.assign(reason=told)
    return plain


def _classes(plain: pd.DataFrame, words: Words) -> pd.DataFrame:
    """Names of classes, which features bring in Chinese, from the code tables in another language."""
    if words.lang == "zh" or not {"layer", "class_code", "class_name"} <= set(plain.columns):
        return plain
    cells = zip(plain["layer"], plain["class_code"], plain["class_name"], strict=True)
    told = [class_title(words, *cell).removeprefix(f"{cell[1]} ") for cell in cells]
    return plain.assign(class_name=told)


def _told(column: pd.Series, words: Words) -> list[Any]:
    name = str(column.name)
    if name in LAYERS:
        return ["" if blank(one) else layer_title(words, one) for one in column]
    if name in LISTS and column.dtype.kind == "O":
        return [listed(words, split(one)) for one in column]
    if name in WORDED:
        return [_word(cell, WORDED[name], words, JOINED.get(name, "|")) for cell in column]
    if column.dtype.kind == "b":
        return [say(words, "present.yes" if one else "present.no") for one in column]
    return [None if blank(one) else one for one in column]


def _word(cell: Any, families: tuple[str, ...], words: Words, joint: str) -> str:
    def named(one: str) -> str:
        found = (words.texts.get(family.format(one), words.lang, "") for family in families)
        return next(filter(None, found), one)

    return "" if blank(cell) else listed(words, map(named, str(cell).split(joint)))


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
