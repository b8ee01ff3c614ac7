"""How much of each parcel lies in what: exact areas, shares and distances, with what is not known kept apart."""

from __future__ import annotations

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from onemap.blueprint.memory import column_of, feature_order, remembered
from onemap.blueprint.slivers import is_sliver
from onemap.blueprint.status import status_at
from onemap.frames import FACTS, OVERLAPS, TRUE, UNKNOWN, empty
from onemap.review.distance import distances
from onemap.review.pieces import Pieces, cut, way_for


class Shared(NamedTuple):
    """Which features each parcel meets with area: one entry per parcel × feature, by parcel, layer and feature id.

    parcel, feature : positions; area_m2 : of the parcel in the feature; start : where the entry's pieces begin in piece
    """

    parcel: np.ndarray
    feature: np.ndarray
    area_m2: np.ndarray
    start: np.ndarray
    piece: np.ndarray


def shared(pieces: Pieces, blueprint) -> Shared:
    """The features that the pieces lie in, and how much of the parcel lies in each."""
    real = np.flatnonzero(pieces.area_m2 > 0)
    which, feature = pieces.ground.covers.at(pieces.face[real])
    piece = real[which]
    order = np.lexsort((piece, feature_order(blueprint)[feature], pieces.parcel[piece]))
    piece, feature = piece[order], feature[order]
    parcel = pieces.parcel[piece]
    start = np.flatnonzero((np.diff(parcel, prepend=-1) != 0) | (np.diff(feature, prepend=-1) != 0))
    area = np.add.reduceat(pieces.area_m2[piece], start) if len(start) else np.empty(0)
    return Shared(parcel[start], feature[start], area, start, piece)


def find_overlaps(
    parcels: gpd.GeoDataFrame, blueprint, rulebook, pieces: Pieces | None = None
) -> gpd.GeoDataFrame:
    """Every piece of a parcel that lies in a feature (压占), with its area and its share of the parcel.

    Features of one layer that overlap each other each keep their own area here; areas per layer, where overlaps
    count once, are in :func:`measure`. columns : parcel_id feature_id layer class_code area_m2 (ellipsoidal)
    share sliver geometry
    """
    if pieces is None or pieces.geometry is None:
        pieces = cut(parcels, blueprint)
    found = shared(pieces, blueprint)
    if not len(found.parcel):
        return empty(OVERLAPS, blueprint.crs)
    shapes = [shapely.union_all(part) for part in np.split(pieces.geometry[found.piece], found.start[1:])]
    table = {
        c: column_of(blueprint, "features", c)[found.feature] for c in ("feature_id", "layer", "class_code")
    }
    table["parcel_id"] = parcels["parcel_id"].to_numpy()[found.parcel]
    table["area_m2"] = found.area_m2
    table["share"] = found.area_m2 / parcels["area_m2"].to_numpy()[found.parcel]
    table["sliver"] = is_sliver(np.array(shapes, dtype=object), found.area_m2, rulebook)
    return gpd.GeoDataFrame(pd.DataFrame(table), geometry=shapes, crs=blueprint.crs)[OVERLAPS]


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
    pieces = way_for(len(parcels))(parcels, blueprint) if pieces is None else pieces
    subjects = subjects_of(rulebook)
    status = status_at(pieces.ground, blueprint, rulebook, subjects, pieces.face)
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

    names = np.array(subjects, dtype=object)
    return pd.DataFrame(
        {
            "parcel_id": np.repeat(parcels["parcel_id"].to_numpy(dtype=object), len(subjects)),
            "subject": np.tile(names, len(parcels)),
            "layer": np.tile(layers_of(rulebook), len(parcels)),
            "known_share": (1.0 - np.minimum(unknown / total, 1.0)).ravel(),
            "overlap_area_m2": overlap.ravel(),
            "overlap_share": (overlap / total).ravel(),
            "outside_area_m2": outside.ravel(),
            "outside_share": (outside / total).ravel(),
            "unknown_area_m2": unknown.ravel(),
            "touches": (contact & (overlap <= rulebook.threshold("hit_min_area"))).ravel(),
            "distance_m": distance.ravel(),
            "distance_unknown_m": distance_unknown.ravel(),
        },
        columns=FACTS,
    )


def subjects_of(rulebook) -> list[str]:
    """The subjects that any predicate of the rule book measures, sorted."""
    return remembered(rulebook, None, "subjects", lambda: sorted(set(rulebook.predicates["subject"]) - {""}))


def layers_of(rulebook) -> np.ndarray:
    """For each subject of :func:`subjects_of` its layers, joined by ``|``."""

    def make() -> np.ndarray:
        own = rulebook.subjects.groupby("subject_id")["layer"].agg(lambda s: "|".join(dict.fromkeys(s)))
        return np.array([own.get(s, s) for s in subjects_of(rulebook)], dtype=object)

    return remembered(rulebook, None, "subject_layers", make)


def _sum_by(group: np.ndarray, values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    out = np.zeros(shape)
    if len(group):
        starts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
        out[group[starts]] = np.add.reduceat(values, starts, axis=0)
    return out
