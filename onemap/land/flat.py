"""Polygons as flat arrays of coordinates, ring by ring."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterator
from types import ModuleType
from typing import NamedTuple

import numpy as np
import shapely

from onemap.compiled import NotCompiled, addresses

log = logging.getLogger(__name__)

COMPILED_FROM = (
    100_000  # coordinates, from which loading compiled loops pays off (2 s once on a machine to make them)
)
_BLOCK = 1 << 15


class Flat(NamedTuple):
    """Coordinates of closed rings one after the other; where each ring ends, its geometry, and whether it is a hole."""

    xy: np.ndarray
    ends: np.ndarray
    owner: np.ndarray
    hole: np.ndarray

    @property
    def starts(self) -> np.ndarray:
        """Where each ring begins among the coordinates."""
        return np.r_[0, self.ends[:-1]][: len(self.ends)]

    @property
    def counts(self) -> np.ndarray:
        """How many coordinates each ring has."""
        return self.ends - self.starts

    @property
    def ring(self) -> np.ndarray:
        """The ring of each coordinate."""
        return np.repeat(np.arange(len(self.ends)), self.counts)

    def of(self, which: np.ndarray) -> Flat:
        """The rings of some geometries (a mask), by the numbers these had."""
        held = which[self.owner]
        if held.all():
            return self
        counts = self.counts
        return _rings(self.xy[np.repeat(held, counts)], counts[held], self.owner[held], self.hole[held])

    def renumbered(self, which: np.ndarray) -> Flat:
        """The same of some geometries (a mask) alone, by their numbers among these."""
        if which.all():
            return self
        return self.of(which)._replace(owner=(np.cumsum(which) - 1)[self.owner[which[self.owner]]])

    def and_of(self, geoms: np.ndarray, at: np.ndarray) -> Flat:
        """The same and the rings of other geometries, which have these numbers."""
        more = flat(geoms)
        return _joined(self, more._replace(owner=at[more.owner])) if len(more.owner) else self


def flat(geoms: np.ndarray) -> Flat:
    """The rings of polygons and multipolygons (also within collections); anything else has none.

    >>> flat(np.array([shapely.box(0, 0, 1, 1), None])).owner
    array([0])
    """
    kind = shapely.get_type_id(geoms)
    lone = (kind == 6) & (shapely.get_num_geometries(geoms) == 1)
    if lone.any():
        geoms = np.where(lone, shapely.get_geometry(geoms, 0), geoms)
        kind = np.where(lone, 3, kind)
    simple = (kind == 3) & (shapely.get_num_interior_rings(geoms) == 0)
    if simple.all():
        return _simple(geoms, np.arange(len(geoms)))
    rest = np.flatnonzero(~simple & (kind >= 3))
    if not simple.any():
        return _any(geoms[rest], rest)
    return _joined(_simple(geoms[simple], np.flatnonzero(simple)), _any(geoms[rest], rest))


def _joined(one: Flat, two: Flat) -> Flat:
    return Flat(
        np.concatenate([one.xy, two.xy]),
        np.concatenate([one.ends, two.ends + len(one.xy)]),
        np.concatenate([one.owner, two.owner]),
        np.concatenate([one.hole, two.hole]),
    )


def blocks(geoms: np.ndarray) -> Iterator[tuple[int, Flat]]:
    """The same, some thousand geometries at a time: position of the first, and their rings counted from it."""
    for first in range(0, len(geoms), _BLOCK):
        yield first, flat(geoms[first : first + _BLOCK])


def loops_for(name: str, coordinates: int) -> ModuleType | None:
    """The module of compiled loops of that name; None where there is too little to do, or nothing can be compiled."""
    if coordinates < COMPILED_FROM:
        return None
    module = importlib.import_module(f"onemap.land.{name}")
    try:
        addresses(module.__name__)
    except NotCompiled as reason:
        log.warning("%s is not available (%s); whole arrays do its work instead", name, reason)
        return None
    return module


def _simple(geoms: np.ndarray, owner: np.ndarray) -> Flat:
    """Polygons of one ring each, without making rings; empty ones have none."""
    counts = shapely.get_num_coordinates(geoms)
    held = counts > 0
    if not held.all():
        owner, counts = owner[held], counts[held]
    return _rings(shapely.get_coordinates(geoms), counts, owner, np.zeros(len(owner), dtype=bool))


def _rings(xy: np.ndarray, counts: np.ndarray, owner: np.ndarray, hole: np.ndarray) -> Flat:
    return Flat(xy, np.cumsum(counts, dtype=np.int64), owner, hole)


def _any(geoms: np.ndarray, at: np.ndarray) -> Flat:
    parts, owner = shapely.get_parts(geoms, return_index=True)
    while len(parts) and (shapely.get_type_id(parts) >= 4).any():
        parts, again = shapely.get_parts(parts, return_index=True)
        owner = owner[again]
    polygonal = shapely.get_type_id(parts) == 3
    parts, owner = parts[polygonal], owner[polygonal]
    rings, part_of = shapely.get_rings(parts, return_index=True)
    hole = np.ones(len(rings), dtype=bool)
    hole[:1] = False
    hole[1:] = part_of[1:] == part_of[:-1]
    counts = shapely.get_num_coordinates(rings)
    held = counts > 0  # a part may be empty
    return _rings(shapely.get_coordinates(rings), counts[held], at[owner[part_of]][held], hole[held])
