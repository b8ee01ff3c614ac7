import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from onemap.land import flat as flat_module
from onemap.land.issues import Issues
from onemap.land.limits import Limits
from onemap.land.mend import _tell_passport
from onemap.land.partition import gaps, overlaps, width
from onemap.land.repair import EMPTY_REASONS, repair

LIMITS = Limits(0.005, 1.0, 1e-4, 0.001, 0.1, 200.0, 2.0, 0.02)
X, Y = 41500000.0, 4552000.0


def at(*points, holes=()):
    return shapely.Polygon(
        [(X + x, Y + y) for x, y in points], [[(X + x, Y + y) for x, y in h] for h in holes]
    )


SQUARE = ((0, 0), (100, 0), (100, 100), (0, 100))


@pytest.mark.parametrize(
    ("geom", "reason"),
    [
        (at(*SQUARE), ""),
        (at((0, 0), (100, 100), (100, 0), (0, 100)), "ambiguous_polygon"),
        (at((0, 0), (100, 0), (100, 100), (50, 100), (50, 150), (50, 100), (0, 100)), ""),
        (at((0, 0), (100, 0), (100, 0), (100, 100), (0, 100)), ""),
        (at(*SQUARE, holes=[((200, 200), (210, 200), (210, 210), (200, 210))]), "ambiguous_polygon"),
        (at(*SQUARE, holes=[((90, 40), (110, 40), (110, 60), (90, 60))]), "ambiguous_polygon"),
        (at((0, 0), (100, 0), (100, 100), (50, 100), (50, 50), (40, 60), (50, 100), (0, 100)), ""),
        (
            shapely.MultiPolygon([at(*SQUARE), at((50, 0), (150, 0), (150, 100), (50, 100))]),
            "ambiguous_polygon",
        ),
        (shapely.MultiPolygon([at(*SQUARE), at((100, 0), (200, 0), (200, 100), (100, 100))]), ""),
        (
            shapely.MultiPolygon([at(*SQUARE), at((40, 40), (60, 40), (60, 60), (40, 60))]),
            "ambiguous_polygon",
        ),
        (at((0, 0), (50, 0), (100, 0)), "collapsed"),
        (shapely.LineString([(X, Y), (X + 1, Y)]), "not_a_polygon"),
        (shapely.Point(X, Y), "not_a_polygon"),
        (shapely.Polygon(), "no_geometry"),
        (shapely.GeometryCollection([shapely.Polygon(), shapely.Point(X, Y)]), "not_a_polygon"),
        (None, "no_geometry"),
    ],
)
def test_what_is_mended_and_what_is_set_aside(geom, reason):
    done = repair(np.array([geom], dtype=object), "EPSG:4529", LIMITS)
    assert done.reason[0] == reason
    if reason == "":
        assert done.geoms[0].is_valid and done.geoms[0].area == pytest.approx(geom.area, abs=1e-6)
        assert bool(done.passports) == (not geom.is_valid)
    else:
        assert done.geoms[0] is None and not done.passports


def test_a_coordinate_that_is_no_number_leaves_a_footprint():
    bad = shapely.transform(at(*SQUARE), lambda c: np.where(np.arange(len(c))[:, None] == 3, np.inf, c))
    done = repair(np.array([bad], dtype=object), "EPSG:4529", LIMITS)
    assert done.reason[0] == "non_finite" and done.footprint[0].area == pytest.approx(5000)


def test_a_footprint_of_coordinates_too_large_to_reckon_with_is_unknown():
    """GEOS ends the process over the hull of such points."""
    far = shapely.polygons([(X, Y), (X + 5, Y), (np.inf, Y), (4e300, 3e300), (3.9e300, 2.9e300), (X, Y)])
    scattered = np.random.default_rng(1).uniform(1e300, 5e300, (30, 2))
    for bad in (far, shapely.polygons([[np.inf, 0], *scattered, [np.inf, 0]])):
        done = repair(np.array([bad], dtype=object), "EPSG:4529", LIMITS)
        assert done.reason[0] == "non_finite" and done.footprint[0] is None


@pytest.mark.parametrize("loops", [True, False])
def test_what_geos_cannot_reckon_with_is_set_aside_and_the_others_are_read(loops, monkeypatch):
    monkeypatch.setattr(flat_module, "COMPILED_FROM", 0 if loops else 10**12)
    tiny = shapely.box(-1e-160, 0, 4e-160, 5e-160)
    within = shapely.transform(tiny, lambda c: c + (1.5e-160 - c) * 1e-9)
    nested = shapely.Polygon(tiny.exterior, [within.exterior])
    with pytest.raises(shapely.errors.GEOSException):
        shapely.is_valid(nested)
    endless = shapely.transform(at((0, 0), (100, 100), (100, 0), (0, 100)), lambda c: c * 1e290)
    done = repair(np.array([nested, endless, at(*SQUARE)], dtype=object), "EPSG:4550", LIMITS)
    assert done.reason.tolist() == ["absurd_coordinates", "absurd_coordinates", ""]
    assert done.geoms[0] is None and done.footprint[1] is None


@pytest.mark.parametrize("step", ["make_valid", "is_valid"])
def test_want_of_memory_is_no_fault_of_the_row(step, monkeypatch):
    def out_of_memory(*_, **__):
        raise shapely.errors.GEOSException("std::bad_alloc")

    monkeypatch.setattr(shapely, step, out_of_memory)
    with pytest.raises(MemoryError):
        repair(np.array([at((0, 0), (100, 100), (100, 0), (0, 100))], dtype=object), "EPSG:4550", LIMITS)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=3, max_size=9))
def test_any_ring_is_valid_or_accounted_for(points):
    geom = at(*points)
    done = repair(np.array([geom], dtype=object), "EPSG:4529", LIMITS)
    if done.reason[0] == "":
        assert done.geoms[0].is_valid and not done.geoms[0].is_empty
        drawn = [shapely.make_valid(geom).area, shapely.make_valid(geom, method="structure").area]
        assert max(abs(done.geoms[0].area - area) for area in drawn) <= LIMITS.same(geom.area) + 1e-9
    elif done.reason[0] == "ambiguous_polygon":
        assert done.footprint[0].covers(shapely.multipoints(shapely.get_coordinates(geom)))
    else:
        assert done.reason[0] in EMPTY_REASONS


def test_overlaps_and_gaps_of_every_kind():
    one, inner, twin = at(*SQUARE), at((40, 40), (60, 40), (60, 60), (40, 60)), at(*SQUARE)
    beside = at((100, 0), (200, 0), (200, 100), (100, 100))
    shift = at((199.9, 0), (300, 0), (300, 100), (199.9, 100))
    found = list(overlaps(np.array([one, inner, twin, beside, shift]), "EPSG:4529", 0.005))
    assert [(i, j, round(area)) for i, j, _, area in found] == [
        (0, 1, 400),
        (0, 2, 10000),
        (1, 2, 400),
        (3, 4, 10),
    ]
    assert width(found[-1][2]) == pytest.approx(0.1, rel=0.01)
    holed = one.difference(inner)
    assert [round(a) for _, a in gaps(holed.union(beside), "EPSG:4529", 0.005)] == [400]
    within = at((0, 0), (200, 0), (200, 110), (0, 110))
    assert sorted(round(a) for _, a in gaps(holed.union(beside), "EPSG:4529", 0.005, within)) == [
        400,
        2000,
    ]


def test_a_change_of_area_that_is_none_has_no_sign():
    """The sign of what rounding leaves over differs from one processor to the next."""
    issues = Issues("land_survey", "a")
    for change in (-1e-12, 1e-12, 0.0, -0.01):
        _tell_passport(
            "1", {"method": "make_valid", "area_change_m2": change, "max_move_m": 0.0}, at(*SQUARE), issues
        )
    assert [row["value"] for row in issues.rows] == ["0.0000", "0.0000", "0.0000", "-0.0100"]
