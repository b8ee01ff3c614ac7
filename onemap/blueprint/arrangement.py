"""The planar arrangement of many polygons by compiled steps, every decision exact, the result checked or refused.

Coordinates are counted in whole steps of a grid that is as fine as doubles of their size are anyway: the last bit of
the largest coordinate, 7.5e-9 m at 41,500,000 m east and 9.3e-10 m at 4,550,000 m north. Input places keep their
coordinates; a crossing moves to the nearest grid point, so no edge moves by more than that. Cutting is repeated until
no two edges meet except at their ends, decided without rounding.

2026-11: chosen against GEOS' noding and polygonizing (kept in ``overlay_by_geos`` as referee and as fallback), which
spends its time on edges that neighbours share and on finding the cover of each face again by points.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely

from onemap.blueprint import cycles, noding, points, rings

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
    x: np.ndarray
    y: np.ndarray
    batches: np.ndarray


def arrange(polygons: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Faces of the arrangement of valid polygons, with what covers them: faces, face and polygon index pairs.

    Raises NotCertified when a check fails: edges still cross, the cover changes across an edge by anything but the
    polygons the edge belongs to, or the faces of a polygon do not add up to its area.
    """
    if not shapely.get_num_coordinates(polygons).any():
        none = np.empty(0, dtype=np.intp)
        return np.empty(0, dtype=object), none, none
    grid, places, edges = read_edges(polygons)
    for _ in range(ROUNDS):
        if not edges.fresh.any():
            break
        places, edges = cut(grid, places, edges)
    if edges.fresh.any():
        raise NotCertified(f"edges still cross after {ROUNDS} rounds of cutting")
    return faces_of(grid, places.x, places.y, edges, polygons)


def read_edges(polygons: np.ndarray) -> tuple[Grid, Places, Edges]:
    """All places and edges of the polygons' rings, each once."""
    xy, owner = shapely.get_coordinates(polygons, return_index=True)
    joined = np.empty(len(xy), dtype=np.bool_)
    if not noding.close_rings(xy, owner, joined):
        parts, part_owner = shapely.get_parts(polygons, return_index=True)
        ring, ring_part = shapely.get_rings(parts, return_index=True)
        xy, of_ring = shapely.get_coordinates(ring, return_index=True)
        owner = part_owner[ring_part[of_ring]]
        joined = np.append(of_ring[1:] == of_ring[:-1], False)
    grid = fit_grid(xy)
    x, y = np.empty(len(xy)), np.empty(len(xy))
    points.quantise(xy, grid.origin, grid.step, x, y)
    del xy
    places, number = unique_places(grid, x, y)
    del x, y
    low, high, own = (np.empty(len(number), dtype=np.int32) for _ in range(3))
    m = noding.ring_edges(number, joined, owner, low, high, own)
    del number, joined, owner
    own[:m] |= 1  # every edge is new
    return grid, places, unique_edges(low[:m], high[:m], own[:m], len(places.x))


def fit_grid(xy: np.ndarray) -> Grid:
    """The grid of powers of two as fine as the coordinates, but at most ``LONGEST`` steps across.

    >>> float(fit_grid(np.array([[41_500_000.0, 0.0], [41_500_001.0, 1.0]])).step[0])
    7.450580596923828e-09
    """
    if not np.isfinite(xy).all():
        raise NotCertified("coordinates that are not finite")
    low, high = xy.min(axis=0), xy.max(axis=0)
    step = np.spacing(np.maximum(abs(low), abs(high)))
    step = np.maximum(step, 2.0 ** np.ceil(np.log2(max((high - low).max(), 1e-290))) / LONGEST)
    low = np.floor(low / step) * step
    return Grid(low, step, (high - low) / step + 1.0)


def unique_places(grid: Grid, x: np.ndarray, y: np.ndarray) -> tuple[Places, np.ndarray]:
    """Every place once, neighbours close together, and the number of the place of each point."""
    n = len(x)
    key, scratch_key = np.empty(n, dtype=np.uint32), np.empty(n, dtype=np.uint32)
    order, scratch = np.empty(n, dtype=np.int32), np.empty(n, dtype=np.int32)
    points.locality_keys(x, y, *(65536.0 / grid.extent), key)
    points.radix_order(key, scratch, scratch_key, order)
    del key, scratch
    number = np.empty(n, dtype=np.int32)
    used = points.unify(scratch_key, order, x, y, number)
    at = order[:used]
    return Places(scratch_key[:used].copy(), x[at], y[at], np.array([0, used])), number


def unique_edges(low: np.ndarray, high: np.ndarray, own: np.ndarray, places: int) -> Edges:
    """Rows of edges merged: equal ones become one, with the parity of the polygons that bring it."""
    start = np.empty(places + 1, dtype=np.int32)
    high_by, own_by = np.empty_like(high), np.empty_like(own)
    noding.bucket(low, high, own, start, high_by, own_by)
    m = len(low)
    a, b, set_list = (np.empty(m, dtype=np.int32) for _ in range(3))
    set_start, fresh = np.empty(m + 1, dtype=np.int32), np.empty(m, dtype=np.bool_)
    n = noding.merge_edges(start, high_by, own_by, a, b, set_start, set_list, fresh)
    return Edges(
        a[:n].copy(),
        b[:n].copy(),
        set_start[: n + 1].copy(),
        set_list[: set_start[n]].copy(),
        fresh[:n].copy(),
    )


class Cells(NamedTuple):
    """A grid of cells over the plane and the edges that pass each one."""

    unit_x: float
    unit_y: float
    nx: int
    ny: int
    start: np.ndarray
    edges: np.ndarray


def file_edges(grid: Grid, x: np.ndarray, y: np.ndarray, edges: Edges, all_cells: bool) -> Cells:
    """File the edges by cell; unless all cells are wanted, only in cells that a fresh edge passes."""
    width, height = grid.extent * grid.step
    n = len(edges.a)
    side = max(np.sqrt(width * height / (n + 1)), max(width, height) / min(4.0 * n + 16, 16384))
    nx, ny = int(width / side) + 1, int(height / side) + 1
    unit_x, unit_y = grid.step / side
    marked = np.zeros(0 if all_cells else nx * ny, dtype=np.bool_)
    if not all_cells:
        noding.mark_cells(edges.a, edges.b, x, y, unit_x, unit_y, nx, ny, edges.fresh, marked)
    start = np.empty(nx * ny + 1, dtype=np.int64)
    place = (edges.a, edges.b, x, y, unit_x, unit_y, nx, ny, marked, not all_cells, start)
    cells = np.empty(noding.count_cells(*place), dtype=np.int32)
    noding.fill_cells(*place, cells)
    return Cells(unit_x, unit_y, nx, ny, start, cells)


def cut(grid: Grid, places: Places, edges: Edges) -> tuple[Places, Edges]:
    """Cut edges wherever a fresh edge meets another; the pieces are the next round's fresh edges."""
    x, y = places.x, places.y
    cells = file_edges(grid, x, y, edges, bool(edges.fresh.all()))
    longest = int(np.diff(cells.start).max())
    room = len(edges.a) // 2 + 64
    while True:
        cut_edge, cut_place = np.empty(room, dtype=np.int32), np.empty(room, dtype=np.int32)
        new_x, new_y = np.empty(room), np.empty(room)
        cuts, new = noding.find_cuts(
            cells.start,
            cells.edges,
            edges.a,
            edges.b,
            x,
            y,
            edges.fresh,
            cut_edge,
            cut_place,
            new_x,
            new_y,
            np.empty((longest, 4)),
            np.empty(longest, dtype=np.int32),
        )
        if max(cuts, new) <= room:
            break
        room = max(cuts, new)
    del cells
    if not cuts:
        return places, edges._replace(fresh=np.zeros(len(edges.a), dtype=np.bool_))
    cut_edge, cut_place = cut_edge[:cuts], cut_place[:cuts]
    places, numbers = add_places(grid, places, new_x[:new], new_y[:new])
    is_new = cut_place < 0
    cut_place[is_new] = numbers[-1 - cut_place[is_new]]
    start = np.empty(len(edges.a) + 1, dtype=np.int32)
    place, scratch = np.empty_like(cut_place), np.empty_like(cut_place)
    noding.bucket(cut_edge, cut_place, cut_place, start, place, scratch)
    along = np.empty(cuts)
    room = len(edges.set_list) + 2 * cuts
    while True:
        low, high, own = (np.empty(room, dtype=np.int32) for _ in range(3))
        rows = noding.cut_edges(
            edges.a,
            edges.b,
            edges.set_start,
            edges.set_list,
            places.x,
            places.y,
            start,
            place,
            along,
            low,
            high,
            own,
        )
        if rows <= room:
            break
        room = rows
    return places, unique_edges(low[:rows], high[:rows], own[:rows], len(places.x))


def add_places(grid: Grid, places: Places, x: np.ndarray, y: np.ndarray) -> tuple[Places, np.ndarray]:
    """The places with new ones added, and the number of each new point's place, known before or not."""
    if not len(x):
        return places, np.empty(0, dtype=np.int32)
    new, number = unique_places(grid, x, y)
    found = np.empty(len(new.x), dtype=np.int32)
    points.known_places(places.key, places.x, places.y, places.batches, new.key, new.x, new.y, found)
    unknown = found < 0
    total = len(places.x)
    found[unknown] = total + np.arange(unknown.sum(), dtype=np.int32)
    grown = Places(
        np.concatenate([places.key, new.key[unknown]]),
        np.concatenate([places.x, new.x[unknown]]),
        np.concatenate([places.y, new.y[unknown]]),
        np.append(places.batches, total + unknown.sum()),
    )
    return grown, found[number]


def faces_of(grid: Grid, x: np.ndarray, y: np.ndarray, edges: Edges, polygons: np.ndarray):
    """The covered faces between edges that meet at their ends only, sorted, and what covers them; checked."""
    a, b = edges.a, edges.b
    half_edges = 2 * len(a)
    start = np.empty(len(x) + 1, dtype=np.int32)
    out = np.empty(half_edges, dtype=np.int32)
    cycles.fan(a, b, x, y, start, out)
    following = np.empty(half_edges, dtype=np.int32)
    if not cycles.successors(start, out, following):
        raise NotCertified("an edge that ends nowhere")

    cycle = np.empty(half_edges, dtype=np.int32)
    room = half_edges // 3 + 2
    first, length = np.empty(room, dtype=np.int32), np.empty(room, dtype=np.int32)
    pinched = np.empty(room, dtype=np.bool_)
    scratch = np.empty(len(x), dtype=np.int32)
    n = cycles.trace(a, b, x, y, following, cycle, first, length, pinched, scratch)
    first, length, pinched = first[:n].copy(), length[:n].copy(), pinched[:n].copy()

    piece = np.empty(n, dtype=np.int32)
    westmost, outer = np.empty(n, dtype=np.int32), np.empty(n, dtype=np.int32)
    k = cycles.pieces(a, b, x, y, cycle, first, start, out, piece, westmost, outer)
    westmost, outer = westmost[:k].copy(), outer[:k].copy()
    used = np.count_nonzero(np.diff(start))
    if used - len(a) + n != 2 * k:
        raise NotCertified("places, edges and faces do not satisfy Euler's formula")
    del start, out, piece
    hit = np.full(k, -1, dtype=np.int32)
    if k > 1:
        cells = file_edges(grid, x, y, edges, True)
        cycles.look_west(
            westmost,
            a,
            b,
            x,
            y,
            cells.unit_x,
            cells.unit_y,
            cells.nx,
            cells.ny,
            cells.start,
            cells.edges,
            hit,
        )
        del cells

    order = np.lexsort((y[westmost], x[westmost]))
    begin, end = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    face, queue = np.empty(n, dtype=np.int32), np.empty(n, dtype=np.int32)
    room = 8 * n + 64
    while True:
        lists = np.empty(room, dtype=np.int32)
        total = cycles.label(
            order,
            outer,
            hit,
            a,
            following,
            cycle,
            first,
            edges.set_start,
            edges.set_list,
            lists,
            begin,
            end,
            face,
            queue,
        )
        if total <= room:
            break
        room = 2 * total
    token = np.random.default_rng(1).integers(0, 2**64, len(polygons), dtype=np.uint64)
    sign = np.empty(n, dtype=np.uint64)
    wrong = cycles.disagreements(cycle, edges.set_start, edges.set_list, lists, begin, end, token, sign)
    if wrong:
        raise NotCertified(f"{wrong} edges do not separate what they should")
    del cycle, token, sign, queue

    box, area = np.empty((4, n)), np.empty(n)
    rings.extents(a, b, x, y, following, first, box, area)
    is_face = (face == np.arange(n)) & (end > begin)
    faces = np.flatnonzero(is_face)
    faces = faces[np.lexsort(box[::-1, faces])]
    holes = outer[(face[outer] >= 0)]
    holes = holes[is_face[face[holes]]]
    rank = np.full(n, -1, dtype=np.int32)
    rank[faces] = np.arange(len(faces), dtype=np.int32)
    holes = holes[np.lexsort((box[1, holes], box[0, holes], rank[face[holes]]))]
    hole_start = np.searchsorted(rank[face[holes]], np.arange(len(faces) + 1))
    np.add.at(area, face[holes], area[holes])
    del box

    counts = end[faces] - begin[faces]
    face_index = np.repeat(np.arange(len(faces)), counts)
    ahead = np.cumsum(counts) - counts
    polygon_index = lists[np.arange(len(face_index)) + np.repeat(begin[faces] - ahead, counts)].astype(
        np.intp
    )
    del lists
    check_areas(polygons, polygon_index, area[faces][face_index] * grid.step.prod(), grid)

    used_cycles = np.concatenate([faces, holes])
    points_in = int(
        (length[used_cycles] + 1).sum() + (length[used_cycles] * pinched[used_cycles]).sum() // 3 + 1
    )
    rings_in = int(len(used_cycles) + (length[used_cycles] * pinched[used_cycles]).sum() // 3 + 1)
    xy = np.empty((points_in, 2))
    ring_end, face_end = np.zeros(rings_in + 1, dtype=np.int64), np.zeros(len(faces) + 1, dtype=np.int64)
    at, ring_count = rings.write_faces(
        faces,
        hole_start,
        holes,
        pinched,
        a,
        b,
        x,
        y,
        following,
        first,
        grid.origin,
        grid.step,
        xy,
        ring_end[1:],
        face_end[1:],
        scratch,
        np.empty(len(x), dtype=np.int32),
    )
    del following, scratch
    shapes = shapely.from_ragged_array(
        shapely.GeometryType.POLYGON, xy[:at], (ring_end[: ring_count + 1], face_end)
    )
    return shapes, face_index, polygon_index


def check_areas(polygons: np.ndarray, polygon: np.ndarray, area: np.ndarray, grid: Grid) -> None:
    """Refuse when the faces of any polygon do not add up to it: 1e-9 of its area plus two steps along its bounds."""
    got = np.bincount(polygon, weights=area, minlength=len(polygons))
    want = shapely.area(polygons)
    allowed = 1e-9 * want + 4 * grid.step.max() * shapely.length(polygons)
    if (abs(got - want) > allowed).any():
        worst = int(np.argmax(abs(got - want) - allowed))
        raise NotCertified(f"polygon {worst} has {want[worst]} and its faces {got[worst]}")
