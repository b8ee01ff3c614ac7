"""The walks over tiles that stay, and how those of concerned tiles go on with them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from onemap.blueprint import kept
from onemap.blueprint.arrangement import Trails, runs
from onemap.blueprint.before import Before
from onemap.blueprint.change import split_walks
from onemap.blueprint.derive import face_ids
from onemap.blueprint.errands import gathered
from onemap.blueprint.layout import Layout, tile_at
from onemap.blueprint.seams import Seams, covers_of, join_trails, stitch


class Walked(NamedTuple):
    """Faces across tiles: all of them as stitched, which are new, the id of each; ids and owners of those that are gone.

    names : of the polygons by number, also of those that only kept walks know; owners : also those of new faces
    """

    found: Seams
    fresh: np.ndarray
    face_id: np.ndarray
    gone: set[str]
    owners: set[tuple]
    names: np.ndarray


def walk_on(old: Before, layout: Layout, concerned: np.ndarray, names: np.ndarray, results) -> Walked:
    """Stitch the walks of concerned tiles to those that were kept of the others.

    names : of the polygons that the results know by number. Raises NotCertified as :func:`stitch` does.
    """
    stitched = kept.get_cycles(old.folder, old.listed["cut"]["cycles"])
    stitched = stitched._replace(trails=kept.to_steps(stitched.trails, layout.grid))
    split = split_walks(stitched, layout, concerned)
    number = pd.Index(names).get_indexer(stitched.ids)
    unheard = np.flatnonzero(number < 0)
    number[unheard] = len(names) + np.arange(len(unheard))
    names = np.concatenate([names, stitched.ids[unheard]])
    trails = stitched.trails._replace(polygons=number[stitched.trails.polygons].astype(np.int32))
    pieces = Trails(split.open.xy, split.open.start, *covers_of(trails, split.covers))
    length = np.diff(trails.start)[split.whole]
    places = runs(trails.start[:-1][split.whole], length)
    whole = Trails(trails.xy[places], np.r_[0, np.cumsum(length)], *covers_of(trails, split.whole))
    found = stitch(
        layout.grid,
        join_trails([gathered(results, "open"), pieces]),
        join_trails([gathered(results, "loose"), whole]),
    )
    face, around = found.cycles.face, found.cycles.around
    first = len(face) - len(split.whole)  # from here on the walks that stay, in their order
    touched = np.arange(len(face)) < first
    now = np.full(len(stitched.around) + 1, -1)  # of each kept walk, and of none
    now[split.whole] = first + np.arange(len(split.whole))
    was_around = now[stitched.around]
    moved = was_around[split.whole] != around[first:]
    for shells in (
        around[:first],
        around[first:][moved],
        was_around[split.whole][moved],
        was_around[split.lost],
    ):
        touched[shells[shells >= 0]] = True
    fresh = np.zeros(len(found.faces), dtype=bool)
    fresh[face[(face >= 0) & touched]] = True
    stay = np.flatnonzero((face >= 0) & ~touched)
    before = split.whole[stay - first]
    face_id = np.empty(len(found.faces), dtype=object)
    face_id[face[stay]] = stitched.face_id[before]
    face_id[fresh] = face_ids(found.faces[fresh])
    left = np.ones(len(stitched.face_id), dtype=bool)
    left[before] = False
    left &= np.array([one is not None for one in stitched.face_id], dtype=bool)
    owners = [stitched.owner[left], layout.keys[tile_at(layout, found.lowest[fresh])]]
    owners = {tuple(key) for key in np.concatenate(owners).tolist()}
    return Walked(found, fresh, face_id, set(stitched.face_id[left]), owners, names)
