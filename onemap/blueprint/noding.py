"""Straight edges cut at every crossing, touch and overlap, decided exactly, compiled.

Snap rounding (Hobby 1999; Guibas and Marimont 1998): a place is hot when an edge ends there or two edges cross
there, a crossing being moved to the nearest grid point; every edge is led through all the hot places whose pixel (half
a step each way) it passes. Which places those are follows from the edges nearby alone, not from order or tile.
"""

from __future__ import annotations

import numpy as np

from onemap.blueprint.exact import between, crossing, turn
from onemap.compiled import compiled, inner


@inner
def note(cut_edge, cut_place, cuts, edge, place):
    """Add a cut. The count runs on beyond the arrays, so that the caller learns how much room is needed."""
    if cuts < len(cut_edge):
        cut_edge[cuts] = edge
        cut_place[cuts] = place
    return cuts + 1


@inner
def passes(ax, ay, bx, by, px, py, half):
    """Whether the edge from a to b passes the pixel of p, which reaches ``half`` a step each way."""
    side = turn(ax, ay, bx, by, px, py)
    if side == 0 or abs(side) < half * (abs(bx - ax) + abs(by - ay)):
        return between(ax, ay, bx, by, px, py)
    return False


@inner
def meet(i, j, edge_a, edge_b, xy, half, cut_edge, cut_place, cuts, new, places):
    """Write down where two edges must be cut so that they share whole edges and ends only.

    An edge is cut at an end of the other whose pixel it passes, and where they cross. A cut is an edge and a place:
    an existing one, or ``-1 - k`` for the k-th new place. Returns the counts of cuts and of new places.
    """
    a, b, c, d = edge_a[i], edge_b[i], edge_a[j], edge_b[j]
    if a in (c, d) or b in (d, c):
        s = a if a in (c, d) else b
        p, e = a + b - s, i
        q, f = c + d - s, j
        px, py, qx, qy = xy[p, 0] - xy[s, 0], xy[p, 1] - xy[s, 1], xy[q, 0] - xy[s, 0], xy[q, 1] - xy[s, 1]
        if px * qx + py * qy > 0:
            if abs(px) + abs(py) < abs(qx) + abs(qy):
                p, q, e, f = q, p, f, e
            if passes(xy[s, 0], xy[s, 1], xy[p, 0], xy[p, 1], xy[q, 0], xy[q, 1], half):
                cuts = note(cut_edge, cut_place, cuts, e, q)
        return cuts, places
    ax, ay, bx, by = xy[a, 0], xy[a, 1], xy[b, 0], xy[b, 1]
    cx, cy, dx, dy = xy[c, 0], xy[c, 1], xy[d, 0], xy[d, 1]
    at_c = turn(ax, ay, bx, by, cx, cy)
    at_d = turn(ax, ay, bx, by, dx, dy)
    near = half * (abs(bx - ax) + abs(by - ay))
    if (at_c > 0 and at_d > 0 and min(at_c, at_d) >= near) or (
        at_c < 0 and at_d < 0 and max(at_c, at_d) <= -near
    ):
        return cuts, places
    at_a = turn(cx, cy, dx, dy, ax, ay)
    at_b = turn(cx, cy, dx, dy, bx, by)
    close = half * (abs(dx - cx) + abs(dy - cy))
    if (at_a > 0 and at_b > 0 and min(at_a, at_b) >= close) or (
        at_a < 0 and at_b < 0 and max(at_a, at_b) <= -close
    ):
        return cuts, places
    if (at_c == 0 or abs(at_c) < near) and between(ax, ay, bx, by, cx, cy):
        cuts = note(cut_edge, cut_place, cuts, i, c)
    if (at_d == 0 or abs(at_d) < near) and between(ax, ay, bx, by, dx, dy):
        cuts = note(cut_edge, cut_place, cuts, i, d)
    if (at_a == 0 or abs(at_a) < close) and between(cx, cy, dx, dy, ax, ay):
        cuts = note(cut_edge, cut_place, cuts, j, a)
    if (at_b == 0 or abs(at_b) < close) and between(cx, cy, dx, dy, bx, by):
        cuts = note(cut_edge, cut_place, cuts, j, b)
    if (
        at_a == 0
        or at_b == 0
        or at_c == 0
        or at_d == 0
        or (at_c > 0) == (at_d > 0)
        or (at_a > 0) == (at_b > 0)
    ):
        return cuts, places
    px, py = crossing(ax, ay, bx, by, cx, cy, dx, dy)
    if px == ax and py == ay:
        place = a
    elif px == bx and py == by:
        place = b
    elif px == cx and py == cy:
        place = c
    elif px == dx and py == dy:
        place = d
    else:
        if places < len(new):
            new[places, 0] = px
            new[places, 1] = py
        place = -1 - places
        places += 1
    if place != a and place != b:
        cuts = note(cut_edge, cut_place, cuts, i, place)
    if place != c and place != d:
        cuts = note(cut_edge, cut_place, cuts, j, place)
    return cuts, places


@inner
def move(box, who, i, j):
    box[j, 0], box[j, 1], box[j, 2], box[j, 3] = box[i, 0], box[i, 1], box[i, 2], box[i, 3]
    who[j] = who[i]


@inner
def sort_boxes(box, who, n):
    """Sort the first n boxes from the west (shell sort)."""
    gap = 1
    while gap < n // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(gap, n):
            west, east, south, north, e = box[i, 0], box[i, 1], box[i, 2], box[i, 3], who[i]
            j = i
            while j >= gap and box[j - gap, 0] > west:
                move(box, who, j - gap, j)
                j -= gap
            box[j, 0], box[j, 1], box[j, 2], box[j, 3] = west, east, south, north
            who[j] = e
        gap //= 3


@compiled("i8[] i4[] i4[] i4[] f8[][] b1[] f8 i4[] i4[] f8[][] f8[][] i4[] -> i8 i8")
def find_cuts(start, cells, edge_a, edge_b, xy, fresh, half, cut_edge, cut_place, new, box, who):
    """All cuts between edges that share a cell, at least one of each pair fresh. Returns cuts and new places.

    box, who : scratch as long as the longest cell's list
    """
    cuts = 0
    places = 0
    for cell in range(len(start) - 1):
        n = start[cell + 1] - start[cell]
        if n < 2:
            continue
        for k in range(n):
            e = cells[start[cell] + k]
            a, b = edge_a[e], edge_b[e]
            west = min(xy[a, 0], xy[b, 0])
            j = k
            while n <= 32 and j > 0 and box[j - 1, 0] > west:
                move(box, who, j - 1, j)
                j -= 1
            box[j, 0] = west
            box[j, 1] = max(xy[a, 0], xy[b, 0])
            box[j, 2] = min(xy[a, 1], xy[b, 1])
            box[j, 3] = max(xy[a, 1], xy[b, 1])
            who[j] = e
        if n > 32:
            sort_boxes(box, who, n)
        for j in range(n):
            for k in range(j + 1, n):
                if box[k, 0] > box[j, 1]:
                    break
                if box[k, 2] > box[j, 3] or box[k, 3] < box[j, 2]:
                    continue
                if fresh[who[j]] or fresh[who[k]]:
                    cuts, places = meet(
                        who[j], who[k], edge_a, edge_b, xy, half,
                        cut_edge, cut_place, cuts, new, places,
                    )  # fmt: skip
    return cuts, places


@compiled("i8[] i4[] f8[] f8 f8 i8 i8 i4[] i4[] f8[][] i4[] f8 i4[] i4[] -> i8")
def find_passing(
    start, cells, origin, unit_x, unit_y, nx, ny, edge_a, edge_b, xy, hot, half, cut_edge, cut_place
):
    """All cuts of edges at the hot places whose pixel they pass without ending there. Returns how many.

    hot : numbers of places, which cells list no edge of yet
    """
    cuts = 0
    for p in hot:
        px, py = xy[p, 0], xy[p, 1]
        column = min(max(np.int64((px - origin[0]) * unit_x), 0), nx - 1)
        row = min(max(np.int64((py - origin[1]) * unit_y), 0), ny - 1)
        cell = row * nx + column
        for k in range(start[cell], start[cell + 1]):
            e = cells[k]
            a, b = edge_a[e], edge_b[e]
            if p not in (a, b) and passes(xy[a, 0], xy[a, 1], xy[b, 0], xy[b, 1], px, py, half):
                cuts = note(cut_edge, cut_place, cuts, e, p)
    return cuts


@compiled("i4[] i4[] i4[] i4[] f8[][] i4[] i4[] i4[] i4[] i4[] f8[] -> i8")
def cut_edges(edge_a, edge_b, set_start, set_list, xy, start, place, low, high, own, along):
    """Every edge again as rows, the cut ones in pieces. Returns how many rows there are (or would be).

    along : scratch per cut; start, place : the cuts of each edge. An edge passes pixels in the order of x and y together, each counted the
    way the edge runs, so no two of its pixels are equal in that order.
    """
    rows = 0
    for e in range(len(edge_a)):
        first, stop = start[e], start[e + 1]
        a, b = edge_a[e], edge_b[e]
        if stop > first:
            east = 1.0 if xy[b, 0] >= xy[a, 0] else -1.0
            north = 1.0 if xy[b, 1] >= xy[a, 1] else -1.0
            for k in range(first, stop):
                along[k] = east * xy[place[k], 0] + north * xy[place[k], 1]
            sort_pairs(along, place, first, stop)
        for k in range(first, stop + 1):
            p = b if k == stop else place[k]
            if p == a:
                continue
            for s in range(set_start[e], set_start[e + 1]):
                if rows < len(low):
                    low[rows] = min(a, p)
                    high[rows] = max(a, p)
                    own[rows] = 2 * set_list[s] + (1 if stop > first else 0)
                rows += 1
            a = p
    return rows


@compiled("i4[] b1[] i4[] i4[] i4[] i4[] -> i8")
def ring_edges(number, joined, polygon, low, high, own):
    """One row per straight step of a ring: both places, and twice the polygon plus one. Returns how many."""
    rows = 0
    for i in range(len(number) - 1):
        if joined[i] and number[i] != number[i + 1]:
            low[rows] = min(number[i], number[i + 1])
            high[rows] = max(number[i], number[i + 1])
            own[rows] = 2 * polygon[i] + 1
            rows += 1
    return rows


@compiled("f8[][] i4[] b1[] -> b1")
def close_rings(xy, count, joined):
    """Mark the coordinates that are joined to their successor, taking a ring to end where it started.

    count : coordinates per polygon. False when they do not split into closed rings that way.
    """
    stop = 0
    for polygon in range(len(count)):
        start = stop
        stop += count[polygon]
        while start < stop:
            i = start + 1
            while i < stop and (xy[i, 0] != xy[start, 0] or xy[i, 1] != xy[start, 1]):
                i += 1
            if i == stop:
                return False
            joined[start:i] = True
            joined[i] = False
            start = i + 1
    return True


@compiled("i4[] i4[] i4[] i4[] i4[] i4[]")
def bucket(low, high, own, start, high_out, own_out):
    """Rows gathered by their lower place: ``start[p]`` is where the rows of place p begin."""
    start[:] = 0
    for i in range(len(low)):
        start[low[i] + 1] += 1
    for p in range(len(start) - 1):
        start[p + 1] += start[p]
    for i in range(len(low)):
        at = start[low[i]]
        high_out[at] = high[i]
        own_out[at] = own[i]
        start[low[i]] = at + 1
    for p in range(len(start) - 1, 0, -1):
        start[p] = start[p - 1]
    start[0] = 0


@inner
def sort_pairs(first, second, start, stop):
    """Sort a run of pairs (shell sort: runs are short)."""
    gap = 1
    while gap < (stop - start) // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(start + gap, stop):
            a = first[i]
            b = second[i]
            j = i
            while j - gap >= start and (first[j - gap] > a or (first[j - gap] == a and second[j - gap] > b)):
                first[j] = first[j - gap]
                second[j] = second[j - gap]
                j -= gap
            first[j] = a
            second[j] = b
        gap //= 3


@compiled("i4[] i4[] i4[] i4[] i4[] i4[] i4[] b1[] -> i8")
def merge_edges(start, high, own, edge_a, edge_b, set_start, set_list, fresh):
    """Equal rows become one edge with the parity of their polygons; an edge of no polygon is dropped.

    An edge is a pair of place numbers, lower first, with the set of polygons whose boundary it is; a polygon that
    brings the same edge twice does not have it. ``own`` is twice the polygon, plus one for a row that is new in
    this round; an edge is fresh when all its rows are. Returns the number of edges. edge_b may be high and set_list
    may be own: they are written behind the reading.
    """
    edges = 0
    used = 0
    for p in range(len(start) - 1):
        if start[p + 1] - start[p] > 1:
            sort_pairs(high, own, start[p], start[p + 1])
        i = start[p]
        while i < start[p + 1]:
            far = high[i]
            first = used
            only_fresh = True
            while i < start[p + 1] and high[i] == far:
                polygon = own[i] >> 1
                odd = False
                while i < start[p + 1] and high[i] == far and own[i] >> 1 == polygon:
                    odd = not odd
                    only_fresh = only_fresh and own[i] & 1 == 1
                    i += 1
                if odd:
                    set_list[used] = polygon
                    used += 1
            if used > first:
                edge_a[edges] = p
                edge_b[edges] = far
                set_start[edges] = first
                fresh[edges] = only_fresh
                edges += 1
    set_start[edges] = used
    return edges
