"""From project sites to findings, preconditions and the pre-approval route, in one pass over the blueprint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cached_property, partial

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from onemap.blueprint.build import Blueprint
from onemap.blueprint.memory import bounds_of, column_of, feature_order, remembered
from onemap.blueprint.near import part_near
from onemap.blueprint.restated import with_conflicts
from onemap.blueprint.status import status_at
from onemap.book.rulebook import Rulebook
from onemap.errors import InputError
from onemap.frames import FEATURES, ISSUES, empty, frame
from onemap.messages import Message, spoken, told
from onemap.review.check import Meetings, findings_of, joined
from onemap.review.decide import Standing, decide
from onemap.review.distance import distant_layers
from onemap.review.evaluation import evaluated
from onemap.review.logic import answer
from onemap.review.measure import find_overlaps, measure, shared, subjects_of
from onemap.review.pieces import Pieces, way_for
from onemap.review.preconditions import derive_preconditions
from onemap.review.project import project_facts, project_of, project_units

PARCEL_CONFLICTS = [
    "project_id",
    "parcel_id",
    "conflict_id",
    "kind",
    "area_m2",
    "share",
    "severity",
    "proposal",
    "authority",
    "citations",
    "sliver",
]
FAR_M = (
    50_000.0  # a site farther from the blueprint than this is more likely in a wrong zone than proposed there
)


@dataclass(frozen=True, eq=False, repr=False)
class Review:
    """What was found about the projects as the law stood on ``as_of``.

    parcels, overlaps, facts, findings, preconditions, decisions, issues are the frames of ``onemap.frames``; overlaps
    are drawn when they are first asked for, by ``draw_overlaps``; conflicts has a row per parcel × conflict touched;
    features are the ones the sites meet, by layer and id, without geometry; sources say from which file and version they came;
    outside are the positions of the parcels that the last rows of issues are about, one each.
    """

    as_of: date
    parcels: gpd.GeoDataFrame
    draw_overlaps: Callable[[], gpd.GeoDataFrame]
    facts: pd.DataFrame
    findings: pd.DataFrame
    preconditions: pd.DataFrame
    decisions: pd.DataFrame
    conflicts: pd.DataFrame
    issues: pd.DataFrame
    features: pd.DataFrame
    sources: pd.DataFrame
    rulebook: Rulebook
    blueprint: Blueprint
    manifest: dict
    outside: tuple[int, ...] = ()

    @cached_property
    def overlaps(self) -> gpd.GeoDataFrame:
        """Every piece of a parcel that lies in a feature, see :func:`onemap.find_overlaps`."""
        return self.draw_overlaps()

    def __repr__(self) -> str:
        return f"<Review of {len(self.decisions)} projects as of {self.as_of}>"

    def _repr_html_(self) -> str:
        from onemap.book.readable import drawn
        from onemap.book.words import words_of

        columns = [
            "project_id",
            "project_name",
            "area_m2",
            "verdict",
            "route",
            "prohibited",
            "consent",
            "unknown",
        ]
        table = self.decisions[columns]
        head = {"as_of": self.as_of, "projects": len(table)}
        return drawn(words_of(self, spoken()), "shown.review", table, **head)


def review(
    parcels: gpd.GeoDataFrame,
    blueprint: Blueprint,
    rulebook: Rulebook,
    issues: pd.DataFrame | None = None,
    among: int | None = None,
) -> Review:
    """Review the sites: overlaps → facts → findings → preconditions → decisions, all of one day.

    parcels : frame of :func:`onemap.read_parcels` in the blueprint's CRS; issues : what reading them reported; among : how many
    parcels the list has that these are part of (default: they are all of it); see :func:`fits`, which is asked of whole lists.
    A site that lies outside is unknown there and gets an issue. Raises ``InputError`` when the CRS differs or
    when every site lies farther than 50 km from the blueprint.

    >>> import onemap as om
    >>> book = om.load_rulebook("2024-03-01")
    >>> town = om.build_blueprint(om.read_features(om.sample_path(), book.catalogue), book)
    >>> sites = om.read_parcels(om.sample_path() / "sites", town.crs, book.catalogue)
    >>> om.review(sites.parcels, town, book).decisions["route"].isin(book.routes.index).all().item()
    True
    """
    parcels = parcels.reset_index(drop=True)
    gap = gaps(parcels, blueprint)
    if among is None:
        fits(parcels, blueprint, gap)
    blueprint = _under(rulebook, blueprint)
    project, units = project_of(parcels), project_units(parcels)
    bounds = shapely.bounds(parcels.geometry.to_numpy())
    here = part_near(blueprint, bounds, distant_layers(rulebook))
    pieces = way_for(among or len(parcels))(parcels, here)
    met = shared(pieces, here)
    meetings = Meetings(parcels, here, rulebook, met.parcel, met.feature)
    facts = measure(parcels, here, rulebook, pieces)
    findings = findings_of(facts, parcels, rulebook, meetings)

    whole = project_facts(facts, parcels)
    answers = answer(whole, units, rulebook)
    items = sorted(set(rulebook.conditions["replaceable_by"]) - {""})
    covered = evaluated(items, project, pieces, here, rulebook, units)
    named = partial(named_by_project, meetings, project)
    preconditions = derive_preconditions(units, answers, whole, covered, named, rulebook)
    versions = {"blueprint_version": blueprint.version, "rulebook_version": rulebook.version}
    standing = standing_of(project, pieces, here, rulebook)
    decisions = decide(units, answers, whole, findings, standing, rulebook, versions)
    outside, beyond = outside_issues(parcels, pieces, gap, rulebook.threshold("outside_report_area"))
    wrong = [issues] if issues is not None and len(issues) else []
    wrong += [frame(beyond, ISSUES)] if beyond else []
    features = remembered(here, None, "features_flat", lambda: _flat(here.features))
    seen = np.array(sorted({*met.feature.tolist(), *meetings.near}), dtype=np.intp)
    seen = seen[np.argsort(feature_order(here)[seen])]
    return Review(
        as_of=rulebook.as_of,
        parcels=parcels,
        draw_overlaps=partial(find_overlaps, parcels, here, rulebook, pieces),
        facts=facts,
        findings=findings,
        preconditions=preconditions,
        decisions=decisions,
        conflicts=parcel_conflicts(parcels, pieces, here),
        issues=pd.concat(wrong, ignore_index=True) if wrong else empty(ISSUES),
        features=features.iloc[seen].reset_index(drop=True),
        sources=blueprint.sources,
        rulebook=rulebook,
        blueprint=blueprint,
        manifest={"as_of": rulebook.as_of.isoformat(), **versions, "blueprint": blueprint.manifest},
        outside=tuple(outside.tolist()),
    )


def standing_of(project: np.ndarray, pieces: Pieces, blueprint, rulebook) -> Standing:
    """The pieces with area, with their project and their three-valued membership in every subject.

    project : the position of each parcel's project
    """
    real = np.flatnonzero(pieces.area_m2 > 0)
    subjects = subjects_of(rulebook)
    status = status_at(pieces.ground, blueprint, rulebook, subjects, pieces.face[real])
    by_subject = {subject: status[:, i] for i, subject in enumerate(subjects)}
    return Standing(project[pieces.parcel[real]], pieces.area_m2[real], by_subject)


def named_by_project(meetings: Meetings, project: np.ndarray, subject: str) -> dict[int, str]:
    """Per project (position) the features of the subject that its parcels meet, sorted, each once, joined by ``|``."""
    own = meetings.certain(subject)
    pairs = np.unique(np.stack([project[meetings.parcel[own]], meetings.feature[own]], axis=1), axis=0)
    ids = meetings.ids[pairs[:, 1]]
    order = np.lexsort((ids, pairs[:, 0]))
    return joined(pairs[order, 0], ids[order])


def parcel_conflicts(parcels, pieces: Pieces, blueprint) -> pd.DataFrame:
    """The conflicts that each parcel touches with area, and how much of each."""
    real = np.flatnonzero(pieces.area_m2 > 0)
    which, conflict = pieces.ground.conflicts.at(pieces.face[real])
    if not len(which):
        return empty(PARCEL_CONFLICTS)
    parcel, area = pieces.parcel[real][which], pieces.area_m2[real][which]
    ids = column_of(blueprint, "conflicts", "conflict_id")[conflict]
    order = np.lexsort((ids, parcel))
    parcel, conflict, area = parcel[order], conflict[order], area[order]
    starts = np.flatnonzero((np.diff(parcel, prepend=-1) != 0) | (np.diff(conflict, prepend=-1) != 0))
    parcel, conflict, area = parcel[starts], conflict[starts], np.add.reduceat(area, starts)
    own = {
        "project_id": parcels["project_id"].to_numpy(dtype=object)[parcel],
        "parcel_id": parcels["parcel_id"].to_numpy(dtype=object)[parcel],
        "area_m2": area,
        "share": area / parcels["area_m2"].to_numpy()[parcel],
        "sliver": column_of(blueprint, "conflicts", "sliver")[conflict].astype(bool),
    }
    known = {c: column_of(blueprint, "conflicts", c)[conflict] for c in PARCEL_CONFLICTS if c not in own}
    return pd.DataFrame(own | known, columns=PARCEL_CONFLICTS)


def outside_issues(
    parcels, pieces: Pieces, gap: np.ndarray, least_m2: float
) -> tuple[np.ndarray, list[dict]]:
    """The parcels (positions) of which more than ``least_m2`` lies outside the whole blueprint, or far away, and a row of ``issues`` for each."""
    inside = np.bincount(pieces.parcel, weights=pieces.area_m2, minlength=len(parcels))
    outside = parcels["area_m2"].to_numpy() - inside
    at, rows = np.flatnonzero(outside > least_m2), []
    for i in at:
        code = "far_from_blueprint" if gap[i] > FAR_M else "outside_blueprint"
        rows.append(
            {
                "source": parcels["source"].iloc[i],
                "layer": "sites",
                "source_fid": parcels["source_fid"].iloc[i],
                "field": "geometry",
                "issue": code,
                "value": str(round(float(outside[i]), 2)),
                "severity": "warning" if inside[i] else "error",
                "responsible": None,
                "place": parcels.geometry.iloc[i].representative_point().wkt,
            }
            | told(Message("review.site.far") if gap[i] > FAR_M else Message("review.site.outside"))
        )
    return at, rows


def fits(parcels, blueprint, gap: np.ndarray) -> None:
    """Refuse parcels in another CRS than the blueprint's, or all of which lie (``gap``, m) too far from it."""
    if parcels.crs != blueprint.crs:
        raise InputError("review.crs.differs", own=parcels.crs, blueprint=blueprint.crs)
    if len(gap) and (gap > FAR_M).all():
        raise InputError(
            "review.sites.far",
            where=str(parcels["source"].iloc[0]),
            limit_km=FAR_M / 1000,
            nearest_km=gap.min() / 1000,
        )


def gaps(parcels, blueprint) -> np.ndarray:
    """How far (m) each parcel's bounds lie from the bounds of the blueprint; 0 inside."""
    west, south, east, north = bounds_of(blueprint)
    low_x, low_y, high_x, high_y = shapely.bounds(parcels.geometry.to_numpy()).T
    apart = np.stack([west - high_x, low_x - east, south - high_y, low_y - north])
    return np.maximum(apart.max(axis=0), 0.0)


def _under(rulebook, blueprint: Blueprint) -> Blueprint:
    """The blueprint with the conflicts of this rule book, found once."""

    def make() -> Blueprint | None:
        found = with_conflicts(blueprint, rulebook)
        return None if found is blueprint else found  # what is remembered must not hold its owner

    return remembered(blueprint, rulebook, "conflicts", make) or blueprint


def _flat(features: gpd.GeoDataFrame) -> pd.DataFrame:
    return pd.DataFrame(features[[c for c in FEATURES if c != "geometry"]])
