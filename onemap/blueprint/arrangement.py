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

from onemap.blueprint import cycles, rings
from onemap.blueprint.edges import Edges, Grid, NotCertified, file_edges, planar_edges

FEW = 1000  # connected pieces, up to which filing all edges by cells costs more than it saves


class Walks(NamedTuple):
    """The cycles around all faces and connected pieces; one entry per cycle unless said otherwise.

    following, cycle : per half-edge; first, length, pinched, box, area : see ``cycles.trace``;
    westmost, outer : per piece, its westernmost place and the cycle around it
    """

    following: np.ndarray
    cycle: np.ndarray
    first: np.ndarray
    length: np.ndarray
    pinched: np.ndarray
    box: np.ndarray
    area: np.ndarray
    westmost: np.ndarray
    outer: np.ndarray


class Covers(NamedTuple):
    """What covers the side of each cycle: ``lists[begin:end]``; and the cycle that bounds its face, or -1."""

    lists: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    face: np.ndarray


def arrange(polygons: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Faces of the arrangement of valid polygons, with what covers them: faces, face and polygon index pairs.

    Raises NotCertified when a check fails: edges still cross, the cover changes across an edge by anything but the
    polygons the edge belongs to, or the faces of a polygon do not add up to its area.
    """
    if not shapely.get_num_coordinates(polygons).any():
        none = np.empty(0, dtype=np.intp)
        return np.empty(0, dtype=object), none, none
    grid, xy, edges = planar_edges(polygons)
    walks = walk(xy, edges)
    covers = find_covers(grid, xy, edges, walks, len(polygons))
    n = len(walks.first)
    is_face = (covers.face == np.arange(n)) & (covers.end > covers.begin)
    faces = np.flatnonzero(is_face)
    faces = faces[np.argsort(walks.box[faces, 0])]
    cycles.sort_ties(faces, walks.box, walks.area)
    rank = np.full(n, -1, dtype=np.int32)
    rank[faces] = np.arange(len(faces), dtype=np.int32)
    holes = walks.outer[covers.face[walks.outer] >= 0]
    holes = holes[is_face[covers.face[holes]]]
    around = covers.face[holes]
    order = np.lexsort((walks.box[holes, 1], walks.box[holes, 0], rank[around]))
    holes, around = holes[order], around[order]

    counts = covers.end[faces] - covers.begin[faces]
    face = np.repeat(np.arange(len(faces)), counts)
    polygon = np.empty(len(face), dtype=np.intp)
    cycles.gather(faces, covers.lists, covers.begin, covers.end, polygon)
    np.add.at(walks.area, around, walks.area[holes])
    check_areas(polygons, polygon, (walks.area[faces] * grid.step.prod())[face], grid)
    del covers
    inside = np.searchsorted(rank[around], np.arange(len(faces) + 1))
    return shapes(grid, xy, edges, walks, faces, inside, holes), face, polygon


def walk(xy: np.ndarray, edges: Edges) -> Walks:
    """Walk around every face and every connected piece; refused where the walks contradict Euler's formula."""
    a, b = edges.a, edges.b
    start = np.empty(len(xy) + 1, dtype=np.int32)
    out, following, cycle = (np.empty(2 * len(a), dtype=np.int32) for _ in range(3))
    cycles.fan(a, b, xy, start, out)
    if not cycles.successors(start, out, following):
        raise NotCertified("an edge that ends nowhere")
    used = np.count_nonzero(start[1:] != start[:-1])
    seen = np.empty(len(xy), dtype=np.int32)
    n, room = len(a) - used + 64, 0
    while n > room:
        room = n
        first, length = np.empty(room, dtype=np.int32), np.empty(room, dtype=np.int32)
        pinched, box, area = np.empty(room, dtype=np.bool_), np.empty((room, 4)), np.empty(room)
        n = cycles.trace(a, b, xy, following, cycle, first, length, pinched, box, area, seen)
    first, length, pinched, box, area = first[:n], length[:n], pinched[:n], box[:n], area[:n]
    piece, westmost, outer = (np.empty(n, dtype=np.int32) for _ in range(3))
    k = cycles.pieces(a, b, xy, cycle, first, start, out, piece, westmost, outer)
    if used - len(a) + n != 2 * k:
        raise NotCertified("places, edges and faces do not satisfy Euler's formula")
    return Walks(following, cycle, first, length, pinched, box, area, westmost[:k].copy(), outer[:k].copy())


def find_covers(grid: Grid, xy: np.ndarray, edges: Edges, walks: Walks, polygons: int) -> Covers:
    """What covers each face, from the sets of the edges alone; refused unless every edge agrees."""
    n, k = len(walks.first), len(walks.outer)
    hit = np.full(k, -1, dtype=np.int32)
    if 1 < k <= FEW:
        heights = np.argsort(xy[walks.westmost, 1])
        cycles.look_west_plainly(walks.westmost, heights, edges.a, edges.b, xy, hit)
    elif k > 1:
        cells = file_edges(grid, xy, edges, True)
        cycles.look_west(walks.westmost, edges.a, edges.b, xy, *cells, hit)
        del cells
    order = np.lexsort((xy[walks.westmost, 1], xy[walks.westmost, 0]))
    begin, end = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    face, queue = np.empty(n, dtype=np.int32), np.empty(n, dtype=np.int32)
    used, room = 8 * n + 64, 0
    while used > room:
        room = 2 * used
        lists = np.empty(room, dtype=np.int32)
        ways = (order, walks.outer, hit, edges.a, walks.following, walks.cycle, walks.first)
        used = cycles.label(*ways, edges.set_start, edges.set_list, lists, begin, end, face, queue)
    token = np.random.default_rng(1).integers(0, 2**64, polygons, dtype=np.uint64)
    sign = np.empty(n, dtype=np.uint64)
    wrong = cycles.disagreements(walks.cycle, edges.set_start, edges.set_list, lists, begin, end, token, sign)
    if wrong:
        raise NotCertified(f"{wrong} edges do not separate what they should")
    return Covers(lists[:used], begin, end, face)


def shapes(grid: Grid, xy: np.ndarray, edges: Edges, walks: Walks, faces, inside, holes) -> np.ndarray:
    """The faces as polygons: bounded by the cycles ``faces``, each with the cycles ``holes[inside[i]:inside[i + 1]]``."""
    used = np.concatenate([faces, holes])
    length = walks.length[used]
    split = int((length * walks.pinched[used]).sum() // 3 + 1)
    written = np.empty((int(length.sum()) + len(used) + split, 2))
    ring_end = np.zeros(len(used) + split + 1, dtype=np.int64)
    face_end = np.zeros(len(faces) + 1, dtype=np.int64)
    slot, stack = np.empty(len(xy), dtype=np.int32), np.empty(len(xy), dtype=np.int32)
    lines = (edges.a, edges.b, xy, walks.following, walks.first, grid.origin, grid.step)
    at, rings_written = rings.write_faces(
        faces, inside, holes, walks.pinched, *lines, written, ring_end[1:], face_end[1:], slot, stack
    )
    offsets = ring_end[: rings_written + 1], face_end
    return shapely.from_ragged_array(shapely.GeometryType.POLYGON, written[:at], offsets)


def check_areas(polygons: np.ndarray, polygon: np.ndarray, area: np.ndarray, grid: Grid) -> None:
    """Refuse when the faces of any polygon do not add up to it: 1e-9 of its area plus four steps along its bounds."""
    got = np.bincount(polygon, weights=area, minlength=len(polygons))
    want = shapely.area(polygons)
    allowed = 1e-9 * want + 4 * grid.step.max() * shapely.length(polygons)
    if (abs(got - want) > allowed).any():
        worst = int(np.argmax(abs(got - want) - allowed))
        raise NotCertified(f"polygon {worst} has {want[worst]} and its faces {got[worst]}")
