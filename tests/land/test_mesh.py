"""Overlaps and unions of whole layers, against all pairs tried one by one."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st

from onemap.land import mesh_loops
from onemap.land.flat import flat
from onemap.land.issues import Issues
from onemap.land.limits import Limits
from onemap.land.mesh import _alone_by_sorting, _alone_compiled, mesh_of, union
from onemap.land.partition import gaps, overlaps, partition_issues

CRS = "EPSG:4529"
LIMITS = Limits(0.005, 1.0, 1e-4, 0.001, 0.1, 200.0, 2.0, 0.02)
ORIGIN = np.array([41_500_000.0, 4_552_000.0])


def placed(*shapes):
    return shapely.transform(np.array(shapes, dtype=object), lambda xy: xy + ORIGIN)


def all_pairs(geoms):
    return [
        (i, j)
        for i in range(len(geoms))
        for j in range(i + 1, len(geoms))
        if shapely.relate_pattern(geoms[i], geoms[j], "2********")
    ]


def board(cells, step=10.0, shift=(0.0, 0.0)):
    """Squares side by side, sharing every vertex."""
    return [
        shapely.box(
            x * step + shift[0], y * step + shift[1], (x + 1) * step + shift[0], (y + 1) * step + shift[1]
        )
        for x in range(cells)
        for y in range(cells)
    ]


@st.composite
def shapes(draw):
    kind = draw(st.sampled_from(["box", "triangle", "ring"]))
    x, y, w, h = (
        draw(st.integers(0, 8)),
        draw(st.integers(0, 8)),
        draw(st.integers(1, 6)),
        draw(st.integers(1, 6)),
    )
    if kind == "box":
        return shapely.box(x, y, x + w, y + h)
    if kind == "triangle":
        return shapely.Polygon([(x, y), (x + w, y), (x, y + h)])
    return shapely.box(x, y, x + w + 2, y + h + 2).difference(shapely.box(x + 1, y + 1, x + w + 1, y + h + 1))


@settings(max_examples=300, deadline=None)
@given(st.lists(shapes(), max_size=14))
@example(board(3))
@example([shapely.box(0, 0, 10, 10), shapely.box(4, 4, 6, 6)])
@example([*board(3), *board(3)])
@example([*board(4), shapely.box(0, 0, 40, 40)])
@example([*board(4), *board(4, shift=(5, 5))])
@example([*board(8, step=5), *board(2, step=20, shift=(0, 0))])
def test_overlaps_and_union_are_those_of_all_pairs(drawn):
    geoms = placed(*drawn)
    mesh = mesh_of(geoms)
    assert [tuple(pair) for pair in mesh.overlapping.tolist()] == all_pairs(geoms)
    if len(geoms):
        apart = shapely.symmetric_difference(union(geoms, mesh), shapely.union_all(geoms))
        assert apart.area < 1e-6


@settings(max_examples=100, deadline=None)
@given(st.lists(shapes(), min_size=1, max_size=14))
@example([*board(3), *board(3)])
@example([*board(3), *board(3), *board(3)])
@example([shapely.box(-1, -1, 0, 0), shapely.box(0, -1, 1, 0), shapely.box(0, -1, 1, 0).reverse()])
def test_compiled_loops_match_the_edges_that_sorting_matches(drawn):
    rings = flat(np.array(drawn, dtype=object))
    for one, other in zip(_alone_compiled(rings, mesh_loops), _alone_by_sorting(rings), strict=True):
        np.testing.assert_array_equal(one, other)


def test_holes_that_touch_and_islands_in_them_stay_what_they_are():
    cells = [c for c in board(9) if c.bounds[:2] not in ((20, 20), (30, 30), (50, 50), (60, 50), (50, 60))]
    geoms = placed(*cells, shapely.box(52, 52, 55, 55), shapely.box(55, 52, 58, 55))
    whole = union(geoms, mesh_of(geoms))
    assert whole.is_valid
    assert whole.equals(shapely.union_all(geoms))
    assert whole.area == 76 * 100 + 18


def test_a_polygon_wholly_within_another_overlaps_it():
    geoms = placed(shapely.box(0, 0, 100, 100), shapely.box(40, 40, 60, 60))
    assert [(i, j, round(area)) for i, j, _, area in overlaps(geoms, CRS, 0.005)] == [(0, 1, 400)]


def test_a_second_survey_over_the_first_is_seen_everywhere():
    first, second = board(12), board(10, step=10, shift=(12.5, 12.5))
    found = list(overlaps(placed(*first, *second), CRS, 0.005))
    assert len(found) == 4 * 100
    assert sum(area for *_, area in found) == pytest.approx(100 * 100, rel=1e-5)


def test_thousands_of_overlaps_are_listed_by_size_and_the_rest_summed():
    first, second = board(40), [shapely.box(*c.bounds) for c in board(38, shift=(11.0, 11.0))]
    geoms = placed(*first, *second)
    ids = [str(i) for i in range(len(geoms))]
    features = gpd.GeoDataFrame({"source": "a", "source_fid": ids}, geometry=geoms, crs=CRS)
    issues = Issues("land_survey")
    mesh = mesh_of(geoms)
    partition_issues(features, mesh, union(geoms, mesh), LIMITS, issues)
    told = [row for row in issues.rows if row["issue"] == "layer_overlap"]
    assert len(told) == 1001 and {float(row["value"]) > 80 for row in told[:1000]} == {True}
    assert sum(float(row["value"]) for row in told) == pytest.approx(38 * 38 * 100, rel=1e-5)
    assert "4776" in told[-1]["message"] and told[-1]["source_fid"] is None


def test_gaps_around_islands_and_the_pond_within_them():
    pond = shapely.box(45, 45, 55, 55)
    ring = shapely.box(0, 0, 100, 100).difference(shapely.box(10, 10, 90, 90))
    island = shapely.box(40, 40, 60, 60).difference(pond)
    (whole,) = placed(ring.union(island))
    assert sorted(round(area) for _, area in gaps(whole, CRS, 0.005)) == [100, 80 * 80 - 400]
    (within,) = placed(shapely.box(0, 0, 100, 120))
    assert sorted(round(area) for _, area in gaps(whole, CRS, 0.005, within)) == [100, 2000, 80 * 80 - 400]
