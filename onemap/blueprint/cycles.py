"""From edges that meet at ends only to the faces between them, and to what covers each face, compiled.

Half-edge ``2 * e`` runs along edge e from its lower place to its higher one, ``2 * e + 1`` back. The face of a
half-edge lies on its left. A cycle is the closed walk around one side of connected edges: either the outer bound of
a face, or, once for each connected piece, the walk around the piece from outside.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from onemap.blueprint.exact import earlier, turn


@njit(cache=True)
def origin_of(h, edge_a, edge_b):
    return edge_b[h >> 1] if h & 1 else edge_a[h >> 1]


@njit(cache=True)
def fan(edge_a, edge_b, xy, start, out):
    """The half-edges leaving each place, counter-clockwise: ``out[start[p]:start[p + 1]]``."""
    start[:] = 0
    for e in range(len(edge_a)):
        start[edge_a[e] + 1] += 1
        start[edge_b[e] + 1] += 1
    for p in range(len(start) - 1):
        start[p + 1] += start[p]
    for e in range(len(edge_a)):
        out[start[edge_a[e]]] = 2 * e
        start[edge_a[e]] += 1
        out[start[edge_b[e]]] = 2 * e + 1
        start[edge_b[e]] += 1
    for p in range(len(start) - 1, 0, -1):
        start[p] = start[p - 1]
    start[0] = 0
    for p in range(len(start) - 1):
        if start[p + 1] - start[p] < 3:
            continue
        for i in range(start[p] + 1, start[p + 1]):
            h = out[i]
            q = origin_of(h ^ 1, edge_a, edge_b)
            j = i
            while j > start[p]:
                r = origin_of(out[j - 1] ^ 1, edge_a, edge_b)
                if not earlier(xy[p, 0], xy[p, 1], xy[q, 0], xy[q, 1], xy[r, 0], xy[r, 1]):
                    break
                out[j] = out[j - 1]
                j -= 1
            out[j] = h


@njit(cache=True)
def successors(start, out, following):
    """The half-edge that follows each half-edge around its face. False when a place has a dead end."""
    for p in range(len(start) - 1):
        n = start[p + 1] - start[p]
        if n == 1:
            return False
        for i in range(n):
            following[out[start[p] + i] ^ 1] = out[start[p] + (i - 1 if i else n - 1)]
    return True


@njit(cache=True)
def trace(edge_a, edge_b, xy, following, cycle, first, length, pinched, box, area, seen):
    """Number the cycles. Returns how many, also when the arrays have no room for all.

    first : the half-edge that leaves the cycle's lowest place of the westernmost; length : half-edges in it;
    pinched : whether it passes a place twice; box : west, south, east, north; area : on its left; in steps;
    seen : scratch per place
    """
    cycle[:] = -1
    seen[:] = -1
    cycles = 0
    for h in range(len(following)):
        if cycle[h] >= 0:
            continue
        n = 0
        best = h
        p = origin_of(h, edge_a, edge_b)
        ox, oy = xy[p, 0], xy[p, 1]
        west, low, south, east, north = ox, oy, oy, ox, oy
        total, last_x, last_y = 0.0, 0.0, 0.0
        twice = False
        at = h
        while cycle[at] < 0:
            cycle[at] = cycles
            n += 1
            p = origin_of(at, edge_a, edge_b)
            px, py = xy[p, 0], xy[p, 1]
            if px < west or (px == west and py < low):
                best, west, low = at, px, py
            south, east, north = min(south, py), max(east, px), max(north, py)
            px, py = px - ox, py - oy
            total += last_x * py - last_y * px
            last_x, last_y = px, py
            if seen[p] == cycles:
                twice = True
            seen[p] = cycles
            at = following[at]
        if cycles < len(first):
            first[cycles] = best
            length[cycles] = n
            pinched[cycles] = twice
            box[cycles, 0], box[cycles, 1], box[cycles, 2], box[cycles, 3] = west, south, east, north
            area[cycles] = total / 2
        cycles += 1
    return cycles


@njit(cache=True)
def root(parent, i):
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit(cache=True)
def pieces(edge_a, edge_b, xy, cycle, first, start, out, parent, westmost, outer):
    """The connected pieces: their westernmost places and the cycles around them. Returns how many.

    parent : scratch per cycle, afterwards the piece of each cycle
    """
    for c in range(len(parent)):
        parent[c] = c
    for e in range(len(edge_a)):
        a, b = root(parent, cycle[2 * e]), root(parent, cycle[2 * e + 1])
        if a != b:
            parent[max(a, b)] = min(a, b)
    n = 0
    for c in range(len(parent)):
        if parent[c] == c:
            westmost[n] = origin_of(first[c], edge_a, edge_b)
            parent[c] = -1 - n
            n += 1
        else:
            parent[c] = parent[parent[c]]
        piece = -1 - parent[c]
        p = origin_of(first[c], edge_a, edge_b)
        q = westmost[piece]
        if xy[p, 0] < xy[q, 0] or (xy[p, 0] == xy[q, 0] and xy[p, 1] < xy[q, 1]):
            westmost[piece] = p
    for c in range(len(parent)):
        parent[c] = -1 - parent[c]
    for k in range(n):
        p = westmost[k]
        last = out[start[p]]
        for i in range(start[p] + 1, start[p + 1]):
            q, r = origin_of(last ^ 1, edge_a, edge_b), origin_of(out[i] ^ 1, edge_a, edge_b)
            if turn(xy[p, 0], xy[p, 1], xy[q, 0], xy[q, 1], xy[r, 0], xy[r, 1]) > 0:
                last = out[i]
        outer[k] = cycle[last]
    return n


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
def look_west(westmost, edge_a, edge_b, xy, unit_x, unit_y, nx, ny, start, cells, hit):
    """The half-edge that each piece's westernmost place sees due west, or -1."""
    for k in range(len(westmost)):
        px, py = xy[westmost[k], 0], xy[westmost[k], 1]
        row = min(np.int64(py * unit_y), ny - 1)
        column = min(np.int64(px * unit_x), nx - 1)
        best = -1
        while column >= 0:
            cell = row * nx + column
            for i in range(start[cell], start[cell + 1]):
                h = right_of(cells[i], px, py, edge_a, edge_b, xy)
                if h >= 0 and (best < 0 or more_east(h >> 1, best >> 1, edge_a, edge_b, xy)):
                    best = h
            if best >= 0:
                a, b = edge_a[best >> 1], edge_b[best >> 1]
                at = xy[a, 0] + (py - xy[a, 1]) / (xy[b, 1] - xy[a, 1]) * (xy[b, 0] - xy[a, 0])
                if at * unit_x > column + 1e-3:
                    break
            column -= 1
        hit[k] = best


@njit(cache=True)
def look_west_plainly(westmost, order, edge_a, edge_b, xy, hit):
    """The same without cells, for few pieces: every edge asks which places lie on its levels.

    order : the pieces by the height of their westernmost places
    """
    hit[:] = -1
    for e in range(len(edge_a)):
        a, b = edge_a[e], edge_b[e]
        south, north = min(xy[a, 1], xy[b, 1]), max(xy[a, 1], xy[b, 1])
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
            if min(xy[a, 0], xy[b, 0]) < px:
                h = right_of(e, px, py, edge_a, edge_b, xy)
                if h >= 0 and (hit[k] < 0 or more_east(e, hit[k] >> 1, edge_a, edge_b, xy)):
                    hit[k] = h
            i += 1


@njit(cache=True)
def label(
    order, outer, hit, edge_a, following, cycle, first, set_start, set_list, lists, begin, end, face, queue
):
    """What covers each cycle's side: ``lists[begin[c]:end[c]]``, sorted. Returns the length of all lists.

    Pieces are taken from the west: the cycle around a piece has the cover of the cycle that it sees, and across an
    edge the cover changes by the edge's set. face : the cycle that bounds each cycle's face from outside, -1 for
    the unbounded one. When the lists run out of room the needed length so far, above the room, is returned.
    """
    begin[:] = -1
    used = 0
    for k in order:
        c = outer[k]
        if hit[k] < 0:
            begin[c] = end[c] = used
            face[c] = -1
        else:
            seen = cycle[hit[k]]
            begin[c], end[c] = begin[seen], end[seen]
            face[c] = face[seen]
        queue[0] = c
        head, tail = 0, 1
        while head < tail:
            c = queue[head]
            head += 1
            h = first[c]
            while True:
                d = cycle[h ^ 1]
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
                    face[d] = d
                    queue[tail] = d
                    tail += 1
                h = following[h]
                if h == first[c]:
                    break
    return used


@njit(cache=True)
def disagreements(cycle, set_start, set_list, lists, begin, end, token, sign):
    """How many edges do not change the cover by exactly their set (sets are compared by random tokens).

    sign : scratch per cycle
    """
    for c in range(len(begin)):
        total = np.uint64(0)
        for i in range(begin[c], end[c]):
            total ^= token[lists[i]]
        sign[c] = total
    wrong = 0
    for e in range(len(set_start) - 1):
        total = sign[cycle[2 * e]] ^ sign[cycle[2 * e + 1]]
        for i in range(set_start[e], set_start[e + 1]):
            total ^= token[set_list[i]]
        if total != 0:
            wrong += 1
    return wrong


@njit(cache=True)
def comes_first(c, d, box, area):
    """Whether cycle c comes before cycle d: by west, south, east, north, then the smaller."""
    for side in range(4):
        if box[c, side] != box[d, side]:
            return box[c, side] < box[d, side]
    return area[c] < area[d]


@njit(cache=True)
def sort_ties(order, box, area):
    """Finish an order of cycles that is sorted by west already (shell sort: runs are short)."""
    start = 0
    while start < len(order):
        stop = start + 1
        while stop < len(order) and box[order[stop], 0] == box[order[start], 0]:
            stop += 1
        gap = 1
        while gap < (stop - start) // 3:
            gap = 3 * gap + 1
        while gap > 0 and stop - start > 1:
            for i in range(start + gap, stop):
                c = order[i]
                j = i
                while j - gap >= start and comes_first(c, order[j - gap], box, area):
                    order[j] = order[j - gap]
                    j -= gap
                order[j] = c
            gap //= 3
        start = stop


@njit(cache=True)
def gather(faces, lists, begin, end, out):
    """The lists of the faces, one after the other."""
    n = 0
    for f in range(len(faces)):
        for i in range(begin[faces[f]], end[faces[f]]):
            out[n] = lists[i]
            n += 1
