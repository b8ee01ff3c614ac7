"""The edges of many polygons, each once, cut until no two of them meet except at their ends."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely

from onemap.blueprint import noding, points

LONGEST = 2.0**48  # steps: exact up to 2**52; with finer ones GEOS takes slivers of one step for inside out
ROUNDS = 24  # of cutting, before the arrangement is given up; two or three are usual


class NotCertified(ValueError):
    """The arrangement could not be proven right; the message says which check failed."""


class Grid(NamedTuple):
    """Where whole-number coordinates begin and how long a step is, as arrays (x, y)."""

    origin: np.ndarray
    step: np.ndarray
    extent: np.ndarray


class Edges(NamedTuple):
    """Unique edges: the places at both ends, and the set of polygons that each one bounds."""

    a: np.ndarray
    b: np.ndarray
    set_start: np.ndarray
    set_list: np.ndarray
    fresh: np.ndarray


class Places(NamedTuple):
    """Unique places: locality keys and whole-number coordinates, in sorted batches."""

    key: np.ndarray
    xy: np.ndarray
    batches: np.ndarray


def planar_edges(polygons: np.ndarray) -> tuple[Grid, np.ndarray, Edges]:
    """The edges of valid polygons, cut wherever they meet: the grid, the places in steps, the edges.

    Raises NotCertified when edges still cross after ``ROUNDS`` rounds, or for coordinates that are not finite.
    """
    grid, places, edges = read_edges(polygons)
    for _ in range(ROUNDS):
        if not edges.fresh.any():
            return grid, places.xy, edges
        places, edges = cut(grid, places, edges)
    raise NotCertified(f"edges still cross after {ROUNDS} rounds of cutting")


def read_edges(polygons: np.ndarray) -> tuple[Grid, Places, Edges]:
    """All places and edges of the polygons' rings, each once."""
    xy, count = shapely.get_coordinates(polygons), shapely.get_num_coordinates(polygons)
    joined = np.empty(len(xy), dtype=np.bool_)
    if not noding.close_rings(xy, count, joined):
        ring = shapely.get_rings(shapely.get_parts(polygons))
        of_ring = np.repeat(np.arange(len(ring)), shapely.get_num_coordinates(ring))
        joined = np.append(of_ring[1:] == of_ring[:-1], False)
    grid = fit_grid(xy)
    points.quantise(xy, grid.origin, grid.step)
    spare = [np.empty(len(xy), dtype=np.int32) for _ in range(4)]
    places, number = unique_places(grid, xy, spare)
    del xy
    low, high, own, _ = spare
    rows = noding.ring_edges(number, joined, count, low, high, own)
    del joined
    return grid, places, unique_edges(*(part[:rows] for part in (*spare, number)), len(places.xy))


def fit_grid(xy: np.ndarray) -> Grid:
    """The grid of powers of two as fine as the coordinates, but at most ``LONGEST`` steps across.

    >>> float(fit_grid(np.array([[41_500_000.0, 0.0], [41_500_001.0, 1.0]])).step[0])
    7.450580596923828e-09
    """
    low, high = np.reshape(points.bounds(xy), (2, 2))
    if not np.isfinite(low + high).all():
        raise NotCertified("coordinates that are not finite")
    step = np.spacing(np.maximum(abs(low), abs(high)))
    step = np.maximum(step, 2.0 ** np.ceil(np.log2(max((high - low).max(), 1e-290))) / LONGEST)
    low = np.floor(low / step) * step
    return Grid(low, step, (high - low) / step + 1.0)


def unique_places(grid: Grid, xy: np.ndarray, spare: list[np.ndarray]) -> tuple[Places, np.ndarray]:
    """Every place once, neighbours close together, and the number of the place of each point.

    spare : four arrays as long as xy, of 32 bits, for scratch
    """
    key, sorted_key = (part.view(np.uint32) for part in spare[:2])
    order, sorted_order = spare[2:]
    points.locality_keys(xy, *(65536.0 / grid.extent), key)
    points.radix_order(key, order, sorted_key, sorted_order)
    number = np.empty(len(xy), dtype=np.int32)
    used = points.unify(sorted_key, sorted_order, xy, number)
    return Places(sorted_key[:used].copy(), xy[sorted_order[:used]], np.array([0, used])), number


def unique_edges(low, high, own, high_by, own_by, places: int) -> Edges:
    """Rows of edges merged: equal ones become one, with the parity of the polygons that bring it.

    The five arrays are used up: the edges are written into them.
    """
    start = np.empty(places + 1, dtype=np.int32)
    noding.bucket(low, high, own, start, high_by, own_by)
    set_start, fresh = np.empty(len(low) + 1, dtype=np.int32), np.empty(len(low), dtype=np.bool_)
    n = noding.merge_edges(start, high_by, own_by, low, high_by, set_start, own_by, fresh)
    return Edges(low[:n], high_by[:n], set_start[: n + 1], own_by[: set_start[n]], fresh[:n])


class Cells(NamedTuple):
    """A grid of cells over the plane and the edges that pass each one."""

    unit_x: float
    unit_y: float
    nx: int
    ny: int
    start: np.ndarray
    edges: np.ndarray


def file_edges(grid: Grid, xy: np.ndarray, edges: Edges, all_cells: bool) -> Cells:
    """File the edges by cell; unless all cells are wanted, only in cells that a fresh edge passes."""
    width, height = grid.extent * grid.step
    n = len(edges.a)
    side = max(np.sqrt(width * height / (n + 1)), max(width, height) / min(4.0 * n + 16, 16384))
    nx, ny = int(width / side) + 1, int(height / side) + 1
    unit_x, unit_y = grid.step / side
    marked = np.zeros(0 if all_cells else nx * ny, dtype=np.bool_)
    if not all_cells:
        noding.mark_cells(edges.a, edges.b, xy, unit_x, unit_y, nx, ny, edges.fresh, marked)
    start = np.empty(nx * ny + 1, dtype=np.int64)
    place = (edges.a, edges.b, xy, unit_x, unit_y, nx, ny, marked, not all_cells, start)
    cells = np.empty(noding.count_cells(*place), dtype=np.int32)
    noding.fill_cells(*place, cells)
    return Cells(unit_x, unit_y, nx, ny, start, cells)


def cut(grid: Grid, places: Places, edges: Edges) -> tuple[Places, Edges]:
    """Cut edges wherever a fresh edge meets another; the pieces are the next round's fresh edges."""
    xy = places.xy
    cells = file_edges(grid, xy, edges, bool(edges.fresh.all()))
    longest = int(np.diff(cells.start).max())
    scratch = np.empty((longest, 4)), np.empty(longest, dtype=np.int32)
    room = len(edges.a) // 2 + 64
    while True:
        cut_edge, cut_place = np.empty(room, dtype=np.int32), np.empty(room, dtype=np.int32)
        new = np.empty((room, 2))
        where = (cells.start, cells.edges, edges.a, edges.b, xy, edges.fresh)
        cuts, added = noding.find_cuts(*where, cut_edge, cut_place, new, *scratch)
        if max(cuts, added) <= room:
            break
        room = max(cuts, added)
    del cells
    if not cuts:
        return places, edges._replace(fresh=np.zeros(len(edges.a), dtype=np.bool_))
    cut_edge, cut_place = cut_edge[:cuts], cut_place[:cuts]
    places, numbers = add_places(grid, places, new[:added])
    is_new = cut_place < 0
    cut_place[is_new] = numbers[-1 - cut_place[is_new]]
    start = np.empty(len(edges.a) + 1, dtype=np.int32)
    place, scratch = np.empty_like(cut_place), np.empty_like(cut_place)
    noding.bucket(cut_edge, cut_place, cut_place, start, place, scratch)
    along = np.empty(cuts)
    room = len(edges.set_list) + 2 * cuts
    while True:
        spare = [np.empty(room, dtype=np.int32) for _ in range(3)]
        whole = (edges.a, edges.b, edges.set_start, edges.set_list, places.xy, start, place, along)
        rows = noding.cut_edges(*whole, *spare)
        if rows <= room:
            break
        room = rows
    del edges, whole, start, place, along
    spare += [np.empty(room, dtype=np.int32) for _ in range(2)]
    return places, unique_edges(*(part[:rows] for part in spare), len(places.xy))


def add_places(grid: Grid, places: Places, xy: np.ndarray) -> tuple[Places, np.ndarray]:
    """The places with new ones added, and the number of each new point's place, known before or not."""
    if not len(xy):
        return places, np.empty(0, dtype=np.int32)
    new, number = unique_places(grid, xy, [np.empty(len(xy), dtype=np.int32) for _ in range(4)])
    found = np.empty(len(new.xy), dtype=np.int32)
    points.known_places(places.key, places.xy, places.batches, new.key, new.xy, found)
    unknown = found < 0
    total = len(places.xy)
    found[unknown] = total + np.arange(unknown.sum(), dtype=np.int32)
    grown = Places(
        np.concatenate([places.key, new.key[unknown]]),
        np.concatenate([places.xy, new.xy[unknown]]),
        np.append(places.batches, total + unknown.sum()),
    )
    return grown, found[number]
