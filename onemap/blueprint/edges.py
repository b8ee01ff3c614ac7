"""The edges of many polygons, each once, cut until no two of them meet except at their ends."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely

from onemap.blueprint import cells, noding, points

LONGEST = 2.0**48  # steps: exact up to 2**52; with finer ones GEOS takes slivers of one step for inside out
ROUNDS = 24  # of cutting, before the arrangement is given up; one, and one that finds nothing, are usual
PIXEL = 0.5  # steps: half the side of the square around a place that edges are led through


class NotCertified(ValueError):
    """The arrangement could not be proven right; the message says which check failed."""


class Grid(NamedTuple):
    """Where whole-number coordinates begin and how long a step is, as arrays (x, y); extent in steps."""

    origin: np.ndarray
    step: np.ndarray
    extent: np.ndarray


class Window(NamedTuple):
    """Where a job works: west, south, east, north in steps, and how long a step is; what lies beyond is allowed."""

    box: np.ndarray
    step: np.ndarray


class Lines(NamedTuple):
    """Corners in steps of the grid, ring after ring: the coordinates, whether each is joined to the next, its polygon."""

    xy: np.ndarray
    joined: np.ndarray
    polygon: np.ndarray


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


def fit_grid(bounds: np.ndarray) -> Grid:
    """The grid of powers of two as fine as coordinates within the bounds, but at most ``LONGEST`` steps across.

    >>> float(fit_grid(np.array([41_500_000.0, 0.0, 41_500_001.0, 1.0])).step[0])
    7.450580596923828e-09
    """
    low, high = np.reshape(bounds, (2, 2))
    if not np.isfinite(low + high).all():
        raise NotCertified("coordinates that are not finite")
    step = np.spacing(np.maximum(abs(low), abs(high)))
    step = np.maximum(step, 2.0 ** np.ceil(np.log2(max((high - low).max(), 1e-290))) / LONGEST)
    low = np.floor(low / step) * step
    return Grid(low, step, (high - low) / step + 1.0)


def read_lines(polygons: np.ndarray, grid: Grid, numbers: np.ndarray | None = None) -> Lines:
    """The rings of polygons as lines on the grid. numbers : of the polygons, by default from 0

    Raises NotCertified where a coordinate is not finite.
    """
    xy, count = shapely.get_coordinates(polygons), shapely.get_num_coordinates(polygons)
    if not np.isfinite(xy).all():
        raise NotCertified("coordinates that are not finite")
    joined = np.empty(len(xy), dtype=np.bool_)
    if not noding.close_rings(xy, count, joined):
        ring = shapely.get_rings(shapely.get_parts(polygons))
        of_ring = np.repeat(np.arange(len(ring)), shapely.get_num_coordinates(ring))
        joined = np.append(of_ring[1:] == of_ring[:-1], False)
    points.quantise(xy, grid.origin, grid.step)
    numbers = np.arange(len(count)) if numbers is None else numbers
    return Lines(xy, joined, np.repeat(numbers.astype(np.int32), count))


def planar_edges(lines: Lines, window: Window, keep=None) -> tuple[np.ndarray, Edges]:
    """The edges of the lines, cut wherever they meet: the places in steps, and the edges.

    keep : None, or which cuts of later rounds to heed, as a function of places. Raises NotCertified when edges still
    cross after ``ROUNDS`` rounds.
    """
    places, edges = unite(lines, window)
    half = PIXEL
    for _ in range(ROUNDS):
        places, edges = cut(window, places, edges, half, keep if half == 0.0 else None)
        if not edges.fresh.any():
            return places.xy, edges
        half = 0.0
    raise NotCertified(f"edges still cross after {ROUNDS} rounds of cutting")


def unite(lines: Lines, window: Window) -> tuple[Places, Edges]:
    """All places and edges of the lines, each once."""
    spare = [np.empty(len(lines.xy), dtype=np.int32) for _ in range(4)]
    places, number = unique_places(window, lines.xy, spare)
    low, high, own, _ = spare
    rows = noding.ring_edges(number, lines.joined, lines.polygon, low, high, own)
    return places, unique_edges(*(part[:rows] for part in (*spare, number)), len(places.xy))


def unique_places(window: Window, xy: np.ndarray, spare: list[np.ndarray]) -> tuple[Places, np.ndarray]:
    """Every place once, neighbours close together, and the number of the place of each point.

    spare : four arrays as long as xy, of 32 bits, for scratch
    """
    key, sorted_key = (part.view(np.uint32) for part in spare[:2])
    order, sorted_order = spare[2:]
    box = window.box
    points.locality_keys(xy, box[:2], 65536.0 / (box[2:] - box[:2] + 1.0), key)
    points.radix_order(key, order, sorted_key, sorted_order, np.zeros(2048, dtype=np.int64))
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
    """A grid of cells over the plane, counted from ``origin``, and the edges that pass each one."""

    origin: np.ndarray
    unit_x: float
    unit_y: float
    nx: int
    ny: int
    start: np.ndarray
    edges: np.ndarray


def file_edges(window: Window, xy: np.ndarray, edges: Edges, all_cells: bool) -> Cells:
    """File the edges by cell; unless all cells are wanted, only in cells that a fresh edge passes."""
    width, height = (window.box[2:] - window.box[:2] + 1.0) * window.step
    n = len(edges.a)
    side = max(np.sqrt(width * height / (n + 1)), max(width, height) / min(4.0 * n + 16, 16384))
    nx, ny = int(width / side) + 1, int(height / side) + 1
    unit_x, unit_y = window.step / side
    start = np.empty(nx * ny + 1, dtype=np.int64)
    where = (window.box[:2], unit_x, unit_y, nx, ny)
    margin = 1e-4 + 2 * max(unit_x, unit_y)
    filed = cells.file_cells(edges.a, edges.b, xy, *where, margin, edges.fresh, all_cells, start)
    return Cells(*where, start, filed)


def cut(window, places: Places, edges: Edges, half: float, keep=None) -> tuple[Places, Edges]:
    """Cut edges wherever a fresh edge meets another; the pieces are the next round's fresh edges.

    half : how far, in steps, an edge may pass a place and is still led through it
    """
    filed = file_edges(window, places.xy, edges, bool(edges.fresh.all()))
    longest = int(np.diff(filed.start).max())
    scratch = np.empty((longest, 4)), np.empty(longest, dtype=np.int32)
    room = len(edges.a) // 2 + 64
    while True:
        cut_edge, cut_place = np.empty(room, dtype=np.int32), np.empty(room, dtype=np.int32)
        new = np.empty((room, 2))
        where = (filed.start, filed.edges, edges.a, edges.b, places.xy, edges.fresh, half)
        cuts, added = noding.find_cuts(*where, cut_edge, cut_place, new, *scratch)
        if max(cuts, added) <= room:
            break
        room = max(cuts, added)
    cut_edge, cut_place, known = cut_edge[:cuts], cut_place[:cuts], len(places.xy)
    places, numbers = add_places(window, places, new[:added])
    is_new = cut_place < 0
    cut_place[is_new] = numbers[-1 - cut_place[is_new]]
    hot = np.arange(known, len(places.xy), dtype=np.int32)
    more_edge, more_place = find_passing(filed, edges, places.xy, hot, half)
    del filed
    cut_edge, cut_place = np.concatenate([cut_edge, more_edge]), np.concatenate([cut_place, more_place])
    if keep is not None:
        heeded = keep(places.xy[cut_place])
        cut_edge, cut_place = cut_edge[heeded], cut_place[heeded]
    if not len(cut_edge):
        return places, edges._replace(fresh=np.zeros(len(edges.a), dtype=np.bool_))
    return places, cut_at(edges, places, cut_edge, cut_place)


def find_passing(filed: Cells, edges: Edges, xy, hot: np.ndarray, half: float):
    """Which edges pass the pixels of new hot places: equally long arrays of edges and places."""
    room = 2 * len(hot) + 64
    while True:
        edge, place = np.empty(room, dtype=np.int32), np.empty(room, dtype=np.int32)
        n = noding.find_passing(
            filed.start, filed.edges, *filed[:5], edges.a, edges.b, xy, hot, half, edge, place
        )
        if n <= room:
            return edge[:n], place[:n]
        room = n


def cut_at(edges: Edges, places: Places, cut_edge: np.ndarray, cut_place: np.ndarray) -> Edges:
    """The edges cut at places of theirs, equal pieces merged."""
    cuts = len(cut_edge)
    start = np.empty(len(edges.a) + 1, dtype=np.int32)
    place, scratch = np.empty_like(cut_place), np.empty_like(cut_place)
    noding.bucket(cut_edge, cut_place, cut_place, start, place, scratch)
    room, along = len(edges.set_list) + 2 * cuts, np.empty(cuts)
    while True:
        spare = [np.empty(room, dtype=np.int32) for _ in range(3)]
        whole = (edges.a, edges.b, edges.set_start, edges.set_list, places.xy, start, place)
        rows = noding.cut_edges(*whole, *spare, along)
        if rows <= room:
            break
        room = rows
    spare += [np.empty(room, dtype=np.int32) for _ in range(2)]
    return unique_edges(*(part[:rows] for part in spare), len(places.xy))


def add_places(window: Window, places: Places, xy: np.ndarray) -> tuple[Places, np.ndarray]:
    """The places with new ones added, and the number of each new point's place, known before or not."""
    if not len(xy):
        return places, np.empty(0, dtype=np.int32)
    new, number = unique_places(window, xy, [np.empty(len(xy), dtype=np.int32) for _ in range(4)])
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
