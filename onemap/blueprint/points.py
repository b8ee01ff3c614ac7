"""Points in an order that keeps neighbours together, each place once, compiled."""

from __future__ import annotations

import numpy as np
from numba import njit

from onemap.blueprint.exact import spread


@njit(cache=True)
def quantise(xy, origin, grid, x, y):
    """Whole-number coordinates of all points on the grid, counted from the origin."""
    for i in range(len(xy)):
        x[i] = np.rint((xy[i, 0] - origin[0]) / grid[0])
        y[i] = np.rint((xy[i, 1] - origin[1]) / grid[1])


@njit(cache=True)
def locality_keys(x, y, scale_x, scale_y, key):
    """Z-order keys: places close to each other mostly have close keys."""
    for i in range(len(x)):
        u = min(np.int64(x[i] * scale_x), 65535)
        v = min(np.int64(y[i] * scale_y), 65535)
        key[i] = np.uint32(spread(u) | (spread(v) << 1))


@njit(cache=True)
def radix_order(key, order, key_b, order_b):
    """Sort the keys and the order with them; the other two arrays are scratch. Three passes end in the scratch."""
    n = len(key)
    count = np.zeros(2048, np.int64)
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


@njit(cache=True)
def before(x, y, i, j):
    """Whether point i comes before point j, left to right and bottom to top."""
    return x[i] < x[j] or (x[i] == x[j] and y[i] < y[j])


@njit(cache=True)
def sort_run(order, start, stop, x, y):
    """Sort one run of the order by coordinates (shell sort: runs are short)."""
    gap = 1
    while gap < (stop - start) // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(start + gap, stop):
            point = order[i]
            j = i
            while j - gap >= start and before(x, y, point, order[j - gap]):
                order[j] = order[j - gap]
                j -= gap
            order[j] = point
        gap //= 3


@njit(cache=True)
def unify(key, order, x, y, number):
    """Number the places in sorted order; afterwards ``order[:n]`` holds one point of each place. Returns n."""
    total = len(order)
    start = 0
    while start < total:
        stop = start + 1
        while stop < total and key[stop] == key[start]:
            stop += 1
        if stop - start > 1:
            sort_run(order, start, stop, x, y)
        start = stop
    n = 0
    last = -1
    for i in range(total):
        point = order[i]
        if last < 0 or x[point] != x[last] or y[point] != y[last]:
            order[n] = point
            key[n] = key[i]
            n += 1
            last = point
        number[point] = n - 1
    return n


@njit(cache=True)
def look_up(key, x, y, start, stop, k, px, py):
    """Position of a place among sorted places ``start:stop``, or -1."""
    end = stop
    while start < stop:
        middle = (start + stop) // 2
        if key[middle] < k or (key[middle] == k and (x[middle] < px or (x[middle] == px and y[middle] < py))):
            start = middle + 1
        else:
            stop = middle
    if start < end and x[start] == px and y[start] == py:
        return start
    return -1


@njit(cache=True)
def known_places(key, x, y, batches, new_key, new_x, new_y, found):
    """Which of the new places are already among the sorted batches of places; -1 where none is."""
    for i in range(len(new_x)):
        found[i] = -1
        for b in range(len(batches) - 1):
            at = look_up(key, x, y, batches[b], batches[b + 1], new_key[i], new_x[i], new_y[i])
            if at >= 0:
                found[i] = at
                break
