"""Faces that reach over the bounds of tiles, put together from the walks that each tile has of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely

from onemap.blueprint.arrangement import Trails, draw_rings, runs
from onemap.blueprint.edges import Grid, NotCertified, Window, unique_places
from onemap.blueprint.exact import comes_before, earlier
from onemap.compiled import compiled, inner


class Seams(NamedTuple):
    """Whole faces that lie in several tiles: polygons, how many polygons cover each and which, areas in square steps.

    lowest : the westernmost (and lowest of those) place of each face, in steps
    """

    faces: np.ndarray
    counts: np.ndarray
    polygons: np.ndarray
    area: np.ndarray
    lowest: np.ndarray
    cycles: Cycles


class Cycles(NamedTuple):
    """All closed walks that were stitched or loose, faces' or not, so that the next build can start from them.

    trails : from their lowest westernmost places, what covers them; around : the walk that each hole lies in, or -1;
    face : of the walks around faces the position of the face, else -1; shell : whether it runs around what it bounds;
    box : west, south, east, north in steps
    """

    trails: Trails
    around: np.ndarray
    face: np.ndarray
    shell: np.ndarray
    box: np.ndarray


def join_trails(parts: list[Trails]) -> Trails:
    """Trails one after the other."""
    starts = np.cumsum([0] + [len(part.xy) for part in parts])
    return Trails(
        np.concatenate([part.xy for part in parts] or [np.empty((0, 2))]),
        np.concatenate(
            [part.start[:-1] + at for part, at in zip(parts, starts[:-1], strict=True)] + [starts[-1:]]
        ),
        np.concatenate([part.counts for part in parts] or [np.empty(0, dtype=np.int64)]),
        np.concatenate([part.polygons for part in parts] or [np.empty(0, dtype=np.int32)]),
    )


def stitch(grid: Grid, open_walks: Trails, loose: Trails) -> Seams:
    """Link open walks end to end, and give each piece that lies in a face of theirs to that face.

    open_walks, loose : of all tiles; among the loose may be walks that were stitched before. The cycles come in this
    order: the linked ones, then the loose. Raises NotCertified when a walk goes on nowhere, when walks around one face do
    not agree on what covers it, or when a piece and the face around it do not.
    """
    following = successors(open_walks)
    cycle, position, cycles = follow(following)
    order = np.lexsort((position, cycle))
    start, places, xy = sequences(grid, open_walks, order, cycle, cycles, loose)
    n = len(start) - 1
    signs, leader = np.empty(n, dtype=np.uint64), np.empty(n, dtype=np.int64)
    own = signatures(open_walks)
    leader[:cycles] = order[np.searchsorted(cycle[order], np.arange(cycles))]
    if (own != own[leader[cycle]]).any():
        raise NotCertified("tiles do not agree on what covers a face")
    signs[:cycles], signs[cycles:] = own[leader[:cycles]], signatures(loose)
    leader[cycles:] = len(open_walks.counts) + np.arange(len(loose.counts))
    box, area, pinched = np.empty((n, 4)), np.empty(n), np.empty(n, dtype=np.bool_)
    turn_to_lowest(xy, places, start, box, area, pinched, np.full(len(xy), -1))
    lowest = xy[places[start[:-1]]]
    shells, holes = np.flatnonzero(area > 0), np.flatnonzero(area <= 0)
    around = find_shells(grid, xy, places, start, pinched, shells, lowest[holes], area)
    held = around >= 0
    if (signs[holes[held]] != signs[shells[around[held]]]).any():
        raise NotCertified("a piece and the face around it do not agree on what covers them")
    counts, polygons = covers_of(join_trails([open_walks, loose]), leader)
    outside, face = np.full(n, -1, dtype=np.int64), np.full(n, -1, dtype=np.int64)
    outside[holes[held]] = shells[around[held]]
    shells = shells[counts[shells] > 0]
    face[shells] = np.arange(len(shells))
    closed = Trails(xy[places], start, counts, polygons)
    return faces_of(grid, xy, places, area, pinched, Cycles(closed, outside, face, area > 0, box))


def faces_of(grid: Grid, xy, places, area, pinched, cycles: Cycles) -> Seams:
    """The faces that closed walks bound, each with the walks that lie in it as holes, from the west."""
    start, box = cycles.trails.start, cycles.box
    shells = np.flatnonzero(cycles.face >= 0)
    holes = np.flatnonzero(cycles.around >= 0)
    around = cycles.face[cycles.around[holes]]
    holes, around = holes[around >= 0], around[around >= 0]
    by_shell = np.lexsort((box[holes, 1], box[holes, 0], around))
    holes, around = holes[by_shell], around[by_shell]
    np.add.at(area, shells[around], area[holes])
    chosen = np.concatenate([shells, holes])
    faces = draw_rings(
        grid, xy, *pick(places, start, chosen), pinched[chosen], len(shells),
        np.searchsorted(around, np.arange(len(shells) + 1)),
    )  # fmt: skip
    counts, polygons = covers_of(cycles.trails, shells)
    return Seams(faces, counts, polygons, area[shells], xy[places[start[shells]]], cycles)


def covers_of(trails: Trails, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many polygons cover each chosen trail, and which, one after the other."""
    counts = trails.counts[chosen]
    begin = (np.cumsum(trails.counts) - trails.counts)[chosen]
    return counts, trails.polygons[runs(begin, counts)]


def pick(places: np.ndarray, start: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The chosen sequences of places, one after the other, and where each begins."""
    length = np.diff(start)[chosen]
    return places[runs(start[chosen], length)], np.r_[0, np.cumsum(length)]


def successors(walks: Trails) -> np.ndarray:
    """The walk that goes on where each one ends: the one whose first step is its last step."""
    first, stop = walks.start[:-1], walks.start[1:]
    ends = np.concatenate([walks.xy[stop - 2], walks.xy[stop - 1]], axis=1)
    begins = np.concatenate([walks.xy[first], walks.xy[first + 1]], axis=1)
    by_end, by_begin = np.lexsort(ends.T), np.lexsort(begins.T)
    if (ends[by_end] != begins[by_begin]).any():
        raise NotCertified("tiles do not agree on where an edge between them is cut")
    following = np.empty(len(first), dtype=np.int64)
    following[by_end] = by_begin
    return following


@compiled("i8[] i8[] i8[] -> i8")
def _follow(following, cycle, position):
    n = 0
    for i in range(len(following)):
        if cycle[i] >= 0:
            continue
        k = 0
        while cycle[i] < 0:
            cycle[i] = n
            position[i] = k
            k += 1
            i = following[i]
        n += 1
    return n


def follow(following: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """The cycle that each walk belongs to, its position there, and how many cycles there are."""
    cycle, position = np.full(len(following), -1, dtype=np.int64), np.empty(len(following), dtype=np.int64)
    return cycle, position, _follow(following, cycle, position)


def sequences(grid: Grid, walks: Trails, order, cycle, cycles: int, loose: Trails):
    """The places around every cycle of walks, then around every loose piece: starts, place numbers, coordinates."""
    inner = np.diff(walks.start)[order] - 2
    at = runs(walks.start[:-1][order] + 1, inner)
    length = np.bincount(cycle[order], inner, cycles).astype(np.int64)
    start = np.r_[0, np.cumsum(np.concatenate([length, np.diff(loose.start)]))]
    every = np.concatenate([walks.xy[at], loose.xy])
    if not len(every):
        return start, np.empty(0, dtype=np.int32), every
    window = Window(np.r_[every.min(axis=0), every.max(axis=0)], grid.step)
    found, places = unique_places(window, every, [np.empty(len(every), dtype=np.int32) for _ in range(4)])
    return start, places, found.xy


def signatures(trails: Trails) -> np.ndarray:
    """A number for what covers each trail, equal where that is equal (but for chance, one in 2**64)."""
    token = trails.polygons.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x632BE59BD9B4E019)
    token = (token ^ (token >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9)
    token ^= token >> np.uint64(29)
    total = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(token, dtype=np.uint64)])
    stop = np.cumsum(trails.counts)
    return total[stop] - total[stop - trails.counts]


@inner
def reverse(places, start, stop):
    while start < stop - 1:
        stop -= 1
        places[start], places[stop] = places[stop], places[start]
        start += 1


@compiled("f8[][] i4[] i8[] f8[][] f8[] b1[] i8[]")
def turn_to_lowest(xy, places, start, box, area, pinched, seen):
    """Let every closed sequence begin at its lowest westernmost place; work out bounds and area, in steps.

    Where it passes that place twice it begins with the step nearest to east, counter-clockwise. pinched : whether it
    passes any place twice; seen : -1 per place.
    """
    for k in range(len(start) - 1):
        first, n = start[k], start[k + 1] - start[k]
        best = first
        twice = False
        ox, oy = xy[places[first], 0], xy[places[first], 1]
        box[k, 0], box[k, 1], box[k, 2], box[k, 3] = ox, oy, ox, oy
        total, last_x, last_y = 0.0, 0.0, 0.0
        for i in range(first, first + n):
            p, b = places[i], places[best]
            px, py = xy[p, 0], xy[p, 1]
            if comes_before(px, py, xy[b, 0], xy[b, 1]):
                best = i
            elif p == b and i != best:
                q = places[i + 1 if i + 1 < first + n else first]
                r = places[best + 1 if best + 1 < first + n else first]
                if earlier(px, py, xy[q, 0], xy[q, 1], xy[r, 0], xy[r, 1]):
                    best = i
            box[k, 0], box[k, 1] = min(box[k, 0], px), min(box[k, 1], py)
            box[k, 2], box[k, 3] = max(box[k, 2], px), max(box[k, 3], py)
            total += last_x * (py - oy) - last_y * (px - ox)
            last_x, last_y = px - ox, py - oy
            if seen[p] == k:
                twice = True
            seen[p] = k
        area[k] = total / 2
        pinched[k] = twice
        reverse(places, first, best)
        reverse(places, best, first + n)
        reverse(places, first, first + n)


def find_shells(grid: Grid, xy, places, start, pinched, shells, at: np.ndarray, area) -> np.ndarray:
    """The innermost of the closed walks ``shells`` around each place (in steps), as position in ``shells``, or -1."""
    outlines = draw_rings(
        grid,
        xy,
        *pick(places, start, shells),
        pinched[shells],
        len(shells),
        np.zeros(len(shells) + 1, dtype=np.int64),
    )
    spots = shapely.points(at * grid.step + grid.origin)
    spot, shell = shapely.STRtree(outlines).query(spots, predicate="within")
    order = np.lexsort((-area[shells[shell]], spot))
    around = np.full(len(at), -1, dtype=np.int64)
    around[spot[order]] = shell[order]
    return around
