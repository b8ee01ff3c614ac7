"""The map for a meeting: one HTML file that works without a network."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import folium
import geopandas as gpd
import numpy as np
import shapely
from branca.element import MacroElement
from folium.template import Template
from folium.utilities import JsCode

from onemap.book.words import Words, area, day_of, label, say, text_of
from onemap.present.assets import static
from onemap.present.basemap import Under, under
from onemap.present.files import write_bytes
from onemap.present.inline import inline
from onemap.present.legend import Entry, legend_html, notes_html
from onemap.present.scene import Scene, compose
from onemap.present.stock import Overlay
from onemap.present.styles import leaflet, pattern_svg, swatch_svg

SCREEN_CRS = "EPSG:4490"
DEGREE_DIGITS = 7
SIMPLIFY_M = 0.2
SCRIPTS = ("basemap.js", "legend.js", "onemap.js", "popup.js", "panel.js", "measure.js", "print.js")
MAP_LAYERS = ("faces", "governing")


@dataclass(frozen=True, eq=False)
class OfflineMap:
    """A finished map; shows itself in a notebook, saves itself as one file."""

    page: str
    height: int = 620

    def html(self) -> str:
        """The whole page."""
        return self.page

    def save(self, path: str | Path) -> Path:
        """Write the page, the old file replaced in one step."""
        return write_bytes(Path(path), self.page.encode("utf-8"))

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{html.escape(self.page)}" style="width:100%;height:{self.height}px;border:1px solid '
            '#ccc" sandbox="allow-scripts"></iframe>'
        )


def draw_map(
    thing: Any,
    project_id: str | None = None,
    lang: str = "zh",
    base_map: Any = None,
) -> OfflineMap:
    """The map of a Review, of one of its projects, or of a Blueprint.

    From bottom to top: land for town building, approved land, evaluated zones, faces, control lines by
    effect, conflicts by severity, unknown areas, sites. A click tells all that is known at that place.
    Shown in CGCS2000 longitude and latitude. No base map unless ``base_map`` names one
    (:func:`onemap.present.basemap.load_base_map`): without it, or with a file, the page asks no network for anything.
    Raises InputError for an unknown project or language, or a base map that cannot be used.
    """
    scene = compose(thing, project_id, lang)
    base = under(base_map, _corners(scene.window, scene.crs), scene.crs, scene.words)
    figure = folium.Map(tiles=None, zoom_control=True, attribution_control=bool(base.layers), zoom_snap=0.25)
    layers = base.add_to(figure)
    panes = {overlay.id: f"onemap-{number:02d}" for number, overlay in enumerate(scene.overlays)}
    for number, overlay in enumerate(scene.overlays):
        pane = panes[overlay.id]
        folium.map.CustomPane(pane, z_index=400 + number, pointer_events=False).add_to(figure)
        options = {"renderer": JsCode(f"L.canvas({{pane: {json.dumps(pane)}, padding: 0.4}})")}
        layer = folium.GeoJson(
            _collection(overlay.pieces, overlay.order),
            name=html.escape(overlay.title),
            show=overlay.shown,
            smooth_factor=0,
            on_each_feature=JsCode("onemap.feature"),
            style=JsCode("onemap.style"),
            point_to_layer=JsCode("onemap.point"),
            pane=pane,
            interactive=False,
            **(options if overlay.id in MAP_LAYERS else {}),
        ).add_to(figure)
        layers.append((overlay.title, layer))
    Start(layers).add_to(figure)
    title = _title(scene.words, thing, project_id)
    page = inline(
        figure,
        title=title,
        lang="zh-CN" if lang == "zh" else "en",
        styles=[static("map.css")],
        scripts=[static(name) for name in SCRIPTS],
        body=_panel(scene, thing, title, base) + _data(scene, thing, project_id) + base.script(),
        allow_hosts=base.hosts,
    )
    return OfflineMap(page)


class Start(MacroElement):
    """Sets the page's own scripts going when the map stands; ``layers`` are the titled ones of the legend."""

    _template = Template(
        "{% macro script(this, kwargs) %}onemap.start({{ this._parent.get_name() }}, [{% for title, layer in this.layers %}"
        "[{{ title | tojson }}, {{ layer.get_name() }}],{% endfor %}]);{% endmacro %}"
    )

    def __init__(self, layers: Sequence[tuple[str, Any]]):
        super().__init__()
        self._name, self.layers = "Start", layers


def _collection(pieces: gpd.GeoDataFrame, order: float) -> dict[str, Any]:
    geometry = shapely.force_2d(pieces.geometry.to_numpy())
    if order < 70:
        geometry = shapely.simplify(geometry, SIMPLIFY_M, preserve_topology=True)
    degrees = gpd.GeoSeries(geometry, crs=pieces.crs).to_crs(SCREEN_CRS).to_numpy()
    degrees = shapely.transform(degrees, lambda at: np.round(at, DEGREE_DIGITS))
    features = [
        {
            "type": "Feature",
            "properties": {"look": int(look), "card": int(card), "order": order},
            "geometry": json.loads(shape),
        }
        for look, card, shape in zip(pieces["look"], pieces["card"], shapely.to_geojson(degrees), strict=True)
    ]
    return {"type": "FeatureCollection", "features": features}


def page_data(words: Words, window: list[list[float]], **own: Any) -> str:
    """What the page's scripts start from, as JSON that markup in data cannot leave; ``own`` is what this map has to tell."""
    keys = {
        "plans": "map.plans_here",
        "hectare": "present.hectare",
        "mu": "present.mu",
        "measureLength": "map.measure.length",
        "measureArea": "map.measure.area",
        "measureHelp": "map.measure.help",
        "print": "map.print",
        "paper": "map.print.paper",
        "painting": "map.print.painting",
    }
    data = {
        **dict.fromkeys(("looks", "cards", "plans", "projects"), ()),
        **own,
        "window": window,
        "texts": {name: say(words, key) for name, key in keys.items()},
    }
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    safe = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    return f'<script type="application/json" id="onemap-data">{safe}</script>\n'


def _data(scene: Scene, thing: Any, project_id: str | None) -> str:
    return page_data(
        scene.words,
        _corners(scene.window, scene.crs),
        looks=[leaflet(look, f"hatch-{number}") for number, look in enumerate(scene.looks)],
        cards=scene.cards,
        plans=scene.plans,
        projects=_projects(scene.words, thing, project_id),
    )


def _projects(words: Words, thing: Any, project_id: str | None) -> list[dict[str, Any]]:
    if not hasattr(thing, "decisions"):
        return []
    boxes = thing.parcels.to_crs(SCREEN_CRS).geometry.bounds.assign(
        project_id=thing.parcels.project_id.to_numpy()
    )
    boxes = boxes.groupby("project_id").agg({"minx": "min", "miny": "min", "maxx": "max", "maxy": "max"})
    projects = []
    for row in thing.decisions.itertuples():
        if project_id is not None and row.project_id != project_id:
            continue
        if (
            row.project_id not in boxes.index
            or not np.isfinite(boxes.loc[row.project_id].to_numpy(float)).all()
        ):
            continue
        left, bottom, right, top = (round(float(side), DEGREE_DIGITS) for side in boxes.loc[row.project_id])
        projects.append(
            {
                "id": text_of(row.project_id),
                "name": text_of(row.project_name) or text_of(row.project_id),
                "verdict": text_of(row.verdict),
                "badge": label(words, "verdict", row.verdict),
                "detail": f"{text_of(row.project_id)} · {label(words, 'route', row.route)} · {area(words, row.area_m2)}",
                "bounds": [[bottom, left], [top, right]],
            }
        )
    return projects


def _corners(window: tuple[float, ...], crs: Any) -> list[list[float]]:
    box = gpd.GeoSeries([shapely.box(*window)], crs=crs).to_crs(SCREEN_CRS)
    left, bottom, right, top = (round(float(side), DEGREE_DIGITS) for side in box.total_bounds)
    return [[bottom, left], [top, right]]


def _title(words: Words, thing: Any, project_id: str | None) -> str:
    if not hasattr(thing, "decisions"):
        return say(words, "map.title.blueprint")
    if project_id is None:
        return say(words, "map.title.review")
    names = thing.parcels.project_name[thing.parcels.project_id == project_id]
    return say(words, "map.title.project", name=text_of(names.iloc[0]) or project_id)


def _panel(scene: Scene, thing: Any, title: str, base: Under) -> str:
    words = scene.words
    manifest = getattr(getattr(thing, "blueprint", thing), "manifest", {})
    facts = [
        say(words, "map.as_of", as_of=day_of(thing).isoformat()),
        say(words, "map.blueprint_version", version=text_of(manifest.get("version"))),
    ]
    if words.rulebook is not None:
        facts.append(say(words, "map.rulebook_version", version=words.rulebook.version))
    lines = [f'<aside id="panel"><h1>{html.escape(title)}</h1>']
    lines += [f'<p class="sub">{html.escape(fact)}</p>' for fact in facts]
    reviewed = hasattr(thing, "decisions")
    if reviewed:
        lines.append(f'<p class="draft">{html.escape(say(words, "map.draft"))}</p>')
    lines.append(notes_html(words, scene.notes))
    if reviewed:
        find = html.escape(say(words, "map.search"))
        lines.append(f'<h2 class="listed">{html.escape(say(words, "map.projects"))}</h2>')
        lines.append(
            f'<input id="search" type="search" placeholder="{find}" aria-label="{find}"> <span id="found"></span>'
        )
        lines.append('<div id="projects"></div>')
    entries = [_entry(one, scene) for one in reversed(scene.overlays)]
    lines.append(legend_html(words, [*entries, *base.entries()], base.notes))
    patterns = "".join(pattern_svg(look, f"hatch-{number}") for number, look in enumerate(scene.looks))
    lines.append(f'</aside><svg class="patterns" aria-hidden="true"><defs>{patterns}</defs></svg>\n')
    return "".join(lines)


def _entry(overlay: Overlay, scene: Scene) -> Entry:
    pairs = set(zip(overlay.pieces["look"], overlay.pieces["name"].map(str), strict=True))
    looks = [
        (swatch_svg(scene.looks[number], f"hatch-{number}"), name)
        for number, name in sorted(pairs, key=lambda pair: pair[::-1])
    ]
    return Entry(overlay.title, overlay.shown, looks)
