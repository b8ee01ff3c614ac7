"""Cutting into tiles leaves no trace: the same faces, bit for bit, as all at once."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.affinity import rotate, translate

from onemap.blueprint import tiles as tiles_module
from onemap.blueprint.arrangement import arrange
from onemap.blueprint.edges import NotCertified, fit_grid
from onemap.blueprint.layout import finest_squares, lay_out, squares_at, tile_at
from onemap.blueprint.tiles import arrange_by_tiles

EAST, NORTH = 41_500_000.0, 4_550_000.0
some = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
seeds = st.integers(0, 2**32 - 1)


def same(polygons, limit: int) -> int:
    """Both ways give the same; returns the number of faces."""
    polygons = np.asarray(polygons, dtype=object)
    whole, cut = arrange(polygons), arrange_by_tiles(polygons, limit)
    assert shapely.to_wkb(whole[0]).tolist() == shapely.to_wkb(cut[0]).tolist()
    assert whole[1].tolist() == cut[1].tolist()
    assert whole[2].tolist() == cut[2].tolist()
    return len(whole[0])


def stars(rng, n: int, width: float, radius: float) -> list:
    out = []
    for _ in range(n):
        corners = rng.integers(3, 30)
        angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
        reach = radius * rng.uniform(0.2, 1, corners)
        xy = rng.uniform(0, width, 2) + reach[:, None] * np.c_[np.cos(angle), np.sin(angle)]
        out.append(shapely.Polygon(np.round(xy, 4) + [EAST, NORTH]))
    return [s for s in out if s.is_valid]


def town(rng, side: int, width: float) -> list:
    """A lattice of plots whose inner corners are moved, so that neighbours share edges."""
    xy = np.stack(np.meshgrid(np.arange(side + 1), np.arange(side + 1)), axis=-1) * width
    xy = np.round(xy + rng.uniform(-0.3, 0.3, xy.shape) * width, 4) + [EAST, NORTH]
    plots = [
        shapely.Polygon([xy[i, j], xy[i, j + 1], xy[i + 1, j + 1], xy[i + 1, j]])
        for i in range(side)
        for j in range(side)
    ]
    return [p for p in plots if p.is_valid]


@given(seeds, st.sampled_from([6, 20, 60]))
@some
def test_stars(seed, limit):
    rng = np.random.default_rng(seed)
    same(stars(rng, rng.integers(2, 25), 60, 30), limit)


@given(seeds, st.sampled_from([8, 40]), st.sampled_from([1e-9, 1e-8, 1e-6, 1e-3]))
@some
def test_a_town_and_a_copy_that_differs_by_a_hair(seed, limit, hair):
    rng = np.random.default_rng(seed)
    plots = town(rng, 5, 20.0)
    copies = [shapely.transform(p, lambda xy: xy + rng.uniform(-hair, hair, 2)) for p in plots]
    same(plots + copies, limit)


@given(seeds, st.sampled_from([8, 40]))
@some
def test_long_edges_over_many_tiles(seed, limit):
    """Extents, a straight road, needles: edges that pass tiles in which none of their ends lies."""
    rng = np.random.default_rng(seed)
    plots = town(rng, 5, 20.0)
    long = [shapely.box(EAST - 500, NORTH - 700, EAST + 900, NORTH + 800)]
    for angle in rng.uniform(0, 180, 4):
        road = shapely.box(EAST - 400, NORTH + 40, EAST + 500, NORTH + 40 + rng.choice([1e-3, 0.5, 12.0]))
        long.append(rotate(road, angle, origin=(EAST + 50, NORTH + 50)))
    same(plots + long, limit)


@given(seeds, st.sampled_from([8, 30]))
@some
def test_islands_in_holes_and_voids(seed, limit):
    """Faces that reach over many tiles and hold pieces of their own, and rings around land that nothing covers."""
    rng = np.random.default_rng(seed)
    outer = [shapely.box(EAST, NORTH, EAST + 100, NORTH + 100)]
    ring = shapely.difference(outer[0], shapely.box(EAST + 5, NORTH + 5, EAST + 95, NORTH + 95))
    islands = [translate(s, 20, 20) for s in stars(rng, 12, 60, 4)]
    nested = [shapely.box(EAST + i, NORTH + i, EAST + 100 - i, NORTH + 100 - i) for i in range(6, 40, 5)]
    apart = [shapely.difference(a, b) for a, b in zip(nested[::2], nested[1::2], strict=False)]
    for shapes in ([*outer, *islands], [ring, *islands], [ring, *apart, *islands]):
        same(shapes, limit)


@given(seeds, st.sampled_from([6, 30]))
@some
def test_walks_that_touch_themselves(seed, limit):
    rng = np.random.default_rng(seed)
    corners = np.argwhere(rng.random((9, 9)) < 0.5)
    squares = shapely.union_all([shapely.box(x, y, x + 1, y + 1) for x, y in corners.tolist()])
    big = shapely.box(0, 0, 9, 9)
    shapes = [shapely.difference(big, squares), squares, big]
    same([translate(s, EAST, NORTH) for s in shapes if s.area > 0], limit)


@given(seeds, st.sampled_from([10, 60]))
@some
def test_lines_almost_through_one_point(seed, limit):
    rng = np.random.default_rng(seed)
    shapes = []
    for angle in rng.uniform(0, 2 * np.pi, 25):
        d = np.array([np.cos(angle), np.sin(angle)]) * 1000
        n = np.array([-d[1], d[0]]) / 1000
        c = np.array([EAST, NORTH]) + rng.uniform(-1e-7, 1e-7, 2)
        shapes.append(shapely.Polygon([c - d, c + d, c + d + n, c - d + n]))
    same([s for s in shapes if s.is_valid], limit)


def test_a_large_polygon_and_a_dense_town_in_chunks(monkeypatch):
    monkeypatch.setattr(tiles_module, "CHUNK", 997)
    rng = np.random.default_rng(11)
    angle = np.linspace(0, 2 * np.pi, 20_000, endpoint=False)
    radius = 300 * (1 + 0.2 * np.sin(17 * angle) + 0.001 * np.sin(1001 * angle))
    big = shapely.Polygon(np.round(np.c_[radius * np.cos(angle), radius * np.sin(angle)], 4) + [EAST, NORTH])
    plots = [translate(p, -300, -300) for p in town(rng, 30, 20.0)]
    assert same([big, translate(big, 0.5, 0.25), *plots], 400) > 1500


def test_an_edge_through_the_corner_of_tiles_moves_the_tiles(monkeypatch):
    """The squares' bounds are put elsewhere when an edge passes their corner closer than edges may move."""
    rng = np.random.default_rng(5)
    plots = town(rng, 6, 20.0)
    bounds = shapely.total_bounds(np.array(plots))
    layout = lay_out(np.full((1, 1), 1), finest_squares(bounds, levels=0), fit_grid(bounds), 9, levels=0)
    corner = layout.boxes[0, :2] * layout.grid.step + layout.grid.origin
    through = shapely.Polygon([corner - [9, 9], corner + [9, 9], corner + [9, 12]])
    tried = []
    spread = tiles_module.hand_out
    monkeypatch.setattr(tiles_module, "hand_out", lambda *a: tried.append(found := spread(*a)) or found)
    same([*plots, through], 20)
    assert tried[-1] is not None


def test_tiles_that_do_not_agree_are_refused(monkeypatch):
    """What one tile says of an edge that its neighbour does not know is no blueprint."""
    rng = np.random.default_rng(6)
    plots = np.array(town(rng, 8, 20.0), dtype=object)
    whole = tiles_module.arrange_tile

    def forgetful(given, tile):
        found = whole(given, tile)
        if len(found.open.counts) and not forgotten:
            forgotten.append(tile)
            keep = found.open
            found = found._replace(
                open=keep._replace(xy=keep.xy + np.where(np.arange(len(keep.xy))[:, None] == 0, 1.0, 0.0))
            )
        return found

    forgotten: list = []
    monkeypatch.setattr(tiles_module, "arrange_tile", forgetful)
    with pytest.raises(NotCertified, match="where an edge between them is cut"):
        arrange_by_tiles(plots, 40)


def counted(xy, squares) -> np.ndarray:
    """How many of the places lie in each finest square."""
    rows, columns = squares.shape
    return np.bincount(squares_at(xy, squares), minlength=rows * columns).reshape(rows, columns)


def test_layout_halves_only_what_holds_too_much():
    rng = np.random.default_rng(1)
    xy = np.r_[rng.uniform(0, 1000, (300, 2)), rng.uniform(100, 110, (3000, 2))] + [EAST, NORTH]
    bounds = np.r_[xy.min(axis=0), xy.max(axis=0)]
    grid, squares = fit_grid(bounds), finest_squares(bounds)
    layout = lay_out(counted(xy, squares), squares, grid, 100)
    steps = (xy - grid.origin) / grid.step
    tile = tile_at(layout, steps)
    assert ((steps > layout.boxes[tile, :2]) & (steps < layout.boxes[tile, 2:])).all()
    held = np.bincount(tile, minlength=len(layout.keys))
    assert held.max() <= 100 and held.sum() == len(xy)
    side = 2.0 ** layout.keys[:, 0]
    assert side.max() > 200 and side.min() < 10
    widths = (layout.boxes[:, 2:] - layout.boxes[:, :2]) * grid.step
    assert np.allclose(widths, side[:, None], atol=1e-6)
    alone = lay_out(counted(xy[:300], squares), squares, grid, 100)
    far = {tuple(k) for k in layout.keys.tolist() if k[0] > 6}
    assert far <= {tuple(k) for k in alone.keys.tolist()} | far and len(far) > 0


def test_synthetic_city(shared):
    """The workload of the benchmarks at its smallest."""
    import subprocess
    import sys
    import tempfile

    import geopandas as gpd

    with tempfile.TemporaryDirectory() as folder:
        made = subprocess.run(
            [sys.executable, str(shared / "bench" / "city.py"), "T", folder], capture_output=True, text=True
        )
        if made.returncode:
            pytest.skip(f"the city could not be made: {made.stderr[-200:]}")
        names = ("land_use", "urban_plan", "farmland", "redline", "urban_bnd", "eval_zones")
        shapes = np.concatenate([gpd.read_parquet(f"{folder}/{name}.parquet").geometry for name in names])
    assert same(shapes, 3000) > 1000
