"""What covers the face of each walk, worked out from the sets of the edges alone, compiled."""

from __future__ import annotations

import numpy as np

from onemap.blueprint.exact import turn
from onemap.compiled import compiled, inner


@inner
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


@inner
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


@inner
def beyond_wall(e, wall, py, edge_a, edge_b, xy):
    """Whether an edge that cuts the level just above py does so west of the wall, a line due north."""
    a, b = edge_a[e], edge_b[e]
    if xy[a, 1] > xy[b, 1]:
        a, b = b, a
    side = turn(xy[a, 0], xy[a, 1], xy[b, 0], xy[b, 1], wall, py)
    return side < 0 or (side == 0 and xy[b, 0] < xy[a, 0])


@compiled("i4[] i8[] f8 i4[] i4[] f8[][] i8[] i4[]")
def look_west(westmost, order, wall, edge_a, edge_b, xy, fill, seen):
    """The downward half-edges that each piece's westernmost place sees due west, up to the wall.

    order : the pieces by the height of those places; fill : 0 per piece, is counted up, or where its half-edges begin in
    ``seen`` where that has room
    """
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
                    if len(seen):
                        seen[fill[k]] = h
                    fill[k] += 1
            i += 1


@compiled("i8[] i4[] i4[] i4[] f8[][] i4[]")
def nearest(seen_start, seen, edge_a, edge_b, xy, hit):
    """Of the half-edges seen due west the nearest one, -1 where none is."""
    for k in range(len(hit)):
        hit[k] = -1
        for i in range(seen_start[k], seen_start[k + 1]):
            if hit[k] < 0 or more_east(seen[i] >> 1, hit[k] >> 1, edge_a, edge_b, xy):
                hit[k] = seen[i]


@inner
def toggle(polygon, piece, parity, stamp, stack, height):
    """Turn a polygon of a set on or off; the stack holds each polygon turned for this piece once."""
    if stamp[polygon] != piece:
        stamp[polygon] = piece
        parity[polygon] = False
        stack[height] = polygon
        height += 1
    parity[polygon] = not parity[polygon]
    return height


@inner
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


@inner
def sort_list(numbers, n):
    """Sort the first n numbers (shell sort)."""
    gap = 1
    while gap < n // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(gap, n):
            number = numbers[i]
            j = i
            while j >= gap and numbers[j - gap] > number:
                numbers[j] = numbers[j - gap]
                j -= gap
            numbers[j] = number
        gap //= 3


@compiled("i4[] i4[] f8[][] f8 i4[] -> i8")
def pass_wall(edge_a, edge_b, xy, wall, walls):
    """The edges that pass the wall, as far as there is room. Returns how many."""
    n = 0
    for e in range(len(edge_a)):
        if (xy[edge_a[e], 0] < wall) != (xy[edge_b[e], 0] < wall):
            if n < len(walls):
                walls[n] = e
            n += 1
    return n


@compiled(
    "i4[] i4[] f8 f8 i4[] i8[] i4[] i4[] i4[] f8[][] i4[] i4[] i4[] i4[] i4[] i4[] b1[] i4[] i4[] i4[] i8[] i8[] i4[] -> i8"
)
def label(westmost, around, wall, corner_y, corner, seen_start, seen, edge_a, edge_b, xy,
          following, walk, first, set_start, set_list, walls, parity, stamp, stack, lists, begin, end, queue):  # fmt: skip
    """What covers each walk's side: ``lists[begin[c]:end[c]]``, sorted. Returns the length of all lists.

    Each piece begins at its westernmost place; across an edge the cover changes by the edge's set. corner : what
    covers the region's lower left corner, where the wall begins; parity (False), stamp (-1), stack : scratch per polygon.
    When the lists run out of room the needed length so far, above the room, is returned.
    """
    edges = (edge_a, edge_b, xy, set_start, set_list)
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
        sort_list(stack, height)
        for i in range(height):
            if parity[stack[i]]:
                lists[used] = stack[i]
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


@compiled("i4[] i4[] i4[] i4[] i8[] i8[] i4[] i4[] u8[] u8[] -> i8")
def disagreements(walk, set_start, set_list, lists, begin, end, around, hit, token, sign):
    """How many edges do not change the cover by exactly their set, and pieces do not have that of the side they see.

    Sets are compared by random tokens; sign : scratch per walk.
    """
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


@compiled("i8[] i4[] i4[] i4[] i8 f8[] i4[]")
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


@compiled("i4[] i4[] i8[] i8[] i4[]")
def gather(walks, lists, begin, end, out):
    """The lists of the walks, one after the other."""
    n = 0
    for f in range(len(walks)):
        for i in range(begin[walks[f]], end[walks[f]]):
            out[n] = lists[i]
            n += 1
