"""The part of a stored blueprint around some places: what a review or a map there reads, and nothing else of the city."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from onemap.blueprint.arrangement import order_of
from onemap.blueprint.build import Blueprint
from onemap.blueprint.memory import bounds_of
from onemap.blueprint.objects import to_frame
from onemap.blueprint.postgis import Served
from onemap.blueprint.restated import Restated, restate
from onemap.blueprint.slices import boxes_of, get_slices
from onemap.blueprint.store import Stored, in_order, meet_any, meeting_pairs, with_bare
from onemap.frames import CONFLICTS, FEATURES

SHARE = (
    0.25  # of the tiles, or of the land, from which on the whole is read: it can serve the next place as well
)
WHOLE = 256  # tiles that are ever read whole for the next place
PLAIN = [c for c in CONFLICTS if c != "geometry"]


class Reach(NamedTuple):
    """Which tables of faces lie near which places: one entry per place × table.

    place, table : positions; faces : how many each table holds
    """

    place: np.ndarray
    table: np.ndarray
    faces: np.ndarray


class Around:
    """Where the frames of a part come from: its own are at hand, all others are the whole's, read once."""

    def __init__(self, whole: Blueprint, own: dict[str, pd.DataFrame]):
        self.whole, self.own, self.bounds = whole, own, whole.stored.bounds

    def load(self, name: str) -> dict[str, pd.DataFrame]:
        """The frame of that name."""
        return {name: self.own[name] if name in self.own else getattr(self.whole, name)}


def part_near(
    blueprint: Blueprint, bounds: np.ndarray, layers: Iterable[str] = (), drawn: bool = False
) -> Blueprint:
    """The faces that meet any of the bounds, with what covers them and their conflicts; all other frames are the whole's.

    bounds : one row per place, west, south, east, north; layers : whose features are all in it, with their geometry; other
    features have none, nor have the conflicts, unless they are to be ``drawn``. Faces and conflicts stand in the order of
    the whole, and so do features that are drawn. The blueprint itself where it is no store's or is read already, or where
    it is small and the bounds meet a good part of its tiles.
    """
    stored = blueprint.__dict__.get("stored")
    if not isinstance(stored, Stored | Served | Restated) or "faces" in blueprint.__dict__:
        return blueprint
    bounds = placed(bounds)
    if isinstance(stored, Restated):
        return _restated(blueprint, stored, bounds, layers)
    if isinstance(stored, Served):
        return _part(blueprint, stored.near(bounds, layers, drawn))
    if not len(stored.rows):
        return blueprint
    chosen = np.flatnonzero(meet_any(stored.bounds, bounds))
    if len(stored.rows) <= WHOLE and len(chosen) > max(SHARE * len(stored.rows), 4):
        return blueprint
    found = stored.frames_at(chosen if len(chosen) else np.zeros(1, dtype=np.intp), bounds)
    conflicts = _conflicts(stored, found.conflict_faces["conflict_id"].unique(), drawn)
    order = order_of(found.faces.geometry.to_numpy()) if len(found.faces) else np.empty(0, dtype=np.intp)
    own = in_order(found, order, conflicts["conflict_id"].tolist())
    slices = _slices_near(stored, bounds) if drawn else set()
    own |= {"conflicts": conflicts, "features": _features(stored, found.features, set(layers), slices)}
    return _part(blueprint, own)


def reach_of(blueprint: Blueprint, bounds: np.ndarray) -> Reach:
    """What :func:`part_near` would read for each of the bounds; nothing where it would read no tables of a store."""
    stored = blueprint.__dict__.get("stored")
    if isinstance(stored, Restated):
        stored = stored.whole.stored
    if not isinstance(stored, Stored) or "faces" in blueprint.__dict__:
        return Reach(*np.empty((3, 0), dtype=np.int64))
    at = np.flatnonzero(np.isfinite(bounds).all(axis=1))
    place, table = meeting_pairs(stored.bounds, bounds[at])
    return Reach(at[place], table, stored.counts)


def placed(bounds: np.ndarray) -> np.ndarray:
    """The bounds of what has a place at all."""
    return bounds[np.isfinite(bounds).all(axis=1)]


def _restated(blueprint: Blueprint, stored: Restated, bounds: np.ndarray, layers: Iterable[str]) -> Blueprint:
    """The part with the conflicts of another day or book; the blueprint where these lie in a good part of the city."""
    whole, (west, south, east, north) = stored.whole, bounds_of(stored.whole)

    def around(boxes: np.ndarray) -> Blueprint | None:
        wide = shapely.union_all(shapely.box(*boxes.T)).area > SHARE * (east - west) * (north - south)
        part = whole if wide else part_near(whole, np.vstack([bounds, boxes]), drawn=True)
        return None if part is whole else part

    part = part_near(whole, bounds, layers, drawn=True)
    own = None if part is whole else restate(part, stored.rulebook, around)
    return blueprint if own is None else Blueprint.opened(Around(part, own), part.crs, blueprint.manifest)


def _part(whole: Blueprint, own: dict[str, pd.DataFrame]) -> Blueprint:
    return Blueprint.opened(Around(whole, own), whole.crs, whole.manifest)


def _conflicts(stored: Stored, ids: np.ndarray, drawn: bool) -> pd.DataFrame:
    """The conflicts of these ids, with their geometry where they are to be drawn."""
    name = stored.listed["tables"]["conflicts"]
    plain = stored.table(name, PLAIN)
    at = pc.indices_nonzero(pc.is_in(plain["conflict_id"], pa.array(ids, type=pa.string())))
    if not drawn:
        return to_frame(plain.take(at), PLAIN)
    shapes = stored.table(name, ["geometry"])["geometry"].take(at)
    return to_frame(plain.take(at).append_column("geometry", shapes), CONFLICTS, stored.crs)


def _slices_near(stored: Stored, bounds: np.ndarray) -> set[str]:
    """The names of the slices of features that have a place in common with any of the bounds; of all where no list tells."""
    if "slices" not in stored.listed["tables"]:
        return {name for names in stored.listed["features"].values() for name in names}
    slices = get_slices(stored.folder, stored.listed["tables"]["slices"])
    every = [one for own in slices.values() for one in own]
    return {every[i].name for i in np.flatnonzero(meet_any(boxes_of(every), bounds))}


def _features(stored: Stored, met: pd.DataFrame, layers: set[str], slices: set[str]) -> gpd.GeoDataFrame:
    """All features of the layers, then those of other layers that are met: without geometry, unless it lies in the slices."""
    ids = pa.array(met["feature_id"].to_numpy(dtype=object), type=pa.string())
    whole = []
    for layer, names in stored.listed["features"].items():
        for name in names:
            if layer in layers:
                whole.append(to_frame(stored.table(name), FEATURES, stored.crs))
            elif name in slices:
                table = stored.table(name)
                whole.append(to_frame(table.filter(pc.is_in(table["feature_id"], ids)), FEATURES, stored.crs))
    bare = met.iloc[:0] if slices else met[~met["layer"].isin(layers)]
    return with_bare(whole, bare, stored.crs)
