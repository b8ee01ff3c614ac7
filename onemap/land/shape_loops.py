"""One pass over the rings of many polygons, compiled: what they enclose on the ellipsoid, their spikes, and whether
they are valid beyond doubt.

The first two give the same numbers, to the last bit, as ``area`` and ``quality`` give by whole arrays.
"""

from __future__ import annotations

import numpy as np

from onemap.compiled import compiled, inner

CHUNK = 4096  # edges whose scratch fits a cache
_ERROR = 1e-15  # above the relative error of a cross product of differences of doubles
_TINY = 1e-290
MOST_RINGS = 64
_TRIES = 64  # per edge, before a polygon is left to GEOS


@inner
def _across(x, y, told, bend):
    """The integral, from the middle of the zone to a point, of what the inverse areal scale departs from its mean."""
    across = (x - told[1]) * told[3]
    t = (told[4] + (y - told[2]) * told[3]) * told[5]
    t = t * t
    bent = bend[0] + t * (
        bend[1]
        + t
        * (
            bend[2]
            + t
            * (
                bend[3]
                + t * (bend[4] + t * (bend[5] + t * (bend[6] + t * (bend[7] + t * (bend[8] + t * bend[9])))))
            )
        )
    )
    u = across * across * bent
    eta2 = np.sqrt(bent) * told[6] - 1.0
    return across * u * (u * ((2.0 - eta2) * (1 / 15) - u * (17 / 315)) - 1 / 3) * told[3]


@compiled("f8[][] i8[] f8[] f8[] f8[] f8[] f8[] f8[] f8[]")
def ring_integrals(xy, ends, told, bend, nodes, xs, ys, rest, out):
    """Write into ``out`` the signed integral of the inverse areal scale of transverse Mercator over each ring.

    ``told``, ``bend``, ``nodes``: numbers of the projection as ``area`` has them; ``rest``: scratch of CHUNK.
    """
    # numbers in hand, which no writing can change, so that the loop over edges takes four at a time
    proj = (told[0], told[1], told[2], told[3], told[4], told[5], told[6])
    b = (bend[0], bend[1], bend[2], bend[3], bend[4], bend[5], bend[6], bend[7], bend[8], bend[9])
    at = (nodes[0], nodes[2], nodes[4])
    weight = (nodes[1], nodes[3], nodes[5])
    count = len(xy)
    half = 0.5 * proj[0]
    ring = 0
    total = 0.0
    ox, oy = xy[0, 0], xy[0, 1]
    for lo in range(0, count - 1, CHUNK):
        size = min(CHUNK, count - 1 - lo)
        for k in range(size + 1):
            xs[k] = xy[lo + k, 0]
            ys[k] = xy[lo + k, 1]
        for k in range(size):
            dx = xs[k + 1] - xs[k]
            dy = ys[k + 1] - ys[k]
            whole = weight[0] * _across(xs[k] + at[0] * dx, ys[k] + at[0] * dy, proj, b)
            whole += weight[1] * _across(xs[k] + at[1] * dx, ys[k] + at[1] * dy, proj, b)
            whole += weight[2] * _across(xs[k] + at[2] * dx, ys[k] + at[2] * dy, proj, b)
            rest[k] = whole * dy
        for k in range(size):
            i = lo + k
            if i == ends[ring] - 1:
                out[ring] = total
                ring += 1
                total = 0.0
                ox, oy = xy[i + 1, 0], xy[i + 1, 1]
            else:
                rx, ry = xy[i, 0] - ox, xy[i, 1] - oy
                sx, sy = xy[i + 1, 0] - ox, xy[i + 1, 1] - oy
                total += half * (rx * sy - sx * ry) + rest[k]
    out[ring] = total


@compiled("f8[][] i8[] f8 f8 i8[] b1[]")
def ring_spikes(xy, ends, compactness, least, count, repeated):
    """Write into ``count`` how many spikes each ring has, into ``repeated`` whether a vertex repeats the one before."""
    first = 0
    for ring in range(len(ends)):
        end = ends[ring] - 1
        found = 0
        still = False
        ux, uy = xy[first + 1, 0] - xy[first, 0], xy[first + 1, 1] - xy[first, 1]
        wx, wy = ux, uy
        for i in range(first + 1, end + 1):
            still = still or (ux == 0.0 and uy == 0.0)
            vx, vy = wx, wy
            if i < end:
                vx, vy = xy[i + 1, 0] - xy[i, 0], xy[i + 1, 1] - xy[i, 1]
            if ux * vx + uy * vy < 0.0:
                a, b = np.sqrt(ux * ux + uy * uy), np.sqrt(vx * vx + vy * vy)
                if a > least and b > least:
                    ax, ay, bx, by = -ux / a, -uy / a, vx / b, vy / b
                    area = abs(ax * by - ay * bx) / 2
                    dx, dy = ax - bx, ay - by
                    around = 2 + np.sqrt(dx * dx + dy * dy)
                    found += 4 * np.pi * area < compactness * (around * around)
            ux, uy = vx, vy
        count[ring] = found
        repeated[ring] = still
        first = end + 1


@inner
def _side(ax, ay, bx, by, cx, cy):
    """On which side of a to b c lies: positive on the left, 0 where rounding leaves doubt."""
    left = (bx - ax) * (cy - ay)
    right = (by - ay) * (cx - ax)
    turn = left - right
    return turn if abs(turn) > _ERROR * (abs(left) + abs(right)) + _TINY else 0.0


@inner
def _apart(ax, ay, bx, by, cx, cy, dx, dy):
    """Whether two edges have no point in common, beyond doubt."""
    one, two = _side(ax, ay, bx, by, cx, cy), _side(ax, ay, bx, by, dx, dy)
    if (one > 0.0 and two > 0.0) or (one < 0.0 and two < 0.0):
        return True
    one, two = _side(cx, cy, dx, dy, ax, ay), _side(cx, cy, dx, dy, bx, by)
    return (one > 0.0 and two > 0.0) or (one < 0.0 and two < 0.0)


@inner
def _goes_on(ax, ay, bx, by, cx, cy):
    """Whether b to c does not run back along a to b, beyond doubt."""
    if _side(ax, ay, bx, by, cx, cy) != 0.0:
        return True
    along, across = (bx - ax) * (cx - bx), (by - ay) * (cy - by)
    return along + across > _ERROR * (abs(along) + abs(across)) + _TINY


@inner
def _inside(x, y, xs, ys, start, last):
    """1 where a point lies within a ring that does not go through it, 0 where not, -1 in doubt."""
    within = 0
    for i in range(start, last):
        ax, ay, bx, by = xs[i], ys[i], xs[i + 1], ys[i + 1]
        if (ay > y) != (by > y):
            turn = _side(ax, ay, bx, by, x, y)
            if turn == 0.0:
                return -1
            if (turn > 0.0) == (by > ay):
                within = 1 - within
    return within


@inner
def _sorted(order, low, size):
    """Put edges in the order of their western ends."""
    gap = 1
    while gap < size // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(gap, size):
            held = order[i]
            west = low[held]
            j = i
            while j >= gap and low[order[j - gap]] > west:
                order[j] = order[j - gap]
                j -= gap
            order[j] = held
        gap //= 3


@inner
def _edges_apart(xs, ys, low, order, after, count):
    """Whether no two of the edges in ``order`` meet but neighbours at their common vertex, beyond doubt."""
    _sorted(order, low, count)
    left = _TRIES * count
    for k in range(count):
        i = order[k]
        ax, ay, bx, by = xs[i], ys[i], xs[i + 1], ys[i + 1]
        east, south, north = max(ax, bx), min(ay, by), max(ay, by)
        for m in range(k + 1, count):
            j = order[m]
            if low[j] > east:
                break
            left -= 1
            if left < 0:
                return False
            cx, cy, dx, dy = xs[j], ys[j], xs[j + 1], ys[j + 1]
            if max(cy, dy) < south or min(cy, dy) > north:
                continue
            if after[i] == j:
                fine = _goes_on(ax, ay, bx, by, dx, dy)
            elif after[j] == i:
                fine = _goes_on(cx, cy, dx, dy, bx, by)
            else:
                fine = _apart(ax, ay, bx, by, cx, cy, dx, dy)
            if not fine:
                return False
    return True


@inner
def _nested(xs, ys, start, hole, ring, rings):
    """Whether rings that do not meet lie as those of one geometry should: each hole within its shell, not within another
    hole; no shell within another. False in doubt."""
    shell = 0
    for r in range(rings):
        if not hole[ring + r]:
            shell = r
        other = 0
        for s in range(rings):
            if not hole[ring + s]:
                other = s
            if s == r or (other != shell if hole[ring + r] else hole[ring + s]):
                continue
            wanted = 1 if hole[ring + r] and s == shell else 0
            if _inside(xs[start[r]], ys[start[r]], xs, ys, start[s], start[s + 1] - 1) != wanted:
                return False
    return True


@compiled("f8[][] i8[] i8[] b1[] f8[] f8[] f8[] i8[] i8[] i8[] b1[]")
def surely_valid(xy, ends, owner, hole, xs, ys, low, order, after, start, valid):
    """Write into ``valid`` True for geometries that are valid polygons beyond doubt; the others are GEOS's to judge.

    Rings of one ``owner`` follow each other. Scratch: ``xs``, ``ys``, ``low``, ``order`` and ``after`` hold the
    coordinates of any one geometry, ``start`` 65 numbers.
    """
    ring = 0
    while ring < len(ends):
        last = ring + 1
        while last < len(ends) and owner[last] == owner[ring]:
            last += 1
        valid[owner[ring]] = _sure(xy, ends, hole, ring, last, xs, ys, low, order, after, start)
        ring = last


@inner
def _sure(xy, ends, hole, ring, last, xs, ys, low, order, after, start):
    rings = last - ring
    if rings > MOST_RINGS:
        return False
    at = count = 0
    for r in range(rings):
        begin = ends[ring + r - 1] if ring + r else 0
        start[r] = at
        for i in range(begin, ends[ring + r]):
            x, y = xy[i, 0], xy[i, 1]
            if x - x != 0.0 or y - y != 0.0:
                return False
            if i == begin or x != xs[at - 1] or y != ys[at - 1]:
                xs[at], ys[at] = x, y
                at += 1
        if at - start[r] < 4 or xs[at - 1] != xs[start[r]] or ys[at - 1] != ys[start[r]]:
            return False
        for k in range(start[r], at - 1):
            low[k] = min(xs[k], xs[k + 1])
            after[k] = k + 1
            order[count] = k
            count += 1
        after[at - 2] = start[r]
    start[rings] = at
    if not _edges_apart(xs, ys, low, order, after, count):
        return False
    return rings == 1 or _nested(xs, ys, start, hole, ring, rings)
