"""Closed walks written as the rings of valid polygons, compiled."""

from __future__ import annotations

from onemap.blueprint.exact import comes_before, turn
from onemap.compiled import compiled, inner


@inner
def is_shell(stack, start, stop, xy):
    """Whether a ring of distinct places runs counter-clockwise, by the turn at its lowest westernmost place."""
    best = start
    for i in range(start + 1, stop):
        p, q = stack[i], stack[best]
        if comes_before(xy[p, 0], xy[p, 1], xy[q, 0], xy[q, 1]):
            best = i
    p = stack[best - 1] if best > start else stack[stop - 1]
    q = stack[best]
    r = stack[best + 1] if best + 1 < stop else stack[start]
    return turn(xy[p, 0], xy[p, 1], xy[q, 0], xy[q, 1], xy[r, 0], xy[r, 1]) > 0


@inner
def write_ring(places, start, stop, xy, origin, grid, written, at):
    """Write a ring of places and its first place again."""
    for i in range(start, stop + 1):
        p = places[i if i < stop else start]
        written[at, 0] = origin[0] + xy[p, 0] * grid[0]
        written[at, 1] = origin[1] + xy[p, 1] * grid[1]
        at += 1
    return at


@inner
def write_split(places, start, stop, shells, xy, origin, grid, written, at, ring_end, rings, slot, stack):
    """Write a walk that passes places twice as rings that touch there: only its shells or only its holes.

    slot : -1 per place, restored; stack : scratch per place
    """
    n = 0
    for k in range(start, stop):
        p = places[k]
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
    if is_shell(stack, 0, n, xy) == shells:
        at = write_ring(stack, 0, n, xy, origin, grid, written, at)
        ring_end[rings] = at
        rings += 1
    for i in range(n):
        slot[stack[i]] = -1
    return at, rings


@compiled("f8[][] i4[] i8[] b1[] i8[] f8[] f8[] f8[][] i8[] i8[] i4[] i4[] -> i8 i8")
def write_faces(xy, places, start, pinched, inside, origin, grid, written, ring_end, face_end, slot, stack):
    """Write every face: its shell, then its holes. Returns the numbers of coordinates and rings.

    places[start[i]:start[i + 1]] : the walks, first one shell per face, then the holes, those of face f from
    ``inside[f]`` to ``inside[f + 1]`` among them; slot : -1 per place; stack : scratch per place
    """
    at = 0
    rings = 0
    faces = len(face_end)
    for f in range(faces):
        for i in range(-1, inside[f + 1] - inside[f]):
            k = f if i < 0 else faces + inside[f] + i
            if pinched[k]:
                for shells in range(1, -1, -1):
                    if i < 0 or shells == 0:
                        at, rings = write_split(
                            places, start[k], start[k + 1], shells == 1, xy, origin, grid,
                            written, at, ring_end, rings, slot, stack,
                        )  # fmt: skip
            else:
                at = write_ring(places, start[k], start[k + 1], xy, origin, grid, written, at)
                ring_end[rings] = at
                rings += 1
        face_end[f] = rings
    return at, rings
