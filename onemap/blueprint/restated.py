"""A blueprint under another day or book than its conflicts were found for; of a stored one only what is asked is worked out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import shapely

from onemap.blueprint.build import Blueprint, find_anew
from onemap.blueprint.conflict_days import conflict_day, conflicts_stand
from onemap.blueprint.conflicts import clashes, dissolved, named_at, pairs_of
from onemap.blueprint.derive import Members

ANEW = ("faces", "conflicts", "conflict_faces")


class Restated:
    """Where the frames of a stored blueprint under another day or book come from."""

    def __init__(self, whole: Blueprint, rulebook):
        self.whole, self.rulebook, self.bounds = whole, rulebook, whole.stored.bounds

    def load(self, name: str) -> dict[str, pd.DataFrame]:
        """The frame of that name, with those that come with it."""
        if name not in ANEW:
            return {name: getattr(self.whole, name)}
        found = find_anew(self.whole, self.rulebook)
        return {one: getattr(found, one) for one in ANEW}


def with_conflicts(blueprint: Blueprint, rulebook) -> Blueprint:
    """The same blueprint with the conflicts that the rule book's matrix finds on its day.

    The manifest's ``conflicts`` names that day and rule book; a blueprint that has them already stays as it is. A stored one
    that is not read stays unread: its conflicts are the same on that day, or they are found where they are asked for.
    """
    asked, stored = conflict_day(rulebook), blueprint.__dict__.get("stored")
    if blueprint.manifest.get("conflicts") == asked:
        return blueprint
    if isinstance(stored, Restated):
        return with_conflicts(stored.whole, rulebook)
    if conflicts_stand(blueprint, rulebook):
        return blueprint.renamed(conflicts=asked)
    if stored is None or "faces" in blueprint.__dict__:
        return find_anew(blueprint, rulebook)
    source = Restated(blueprint.renamed(), rulebook)
    return Blueprint.opened(source, blueprint.crs, blueprint.manifest | {"conflicts": asked})


def restate(
    part: Blueprint, rulebook, around: Callable[[np.ndarray], Blueprint | None]
) -> dict[str, pd.DataFrame] | None:
    """The faces of a part with the conflicts of a rule book, and these as a whole, although they reach beyond the part.

    part : with the geometry of what covers it; around : gives the part of the blueprint that meets some bounds, or None
    where that is too much of it, and so does this. A conflict of two features lies where both do, so what meets the
    bounds of both holds all its faces.
    """
    members, names, register = clashes(part, rulebook)
    wide = around(_reach(members, part, register)) if len(names) else part
    if wide is None:
        return None
    every, called, numbers = clashes(wide, rulebook) if wide is not part else (members, names, register)
    own = pd.Series(called, dtype=object).isin(names).to_numpy()
    conflicts = dissolved(wide, Members(*(column[own] for column in every)), called[own], numbers, rulebook)
    face_id = part.faces["face_id"].to_numpy(dtype=object)
    pairs = pairs_of(conflicts, names, face_id[members.face])
    return {"faces": named_at(part.faces, conflicts, pairs), "conflicts": conflicts, "conflict_faces": pairs}


def _reach(members: Members, part: Blueprint, register) -> np.ndarray:
    """The bounds of what each pair of features has in common (of the one, where there is no other)."""
    a, b = np.unique(np.stack([members.a, members.b]), axis=1)
    at = pd.Index(part.features["feature_id"])
    bounds = shapely.bounds(part.features.geometry.to_numpy())
    ids = register.feature_id
    one = bounds[at.get_indexer(ids[a])]
    other = np.where((b >= 0)[:, None], bounds[at.get_indexer(ids[b])], one)
    return np.hstack([np.maximum(one, other)[:, :2], np.minimum(one, other)[:, 2:]])
