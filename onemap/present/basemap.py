"""What lies under the maps when a bureau asks for it: 天地图, a WMTS, an image or an MBTiles file. None by default.

Tiles are fetched by the viewer's browser from one host that the page's policy names; an image or MBTiles file
travels inside the page, which then still asks the network for nothing.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import folium
from folium.template import Template

from onemap.book.location import layers_path
from onemap.book.reading import read_table
from onemap.book.words import Words, say
from onemap.errors import InputError
from onemap.land.crs import resolve
from onemap.land.workspace import BaseMap, load_workspace
from onemap.present.basemap_files import IMAGES, Shown, image_of, tiles_of
from onemap.present.legend import Entry

TABLE = "base_maps.csv"
COLUMNS = ("provider", "layer", "labels", "host", "url", "name_zh", "name_en", "datum", "note")
HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?")
PLACEHOLDERS = {"TileMatrix": "z", "TileRow": "y", "TileCol": "x"}
MERCATOR, GEOGRAPHIC = (3857, 900913), (4490, 4326)
FIRST_OF_TIANDITU = 1
AROUND = 0.5


@dataclass(frozen=True)
class Under:
    """The base map of one page: what the browser is told, whom it may ask, and what the viewer must know."""

    title: str = ""
    layers: tuple[dict[str, Any], ...] = ()
    hosts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def script(self) -> str:
        """The layers as JSON for the page."""
        text = json.dumps(self.layers, ensure_ascii=False, separators=(",", ":"))
        safe = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
        return f'<script type="application/json" id="onemap-base">{safe}</script>\n' if self.layers else ""

    def add_to(self, figure: folium.Map) -> list[tuple[str, folium.map.Layer]]:
        """Put the layer under a folium map and say it with its title; ``onemap.start`` shows it when the map has its place."""
        return [(self.title, _BaseLayer(self.title).add_to(figure))] if self.layers else []

    def entries(self) -> list[Entry]:
        """The line of the legend that switches it."""
        return [Entry(self.title, True)] if self.layers else []


class _BaseLayer(folium.map.Layer):
    _template = Template(
        "{% macro script(this, kwargs) %}var {{ this.get_name() }} = onemapBase.layer();{% endmacro %}"
    )

    def __init__(self, name: str):
        super().__init__(name=name, overlay=True, control=True, show=True)
        self._name = "BaseLayer"

    def render(self, **kwargs: Any) -> None:
        """Draw without adding to the map at once, as folium's layers do: it is still nowhere then."""
        super(folium.map.Layer, self).render(**kwargs)


def load_base_map(given: Any) -> BaseMap | None:
    """The base map that somebody names: a workspace that has one, an image or MBTiles file, or its settings.

    Raises InputError for a workspace without ``base_map``, a file of another kind, or settings that do not fit.

    >>> load_base_map(None) is None, load_base_map("town.mbtiles").kind
    (True, 'mbtiles')
    """
    if given is None or isinstance(given, BaseMap):
        return given
    if isinstance(given, Mapping):
        try:
            return BaseMap.model_validate(dict(given))
        except ValueError as error:
            told = error.errors()[0] if hasattr(error, "errors") else {"msg": str(error), "loc": ()}
            said = " ".join((*map(str, told["loc"]), told["msg"]))
            raise InputError("present.base.refused", where="base_map", said=said) from None
    path = Path(given)
    if path.suffix.lower() == ".mbtiles":
        return BaseMap(kind="mbtiles", path=str(path))
    if path.suffix.lower() in IMAGES:
        return BaseMap(kind="image", path=str(path))
    place = load_workspace(path)
    if place.base_map is None:
        raise InputError("present.base.not_in_workspace", where=str(place.file))
    found = place.base_map
    return found.model_copy(update={"path": str(place.path / found.path)}) if found.path else found


def under(given: Any, corners: Sequence[Sequence[float]], crs: Any, words: Words) -> Under:
    """The base map for a page that shows the land between two corners (south-west, north-east, degrees).

    given : see :func:`load_base_map`; crs : the blueprint's. Tiles are named, never fetched; files are read, cut to
    the land shown and half as much around it, and bounded in size. Raises InputError.
    """
    base = load_base_map(given)
    if base is None:
        return Under()
    if base.kind in ("image", "mbtiles"):
        return _from_file(base, _wider(corners), crs, words)
    return _tianditu(base, words) if base.kind == "tianditu" else _wmts(base, words)


def _from_file(base: BaseMap, corners: list[list[float]], crs: Any, words: Words) -> Under:
    path = Path(base.path)
    if not path.is_file():
        raise InputError("present.base.missing", where=base.at or str(path), path=path)
    shown: Shown = image_of(base, corners, crs) if base.kind == "image" else tiles_of(path, corners)
    title = say(words, "map.base", name=path.name)
    notes = [say(words, "map.base.file", name=path.name)]
    if shown.cut:
        notes.append(say(words, "map.base.cut", **shown.cut))
    if shown.note:
        notes.append(say(words, f"map.base.{shown.note}"))
    return Under(title, (_options(base, shown.layer, base.attribution),), (), tuple(notes))


def _tianditu(base: BaseMap, words: Words) -> Under:
    row = next(one for one in _table() if (one["provider"], one["layer"]) == (base.kind, base.layer))
    host = (base.host or row["host"]).rstrip("/")
    if not re.fullmatch(r"[0-9A-Za-z]+", base.key):
        raise InputError("present.base.key_signs", where=base.at or "base_map.key")
    layers = []
    for layer in (base.layer, row["labels"]):
        url = row["url"]
        for name, value in {"host": host, "layer": layer, "matrix": base.matrix, "key": base.key}.items():
            url = url.replace(f"{{{name}}}", value)
        layers.append(_tiles(base, url, base.matrix == "c", FIRST_OF_TIANDITU))
    return _fetched(base, row[f"name_{words.lang}"], layers, words)


def _wmts(base: BaseMap, words: Words) -> Under:
    crs = resolve(base.crs, base.at or "base_map.crs")
    code = crs.to_epsg() or 0
    if code not in (*MERCATOR, *GEOGRAPHIC):
        raise InputError("present.base.matrix", where=base.at or "base_map.crs", name=crs.name)
    url = base.url
    for name, short in PLACEHOLDERS.items():
        url = re.sub(rf"\{{{name}\}}", f"{{{short}}}", url, flags=re.I)
    left = sorted(set(re.findall(r"\{([^}]*)\}", url)) - {"x", "y", "z", "-y"})
    if left or not all(f"{{{one}}}" in url or f"{{-{one}}}" in url for one in "xyz"):
        raise InputError(
            "present.base.address_open", where=base.at or "base_map.url", left=", ".join(left) or url
        )
    if code in GEOGRAPHIC and "{-y}" in url:
        raise InputError("present.base.rows_from_south", where=base.at or "base_map.url")
    return _fetched(
        base, urlsplit(url).netloc, [_tiles(base, url, code in GEOGRAPHIC, base.first_level)], words
    )


def _fetched(base: BaseMap, name: str, layers: list[dict[str, Any]], words: Words) -> Under:
    host = urlsplit(layers[0]["url"]).netloc
    origin = f"{urlsplit(layers[0]['url']).scheme}://{host}"
    title = say(words, "map.base", name=name)
    matrix = "geographic" if layers[0]["kind"] == "geographic" else "mercator"
    note = say(words, "map.base.tiles", name=name, host=host, matrix=say(words, f"map.base.{matrix}"))
    found = tuple(_options(base, one, base.attribution or name) for one in layers)
    return Under(title, found, (origin,), (note,))


def _tiles(base: BaseMap, url: str, geographic: bool, first: int) -> dict[str, Any]:
    """One layer of tiles from an address that may stand in a content security policy."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not HOST.fullmatch(parts.netloc):
        raise InputError(
            "present.base.address_refused",
            where=base.at or "base_map",
            scheme=parts.scheme,
            host=parts.netloc,
        )
    bare = parts.netloc.split(":")[0].lower()
    for row in _table():
        if row["datum"] and (bare == row["host"] or bare.endswith("." + row["host"])):
            raise InputError(
                "present.base.datum_shifted",
                where=base.at or "base_map.url",
                name=row["name_zh"],
                datum=row["datum"],
            )
    if geographic:
        return {"kind": "geographic", "url": url, "first": first, "maxLevel": base.max_level}
    return {"kind": "tiles", "url": url, "maxLevel": base.max_level}


def _options(base: BaseMap, layer: dict[str, Any], attribution: str) -> dict[str, Any]:
    return {**layer, "attribution": html.escape(attribution), "opacity": base.opacity}


def _wider(corners: Sequence[Sequence[float]]) -> list[list[float]]:
    (south, west), (north, east) = corners
    up, side = AROUND * (north - south), AROUND * (east - west)
    return [[south - up, west - side], [north + up, east + side]]


def _table() -> list[Any]:
    return read_table(layers_path() / "present" / TABLE, COLUMNS).rows
