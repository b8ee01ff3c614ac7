"""Figures of one project: what every plan says on the site, the conflicts it meets, what is not known there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from onemap.book.words import blank, class_title, label, layer_title, number, percent, say, split, text_of
from onemap.present.cards import conflict_title
from onemap.present.chart import (
    INK,
    MAJOR,
    REASONS,
    ROW_IN,
    Chart,
    faced,
    legend,
    name_rows,
    new_sheet,
    note,
    ranker,
    stack,
    write,
)
from onemap.present.opinion import UNKNOWN_FROM_M2, Case
from onemap.present.picture import HATCH
from onemap.present.sizes import union_area
from onemap.present.styles import look

WIDE_IN = 6.6
SAYING = ("spatial_plan", "survey")
NOTHING, OTHER = "nothing", ""
STYLES = MAJOR | {OTHER: ("#dfe5ec", ""), NOTHING: ("#ffffff", "xx")}
SIGNS_WIDE = 88  # narrow signs that fit on a bar as wide as the axes
MOST_ROWS = 20


def site_plans(case: Case) -> Chart | None:
    """Square metres of every class that each plan states on the site, coloured by what kind of land it is.

    Land that a layer covers twice with one class counts once; what no feature of a layer covers is hatched. None
    where no plan says anything.
    """
    words = case.words
    groups = words.catalogue.layers["group"]
    own = case.overlaps[case.overlaps["layer"].map(groups).isin(SAYING)]
    if own.empty:
        return None
    found = case.features.reindex(own["feature_id"])
    said = pd.DataFrame(
        {
            "layer": own["layer"].to_numpy(),
            "code": [text_of(one) for one in own["class_code"]],
            "kind": ["" if blank(one) or one not in MAJOR else one for one in found["major_class"]],
            "name": [text_of(one) for one in found["class_name"]],
            "shape": own.geometry.to_numpy(),
        }
    )
    pieces: dict[str, list[tuple[str, str, float]]] = {}
    for (layer, code, kind), rows in said.groupby(["layer", "code", "kind"], sort=True):
        title = class_title(words, layer, code, rows["name"].iloc[0]) or say(words, "plot.no_class")
        size = union_area(rows["shape"].to_numpy(), case.parcels.crs)
        pieces.setdefault(layer, []).append((kind, title, size))
    layers = sorted(pieces, key=ranker(words))
    figure, axes = new_sheet(WIDE_IN, 1.0 + ROW_IN * 1.25 * len(layers), "")
    kinds: dict[str, tuple[str, tuple[str, str]]] = {}
    for row, layer in enumerate(layers):
        left = 0.0
        rest = case.area_m2 - sum(size for _, _, size in pieces[layer])
        parts = sorted(pieces[layer], key=lambda one: (-one[2], one[1]))
        if rest > UNKNOWN_FROM_M2:
            parts.append((NOTHING, say(words, "plot.site.rest"), rest))
        for kind, title, size in parts:
            colour, hatch = STYLES[kind]
            kinds[kind] = (_kind_name(case, kind), (colour, hatch))
            axes.barh(row, size, 0.7, left=left, color=colour, hatch=hatch, edgecolor=INK, linewidth=0.5)
            _label(axes, title, size, left, row, case.area_m2)
            left += size
    name_rows(axes, [layer_title(words, one) for one in layers])
    axes.set_xlim(0, case.area_m2 * 1.005)
    axes.xaxis.set_major_formatter(lambda value, _: number(value, 0))
    legend(axes, [kinds[kind] for kind in STYLES if kind in kinds])
    axes.set_xlabel(say(words, "plot.site.axis"))
    return faced(axes)


def _kind_name(case: Case, kind: str) -> str:
    own = {NOTHING: "plot.site.rest", OTHER: "plot.site.other"}
    return say(case.words, own[kind]) if kind in own else label(case.words, "major_class", kind)


def _label(axes: Any, title: str, size: float, left: float, row: int, whole: float) -> None:
    """Class and size on its bar, as much of it as fits."""
    room = int(size / whole * SIGNS_WIDE)
    for text in (f"{title} {number(size, 0)}", title):
        if len(text) + sum(sign > "\u2e7f" for sign in text) <= room:
            box = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 0.8}
            write(axes, left + size / 2, row, text, 6.8, INK, ha="center", va="center", bbox=box)
            return


def site_conflicts(case: Case) -> Chart | None:
    """Square metres of the site in each kind of conflict, by severity; None where it meets no conflict."""
    words, table = case.words, case.conflicts
    if table.empty:
        return None
    sums = table.groupby(["kind", "severity"], sort=True)["area_m2"].sum().reset_index()
    sums = sums.sort_values(["area_m2", "kind"], ascending=[False, True], kind="stable").head(MOST_ROWS)
    found = list(sums["severity"].unique())
    parts = {one: np.where(sums["severity"] == one, sums["area_m2"], 0.0) for one in found}
    styles = {}
    for one in found:
        style = look("conflict", severity=one)
        styles[one] = (style["fill"], HATCH.get(style["hatch"], ""))
    titles = {one: label(words, "severity", one) for one in found}
    figure, axes = new_sheet(WIDE_IN, 1.2 + ROW_IN * 1.1 * len(sums), "")
    stack(axes, [conflict_title(words, one) for one in sums["kind"]], parts, titles, styles, digits=0)
    axes.xaxis.set_major_formatter(lambda value, _: number(value, 0))
    axes.set_xlabel(say(words, "plot.site.axis"))
    note(figure, say(words, "plot.site.conflicts_note"))
    return faced(axes)


def site_unknown(case: Case) -> Chart | None:
    """The share of the site that is not known in each layer; None where every layer is known."""
    words, facts = case.words, case.facts
    single = facts[[len(split(one)) == 1 for one in facts["layer"]]]
    unknown = single.groupby(["parcel_id", "layer"])["unknown_area_m2"].max().groupby("layer").sum()
    unknown = unknown[unknown > UNKNOWN_FROM_M2]
    if unknown.empty:
        return None
    layers = sorted(unknown.index, key=lambda one: (-unknown[one], ranker(words)(one)))
    shown = layers[:MOST_ROWS]
    shares = np.array([unknown[one] / case.area_m2 for one in shown])
    figure, axes = new_sheet(WIDE_IN, 1.1 + ROW_IN * len(shown), "")
    colour, hatch = REASONS["not_mapped"]
    axes.barh(np.arange(len(shown)), shares, 0.6, color=colour, hatch=hatch, edgecolor=INK, linewidth=0.5)
    for row, share in enumerate(shares):
        write(axes, min(share, 1) + 0.01, row, percent(share), 7.5, INK, va="center")
    name_rows(axes, [layer_title(words, one) for one in shown])
    axes.set_xlim(0, 1.15)
    axes.set_xticks([0, 0.5, 1], ["0", "50%", "100%"])
    if len(layers) > len(shown):
        note(figure, say(words, "plot.site.unknown_more", count=number(len(layers) - len(shown), 0)))
    return faced(axes)
