"""Layer styles that QGIS finds inside the GeoPackage (table ``layer_styles``, QML)."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as xml

from onemap.book.words import Words, label, layer_title, words_of
from onemap.present.files import replace_with
from onemap.present.styles import look

BRUSH = {
    "": "solid",
    "diagonal": "f_diagonal",
    "backdiagonal": "b_diagonal",
    "cross": "diagonal_x",
    "grid": "cross",
    "horizontal": "horizontal",
    "vertical": "vertical",
    "dots": "dense6",
    "sparse": "f_diagonal",
}
VERDICTS = ("clear", "conditional", "prohibited", "incomplete")
SEVERITIES = ("data", "inform", "review", "consent", "prohibit")
MM_PER_PIXEL = 0.26
CREATE = """CREATE TABLE layer_styles (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256),
f_table_schema TEXT(256), f_table_name TEXT(256), f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT,
styleSLD TEXT, useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30), update_time DATETIME)"""
INSERT = """INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName,
styleQML, styleSLD, useAsDefault, description, owner, ui, update_time)
VALUES ('', '', ?, 'geom', ?, ?, '', 1, '', '', NULL, ?)"""
CONTENTS = """INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change)
VALUES ('layer_styles', 'attributes', 'layer_styles', '', ?)"""


def styles_of(words: Words, layers: Iterable[str]) -> dict[str, str]:
    """QML by table of a review's GeoPackage; ``layers`` are the plan layers among the overlaps."""
    return {
        "parcels": qml(
            "verdict", [(v, label(words, "verdict", v), look("sites", verdict=v)) for v in VERDICTS]
        ),
        "conflicts": qml(
            "severity", [(s, label(words, "severity", s), look("conflict", severity=s)) for s in SEVERITIES]
        ),
        "overlaps": qml(
            "layer",
            [(one, layer_title(words, one), look("control", layer=one)) for one in sorted(set(layers))],
        ),
        "unknown": qml("", [("", "", look("unknown"))]),
    }


def style_blueprint(path: Path, blueprint: Any, lang: str = "zh") -> Path:
    """Give a blueprint's GeoPackage the styles that QGIS applies on opening, in one step; other forms stay as they are."""
    if path.suffix.lower() != ".gpkg":
        return path
    words = words_of(blueprint, lang)
    layers = words.catalogue.layers
    governing = sorted(set(blueprint.faces["governing_layer"].dropna()) & set(layers.index))
    classes = [
        (one, layer_title(words, one), look("governing", layer=one, group=layers.at[one, "group"]))
        for one in governing
    ]
    styles = styles_of(words, blueprint.features["layer"].dropna())
    styles = {
        "faces": qml("governing_layer", [*classes, ("", "—", look("faces"))]),
        "features": styles["overlaps"],
        "conflicts": styles["conflicts"],
        "quarantine": styles["unknown"],
        "extents": qml("", [("", "", look("faces"))]),
    }

    def write(draft: Path) -> None:
        shutil.copyfile(path, draft)
        add_styles(draft, styles, f"{blueprint.manifest['as_of']}T00:00:00.000Z")

    return replace_with(path, write)


def qml(attribute: str, classes: list[tuple[str, str, dict[str, Any]]]) -> str:
    """A QML style: one symbol per value of an attribute, or a single symbol where the attribute is empty.

    >>> '<category' in qml("verdict", [("clear", "clear", look("sites", verdict="clear"))])
    True
    """
    root = xml.Element("qgis", version="3.28.0", styleCategories="Symbology")
    kind = "categorizedSymbol" if attribute else "singleSymbol"
    renderer = xml.SubElement(
        root, "renderer-v2", type=kind, symbollevels="0", forceraster="0", enableorderby="0"
    )
    if attribute:
        renderer.set("attr", attribute)
        categories = xml.SubElement(renderer, "categories")
        for number, (value, title, _) in enumerate(classes):
            xml.SubElement(
                categories,
                "category",
                symbol=str(number),
                value=value,
                label=title,
                render="true",
                type="string",
            )
    symbols = xml.SubElement(renderer, "symbols")
    for number, (_, _, style) in enumerate(classes):
        _symbol(symbols, str(number), style)
    return "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n" + xml.tostring(
        root, encoding="unicode"
    )


def add_styles(path: Path, styles: dict[str, str], stamp: str) -> None:
    """Put styles into a GeoPackage as the defaults of their tables; ``stamp`` is the fixed time written."""
    database = sqlite3.connect(path)
    try:
        with database:
            database.execute(CREATE)
            database.execute(CONTENTS, (stamp,))
            present = {name for (name,) in database.execute("SELECT table_name FROM gpkg_contents")}
            for name, text in sorted(styles.items()):
                if name in present:
                    database.execute(INSERT, (name, name, text, stamp))
        database.execute("VACUUM")
    finally:
        database.close()


def _symbol(symbols: xml.Element, name: str, style: dict[str, Any]) -> None:
    symbol = xml.SubElement(
        symbols, "symbol", type="fill", name=name, alpha="1", clip_to_extent="1", force_rhr="0"
    )
    layer = xml.SubElement(
        symbol, "layer", {"class": "SimpleFill", "enabled": "1", "locked": "0", "pass": "0"}
    )
    options = {
        "color": _rgba(style["line"], 1) if style["hatch"] else _rgba(style["fill"], style["opacity"]),
        "style": BRUSH[style["hatch"]] if style["hatch"] or style["opacity"] else "no",
        "outline_color": _rgba(style["line"], 1),
        "outline_style": "dash" if style["dash"] else "solid",
        "outline_width": f"{style['weight'] * MM_PER_PIXEL:.2f}",
        "outline_width_unit": "MM",
        "joinstyle": "round",
    }
    entries = xml.SubElement(layer, "Option", type="Map")
    for key, value in options.items():
        xml.SubElement(entries, "Option", name=key, type="QString", value=value)


def _rgba(colour: str, opacity: float) -> str:
    if not colour:
        return "255,255,255,0"
    return ",".join([*(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5)), str(round(opacity * 255))])
