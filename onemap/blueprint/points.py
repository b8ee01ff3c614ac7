"""Points in an order that keeps neighbours together, each place once, compiled."""

from __future__ import annotations

import numpy as np

from onemap.blueprint.exact import spread
from onemap.compiled import compiled, inner


@compiled("f8[][] -> f8 f8 f8 f8")
def bounds(xy):
    """West, south, east, north; not finite when any coordinate is not."""
    west, south = xy[0, 0], xy[0, 1]
    east, north = west, south
    finite = 0.0
    for i in range(len(xy)):
        west, east = min(west, xy[i, 0]), max(east, xy[i, 0])
        south, north = min(south, xy[i, 1]), max(north, xy[i, 1])
        finite += 0.0 * xy[i, 0] + 0.0 * xy[i, 1]
    return west + finite, south + finite, east + finite, north + finite


@compiled("f8[][] f8[] f8[]")
def quantise(xy, origin, step):
    """Turn coordinates into whole numbers of steps from the origin, in place."""
    per_x, per_y = 1.0 / step[0], 1.0 / step[1]
    for i in range(len(xy)):
        xy[i, 0] = np.rint((xy[i, 0] - origin[0]) * per_x)
        xy[i, 1] = np.rint((xy[i, 1] - origin[1]) * per_y)


@compiled("f8[][] f8[] f8[] u4[]")
def locality_keys(xy, origin, scale, key):
    """Z-order keys: places close to each other mostly have close keys."""
    for i in range(len(xy)):
        u = min(max(np.int64((xy[i, 0] - origin[0]) * scale[0]), 0), 65535)
        v = min(max(np.int64((xy[i, 1] - origin[1]) * scale[1]), 0), 65535)
        key[i] = np.uint32(spread(u) | (spread(v) << 1))


@compiled("u4[] i4[] u4[] i4[] i8[]")
def radix_order(key, order, key_b, order_b, count):
    """Sort the keys and the order with them; the other arrays are scratch (count: 2048). Three passes end in the scratch."""
    n = len(key)
    for i in range(n):
        order[i] = i
    for turn in range(3):
        shift = 11 * turn
        count[:] = 0
        for i in range(n):
            count[(key[i] >> shift) & 2047] += 1
        total = 0
        for b in range(2048):
            c = count[b]
            count[b] = total
            total += c
        for i in range(n):
            b = (key[i] >> shift) & 2047
            to = count[b]
            count[b] = to + 1
            key_b[to] = key[i]
            order_b[to] = order[i]
        key, key_b = key_b, key
        order, order_b = order_b, order


@inner
def before(xy, i, j):
    """Whether point i comes before point j, left to right and bottom to top."""
    return xy[i, 0] < xy[j, 0] or (xy[i, 0] == xy[j, 0] and xy[i, 1] < xy[j, 1])


@inner
def sort_run(order, start, stop, xy):
    """Sort one run of the order by coordinates (shell sort: runs are short)."""
    gap = 1
    while gap < (stop - start) // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(start + gap, stop):
            point = order[i]
            j = i
            while j - gap >= start and before(xy, point, order[j - gap]):
                order[j] = order[j - gap]
                j -= gap
            order[j] = point
        gap //= 3


@compiled("u4[] i4[] f8[][] i4[] -> i8")
def unify(key, order, xy, number):
    """Number the places in sorted order; afterwards ``order[:n]`` holds one point of each place. Returns n."""
    total = len(order)
    start = 0
    while start < total:
        stop = start + 1
        while stop < total and key[stop] == key[start]:
            stop += 1
        if stop - start > 1:
            sort_run(order, start, stop, xy)
        start = stop
    n = 0
    last = -1
    for i in range(total):
        point = order[i]
        if last < 0 or xy[point, 0] != xy[last, 0] or xy[point, 1] != xy[last, 1]:
            order[n] = point
            key[n] = key[i]
            n += 1
            last = point
        number[point] = n - 1
    return n


@inner
def look_up(key, xy, start, stop, k, px, py):
    """Position of a place among sorted places ``start:stop``, or -1."""
    end = stop
    while start < stop:
        middle = (start + stop) // 2
        if key[middle] < k or (
            key[middle] == k and (xy[middle, 0] < px or (xy[middle, 0] == px and xy[middle, 1] < py))
        ):
            start = middle + 1
        else:
            stop = middle
    if start < end and xy[start, 0] == px and xy[start, 1] == py:
        return start
    return -1


@compiled("u4[] f8[][] i8[] u4[] f8[][] i4[]")
def known_places(key, xy, batches, new_key, new, found):
    """Which of the new places are already among the sorted batches of places; -1 where none is."""
    for i in range(len(new)):
        found[i] = -1
        for b in range(len(batches) - 1):
            at = look_up(key, xy, batches[b], batches[b + 1], new_key[i], new[i, 0], new[i, 1])
            if at >= 0:
                found[i] = at
                break
