"""Which tiles need which edges, and what covers the tiles' corners, compiled.

A tile needs every edge that comes within a margin of it. Edges longer than the margin are long: whatever meets a long
edge is needed by all tiles that the long one passes, so that each tile finds all the places along it.
"""

from __future__ import annotations

import numpy as np

from onemap.blueprint.exact import turn
from onemap.compiled import compiled, inner

NEAR = 2.0  # steps: more than any edge moves


@compiled("f8[][] b1[] f8 f8[] f8[][] i8[] -> i8")
def long_edges(xy, joined, margin, step, rows, lengths):
    """Write the edges longer than the margin (in metres) and count all by the power of two of their length.

    Returns how many are long. lengths : counts by exponent, from -64 m
    """
    n = 0
    for i in range(len(xy) - 1):
        if not joined[i]:
            continue
        dx, dy = (xy[i + 1, 0] - xy[i, 0]) * step[0], (xy[i + 1, 1] - xy[i, 1]) * step[1]
        length = np.sqrt(dx * dx + dy * dy)
        if length > 0:
            lengths[min(max(int(np.ceil(np.log2(length))) + 64, 0), len(lengths) - 1)] += 1
        if length > margin:
            if n < len(rows):
                rows[n, 0], rows[n, 1] = xy[i, 0], xy[i, 1]
                rows[n, 2], rows[n, 3] = xy[i + 1, 0], xy[i + 1, 1]
            n += 1
    return n


@inner
def square_of(value, origin, side, count):
    return min(max(np.int64((value - origin) / side), 0), count - 1)


@inner
def tiles_passed(x1, y1, x2, y2, reach_x, reach_y, origin, side, tile_of, stamp, mark, found):
    """The tiles that an edge comes within a reach of. Returns how many; stamp holds ``mark`` for those found."""
    rows, columns = tile_of.shape
    if y1 > y2:
        x1, y1, x2, y2 = x2, y2, x1, y1
    first = square_of(y1 - reach_y, origin[1], side[1], rows)
    last = square_of(y2 + reach_y, origin[1], side[1], rows)
    west = square_of(min(x1, x2) - reach_x, origin[0], side[0], columns)
    east = square_of(max(x1, x2) + reach_x, origin[0], side[0], columns)
    tile = tile_of[first, west]
    if 0 <= tile == tile_of[first, east] and tile == tile_of[last, west] and tile == tile_of[last, east]:
        found[0] = tile  # a tile is a square: what has its four corners in one lies in it
        stamp[tile] = mark
        return 1
    n = 0
    slope = (x2 - x1) / (y2 - y1) if y2 - y1 > 1.0 else 0.0
    for row in range(first, last + 1):
        xa, xb = x1, x2
        if last > first and slope != 0.0:
            low, high = origin[1] + row * side[1] - reach_y, origin[1] + (row + 1) * side[1] + reach_y
            if row > first:
                xa = x1 + (min(max(low, y1), y2) - y1) * slope
            if row < last:
                xb = x1 + (min(max(high, y1), y2) - y1) * slope
        west = square_of(min(xa, xb) - reach_x, origin[0], side[0], columns)
        east = square_of(max(xa, xb) + reach_x, origin[0], side[0], columns)
        for column in range(west, east + 1):
            tile = tile_of[row, column]
            if tile >= 0 and stamp[tile] != mark:
                stamp[tile] = mark
                found[n] = tile
                n += 1
    return n


def tiles_of_long(rows, near, origin, side, tile_of, tiles, start, found):
    """Count the tiles that each edge passes in ``start``; where ``found`` has room, write them."""
    _tiles_of_long(
        rows, near, origin, side, tile_of, start, found, np.full(tiles, -1), np.empty(tiles, dtype=np.int32)
    )


@compiled("f8[][] f8 f8[] f8[] i4[][] i8[] i4[] i8[] i4[]")
def _tiles_of_long(rows, near, origin, side, tile_of, start, found, stamp, passed):
    for k in range(len(rows)):
        n = tiles_passed(
            rows[k, 0],
            rows[k, 1],
            rows[k, 2],
            rows[k, 3],
            near,
            near,
            origin,
            side,
            tile_of,
            stamp,
            k,
            passed,
        )
        if len(found):
            for i in range(n):
                found[start[k] + i] = passed[i]
        else:
            start[k + 1] = start[k] + n


@inner
def close_by(x1, y1, x2, y2, x3, y3, x4, y4):
    """Whether two edges may come within two steps of each other."""
    if min(x1, x2) > max(x3, x4) + NEAR or max(x1, x2) < min(x3, x4) - NEAR:
        return False
    if min(y1, y2) > max(y3, y4) + NEAR or max(y1, y2) < min(y3, y4) - NEAR:
        return False
    off = NEAR * (abs(x2 - x1) + abs(y2 - y1))
    p, q = turn(x1, y1, x2, y2, x3, y3), turn(x1, y1, x2, y2, x4, y4)
    return not ((p > off and q > off) or (p < -off and q < -off))


def scatter(
    xy, joined, polygon, reach, origin, side, tile_of, long_rows, long_start, long_tiles,
    cell_start, cell_list, counts, fill, out_xy, out_joined, out_polygon,
):  # fmt: skip
    """Hand every edge to the tiles that need it, as chains of corners.

    Counts the corners per tile; where ``fill`` is not empty it says where each tile's corners begin in the output.
    long_rows : the long edges; long_tiles[long_start[k]:long_start[k + 1]] : the tiles that long edge k passes;
    cell_list[cell_start[c]:cell_start[c + 1]] : the long edges by finest square
    """
    tiles = len(counts)
    stamp, last, asked = np.full(tiles, -1), np.full(tiles, -1), np.full(len(long_rows), -1)
    _scatter(
        xy, joined, polygon, reach, origin, side, tile_of, long_rows, long_start, long_tiles, cell_start, cell_list,
        counts, fill, out_xy, out_joined, out_polygon, stamp, np.empty(tiles, dtype=np.int32), last, asked,
    )  # fmt: skip


@compiled(
    "f8[][] b1[] i4[] f8[] f8[] f8[] i4[][] f8[][] i8[] i4[] i8[] i4[] i8[] i8[] f8[][] b1[] i4[] i8[] i4[] i8[] i8[]"
)
def _scatter(
    xy, joined, polygon, reach, origin, side, tile_of, long_rows, long_start, long_tiles, cell_start, cell_list,
    counts, fill, out_xy, out_joined, out_polygon, stamp, found, last, asked,
):  # fmt: skip
    rows, columns = tile_of.shape
    filling = len(fill) > 0
    counts[:] = 0
    for i in range(len(xy) - 1):
        if not joined[i]:
            continue
        x1, y1, x2, y2 = xy[i, 0], xy[i, 1], xy[i + 1, 0], xy[i + 1, 1]
        if x1 == x2 and y1 == y2:
            continue
        n = tiles_passed(x1, y1, x2, y2, reach[0], reach[1], origin, side, tile_of, stamp, i, found)
        if len(long_rows):
            west = square_of(min(x1, x2) - NEAR, origin[0], side[0], columns)
            east = square_of(max(x1, x2) + NEAR, origin[0], side[0], columns)
            south = square_of(min(y1, y2) - NEAR, origin[1], side[1], rows)
            north = square_of(max(y1, y2) + NEAR, origin[1], side[1], rows)
            for row in range(south, north + 1):
                for cell in range(row * columns + west, row * columns + east + 1):
                    for at in range(cell_start[cell], cell_start[cell + 1]):
                        k = cell_list[at]
                        if asked[k] == i:
                            continue
                        asked[k] = i
                        if close_by(
                            long_rows[k, 0], long_rows[k, 1], long_rows[k, 2], long_rows[k, 3], x1, y1, x2, y2
                        ):
                            for t in range(long_start[k], long_start[k + 1]):
                                tile = long_tiles[t]
                                if stamp[tile] != i:
                                    stamp[tile] = i
                                    found[n] = tile
                                    n += 1
        for f in range(n):
            tile = found[f]
            chained = last[tile] == i
            last[tile] = i + 1
            if filling:
                at = fill[tile] + counts[tile]
                if chained:
                    out_joined[at - 1] = True
                else:
                    out_xy[at, 0], out_xy[at, 1] = x1, y1
                    out_joined[at] = True
                    out_polygon[at] = polygon[i]
                    at += 1
                out_xy[at, 0], out_xy[at, 1] = x2, y2
                out_joined[at] = False
                out_polygon[at] = polygon[i]
            counts[tile] += 1 if chained else 2


@inner
def first_above(values, start, stop, limit):
    """The first position whose value is above the limit."""
    while start < stop:
        middle = (start + stop) // 2
        if values[middle] <= limit:
            start = middle + 1
        else:
            stop = middle
    return start


def corner_covers(xy, joined, polygon, level, level_start, corner_x, corner_tile, room):
    """The pairs (tile, polygon) of the tile corners that lie in each polygon, and how many corners are in doubt.

    level : the heights of corners, ascending; corner_x, corner_tile : those at each height, from the west. A corner
    is in doubt when an edge passes it closer than edges may move.
    """
    pairs, corners = np.empty((room, 2), dtype=np.int32), len(corner_x)
    inside, listed = np.zeros((2, corners), dtype=np.bool_)
    touched = np.empty(corners, dtype=np.int32)
    given = (xy, joined, polygon, level, level_start, corner_x, corner_tile)
    return pairs, *_corner_covers(*given, pairs, inside, touched, listed)


@compiled("f8[][] b1[] i4[] f8[] i8[] f8[] i4[] i4[][] b1[] i4[] b1[] -> i8 i8")
def _corner_covers(
    xy, joined, polygon, level, level_start, corner_x, corner_tile, pairs, inside, touched, listed
):
    used, doubts = 0, 0
    start = 0
    while start < len(xy):
        stop = start + 1
        west, east = xy[start, 0], xy[start, 0]
        while stop < len(xy) and polygon[stop] == polygon[start]:
            west, east = min(west, xy[stop, 0]), max(east, xy[stop, 0])
            stop += 1
        n = 0
        for i in range(start, stop - 1):
            if not joined[i]:
                continue
            ax, ay, bx, by = xy[i, 0], xy[i, 1], xy[i + 1, 0], xy[i + 1, 1]
            if ay > by:
                ax, ay, bx, by = bx, by, ax, ay
            row = first_above(level, 0, len(level), ay - NEAR)
            while row < len(level) and level[row] < by + NEAR:
                cy = level[row]
                first = first_above(corner_x, level_start[row], level_start[row + 1], min(ax, bx) - NEAR)
                for c in range(first, level_start[row + 1]):
                    cx = corner_x[c]
                    if cx > east + NEAR:
                        break
                    side = turn(ax, ay, bx, by, cx, cy)
                    if abs(side) <= NEAR * (abs(bx - ax) + by - ay) and cx < max(ax, bx) + NEAR:
                        doubts += 1
                    if ay < cy < by and side < 0:
                        inside[c] = not inside[c]
                        if not listed[c]:
                            listed[c] = True
                            touched[n] = c
                            n += 1
                row += 1
        for k in range(n):
            c = touched[k]
            if inside[c]:
                if used < len(pairs):
                    pairs[used, 0], pairs[used, 1] = corner_tile[c], polygon[start]
                used += 1
            inside[c] = False
            listed[c] = False
        start = stop
    return used, doubts
