"""Which polygons of a layer fit together like a mesh, which do not, and their union: without pairing all with all.

An edge that one polygon runs forth and exactly one other runs back is *matched*: across it the number of polygons
that cover a place cannot change. So where polygons overlap, the overlap ends at an edge that is not matched, and it
is found by looking at the polygons with such edges and then at whatever they are found to overlap with.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely

from onemap.land.flat import Flat, flat


class Mesh(NamedTuple):
    """Pairs of polygons whose interiors meet (i < j, sorted); polygons that do not fit their neighbours; that share edges."""

    overlapping: np.ndarray
    unfit: np.ndarray
    joined: np.ndarray


def mesh_of(geoms: np.ndarray) -> Mesh:
    """How valid polygons lie to each other; empty ones lie nowhere.

    >>> a, b, c = shapely.box(0, 0, 2, 2), shapely.box(2, 0, 4, 2), shapely.box(1, 1, 3, 2)
    >>> mesh_of(np.array([a, b, c])).overlapping.tolist()
    [[0, 2], [1, 2]]
    """
    count = len(geoms)
    tree = shapely.STRtree(geoms)
    left, right = tree.query(geoms)
    near = left < right
    left, right = left[near], right[near]
    unfit, joined = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
    if not len(left):
        return Mesh(np.zeros((0, 2), dtype=np.int64), unfit, joined)
    social = np.zeros(count, dtype=bool)
    social[left] = social[right] = True
    social = np.flatnonzero(social)
    exposed = np.zeros(count, dtype=bool)
    joined[social], exposed[social] = _matched(geoms[social])
    watched = exposed.copy()
    beside = exposed[left] | exposed[right]
    watched[left[beside]] = watched[right[beside]] = True
    watched = np.flatnonzero(watched)
    odd = ~shapely.is_empty(shapely.coverage_invalid_edges(geoms[watched])) if len(watched) else []
    unfit[watched[odd]] = True
    pairs = _flood(geoms, left, right, unfit)
    unfit[pairs.ravel()] = True
    return Mesh(pairs, unfit, joined)


def _flood(geoms: np.ndarray, left: np.ndarray, right: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Overlapping pairs among the near ones: those of the seeds, and of whatever overlaps with something."""
    todo, done = seeds.copy(), np.zeros(len(left), dtype=bool)
    found = np.zeros(len(left), dtype=bool)
    while True:
        ask = np.flatnonzero((todo[left] | todo[right]) & ~done)
        if not len(ask):
            break
        done[ask] = True
        a, b = geoms[left[ask]], geoms[right[ask]]
        meet = shapely.intersects(a, b)
        meet[meet] = ~shapely.touches(a[meet], b[meet])
        found[ask[meet]] = True
        todo[left[ask[meet]]] = todo[right[ask[meet]]] = True
    pairs = np.column_stack([left[found], right[found]])
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def _matched(geoms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which polygons have an edge that exactly one other runs back, and which have one that none, or several, do."""
    rings = flat(geoms)
    starts = rings.starts
    point = _mixed(rings.xy)
    one, two = point[:-1], point[1:]
    key = np.minimum(one, two)
    key *= np.uint64(0x9E3779B97F4A7C15)
    key += np.maximum(one, two)
    # the lowest bit says in which direction the edge runs with the polygon on its left
    left = (_signed(rings) > 0) != rings.hole
    forth = (one < two) == np.repeat(left, np.diff(np.r_[starts, len(point)]))[:-1]
    key = key << np.uint64(1) | forth
    real = one != two
    real[starts[1:] - 1] = False
    at = np.flatnonzero(real)
    order = np.argsort(key[at])
    edge = key[at[order]]
    same = edge[1:] >> np.uint64(1) == edge[:-1] >> np.uint64(1)
    pair = same & (edge[1:] != edge[:-1])
    pair[1:] &= ~same[:-1]
    pair[:-1] &= ~same[1:]
    single = np.ones(len(at), dtype=bool)
    single[:-1] &= ~pair
    single[1:] &= ~pair
    edges = np.bincount(rings.ring[at], minlength=len(starts))
    alone = np.bincount(rings.ring[at[order[single]]], minlength=len(starts))
    with_pair, with_single = np.zeros((2, len(geoms)), dtype=bool)
    with_pair[rings.owner[edges > alone]] = True
    with_single[rings.owner[alone > 0]] = True
    return with_pair, with_single


def _signed(rings: Flat) -> np.ndarray:
    """Twice the signed area of each ring, for its sign only."""
    starts = rings.starts
    counts = np.diff(np.r_[starts, len(rings.xy)])
    x, y = (rings.xy[:, k] - np.repeat(rings.xy[starts, k], counts) for k in (0, 1))
    cross = np.zeros(len(x))
    cross[:-1] = x[:-1] * y[1:] - x[1:] * y[:-1]
    return np.add.reduceat(cross, starts)


def _mixed(xy: np.ndarray) -> np.ndarray:
    """A well-mixed number per point; equal points have equal ones."""
    x, y = (np.ascontiguousarray(xy[:, k] + 0.0).view(np.uint64) for k in (0, 1))
    mixed = x * np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= (y << np.uint64(31) | y >> np.uint64(33)) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(32)
    return mixed


def union(geoms: np.ndarray, mesh: Mesh):
    """The union of the polygons of a mesh."""
    return as_one(union_parts(geoms, mesh))


def union_parts(geoms: np.ndarray, mesh: Mesh) -> np.ndarray:
    """The polygons of that union: shared edges are dropped, only what does not fit is computed."""
    sound = mesh.joined & ~mesh.unfit
    merged = polygons_of(shapely.coverage_union_all(geoms[sound])) if sound.any() else geoms[:0]
    if mesh.unfit.any():
        merged = polygons_of(shapely.disjoint_subset_union_all(np.concatenate([merged, geoms[mesh.unfit]])))
    return np.concatenate([merged, polygons_of(geoms[~mesh.joined & ~mesh.unfit])])


def as_one(parts: np.ndarray):
    """Polygons that do not meet as one geometry."""
    return parts[0] if len(parts) == 1 else shapely.multipolygons(parts)


def polygons_of(geoms) -> np.ndarray:
    """The polygons of polygons and multipolygons; those that are one already are not copied."""
    geoms = np.atleast_1d(np.asarray(geoms, dtype=object))
    return geoms if (shapely.get_type_id(geoms) == 3).all() else shapely.get_parts(geoms)
