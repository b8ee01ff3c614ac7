"""From project sites to findings, preconditions and the pre-approval route, in one pass over the blueprint."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd

from onemap.blueprint.build import Blueprint, with_conflicts
from onemap.blueprint.memory import remembered
from onemap.blueprint.status import face_status, matching_features
from onemap.book.rulebook import Rulebook
from onemap.errors import InputError
from onemap.frames import FEATURES, ISSUES, empty, frame
from onemap.review.check import check
from onemap.review.decide import decide
from onemap.review.evaluation import evaluated
from onemap.review.logic import answer
from onemap.review.measure import Pieces, cut, find_overlaps, measure, subjects_of
from onemap.review.preconditions import derive_preconditions
from onemap.review.project import project_facts, project_units

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

    parcels, overlaps, facts, findings, preconditions, decisions, issues are the frames of ``onemap.frames``;
    conflicts has a row per parcel × conflict touched; features are the ones the sites meet, without geometry;
    sources say from which file and version they came.
    """

    as_of: date
    parcels: gpd.GeoDataFrame
    overlaps: gpd.GeoDataFrame
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

    def __repr__(self) -> str:
        return f"<Review of {len(self.decisions)} projects as of {self.as_of}>"

    def _repr_html_(self) -> str:
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
        table = self.decisions[columns].copy()
        for column in ("prohibited", "consent", "unknown"):
            table[column] = table[column].str.replace("|", " ")
        for column in ("verdict", "route"):
            table[column] = [self.rulebook.text(f"{column}.{word}") for word in table[column]]
        return f"<b>{self.as_of}</b>" + table.to_html(index=False, border=0, float_format="{:,.2f}".format)


def review(
    parcels: gpd.GeoDataFrame, blueprint: Blueprint, rulebook: Rulebook, issues: pd.DataFrame | None = None
) -> Review:
    """Review the sites: overlaps → facts → findings → preconditions → decisions, all of one day.

    parcels : frame of :func:`onemap.read_parcels` in the blueprint's CRS; issues : what reading them reported.
    A site that lies outside is unknown there and gets an issue. Raises ``InputError`` when the CRS differs or
    when every site lies farther than 50 km from the blueprint.

    >>> import onemap as om
    >>> book = om.load_rulebook("2024-03-01")
    >>> town = om.build_blueprint(om.read_features(om.sample_path(), book.catalogue), book)
    >>> sites = om.read_parcels(om.sample_path() / "sites", town.crs, book.catalogue)
    >>> om.review(sites.parcels, town, book).decisions["route"].isin(book.routes.index).all().item()
    True
    """
    if parcels.crs != blueprint.crs:
        raise InputError(
            f"sites are in {parcels.crs}, the blueprint in {blueprint.crs}",
            mend="read them with onemap.read_parcels",
        )
    parcels = parcels.reset_index(drop=True)
    gap = gaps(parcels, blueprint)
    if len(gap) and (gap > FAR_M).all():
        raise InputError(
            f"every site lies more than {FAR_M / 1000:.0f} km from the blueprint (the nearest {gap.min() / 1000:,.0f} km)",
            where=str(parcels["source"].iloc[0]),
            mend="their coordinate system or zone is wrong, or it is another town's blueprint",
        )
    asked = blueprint
    blueprint = remembered(asked, rulebook, "conflicts", lambda: with_conflicts(asked, rulebook))
    pieces = cut(parcels, blueprint)
    overlaps = find_overlaps(parcels, blueprint, rulebook, pieces)
    facts = measure(parcels, blueprint, rulebook, pieces)
    findings = check(facts, parcels, blueprint, rulebook, overlaps)

    units = project_units(parcels)
    whole = project_facts(facts, parcels)
    answers = answer(whole, units, rulebook)
    items = sorted(set(rulebook.conditions["replaceable_by"]) - {""})
    covered = evaluated(items, parcels, pieces, blueprint, rulebook, units)
    preconditions = derive_preconditions(
        units, answers, whole, covered, _named(overlaps, parcels, blueprint, rulebook), rulebook
    )
    versions = {"blueprint_version": blueprint.version, "rulebook_version": rulebook.version}
    status = pieces_status(parcels, pieces, blueprint, rulebook)
    decisions = decide(units, answers, whole, findings, status, rulebook, versions)
    met = blueprint.features["feature_id"].isin(_met(overlaps, findings))
    return Review(
        as_of=rulebook.as_of,
        parcels=parcels,
        overlaps=overlaps,
        facts=facts,
        findings=findings,
        preconditions=preconditions,
        decisions=decisions,
        conflicts=parcel_conflicts(parcels, pieces, blueprint),
        issues=pd.concat(
            [p for p in (issues, outside_issues(parcels, pieces, gap)) if p is not None and len(p)]
            or [empty(ISSUES)],
            ignore_index=True,
        ),
        features=pd.DataFrame(blueprint.features[met][[c for c in FEATURES if c != "geometry"]]).reset_index(
            drop=True
        ),
        sources=blueprint.sources,
        rulebook=rulebook,
        blueprint=blueprint,
        manifest={"as_of": rulebook.as_of.isoformat(), **versions, "blueprint": blueprint.manifest},
    )


def pieces_status(parcels, pieces: Pieces, blueprint, rulebook) -> pd.DataFrame:
    """The pieces with their project, area and three-valued membership in every subject."""
    status = face_status(blueprint, rulebook, subjects_of(rulebook)).iloc[pieces.face].reset_index(drop=True)
    status["project_id"] = parcels["project_id"].to_numpy()[pieces.parcel]
    status["area_m2"] = pieces.area_m2
    return status[status["area_m2"] > 0]


def parcel_conflicts(parcels, pieces: Pieces, blueprint) -> pd.DataFrame:
    """The conflicts that each parcel touches with area, and how much of each."""
    cut_up = pd.DataFrame(
        {
            "parcel": pieces.parcel,
            "face_id": blueprint.faces["face_id"].to_numpy()[pieces.face],
            "area_m2": pieces.area_m2,
        }
    )
    long = cut_up[cut_up["area_m2"] > 0].merge(blueprint.conflict_faces, on="face_id")
    if long.empty:
        return empty(PARCEL_CONFLICTS)
    table = long.groupby(["parcel", "conflict_id"], sort=True)["area_m2"].sum().reset_index()
    own = blueprint.conflicts.drop(columns=["area_m2", "geometry"])
    table = table.merge(pd.DataFrame(own), on="conflict_id", how="left")
    table["project_id"] = parcels["project_id"].to_numpy()[table["parcel"]]
    table["parcel_id"] = parcels["parcel_id"].to_numpy()[table["parcel"]]
    table["share"] = table["area_m2"] / parcels["area_m2"].to_numpy()[table["parcel"]]
    return table[PARCEL_CONFLICTS]


def outside_issues(parcels, pieces: Pieces, gap: np.ndarray) -> pd.DataFrame:
    """One issue per parcel of which some area lies outside the whole blueprint, or which lies far away."""
    inside = np.bincount(pieces.parcel, weights=pieces.area_m2, minlength=len(parcels))
    outside = parcels["area_m2"].to_numpy() - inside
    rows = []
    for i in np.flatnonzero(outside > 0.01):
        code = "far_from_blueprint" if gap[i] > FAR_M else "outside_blueprint"
        rows.append(
            {
                "source": parcels["source"].iloc[i],
                "layer": "sites",
                "source_fid": parcels["source_fid"].iloc[i],
                "field": "geometry",
                "issue": code,
                "value": str(round(float(outside[i]), 2)),
                "message": f"issue.{code}",
                "severity": "warning" if inside[i] else "error",
                "responsible": None,
                "place": parcels.geometry.iloc[i].representative_point().wkt,
            }
        )
    return frame(rows, ISSUES)


def gaps(parcels, blueprint) -> np.ndarray:
    """How far (m) each parcel's bounds lie from the bounds of the blueprint; 0 inside."""
    west, south, east, north = blueprint.faces.total_bounds
    b = parcels.bounds
    apart = np.stack([west - b["maxx"], b["minx"] - east, south - b["maxy"], b["miny"] - north])
    return np.maximum(apart.max(axis=0), 0.0)


def _named(overlaps, parcels, blueprint, rulebook):
    project = parcels.set_index("parcel_id")["project_id"]
    long = pd.DataFrame(
        {"project_id": overlaps["parcel_id"].map(project), "feature_id": overlaps["feature_id"]}
    )
    sought: dict[str, dict] = {}

    def named(subject: str, project_id: str) -> str:
        if subject not in sought:
            ids = matching_features(blueprint, rulebook, subject)["feature_id"]
            own = long[long["feature_id"].isin(ids)]
            sought[subject] = (
                own.groupby("project_id")["feature_id"].agg(lambda s: "|".join(sorted(set(s)))).to_dict()
            )
        return sought[subject].get(project_id, "")

    return named


def _met(overlaps, findings) -> set[str]:
    return set(overlaps["feature_id"]) | {i for ids in findings["feature_ids"] for i in ids.split("|") if i}
