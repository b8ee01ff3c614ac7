"""What differs between the polygons of a stored blueprint and those of the next one, and which tiles that concerns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from onemap.blueprint.layout import Layout, tile_at
from onemap.blueprint.scatter import NEAR
from onemap.blueprint.seams import Trails, covers_of
from onemap.blueprint.tiles import in_steps, metres_of, steps_of, tiles_passed

NOTHING = np.empty((0, 4))


class Changed(NamedTuple):
    """What two tables of polygons differ in.

    boxes : bounds (west, south, east, north) outside which both say the same: of a polygon that differs in shape alone
    they hold the edges that changed, of one that came, went or differs otherwise they hold it whole; gone, came : the
    polygons of either table that the other does not have
    """

    boxes: np.ndarray
    gone: np.ndarray
    came: np.ndarray


def compare(old: pa.Table, new: pa.Table, key: str) -> Changed:
    """What differs between two tables of polygons whose rows are told apart by ``key``, with unique words."""
    if old[key].equals(new[key]):
        gone = came = np.empty(0, dtype=object)
        before, after = old, new
    else:
        at = pc.index_in(old[key], new[key].combine_chunks()).to_numpy(zero_copy_only=False)
        stay = np.flatnonzero(~np.isnan(at))
        other = at[stay].astype(np.int64)
        before, after = old.take(pa.array(stay)), new.take(pa.array(other))
        gone = shapes_of(old, np.flatnonzero(np.isnan(at)))
        came = shapes_of(new, np.setdiff1d(np.arange(new.num_rows), other))
    reworded = np.zeros(before.num_rows, dtype=bool)
    for column in set(old.column_names) - {"geometry", key}:
        reworded |= differ(before[column], after[column])
    reshaped = differ(before["geometry"], after["geometry"])
    whole = [shapes_of(before, reworded.nonzero()[0]), shapes_of(after, reworded.nonzero()[0])]
    edged = [shapes_of(t, (reshaped & ~reworded).nonzero()[0]) for t in (before, after)]
    boxes = [shapely.bounds(np.concatenate([gone, came, *whole])), edge_boxes(*edged)]
    return Changed(
        np.concatenate(boxes),
        np.concatenate([gone, whole[0], edged[0]]),
        np.concatenate([came, whole[1], edged[1]]),
    )


def shapes_of(table: pa.Table, rows: np.ndarray) -> np.ndarray:
    """The polygons of some rows of a table."""
    return shapely.from_wkb(table["geometry"].take(pa.array(rows)).to_numpy())


def differ(a: pa.ChunkedArray, b: pa.ChunkedArray) -> np.ndarray:
    """Where two columns of the same kind do not say the same; nothing equals nothing."""
    nothing = pc.and_(pc.is_null(a), pc.is_null(b)).to_numpy()
    return ~nothing & (True if a.type != b.type else ~pc.fill_null(pc.equal(a, b), False).to_numpy())


def edge_boxes(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """The bounds of the edges that only one of two polygons has, pair by pair; none for pairs that have the same.

    >>> other = shapely.Polygon([(0, 0), (9, 0), (9, 8), (0, 9)])
    >>> edge_boxes(np.array([shapely.box(0, 0, 9, 9)]), np.array([other])).tolist()
    [[0.0, 0.0, 9.0, 9.0]]
    """
    rows, pairs = [NOTHING], [np.empty(0, dtype=np.int64)]
    for shapes in (old, new):
        parts, pair = shapely.get_parts(shapes, return_index=True)
        rings, part = shapely.get_rings(parts, return_index=True)
        xy, ring = shapely.get_coordinates(rings, return_index=True)
        same = ring[1:] == ring[:-1]
        rows.append(np.concatenate([xy[:-1][same], xy[1:][same]], axis=1))
        pairs.append(pair[part[ring[:-1][same]]])
    edges, pair = np.concatenate(rows), np.concatenate(pairs)
    back = (edges[:, 0] > edges[:, 2]) | ((edges[:, 0] == edges[:, 2]) & (edges[:, 1] > edges[:, 3]))
    edges[back] = edges[back][:, [2, 3, 0, 1]]
    order = np.lexsort((*edges.T[::-1], pair))
    edges, pair = edges[order], pair[order]
    first = np.r_[True, (edges[1:] != edges[:-1]).any(axis=1) | (pair[1:] != pair[:-1])][: len(pair)]
    begin = np.flatnonzero(first)
    odd = begin[np.diff(np.r_[begin, len(pair)]) % 2 == 1]
    edges, pair = edges[odd], pair[odd]
    if not len(pair):
        return NOTHING
    begin = np.flatnonzero(np.r_[True, pair[1:] != pair[:-1]])
    low = np.minimum.reduceat(np.minimum(edges[:, :2], edges[:, 2:]), begin, axis=0)
    high = np.maximum.reduceat(np.maximum(edges[:, :2], edges[:, 2:]), begin, axis=0)
    return np.concatenate([low, high], axis=1)


def tiles_concerned(
    layout: Layout, old_keys: set, boxes: np.ndarray, margin: float, long: np.ndarray
) -> np.ndarray:
    """Mask of the tiles that must be worked out again.

    Those that were no tile before; those within the margin of a changed box; those that a long edge (x, y, x, y in
    metres) leads to, when a changed box lies on it.
    """
    grid = layout.grid
    known = np.array([tuple(key) in old_keys for key in layout.keys.tolist()], dtype=bool)
    concerned = ~known
    bounds = metres_of(layout.boxes, grid)
    reach = margin + 4 * NEAR * grid.step.max()
    if len(boxes):
        near = shapely.STRtree(shapely.box(*boxes.T))
        grown = bounds + [-reach, -reach, reach, reach]
        concerned[near.query(shapely.box(*grown.T))[0]] = True
        if len(long):
            grown = boxes + np.array([-1, -1, 1, 1]) * 4 * NEAR * grid.step.max()
            lines = shapely.linestrings(long.reshape(-1, 2, 2))
            met = np.unique(shapely.STRtree(lines).query(shapely.box(*grown.T), predicate="intersects")[1])
            concerned[tiles_passed(steps_of(long[met], grid), layout)[1]] = True
    return concerned


def summed_squares(layout: Layout, concerned: np.ndarray) -> np.ndarray:
    """How many finest squares of concerned tiles lie below and left of each corner of squares."""
    square = concerned[layout.tile_of]
    total = np.zeros((square.shape[0] + 1, square.shape[1] + 1), dtype=np.int32)
    np.cumsum(square, axis=0, out=total[1:, 1:])
    np.cumsum(total[1:, 1:], axis=1, out=total[1:, 1:])
    return total


def near_tiles(
    bounds: np.ndarray, layout: Layout, total: np.ndarray, margin: float
) -> tuple[np.ndarray, np.ndarray]:
    """Which boxes (in metres) come within the margin of concerned tiles, and which of them lie wholly in such tiles.

    total : what :func:`summed_squares` says of these tiles
    """
    origin, side = in_steps(layout)
    origin, side = origin * layout.grid.step + layout.grid.origin, side * layout.grid.step
    rows, columns = total.shape[0] - 1, total.shape[1] - 1

    def count(reach: float) -> tuple[np.ndarray, np.ndarray]:
        low = np.floor((np.nan_to_num(bounds[:, :2]) - reach - origin) / side).astype(np.int64)
        high = np.floor((np.nan_to_num(bounds[:, 2:]) + reach - origin) / side).astype(np.int64)
        west, east = np.clip(low[:, 0], 0, columns), np.clip(high[:, 0] + 1, 0, columns)
        south, north = np.clip(low[:, 1], 0, rows), np.clip(high[:, 1] + 1, 0, rows)
        found = total[north, east] - total[south, east] - total[north, west] + total[south, west]
        return found, (north - south) * (east - west)

    near, _ = count(margin + 4 * NEAR * layout.grid.step.max())
    inside, squares = count(0.0)
    return near > 0, (inside == squares) & (squares > 0)


def split_walks(walks: Trails, layout: Layout, concerned: np.ndarray) -> tuple[np.ndarray, Trails]:
    """Cut kept walks (in steps) where they enter and leave concerned tiles.

    Returns a mask of the walks that do not stay whole, and their pieces outside the concerned tiles, with the steps into
    and out of them.
    """
    xy, start = walks.xy, walks.start
    inside = concerned[tile_at(layout, xy)] if len(xy) else np.empty(0, dtype=bool)
    walk = np.repeat(np.arange(len(start) - 1), np.diff(start))
    held = np.bincount(walk, inside, len(start) - 1)
    pieces, origin = [], []
    for k in np.flatnonzero((held > 0) & (held < np.diff(start))):
        places, within = xy[start[k] : start[k + 1]], inside[start[k] : start[k + 1]]
        turned = np.roll(np.arange(len(places)), -int(np.argmax(within)))  # begins inside
        places, within = places[turned], within[turned]
        enters = np.flatnonzero(within & ~np.roll(within, -1))
        leaves = np.flatnonzero(~within & np.roll(within, -1))
        closed = np.concatenate([places, places[:1]])
        pieces += [closed[a : b + 2] for a, b in zip(enters, leaves, strict=True)]
        origin += [k] * len(enters)
    starts = np.cumsum([0] + [len(piece) for piece in pieces])
    covers = covers_of(walks, np.array(origin, dtype=np.int64))
    return held > 0, Trails(np.concatenate([*pieces, np.empty((0, 2))]), starts, *covers)
