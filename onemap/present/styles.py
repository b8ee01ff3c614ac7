"""How things look on a map: rows of ``layers/present/map_styles.csv``, the more specific row winning."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from onemap.book.location import layers_path
from onemap.book.reading import read_table
from onemap.errors import InputError

SELECTORS = ("layer", "group", "code_table", "class_prefix", "effect", "severity", "verdict")
LOOKS = ("order", "shown", "fill", "opacity", "line", "weight", "dash", "hatch", "label_zh", "label_en")
HATCHES = ("diagonal", "backdiagonal", "cross", "grid", "horizontal", "vertical", "dots", "sparse")
TILE = 10


@cache
def load_styles(path: Path | None = None) -> tuple[Mapping[str, str], ...]:
    """The style rows, the least specific first.

    Raises InputError naming file and line for an unknown hatch, or a number that is none.

    >>> load_styles()[0]["overlay"] != ""
    True
    """
    file = path or layers_path() / "present" / "map_styles.csv"
    rows = read_table(file, ("overlay", *SELECTORS, *LOOKS, "note")).rows
    for row in rows:
        if row["hatch"] and row["hatch"] not in HATCHES:
            raise row.fail("present.style.hatch", hatch=row["hatch"], known=HATCHES)
        for column in ("order", "opacity", "weight"):
            try:
                float(row[column] or 0)
            except ValueError as error:
                raise row.fail("present.style.not_a_number", column=column, value=row[column]) from error
        for column in ("fill", "line"):
            if row[column] and not _is_colour(row[column]):
                raise row.fail("present.style.not_a_colour", column=column, value=row[column])
    return tuple(sorted(rows, key=lambda row: sum(bool(row[name]) for name in SELECTORS)))


def look(overlay: str, **piece: str) -> dict[str, Any]:
    """The look of one kind of piece: every filled cell of every row that fits, the most specific last.

    ``piece`` names what it is: layer, group, code_table, class_code, effect, severity, verdict.

    >>> look("control", layer="permanent_basic_farmland", effect="prohibit")["weight"]
    2.4
    """
    found: dict[str, Any] = {}
    for row in load_styles():
        if overlay in row["overlay"].split("|") and _fits(row, piece):
            found.update({name: row[name] for name in LOOKS if row[name]})
    if not found:
        raise InputError("present.style.missing", where="layers/present/map_styles.csv", overlay=overlay)
    numbers = {name: float(found.get(name) or 0) for name in ("order", "opacity", "weight")}
    return {**dict.fromkeys(LOOKS, ""), **found, **numbers}


def _fits(row: Mapping[str, str], piece: Mapping[str, str]) -> bool:
    prefix = row["class_prefix"]
    if prefix and not str(piece.get("class_code") or "").startswith(prefix):
        return False
    return all(not row[name] or row[name] == piece.get(name) for name in SELECTORS if name != "class_prefix")


def _is_colour(text: str) -> bool:
    return len(text) == 7 and text[0] == "#" and all(c in "0123456789abcdefABCDEF" for c in text[1:])


def leaflet(style: Mapping[str, Any], pattern: str) -> dict[str, Any]:
    """A look as Leaflet path options; ``pattern`` is the id of its hatch pattern."""
    options = {
        "color": style["line"],
        "weight": style["weight"],
        "fill": bool(style["hatch"]) or style["opacity"] > 0,
        "fillColor": f"url(#{pattern})" if style["hatch"] else style["fill"],
        "fillOpacity": 1.0 if style["hatch"] else style["opacity"],
        "lineJoin": "round",
    }
    if style["dash"]:
        options["dashArray"] = style["dash"]
    return options


def pattern_svg(style: Mapping[str, Any], pattern: str) -> str:
    """The SVG pattern of a hatched look, empty for a plain one."""
    if not style["hatch"]:
        return ""
    size = TILE * (2 if style["hatch"] == "sparse" else 1)
    return (
        f'<pattern id="{escape(pattern)}" patternUnits="userSpaceOnUse" width="{size}" height="{size}">'
        f'<rect width="{size}" height="{size}" fill="{style["fill"]}" fill-opacity="{style["opacity"]}"/>'
        f"{_strokes(style['hatch'], style['line'])}</pattern>"
    )


def _strokes(hatch: str, colour: str) -> str:
    if hatch == "dots":
        return (
            f'<circle cx="3" cy="3" r="1.1" fill="{colour}"/><circle cx="8" cy="8" r="1.1" fill="{colour}"/>'
        )
    rising = "M-1,1 l2,-2 M0,10 l10,-10 M9,11 l2,-2"
    falling = "M-1,9 l2,2 M0,0 l10,10 M9,-1 l2,2"
    paths = {
        "diagonal": rising,
        "backdiagonal": falling,
        "cross": f"{rising} {falling}",
        "grid": "M0,5 h10 M5,0 v10",
        "horizontal": "M0,5 h10",
        "vertical": "M5,0 v10",
        "sparse": "M-2,2 l4,-4 M0,20 l20,-20 M18,22 l4,-4",
    }
    return (
        f'<path d="{paths[hatch]}" stroke="{colour}" stroke-width="0.9" stroke-opacity="0.75" fill="none"/>'
    )


def swatch_svg(style: Mapping[str, Any], pattern: str) -> str:
    """A small picture of a look for the legend."""
    fill = f"url(#{pattern})" if style["hatch"] else style["fill"]
    opacity = 1 if style["hatch"] else style["opacity"]
    dash = f' stroke-dasharray="{escape(style["dash"])}"' if style["dash"] else ""
    if not fill or not opacity:
        fill, opacity = "none", 0
    return (
        '<svg class="swatch" width="30" height="16" aria-hidden="true">'
        f'<rect x="2" y="2" width="26" height="12" fill="{fill}" fill-opacity="{opacity}" '
        f'stroke="{style["line"]}" stroke-width="{min(style["weight"], 2.5)}"{dash}/></svg>'
    )
