"""What was worked out once about a blueprint under a rule book, kept as long as both live."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

_MEMORY: WeakKeyDictionary = WeakKeyDictionary()


def remembered(blueprint, rulebook, key: Hashable, make: Callable[[], Any]) -> Any:
    """What ``make`` gives for a key, made once per pair of blueprint and rule book (None: the blueprint alone).

    Both are frozen, so what follows from them alone stays true; what is remembered must not be changed.
    A stand-in that cannot be remembered (unhashable) is answered afresh.

    >>> class Thing: ...
    >>> town, book = Thing(), Thing()
    >>> first = remembered(town, book, "a", list)
    >>> first is remembered(town, book, "a", list), first is remembered(town, Thing(), "a", list)
    (True, False)
    """
    try:
        books = _MEMORY.setdefault(blueprint, WeakKeyDictionary())
        known = books.setdefault(blueprint if rulebook is None else rulebook, {})
    except TypeError:
        return make()
    if key not in known:
        known[key] = make()
    return known[key]


def covers_at(blueprint, faces: np.ndarray) -> pd.DataFrame:
    """The rows of ``covers`` of the faces at these positions, found without a walk over the town."""
    start, order = remembered(blueprint, None, "covers", lambda: _by_face(blueprint))
    wanted = np.unique(faces)
    rows = [order[start[face] : start[face + 1]] for face in wanted]
    return blueprint.covers.iloc[np.sort(np.concatenate(rows))] if rows else blueprint.covers.iloc[:0]


def _by_face(blueprint) -> tuple[np.ndarray, np.ndarray]:
    face = pd.Index(blueprint.faces["face_id"]).get_indexer(blueprint.covers["face_id"])
    order = np.argsort(face, kind="stable")
    return np.searchsorted(face[order], np.arange(len(blueprint.faces) + 1)), order
