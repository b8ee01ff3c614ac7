"""The opinion on one project as blocks of words and tables, before anyone lays it out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import pandas as pd
import shapely

from onemap.book.location import layers_path
from onemap.book.reading import read_table
from onemap.book.words import (
    MU_PER_SQM,
    SQM_PER_HECTARE,
    Words,
    area,
    blank,
    class_title,
    label,
    layer_title,
    listed,
    number,
    percent,
    say,
    text_of,
)
from onemap.errors import InputError
from onemap.land.area_statement import area_statement
from onemap.present.blocks import Block, Table

MOST_POINTS = 60
UNKNOWN_FROM_M2 = 0.005  # below the second decimal that areas are printed with
LEFT_OPEN = ("builder", "content", "scale", "investment", "funding")


class Case(NamedTuple):
    """One project cut out of a review: what the blocks are made from."""

    words: Words
    review: Any
    project_id: str
    decision: Any
    parcels: Any
    facts: pd.DataFrame
    overlaps: pd.DataFrame
    findings: pd.DataFrame
    conflicts: pd.DataFrame
    preconditions: pd.DataFrame
    features: pd.DataFrame

    @property
    def area_m2(self) -> float:
        """Ellipsoidal area of the whole project in square metres."""
        return float(self.parcels.area_m2.sum())


def case_of(review: Any, project_id: str, words: Words) -> Case:
    """Everything of a review that belongs to one project.

    Raises InputError for a project that the review does not hold.
    """
    decision = review.decisions[review.decisions.project_id == project_id]
    if decision.empty:
        known = sorted(map(str, review.decisions.project_id))[:10]
        raise InputError("present.project.unknown", project=project_id, known=known)
    parcels = review.parcels[review.parcels.project_id == project_id]
    mine = parcels.parcel_id
    return Case(
        words,
        review,
        project_id,
        next(decision.itertuples()),
        parcels,
        review.facts[review.facts.parcel_id.isin(mine)],
        review.overlaps[review.overlaps.parcel_id.isin(mine)],
        review.findings[review.findings.parcel_id.isin(mine)],
        review.conflicts[review.conflicts.project_id == project_id],
        review.preconditions[review.preconditions.project_id == project_id],
        review.features.set_index("feature_id"),
    )


@cache
def block_rows(block: str, kind: str) -> tuple[str, ...]:
    """The ids that ``layers/present/report_blocks.csv`` lists for a block and a kind.

    >>> block_rows("E", "group")
    ('survey',)
    """
    rows = read_table(layers_path() / "present" / "report_blocks.csv", ("block", "kind", "id", "note")).rows
    return tuple(row["id"] for row in rows if (row["block"], row["kind"]) == (block, kind))


def agreed(case: Case, field: str) -> str:
    """What the plots of a project say of an attribute, in words; that they differ where they do."""
    said = [text_of(value) for value in dict.fromkeys(case.parcels[field])]
    return label(case.words, field, said[0]) if len(said) == 1 else say(case.words, "report.disagree")


def project_block(case: Case) -> Block:
    """Block A: what is known about the project; what the data do not hold is left for a person."""
    words = case.words
    rows = [
        [say(words, "present.project_id"), text_of(case.project_id)],
        [say(words, "present.project_name"), text_of(case.decision.project_name) or "—"],
        [say(words, "report.use"), agreed(case, "use")],
        [say(words, "present.category"), agreed(case, "category")],
        [say(words, "report.supply_mode"), agreed(case, "supply_mode")],
        [say(words, "report.project_level"), agreed(case, "project_level")],
        [say(words, "report.approval_type"), agreed(case, "approval_type")],
        [say(words, "report.siting"), agreed(case, "siting")],
    ]
    rows += [[say(words, f"report.open.{name}"), say(words, "report.to_fill")] for name in LEFT_OPEN]
    table = Table("", [say(words, "report.item"), say(words, "report.content")], rows, [1, 3])
    return Block("A", say(words, "report.A"), [], [table])


def _surveyed(words: Words, parcels: Any) -> str:
    """The area of each plot, and of several the sum, by the survey's procedure."""
    stated = area_statement(parcels)
    names = [*map(text_of, parcels.parcel_id), say(words, "report.total")]
    if len(parcels) == 1:
        stated, names = stated[:1], names[:1]
    told = zip(names, stated.survey_m2, strict=True)
    return listed(
        words, [say(words, "report.survey_area.one", parcel=one, area=number(size)) for one, size in told]
    )


def boundary_block(case: Case) -> Block:
    """Block B: sizes, limits and corner points of the site."""
    words, parcels = case.words, case.parcels
    rows = []
    for site in parcels.itertuples():
        declared = site.declared_area_m2
        change = None if blank(declared) or not float(declared) else site.area_m2 / float(declared) - 1
        rows.append(
            [
                text_of(site.parcel_id),
                number(site.area_m2),
                number(site.area_m2 / SQM_PER_HECTARE, 4),
                number(site.area_m2 * MU_PER_SQM),
                number(declared),
                "—" if change is None else f"{round(change * 100, 2) + 0.0:+.2f}%",
                f"{text_of(site.source)} #{text_of(site.source_fid)}",
            ]
        )
    total = case.area_m2
    rows.append(
        [
            say(words, "report.total"),
            number(total),
            number(total / SQM_PER_HECTARE, 4),
            number(total * MU_PER_SQM),
            "",
            "",
            "",
        ]
    )
    names = ("parcel", "area_m2", "area_ha", "area_mu", "declared", "difference", "source")
    table = Table("", [say(words, f"report.{name}") for name in names], rows, [1.2, 1.3, 1, 1, 1.3, 1, 1.8])
    left, bottom, right, top = (float(side) for side in parcels.total_bounds)
    lines = [
        say(words, "report.crs", crs=crs_name(parcels.crs)),
        say(words, "report.ellipsoidal"),
        say(words, "report.survey_area", areas=_surveyed(words, parcels)),
        say(
            words,
            "report.limits",
            south=f"{bottom:.2f}",
            north=f"{top:.2f}",
            west=f"{left:.2f}",
            east=f"{right:.2f}",
        ),
    ]
    points = [[*row] for site in parcels.itertuples() for row in corner_points(site)]
    if len(points) > MOST_POINTS:
        lines.append(say(words, "report.points_elsewhere", count=len(points)))
        points = []
    tables = [table]
    if points:
        heads = ("parcel", "ring", "point", "north", "east")
        tables.append(
            Table(
                say(words, "report.points"),
                [say(words, f"report.{h}") for h in heads],
                points,
                [1.4, 0.6, 0.6, 1.5, 1.5],
            )
        )
    return Block("B", say(words, "report.B"), lines, tables)


def corner_points(site: Any) -> Iterator[list[str]]:
    """Rows of parcel, ring (1 is the outer one), point, north and east in metres, without the closing point."""
    ring_number = 0
    for polygon in shapely.get_parts(site.geometry):
        for ring in (polygon.exterior, *polygon.interiors):
            ring_number += 1
            for point, (east, north) in enumerate(shapely.get_coordinates(ring)[:-1], start=1):
                yield [text_of(site.parcel_id), str(ring_number), f"J{point}", f"{north:.3f}", f"{east:.3f}"]


def crs_name(crs: Any) -> str:
    """Name and code of a reference system."""
    code = crs.to_authority() if crs is not None else None
    return "—" if crs is None else f"{crs.name} ({':'.join(code)})" if code else crs.name


def plan_block(case: Case) -> Block:
    """Block C: the site in the plans and in the three control lines."""
    return Block("C", say(case.words, "report.C"), [], _tables(case, "C"))


def conditions_block(case: Case) -> Block:
    """Block D: planning conditions that plans state on the site, gaps left for the planning department."""
    words = case.words
    groups = words.catalogue.layers["group"]
    on_site = case.overlaps[case.overlaps.layer.map(groups) == "spatial_plan"]
    stated: list[tuple[str, dict]] = []
    for feature_id in dict.fromkeys(on_site.feature_id):
        attributes = _attributes(case.features, feature_id)
        if set(attributes) & set(block_rows("D", "attribute")):
            row = case.features.loc[feature_id]
            stated.append(
                (
                    f"{class_title(words, row.layer, row.class_code, row.class_name)} {text_of(row['name'])}".strip(),
                    attributes,
                )
            )
    columns = [say(words, "report.indicator"), *[name for name, _ in stated]] if stated else []
    rows = [
        [
            say(words, f"report.attribute.{key}"),
            *[text_of(found.get(key)) or say(words, "report.to_set") for _, found in stated],
        ]
        for key in block_rows("D", "attribute")
    ]
    if not stated:
        columns = [say(words, "report.indicator"), say(words, "report.content")]
        rows = [[row[0], say(words, "report.to_set")] for row in rows]
    lines = [say(words, "report.conditions_note" if stated else "report.conditions_none")]
    return Block(
        "D", say(words, "report.D"), lines, [Table("", columns, rows, [1.2] + [2.0] * (len(columns) - 1))]
    )


def land_block(case: Case) -> Block:
    """Block E: today's land classes, ownership, and what is already approved."""
    return Block("E", say(case.words, "report.E"), [], _tables(case, "E"))


def quota_block(case: Case) -> Block:
    """Block F: what the project takes of new construction land, farmland and basic farmland."""
    return Block("F", say(case.words, "report.F"), [say(case.words, "report.F.note")], _tables(case, "F"))


def conversion_block(case: Case) -> Block:
    """Block G: farmland to convert, and the approvals that already cover the site."""
    words = case.words
    due = measured_land(case, "agricultural_land")
    least = words.rulebook.threshold("hit_min_area")
    if due is None:
        lines = [say(words, "report.G.unknown")]
    elif due["area_m2"] > least:
        lines = [say(words, "report.G.farmland", area=area(words, due["area_m2"]))]
    elif due["unknown_m2"] > least:
        lines = [say(words, "report.G.unknown")]
    else:
        lines = [say(words, "report.G.none")]
    return Block("G", say(words, "report.G"), lines, _tables(case, "G"))


def measured_land(case: Case, subject: str) -> dict[str, float] | None:
    """Areas in square metres of a subject on the whole site: inside, outside, unknown; None where not measured."""
    rows = case.facts[case.facts.subject == subject]
    if rows.empty:
        return None
    parts = {"area_m2": "overlap_area_m2", "outside_m2": "outside_area_m2", "unknown_m2": "unknown_area_m2"}
    return {name: float(rows[column].fillna(0).astype(float).sum()) for name, column in parts.items()}


def _tables(case: Case, block: str) -> list[Table]:
    tables = [_subjects(case, block)]
    tables += [_groups(case, group) for group in block_rows(block, "group")]
    return [table for table in tables if table.rows]


def _subjects(case: Case, block: str) -> Table:
    words, rows = case.words, []
    for kind, column in (("subject", "area_m2"), ("outside", "outside_m2")):
        for subject in block_rows(block, kind):
            found = measured_land(case, subject)
            if found is None:
                continue
            title = say(words, f"report.{kind}.{subject}")
            rows.append([title, *_known_part(case, found[column], found["unknown_m2"])])
    heads = ("land", "inside_area", "share", "unknown_area")
    return Table("", [say(words, f"report.{head}") for head in heads], rows, [2, 2.6, 0.9, 1])


def _known_part(case: Case, size: float, unknown: float) -> list[str]:
    """Area, share and unknown area in words; a size that rests on unknown land is a least size, or unknown."""
    words = case.words
    if unknown < UNKNOWN_FROM_M2:
        return [area(words, size), percent(size / case.area_m2), "0"]
    if size < UNKNOWN_FROM_M2:
        return [say(words, "report.not_known"), say(words, "report.not_known"), number(unknown)]
    least = say(words, "report.at_least", size=area(words, size))
    return [least, say(words, "report.at_least", size=percent(size / case.area_m2)), number(unknown)]


def _groups(case: Case, group: str) -> Table:
    words = case.words
    groups = words.catalogue.layers["group"]
    parts = case.overlaps[case.overlaps.layer.map(groups) == group]
    sums: dict[tuple[str, str, str], float] = {}
    for part in parts.itertuples():
        feature = case.features.loc[part.feature_id] if part.feature_id in case.features.index else None
        name = "" if feature is None else feature.class_name
        document = "" if feature is None else text_of(feature.document_no)
        key = (text_of(part.layer), class_title(words, part.layer, part.class_code, name), document)
        sums[key] = sums.get(key, 0.0) + float(part.area_m2)
    rows = [
        [layer_title(words, layer), name or "—", document or "—", number(size), percent(size / case.area_m2)]
        for (layer, name, document), size in sorted(
            sums.items(), key=lambda item: (item[0][0], -item[1], item[0])
        )
    ]
    heads = ("layer", "class", "document", "area_m2", "share")
    return Table(
        say(words, f"report.group.{group}"),
        [say(words, f"report.{h}") for h in heads],
        rows,
        [1.6, 2, 1.6, 1.2, 0.9],
    )


def _attributes(features: pd.DataFrame, feature_id: str) -> dict[str, Any]:
    if feature_id not in features.index:
        return {}
    found = features.at[feature_id, "attributes"]
    if isinstance(found, dict):
        return found
    try:
        parsed = json.loads(found) if not blank(found) else {}
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
