"""Areas shared by two polygons as sums of signed trapezoids, compiled.

A polygon is the sum of the regions below its upper edges less the sum of those below its lower edges. So the area two
polygons share is the sum, over all pairs of their edges, of the signed area below both edges. A weight that varies over
the plane is integrated over the same regions: its value at the site's corner times the area, exactly, and the little
that it varies over the site as a polynomial, by quadrature that is exact for it.
"""

from __future__ import annotations

from math import sqrt

from onemap.compiled import compiled, inner

GAUSS_AT = (0.5 - 0.5 * sqrt(0.6), 0.5, 0.5 + 0.5 * sqrt(0.6))
GAUSS_SHARE = (5 / 18, 8 / 18, 5 / 18)


@compiled("f8[][] b1[] i8[] f8[]")
def turns(xy, joined, start, turn):
    """Write for each shape 1 if its shell runs anticlockwise, else -1; its holes must run the other way."""
    for shape in range(len(start) - 1):
        begin, stop = start[shape], start[shape + 1]
        area = 0.0
        for i in range(begin, stop):
            if joined[i]:
                x, y = xy[i, 0] - xy[begin, 0], xy[i, 1] - xy[begin, 1]
                area += x * (xy[i + 1, 1] - xy[i, 1]) - (xy[i + 1, 0] - xy[i, 0]) * y
        turn[shape] = 1.0 if area >= 0.0 else -1.0


@inner
def edge_at(xy, i, turn):
    """The edge from place i to the next: west x, y, east x, y; 1 where the shape lies below it and -1 where above."""
    if xy[i, 0] < xy[i + 1, 0]:
        return xy[i, 0], xy[i, 1], xy[i + 1, 0], xy[i + 1, 1], -turn
    return xy[i + 1, 0], xy[i + 1, 1], xy[i, 0], xy[i, 1], turn


@compiled("f8[][] b1[] i8[] f8[] f8[][] i8[]")
def site_edges(xy, joined, start, turn, rows, begin):
    """Write the edges of each site: as :func:`edge_at`, then the slope; vertical ones are left out."""
    n = 0
    for site in range(len(turn)):
        for i in range(start[site], start[site + 1]):
            if joined[i] and xy[i, 0] != xy[i + 1, 0]:
                ax, ay, bx, by, sign = edge_at(xy, i, turn[site])
                rows[n, 0], rows[n, 1], rows[n, 2], rows[n, 3] = ax, ay, bx, by
                rows[n, 4], rows[n, 5] = sign, (by - ay) / (bx - ax)
                n += 1
        begin[site + 1] = n


@inner
def strip_of(x, west, width, strips):
    """The strip that x lies in."""
    return min(max(int((x - west) / width), 0), strips - 1)


@compiled("f8[][] b1[] i8[] i8[] f8[] f8[] i8[] -> i8")
def count_strips(xy, joined, start, first, west, width, begin):
    """Lay out the strips of every shape that has some, and count the edges in each. Returns the sum."""
    for shape in range(len(west)):
        strips = first[shape + 1] - first[shape]
        if strips == 0:
            continue
        low = high = xy[start[shape], 0]
        for i in range(start[shape], start[shape + 1]):
            low, high = min(low, xy[i, 0]), max(high, xy[i, 0])
        west[shape] = low
        width[shape] = (high - low) / strips
        for i in range(start[shape], start[shape + 1]):
            if joined[i] and xy[i, 0] != xy[i + 1, 0]:
                one = strip_of(min(xy[i, 0], xy[i + 1, 0]), low, width[shape], strips)
                last = strip_of(max(xy[i, 0], xy[i + 1, 0]), low, width[shape], strips)
                for s in range(one, last + 1):
                    begin[first[shape] + s + 1] += 1
    for s in range(len(begin) - 1):
        begin[s + 1] += begin[s]
    return begin[-1]


@compiled("f8[][] b1[] i8[] i8[] f8[] f8[] i8[] i4[]")
def fill_strips(xy, joined, start, first, west, width, begin, filed):
    """Write the edges of each strip, as the place that each begins at."""
    for shape in range(len(west)):
        strips = first[shape + 1] - first[shape]
        if strips == 0:
            continue
        for i in range(start[shape], start[shape + 1]):
            if joined[i] and xy[i, 0] != xy[i + 1, 0]:
                one = strip_of(min(xy[i, 0], xy[i + 1, 0]), west[shape], width[shape], strips)
                last = strip_of(max(xy[i, 0], xy[i + 1, 0]), west[shape], width[shape], strips)
                for s in range(one, last + 1):
                    filed[begin[first[shape] + s]] = i
                    begin[first[shape] + s] += 1
    for s in range(len(begin) - 1, 0, -1):
        begin[s] = begin[s - 1]
    begin[0] = 0


@inner
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


@inner
def below_both(ax, ay, slope, cx, cy, other, low, west, east, left, weight):
    """The weighted area between the level ``low`` and the lower of two edges, each a place and a slope, from west to east."""
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


@inner
def one_edge(a, begin, stop, xy, i, turn, low, west, east, corner, weight):
    """The signed area that one edge of a polygon, from west to east, and all edges of a site have below them."""
    ax, ay, bx, by, sign = edge_at(xy, i, turn)
    west, east = max(west, ax), min(east, bx)
    total = 0.0
    if west >= east or (ay <= low and by <= low):
        return total
    slope = (by - ay) / (bx - ax)
    for k in range(begin, stop):
        left, right = max(west, a[k, 0]), min(east, a[k, 2])
        if left < right:
            total += a[k, 4] * below_both(
                a[k, 0], a[k, 1], a[k, 5], ax, ay, slope, low, left, right, corner, weight
            )
    return sign * total


@inner
def beside(xy, i, turn, box, west, east):
    """How wide an edge of a polygon, from west to east, lies above a site's box, signed; and whether it comes near instead.

    The sum over all edges is how wide the polygon is above the box.
    """
    ax, ay, bx, by, sign = edge_at(xy, i, turn)
    west, east = max(west, ax), min(east, bx)
    if west >= east or (ay <= box[1] and by <= box[1]):
        return 0.0, False
    if ay < box[3] or by < box[3]:
        return 0.0, True
    return sign * (east - west), False


@inner
def whole_or_none(above, wide):
    """Whether a width is nothing or all, but for rounding."""
    return abs(above) <= 1e-12 * wide or abs(above - wide) <= 1e-12 * wide


@compiled("f8[][] i8[] f8[][]")
def site_boxes(a, a_start, boxes):
    """West, south, east, north of each site, of its edges that are not vertical."""
    for site in range(len(boxes)):
        box = boxes[site]
        for k in range(a_start[site], a_start[site + 1]):
            if k == a_start[site]:
                box[0], box[1], box[2], box[3] = a[k, 0], a[k, 1], a[k, 2], a[k, 1]
            box[0], box[2] = min(box[0], a[k, 0]), max(box[2], a[k, 2])
            box[1], box[3] = min(box[1], a[k, 1], a[k, 3]), max(box[3], a[k, 1], a[k, 3])


@inner
def own_area(a, begin, stop, box, weight):
    """The weighted area of a site."""
    total = 0.0
    for k in range(begin, stop):
        total += a[k, 4] * below_both(
            a[k, 0], a[k, 1], a[k, 5], box[0], box[3], 0.0, box[1], a[k, 0], a[k, 2], box[0], weight
        )
    return total


@compiled("f8[][] i8[] f8[][] f8[][] b1[] i8[] f8[] i8[] f8[] f8[] i8[] i4[] i8[] i8[] f8[][] f8[]")
def pair_areas(
    a, a_start, boxes, xy, joined, start, turn, first, west, width, begin, filed, site, polygon, weight, area
):
    """The weighted area of each pair of a site and a polygon; weight : one row a site.

    A polygon none of whose edges comes near the site's box, and which is as wide above it as the box or not at all there,
    holds all of the site or nothing; one that cuts through the box with a vertical edge is of another width.
    """
    for k in range(len(site)):
        i, i_stop = a_start[site[k]], a_start[site[k] + 1]
        if i == i_stop:
            continue
        box, own_weight = boxes[site[k]], weight[site[k]]
        left, low, right = box[0], box[1], box[2]
        p = polygon[k]
        strips = first[p + 1] - first[p]
        above, near = 0.0, False
        if strips == 0:
            for f in range(start[p], start[p + 1]):
                if joined[f] and not near:
                    said, near = beside(xy, f, turn[p], box, left, right)
                    above += said
            if not near and whole_or_none(above, right - left):
                area[k] = own_area(a, i, i_stop, box, own_weight) if above > 0.5 * (right - left) else 0.0
                continue
            total = 0.0
            for f in range(start[p], start[p + 1]):
                if joined[f]:
                    total += one_edge(a, i, i_stop, xy, f, turn[p], low, left, right, left, own_weight)
            area[k] = total
            continue
        one, last = strip_of(left, west[p], width[p], strips), strip_of(right, west[p], width[p], strips)
        for s in range(one, last + 1):
            from_x = left if s == one else max(left, west[p] + s * width[p])
            to_x = right if s == last else min(right, west[p] + (s + 1) * width[p])
            for j in range(begin[first[p] + s], begin[first[p] + s + 1]):
                if not near:
                    said, near = beside(xy, filed[j], turn[p], box, from_x, to_x)
                    above += said
        if not near and whole_or_none(above, right - left):
            area[k] = own_area(a, i, i_stop, box, own_weight) if above > 0.5 * (right - left) else 0.0
            continue
        total = 0.0
        for s in range(one, last + 1):
            from_x = left if s == one else max(left, west[p] + s * width[p])
            to_x = right if s == last else min(right, west[p] + (s + 1) * width[p])
            for j in range(begin[first[p] + s], begin[first[p] + s + 1]):
                total += one_edge(a, i, i_stop, xy, filed[j], turn[p], low, from_x, to_x, left, own_weight)
        area[k] = total
