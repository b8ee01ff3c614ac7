"""What differs between the polygons of a stored blueprint and those of the next one, and which tiles that concerns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from onemap.blueprint.kept import Stitched
from onemap.blueprint.layout import Layout, tile_at
from onemap.blueprint.scatter import NEAR
from onemap.blueprint.seams import Trails
from onemap.blueprint.tiles import in_steps, tiles_passed

NOTHING = np.empty((0, 4))


def changed_boxes(old: pa.Table, new: pa.Table, key: str) -> np.ndarray:
    """Bounds (west, south, east, north) outside which two tables of polygons say the same.

    Rows are told apart by ``key``, whose words are unique. Of a polygon that differs in shape alone the bounds hold the
    edges that changed; of one that came, went or differs otherwise they hold it whole.
    """
    at = pc.index_in(old[key], new[key].combine_chunks()).to_numpy(zero_copy_only=False)
    stay = np.flatnonzero(~np.isnan(at))
    other = at[stay].astype(np.int64)
    before, after = old.take(pa.array(stay)), new.take(pa.array(other))
    reworded = np.zeros(len(stay), dtype=bool)
    for column in set(old.column_names) - {"geometry", key}:
        reworded |= differ(before[column], after[column])
    reshaped = differ(before["geometry"], after["geometry"]) & ~reworded
    gone = old["geometry"].take(pa.array(np.flatnonzero(np.isnan(at))))
    came = new["geometry"].take(pa.array(np.setdiff1d(np.arange(new.num_rows), other)))
    sides = [before["geometry"].filter(pa.array(reworded)), after["geometry"].filter(pa.array(reworded))]
    whole = shapely.from_wkb(np.concatenate([part.to_numpy() for part in (gone, came, *sides)]))
    pairs = zip(
        *(shapely.from_wkb(t["geometry"].filter(pa.array(reshaped)).to_numpy()) for t in (before, after)),
        strict=True,
    )
    return np.concatenate([NOTHING, shapely.bounds(whole), *(edge_box(a, b) for a, b in pairs)])


def differ(a: pa.ChunkedArray, b: pa.ChunkedArray) -> np.ndarray:
    """Where two columns of the same kind do not say the same; nothing equals nothing."""
    nothing = pc.and_(pc.is_null(a), pc.is_null(b)).to_numpy()
    return ~nothing & (True if a.type != b.type else ~pc.fill_null(pc.equal(a, b), False).to_numpy())


def edge_box(old: shapely.Geometry, new: shapely.Geometry) -> np.ndarray:
    """The bounds of the edges that only one of two polygons has.

    >>> edge_box(shapely.box(0, 0, 9, 9), shapely.Polygon([(0, 0), (9, 0), (9, 8), (0, 9)])).tolist()
    [[0.0, 0.0, 9.0, 9.0]]
    """
    edges = []
    for shape in (old, new):
        xy, ring = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(shape)), return_index=True)
        same = ring[1:] == ring[:-1]
        edges.append(np.concatenate([xy[:-1][same], xy[1:][same]], axis=1))
    rows = np.concatenate(edges)
    back = (rows[:, 0] > rows[:, 2]) | ((rows[:, 0] == rows[:, 2]) & (rows[:, 1] > rows[:, 3]))
    rows[back] = rows[back][:, [2, 3, 0, 1]]
    rows, times = np.unique(rows, axis=0, return_counts=True)
    rows = rows[times % 2 == 1].reshape(-1, 2)
    return np.r_[rows.min(axis=0), rows.max(axis=0)][None] if len(rows) else NOTHING


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
    bounds = layout.boxes * np.tile(grid.step, 2) + np.tile(grid.origin, 2)
    reach = margin + 4 * NEAR * grid.step.max()
    if len(boxes):
        near = shapely.STRtree(shapely.box(*boxes.T))
        grown = bounds + [-reach, -reach, reach, reach]
        concerned[near.query(shapely.box(*grown.T))[0]] = True
        if len(long):
            grown = boxes + np.array([-1, -1, 1, 1]) * 4 * NEAR * grid.step.max()
            lines = shapely.linestrings(long.reshape(-1, 2, 2))
            met = np.unique(shapely.STRtree(lines).query(shapely.box(*grown.T), predicate="intersects")[1])
            rows = np.rint((long[met] - np.tile(grid.origin, 2)) / np.tile(grid.step, 2))
            concerned[tiles_passed(rows, layout)[1]] = True
    return concerned


def near_tiles(
    bounds: np.ndarray, layout: Layout, concerned: np.ndarray, margin: float
) -> tuple[np.ndarray, np.ndarray]:
    """Which boxes (in metres) come within the margin of concerned tiles, and which of them lie wholly in such tiles."""
    origin, side = in_steps(layout)
    origin, side = origin * layout.grid.step + layout.grid.origin, side * layout.grid.step
    square = concerned[layout.tile_of]
    rows, columns = square.shape
    total = np.zeros((rows + 1, columns + 1), dtype=np.int64)
    total[1:, 1:] = square.cumsum(axis=0).cumsum(axis=1)

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


class Split(NamedTuple):
    """Kept walks against tiles that are worked out again: those that stay whole, pieces of others, and the rest.

    whole : positions of walks that stay; open : pieces outside the concerned tiles, with the steps into and out of
    them; covers : the walk that each piece comes from; lost : positions of walks that do not stay
    """

    whole: np.ndarray
    open: Trails
    covers: np.ndarray
    lost: np.ndarray


def split_walks(stitched: Stitched, layout: Layout, concerned: np.ndarray) -> Split:
    """Cut kept walks (in steps) where they enter and leave concerned tiles."""
    xy, start = stitched.trails.xy, stitched.trails.start
    inside = concerned[tile_at(layout, xy)] if len(xy) else np.empty(0, dtype=bool)
    walk = np.repeat(np.arange(len(start) - 1), np.diff(start))
    held = np.bincount(walk, inside, len(start) - 1)
    whole = np.flatnonzero(held == 0)
    pieces, covers = [], []
    for k in np.flatnonzero((held > 0) & (held < np.diff(start))):
        places, within = xy[start[k] : start[k + 1]], inside[start[k] : start[k + 1]]
        turned = np.roll(np.arange(len(places)), -int(np.argmax(within)))  # begins inside
        places, within = places[turned], within[turned]
        enters = np.flatnonzero(within & ~np.roll(within, -1))
        leaves = np.flatnonzero(~within & np.roll(within, -1))
        closed = np.concatenate([places, places[:1]])
        for a, b in zip(enters, leaves, strict=True):
            pieces.append(closed[a : b + 2])
            covers.append(k)
    lengths = [len(piece) for piece in pieces]
    none = np.empty(0, dtype=np.int64)
    trails = Trails(
        np.concatenate([*pieces, np.empty((0, 2))]), np.r_[0, np.cumsum(lengths, dtype=np.int64)], none, none
    )
    return Split(whole, trails, np.array(covers, dtype=np.int64), np.flatnonzero(held > 0))
