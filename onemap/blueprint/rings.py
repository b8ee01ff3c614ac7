"""Closed walks written as the rings of valid polygons, compiled."""

from __future__ import annotations

from numba import njit

from onemap.blueprint.cycles import origin_of
from onemap.blueprint.exact import turn


@njit(cache=True)
def is_shell(stack, start, stop, xy):
    """Whether a ring of distinct places runs counter-clockwise, by the turn at its lowest westernmost place."""
    best = start
    for i in range(start + 1, stop):
        p, q = stack[i], stack[best]
        if xy[p, 0] < xy[q, 0] or (xy[p, 0] == xy[q, 0] and xy[p, 1] < xy[q, 1]):
            best = i
    p = stack[best - 1] if best > start else stack[stop - 1]
    q = stack[best]
    r = stack[best + 1] if best + 1 < stop else stack[start]
    return turn(xy[p, 0], xy[p, 1], xy[q, 0], xy[q, 1], xy[r, 0], xy[r, 1]) > 0


@njit(cache=True)
def write_ring(stack, start, stop, xy, origin, grid, written, at):
    for i in range(start, stop + 1):
        p = stack[i if i < stop else start]
        written[at, 0] = origin[0] + xy[p, 0] * grid[0]
        written[at, 1] = origin[1] + xy[p, 1] * grid[1]
        at += 1
    return at


@njit(cache=True)
def write_split(
    c, shells, edge_a, edge_b, xy, following, first, origin, grid, written, at, ring_end, rings, slot, stack
):
    """Write a cycle that passes places twice as rings that touch there: only its shells or only its holes.

    slot : -1 per place, restored; stack : scratch per place
    """
    n = 0
    h = first[c]
    while True:
        p = origin_of(h, edge_a, edge_b)
        h = following[h]
        begin = slot[p]
        if begin < 0:
            slot[p] = n
            stack[n] = p
            n += 1
        else:
            if is_shell(stack, begin, n, xy) == shells:
                at = write_ring(stack, begin, n, xy, origin, grid, written, at)
                ring_end[rings] = at
                rings += 1
            for i in range(begin + 1, n):
                slot[stack[i]] = -1
            n = begin + 1
        if h == first[c]:
            break
    if is_shell(stack, 0, n, xy) == shells:
        at = write_ring(stack, 0, n, xy, origin, grid, written, at)
        ring_end[rings] = at
        rings += 1
    for i in range(n):
        slot[stack[i]] = -1
    return at, rings


@njit(cache=True)
def write_cycle(c, edge_a, edge_b, xy, following, first, origin, grid, written, at):
    """Write a cycle that passes no place twice as one ring."""
    h = first[c]
    while True:
        p = origin_of(h, edge_a, edge_b)
        written[at, 0] = origin[0] + xy[p, 0] * grid[0]
        written[at, 1] = origin[1] + xy[p, 1] * grid[1]
        at += 1
        h = following[h]
        if h == first[c]:
            break
    p = origin_of(h, edge_a, edge_b)
    written[at, 0] = origin[0] + xy[p, 0] * grid[0]
    written[at, 1] = origin[1] + xy[p, 1] * grid[1]
    return at + 1


@njit(cache=True)
def write_faces(
    faces, hole_start, holes, pinched, edge_a, edge_b, xy, following, first, origin, grid,
    written, ring_end, face_end, slot, stack,
):  # fmt: skip
    """Write every face: its shell, then its holes. Returns the numbers of coordinates and rings.

    faces : the cycles that bound them; hole_start, holes : the cycles inside each face
    """
    at = 0
    rings = 0
    slot[:] = -1
    for f in range(len(faces)):
        c = faces[f]
        if pinched[c]:
            for shells in (True, False):
                at, rings = write_split(
                    c,
                    shells,
                    edge_a,
                    edge_b,
                    xy,
                    following,
                    first,
                    origin,
                    grid,
                    written,
                    at,
                    ring_end,
                    rings,
                    slot,
                    stack,
                )
        else:
            at = write_cycle(c, edge_a, edge_b, xy, following, first, origin, grid, written, at)
            ring_end[rings] = at
            rings += 1
        for i in range(hole_start[f], hole_start[f + 1]):
            c = holes[i]
            if pinched[c]:
                at, rings = write_split(
                    c,
                    False,
                    edge_a,
                    edge_b,
                    xy,
                    following,
                    first,
                    origin,
                    grid,
                    written,
                    at,
                    ring_end,
                    rings,
                    slot,
                    stack,
                )
            else:
                at = write_cycle(c, edge_a, edge_b, xy, following, first, origin, grid, written, at)
                ring_end[rings] = at
                rings += 1
        face_end[f] = rings
    return at, rings
