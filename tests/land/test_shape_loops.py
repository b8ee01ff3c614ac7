"""Compiled loops over rings and boxes say the same as whole arrays and GEOS do, to the last bit where they reckon."""

import logging

import numpy as np
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st

from onemap.compiled import NotCompiled
from onemap.land import flat as flat_module
from onemap.land import mesh_loops, shape_loops
from onemap.land.area import ellipsoidal_area
from onemap.land.flat import flat
from onemap.land.mesh import _near, _near_compiled
from onemap.land.quality import spikes
from onemap.land.repair import are_valid

ORIGIN = np.array([41_500_000.0, 4_552_000.0])
SQUARE = [(0, 0), (9, 0), (9, 9), (0, 9)]


def box(west, south, east, north):
    return [(west, south), (east, south), (east, north), (west, north)]


@pytest.fixture
def by_loops(monkeypatch):
    """Whether compiled loops do the work, as one says."""

    def choose(yes):
        monkeypatch.setattr(flat_module, "COMPILED_FROM", 0 if yes else 10**12)

    return choose


def shapes_of_every_kind():
    random = np.random.default_rng(3)
    far = shapely.polygons(ORIGIN + random.uniform(-3e5, 3e5, (300, 12, 2)))
    near = shapely.polygons(ORIGIN + random.uniform(-30, 30, (300, 12, 2)).round())
    long = shapely.polygons(ORIGIN + random.uniform(-3e5, 3e5, (2, 9000, 2)))
    discs = shapely.buffer(shapely.points(ORIGIN + random.uniform(0, 1e4, (100, 2))), 100)
    rings = shapely.difference(discs, shapely.buffer(shapely.centroid(discs), 40))
    many = shapely.multipolygons([rings[0], shapely.transform(rings[0], lambda c: c + 1000), near[1]])
    others = [
        None,
        shapely.Polygon(),
        shapely.Point(1, 2),
        many,
        shapely.GeometryCollection([near[0], rings[1]]),
    ]
    doubled = shapely.Polygon(np.repeat(shapely.get_coordinates(rings[3])[:65], 2, axis=0))
    return np.array([*far, *near, *long, *rings, doubled, *others], dtype=object)


@pytest.mark.parametrize("crs", [4529, 4550, 32651, 26986])
def test_areas_are_the_same_bits_either_way(by_loops, crs):
    drawn = (
        shapes_of_every_kind()
        if crs in (4529,)
        else shapely.transform(shapes_of_every_kind()[300:600], lambda c: c - ORIGIN + [500_000, 900_000])
    )
    found = []
    for yes in (True, False):
        by_loops(yes)
        found.append((ellipsoidal_area(drawn, crs), ellipsoidal_area(drawn, crs, rings=flat(drawn))))
    for one in (found[0][1], *found[1]):
        np.testing.assert_array_equal(found[0][0], one)
    assert (found[0][0] > 0).sum() >= 290


@pytest.mark.parametrize(("compactness", "least"), [(0.02, 2.0), (0.5, 0.0)])
def test_spikes_and_repeated_points_are_the_same_either_way(by_loops, compactness, least):
    drawn, found = shapes_of_every_kind(), []
    for yes in (True, False):
        by_loops(yes)
        found.append(spikes(drawn, compactness, least))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.any()


def sure(*drawn):
    rings = flat(np.array(drawn, dtype=object))
    size = len(rings.xy)
    xs, ys, low = np.empty((3, size))
    order, after = np.empty((2, size), dtype=np.int64)
    start, valid = np.empty(shape_loops.MOST_RINGS + 1, dtype=np.int64), np.zeros(len(drawn), dtype=bool)
    shape_loops.surely_valid(
        rings.xy,
        rings.ends,
        rings.owner.astype(np.int64),
        rings.hole,
        xs,
        ys,
        low,
        order,
        after,
        start,
        valid,
    )
    return valid.tolist()


FINE = {
    "a square": shapely.Polygon(SQUARE),
    "a triangle": shapely.Polygon([(0, 0), (4, 1), (2, 3)]),
    "points on straight edges": shapely.Polygon(
        [(0, 0), (3, 0), (6, 0), (9, 0), (9, 5), (9, 9), (0, 9), (0, 4)]
    ),
    "points on slanting edges": shapely.Polygon([(0, 0), (0.3, 0.1), (0.6, 0.2), (0.9, 0.3), (0, 9)]),
    "repeated points": shapely.Polygon([(0, 0), (0, 0), (9, 0), (9, 9), (9, 9), (9, 9), (0, 9), (0, 0)]),
    "a hole": shapely.Polygon(SQUARE, [box(2, 2, 4, 4)]),
    "two holes": shapely.Polygon(SQUARE, [box(2, 2, 4, 4), box(5, 5, 7, 7)]),
    "two parts, one with a hole": shapely.MultiPolygon(
        [(SQUARE, [box(2, 2, 4, 4)]), (box(20, 0, 22, 2), [])]
    ),
    "a comb": shapely.Polygon([(0, 0), *[(x, 1 + 8 * (x % 2)) for x in range(1, 99)], (99, 0)]),
}
WRONG = {
    "a bow-tie": shapely.Polygon([(0, 0), (9, 9), (9, 0), (0, 9)]),
    "there and back": shapely.Polygon([(0, 0), (9, 0), (0, 0)]),
    "a spike of no width": shapely.Polygon([(0, 0), (9, 0), (9, 9), (9, 20), (9, 9), (0, 9)]),
    "a spike folded back along its edge": shapely.Polygon([(0, 0), (9, 0), (5, 0), (5, 5), (0, 9)]),
    "a ring run twice": shapely.Polygon([*SQUARE, *SQUARE]),
    "a vertex on an edge": shapely.Polygon([(0, 0), (9, 0), (9, 9), (4, 0), (0, 9)]),
    "a vertex met twice": shapely.Polygon([(0, 0), (4, 4), (8, 0), (8, 8), (4, 4), (0, 8)]),
    "a hole outside": shapely.Polygon(SQUARE, [box(20, 20, 22, 22)]),
    "a hole across": shapely.Polygon(SQUARE, [box(8, 2, 12, 4)]),
    "a hole within a hole": shapely.Polygon(SQUARE, [box(1, 1, 8, 8), box(2, 2, 4, 4)]),
    "a hole within a hole, the smaller first": shapely.Polygon(SQUARE, [box(2, 2, 4, 4), box(1, 1, 8, 8)]),
    "a hole that is the shell": shapely.Polygon(SQUARE, [SQUARE]),
    "parts that overlap": shapely.MultiPolygon([(SQUARE, []), (box(5, 5, 12, 12), [])]),
    "a part within another": shapely.MultiPolygon([(SQUARE, []), (box(2, 2, 4, 4), [])]),
    "a part within another, the smaller first": shapely.MultiPolygon([(box(2, 2, 4, 4), []), (SQUARE, [])]),
    "a hole in another part": shapely.MultiPolygon([(SQUARE, [box(22, 2, 24, 4)]), (box(20, 0, 29, 9), [])]),
    "not a number": shapely.Polygon([(0, 0), (9, 0), (np.nan, 9), (0, 9)]),
    "without end": shapely.Polygon([(0, 0), (9, 0), (np.inf, 9), (0, 9)]),
}  # fmt: skip
DOUBTFUL = {
    "a hole that touches": shapely.Polygon(SQUARE, [[(0, 4), (2, 3), (2, 5)]]),
    "an island": shapely.MultiPolygon([(SQUARE, [box(1, 1, 8, 8)]), (box(2, 2, 4, 4), [])]),
    "parts that touch": shapely.MultiPolygon([(SQUARE, []), (box(9, 9, 12, 12), [])]),
    "more rings than are looked at": shapely.Polygon(box(0, 0, 99, 9), [box(x, 1, x + 0.5, 2) for x in range(1, 90)]),
}  # fmt: skip


@pytest.mark.parametrize("name", [*FINE, *WRONG, *DOUBTFUL])
@pytest.mark.filterwarnings("ignore:invalid value")
def test_what_is_valid_beyond_doubt(by_loops, name):
    by_loops(True)
    drawn = (FINE | WRONG | DOUBTFUL)[name]
    placed = shapely.transform(drawn, lambda c: c * 1.1 + ORIGIN)
    for geom in (drawn, placed, shapely.reverse(drawn)):
        assert sure(geom) == [name in FINE]
        assert are_valid(np.array([geom]), flat(np.array([geom]))).tolist() == [name not in WRONG]


points = st.tuples(st.integers(0, 5), st.integers(0, 5))
rings = st.lists(points, min_size=3, max_size=8)
polygons = st.builds(shapely.Polygon, rings, st.lists(rings, max_size=2))
LAID = st.one_of(polygons, st.lists(polygons, min_size=1, max_size=3).map(shapely.MultiPolygon))


@settings(max_examples=600, deadline=None)
@given(st.lists(LAID, min_size=1, max_size=5), st.floats(0.1, 3), st.floats(0, 6.3))
@example([shapely.Polygon([(0, 0), (1, 0), (2, 0)])], 0.3, 1.0)
def test_what_is_sure_is_valid_to_geos(drawn, size, angle):
    turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * size
    for geoms in (drawn, [shapely.transform(g, lambda c: c @ turned + ORIGIN) for g in drawn]):
        for geom, is_sure in zip(geoms, sure(*geoms), strict=True):
            assert geom.is_valid or not is_sure


boxes = st.builds(
    lambda x, y, w, h: (x, y, x + w, y + h), *[st.integers(0, 30)] * 2, *[st.integers(1, 9)] * 2
)


@settings(max_examples=200, deadline=None)
@given(st.lists(boxes, min_size=2, max_size=60), st.booleans())
@example([(0, 0, 30, 30)] + [(x, y, x + 1, y + 1) for x in range(6) for y in range(6)], True)
def test_boxes_that_meet_are_those_of_a_tree(drawn, some_empty):
    geoms = shapely.box(*np.array(drawn, dtype=float).T)
    if some_empty:
        geoms[0] = shapely.Polygon()
    found = _near_compiled(geoms, mesh_loops)
    wanted = shapely.STRtree(geoms).query(geoms)
    wanted = wanted[:, wanted[0] < wanted[1]]
    if found is not None:
        assert sorted(zip(*(side.tolist() for side in found), strict=True)) == sorted(
            map(tuple, wanted.T.tolist())
        )


def test_more_pairs_than_room_was_made_for_and_boxes_that_fill_the_grid(by_loops):
    by_loops(True)
    stack = shapely.box(*np.tile([0.0, 0.0, 1.0, 1.0], (40, 1)).T)
    assert len(_near_compiled(stack, mesh_loops)[0]) == 40 * 39 // 2
    spread = np.arange(400.0) * 100
    small = shapely.box(spread, spread, spread + 1, spread + 1)
    large = shapely.box(*np.tile([0.0, 0.0, 4e4, 4e4], (10, 1)).T)
    assert _near_compiled(np.concatenate([small, large]), mesh_loops) is None
    assert len(_near(np.concatenate([small, large]))[0]) == 400 * 10 + 10 * 9 // 2
    crowd = np.concatenate([shapely.box(spread / 1e6, 0, spread / 1e6 + 1e-5, 1e-5), small[-1:]])
    assert _near_compiled(crowd, mesh_loops) is None
    assert _near_compiled(np.array([shapely.Polygon()] * 3), mesh_loops) is None


def test_what_cannot_be_compiled_is_told_and_done_by_whole_arrays(by_loops, monkeypatch, caplog):
    drawn = shapes_of_every_kind()
    by_loops(True)
    wanted = ellipsoidal_area(drawn, 4529)

    def nowhere(module):
        raise NotCompiled("nowhere to keep it")

    monkeypatch.setattr(flat_module, "addresses", nowhere)
    with caplog.at_level(logging.WARNING):
        np.testing.assert_array_equal(ellipsoidal_area(drawn, 4529), wanted)
    assert "nowhere to keep it" in caplog.text
