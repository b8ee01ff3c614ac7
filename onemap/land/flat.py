"""Polygons as flat arrays of coordinates, ring by ring."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import shapely

_BLOCK = 1 << 15


class Flat(NamedTuple):
    """Coordinates of closed rings one after the other; ring of each coordinate, geometry of each ring, whether a hole."""

    xy: np.ndarray
    ring: np.ndarray
    owner: np.ndarray
    hole: np.ndarray

    @property
    def starts(self) -> np.ndarray:
        """Where each ring begins among the coordinates."""
        return np.flatnonzero(np.r_[True, self.ring[1:] != self.ring[:-1]][: len(self.ring)])


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
    one, two = _simple(geoms[simple], np.flatnonzero(simple)), _any(geoms[rest], rest)
    return Flat(
        np.concatenate([one.xy, two.xy]),
        np.concatenate([one.ring, two.ring + len(one.owner)]),
        np.concatenate([one.owner, two.owner]),
        np.concatenate([one.hole, two.hole]),
    )


def blocks(geoms: np.ndarray) -> Iterator[tuple[int, Flat]]:
    """The same, some thousand geometries at a time: position of the first, and their rings counted from it."""
    for first in range(0, len(geoms), _BLOCK):
        yield first, flat(geoms[first : first + _BLOCK])


def _simple(geoms: np.ndarray, owner: np.ndarray) -> Flat:
    """Polygons of one ring each, without making rings; empty ones have none."""
    xy, ring = shapely.get_coordinates(geoms, return_index=True)
    if len(ring) and not (held := np.bincount(ring, minlength=len(geoms)) > 0).all():
        owner, ring = owner[held], (np.cumsum(held) - 1)[ring]
    elif not len(ring):
        owner = owner[:0]
    return Flat(xy, ring, owner, np.zeros(len(owner), dtype=bool))


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
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    return Flat(xy, ring, at[owner[part_of]], hole)
