"""What was worked out once about a blueprint or a rule book, kept as long as they live."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
import shapely

_MEMORY: WeakKeyDictionary = WeakKeyDictionary()


def remembered(owner, rulebook, key: Hashable, make: Callable[[], Any]) -> Any:
    """What ``make`` gives for a key, made once per owner (a blueprint or a rule book) and rule book (None: the owner alone).

    Both are frozen, so what follows from them alone stays true; what is remembered must not be changed, and must not
    hold its owner, or neither would ever be freed. A stand-in that cannot be remembered (unhashable) is answered afresh.

    >>> class Thing: ...
    >>> town, book = Thing(), Thing()
    >>> first = remembered(town, book, "a", list)
    >>> first is remembered(town, book, "a", list), first is remembered(town, Thing(), "a", list)
    (True, False)
    """
    try:
        books = _MEMORY.setdefault(owner, WeakKeyDictionary())
        known = books.setdefault(owner if rulebook is None else rulebook, {})
    except TypeError:
        return make()
    if key not in known:
        known[key] = make()
    return known[key]


def recalled(owner, rulebook, key: Hashable) -> Any:
    """What is :func:`remembered` under a key already, None where nothing is."""
    try:
        return _MEMORY.get(owner, {}).get(owner if rulebook is None else rulebook, {}).get(key)
    except TypeError:
        return None


class Listed(NamedTuple):
    """Lists of different lengths, one per face: list i is ``value[start[i]:start[i + 1]]``."""

    start: np.ndarray
    value: np.ndarray

    def at(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The values of the lists at these positions, and for each value which of the positions it belongs to.

        >>> which, value = Listed(np.array([0, 2, 2, 3]), np.array([7, 8, 9])).at(np.array([2, 0]))
        >>> which.tolist(), value.tolist()
        ([0, 1, 1], [9, 7, 8])
        """
        first = self.start[rows]
        count = self.start[rows + 1] - first
        which = np.repeat(np.arange(len(rows)), count)
        skipped = np.repeat(first - (np.cumsum(count) - count), count)
        return which, self.value[skipped + np.arange(len(which))]


class Ground(NamedTuple):
    """What stands at each face, as arrays of positions: a site asks it without a walk over the town.

    geometry, area_m2 : the faces; tree : the index over them; covers : per face the features (positions), by layer and
    feature_id; unknowns : per face the layers not known there (positions in ``layers``); conflicts : per face the conflicts
    (positions) that it belongs to, none before they are found
    """

    geometry: np.ndarray
    area_m2: np.ndarray
    tree: shapely.STRtree
    covers: Listed
    unknowns: Listed
    layers: list[str]
    conflicts: Listed


def ground_of(blueprint) -> Ground:
    """The ground of a whole blueprint, worked out once."""
    return remembered(blueprint, None, "ground", lambda: lay_ground(blueprint, blueprint))


def bounds_of(blueprint) -> tuple[float, float, float, float]:
    """West, south, east and north of the faces of a blueprint, worked out once; of a stored one, without reading them."""

    def make() -> tuple:
        stored = blueprint.__dict__.get("stored")
        if stored is None:
            return tuple(blueprint.faces.total_bounds.tolist())
        boxes = stored.bounds if len(stored.bounds) else np.full((1, 4), np.nan)
        return (*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist())

    return remembered(blueprint, None, "bounds", make)


def column_of(blueprint, table: str, name: str) -> np.ndarray:
    """A column of one of a blueprint's frames as an array of objects, taken out once."""
    key = ("column", table, name)
    return remembered(blueprint, None, key, lambda: getattr(blueprint, table)[name].to_numpy(dtype=object))


def feature_index(blueprint) -> pd.Index:
    """The index that finds a blueprint's features by id, made once."""
    return remembered(
        blueprint, None, "feature_index", lambda: pd.Index(column_of(blueprint, "features", "feature_id"))
    )


def feature_order(blueprint) -> np.ndarray:
    """The place of each feature in the order of layer and feature_id, worked out once."""

    def make() -> np.ndarray:
        columns = [column_of(blueprint, "features", name) for name in ("feature_id", "layer")]
        rank = np.empty(len(columns[0]), dtype=np.intp)
        rank[np.lexsort(columns)] = np.arange(len(rank))
        return rank

    return remembered(blueprint, None, "feature_order", make)


def lay_ground(frames, blueprint) -> Ground:
    """The ground of some faces: ``frames`` has their faces, covers, unknowns and conflict_faces, positions are the blueprint's."""
    faces = pd.Index(frames.faces["face_id"])
    geometry = frames.faces.geometry.to_numpy()
    feature = feature_index(blueprint).get_indexer(frames.covers["feature_id"])
    layer, layers = pd.factorize(frames.unknowns["layer"], sort=True)
    pairs = frames.conflict_faces
    if pairs is None or not len(pairs):
        conflicts = Listed(np.zeros(len(faces) + 1, dtype=np.intp), np.empty(0, dtype=np.int32))
    else:
        conflict = pd.Index(blueprint.conflicts["conflict_id"]).get_indexer(pairs["conflict_id"])
        conflicts = _listed(faces, pairs["face_id"], conflict, conflict)
    return Ground(
        geometry=geometry,
        area_m2=frames.faces["area_m2"].to_numpy(dtype=float),
        tree=shapely.STRtree(geometry),
        covers=_listed(faces, frames.covers["face_id"], feature, feature_order(blueprint)[feature]),
        unknowns=_listed(faces, frames.unknowns["face_id"], layer, layer),
        layers=list(layers),
        conflicts=conflicts,
    )


def _listed(faces: pd.Index, face_id: pd.Series, value: np.ndarray, rank: np.ndarray) -> Listed:
    face = faces.get_indexer(face_id)
    order = np.lexsort((rank, face))
    order = order[(face[order] >= 0) & (value[order] >= 0)]
    return Listed(np.searchsorted(face[order], np.arange(len(faces) + 1)), value[order].astype(np.int32))
