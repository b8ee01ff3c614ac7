"""What lies on the table of a meeting: the blueprint, the rules of the day, and the sites asked about."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from onemap.blueprint.build import Blueprint
from onemap.blueprint.doors import read_blueprint
from onemap.blueprint.restated import with_conflicts
from onemap.book.rulebook import Rulebook, load_rulebook
from onemap.book.words import (
    Words,
    area,
    clauses,
    departments,
    described,
    issue_words,
    label,
    layer_title,
    say,
    split,
    text_of,
    words_of,
)
from onemap.land.parcels import Sites
from onemap.present import opinion_checks
from onemap.present.blocks import Block
from onemap.present.cards import rule_names
from onemap.present.meeting.intake import LONLAT, read_shape
from onemap.present.meeting.refusal import Refusal
from onemap.present.opinion import case_of
from onemap.review.review import FAR_M, Review, gaps, review

MOST_KEPT = 60
MOST_FACES = 30_000
FORM = ("category", "use", "supply_mode", "project_level", "approval_type", "siting")
LONGEST_NAME = 60


@dataclass(frozen=True, eq=False)
class Desk:
    """The blueprint with its rule book, and the last reviews so that they can be taken away."""

    blueprint: Blueprint
    rulebook: Rulebook
    manifest: dict
    lang: str
    kept: OrderedDict = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)


def open_desk(path: str | Path, as_of: str | None = None, lang: str = "zh") -> Desk:
    """Read a blueprint file, which is never written to, and the rules of a day (default: the blueprint's).

    Everything that does not depend on a site is worked out now. Raises InputError.
    """
    return lay(read_blueprint(path), as_of, lang)


def lay(blueprint: Blueprint, as_of: str | None = None, lang: str = "zh") -> Desk:
    """The desk for a blueprint in memory."""
    manifest = blueprint.manifest
    rulebook = load_rulebook(as_of or manifest["as_of"], dates=manifest["dates"])
    own = {"as_of": rulebook.as_of.isoformat(), "rulebook_version": rulebook.version}
    if any(manifest[key] != value for key, value in own.items()):
        blueprint = with_conflicts(blueprint, rulebook).renamed(**own)
    desk = Desk(blueprint, rulebook, manifest, lang)
    if len(blueprint.faces):
        _warm(desk)
    return desk


def _warm(desk: Desk) -> None:
    middle = desk.blueprint.faces.geometry.iloc[0].representative_point()
    sites = read_shape(
        middle.buffer(5, quad_segs=1), desk.blueprint.crs, desk.blueprint.crs, desk.rulebook.catalogue, {}
    )
    review(sites.parcels, desk.blueprint, desk.rulebook)


def ask(desk: Desk, sites: Sites, form: dict[str, str]) -> list[dict[str, Any]]:
    """Review the sites and say the answer for every project in words; the reviews are kept to be taken away.

    ``form`` fills what the sites do not say themselves. Raises Refusal when there is no site, or none nearby.
    """
    start = time.perf_counter()
    words = words_of(desk, desk.lang)
    if not len(sites.parcels):
        told = issue_lines(words, sites.issues)
        raise Refusal("none", reason=told[0] if told else say(words, "meeting.error.shape"))
    gap = gaps(sites.parcels, desk.blueprint)
    if (gap > FAR_M).all():
        raise Refusal("far", km=f"{gap.min() / 1000:,.0f}")
    touched = desk.blueprint.face_tree.query(sites.parcels.geometry.to_numpy())[1]
    if len(touched) > MOST_FACES:
        raise Refusal("wide", 413, faces=f"{len(touched):,}", limit=f"{MOST_FACES:,}")
    parcels = _filled(sites.parcels, form)
    found = review(parcels, desk.blueprint, desk.rulebook, sites.issues)
    found = replace(found, manifest=found.manifest | {"blueprint": desk.manifest})
    answers = []
    for project_id in found.decisions["project_id"]:
        key = secrets.token_hex(16)
        desk.kept[key] = (found, project_id)
        answers.append({"id": key, **answer(found, project_id, words)})
    while len(desk.kept) > MOST_KEPT:
        desk.kept.popitem(last=False)
    took = round((time.perf_counter() - start) * 1000)
    return [one | {"took_ms": took} for one in answers]


def answer(found: Review, project_id: str, words: Words) -> dict[str, Any]:
    """What the page shows of one project: words and numbers as text, the site in CGCS2000 degrees."""
    case = case_of(found, project_id, words)
    decision = case.decision
    blocks = [
        opinion_checks.control_block(case),
        opinion_checks.conflict_block(case),
        opinion_checks.duties_block(case, "J"),
        opinion_checks.duties_block(case, "K"),
        opinion_checks.route_block(case),
    ]
    conflicts = case.conflicts.sort_values("area_m2", ascending=False, kind="stable").to_dict("records")
    return {
        "project_id": text_of(project_id),
        "name": text_of(decision.project_name) or text_of(project_id),
        "verdict": {"code": decision.verdict, "text": label(words, "verdict", decision.verdict)},
        "route": {
            "code": decision.route,
            "text": label(words, "route", decision.route),
            "rule": text_of(decision.rule_id),
            "clauses": clauses(words, decision.citations),
        },
        "area": area(words, decision.area_m2),
        "area_m2": float(decision.area_m2),
        "qualifying": area(words, decision.qualifying_m2),
        "prohibited": rule_names(words, decision.prohibited),
        "consent": rule_names(words, decision.consent),
        "unknown": rule_names(words, decision.unknown),
        "missing": [layer_title(words, one) for one in split(decision.missing_layers)],
        "conflicts": [
            {
                "title": opinion_checks.conflict_title(words, row["kind"]),
                "severity": text_of(row["severity"]),
                "text": label(words, "severity", row["severity"]),
                "area": area(words, row["area_m2"]),
            }
            for row in conflicts
        ],
        "duties": _duties(case, words),
        "issues": issue_lines(words, found.issues),
        "blocks": [_block(one) for one in blocks],
        "geometry": _degrees(case.parcels),
    }


def issue_lines(words: Words, issues: Any) -> list[str]:
    """Data problems as sentences, each once."""
    lines = (issue_words(row, words.texts, words.lang) for row in issues.to_dict("records"))
    return list(dict.fromkeys(lines))


def _duties(case: Any, words: Words) -> list[dict[str, Any]]:
    stages: dict[str, list] = {}
    for row in case.preconditions.to_dict("records"):
        for stage in split(row["stage"]) or [""]:
            stages.setdefault(stage, []).append(
                {
                    "text": described(words, row["text"], row, text_of(row["condition_id"])),
                    "department": departments(words, row["department"]),
                    "status": label(words, "precondition_status", row["status"]),
                    "code": text_of(row["status"]),
                }
            )
    return [{"stage": label(words, "stage", stage), "items": items} for stage, items in stages.items()]


def _block(block: Block) -> dict[str, Any]:
    tables = [{"title": t.title, "columns": t.columns, "rows": t.rows} for t in block.tables]
    return {"title": block.title, "lines": block.lines, "notes": block.notes, "tables": tables}


def _degrees(parcels: gpd.GeoDataFrame) -> dict[str, Any]:
    shapes = parcels.geometry.to_crs(LONLAT).to_numpy()
    polygons = [
        [[[round(float(x), 10), round(float(y), 10)] for x, y in ring.coords[:-1]] for ring in _rings(part)]
        for part in shapely.get_parts(shapely.force_2d(shapes))
        if part.geom_type == "Polygon"
    ]
    return {"type": "MultiPolygon", "coordinates": polygons}


def _rings(polygon: Any) -> list[Any]:
    return [polygon.exterior, *polygon.interiors]


def _filled(parcels: gpd.GeoDataFrame, form: dict[str, str]) -> gpd.GeoDataFrame:
    parcels = parcels.copy()
    for name in FORM:
        given = form.get(name)
        if given:
            column = parcels[name].astype(object)
            parcels[name] = np.where(column.isna() | (column == ""), given, column)
    return parcels
