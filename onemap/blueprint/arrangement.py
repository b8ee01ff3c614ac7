"""The planar arrangement of many polygons by compiled steps, every decision exact, the result checked or refused.

Coordinates are counted in whole steps of a grid that is as fine as doubles of their size are anyway: the last bit of
the largest coordinate, 7.5e-9 m at 41,500,000 m east and 9.3e-10 m at 4,550,000 m north. Input places keep their
coordinates; a crossing moves to the nearest grid point, so no edge moves by more than that.

2026-11: chosen against GEOS' noding and polygonizing (kept in ``overlay_by_geos`` as referee and as fallback), which
spends its time on edges that neighbours share and on finding the cover of each face again by points.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely

from onemap.blueprint import covers, rings, walks
from onemap.blueprint.edges import (
    Edges,
    Grid,
    Lines,
    NotCertified,
    Window,
    fit_grid,
    planar_edges,
    read_lines,
)
from onemap.blueprint.points import bounds

NOWHERE = np.empty(0, dtype=np.int32)


class Region(NamedTuple):
    """The part of the plane that a job answers for, in steps; no place can lie on its bounds, which are halves.

    box : west, south, east, north; corner : the polygons that cover the lower left corner
    """

    box: np.ndarray
    corner: np.ndarray


EVERYTHING = Region(np.array([-1.5, -1.5, np.inf, np.inf]), NOWHERE)


class Walks(NamedTuple):
    """The walks around all faces and connected pieces; one entry per walk unless said otherwise.

    following, walk : per half-edge; first, length, pinched, box, area : see ``walks.trace``; the first ``open`` walks
    are open; westmost, around : per piece, its westernmost place and the walk west of it
    """

    following: np.ndarray
    walk: np.ndarray
    first: np.ndarray
    length: np.ndarray
    pinched: np.ndarray
    box: np.ndarray
    area: np.ndarray
    open: int
    westmost: np.ndarray
    around: np.ndarray


class Covers(NamedTuple):
    """What covers the side of each walk: ``lists[begin:end]``; and the walk that bounds its face, or -1."""

    lists: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    face: np.ndarray

    def of(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How many polygons cover each chosen walk's side, and which, one after the other."""
        counts = self.end[chosen] - self.begin[chosen]
        polygons = np.empty(counts.sum(), dtype=np.int32)
        covers.gather(chosen, self.lists, self.begin, self.end, polygons)
        return counts, polygons


class Arrangement(NamedTuple):
    """What a job found in its region: whole faces, and what reaches beyond.

    faces : polygons; counts, polygons : how many polygons cover each
    face, and which; area : of the faces in square steps; loose : closed walks around pieces that lie in a face that
    reaches beyond; open : open walks, with the places outside that they come from and go to
    """

    faces: np.ndarray
    counts: np.ndarray
    polygons: np.ndarray
    area: np.ndarray
    loose: Trails
    open: Trails


class Trails(NamedTuple):
    """Sequences of places, ``xy[start[i]:start[i + 1]]`` in steps, and what covers their left sides."""

    xy: np.ndarray
    start: np.ndarray
    counts: np.ndarray
    polygons: np.ndarray


def arrange(polygons: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Faces of the arrangement of valid polygons, with what covers them: faces, face and polygon index pairs.

    Raises NotCertified when a check fails: edges still cross, the cover changes across an edge by anything but the
    polygons the edge belongs to, or the faces of a polygon do not add up to its area.
    """
    if not shapely.get_num_coordinates(polygons).any():
        none = np.empty(0, dtype=np.intp)
        return np.empty(0, dtype=object), none, none
    grid = fit_grid(bounds(shapely.get_coordinates(polygons)))
    lines = read_lines(polygons, grid)
    window = Window(np.r_[0.0, 0.0, grid.extent], grid.step)
    found = arrange_region(grid, lines, window, EVERYTHING, len(polygons))
    return in_order(polygons, grid, found.faces, found.counts, found.polygons, found.area)


def in_order(polygons: np.ndarray, grid: Grid, faces, counts, covering, area):
    """Faces, face and polygon index pairs in their final order.

    counts, covering : how many polygons cover each face, and which. Raises NotCertified where areas do not add up.
    """
    order = order_of(faces)
    begin = np.cumsum(counts) - counts
    covering = covering[runs(begin[order], counts[order])].astype(np.intp)
    face = np.repeat(np.arange(len(faces)), counts[order])
    check_areas(sizes_of(polygons), np.bincount(covering, area[order][face], len(polygons)), grid)
    return faces[order], face, covering


def order_of(faces: np.ndarray) -> np.ndarray:
    """The order of faces by west, south, east, north, and where these are equal by shape."""
    bounds = shapely.bounds(faces)
    order = np.lexsort(bounds.T[::-1])
    bounds = bounds[order]
    tied = np.r_[False, (bounds[1:] == bounds[:-1]).all(axis=1), False][: len(order) + 1]
    for start in np.flatnonzero(~tied[:-1] & tied[1:]):
        stop = start + 1 + int(np.argmin(tied[start + 1 :]))
        order[start:stop] = sorted(order[start:stop], key=lambda i: shapely.to_wkb(faces[i]))
    return order


def runs(begin: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The positions of runs that begin somewhere and are so long, one after the other.

    >>> runs(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    stop = np.cumsum(counts)
    return np.arange(stop[-1] if len(stop) else 0) + np.repeat(begin - (stop - counts), counts)


def arrange_region(grid: Grid, lines: Lines, window: Window, region: Region, polygons: int) -> Arrangement:
    """The faces that lie in a region, and what is needed to put together those that reach beyond.

    lines : of all polygons there, each edge that passes the region with all that it meets
    """
    xy, edges = planar_edges(lines, window, None if region is EVERYTHING else within(region))
    del lines
    found = walk(xy, edges, region)
    covered = find_covers(xy, edges, found, region, polygons)
    n = len(found.first)
    is_face = (covered.face == np.arange(n)) & (covered.end > covered.begin)
    faces = np.flatnonzero(is_face).astype(np.int32)
    rank = np.full(n, -1, dtype=np.int32)
    rank[faces] = np.arange(len(faces), dtype=np.int32)

    pieces = found.around[(found.around >= found.open) & (found.area[found.around] <= 0)]
    within_face = covered.face[pieces] >= 0
    loose = pieces[~within_face] if region is not EVERYTHING else pieces[:0]
    holes = pieces[within_face]
    holes = holes[is_face[covered.face[holes]]]
    around = covered.face[holes]
    order = np.lexsort((found.box[holes, 1], found.box[holes, 0], rank[around]))
    holes, around = holes[order], around[order]
    np.add.at(found.area, around, found.area[holes])
    inside = np.searchsorted(rank[around], np.arange(len(faces) + 1))
    shapes = draw(grid, xy, edges, found, faces, inside, holes)
    return Arrangement(
        shapes,
        *covered.of(faces),
        found.area[faces],
        trails(xy, edges, found, covered, loose),
        trails(xy, edges, found, covered, np.arange(found.open, dtype=np.int32)),
    )


def within(region: Region):
    """Whether places lie in the region or within two steps of it."""
    low, high = region.box[:2] - 2.0, region.box[2:] + 2.0
    return lambda xy: ((xy > low) & (xy < high)).all(axis=1)


def walk(xy: np.ndarray, edges: Edges, region: Region) -> Walks:
    """Walk around every face and every connected piece; refused where the walks contradict Euler's formula."""
    a, b = edges.a, edges.b
    inside = ((xy > region.box[:2]) & (xy < region.box[2:])).all(axis=1)
    start = np.empty(len(xy) + 1, dtype=np.int32)
    out, following, of = (np.empty(2 * len(a), dtype=np.int32) for _ in range(3))
    walks.fan(a, b, xy, inside, start, out)
    if not walks.successors(start, out, following):
        raise NotCertified("an edge that ends nowhere")
    used = np.count_nonzero(start[1:] != start[:-1])
    seen = np.empty(len(xy), dtype=np.int32)
    n, room = max(len(a) - used, 0) + 64, 0
    while n > room:
        room = n
        first, length, west = (np.empty(room, dtype=np.int32) for _ in range(3))
        pinched, box, area = np.empty(room, dtype=np.bool_), np.empty((room, 4)), np.empty(room)
        found = (first, length, pinched, box, area, west)
        n, is_open = walks.trace(a, b, xy, inside, following, of, *found, seen)
    first, length, pinched, box, area, west = (part[:n] for part in found)
    piece, westmost, around = (np.empty(n, dtype=np.int32) for _ in range(3))
    reaches = np.empty(n, dtype=np.bool_)
    k = walks.pieces(a, b, xy, of, is_open, west, start, out, piece, westmost, around, reaches)
    touching = np.count_nonzero(inside[a] | inside[b])
    # an open piece, closed along a circle around the region, has one place and one edge more for each end, and a face
    if used - touching + n != 2 * k - np.count_nonzero(reaches[:k]):
        raise NotCertified("places, edges and faces do not satisfy Euler's formula")
    return Walks(
        following, of, first, length, pinched, box, area, is_open, westmost[:k].copy(), around[:k].copy()
    )


def find_covers(xy: np.ndarray, edges: Edges, found: Walks, region: Region, polygons: int) -> Covers:
    """What covers each face, from the sets of the edges alone; refused unless every edge agrees."""
    n, k = len(found.first), len(found.around)
    wall, corner_y = region.box[:2]
    hit = np.empty(k, dtype=np.int32)
    heights = np.argsort(xy[found.westmost, 1])
    ways = (found.westmost, heights, wall, edges.a, edges.b, xy)
    many = np.zeros(k, dtype=np.int64)
    covers.look_west(*ways, many, NOWHERE)
    seen_start = np.r_[0, np.cumsum(many)]
    seen = np.empty(seen_start[-1], dtype=np.int32)
    if len(seen):
        covers.look_west(*ways, seen_start[:-1].copy(), seen)
    covers.nearest(seen_start, seen, edges.a, edges.b, xy, hit)
    begin, end = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    queue = np.empty(n, dtype=np.int32)
    walls = np.empty(covers.pass_wall(edges.a, edges.b, xy, wall, NOWHERE), dtype=np.int32)
    covers.pass_wall(edges.a, edges.b, xy, wall, walls)
    used, room = 8 * n + 64, 0
    start = (found.westmost, found.around, wall, corner_y, region.corner, seen_start, seen)
    lines = (edges.a, edges.b, xy, found.following, found.walk, found.first, edges.set_start, edges.set_list)
    while used > room:
        room = 2 * used
        lists = np.empty(room, dtype=np.int32)
        scratch = np.zeros(polygons, dtype=np.bool_), *np.full((2, polygons), -1, dtype=np.int32)
        used = covers.label(*start, *lines, walls, *scratch, lists, begin, end, queue)
    token = np.random.default_rng(1).integers(0, 2**64, polygons, dtype=np.uint64)
    sets = (edges.set_start, edges.set_list, lists, begin, end)
    wrong = covers.disagreements(found.walk, *sets, found.around, hit, token, np.zeros(n, dtype=np.uint64))
    if wrong:
        raise NotCertified(f"{wrong} edges do not separate what they should")
    face = np.empty(n, dtype=np.int32)
    order = np.lexsort((xy[found.westmost, 1], xy[found.westmost, 0]))
    covers.enclosing(order, found.around, hit, found.walk, found.open, found.area, face)
    return Covers(lists[:used], begin, end, face)


def draw(grid: Grid, xy: np.ndarray, edges: Edges, found: Walks, faces, inside, holes) -> np.ndarray:
    """The faces as polygons: bounded by the walks ``faces``, each with the walks ``holes[inside[i]:inside[i + 1]]``."""
    used = np.concatenate([faces, holes])
    start = np.zeros(len(used) + 1, dtype=np.int64)
    places = np.empty(int(found.length[used].sum()), dtype=np.int32)
    walks.list_places(used, edges.a, edges.b, found.following, found.first, found.length, start, places)
    return draw_rings(grid, xy, places, start, found.pinched[used], len(faces), inside)


def draw_rings(grid: Grid, xy, places, start, pinched, faces: int, inside) -> np.ndarray:
    """Polygons from closed sequences of places: first the shells, then all holes, those of face i
    ``inside[i]:inside[i + 1]`` among the holes."""
    split = int((np.diff(start) * pinched).sum() // 3 + 1)
    written = np.empty((len(places) + len(start) + split, 2))
    ring_end = np.zeros(len(start) + split, dtype=np.int64)
    face_end = np.zeros(faces + 1, dtype=np.int64)
    shape = (xy, places, start, pinched, inside, grid.origin, grid.step)
    slot, stack = np.full((2, len(xy)), -1, dtype=np.int32)
    at, rings_written = rings.write_faces(*shape, written, ring_end[1:], face_end[1:], slot, stack)
    offsets = ring_end[: rings_written + 1], face_end
    return shapely.from_ragged_array(shapely.GeometryType.POLYGON, written[:at], offsets)


def trails(xy: np.ndarray, edges: Edges, found: Walks, covered: Covers, chosen: np.ndarray) -> Trails:
    """The chosen walks as sequences of places; closed ones do not repeat their first."""
    start = np.zeros(len(chosen) + 1, dtype=np.int64)
    places = np.empty(int(found.length[chosen].sum()) + len(chosen), dtype=np.int32)
    walks.list_places(chosen, edges.a, edges.b, found.following, found.first, found.length, start, places)
    return Trails(xy[places[: start[-1]]], start, *covered.of(chosen))


def sizes_of(polygons: np.ndarray) -> np.ndarray:
    """The planar area (m²) and the length of the bounds (m) of each polygon, as two rows."""
    return np.stack([shapely.area(polygons), shapely.length(polygons)])


def check_areas(sizes: np.ndarray, got: np.ndarray, grid: Grid) -> None:
    """Refuse when the faces of any polygon do not add up to it: 1e-9 of its area plus four steps along its bounds.

    sizes : of the polygons, see :func:`sizes_of`; got : the areas of each one's faces together, in square steps
    """
    got = got * grid.step.prod()
    want, length = sizes
    allowed = 1e-9 * want + 4 * grid.step.max() * length
    if (abs(got - want) > allowed).any():
        worst = int(np.argmax(abs(got - want) - allowed))
        raise NotCertified(f"polygon {worst} has {want[worst]} and its faces {got[worst]}")
