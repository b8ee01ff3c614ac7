"""Where the data are wrong: the issues of a workspace on an offline map, and all of them in a list beside it."""

from __future__ import annotations

import html

import folium
import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from onemap.land.places import issue_places
from onemap.present.assets import static
from onemap.present.inline import inline
from onemap.present.map import OfflineMap
from onemap.present.words import blank, issue_words

COLOURS = {"error": "#b00020", "warning": "#b8860b", "info": "#546e7a"}
DISPLAY = "EPSG:4490"
FEW_M = 2.0  # outlines are for finding one's way only
LOOK = """
.folium-map { width: calc(100% - 400px) !important; background: #f4f4f2; }
#issues { position: fixed; top: 0; right: 0; bottom: 0; width: 400px; box-sizing: border-box; overflow-y: auto;
  padding: 10px 14px; border-left: 1px solid #cfd8dc; font: 13px/1.5 sans-serif; background: #fff; }
#issues h1 { font-size: 16px; margin: 0 0 4px; }
#issues h2 { font-size: 14px; margin: 14px 0 4px; }
#issues ul { list-style: none; margin: 0; padding: 0; }
#issues li { padding: 3px 0 3px 8px; border-left: 4px solid; margin-bottom: 4px; overflow-wrap: anywhere; }
#issues li[data-at] { cursor: pointer; }
#issues li[data-at]:hover, #issues li[data-at]:focus { background: #eceff1; }
#issues small { color: #546e7a; }
@media (max-width: 800px) {
  .folium-map { width: 100% !important; height: 55% !important; }
  #issues { top: 55%; left: 0; width: 100%; border-left: 0; border-top: 1px solid #cfd8dc; }
}
""" + "".join(
    f"#issues li.{severity} {{ border-color: {colour}; }}\n" for severity, colour in COLOURS.items()
)


def draw_issues(layers, catalogue, lang: str = "zh") -> OfflineMap:
    """All issues of :func:`onemap.read_features`: listed by layer and severity, and those that have a place on a map.

    Under them lie the outlines of where layers are mapped and what is set aside. Errors, warnings and notes are layers
    of their own; issues at one place share a mark; a click tells what is wrong, in plain text.
    """
    texts, names = catalogue.texts, catalogue.layers[f"name_{lang}"]
    places = issue_places(layers).to_crs(DISPLAY)
    places["at"] = [f"{point.y:.7f},{point.x:.7f}" for point in places.geometry]
    places["words"] = [issue_words(row, texts, lang) for row in places.to_dict("records")]
    figure = folium.Map(tiles=None, attribution_control=False, zoom_snap=0.25, max_zoom=22)
    frame = _ground(layers)
    folium.GeoJson(
        frame.to_json(), name=texts("cli.issue_ground", lang), style_function=_outline, interactive=False
    ).add_to(figure)
    aside = layers.quarantine[~(layers.quarantine.geometry.isna() | layers.quarantine.geometry.is_empty)]
    if len(aside):
        drawn = gpd.GeoSeries(aside.geometry.to_numpy(), crs=aside.crs).to_crs(DISPLAY)
        folium.GeoJson(
            drawn.to_json(), name=f"{texts('cli.issue_aside', lang)} ({len(aside)})", style_function=_set_aside,
            interactive=False,
        ).add_to(figure)  # fmt: skip
    worst = places.groupby("at")["severity"].agg(lambda own: min(own, key=list(COLOURS).index))
    for severity, colour in COLOURS.items():
        spots = worst.index[worst == severity]
        group = folium.FeatureGroup(f"{texts(f'cli.severity.{severity}', lang)} ({len(spots)})").add_to(
            figure
        )
        for at in spots:
            told = "<br>".join(
                f"<b>{html.escape(_whose(row, names))}</b> {html.escape(row['words'])}"
                for row in places[places["at"] == at].to_dict("records")
            )
            folium.CircleMarker(
                [float(v) for v in at.split(",")], radius=7, color=colour, fill=True, fill_opacity=0.5,
                popup=folium.Popup(told, max_width=420),
            ).add_to(group)  # fmt: skip
    west, south, east, north = frame.total_bounds
    figure.fit_bounds([[south, west], [north, east]])
    folium.LayerControl(collapsed=False, position="topleft").add_to(figure)
    page = inline(
        figure, title=texts("cli.issue_map", lang), lang="zh-CN" if lang == "zh" else "en", styles=[LOOK],
        scripts=[static("issues.js")], body=_list(layers.issues, places, catalogue, lang),
    )  # fmt: skip
    return OfflineMap(page)


def _ground(layers) -> gpd.GeoSeries:
    outline = layers.extents if len(layers.extents) else layers.features
    ground = np.unique(shapely.to_wkb(shapely.simplify(outline.geometry.to_numpy(), FEW_M)))
    return gpd.GeoSeries(shapely.from_wkb(ground), crs=outline.crs).to_crs(DISPLAY)


def _list(issues: pd.DataFrame, places: gpd.GeoDataFrame, catalogue, lang: str) -> str:
    """Every issue, placed or not, by layer and severity: the layers with the worst first, else in the catalogue's order."""
    texts, names = catalogue.texts, catalogue.layers[f"name_{lang}"]
    columns = list(issues.columns)
    at = places.drop_duplicates(columns).set_index(
        pd.MultiIndex.from_frame(places.drop_duplicates(columns)[columns])
    )["at"]
    rows = issues.assign(at=at.reindex(pd.MultiIndex.from_frame(issues)).to_numpy())
    rows["rank"] = rows["severity"].map(list(COLOURS).index)
    count = " · ".join(
        f"{texts(f'cli.severity.{s}', lang)} {(issues['severity'] == s).sum()}" for s in COLOURS
    )
    parts = [f"<h1>{html.escape(texts('cli.issue_map', lang))}</h1><div>{html.escape(count)}</div>"]
    parts.append(f"<small>{html.escape(texts('cli.issue_hint', lang))}</small>")
    order = {layer: i for i, layer in enumerate(names.index)}
    groups = [own for _, own in rows.groupby("layer", dropna=False)]
    for own in sorted(groups, key=lambda g: (g["rank"].min(), order.get(g["layer"].iat[0], len(order)))):
        layer = own["layer"].iat[0]
        parts.append(f"<h2>{html.escape('—' if blank(layer) else names.get(layer, layer))}</h2><ul>")
        for row in own.sort_values("rank", kind="stable").to_dict("records"):
            place = "" if blank(row["at"]) else f' data-at="{row["at"]}" tabindex="0"'
            words = html.escape(issue_words(row, texts, lang))
            whose = "" if blank(row["source"]) else f" <small>{html.escape(str(row['source']))}</small>"
            parts.append(f'<li class="{row["severity"]}"{place}>{words}{whose}</li>')
        parts.append("</ul>")
    return f'<aside id="issues">{"".join(parts)}</aside>'


def _whose(row: dict, names: pd.Series) -> str:
    layer = names.get(row["layer"], row["layer"])
    return " ".join(str(word) for word in (layer, row["source"], row["source_fid"]) if not blank(word))


def _outline(_feature) -> dict:
    return {"color": "#90a4ae", "weight": 1, "fill": False}


def _set_aside(_feature) -> dict:
    return {"color": COLOURS["error"], "weight": 1, "dashArray": "4 3", "fillOpacity": 0.15}
