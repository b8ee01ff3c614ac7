"""Which polygons of a layer fit together like a mesh, which do not, and their union: without pairing all with all.

An edge that one polygon runs forth and exactly one other runs back is *matched*: across it the number of polygons
that cover a place cannot change. So where polygons overlap, the overlap ends at an edge that is not matched, and it
is found by looking at the polygons with such edges and then at whatever they are found to overlap with.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely

from onemap.land.flat import Flat, flat, loops_for

_BOX = 5  # coordinates of a box
_CROWD = 200  # pairs within cells, per box, up to which they are tried one by one


class Mesh(NamedTuple):
    """Pairs of polygons whose interiors meet (i < j, sorted); polygons that do not fit their neighbours; that share edges.

    ``border``: the edges that are not matched of those that share some, from point to point with the land on the left.
    """

    overlapping: np.ndarray
    unfit: np.ndarray
    joined: np.ndarray
    border: np.ndarray


def mesh_of(geoms: np.ndarray, rings: Flat | None = None) -> Mesh:
    """How valid polygons lie to each other; empty ones lie nowhere. ``rings``: theirs, where they are known.

    >>> a, b, c = shapely.box(0, 0, 2, 2), shapely.box(2, 0, 4, 2), shapely.box(1, 1, 3, 2)
    >>> mesh_of(np.array([a, b, c])).overlapping.tolist()
    [[0, 2], [1, 2]]
    """
    count = len(geoms)
    left, right = _near(geoms)
    unfit, joined = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
    if not len(left):
        return Mesh(np.zeros((0, 2), dtype=np.int64), unfit, joined, np.zeros((0, 2, 2)))
    social = np.zeros(count, dtype=bool)
    social[left] = social[right] = True
    rings = flat(geoms[social]) if rings is None else rings.renumbered(social)
    social = np.flatnonzero(social)
    exposed = np.zeros(count, dtype=bool)
    alone, left_of, matched, single = _alone(rings)
    joined[social[rings.owner[matched]]] = True
    exposed[social[rings.owner[single]]] = True
    border = _border(rings, alone, left_of, joined[social])
    watched = exposed.copy()
    beside = exposed[left] | exposed[right]
    watched[left[beside]] = watched[right[beside]] = True
    watched = np.flatnonzero(watched)
    odd = ~shapely.is_empty(shapely.coverage_invalid_edges(geoms[watched])) if len(watched) else []
    unfit[watched[odd]] = True
    pairs = _flood(geoms, left, right, unfit)
    unfit[pairs.ravel()] = True
    return Mesh(pairs, unfit, joined, border)


def _near(geoms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of geometries whose boxes meet, the first below the second."""
    loops = loops_for("mesh_loops", _BOX * len(geoms))
    found = None if loops is None else _near_compiled(geoms, loops)
    if found is None:
        left, right = shapely.STRtree(geoms).query(geoms)
        near = left < right
        return left[near], right[near]
    return found


def _near_compiled(geoms: np.ndarray, loops) -> tuple[np.ndarray, np.ndarray] | None:
    """The same by a grid of cells as wide as boxes are on average; None where a few boxes fill most cells, or few cells
    hold most boxes."""
    boxes = shapely.bounds(geoms)
    if np.isnan(boxes).all():
        return None
    low, high = np.nanmin(boxes[:, :2], axis=0), np.nanmax(boxes[:, 2:], axis=0)
    count = len(boxes)
    step = max(float(np.nanmean(boxes[:, 2:] - boxes[:, :2])), float((high - low).max()) / count, 1e-9)
    columns, rows = (int(n) + 1 for n in (high - low) / step)
    while columns * rows > 2 * count:
        step *= 1.5
        columns, rows = (int(n) + 1 for n in (high - low) / step)
    grid = float(low[0]), float(low[1]), step, columns, rows
    start = np.zeros(columns * rows + 1, dtype=np.int64)
    total = loops.count_cells(boxes, *grid, start)
    if total > loops.MOST_CELLS * count or (start.astype(float) ** 2).sum() > _CROWD * count:
        return None
    start = np.cumsum(start)
    held = np.empty(total, dtype=np.int32)
    loops.fill_cells(boxes, *grid, start, held)
    one, two = np.empty((2, 5 * count), dtype=np.int64)
    found = loops.pair_boxes(boxes, *grid, start, held, one, two)
    if found > len(one):
        one, two = np.empty((2, found), dtype=np.int64)
        loops.pair_boxes(boxes, *grid, start, held, one, two)
    return one[:found], two[:found]


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


def _alone(rings: Flat) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of each coordinate, whether the edge that begins there is not matched (False where none begins); of each ring,
    whether its polygon lies on the left of it, whether some edge of it is matched, and whether one is not."""
    loops = loops_for("mesh_loops", len(rings.xy))
    return _alone_by_sorting(rings) if loops is None else _alone_compiled(rings, loops)


def _alone_compiled(rings: Flat, loops) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    xy = rings.xy
    count = np.zeros(loops.BUCKETS, dtype=np.int64)
    key, gathered = np.empty((2, len(xy)), dtype=np.uint64)
    left, matched, single = np.empty((3, len(rings.ends)), dtype=bool)
    loops.name_edges(xy.view(np.uint64), xy, rings.ends, rings.hole, left, key, count)
    size = 1 << int(2 * count.max() + 1).bit_length()
    alone, place = np.zeros(len(xy), dtype=bool), np.empty(len(xy), dtype=np.int32)
    slot, runs = np.zeros(size, dtype=np.int32), np.empty((size, 2), dtype=np.int32)
    loops.pair_off(key, count, gathered, place, slot, runs, alone)
    loops.sort_of(key, rings.ends, alone, single, matched)
    return alone, left, matched, single


def _alone_by_sorting(rings: Flat) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    starts = rings.starts
    point = _mixed(rings.xy)
    one, two = point[:-1], point[1:]
    key = np.minimum(one, two)
    key *= np.uint64(0x9E3779B97F4A7C15)
    key += np.maximum(one, two)
    # the lowest bit says in which direction the edge runs with the polygon on its left
    left = (_signed(rings) > 0) != rings.hole
    forth = (one < two) == np.repeat(left, rings.counts)[:-1]
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
    alone = np.zeros(len(point), dtype=bool)
    alone[at[order[single]]] = True
    edges, lone = np.zeros(len(point), dtype=bool), alone
    edges[at] = True
    edges, lone = (np.add.reduceat(mask, starts, dtype=np.int64) for mask in (edges, lone))
    return alone, left, edges > lone, lone > 0


def _signed(rings: Flat) -> np.ndarray:
    """Twice the signed area of each ring, for its sign only."""
    starts = rings.starts
    x, y = (rings.xy[:, k] - np.repeat(rings.xy[starts, k], rings.counts) for k in (0, 1))
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
    sound, border = mesh.joined & ~mesh.unfit, mesh.border
    if sound.any() and (mesh.joined & mesh.unfit).any():
        rings = flat(geoms[sound])
        border = _border(rings, *_alone(rings)[:2], sound[sound])
    merged = _enclosed(border) if sound.any() else geoms[:0]
    if mesh.unfit.any():
        merged = polygons_of(shapely.disjoint_subset_union_all(np.concatenate([merged, geoms[mesh.unfit]])))
    return np.concatenate([merged, polygons_of(geoms[~mesh.joined & ~mesh.unfit])])


def _border(rings: Flat, alone: np.ndarray, left: np.ndarray, joined: np.ndarray) -> np.ndarray:
    at = np.flatnonzero(alone)
    ring = np.searchsorted(rings.ends, at, "right")
    within = joined[rings.owner[ring]]
    at, ring = at[within], ring[within]
    edges = np.stack([rings.xy[at], rings.xy[at + 1]], axis=1)
    back = ~left[ring]
    edges[back] = edges[back, ::-1]
    return edges


def _enclosed(border: np.ndarray) -> np.ndarray:
    """The polygons within edges of which each has land of sound polygons on its left and none on its right."""
    faces = shapely.get_parts(shapely.polygonize(shapely.linestrings(border)))
    around = shapely.get_exterior_ring(faces)
    edge = np.stack([shapely.get_coordinates(shapely.get_point(around, k)) for k in (0, 1)], axis=1)
    back = ~shapely.is_ccw(around)
    edge[back] = edge[back, ::-1]
    return faces[np.isin(_directed(edge), _directed(border))]


def _directed(edges: np.ndarray) -> np.ndarray:
    return _mixed(edges[:, 0]) * np.uint64(0x9E3779B97F4A7C15) + _mixed(edges[:, 1])


def as_one(parts: np.ndarray):
    """Polygons that do not meet as one geometry."""
    return parts[0] if len(parts) == 1 else shapely.multipolygons(parts)


def polygons_of(geoms) -> np.ndarray:
    """The polygons of polygons and multipolygons; those that are one already are not copied."""
    geoms = np.atleast_1d(np.asarray(geoms, dtype=object))
    return geoms if (shapely.get_type_id(geoms) == 3).all() else shapely.get_parts(geoms)
