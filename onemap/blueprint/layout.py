"""How the plane is cut into tiles: squares of a quadtree, none with more corners than a setting allows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from onemap.blueprint.edges import Grid

LEVELS = 10  # of squares below the largest ones
# keeps the bounds of tiles off the round numbers that plans are drawn at
OFFSET = np.array([0.3183098861837907, 0.6180339887498949])


class Squares(NamedTuple):
    """The finest squares that tiles are made of: the exponent of their side (a power of two), and which there are.

    level : the side is ``2.0**level``; first : column and row of the lower left one, counted from the offset;
    shape : rows, columns
    """

    level: int
    first: np.ndarray
    shape: tuple[int, int]
    offset: np.ndarray


class Layout(NamedTuple):
    """The tiles: their keys (level, column, row), bounds in steps (halves, so that no place lies on them), and the
    tile of every finest square."""

    grid: Grid
    squares: Squares
    keys: np.ndarray
    boxes: np.ndarray
    tile_of: np.ndarray


def finest_squares(bounds: np.ndarray, offset: np.ndarray = OFFSET, levels: int = LEVELS) -> Squares:
    """The finest squares over the bounds: the largest ones, ``levels`` above, are at least as wide as the bounds.

    >>> finest_squares(np.array([0.0, 0.0, 1000.0, 700.0])).level
    0
    """
    width = max((bounds[2:] - bounds[:2]).max(), 1e-6)
    top = int(np.ceil(np.log2(width)))
    low = np.floor((bounds[:2] - offset) / 2.0**top).astype(np.int64)
    high = np.floor((bounds[2:] - offset) / 2.0**top).astype(np.int64)
    columns, rows = (high - low + 1) << levels
    return Squares(top - levels, low << levels, (int(rows), int(columns)), offset)


def squares_at(xy: np.ndarray, squares: Squares) -> np.ndarray:
    """The finest square in which each of the coordinates lies, as flat position in an array rows × columns."""
    at = np.floor((xy - squares.offset) / 2.0**squares.level).astype(np.int64) - squares.first
    return at[:, 1] * squares.shape[1] + at[:, 0]


def tally(values: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The distinct ones of whole numbers below ``size``, and how often each occurs.

    >>> tally(np.array([7, 2, 7]), 10)
    (array([2, 7]), array([1, 2]))
    """
    if len(values) < size / 16:
        return np.unique(values, return_counts=True)
    counts = np.bincount(values, minlength=size)
    found = np.flatnonzero(counts)
    return found, counts[found]


def lay_out(corners: np.ndarray, squares: Squares, grid: Grid, limit: int, levels: int = LEVELS) -> Layout:
    """Halve the largest squares, and theirs, while they hold more than ``limit`` corners.

    corners : in each finest square, rows × columns. Whether a square is halved depends on what lies in it and on nothing else.
    """
    tile_of = np.full(squares.shape, -1, dtype=np.int32)
    sums = [corners]
    for _ in range(levels):
        c = sums[-1]
        sums.append(c[::2, ::2] + c[1::2, ::2] + c[::2, 1::2] + c[1::2, 1::2])
    keys = []
    for up in range(levels, -1, -1):
        side = 1 << up
        undecided = tile_of[::side, ::side] < 0
        whole = undecided & (sums[up] <= limit) if up else undecided
        for row, column in np.argwhere(whole):
            tile_of[row * side : (row + 1) * side, column * side : (column + 1) * side] = len(keys)
            first = squares.first >> up
            keys.append((squares.level + up, first[0] + column, first[1] + row))
    keys = np.array(keys, dtype=np.int64).reshape(-1, 3)
    side = 2.0 ** keys[:, :1]
    low, high = keys[:, 1:] * side + squares.offset, (keys[:, 1:] + 1) * side + squares.offset
    metres = np.concatenate([low, high], axis=1)
    step, origin = np.tile(grid.step, 2), np.tile(grid.origin / grid.step, 2)
    return Layout(grid, squares, keys, np.floor(metres / step) - origin + 0.5, tile_of)


def tile_at(layout: Layout, xy: np.ndarray) -> np.ndarray:
    """The tile in which each place (in steps) lies."""
    metres = xy * layout.grid.step + layout.grid.origin
    at = (
        np.floor((metres - layout.squares.offset) / 2.0**layout.squares.level).astype(np.int64)
        - layout.squares.first
    )
    rows, columns = layout.squares.shape
    tile = layout.tile_of[np.clip(at[:, 1], 0, rows - 1), np.clip(at[:, 0], 0, columns - 1)]
    box = layout.boxes[tile]
    off = ((xy < box[:, :2]) | (xy > box[:, 2:])).any(axis=1)
    for i in np.flatnonzero(off):  # rounding at a bound: the right one is a neighbour
        inside = ((xy[i] > layout.boxes[:, :2]) & (xy[i] < layout.boxes[:, 2:])).all(axis=1)
        tile[i] = int(np.argmax(inside))
    return tile
