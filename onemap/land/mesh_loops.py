"""The edges of many polygons paired off, compiled: one pass to name them, one to gather equal names, one to compare."""

from __future__ import annotations

import numpy as np

from onemap.compiled import compiled, inner

BUCKETS = 1024


@inner
def _mixed(x, y):
    """A well-mixed number of a point; equal points have equal ones."""
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
