"""The overlay cut into tiles, each worked out alone and stitched so that no trace of the cutting is left.

Memory goes with the size of a tile and of a chunk of polygons, not with the city's; what tiles need goes through files.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import shapely

from onemap.blueprint import cells, scatter
from onemap.blueprint.arrangement import Arrangement, Region, arrange_region, in_order
from onemap.blueprint.edges import Grid, Lines, NotCertified, Window, fit_grid, read_lines
from onemap.blueprint.layout import OFFSET, Layout, count_corners, finest_squares, lay_out
from onemap.blueprint.seams import join_trails, stitch

LIMIT = 16_384  # corners in a tile: small enough that a change in one place redoes little, large enough to be fast
CHUNK = 1_000_000  # corners of polygons taken into memory at a time
OFFSETS = 8  # places for the squares' bounds that are tried before the tiles are given up
LONG_SHARE = 0.02


KINDS = {"xy": np.float64, "joined": np.bool_, "polygon": np.int32}


class Chunk(NamedTuple):
    """Polygons one after the other in a long list: the number of the first, and the polygons."""

    first: int
    polygons: np.ndarray


class Spread(NamedTuple):
    """Edges handed out to tiles, in files: chunk by chunk, and in each where every tile's corners begin.

    corner_tile, corner_polygon : which polygons cover the lower left corners of which tiles
    """

    folder: Path
    layout: Layout
    starts: np.ndarray
    corner_tile: np.ndarray
    corner_polygon: np.ndarray
    margin_m: float


def in_chunks(polygons: np.ndarray, corners: int = CHUNK) -> Callable[[], Iterable[Chunk]]:
    """A function that gives polygons in memory in chunks of about so many corners, again at each call."""
    total = np.cumsum(shapely.get_num_coordinates(polygons))
    cuts = np.searchsorted(total, np.arange(corners, total[-1] if len(total) else 0, corners))
    bounds = np.unique(np.r_[0, cuts + 1, len(polygons)])
    return lambda: (Chunk(int(a), polygons[a:b]) for a, b in zip(bounds[:-1], bounds[1:], strict=True))


def bounds_of(chunks: Callable[[], Iterable[Chunk]]) -> np.ndarray:
    """West, south, east, north of all polygons. Raises NotCertified when any coordinate is not finite."""
    each = []
    for chunk in chunks():
        if not np.isfinite(shapely.get_coordinates(chunk.polygons)).all():
            raise NotCertified("coordinates that are not finite")
        each.append(shapely.total_bounds(chunk.polygons))
    each = np.array(each).reshape(-1, 4)
    return np.r_[np.nanmin(each[:, :2], axis=0), np.nanmax(each[:, 2:], axis=0)]


def spread(
    chunks: Callable[[], Iterable[Chunk]], bounds: np.ndarray, folder: Path, limit: int = LIMIT
) -> Spread:
    """Lay out tiles and hand every edge to those that need it.

    chunks : called twice; bounds : around all polygons; folder : for the files
    """
    grid = fit_grid(bounds)
    for n in range(1, OFFSETS + 1):
        offset = OFFSET * n
        squares = finest_squares(bounds, offset)
        corners, lengths = np.zeros(squares.shape, dtype=np.int64), np.zeros(128, dtype=np.int64)
        for chunk in chunks():
            lines = read_lines(chunk.polygons, grid, chunk.first)
            corners += count_corners(lines.xy * grid.step + grid.origin, squares)
            scatter.long_edges(lines.xy, lines.joined, np.inf, grid.step, np.empty((0, 4)), lengths)
        layout = lay_out(corners, squares, grid, limit)
        margin = margin_for(lengths, layout)
        found = hand_out(chunks, layout, margin, folder)
        if found is not None:
            return found
    raise NotCertified(f"edges pass the corners of tiles, wherever these are put ({OFFSETS} ways tried)")


def margin_for(lengths: np.ndarray, layout: Layout) -> float:
    """The margin (m) around tiles: the least power of two that few edges are longer than, below a quarter of a tile."""
    longer = lengths[::-1].cumsum()[::-1] - lengths
    fits = np.flatnonzero(longer <= max(64, LONG_SHARE * lengths.sum()))
    widest = 2.0 ** np.median(layout.keys[:, 0]) / 4
    return float(min(2.0 ** (int(fits[0]) - 64), widest))


def hand_out(chunks, layout: Layout, margin: float, folder: Path) -> Spread | None:
    """Write the edges that each tile needs; None when an edge passes the corner of a tile too closely."""
    grid, tiles = layout.grid, len(layout.keys)
    side = 2.0**layout.squares.level / grid.step
    origin = (
        layout.squares.first * 2.0**layout.squares.level + layout.squares.offset - grid.origin
    ) / grid.step
    longs = pass_long(find_long(chunks, grid, margin), layout, origin, side)
    reach = margin / grid.step + 2 * scatter.NEAR
    heights = corner_levels(layout)
    starts, pairs = [], [np.empty((0, 2), dtype=np.int32)]
    for number, chunk in enumerate(chunks()):
        lines = read_lines(chunk.polygons, grid, chunk.first)
        room, used = 16 * tiles + 64, np.inf
        while used > room:
            room = room if used == np.inf else used
            covering, used, doubts = scatter.corner_covers(*lines, *heights, room)
            if doubts:
                return None
        pairs.append(covering[:used])
        counts, nowhere = np.empty(tiles, dtype=np.int64), np.empty(0, dtype=np.int64)
        plan = (*lines, reach, origin, side, layout.tile_of, *longs, counts)
        none = np.empty((0, 2)), np.empty(0, dtype=np.bool_), np.empty(0, dtype=np.int32)
        scatter.scatter(*plan, nowhere, *none)
        fill = np.r_[0, np.cumsum(counts)]
        out = Lines(
            np.empty((fill[-1], 2)), np.empty(fill[-1], dtype=np.bool_), np.empty(fill[-1], dtype=np.int32)
        )
        scatter.scatter(*plan, fill, *out)
        for name, part in out._asdict().items():
            part.tofile(folder / f"{number}.{name}")
        starts.append(fill)
    tile, polygon = np.concatenate(pairs).T
    order = np.lexsort((polygon, tile))
    return Spread(
        folder, layout, np.array(starts).reshape(-1, tiles + 1), tile[order], polygon[order], margin
    )


def find_long(chunks, grid: Grid, margin: float) -> np.ndarray:
    """The edges longer than the margin, each once, as x, y, x, y in steps."""
    found = [np.empty((0, 4))]
    lengths = np.zeros(128, dtype=np.int64)
    for chunk in chunks():
        lines = read_lines(chunk.polygons, grid, chunk.first)
        rows = np.empty((1024, 4))
        n = scatter.long_edges(lines.xy, lines.joined, margin, grid.step, rows, lengths)
        if n > len(rows):
            rows = np.empty((n, 4))
            scatter.long_edges(lines.xy, lines.joined, margin, grid.step, rows, lengths)
        found.append(rows[:n])
    rows = np.concatenate(found)
    back = (rows[:, 0] > rows[:, 2]) | ((rows[:, 0] == rows[:, 2]) & (rows[:, 1] > rows[:, 3]))
    rows[back] = rows[back][:, [2, 3, 0, 1]]
    return np.unique(rows, axis=0)


def pass_long(rows: np.ndarray, layout: Layout, origin, side) -> tuple[np.ndarray, ...]:
    """The long edges that pass several tiles; the tiles of each (start, tiles); the edges by finest square
    (start, edges)."""
    tiles = len(layout.keys)
    start, found = np.zeros(len(rows) + 1, dtype=np.int64), np.empty(0, dtype=np.int32)
    near = 2 * scatter.NEAR
    scatter.tiles_of_long(rows, near, origin, side, layout.tile_of, tiles, start, found)
    found = np.empty(start[-1], dtype=np.int32)
    scatter.tiles_of_long(rows, near, origin, side, layout.tile_of, tiles, start, found)
    several = np.diff(start) > 1
    found, rows = found[np.repeat(several, np.diff(start))], rows[several]
    start = np.r_[0, np.cumsum(np.diff(start)[several])]
    lines, columns = layout.squares.shape
    begin = np.zeros(lines * columns + 1, dtype=np.int64)
    a = np.arange(0, 2 * len(rows), 2, dtype=np.int32)
    fresh = np.ones(len(a), dtype=np.bool_)
    margin = 1e-4 + float((2 * near / side).max())
    where = (origin, *(1.0 / side), columns, lines, margin, fresh, True, begin)
    return rows, start, found, begin, cells.file_cells(a, a + np.int32(1), rows.reshape(-1, 2), *where)


def corner_levels(layout: Layout) -> tuple[np.ndarray, ...]:
    """The lower left corners of tiles by height: heights, where each begins, x from the west, the tile of each."""
    x, y = layout.boxes[:, 0], layout.boxes[:, 1]
    order = np.lexsort((x, y))
    level, begin = np.unique(y[order], return_index=True)
    return level, np.r_[begin, len(order)], x[order], order.astype(np.int32)


def lines_of(given: Spread, tile: int) -> Lines:
    """The edges that were handed to a tile."""
    parts = {name: [np.empty(0, dtype=kind)] for name, kind in KINDS.items()}
    for number, start in enumerate(given.starts):
        begin, count = int(start[tile]), int(start[tile + 1] - start[tile])
        for name, kind in KINDS.items() if count else ():
            size = np.dtype(kind).itemsize * (2 if name == "xy" else 1)
            file = given.folder / f"{number}.{name}"
            parts[name].append(
                np.fromfile(file, kind, count * (2 if name == "xy" else 1), offset=begin * size)
            )
    xy, joined, polygon = (np.concatenate(part) for part in parts.values())
    return Lines(xy.reshape(-1, 2), joined, polygon)


def arrange_tile(given: Spread, tile: int) -> Arrangement:
    """The faces of one tile and what is needed to stitch it to its neighbours; a function of the files alone."""
    layout = given.layout
    lines = lines_of(given, tile)
    a, b = np.searchsorted(given.corner_tile, [tile, tile + 1])
    corner = given.corner_polygon[a:b]
    own, number = np.unique(np.r_[corner, lines.polygon], return_inverse=True)
    number = number.astype(np.int32)
    box = layout.boxes[tile]
    reach = given.margin_m / layout.grid.step
    window = Window(np.r_[box[:2] - reach, box[2:] + reach], layout.grid.step)
    region = Region(box, number[: len(corner)])
    found = arrange_region(
        layout.grid, lines._replace(polygon=number[len(corner) :]), window, region, len(own)
    )
    own = own.astype(np.int32)
    return found._replace(
        polygons=own[found.polygons],
        loose=found.loose._replace(polygons=own[found.loose.polygons]),
        open=found.open._replace(polygons=own[found.open.polygons]),
    )


def arrange_by_tiles(polygons: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same, bit for bit, as :func:`onemap.blueprint.arrangement.arrange`, with tiles of up to ``limit`` corners."""
    chunks = in_chunks(polygons)
    with tempfile.TemporaryDirectory(prefix="onemap-tiles-") as folder:
        given = spread(chunks, bounds_of(chunks), Path(folder), limit)
        parts = [arrange_tile(given, tile) for tile in range(len(given.layout.keys))]
    grid = given.layout.grid
    parts.append(
        stitch(grid, *(join_trails([getattr(p, name) for p in parts]) for name in ("open", "loose")))
    )
    faces, counts, covering, area = (
        np.concatenate([getattr(p, name) for p in parts]) for name in ("faces", "counts", "polygons", "area")
    )
    return in_order(polygons, grid, faces, counts, covering, area)
