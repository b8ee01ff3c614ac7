"""How much of each parcel lies in what: exact areas, shares and distances, with what is not known kept apart."""

from __future__ import annotations

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from onemap.blueprint.memory import covers_at, remembered
from onemap.blueprint.slivers import is_sliver
from onemap.blueprint.status import face_status, matching_features
from onemap.frames import FACTS, OVERLAPS, TRUE, UNKNOWN, empty
from onemap.land.area import ellipsoidal_area


class Pieces(NamedTuple):
    """The parcels cut by the faces of a blueprint: one entry per parcel × face, contacts without area too.

    parcel, face : positions in the two frames; area_m2 : ellipsoidal; geometry : polygons, or empty for contacts
    """

    parcel: np.ndarray
    face: np.ndarray
    area_m2: np.ndarray
    geometry: np.ndarray


def cut(parcels: gpd.GeoDataFrame, blueprint) -> Pieces:
    """Cut the parcels along the faces of the blueprint; faces wholly inside a parcel are taken as they are."""
    faces = blueprint.faces.geometry.to_numpy()
    sites = parcels.geometry.to_numpy()
    shapely.prepare(sites)
    parcel, face = blueprint.face_tree.query(sites, predicate="intersects")
    order = np.lexsort((face, parcel))
    parcel, face = parcel[order], face[order]
    whole = shapely.contains(sites[parcel], faces[face])
    geometry = faces[face].copy()
    geometry[~whole] = polygonal(shapely.intersection(faces[face[~whole]], sites[parcel[~whole]]))
    area = blueprint.faces["area_m2"].to_numpy()[face].copy()
    area[~whole] = ellipsoidal_area(geometry[~whole], blueprint.crs)
    return Pieces(parcel, face, area, geometry)


def polygonal(geometries: np.ndarray) -> np.ndarray:
    """Only the polygons of each geometry: lines and points of a contact become an empty polygon.

    >>> polygonal(np.array([shapely.from_wkt("GEOMETRYCOLLECTION (POINT (0 0))")]))[0].is_empty
    True
    """
    out = np.asarray(geometries, dtype=object).copy()
    kind = shapely.get_type_id(out)
    out[~np.isin(kind, (3, 6, 7))] = shapely.Polygon()
    for i in np.flatnonzero(kind == 7):
        parts = shapely.get_parts(out[i])
        out[i] = shapely.union_all(parts[np.isin(shapely.get_type_id(parts), (3, 6))])
    return out


def find_overlaps(
    parcels: gpd.GeoDataFrame, blueprint, rulebook, pieces: Pieces | None = None
) -> gpd.GeoDataFrame:
    """Every piece of a parcel that lies in a feature (压占), with its area and its share of the parcel.

    Features of one layer that overlap each other each keep their own area here; areas per layer, where overlaps
    count once, are in :func:`measure`. columns : parcel_id feature_id layer class_code area_m2 (ellipsoidal)
    share sliver geometry
    """
    pieces = cut(parcels, blueprint) if pieces is None else pieces
    real = pieces.area_m2 > 0
    cut_up = pd.DataFrame(
        {
            "parcel": pieces.parcel[real],
            "face_id": blueprint.faces["face_id"].to_numpy()[pieces.face[real]],
            "area_m2": pieces.area_m2[real],
            "piece": np.flatnonzero(real),
        }
    )
    long = cut_up.merge(covers_at(blueprint, pieces.face[real]), on="face_id").sort_values(
        ["parcel", "layer", "feature_id", "piece"]
    )
    if long.empty:
        return empty(OVERLAPS, blueprint.crs)
    groups = long.groupby(["parcel", "layer", "feature_id"], sort=True)
    table = groups["area_m2"].sum().reset_index()
    split = np.cumsum(groups.size().to_numpy())[:-1]
    shapes = [shapely.union_all(part) for part in np.split(pieces.geometry[long["piece"].to_numpy()], split)]
    table["parcel_id"] = parcels["parcel_id"].to_numpy()[table["parcel"]]
    table["share"] = table["area_m2"] / parcels["area_m2"].to_numpy()[table["parcel"]]
    classes = blueprint.features.set_index("feature_id")["class_code"]
    table["class_code"] = table["feature_id"].map(classes)
    out = gpd.GeoDataFrame(table, geometry=shapes, crs=blueprint.crs)
    out["sliver"] = is_sliver(out.geometry.to_numpy(), out["area_m2"].to_numpy(), rulebook)
    return out[OVERLAPS]


def measure(parcels: gpd.GeoDataFrame, blueprint, rulebook, pieces: Pieces | None = None) -> pd.DataFrame:
    """What is measured of every parcel against every subject of the rule book.

    One row per parcel × subject, in the order of the parcels and of :func:`subjects_of`. Areas are ellipsoidal
    and count overlaps once: ``overlap + outside + unknown = area`` of the parcel. What lies outside every face
    of the blueprint is unknown. ``touches`` is contact without area. Distances (m, in the blueprint's plane) are
    given for the subjects that a distance rule asks for: ``distance_m`` to the nearest certain feature
    (infinite when there is none), ``distance_unknown_m`` to the nearest place that is not known.

    columns : parcel_id subject layer known_share overlap_area_m2 overlap_share outside_area_m2 outside_share
    unknown_area_m2 touches distance_m distance_unknown_m
    """
    pieces = cut(parcels, blueprint) if pieces is None else pieces
    subjects = subjects_of(rulebook)
    status = face_status(blueprint, rulebook, subjects).to_numpy()[pieces.face]
    shape = (len(parcels), len(subjects))
    total = parcels["area_m2"].to_numpy(dtype=float)[:, None]
    overlap = _sum_by(pieces.parcel, np.where(status == TRUE, pieces.area_m2[:, None], 0.0), shape)
    unknown = _sum_by(pieces.parcel, np.where(status == UNKNOWN, pieces.area_m2[:, None], 0.0), shape)
    inside = _sum_by(pieces.parcel, pieces.area_m2[:, None], (len(parcels), 1))
    unknown = unknown + np.maximum(total - inside, 0.0)
    overlap = np.minimum(overlap, total)
    outside = np.maximum(total - overlap - unknown, 0.0)
    contact = _sum_by(pieces.parcel, (status == TRUE).astype(float), shape) > 0
    distance, distance_unknown = distances(parcels, blueprint, rulebook, subjects)

    layers = {
        s: "|".join(dict.fromkeys(rulebook.subjects.loc[rulebook.subjects["subject_id"] == s, "layer"])) or s
        for s in subjects
    }
    facts = pd.DataFrame(
        {
            "parcel_id": np.repeat(parcels["parcel_id"].to_numpy(), len(subjects)),
            "subject": np.tile(np.array(subjects, dtype=object), len(parcels)),
            "overlap_area_m2": overlap.ravel(),
            "outside_area_m2": outside.ravel(),
            "unknown_area_m2": unknown.ravel(),
            "overlap_share": (overlap / total).ravel(),
            "outside_share": (outside / total).ravel(),
            "known_share": (1.0 - np.minimum(unknown / total, 1.0)).ravel(),
            "touches": (contact & (overlap <= rulebook.threshold("hit_min_area"))).ravel(),
            "distance_m": distance.ravel(),
            "distance_unknown_m": distance_unknown.ravel(),
        }
    )
    facts["layer"] = facts["subject"].map(layers)
    return facts[FACTS]


def subjects_of(rulebook) -> list[str]:
    """The subjects that any predicate of the rule book measures, sorted."""
    asked = rulebook.predicates["subject"]
    return sorted(asked[asked != ""].unique())


def distances(parcels, blueprint, rulebook, subjects: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Distances in metres to the nearest certain feature and to the nearest unknown place, parcels × subjects."""
    near = np.full((len(parcels), len(subjects)), np.nan)
    unknown = np.full((len(parcels), len(subjects)), np.nan)
    predicates = rulebook.predicates
    asked = set(predicates.loc[predicates["measure"] == "distance_m", "subject"])
    sites = parcels.geometry.to_numpy()
    regions: dict[bytes, np.ndarray] = {}
    status = face_status(blueprint, rulebook, sorted(asked))
    for column, subject in enumerate(subjects):
        if subject not in asked:
            continue
        near[:, column] = np.inf
        tree = feature_tree(blueprint, rulebook, subject)
        if len(tree) and len(sites):
            at, gap = tree.query_nearest(sites, return_distance=True, all_matches=False)
            near[at[0], column] = gap
        known = status[subject].to_numpy() != UNKNOWN
        key = known.tobytes()
        if key not in regions:
            regions[key] = _gap_to_unknown(sites, known_region(blueprint, rulebook, known))
        unknown[:, column] = regions[key]
    return near, unknown


def feature_tree(blueprint, rulebook, subject: str) -> shapely.STRtree:
    """The index over the features of a subject, in the order of :func:`matching_features`."""
    return remembered(
        blueprint,
        rulebook,
        ("feature_tree", subject),
        lambda: shapely.STRtree(matching_features(blueprint, rulebook, subject).geometry.to_numpy()),
    )


def known_region(blueprint, rulebook, known: np.ndarray) -> tuple | None:
    """The union of the faces of a mask, prepared, with its boundary; None when there is none."""

    def make():
        faces = blueprint.faces.geometry.to_numpy()[known]
        if not len(faces):
            return None
        region = shapely.coverage_union_all(faces)
        shapely.prepare(region)
        return region, shapely.boundary(region)

    return remembered(blueprint, rulebook, ("known_region", known.tobytes()), make)


def _gap_to_unknown(sites: np.ndarray, place: tuple | None) -> np.ndarray:
    if place is None:
        return np.zeros(len(sites))
    region, edge = place
    return np.where(shapely.covers(region, sites), shapely.distance(sites, edge), 0.0)


def _sum_by(group: np.ndarray, values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    out = np.zeros(shape)
    if len(group):
        starts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
        out[group[starts]] = np.add.reduceat(values, starts, axis=0)
    return out
