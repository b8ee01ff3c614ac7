"""Where the data are wrong: the issues of a workspace on an offline map."""

from __future__ import annotations

import html

import folium
import geopandas as gpd
import numpy as np
import shapely

from onemap.land.places import issue_places
from onemap.present.inline import inline
from onemap.present.map import OfflineMap
from onemap.present.words import blank, issue_words

COLOURS = {"error": "#b00020", "warning": "#b8860b", "info": "#546e7a"}
DISPLAY = "EPSG:4490"
FEW_M = 2.0  # outlines are for finding one's way only


def draw_issues(layers, texts, lang: str = "zh") -> OfflineMap:
    """The places of the issues of :func:`onemap.read_features`, over the outlines of where layers are mapped.

    Errors, warnings and notes are layers of their own; a click tells what is wrong there, in plain text.
    texts : the catalogue's table of texts.
    """
    places = issue_places(layers).to_crs(DISPLAY)
    figure = folium.Map(tiles=None, attribution_control=False, zoom_snap=0.25)
    outline = layers.extents if len(layers.extents) else layers.features
    ground = np.unique(shapely.to_wkb(shapely.simplify(outline.geometry.to_numpy(), FEW_M)))
    frame = gpd.GeoSeries(shapely.from_wkb(ground), crs=outline.crs).to_crs(DISPLAY)
    folium.GeoJson(
        frame.to_json(), name=texts("cli.issue_ground", lang), style_function=_outline, interactive=False
    ).add_to(figure)
    for severity, colour in COLOURS.items():
        own = places[places["severity"] == severity]
        group = folium.FeatureGroup(f"{texts(f'cli.severity.{severity}', lang)} ({len(own)})").add_to(figure)
        for row in own.to_dict("records"):
            point = row.pop("geometry")
            words = html.escape(issue_words(row, texts, lang))
            head = html.escape(
                " ".join(str(row[c]) for c in ("layer", "source", "source_fid") if not blank(row[c]))
            )
            folium.CircleMarker(
                (point.y, point.x),
                radius=7,
                color=colour,
                fill=True,
                popup=folium.Popup(f"<b>{head}</b><br>{words}", max_width=420),
            ).add_to(group)
    west, south, east, north = frame.total_bounds
    figure.fit_bounds([[south, west], [north, east]])
    folium.LayerControl(collapsed=False).add_to(figure)
    return OfflineMap(
        inline(figure, title=texts("cli.issue_map", lang), lang="zh-CN" if lang == "zh" else "en")
    )


def _outline(_feature) -> dict:
    return {"color": "#607d8b", "weight": 1, "fill": False}
