"""Areas shared by two polygons as sums of signed trapezoids, compiled.

A polygon is the sum of the regions below its upper edges less the sum of those below its lower edges. So the area two
polygons share is the sum, over all pairs of their edges, of the signed area below both edges. A weight that varies over
the plane is integrated over the same regions: its value at the site's corner times the area, exactly, and the little
that it varies over the site as a polynomial, by quadrature that is exact for it.
"""

from __future__ import annotations

from math import sqrt

from numba import njit

GAUSS_AT = (0.5 - 0.5 * sqrt(0.6), 0.5, 0.5 + 0.5 * sqrt(0.6))
GAUSS_SHARE = (5 / 18, 8 / 18, 5 / 18)


@njit(cache=True)
def signed_edges(xy, joined, count, rows, start):
    """Write the edges of shapes whose holes turn against their shells: west x, y, east x, y, sign. Returns how many."""
    n = 0
    stop = 0
    for shape in range(len(count)):
        begin = stop
        stop += count[shape]
        turn = 0.0
        for i in range(begin, stop):
            if joined[i]:
                x, y = xy[i, 0] - xy[begin, 0], xy[i, 1] - xy[begin, 1]
                turn += x * (xy[i + 1, 1] - xy[i, 1]) - (xy[i + 1, 0] - xy[i, 0]) * y
        anticlockwise = 1.0 if turn >= 0.0 else -1.0
        for i in range(begin, stop):
            if joined[i] and xy[i, 0] != xy[i + 1, 0]:
                east = xy[i, 0] < xy[i + 1, 0]
                west_end, east_end = (i, i + 1) if east else (i + 1, i)
                rows[n, 0], rows[n, 1] = xy[west_end, 0], xy[west_end, 1]
                rows[n, 2], rows[n, 3] = xy[east_end, 0], xy[east_end, 1]
                rows[n, 4] = -anticlockwise if east else anticlockwise
                n += 1
        start[shape + 1] = n
    return n


@njit(cache=True)
def strip_of(x, west, width, strips):
    """The strip that x lies in."""
    return min(max(int((x - west) / width), 0), strips - 1)


@njit(cache=True)
def count_strips(rows, start, first, west, width, begin):
    """Lay out the strips of every shape that has some, and count the edges in each. Returns the sum."""
    for shape in range(len(west)):
        strips = first[shape + 1] - first[shape]
        if strips == 0:
            continue
        low, high = rows[start[shape], 0], rows[start[shape], 2]
        for i in range(start[shape], start[shape + 1]):
            low, high = min(low, rows[i, 0]), max(high, rows[i, 2])
        west[shape] = low
        width[shape] = (high - low) / strips
        for i in range(start[shape], start[shape + 1]):
            for s in range(
                strip_of(rows[i, 0], low, width[shape], strips),
                strip_of(rows[i, 2], low, width[shape], strips) + 1,
            ):
                begin[first[shape] + s + 1] += 1
    for s in range(len(begin) - 1):
        begin[s + 1] += begin[s]
    return begin[-1]


@njit(cache=True)
def fill_strips(rows, start, first, west, width, begin, filed):
    """Write the edges of each strip."""
    for shape in range(len(west)):
        strips = first[shape + 1] - first[shape]
        if strips == 0:
            continue
        for i in range(start[shape], start[shape + 1]):
            for s in range(
                strip_of(rows[i, 0], west[shape], width[shape], strips),
                strip_of(rows[i, 2], west[shape], width[shape], strips) + 1,
            ):
                filed[begin[first[shape] + s]] = i
                begin[first[shape] + s] += 1
    for s in range(len(begin) - 1, 0, -1):
        begin[s] = begin[s - 1]
    begin[0] = 0


@njit(cache=True)
def below(weight, x0, y0, x1, y1):
    """What the varying part of a weight adds to the region below a segment: places relative to the site's lower corner.

    weight : see ``onemap.blueprint.areas.weights``; three Gauss points are exact up to the fifth degree
    """
    scale = weight[1]
    total = 0.0
    for k in range(3):
        at = GAUSS_AT[k]
        x = (x0 + at * (x1 - x0)) * scale
        y = (y0 + at * (y1 - y0)) * scale
        one = x * (weight[2] + x * (weight[3] + x * weight[4]))
        two = weight[5] + x * (weight[6] + x * weight[7])
        three = weight[8] + x * weight[9]
        total += GAUSS_SHARE[k] * y * (one + y * (two + y * (three + y * weight[10])))
    return total * (x1 - x0) / scale


@njit(cache=True)
def below_both(ax, ay, bx, by, cx, cy, dx, dy, low, west, east, left, weight):
    """The weighted area between the level ``low`` and the lower of two edges a-b and c-d, from west to east."""
    slope = (by - ay) / (bx - ax)
    other = (dy - cy) / (dx - cx)
    p = ay - low + (west - ax) * slope
    q = ay - low + (east - ax) * slope
    r = cy - low + (west - cx) * other
    s = cy - low + (east - cx) * other
    wide = east - west
    at = west - left
    varies = weight[1] > 0.0
    if (p <= r and q <= s) or (r <= p and s <= q):
        first, last = (p, q) if p <= r and q <= s else (r, s)
        area = weight[0] * 0.5 * (first + last) * wide
        return area + below(weight, at, first, at + wide, last) if varies else area
    share = (p - r) / ((p - r) - (q - s))
    level = p + share * (q - p)
    first, last = min(p, r), min(q, s)
    area = weight[0] * 0.5 * ((first + level) * share + (level + last) * (1.0 - share)) * wide
    if varies:
        middle = at + share * wide
        area += below(weight, at, first, middle, level) + below(weight, middle, level, at + wide, last)
    return area


@njit(cache=True)
def one_edge(a, begin, stop, edge, low, west, east, corner, weight):
    """The signed area that one edge of a polygon, from west to east, and all edges of a site have below them."""
    ax, ay, bx, by, sign = edge
    west, east = max(west, ax), min(east, bx)
    total = 0.0
    if west >= east or (ay <= low and by <= low):
        return total
    for i in range(begin, stop):
        left, right = max(west, a[i, 0]), min(east, a[i, 2])
        if left < right:
            total += a[i, 4] * below_both(
                a[i, 0], a[i, 1], a[i, 2], a[i, 3], ax, ay, bx, by, low, left, right, corner, weight
            )
    return sign * total


@njit(cache=True)
def pair_areas(a, a_start, b, b_start, first, west, width, begin, filed, site, polygon, weight, area):
    """The weighted area of each pair of a site and a polygon; weight : one row a site."""
    for k in range(len(site)):
        i, i_stop = a_start[site[k]], a_start[site[k] + 1]
        if i == i_stop:
            continue
        low, left, right = a[i, 1], a[i, 0], a[i, 2]
        for e in range(i, i_stop):
            low = min(low, a[e, 1], a[e, 3])
            left, right = min(left, a[e, 0]), max(right, a[e, 2])
        p = polygon[k]
        total = 0.0
        strips = first[p + 1] - first[p]
        if strips == 0:
            for f in range(b_start[p], b_start[p + 1]):
                total += one_edge(a, i, i_stop, b[f], low, left, right, left, weight[site[k]])
        else:
            from_strip = strip_of(left, west[p], width[p], strips)
            to_strip = strip_of(right, west[p], width[p], strips)
            for s in range(from_strip, to_strip + 1):
                strip_west = left if s == from_strip else max(left, west[p] + s * width[p])
                strip_east = right if s == to_strip else min(right, west[p] + (s + 1) * width[p])
                for j in range(begin[first[p] + s], begin[first[p] + s + 1]):
                    f = filed[j]
                    total += one_edge(a, i, i_stop, b[f], low, strip_west, strip_east, left, weight[site[k]])
        area[k] = total
