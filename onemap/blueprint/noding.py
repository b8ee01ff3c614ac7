"""Straight edges cut at every crossing, touch and overlap, decided exactly, compiled.

An edge is a pair of place numbers, lower first, with the set of polygons whose boundary it is. A set is a parity: a
polygon that brings the same edge twice does not have it.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from onemap.blueprint.exact import between, turn

_MARGIN = 1e-4  # of a grid cell: far above the rounding of cell coordinates


@njit(cache=True)
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


@njit(cache=True)
def ring_edges(number, joined, count, low, high, own):
    """One row per straight step of a ring: both places, and twice the polygon plus one. Returns how many."""
    rows = 0
    stop = 0
    for polygon in range(len(count)):
        start = stop
        stop += count[polygon]
        for i in range(start, stop):
            if joined[i] and number[i] != number[i + 1]:
                low[rows] = min(number[i], number[i + 1])
                high[rows] = max(number[i], number[i + 1])
                own[rows] = 2 * polygon + 1
                rows += 1
    return rows


@njit(cache=True)
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


@njit(cache=True)
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


@njit(cache=True)
def merge_edges(start, high, own, edge_a, edge_b, set_start, set_list, fresh):
    """Equal rows become one edge with the parity of their polygons; an edge of no polygon is dropped.

    ``own`` is twice the polygon, plus one for a row that is new in this round; an edge is fresh when all its rows
    are. Returns the number of edges. edge_b may be high and set_list may be own: they are written behind the reading.
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


@njit(cache=True)
def walk_cells(ax, ay, bx, by, nx, ny, edge, marked, only_marked, mode, start, cells):
    """Visit every grid cell that an edge (in cell units) passes or nearly passes.

    mode 0 marks the cells, 1 counts the edge in them, 2 writes the edge into them.
    """
    if ay > by:
        ax, ay, bx, by = bx, by, ax, ay
    first = max(np.int64(ay - _MARGIN), 0)
    last = min(np.int64(by + _MARGIN), ny - 1)
    steep = by - ay > 1e-3
    slope = (bx - ax) / (by - ay) if steep else 0.0
    for row in range(first, last + 1):
        if steep and last > first:
            xa = ax + (min(max(np.float64(row), ay), by) - ay) * slope
            xb = ax + (min(max(np.float64(row + 1), ay), by) - ay) * slope
        else:
            xa = ax
            xb = bx
        west = max(np.int64(min(xa, xb) - _MARGIN), 0)
        east = min(np.int64(max(xa, xb) + _MARGIN), nx - 1)
        for cell in range(row * nx + west, row * nx + east + 1):
            if mode == 0:
                marked[cell] = True
            elif not only_marked or marked[cell]:
                if mode == 1:
                    start[cell + 1] += 1
                else:
                    cells[start[cell]] = edge
                    start[cell] += 1


@njit(cache=True)
def mark_cells(edge_a, edge_b, xy, unit_x, unit_y, nx, ny, fresh, marked):
    """Mark the cells of fresh edges."""
    none = np.empty(0, np.int64)
    nothing = np.empty(0, np.int32)
    for e in range(len(edge_a)):
        if fresh[e]:
            a, b = edge_a[e], edge_b[e]
            walk_cells(
                xy[a, 0] * unit_x,
                xy[a, 1] * unit_y,
                xy[b, 0] * unit_x,
                xy[b, 1] * unit_y,
                nx,
                ny,
                e,
                marked,
                True,
                0,
                none,
                nothing,
            )


@njit(cache=True)
def count_cells(edge_a, edge_b, xy, unit_x, unit_y, nx, ny, marked, only_marked, start):
    """Where each cell's list begins. Returns the length of all lists."""
    nothing = np.empty(0, np.int32)
    start[:] = 0
    for e in range(len(edge_a)):
        a, b = edge_a[e], edge_b[e]
        walk_cells(
            xy[a, 0] * unit_x, xy[a, 1] * unit_y, xy[b, 0] * unit_x, xy[b, 1] * unit_y,
            nx, ny, e, marked, only_marked, 1, start, nothing,
        )  # fmt: skip
    for cell in range(len(start) - 1):
        start[cell + 1] += start[cell]
    return start[-1]


@njit(cache=True)
def fill_cells(edge_a, edge_b, xy, unit_x, unit_y, nx, ny, marked, only_marked, start, cells):
    """Write each cell's list of edges."""
    for e in range(len(edge_a)):
        a, b = edge_a[e], edge_b[e]
        walk_cells(
            xy[a, 0] * unit_x, xy[a, 1] * unit_y, xy[b, 0] * unit_x, xy[b, 1] * unit_y,
            nx, ny, e, marked, only_marked, 2, start, cells,
        )  # fmt: skip
    for cell in range(len(start) - 1, 0, -1):
        start[cell] = start[cell - 1]
    start[0] = 0


@njit(cache=True)
def note(cut_edge, cut_place, cuts, edge, place):
    """Add a cut. The count runs on beyond the arrays, so that the caller learns how much room is needed."""
    if cuts < len(cut_edge):
        cut_edge[cuts] = edge
        cut_place[cuts] = place
    return cuts + 1


@njit(cache=True)
def reach(ax, ay, bx, by):
    """The turn from a to b to any place whose pixel (half a step each way) the line through a and b just touches."""
    return 0.5 * (abs(bx - ax) + abs(by - ay))


@njit(cache=True)
def meet(i, j, edge_a, edge_b, xy, cut_edge, cut_place, cuts, new, places):
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
            side = turn(xy[s, 0], xy[s, 1], xy[p, 0], xy[p, 1], xy[q, 0], xy[q, 1])
            if abs(side) < reach(xy[s, 0], xy[s, 1], xy[p, 0], xy[p, 1]) and between(
                xy[s, 0], xy[s, 1], xy[p, 0], xy[p, 1], xy[q, 0], xy[q, 1]
            ):
                cuts = note(cut_edge, cut_place, cuts, e, q)
        return cuts, places
    ax, ay, bx, by, cx, cy, dx, dy = (
        xy[a, 0],
        xy[a, 1],
        xy[b, 0],
        xy[b, 1],
        xy[c, 0],
        xy[c, 1],
        xy[d, 0],
        xy[d, 1],
    )
    at_c = turn(ax, ay, bx, by, cx, cy)
    at_d = turn(ax, ay, bx, by, dx, dy)
    near = reach(ax, ay, bx, by)
    if (at_c >= near and at_d >= near) or (at_c <= -near and at_d <= -near):
        return cuts, places
    at_a = turn(cx, cy, dx, dy, ax, ay)
    at_b = turn(cx, cy, dx, dy, bx, by)
    close = reach(cx, cy, dx, dy)
    if (at_a >= close and at_b >= close) or (at_a <= -close and at_b <= -close):
        return cuts, places
    before = cuts
    if abs(at_c) < near and between(ax, ay, bx, by, cx, cy):
        cuts = note(cut_edge, cut_place, cuts, i, c)
    if abs(at_d) < near and between(ax, ay, bx, by, dx, dy):
        cuts = note(cut_edge, cut_place, cuts, i, d)
    if abs(at_a) < close and between(cx, cy, dx, dy, ax, ay):
        cuts = note(cut_edge, cut_place, cuts, j, a)
    if abs(at_b) < close and between(cx, cy, dx, dy, bx, by):
        cuts = note(cut_edge, cut_place, cuts, j, b)
    if cuts > before or (at_c > 0) == (at_d > 0) or (at_a > 0) == (at_b > 0):
        return cuts, places
    if at_a == 0 or at_b == 0 or at_c == 0 or at_d == 0:
        return cuts, places
    if max(abs(bx - ax), abs(by - ay)) < max(abs(dx - cx), abs(dy - cy)):
        share = at_a / (at_a - at_b)
        px = np.rint(ax + share * (bx - ax))
        py = np.rint(ay + share * (by - ay))
    else:
        share = at_c / (at_c - at_d)
        px = np.rint(cx + share * (dx - cx))
        py = np.rint(cy + share * (dy - cy))
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


@njit(cache=True)
def find_cuts(start, cells, edge_a, edge_b, xy, fresh, cut_edge, cut_place, new, box, who):
    """All cuts between edges that share a cell, at least one of each pair fresh. Returns cuts and new places.

    box (4, longest list) and who (longest list) are scratch: the boxes of a cell's edges, sorted from the west.
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
                box[j] = box[j - 1]
                who[j] = who[j - 1]
                j -= 1
            box[j, 0] = west
            box[j, 1] = max(xy[a, 0], xy[b, 0])
            box[j, 2] = min(xy[a, 1], xy[b, 1])
            box[j, 3] = max(xy[a, 1], xy[b, 1])
            who[j] = e
        if n > 32:
            order = np.argsort(box[:n, 0])
            box[:n] = box[:n][order]
            who[:n] = who[:n][order]
        for j in range(n):
            for k in range(j + 1, n):
                if box[k, 0] > box[j, 1]:
                    break
                if box[k, 2] > box[j, 3] or box[k, 3] < box[j, 2]:
                    continue
                if fresh[who[j]] or fresh[who[k]]:
                    cuts, places = meet(
                        who[j], who[k], edge_a, edge_b, xy,
                        cut_edge, cut_place, cuts, new, places,
                    )  # fmt: skip
    return cuts, places


@njit(cache=True)
def cut_edges(edge_a, edge_b, set_start, set_list, xy, start, place, along, low, high, own):
    """Every edge again as rows, the cut ones in pieces. Returns how many rows there are (or would be).

    start, place : the cuts of each edge; along : scratch, as long as place
    """
    rows = 0
    for e in range(len(edge_a)):
        first, stop = start[e], start[e + 1]
        a, b = edge_a[e], edge_b[e]
        if stop > first:
            for k in range(first, stop):
                p = place[k]
                along[k] = (xy[p, 0] - xy[a, 0]) * (xy[b, 0] - xy[a, 0]) + (xy[p, 1] - xy[a, 1]) * (
                    xy[b, 1] - xy[a, 1]
                )
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
