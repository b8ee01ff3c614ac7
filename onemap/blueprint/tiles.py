"""The overlay cut into tiles, each worked out alone and stitched so that no trace of the cutting is left.

Memory goes with the size of a tile and of a chunk of polygons, not with the city's; what tiles need goes through files.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import shapely

from onemap.blueprint import cells, scatter
from onemap.blueprint.arrangement import Arrangement, Region, arrange_region, in_order
from onemap.blueprint.edges import Grid, Lines, NotCertified, Window, fit_grid, read_lines
from onemap.blueprint.layout import OFFSET, Layout, Squares, finest_squares, lay_out, squares_at, tally
from onemap.blueprint.seams import join_trails, stitch

LIMIT = 16_384  # corners in a tile: small enough that a change in one place redoes little, large enough to be fast
CHUNK = 1_000_000  # corners of polygons taken into memory at a time
OFFSETS = 8  # places for the squares' bounds that are tried before the tiles are given up
LONG_SHARE = 0.02


KINDS = {"xy": np.float64, "joined": np.bool_, "polygon": np.int32}


class Chunk(NamedTuple):
    """Some polygons: their numbers, the polygons, the group they belong to."""

    numbers: np.ndarray
    polygons: np.ndarray
    group: str


# calls a step with the lines of every chunk, its number and what all share; gives each chunk's group and the result
Each = Callable[[Callable, Any], list[tuple[Any, Any]]]


class Outline(NamedTuple):
    """What laying out tiles asks of a group of polygons; what groups have in common adds up.

    squares, corners : the finest squares that hold corners, as flat positions, and how many; lengths : edges by the
    power of two of their length, from -64 m; long, times : edges longer than the margin (x, y, x, y in metres), and how
    often each occurs
    """

    squares: np.ndarray
    corners: np.ndarray
    lengths: np.ndarray
    long: np.ndarray
    times: np.ndarray


_NONE = np.empty(0, dtype=np.int64)
NO_OUTLINE = Outline(_NONE, _NONE, np.zeros(128, dtype=np.int64), np.empty((0, 4)), _NONE)


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


def in_chunks(polygons: np.ndarray, groups: np.ndarray | None = None) -> list[Chunk]:
    """Polygons in memory in chunks of about ``CHUNK`` corners, numbered as they come.

    groups : a word for each polygon, equal ones side by side; no chunk holds two
    """
    total = np.cumsum(shapely.get_num_coordinates(polygons))
    cuts = np.searchsorted(total, np.arange(CHUNK, total[-1] if len(total) else 0, CHUNK)) + 1
    groups = np.full(len(polygons), "", dtype=object) if groups is None else groups
    new = np.flatnonzero(groups[1:] != groups[:-1]) + 1
    bounds = np.unique(np.r_[0, cuts, new, len(polygons)])
    return [
        Chunk(np.arange(a, b), polygons[a:b], groups[a]) for a, b in zip(bounds[:-1], bounds[1:], strict=True)
    ]


def each_of(chunks: list[Chunk], grid: Grid) -> Each:
    """Calls steps with chunks in memory, one after the other."""
    return lambda step, given: [
        (chunk.group, step(read_lines(chunk.polygons, grid, chunk.numbers), number, given))
        for number, chunk in enumerate(chunks)
    ]


def spread(
    each: Each, grid: Grid, bounds: np.ndarray, folder: Path, limit: int = LIMIT
) -> tuple[Spread, dict[str, Outline]]:
    """Lay out tiles and hand every edge to those that need it; returns also the outline of each group.

    bounds : around all polygons; folder : for the files
    """
    for n in range(1, OFFSETS + 1):
        squares = finest_squares(bounds, OFFSET * n)
        outlines = outlines_of(each, grid, squares)
        layout, margin = layout_of(outlines.values(), squares, grid, limit)
        outlines = with_long(outlines, each, grid, margin)
        found = hand_out(each, layout, margin, long_edges(outlines.values()), folder)
        if found is not None:
            return found, outlines
    raise NotCertified(f"edges pass the corners of tiles, wherever these are put ({OFFSETS} ways tried)")


def outlines_of(each: Each, grid: Grid, squares: Squares) -> dict[str, Outline]:
    """The outline of each group of polygons, as yet without long edges."""
    found: dict[str, list[Outline]] = {}
    for group, outline in each(outline_step, (grid, squares)):
        found.setdefault(group, []).append(outline)
    return {group: summed([(outline, 1) for outline in parts]) for group, parts in found.items()}


def outline_step(lines: Lines, number: int, given: tuple[Grid, Squares]) -> Outline:
    """The outline of one chunk, without long edges."""
    grid, squares = given
    lengths = np.zeros(128, dtype=np.int64)
    scatter.long_edges(lines.xy, lines.joined, np.inf, grid.step, np.empty((0, 4)), lengths)
    at = squares_at(lines.xy * grid.step + grid.origin, squares)
    found, corners = tally(at, squares.shape[0] * squares.shape[1])
    return NO_OUTLINE._replace(squares=found, corners=corners, lengths=lengths)


def with_long(outlines: dict[str, Outline], each: Each, grid: Grid, margin: float) -> dict[str, Outline]:
    """The same outlines with the edges longer than the margin."""
    found: dict[str, list] = {}
    for group, rows in each(long_step, (grid, margin)):
        found.setdefault(group, []).append(rows)
    out = {}
    for group, outline in outlines.items():
        rows, times = np.unique(np.concatenate(found[group]), axis=0, return_counts=True)
        out[group] = outline._replace(long=metres_of(rows, grid), times=times)
    return out


def long_step(lines: Lines, number: int, given: tuple[Grid, float]) -> np.ndarray:
    """The edges of one chunk that are longer than the margin, x, y, x, y in steps."""
    grid, margin = given
    rows, lengths = np.empty((1024, 4)), np.zeros(128, dtype=np.int64)
    n = scatter.long_edges(lines.xy, lines.joined, margin, grid.step, rows, lengths)
    if n > len(rows):
        rows = np.empty((n, 4))
        scatter.long_edges(lines.xy, lines.joined, margin, grid.step, rows, lengths)
    return one_way(rows[:n])


def one_way(rows: np.ndarray) -> np.ndarray:
    """Edges x, y, x, y so that each starts from the west."""
    back = (rows[:, 0] > rows[:, 2]) | ((rows[:, 0] == rows[:, 2]) & (rows[:, 1] > rows[:, 3]))
    return np.where(back[:, None], rows[:, [2, 3, 0, 1]], rows)


def long_edges(outlines: Iterable[Outline]) -> np.ndarray:
    """The long edges of all groups, each once, in metres."""
    return np.unique(np.concatenate([np.empty((0, 4)), *(outline.long for outline in outlines)]), axis=0)


def exchanged(outline: Outline, gone: Outline, came: Outline) -> Outline:
    """The outline of a group of which some polygons went and others came, from the outlines of these."""
    return summed([(outline, 1), (gone, -1), (came, 1)])


def summed(parts: list[tuple[Outline, int]]) -> Outline:
    """Outlines together, each as often as the number beside it says."""
    squares, at = np.unique(np.concatenate([part.squares for part, _ in parts]), return_inverse=True)
    corners = np.bincount(at, np.concatenate([sign * part.corners for part, sign in parts])).astype(np.int64)
    long, at = np.unique(np.concatenate([part.long for part, _ in parts]), axis=0, return_inverse=True)
    times = np.bincount(at.ravel(), np.concatenate([sign * part.times for part, sign in parts])).astype(
        np.int64
    )
    lengths = sum(sign * part.lengths for part, sign in parts)
    return Outline(squares[corners > 0], corners[corners > 0], lengths, long[times > 0], times[times > 0])


def layout_of(outlines: Iterable[Outline], squares: Squares, grid: Grid, limit: int) -> tuple[Layout, float]:
    """The tiles for all groups together, and the margin (m) around them."""
    corners, lengths = np.zeros(squares.shape, dtype=np.int64), np.zeros(128, dtype=np.int64)
    for outline in outlines:
        corners.ravel()[outline.squares] += outline.corners
        lengths += outline.lengths
    layout = lay_out(corners, squares, grid, limit)
    return layout, margin_for(lengths, layout)


def margin_for(lengths: np.ndarray, layout: Layout) -> float:
    """The margin (m) around tiles: the least power of two that few edges are longer than, below a quarter of a tile."""
    longer = lengths[::-1].cumsum()[::-1] - lengths
    fits = np.flatnonzero(longer <= max(64, LONG_SHARE * lengths.sum()))
    widest = 2.0 ** np.median(layout.keys[:, 0]) / 4
    return float(min(2.0 ** (int(fits[0]) - 64), widest))


class Handing(NamedTuple):
    """What handing out the edges of a chunk asks: where to, how far edges reach beyond tiles, what all tiles share.

    wanted_of : the tile of every finest square, -1 where it does not matter; longs : see :func:`pass_long`; levels : see
    :func:`corner_levels`
    """

    folder: Path
    layout: Layout
    reach: np.ndarray
    wanted_of: np.ndarray
    longs: tuple[np.ndarray, ...]
    levels: tuple[np.ndarray, ...]


def hand_out(
    each: Each, layout: Layout, margin: float, long: np.ndarray, folder: Path, wanted=None
) -> Spread | None:
    """Write the edges that each tile needs; None when an edge passes the corner of a tile too closely.

    long : the edges longer than the margin, each once, in metres; wanted : mask of the tiles that matter, by default all
    """
    grid, tiles = layout.grid, len(layout.keys)
    wanted = np.ones(tiles, dtype=bool) if wanted is None else wanted
    given = Handing(
        folder,
        layout,
        margin / grid.step + 2 * scatter.NEAR,
        np.where(wanted[layout.tile_of], layout.tile_of, np.int32(-1)),
        pass_long(steps_of(long, grid), layout, *in_steps(layout), wanted),
        corner_levels(layout, wanted),
    )
    handed = [result for _, result in each(hand_out_step, given)]
    if any(result is None for result in handed):
        return None
    starts = np.array([start for start, _ in handed]).reshape(-1, tiles + 1)
    tile, polygon = np.concatenate([np.empty((0, 2), dtype=np.int32), *(pairs for _, pairs in handed)]).T
    order = np.lexsort((polygon, tile))
    return Spread(folder, layout, starts, tile[order], polygon[order], margin)


def hand_out_step(lines: Lines, number: int, given: Handing) -> tuple[np.ndarray, np.ndarray] | None:
    """Write the edges of one chunk for each tile; returns where each tile's begin, and the pairs (tile, polygon) of
    lower left corners that polygons cover. None when an edge passes such a corner too closely."""
    layout = given.layout
    tiles = len(layout.keys)
    room, used = 16 * tiles + 64, np.inf
    while used > room:
        room = room if used == np.inf else used
        covering, used, doubts = scatter.corner_covers(*lines, *given.levels, room)
        if doubts:
            return None
    counts, nowhere = np.empty(tiles, dtype=np.int64), np.empty(0, dtype=np.int64)
    plan = (*lines, given.reach, *in_steps(layout), given.wanted_of, *given.longs, counts)
    none = np.empty((0, 2)), np.empty(0, dtype=np.bool_), np.empty(0, dtype=np.int32)
    scatter.scatter(*plan, nowhere, *none)
    fill = np.r_[0, np.cumsum(counts)]
    out = Lines(
        np.empty((fill[-1], 2)), np.empty(fill[-1], dtype=np.bool_), np.empty(fill[-1], dtype=np.int32)
    )
    scatter.scatter(*plan, fill, *out)
    for name, part in out._asdict().items():
        part.tofile(given.folder / f"{number}.{name}")
    return fill, covering[:used]


def steps_of(rows: np.ndarray, grid: Grid) -> np.ndarray:
    """Edges x, y, x, y in metres as edges in steps."""
    return np.rint((rows - np.tile(grid.origin, 2)) / np.tile(grid.step, 2))


def metres_of(rows: np.ndarray, grid: Grid) -> np.ndarray:
    """Edges x, y, x, y, or bounds, in steps as the same in metres."""
    return rows * np.tile(grid.step, 2) + np.tile(grid.origin, 2)


def in_steps(layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """Where the finest squares begin and how wide they are, in steps."""
    size = 2.0**layout.squares.level
    origin = (layout.squares.first * size + layout.squares.offset - layout.grid.origin) / layout.grid.step
    return origin, size / layout.grid.step


def tiles_passed(rows: np.ndarray, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """The tiles that each edge (x, y, x, y in steps) passes or nearly passes: where its run begins, and the runs."""
    origin, side = in_steps(layout)
    start, found = np.zeros(len(rows) + 1, dtype=np.int64), np.empty(0, dtype=np.int32)
    for _ in range(2):
        scatter.tiles_of_long(
            rows, 2 * scatter.NEAR, origin, side, layout.tile_of, len(layout.keys), start, found
        )
        found = found if len(found) else np.empty(start[-1], dtype=np.int32)
    return start, found


def pass_long(rows: np.ndarray, layout: Layout, origin, side, wanted: np.ndarray) -> tuple[np.ndarray, ...]:
    """The long edges that pass several tiles; the wanted tiles of each (start, tiles); the edges by finest square
    (start, edges)."""
    start, found = tiles_passed(rows, layout)
    edge = np.repeat(np.arange(len(rows)), np.diff(start))
    several = (np.diff(start) > 1)[edge] & wanted[found]
    kept, edge = np.unique(edge[several], return_inverse=True)
    rows, found = rows[kept], found[several]
    start = np.searchsorted(edge, np.arange(len(rows) + 1))
    lines, columns = layout.squares.shape
    begin = np.zeros(lines * columns + 1, dtype=np.int64)
    a = np.arange(0, 2 * len(rows), 2, dtype=np.int32)
    fresh = np.ones(len(a), dtype=np.bool_)
    margin = 1e-4 + float((4 * scatter.NEAR / side).max())
    where = (origin, *(1.0 / side), columns, lines, margin, fresh, True, begin)
    return rows, start, found, begin, cells.file_cells(a, a + np.int32(1), rows.reshape(-1, 2), *where)


def corner_levels(layout: Layout, wanted: np.ndarray) -> tuple[np.ndarray, ...]:
    """The lower left corners of wanted tiles by height: heights, where each begins, x from the west, the tiles."""
    tiles = np.flatnonzero(wanted)
    x, y = layout.boxes[tiles, 0], layout.boxes[tiles, 1]
    order = np.lexsort((x, y))
    level, begin = np.unique(y[order], return_index=True)
    return level, np.r_[begin, len(order)], x[order], tiles[order].astype(np.int32)


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
    bounds = shapely.total_bounds(polygons)
    grid = fit_grid(bounds)
    with tempfile.TemporaryDirectory(prefix="onemap-tiles-") as folder:
        given, _ = spread(each_of(in_chunks(polygons), grid), grid, bounds, Path(folder), limit)
        parts = [arrange_tile(given, tile) for tile in range(len(given.layout.keys))]
    parts.append(
        stitch(grid, *(join_trails([getattr(p, name) for p in parts]) for name in ("open", "loose")))
    )
    faces, counts, covering, area = (
        np.concatenate([getattr(p, name) for p in parts]) for name in ("faces", "counts", "polygons", "area")
    )
    return in_order(polygons, grid, faces, counts, covering, area)
