"""Figures over frames: conflicts by pair, land classes before and after, the balance, what is unknown, outcomes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from onemap.book.words import SQM_PER_HECTARE, Words, blank, class_title, label, layer_title, number, say
from onemap.frames import VERDICTS
from onemap.present.chart import (
    INK,
    MAJOR,
    PALE,
    REASONS,
    ROW_IN,
    RULE,
    Chart,
    faced,
    legend,
    name_rows,
    new_sheet,
    note,
    ranker,
    say_empty,
    stack,
    write,
)  # fmt: skip
from onemap.present.picture import HATCH, drawable
from onemap.present.sizes import union_area
from onemap.present.styles import look

BEFORE, AFTER = ("#c9d3de", ""), ("#0072b2", "")


def conflict_matrix(conflicts: pd.DataFrame, words: Words) -> Chart:
    """Area in hectares and number of conflicts for each pair of layers; slivers are counted in the note.

    Land that lies in several conflicts of a pair counts once. conflicts : the ``conflicts`` frame, ellipsoidal m².
    """
    real = conflicts[~conflicts["sliver"].astype(bool)]
    pairs: dict[tuple[str, str], list[Any]] = {}
    for row in real.itertuples():
        pair = tuple(sorted((row.layer_a, row.layer_b), key=ranker(words)))
        pairs.setdefault(pair, []).append(row.geometry)
    cells = {
        pair: (union_area(np.array(shapes), conflicts.crs), len(shapes)) for pair, shapes in pairs.items()
    }
    rows = sorted({a for a, _ in cells}, key=ranker(words))
    columns = sorted({b for _, b in cells}, key=ranker(words))
    wide, tall = 2.6 + 1.05 * max(len(columns), 2), 2.1 + 0.55 * max(len(rows), 1)
    figure, axes = new_sheet(wide, tall, say(words, "plot.matrix.title"))
    area = np.full((len(rows), len(columns)), np.nan)
    for (a, b), (size, _) in cells.items():
        area[rows.index(a), columns.index(b)] = size / SQM_PER_HECTARE
    if cells:
        shades = axes.imshow(np.sqrt(area), cmap="Oranges", vmin=0, aspect="auto")
        limit = 0.6 * float(np.nanmax(shades.get_array()))
        for (a, b), (size, many) in cells.items():
            at = rows.index(a), columns.index(b)
            text = say(words, "plot.matrix.cell", ha=number(size / SQM_PER_HECTARE), count=many)
            colour = "white" if np.sqrt(area[at]) > limit else INK
            write(axes, at[1], at[0], text, 7.5, colour, ha="center", va="center")
        axes.set_xticks(range(len(columns)), [_short(words, one) for one in columns])
        axes.set_yticks(range(len(rows)), [drawable(layer_title(words, one)) for one in rows])
        axes.xaxis.tick_top()
        axes.set_xticks(np.arange(len(columns) + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(len(rows) + 1) - 0.5, minor=True)
        axes.grid(which="minor", color=RULE, linewidth=0.8)
    else:
        say_empty(axes, say(words, "plot.nothing"))
    thin = conflicts[conflicts["sliver"].astype(bool)]
    size = number(float(thin["area_m2"].sum()) / SQM_PER_HECTARE)
    note(figure, say(words, "plot.matrix.note", count=len(thin), ha=size))
    return faced(axes)


def major_classes(blueprint: Any, words: Words) -> Chart:
    """Hectares of construction, agricultural and other land in each plan, and in the one blueprint below them.

    Land that a layer covers twice counts once. Only layers that can govern, with classes of their own.
    """
    found = _classes(blueprint)
    layers = words.catalogue.layers
    own = found[found["layer"].map(layers["group"]).isin(["spatial_plan", "survey"])]
    names = sorted(own["layer"].unique(), key=ranker(words))
    bars = [(layer_title(words, name), own[own["layer"] == name]) for name in names]
    governing = found[found["governs"]].copy()
    bare = (governing["layer"].map(layers["group"]) == "control") & (governing["major_class"] == "")
    governing.loc[bare, "major_class"] = "control"
    bars.append((say(words, "plot.governing"), governing))
    kinds = [one for one in MAJOR if any((part["major_class"] == one).any() for _, part in bars)]
    sizes = {
        kind: [part.loc[part["major_class"] == kind, "area_m2"].sum() / SQM_PER_HECTARE for _, part in bars]
        for kind in kinds
    }
    own_words = {"": say(words, "plot.no_class"), "control": say(words, "plot.control")}
    titles = {one: own_words.get(one) or label(words, "major_class", one) for one in kinds}
    styles = {one: MAJOR[one] for one in kinds}
    figure, axes = new_sheet(8.4, 1.5 + ROW_IN * 1.25 * len(bars), say(words, "plot.major.title"))
    stack(axes, [name for name, _ in bars], sizes, titles, styles)
    axes.axhline(len(bars) - 1.5, color=INK, linewidth=0.8)
    axes.set_xlabel(say(words, "present.hectare"))
    note(figure, say(words, "plot.major.note"))
    return faced(axes)


def area_by_class(blueprint: Any, words: Words, layer: str, most: int = 16) -> Chart:
    """Hectares of each class of one layer: in the plan itself, and where the plan still governs after merging.

    The ``most`` largest classes; the others are summed in the last bar.
    """
    own = _classes(blueprint)
    own = own[own["layer"] == layer]
    before = own.groupby("class_code")["area_m2"].sum() / SQM_PER_HECTARE
    after = own[own["governs"]].groupby("class_code")["area_m2"].sum() / SQM_PER_HECTARE
    codes = sorted(before.index, key=lambda one: (-before[one], one))
    names = [class_title(words, layer, one) or say(words, "plot.no_class") for one in codes[:most]]
    pairs = [(float(before[one]), float(after.get(one, 0.0))) for one in codes[:most]]
    if rest := codes[most:]:
        names.append(say(words, "plot.other_classes", count=len(rest)))
        pairs.append((float(before[rest].sum()), float(after.reindex(rest).sum())))
    title = say(words, "plot.class.title", layer=layer_title(words, layer))
    figure, axes = new_sheet(8.4, 1.5 + ROW_IN * 1.5 * max(len(pairs), 1), title)
    if not pairs:
        say_empty(axes, say(words, "plot.nothing"))
        return faced(axes)
    at = np.arange(len(pairs))
    widest = max(size for size, _ in pairs) or 1.0
    for row, (size, left) in enumerate(pairs):
        text = say(words, "plot.class.cell", before=number(size), after=number(left))
        write(axes, size + widest * 0.01, row, text, 7, INK, va="center")
    axes.barh(at - 0.2, [size for size, _ in pairs], 0.38, color=BEFORE[0], edgecolor=PALE, linewidth=0.5)
    axes.barh(at + 0.2, [left for _, left in pairs], 0.38, color=AFTER[0], edgecolor=INK, linewidth=0.5)
    axes.set_xlim(0, widest * 1.22)
    name_rows(axes, names)
    axes.set_xlabel(say(words, "present.hectare"))
    legend(axes, [(say(words, "plot.before"), BEFORE), (say(words, "plot.after"), AFTER)])
    note(figure, say(words, "plot.class.note"))
    return faced(axes)


def balance_sheet(balance: pd.DataFrame, words: Words, title: bool = True, row_in: float = ROW_IN) -> Chart:
    """Per layer: how much of what was read is in the faces, how much is quarantined, and the difference in m².

    balance : the ``balance`` frame of a blueprint, ellipsoidal m²; ``row_in`` : inches for a layer.
    """
    table = balance[balance["input_m2"] > 0]
    table = table.set_index("layer").loc[sorted(table["layer"], key=ranker(words))].reset_index()
    head = say(words, "plot.balance.title") if title else ""
    figure, axes = new_sheet(8.4, 1.5 + row_in * max(len(table), 1), head)
    shares = {part: (table[f"{part}_m2"] / table["input_m2"]).to_numpy() for part in ("faces", "quarantined")}
    titles = {part: say(words, f"plot.balance.{part}") for part in shares}
    styles = {"faces": ("#009e73", ""), "quarantined": REASONS["quarantined"]}
    stack(axes, [layer_title(words, one) for one in table["layer"]], shares, titles, styles, amounts=False)
    for row, one in enumerate(table.itertuples()):
        values = {
            "ha": number(one.input_m2 / SQM_PER_HECTARE),
            "m2": f"{round(one.difference_m2, 3) + 0.0:.3f}",
            "quarantined": number(one.quarantined_m2),
        }
        key = "plot.balance.row_quarantined" if one.quarantined_m2 else "plot.balance.row"
        write(axes, 1.02, row, say(words, key, **values), 7, INK, va="center")
    axes.set_xlim(0, 1.75)
    axes.set_xticks([0, 0.5, 1], ["0", "50%", "100%"])
    worst = table["relative"].abs().max() if len(table) else 0.0
    note(figure, say(words, "plot.balance.note", relative=f"{worst:.1e}"))
    return faced(axes)


def unknown_share(blueprint: Any, words: Words) -> Chart:
    """The share of the town that is unknown in each layer, by reason; layers known everywhere are only counted.

    The town is the land that a boundary layer covers; without one, every face counts.
    """
    faces = blueprint.faces.set_index("face_id")["area_m2"]
    groups = words.catalogue.layers["group"]
    covers = blueprint.covers
    town = covers.loc[covers["layer"].map(groups) == "boundary", "face_id"].unique()
    inside = faces[faces.index.isin(town)] if len(town) else faces
    unknowns = blueprint.unknowns
    unknowns = unknowns.assign(area_m2=unknowns["face_id"].map(inside).fillna(0.0))
    total = float(inside.sum()) or 1.0
    table = unknowns.pivot_table("area_m2", "layer", "reason", aggfunc="sum", fill_value=0.0) / total
    table = table[table.sum(axis=1) > 0]
    table = table.loc[sorted(table.index, key=lambda one: (-table.loc[one].sum(), ranker(words)(one)))]
    reasons = [one for one in REASONS if one in table] + [one for one in table if one not in REASONS]
    shares = {one: table[one].to_numpy() for one in reasons if table[one].sum() > 0}
    titles = {one: label(words, "unknown_reason", one) for one in shares}
    styles = {one: REASONS.get(one, ("#dddddd", "")) for one in shares}
    figure, axes = new_sheet(8.4, 1.6 + ROW_IN * 1.2 * max(len(table), 1), say(words, "plot.unknown.title"))
    if len(table):
        stack(axes, [layer_title(words, one) for one in table.index], shares, titles, styles, amounts=False)
        for row, share in enumerate(table.sum(axis=1)):
            shown = f"{share:.1%}" if share >= 0.001 else "<0.1%"
            write(axes, share + 0.01, row, shown, 7.5, INK, va="center")
        axes.set_xlim(0, 1.12)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25%", "50%", "75%", "100%"])
    else:
        say_empty(axes, say(words, "plot.unknown.none"))
    rest = blueprint.sources["layer"].nunique() - len(table)
    values = {"count": rest, "ha": number(total / SQM_PER_HECTARE)}
    note(figure, say(words, "plot.unknown.note", **values))
    return faced(axes)


def outcomes(decisions: pd.DataFrame, words: Words) -> Chart:
    """How many projects came out with each pre-approval route, by verdict.

    decisions : the ``decisions`` frame of a review, or a batch's decisions.csv.
    """
    table = pd.crosstab(decisions["route"].fillna(""), decisions["verdict"].fillna(""))
    table = table.loc[sorted(table.index, key=lambda one: (-int(table.loc[one].sum()), one))]
    verdicts = [one for one in VERDICTS if one in table] + [one for one in table if one not in VERDICTS]
    counts = {one: table[one].to_numpy() for one in verdicts}
    titles = {
        one: say(words, "plot.counted", name=label(words, "verdict", one), count=int(table[one].sum()))
        for one in verdicts
    }
    styles = {one: _verdict_style(one) for one in verdicts}
    title = say(words, "plot.outcomes.title", count=len(decisions))
    figure, axes = new_sheet(8.4, 1.6 + ROW_IN * 1.4 * max(len(table), 1), title)
    if len(table):
        names = [label(words, "route", one) for one in table.index]
        stack(axes, names, counts, titles, styles, digits=0)
    else:
        say_empty(axes, say(words, "plot.nothing"))
    axes.set_xlabel(say(words, "plot.outcomes.axis"))
    return faced(axes)


def _classes(blueprint: Any) -> pd.DataFrame:
    """Faces by layer and class, each once: area_m2, major_class, and whether that layer governs the face."""
    features = blueprint.features[["feature_id", "class_code", "major_class"]]
    long = blueprint.covers.merge(features, on="feature_id")
    long = long.sort_values(["face_id", "layer", "feature_id"], kind="stable")
    long = long.drop_duplicates(["face_id", "layer"])
    faces = blueprint.faces.set_index("face_id")
    long["area_m2"] = long["face_id"].map(faces["area_m2"])
    long["governs"] = long["layer"] == long["face_id"].map(faces["governing_layer"])
    for column in ("class_code", "major_class"):
        long[column] = ["" if blank(one) else str(one) for one in long[column]]
    long.loc[~long["major_class"].isin(list(MAJOR)), "major_class"] = ""
    return long


def _verdict_style(verdict: str) -> tuple[str, str]:
    style = look("sites", verdict=verdict)
    return style["fill"] or style["line"], HATCH.get(style["hatch"], "")


def _short(words: Words, layer: str, most: int = 7) -> str:
    title = drawable(layer_title(words, layer))
    if words.lang != "zh":
        return title.replace(" ", "\n")
    width = math.ceil(len(title) / math.ceil(len(title) / most))  # lines of one length, none of a single sign
    return "\n".join(title[at : at + width] for at in range(0, len(title), width))
