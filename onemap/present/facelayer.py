"""The whole town on one map: every face drawn, every plan of it one click away, no network.

Chosen 2026 against folium.GeoJson (131 s to open 100,000 faces), MapLibre (0.4 s gaps without a graphics card) and
tiles in a file (four times the time to build, generalised): faces travel as packed numbers and are painted on
canvas tiles of Leaflet's GridLayer.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import folium
import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from branca.element import Element
from folium.template import Template

from onemap.book.words import Words, class_title, day_of, label, layer_title, say, text_of, words_of
from onemap.present.assets import static
from onemap.present.basemap import Under, under
from onemap.present.cards import plan_line
from onemap.present.inline import inline
from onemap.present.legend import Entry, legend_html, told_apart
from onemap.present.map import SCRIPTS as PAGE_SCRIPTS
from onemap.present.map import OfflineMap, Start, page_data
from onemap.present.packed import SCREEN_CRS, Lists, PackedFaces, pack_faces
from onemap.present.styles import look as style_of
from onemap.present.styles import pattern_svg, swatch_svg

SCRIPTS = ("inflate.js", "facestore.js", "facelayer.js")
LOOK_PARTS = ("fill", "opacity", "line", "weight", "hatch")
SEVERITIES = ("data", "inform", "review", "consent", "prohibit")


class FaceLayer(folium.map.Layer):
    """Packed faces as a layer of a folium map; works with LayerControl and with :func:`onemap.present.inline.inline`.

    ``column`` says for each face which of ``looks`` it wears, counted from 1; 0 is not drawn. Layers of one
    ``PackedFaces`` share it. ``card`` says what a click tells: heading, rows, lists and plans by column.
    """

    _template = Template(
        """
        {% macro script(this, kwargs) %}
        var {{ this.get_name() }} = onemapFaces.layer({{ this.store | tojson }}, {{ this.options | tojson }});
        {% if this.show %}{{ this.get_name() }}.addTo({{ this._parent.get_name() }});{% endif %}
        {% endmacro %}
        """
    )

    def __init__(
        self,
        faces: PackedFaces,
        column: str,
        looks: Sequence[Mapping[str, Any]],
        name: str,
        *,
        card: Mapping[str, Any] | None = None,
        show: bool = True,
        z_index: int = 1,
        store: str = "onemap-faces",
    ):
        super().__init__(name=html.escape(name), overlay=True, control=True, show=show)
        self._name = "FaceLayer"
        self.faces, self.store = faces, store
        kept = [{part: look[part] for part in LOOK_PARTS} for look in looks]
        self.options = {"column": column, "looks": kept, "card": card, "zIndex": z_index}

    def render(self, **kwargs: Any) -> None:
        super().render(**kwargs)
        figure = self.get_root()
        for name in SCRIPTS:
            figure.header.add_child(Element(f"<script>{static(name)}</script>"), name=f"onemap-{name}")
        data = f'<script type="application/octet-stream" id="{self.store}">{self.faces.payload}</script>'
        figure.html.add_child(Element(data), name=self.store)


def draw_city(blueprint: Any, lang: str = "zh", base_map: Any = None) -> OfflineMap:
    """The map of all faces of a Blueprint: governing class, conflicts, unknown land, and every plan on a click.

    Made for 100,000 faces and more, where :func:`onemap.draw_map` shows only the nearest ones. Shown in CGCS2000
    longitude and latitude; shapes are good to about 0.1 m, areas in the cards are the blueprint's own. ``base_map``
    as in ``draw_map``.
    """
    words = words_of(blueprint, lang)
    parts = face_parts(blueprint, words)
    faces = pack_faces(blueprint.faces.geometry, parts.columns, parts.tables)
    window = window_of(blueprint.faces)
    base = under(base_map, window, blueprint.crs, words)
    figure = folium.Map(tiles=None, attribution_control=bool(base.layers), max_zoom=21)
    layers = base.add_to(figure)
    for number, (column, title, looks) in enumerate(parts.layers, start=1):
        layer = FaceLayer(faces, column, looks, title, card=parts.card, z_index=number).add_to(figure)
        layers.append((title, layer))
    Start(layers).add_to(figure)
    title = say(words, "map.title.blueprint")
    page = inline(
        figure,
        title=title,
        lang="zh-CN" if lang == "zh" else "en",
        styles=[static("map.css")],
        scripts=[static(name) for name in PAGE_SCRIPTS],
        body=_panel(words, blueprint, parts, title, base) + page_data(words, window) + base.script(),
        allow_hosts=base.hosts,
    )
    return OfflineMap(page)


def face_parts(blueprint: Any, words: Words) -> FaceParts:
    """What a page needs to draw and to tell the faces of a blueprint."""
    return FaceParts(words, blueprint)


class FaceParts:
    """Columns, tables, looks and the card of a blueprint's faces."""

    def __init__(self, words: Words, blueprint: Any):
        self.words, self.blueprint = words, blueprint
        faces = blueprint.faces
        self.index = pd.Index(faces["face_id"])
        self.columns: dict[str, Any] = {
            "face_id": faces["face_id"].to_numpy(dtype=object),
            "area": np.rint(faces["area_m2"].to_numpy(dtype=float) * 100).astype(np.int64),
        }
        self.tables: dict[str, list] = {}
        self.layers = [self._governing(), self._conflicts(), self._unknown()]
        self._plans()
        self.card = self._card()

    def _governing(self) -> tuple[str, str, list]:
        words, faces = self.words, self.blueprint.faces
        layers = faces["governing_layer"].fillna("").astype(str)
        codes = faces["governing_class"].fillna("").astype(str)
        number, pairs = pd.factorize(pd.MultiIndex.from_arrays([layers, codes]), sort=True)
        catalogue = words.catalogue.layers
        looks, wears, titles = [], [], []
        for layer, code in pairs:
            titles.append(f"{layer_title(words, layer)} {class_title(words, layer, code)}".strip())
            if not layer:
                wears.append(0)
                continue
            group = {c: catalogue.at[layer, c] for c in ("group", "code_table") if layer in catalogue.index}
            found = style_of("governing", layer=layer, class_code=code, **group)
            if found not in looks:
                looks.append(found)
            wears.append(looks.index(found) + 1)
        self.columns |= {"governing": number, "look": np.array(wears, dtype=np.int64)[number]}
        self.tables["governing"] = titles
        named = {
            (n, self._look_title(found, pairs, wears, n)): {
                layer for (layer, _), one in zip(pairs, wears, strict=True) if one == n
            }
            for n, found in enumerate(looks, start=1)
        }
        legend = [(looks[n - 1], text) for (n, _), text in told_apart(words, named).items()]
        self.legend = sorted(legend, key=lambda row: row[1])
        return "look", say(words, "map.layer.governing"), looks

    def _look_title(
        self, found: Mapping[str, Any], pairs: pd.MultiIndex, wears: list[int], number: int
    ) -> str:
        if found[f"label_{self.words.lang}"]:
            return found[f"label_{self.words.lang}"]
        own = [pair for pair, one in zip(pairs, wears, strict=True) if one == number]
        layers = sorted({layer_title(self.words, layer) for layer, _ in own})
        return self.tables["governing"][wears.index(number)] if len(own) == 1 else " · ".join(layers)

    def _conflicts(self) -> tuple[str, str, list]:
        words, blueprint = self.words, self.blueprint
        rank = {severity: number for number, severity in enumerate(SEVERITIES, start=1)}
        conflicts, pairs = blueprint.conflicts, blueprint.conflict_faces
        at = pd.Index(conflicts["conflict_id"]).get_indexer(pairs["conflict_id"])
        severity = conflicts["severity"].map(rank).fillna(0).astype(int).to_numpy()
        face = self.index.get_indexer(pairs["face_id"])
        worst = np.zeros(len(self.index), dtype=np.int64)
        np.maximum.at(worst, face, severity[at])
        lines, number = [], {}
        for row in conflicts.itertuples():
            title = words.texts.get(f"conflict.{row.kind}.title", words.lang, "") or text_of(row.kind)
            line = f"{title} ({label(words, 'severity', row.severity)})"
            number.setdefault(line, len(number))
            lines.append(number[line])
        known = np.array(lines, dtype=np.int64)[at] if len(at) else np.zeros(0, dtype=np.int64)
        self.columns |= {"severity": worst, "conflicts": _lists(face, known, len(self.index))}
        self.tables["conflicts"] = list(number)
        looks = [style_of("conflict", severity=one) for one in SEVERITIES]
        self.severities = [
            (looks[number - 1], say(words, f"map.layer.conflict.{SEVERITIES[number - 1]}"))
            for number in sorted(set(worst.tolist()) - {0}, reverse=True)
        ]
        return "severity", say(words, "meeting.city.conflicts"), looks

    def _unknown(self) -> tuple[str, str, list]:
        words, unknowns = self.words, self.blueprint.unknowns
        kinds, pairs = pd.factorize(
            pd.MultiIndex.from_arrays([unknowns["layer"].astype(str), unknowns["reason"].astype(str)])
        )
        face = self.index.get_indexer(unknowns["face_id"])
        lists = _lists(face, kinds, len(self.index))
        self.columns |= {"unknown": lists, "open": (lists.counts > 0).astype(np.int64)}
        self.tables["unknown"] = [
            f"{layer_title(words, layer)} ({label(words, 'unknown_reason', reason)})"
            for layer, reason in pairs
        ]
        found = style_of("unknown")
        self.open = (found, say(words, "map.layer.unknown"))
        return "open", say(words, "map.layer.unknown"), [found]

    def _plans(self) -> None:
        features, covers = self.blueprint.features, self.blueprint.covers
        lines: dict[tuple[str, ...], int] = {}
        number = np.array(
            [
                lines.setdefault(tuple(plan_line(self.words, row)), len(lines))
                for row in features.itertuples()
            ],
            dtype=np.int64,
        )
        at = pd.Index(features["feature_id"]).get_indexer(covers["feature_id"])
        face = self.index.get_indexer(covers["face_id"])
        self.columns["plans"] = _lists(face, number[at] if len(at) else at, len(self.index))
        self.tables["plans"] = [list(line) for line in lines]

    def _card(self) -> dict[str, Any]:
        words = self.words
        return {
            "heading": {"column": "face_id", "text": say(words, "present.face", face_id="{face_id}")},
            "rows": [
                {
                    "label": say(words, "present.area"),
                    "column": "area",
                    "kind": "area",
                    "text": say(words, "present.areas", m2="{m2}", ha="{ha}", mu="{mu}"),
                },
                {"label": say(words, "present.governing"), "column": "governing", "table": "governing"},
            ],
            "lists": [
                {"label": say(words, "meeting.city.conflicts"), "column": "conflicts", "table": "conflicts"},
                {"label": say(words, "present.unknown_here"), "column": "unknown", "table": "unknown"},
            ],
            "plans": {"label": say(words, "map.plans_here"), "column": "plans", "table": "plans"},
        }


def window_of(faces: Any) -> list[list[float]]:
    """South-west and north-east corners in degrees of the land that a plan governs, of all where none does."""
    governed = faces[faces["governing_layer"].fillna("") != ""]
    box = gpd.GeoSeries([shapely.box(*(governed if len(governed) else faces).total_bounds)], crs=faces.crs)
    west, south, east, north = (round(float(side), 7) for side in box.to_crs(SCREEN_CRS).total_bounds)
    return [[south, west], [north, east]]


def _lists(face: np.ndarray, values: np.ndarray, count: int) -> Lists:
    """Pairs of face and number as a column of lists, each sorted and without repeats."""
    pairs = (
        np.unique(np.column_stack([face, values]), axis=0) if len(face) else np.zeros((0, 2), dtype=np.int64)
    )
    return Lists(np.bincount(pairs[:, 0], minlength=count), pairs[:, 1])


def _panel(words: Words, blueprint: Any, parts: FaceParts, title: str, base: Under) -> str:
    manifest = blueprint.manifest
    facts = [
        text_of(manifest.get("name")),
        say(words, "map.as_of", as_of=day_of(blueprint).isoformat()),
        say(words, "map.blueprint_version", version=text_of(manifest.get("version"))),
        say(
            words,
            "meeting.city.count",
            faces=f"{len(blueprint.faces):,}",
            conflicts=f"{len(blueprint.conflicts):,}",
        ),
    ]
    lines = [f'<aside id="panel"><h1>{html.escape(title)}</h1>']
    lines += [f'<p class="sub">{html.escape(fact)}</p>' for fact in facts if fact]
    lines.append(f'<p class="sub">{html.escape(say(words, "meeting.city.help"))}</p>')
    return "".join(lines) + f"{faces_legend(words, parts, base)}</aside>\n"


def faces_legend(words: Words, parts: FaceParts, base: Under) -> str:
    """The legend of the layers of faces and of what lies under them, with the hatch patterns that its pictures use."""
    entries, patterns = [], []
    for (_, name, _), rows in zip(parts.layers, (parts.legend, parts.severities, [parts.open]), strict=True):
        looks = []
        for look, text in rows:
            hatch = f"hatch-{len(patterns)}"
            patterns.append(pattern_svg(look, hatch))
            looks.append((swatch_svg(look, hatch), text))
        entries.append(Entry(name, True, looks))
    drawn = f'<svg class="patterns" aria-hidden="true"><defs>{"".join(patterns)}</defs></svg>'
    return legend_html(words, [*entries, *base.entries()], base.notes) + drawn
