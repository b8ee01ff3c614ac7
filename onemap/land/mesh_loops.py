"""The edges of many polygons paired off, compiled: one pass to name them, one to gather equal names, one to compare; and
which boxes of many meet, by a grid of cells."""

from __future__ import annotations

import numpy as np

from onemap.compiled import compiled, inner

BUCKETS = 1024
MOST_CELLS = 16  # per box on average
_MINUS_ZERO = 1 << 63


@inner
def _mixed(x, y):
    """A well-mixed number of a point; equal points have equal ones, and -0.0 and 0.0 are one place."""
    if x == np.uint64(_MINUS_ZERO):
        x = np.uint64(0)
    if y == np.uint64(_MINUS_ZERO):
        y = np.uint64(0)
    mixed = x * np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= ((y << np.uint64(31)) | (y >> np.uint64(33))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    return mixed ^ (mixed >> np.uint64(32))


@compiled("u8[][] f8[][] i8[] b1[] b1[] u8[] i8[]")
def name_edges(bits, xy, ends, hole, left, key, count):
    """Write into ``key`` one number per edge, its lowest bit the side on which its polygon lies; 0 where there is no edge.

    ``bits``: the coordinates ``xy`` as whole numbers; ``ends``: where each ring ends; ``left``: written, whether a ring
    has its polygon on the left; ``count`` (1024): written, how many edges have each value of the upper bits.
    """
    count[:] = 0
    first = 0
    for ring in range(len(ends)):
        last = ends[ring]
        ox, oy = xy[first, 0], xy[first, 1]
        twice = 0.0
        for i in range(first, last - 1):
            twice += (xy[i, 0] - ox) * (xy[i + 1, 1] - oy) - (xy[i + 1, 0] - ox) * (xy[i, 1] - oy)
        left[ring] = (twice > 0) != hole[ring]
        one = _mixed(bits[first, 0], bits[first, 1])
        for i in range(first, last - 1):
            two = _mixed(bits[i + 1, 0], bits[i + 1, 1])
            if one == two:
                key[i] = np.uint64(0)
            else:
                low, high = min(one, two), max(one, two)
                name = (low * np.uint64(0x9E3779B97F4A7C15) + high) << np.uint64(1)
                key[i] = name | np.uint64((one < two) == left[ring])
                count[key[i] >> np.uint64(54)] += 1
            one = two
        key[last - 1] = np.uint64(0)
        first = last


@compiled("u8[] i8[] b1[] b1[] b1[]")
def sort_of(key, ends, alone, some_alone, some_matched):
    """Say of each ring whether it has edges that are alone, and whether it has others."""
    first = 0
    for ring in range(len(ends)):
        single = other = False
        for i in range(first, ends[ring]):
            single = single or alone[i]
            other = other or (key[i] != 0 and not alone[i])
        some_alone[ring], some_matched[ring] = single, other
        first = ends[ring]


@compiled("u8[] i8[] u8[] i4[] i4[] i4[][] b1[]")
def pair_off(key, count, gathered, place, slot, runs, alone):
    """Say of each edge whether it is alone: not run forth by one polygon and back by exactly one other.

    Scratch: ``gathered`` and ``place``, as long as there are edges; ``slot`` (zeros) and ``runs`` (two columns), of one
    length, a power of two and at least twice the largest of ``count``.
    """
    total = 0
    for b in range(len(count)):
        more = count[b]
        count[b] = total
        total += more
    for i in range(len(key)):
        if key[i]:
            b = key[i] >> np.uint64(54)
            gathered[count[b]] = key[i]
            place[count[b]] = i
            count[b] += 1
    start = 0
    for b in range(len(count)):
        for k in range(start, count[b]):
            at = _slot(gathered, slot, k)
            if not slot[at]:
                slot[at] = k + 1
                runs[at, 0] = runs[at, 1] = 0
            runs[at, gathered[k] & np.uint64(1)] += 1
        for k in range(start, count[b]):
            at = _slot(gathered, slot, k)
            alone[place[k]] = runs[at, 0] != 1 or runs[at, 1] != 1
        for k in range(start, count[b]):
            _forget(slot, gathered[k] >> np.uint64(1))
        start = count[b]


@inner
def _home(name, slot):
    return (name ^ (name >> np.uint64(21))) & np.uint64(len(slot) - 1)


@inner
def _slot(gathered, slot, k):
    """Where the name of an edge is kept, or is to be."""
    name = gathered[k] >> np.uint64(1)
    at = _home(name, slot)
    while slot[at] and gathered[slot[at] - 1] >> np.uint64(1) != name:
        at = (at + np.uint64(1)) & np.uint64(len(slot) - 1)
    return at


@inner
def _forget(slot, name):
    at = _home(name, slot)
    while slot[at]:
        slot[at] = 0
        at = (at + np.uint64(1)) & np.uint64(len(slot) - 1)


@inner
def _cell(value, origin, step, cells):
    return min(max(int((value - origin) / step), 0), cells - 1)


@compiled("f8[][] f8 f8 f8 i8 i8 i8[] -> i8")
def count_cells(boxes, west, south, step, columns, rows, count):
    """Write into ``count`` (one longer than there are cells) how many boxes reach each cell, from the second place on, and
    return the sum. Boxes of no extent are not numbers and reach none."""
    total = 0
    for i in range(len(boxes)):
        if boxes[i, 0] <= boxes[i, 2]:
            left, right = _cell(boxes[i, 0], west, step, columns), _cell(boxes[i, 2], west, step, columns)
            low, high = _cell(boxes[i, 1], south, step, rows), _cell(boxes[i, 3], south, step, rows)
            total += (right - left + 1) * (high - low + 1)
            if total <= MOST_CELLS * len(boxes):
                for row in range(low, high + 1):
                    for column in range(left, right + 1):
                        count[row * columns + column + 1] += 1
    return total


@compiled("f8[][] f8 f8 f8 i8 i8 i8[] i4[]")
def fill_cells(boxes, west, south, step, columns, rows, start, held):
    """Write into ``held`` the boxes of each cell, one cell after the other; ``start``: where each begins, then where it ends."""
    for i in range(len(boxes)):
        if boxes[i, 0] <= boxes[i, 2]:
            left, right = _cell(boxes[i, 0], west, step, columns), _cell(boxes[i, 2], west, step, columns)
            low, high = _cell(boxes[i, 1], south, step, rows), _cell(boxes[i, 3], south, step, rows)
            for row in range(low, high + 1):
                for column in range(left, right + 1):
                    cell = row * columns + column
                    held[start[cell]] = i
                    start[cell] += 1


@compiled("f8[][] f8 f8 f8 i8 i8 i8[] i4[] i8[] i8[] -> i8")
def pair_boxes(boxes, west, south, step, columns, rows, end, held, one, two):
    """Write the pairs of boxes that meet, ``one`` below ``two``, each once, as far as there is room; return how many there are."""
    found = 0
    first = 0
    for cell in range(columns * rows):
        for k in range(first, end[cell]):
            i = held[k]
            for m in range(k + 1, end[cell]):
                j = held[m]
                x, y = max(boxes[i, 0], boxes[j, 0]), max(boxes[i, 1], boxes[j, 1])
                if x > min(boxes[i, 2], boxes[j, 2]) or y > min(boxes[i, 3], boxes[j, 3]):
                    continue
                # where several cells hold both, the one with the corner of what they share tells
                if _cell(y, south, step, rows) * columns + _cell(x, west, step, columns) == cell:
                    if found < len(one):
                        one[found], two[found] = i, j
                    found += 1
        first = end[cell]
    return found
