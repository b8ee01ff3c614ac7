"""What covers the face of each walk, worked out from the sets of the edges alone, compiled."""

from __future__ import annotations

import numpy as np
from numba import njit

from onemap.blueprint.exact import turn


@njit(cache=True)
def right_of(e, px, py, edge_a, edge_b, xy):
    """The half-edge of e that runs downwards and so has its left side in the east, if p's level cuts e west of p."""
    a, b = edge_a[e], edge_b[e]
    down = 2 * e
    if xy[a, 1] < xy[b, 1]:
        a, b = b, a
        down += 1
    if xy[b, 1] <= py < xy[a, 1] and turn(xy[b, 0], xy[b, 1], xy[a, 0], xy[a, 1], px, py) < 0:
        return down
    return -1


@njit(cache=True)
def more_east(e, f, edge_a, edge_b, xy):
    """Whether e lies east of f on a level that cuts both; they may share an end but do not cross."""
    a, b = edge_a[e], edge_b[e]
    if xy[a, 1] > xy[b, 1]:
        a, b = b, a
    c, d = edge_a[f], edge_b[f]
    if xy[c, 1] > xy[d, 1]:
        c, d = d, c
    if xy[a, 1] >= xy[c, 1]:
        side = turn(xy[c, 0], xy[c, 1], xy[d, 0], xy[d, 1], xy[a, 0], xy[a, 1])
        if side == 0:
            side = turn(xy[c, 0], xy[c, 1], xy[d, 0], xy[d, 1], xy[b, 0], xy[b, 1])
        return side < 0
    side = turn(xy[a, 0], xy[a, 1], xy[b, 0], xy[b, 1], xy[c, 0], xy[c, 1])
    if side == 0:
        side = turn(xy[a, 0], xy[a, 1], xy[b, 0], xy[b, 1], xy[d, 0], xy[d, 1])
    return side > 0


@njit(cache=True)
def beyond_wall(e, wall, py, edge_a, edge_b, xy):
    """Whether an edge that cuts the level just above py does so west of the wall, a line due north."""
    a, b = edge_a[e], edge_b[e]
    if xy[a, 1] > xy[b, 1]:
        a, b = b, a
    side = turn(xy[a, 0], xy[a, 1], xy[b, 0], xy[b, 1], wall, py)
    return side < 0 or (side == 0 and xy[b, 0] < xy[a, 0])


@njit(cache=True)
def look_west(westmost, order, wall, edge_a, edge_b, xy, seen_start, room):
    """The downward half-edges that each piece's westernmost place sees due west, up to the wall.

    order : the pieces by the height of those places. Counts in ``seen_start``; fills when it has counted before and
    returns the half-edges of piece k in ``[seen_start[k]:seen_start[k + 1]]``.
    """
    seen = np.empty(room, np.int32)
    fill = seen_start.copy() if room else np.zeros(len(westmost) + 1, np.int64)
    for e in range(len(edge_a)):
        a, b = edge_a[e], edge_b[e]
        south, north = min(xy[a, 1], xy[b, 1]), max(xy[a, 1], xy[b, 1])
        west = min(xy[a, 0], xy[b, 0])
        i, stop = 0, len(order)
        while i < stop:
            middle = (i + stop) // 2
            if xy[westmost[order[middle]], 1] < south:
                i = middle + 1
            else:
                stop = middle
        while i < len(order):
            k = order[i]
            px, py = xy[westmost[k], 0], xy[westmost[k], 1]
            if py >= north:
                break
            if west < px:
                h = right_of(e, px, py, edge_a, edge_b, xy)
                if h >= 0 and not beyond_wall(e, wall, py, edge_a, edge_b, xy):
                    if room:
                        seen[fill[k]] = h
                    fill[k] += 1
            i += 1
    if not room:
        total = 0
        for k in range(len(westmost)):
            n = fill[k]
            seen_start[k] = total
            total += n
        seen_start[len(westmost)] = total
    return seen


@njit(cache=True)
def nearest(seen_start, seen, edge_a, edge_b, xy, hit):
    """Of the half-edges seen due west the nearest one, -1 where none is."""
    for k in range(len(hit)):
        hit[k] = -1
        for i in range(seen_start[k], seen_start[k + 1]):
            if hit[k] < 0 or more_east(seen[i] >> 1, hit[k] >> 1, edge_a, edge_b, xy):
                hit[k] = seen[i]


@njit(cache=True)
def toggle(polygon, piece, parity, stamp, stack, height):
    """Turn a polygon of a set on or off; the stack holds each polygon turned for this piece once."""
    if stamp[polygon] != piece:
        stamp[polygon] = piece
        parity[polygon] = False
        stack[height] = polygon
        height += 1
    parity[polygon] = not parity[polygon]
    return height


@njit(cache=True)
def begin_cover(k, py, wall, corner_y, corner, walls, seen_start, seen, edges, parity, stamp, stack):
    """What covers the place just west of a piece, from the corner up the wall and then due east.

    Returns how many polygons stand in the stack; those with parity cover.
    """
    edge_a, edge_b, xy, set_start, set_list = edges
    height = 0
    for polygon in corner:
        height = toggle(polygon, k, parity, stamp, stack, height)
    for e in walls:
        a, b = edge_a[e], edge_b[e]
        if xy[a, 0] > xy[b, 0]:
            a, b = b, a
        ax, ay, bx, by = xy[a, 0], xy[a, 1], xy[b, 0], xy[b, 1]
        if turn(ax, ay, bx, by, wall, corner_y) < 0 and turn(ax, ay, bx, by, wall, py) >= 0:
            for i in range(set_start[e], set_start[e + 1]):
                height = toggle(set_list[i], k, parity, stamp, stack, height)
    for n in range(seen_start[k], seen_start[k + 1]):
        e = seen[n] >> 1
        for i in range(set_start[e], set_start[e + 1]):
            height = toggle(set_list[i], k, parity, stamp, stack, height)
    return height


@njit(cache=True)
def label(westmost, around, wall, corner_y, corner, seen_start, seen, edge_a, edge_b, xy,
          following, walk, first, set_start, set_list, polygons, lists, begin, end, queue):  # fmt: skip
    """What covers each walk's side: ``lists[begin[c]:end[c]]``, sorted. Returns the length of all lists.

    Each piece begins at its westernmost place; across an edge the cover changes by the edge's set. corner : what
    covers the region's lower left corner, where the wall begins. When the lists run out of room the needed length so
    far, above the room, is returned.
    """
    edges = (edge_a, edge_b, xy, set_start, set_list)
    walls = np.empty(0, np.int32)
    n = 0
    for fill in range(2):
        if fill == 1:
            walls = np.empty(n, np.int32)
            n = 0
        for e in range(len(edge_a)):
            if (xy[edge_a[e], 0] < wall) != (xy[edge_b[e], 0] < wall):
                if fill == 1:
                    walls[n] = e
                n += 1
    parity = np.zeros(polygons, np.bool_)
    stamp = np.full(polygons, -1, np.int32)
    stack = np.empty(polygons, np.int32)
    begin[:] = -1
    used = 0
    for k in range(len(westmost)):
        py = xy[westmost[k], 1]
        height = begin_cover(
            k, py, wall, corner_y, corner, walls, seen_start, seen, edges, parity, stamp, stack
        )
        if used + height > len(lists):
            return used + height
        c = around[k]
        begin[c] = used
        for polygon in np.sort(stack[:height]):
            if parity[polygon]:
                lists[used] = polygon
                used += 1
        end[c] = used
        queue[0] = c
        head, tail = 0, 1
        while head < tail:
            c = queue[head]
            head += 1
            h = first[c]
            while True:
                d = walk[h ^ 1]
                if begin[d] < 0:
                    i, j = begin[c], set_start[h >> 1]
                    i_end, j_end = end[c], set_start[(h >> 1) + 1]
                    if used + (i_end - i) + (j_end - j) > len(lists):
                        return used + (i_end - i) + (j_end - j)
                    begin[d] = used
                    while i < i_end or j < j_end:
                        if j == j_end or (i < i_end and lists[i] < set_list[j]):
                            lists[used] = lists[i]
                            i += 1
                            used += 1
                        elif i == i_end or set_list[j] < lists[i]:
                            lists[used] = set_list[j]
                            j += 1
                            used += 1
                        else:
                            i += 1
                            j += 1
                    end[d] = used
                    queue[tail] = d
                    tail += 1
                h = following[h]
                if h < 0 or h == first[c]:
                    break
    return used


@njit(cache=True)
def disagreements(walk, set_start, set_list, lists, begin, end, around, hit, token):
    """How many edges do not change the cover by exactly their set, and pieces do not have that of the side they see.

    Sets are compared by random tokens.
    """
    sign = np.zeros(len(begin), np.uint64)
    for c in range(len(begin)):
        total = np.uint64(0)
        for i in range(begin[c], end[c]):
            total ^= token[lists[i]]
        sign[c] = total
    wrong = 0
    for e in range(len(set_start) - 1):
        if walk[2 * e] < 0:
            continue
        total = sign[walk[2 * e]] ^ sign[walk[2 * e + 1]]
        for i in range(set_start[e], set_start[e + 1]):
            total ^= token[set_list[i]]
        if total != 0:
            wrong += 1
    for k in range(len(hit)):
        if hit[k] >= 0 and walk[hit[k]] >= 0 and sign[walk[hit[k]]] != sign[around[k]]:
            wrong += 1
    return wrong


@njit(cache=True)
def enclosing(order, around, hit, walk, open_walks, area, face):
    """The closed walk that bounds each walk's face from outside: itself, or where a piece lies; else -1.

    order : the pieces from the west; -1 : the unbounded face, or one that reaches beyond the region
    """
    for c in range(len(face)):
        face[c] = c if c >= open_walks and area[c] > 0 else -1
    for k in order:
        c = around[k]
        if c >= open_walks and area[c] <= 0 and hit[k] >= 0 and walk[hit[k]] >= open_walks:
            face[c] = face[walk[hit[k]]]


@njit(cache=True)
def gather(walks, lists, begin, end, out):
    """The lists of the walks, one after the other."""
    n = 0
    for f in range(len(walks)):
        for i in range(begin[walks[f]], end[walks[f]]):
            out[n] = lists[i]
            n += 1
