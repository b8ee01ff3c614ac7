"""Where the data are wrong: the issues of a workspace on an offline map, and all of them in a list beside it."""

from __future__ import annotations

import html

import folium
import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from onemap.book.words import Words, blank, issue_words, layer_title, say
from onemap.land.places import issue_places
from onemap.present.assets import static
from onemap.present.inline import inline
from onemap.present.legend import Entry, legend_html
from onemap.present.map import DEGREE_DIGITS, SCREEN_CRS, SCRIPTS, OfflineMap, Start, page_data
from onemap.present.styles import swatch_svg

COLOURS = {"error": "#b00020", "warning": "#b8860b", "info": "#546e7a"}
GROUND = {"color": "#90a4ae", "weight": 1, "fill": False, "fillOpacity": 0}
ASIDE = {"color": COLOURS["error"], "weight": 1, "dashArray": "4 3", "fillOpacity": 0.15}
FEW_M = 2.0  # outlines are for finding one's way only
LOOK = static("issues.css") + "".join(
    f"#issues li.{severity} {{ border-color: {colour}; }}\n" for severity, colour in COLOURS.items()
)


def draw_issues(layers, catalogue, lang: str = "zh") -> OfflineMap:
    """All issues of :func:`onemap.read_features`: listed by layer and severity, and those that have a place on a map.

    Under them lie the outlines of where layers are mapped and what is set aside. Errors, warnings and notes are layers
    of their own; issues at one place share a mark; a click tells what is wrong, in plain text.
    """
    words = Words(lang, catalogue.texts, catalogue, None)
    places = issue_places(layers).to_crs(SCREEN_CRS)
    places["at"] = [f"{point.y:.7f},{point.x:.7f}" for point in places.geometry]
    places["words"] = [issue_words(row, words.texts, lang) for row in places.to_dict("records")]
    figure = folium.Map(tiles=None, attribution_control=False, zoom_snap=0.25, max_zoom=22)
    frame = _ground(layers)
    drawn = [(say(words, "cli.issue_ground"), _lines(frame, GROUND).add_to(figure), _line(GROUND))]
    aside = layers.quarantine[~(layers.quarantine.geometry.isna() | layers.quarantine.geometry.is_empty)]
    if len(aside):
        shapes = gpd.GeoSeries(aside.geometry.to_numpy(), crs=aside.crs).to_crs(SCREEN_CRS)
        title = f"{say(words, 'cli.issue_aside')} ({len(aside)})"
        drawn.append((title, _lines(shapes, ASIDE).add_to(figure), _line(ASIDE)))
    worst = places.groupby("at")["severity"].agg(lambda own: min(own, key=list(COLOURS).index))
    for severity, colour in reversed(COLOURS.items()):
        spots = worst.index[worst == severity]
        group = folium.FeatureGroup(severity).add_to(figure)
        for at in spots:
            _mark(places[places["at"] == at], colour, words).add_to(group)
        drawn.append((f"{say(words, f'cli.severity.{severity}')} ({len(spots)})", group, _dot(colour)))
    drawn.reverse()
    Start([(title, layer) for title, layer, _ in drawn]).add_to(figure)
    legend = legend_html(words, [Entry(title, True, [(swatch, title)]) for title, _, swatch in drawn])
    west, south, east, north = (round(float(side), DEGREE_DIGITS) for side in frame.total_bounds)
    page = inline(
        figure,
        title=say(words, "cli.issue_map"),
        lang="zh-CN" if lang == "zh" else "en",
        styles=[static("map.css"), LOOK],
        scripts=[static(name) for name in (*SCRIPTS, "issues.js")],
        body=f'<aside id="panel">{_head(layers.issues, words)}{legend}{_list(layers.issues, places, words)}</aside>'
        + page_data(words, [[south, west], [north, east]]),
    )
    return OfflineMap(page)


def _mark(own: gpd.GeoDataFrame, colour: str, words: Words) -> folium.CircleMarker:
    told = "<br>".join(
        f"<b>{html.escape(_whose(row, words))}</b> {html.escape(row['words'])}"
        for row in own.to_dict("records")
    )
    point = own.geometry.iloc[0]
    where = [round(point.y, DEGREE_DIGITS), round(point.x, DEGREE_DIGITS)]
    popup = folium.Popup(told, max_width=420)
    return folium.CircleMarker(where, radius=7, color=colour, fill=True, fill_opacity=0.5, popup=popup)


def _lines(shapes: gpd.GeoSeries, look: dict) -> folium.GeoJson:
    return folium.GeoJson(shapes.to_json(), style_function=lambda _feature: look, interactive=False)


def _line(look: dict) -> str:
    style = {"hatch": "", "dash": "", "fill": look["color"], "opacity": 0, **look, "line": look["color"]}
    return swatch_svg({**style, "dash": look.get("dashArray", ""), "opacity": look["fillOpacity"]}, "")


def _dot(colour: str) -> str:
    return (
        '<svg class="swatch" width="30" height="16" aria-hidden="true">'
        f'<circle cx="15" cy="8" r="6" fill="{colour}" fill-opacity="0.5" stroke="{colour}" stroke-width="2"/></svg>'
    )


def _ground(layers) -> gpd.GeoSeries:
    outline = layers.extents if len(layers.extents) else layers.features
    ground = np.unique(shapely.to_wkb(shapely.simplify(outline.geometry.to_numpy(), FEW_M)))
    return gpd.GeoSeries(shapely.from_wkb(ground), crs=outline.crs).to_crs(SCREEN_CRS)


def _head(issues: pd.DataFrame, words: Words) -> str:
    count = " · ".join(
        f"{say(words, f'cli.severity.{s}')} {(issues['severity'] == s).sum()}" for s in COLOURS
    )
    title, hint = (html.escape(say(words, key)) for key in ("cli.issue_map", "cli.issue_hint"))
    return f'<h1>{title}</h1><p class="sub">{html.escape(count)}</p><p class="sub">{hint}</p>'


def _list(issues: pd.DataFrame, places: gpd.GeoDataFrame, words: Words) -> str:
    """Every issue, placed or not, by layer and severity: the layers with the worst first, else in the catalogue's order."""
    columns = list(issues.columns)
    at = places.drop_duplicates(columns).set_index(
        pd.MultiIndex.from_frame(places.drop_duplicates(columns)[columns])
    )["at"]
    rows = issues.assign(at=at.reindex(pd.MultiIndex.from_frame(issues)).to_numpy())
    rows["rank"] = rows["severity"].map(list(COLOURS).index)
    parts = []
    order = {layer: i for i, layer in enumerate(words.catalogue.layers.index)}
    groups = [own for _, own in rows.groupby("layer", dropna=False)]
    for own in sorted(groups, key=lambda g: (g["rank"].min(), order.get(g["layer"].iat[0], len(order)))):
        layer = own["layer"].iat[0]
        parts.append(f"<h2>{html.escape(layer_title(words, layer) or '—')}</h2><ul>")
        for row in own.sort_values("rank", kind="stable").to_dict("records"):
            place = "" if blank(row["at"]) else f' data-at="{row["at"]}" tabindex="0"'
            told = html.escape(issue_words(row, words.texts, words.lang))
            whose = "" if blank(row["source"]) else f" <small>{html.escape(str(row['source']))}</small>"
            parts.append(f'<li class="{row["severity"]}"{place}>{told}{whose}</li>')
        parts.append("</ul>")
    return f'<div id="issues">{"".join(parts)}</div>'


def _whose(row: dict, words: Words) -> str:
    parts = (layer_title(words, row["layer"]), row["source"], row["source_fid"])
    return " ".join(str(part) for part in parts if not blank(part))
