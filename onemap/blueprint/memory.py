"""What was worked out once about a blueprint or a rule book, kept as long as they live."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

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

    geometry, area_m2 : the faces; covers : per face the features (positions), by layer and feature_id; rank : the place of
    each feature in that order; unknowns : per face the layers not known there (positions in ``layers``)
    """

    geometry: np.ndarray
    area_m2: np.ndarray
    covers: Listed
    rank: np.ndarray
    unknowns: Listed
    layers: list[str]


def ground_of(blueprint) -> Ground:
    """The ground of a blueprint, worked out once."""
    return remembered(blueprint, None, "ground", lambda: _ground(blueprint))


def conflicts_of(blueprint) -> Listed:
    """Per face of a blueprint the conflicts (positions) that it belongs to, worked out once."""
    return remembered(blueprint, None, "conflicts_of", lambda: _conflicts(blueprint))


def column_of(blueprint, table: str, name: str) -> np.ndarray:
    """A column of one of a blueprint's frames as an array of objects, taken out once."""
    key = ("column", table, name)
    return remembered(blueprint, None, key, lambda: getattr(blueprint, table)[name].to_numpy(dtype=object))


def feature_index(blueprint) -> pd.Index:
    """The index that finds a blueprint's features by id, made once."""
    return remembered(
        blueprint, None, "feature_index", lambda: pd.Index(column_of(blueprint, "features", "feature_id"))
    )


def _ground(blueprint) -> Ground:
    faces, features, covers = (
        pd.Index(blueprint.faces["face_id"]),
        blueprint.features,
        blueprint.covers,
    )
    rank = np.empty(len(features), dtype=np.intp)
    rank[np.lexsort([features[c].to_numpy(dtype=object) for c in ("feature_id", "layer")])] = np.arange(
        len(features)
    )
    feature = feature_index(blueprint).get_indexer(covers["feature_id"])
    layer, layers = pd.factorize(blueprint.unknowns["layer"], sort=True)
    return Ground(
        geometry=blueprint.faces.geometry.to_numpy(),
        area_m2=blueprint.faces["area_m2"].to_numpy(dtype=float),
        covers=_listed(faces, covers["face_id"], feature, rank[feature]),
        rank=rank,
        unknowns=_listed(faces, blueprint.unknowns["face_id"], layer, layer),
        layers=list(layers),
    )


def _conflicts(blueprint) -> Listed:
    pairs = blueprint.conflict_faces
    conflict = pd.Index(blueprint.conflicts["conflict_id"]).get_indexer(pairs["conflict_id"])
    return _listed(pd.Index(blueprint.faces["face_id"]), pairs["face_id"], conflict, conflict)


def _listed(faces: pd.Index, face_id: pd.Series, value: np.ndarray, rank: np.ndarray) -> Listed:
    face = faces.get_indexer(face_id)
    order = np.lexsort((rank, face))
    order = order[(face[order] >= 0) & (value[order] >= 0)]
    return Listed(np.searchsorted(face[order], np.arange(len(faces) + 1)), value[order].astype(np.int32))
