import math

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from onemap.errors import CRSError
from onemap.land.area import ellipsoidal_area, inverse_scale, survey_area
from onemap.land.area_statement import area_statement
from onemap.land.rounding import apportion, round_half_up
from onemap.land.survey import densify
from onemap.land.survey_write import survey_text

# Expected values: domain reference §8.2, computed there with another programme.
TO_4550 = pyproj.Transformer.from_crs(4490, 4550, always_xy=True)
X0, Y0 = TO_4550.transform(123.012, 41.105)
PARCEL = shapely.Polygon([(X0, Y0), (X0 + 310, Y0 + 40), (X0 + 270, Y0 + 330), (X0 - 35, Y0 + 290)])
TRIANGLE = shapely.Polygon(
    list(
        zip(
            *TO_4550.transform(*zip((122.95, 41.08), (123.02, 41.09), (122.98, 41.13), strict=True)),
            strict=True,
        )
    )
)


def lonlat_box(crs, west, east, south, north, n=2000):
    """A box of meridians and parallels, drawn densely, in the CRS."""
    crs = pyproj.CRS(crs)
    lon, lat = np.linspace(west, east, n), np.linspace(south, north, n)
    ring = np.r_[
        np.c_[lon, np.full(n, south)],
        np.c_[np.full(n, east), lat],
        np.c_[lon[::-1], np.full(n, north)],
        np.c_[np.full(n, west), lat[::-1]],
    ]
    to = pyproj.Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)
    return shapely.Polygon(np.c_[to.transform(ring[:, 0], ring[:, 1])])


def strip(crs, west, east, south, north):
    """The exact area of a box of meridians and parallels (closed form of the authalic integral)."""
    ellipsoid = pyproj.CRS(crs).ellipsoid
    a, e2 = ellipsoid.semi_major_metre, 1 - (ellipsoid.semi_minor_metre / ellipsoid.semi_major_metre) ** 2
    e = math.sqrt(e2)

    def q(degrees):
        s = math.sin(math.radians(degrees))
        return (1 - e2) * (s / (1 - e2 * s * s) + math.atanh(e * s) / e)

    return a * a * math.radians(east - west) / 2 * (q(north) - q(south))


def quadrature(polygon, crs):
    """Area by brute force: 1 / areal scale of PROJ at Gauss points of a triangulation."""
    proj = pyproj.Proj(crs)
    triangles = shapely.get_parts(shapely.constrained_delaunay_triangles(polygon))
    a, b = 0.445948490915965, 0.091576213509771
    bary = [
        (a, a, 1 - 2 * a),
        (a, 1 - 2 * a, a),
        (1 - 2 * a, a, a),
        (b, b, 1 - 2 * b),
        (b, 1 - 2 * b, b),
        (1 - 2 * b, b, b),
    ]
    weights = [0.223381589678011] * 3 + [0.109951743655322] * 3
    total = 0.0
    for triangle in triangles:
        corner = np.asarray(triangle.exterior.coords)[:3]
        for at, weight in zip(bary, weights, strict=True):
            x, y = np.array(at) @ corner
            lon, lat = proj(x, y, inverse=True)
            total += weight * triangle.area / proj.get_factors(lon, lat).areal_scale
    return total


def test_reference_vectors():
    assert ellipsoidal_area([PARCEL, TRIANGLE], 4550) == pytest.approx([90674.9971, 14928737.3019], abs=3e-4)
    assert survey_area(PARCEL, 4550) == pytest.approx(90674.9971, abs=0.002)
    assert survey_area(TRIANGLE, 4550) == pytest.approx(14928736.8612, abs=0.03)


@pytest.mark.parametrize(
    ("crs", "west", "east", "south", "north"),
    [
        (4550, 123.00, 123.01, 41.10, 41.11),
        (4529, 122.9, 123.0, 41.0, 41.1),
        (4499, 122.9, 123.0, 41.0, 41.1),
        (4528, 122.9, 123.0, 41.0, 41.1),
        (4547, 112.6, 112.7, 18.2, 18.3),
        (2365, 122.9, 123.0, 41.0, 41.1),
        (32651, 122.9, 123.0, 41.0, 41.1),
        (32619, -71.15, -71.05, 42.3, 42.4),
        (26986, -71.15, -71.05, 42.3, 42.4),
        (2249, -71.15, -71.05, 42.3, 42.4),
        (3857, -71.15, -71.05, 42.3, 42.4),
        (28992, 5.0, 5.1, 52.0, 52.1),
    ],
)
def test_against_the_closed_form_of_the_ellipsoid(crs, west, east, south, north):
    drawn = lonlat_box(crs, west, east, south, north)
    assert ellipsoidal_area([drawn], crs)[0] == pytest.approx(strip(crs, west, east, south, north), rel=2e-10)


def test_survey_series_against_the_closed_form():
    drawn = lonlat_box(4550, 123.0, 123.01, 41.1, 41.11)
    assert survey_area(drawn, 4550) == pytest.approx(932886.8043, abs=0.01)


@pytest.mark.parametrize("crs", ["EPSG:4529", "EPSG:26986"])
def test_against_quadrature_of_projs_areal_scale(crs):
    x, y = (41610000, 4560000) if "4529" in crs else (235000, 905000)
    ring = [(0, 0), (9000, 500), (10000, 8000), (6000, 3000), (1000, 9000)]
    polygon = shapely.Polygon([(x + dx, y + dy) for dx, dy in ring])
    assert ellipsoidal_area([polygon], crs)[0] == pytest.approx(quadrature(polygon, crs), rel=1e-8)


def test_shapes_of_every_kind():
    box = shapely.box(41500000, 4552000, 41500100, 4552100)
    holed = shapely.Polygon(box.exterior, [shapely.box(41500040, 4552040, 41500060, 4552060).exterior])
    far = shapely.box(41500500, 4552000, 41500600, 4552100)
    geoms = [
        None,
        shapely.Polygon(),
        shapely.Point(1, 2),
        box,
        box.reverse(),
        holed,
        shapely.MultiPolygon([holed, far]),
        shapely.GeometryCollection([shapely.Point(0, 0), shapely.MultiPolygon([box, far])]),
    ]
    got = ellipsoidal_area(geoms, 4529)
    assert got == pytest.approx([0, 0, 0, 10000, 10000, 9600, 19600, 20000], rel=1e-7)
    assert survey_area(geoms[6], 4529) == pytest.approx(19600, rel=1e-6)
    assert survey_area(None, 4529) == survey_area(geoms[2], 4529) == 0
    assert ellipsoidal_area([], 4529).shape == (0,)


def test_many_rings_cross_the_chunks():
    boxes = shapely.box(41400000 + np.arange(70000) * 2, 4552000, 41400001 + np.arange(70000) * 2, 4552001)
    whole = ellipsoidal_area(boxes, 4529)
    picked = [0, 1, 52427, 52428, 52429, 69999]
    assert whole[picked] == pytest.approx(
        np.concatenate([ellipsoidal_area([boxes[i]], 4529) for i in picked]), rel=1e-12
    )
    assert (whole > 0.99).all()


def test_geographic_is_refused():
    for area in (lambda: ellipsoidal_area([PARCEL], 4490), lambda: survey_area(PARCEL, 4490)):
        with pytest.raises(CRSError):
            area()


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.floats(-9e3, 9e3), st.floats(-9e3, 9e3)), min_size=3, max_size=12),
    st.floats(-120e3, 120e3),
    st.floats(2.1e6, 5.8e6),
    st.floats(0, math.pi),
    st.sampled_from(["EPSG:4529", "EPSG:26986"]),
)
def test_parts_sum_to_the_whole_however_cut(points, east, north, angle, crs):
    base = (41500000 + east, north) if crs == "EPSG:4529" else (200000 + east / 2, 850000 + east / 3)
    hull = shapely.convex_hull(shapely.MultiPoint([(base[0] + dx, base[1] + dy) for dx, dy in points]))
    if hull.area < 1:
        return
    center = hull.centroid
    d = 40000 * np.array([math.cos(angle), math.sin(angle)])
    n = np.array([-d[1], d[0]])
    c = np.array([center.x, center.y])
    half = shapely.Polygon([c - d, c + d, c + d + n, c - d + n])
    pieces = [hull.intersection(half), hull.difference(half)]
    whole = ellipsoidal_area([hull], crs)[0]
    assert ellipsoidal_area(pieces, crs).sum() == pytest.approx(whole, rel=1e-9, abs=2e-8 * hull.length)


def test_densify_counts_points_by_the_rule():
    for length, inserted in ((69.9, 0), (70.0, 0), (70.01, 1), (140.0, 2), (139.99, 1), (700.5, 10)):
        assert len(densify(np.array([[0.0, 0.0], [length, 0.0]]))) == inserted + 2


@pytest.mark.parametrize(
    ("value", "decimals", "expected"),
    [
        (2.675, 2, 2.68),
        (1.005, 2, 1.01),
        (0.125, 2, 0.13),
        (-0.125, 2, -0.13),
        (2.5, 0, 3.0),
        (0.00005, 4, 0.0001),
    ],
)
def test_half_up(value, decimals, expected):
    assert round_half_up(value, decimals) == expected


@given(st.lists(st.floats(0, 1e7), min_size=1, max_size=50).filter(lambda p: sum(p) > 1), st.integers(0, 4))
def test_apportioned_parts_sum_exactly(parts, decimals):
    got = apportion(parts, decimals=decimals)
    unit = 10**decimals
    target = round(round_half_up(math.fsum(parts), decimals) * unit)
    assert sum(round(g * unit) for g in got) == target
    assert np.abs(got - np.array(parts)).max() <= 2 / unit + 1e-6


@pytest.mark.parametrize(
    ("crs", "x", "y"), [("EPSG:4529", 41.6e6, 4.55e6), ("EPSG:2154", 7e5, 6.6e6), ("EPSG:2249", 2.3e5, 9e5)]
)
def test_the_density_is_what_a_small_square_is_worth(crs, x, y):
    square = shapely.box(x, y, x + 20, y + 20)
    worth = inverse_scale(np.array([x + 10.0]), np.array([y + 10.0]), crs)[0]
    assert worth == pytest.approx(ellipsoidal_area([square], crs)[0] / 400, rel=1e-10)


def test_a_statement_names_both_areas_and_adds_up():
    west = shapely.Polygon(
        [(41400000, 4552000), (41403333, 4552040), (41402270, 4554330), (41399965, 4552290)]
    )
    thirds = [shapely.box(41500000 + 300 * i, 4552000, 41500057.7 + 300 * i, 4552057.8) for i in range(3)]
    plots = gpd.GeoDataFrame(
        {"project_id": ["W", "T", "T", "T"], "parcel_id": list("wabc"), "declared_area_m2": [9e4, 1, 2, np.nan]},
        geometry=[west, *thirds], crs=4529,
    )  # fmt: skip
    plots["area_m2"] = ellipsoidal_area(plots.geometry, 4529)
    got = area_statement(plots).set_index("parcel_id")
    assert got.loc["w", "survey_m2"] == round_half_up(survey_area(west, 4529), 2)
    assert got.loc["w", "exact_m2"] == round_half_up(plots["area_m2"].iloc[0], 2)
    assert got.loc["w", "survey_m2"] != got.loc["w", "exact_m2"], "the procedure rounds on its way"
    assert abs(got.loc["w", "exact_m2"] - west.area) > 10, "100 km off the meridian the plane is no measure"
    assert got.loc["w", "survey_mu"] == round_half_up(survey_area(west, 4529) * 0.0015, 2)
    for column, factor, decimals in (("survey_m2", 1, 2), ("survey_ha", 1e-4, 4), ("survey_mu", 0.0015, 2)):
        whole = sum(survey_area(g, 4529) for g in thirds) * factor
        assert math.isclose(got.loc[list("abc"), column].sum(), round_half_up(whole, decimals), abs_tol=1e-9)
        assert math.isclose(got[column].iloc[-1], got[column].iloc[:-1].sum(), abs_tol=1e-9)
    assert np.isnan(got["declared_m2"].iloc[-1]), "no sum where one declares nothing"


def test_survey_text_states_the_survey_area():
    west = shapely.box(41400000, 4552000, 41401000, 4553000)
    plots = gpd.GeoDataFrame({"parcel_id": ["w"], "area_m2": [1.0]}, geometry=[west], crs=4529)
    line = next(line for line in survey_text(plots).splitlines() if line.endswith("@"))
    assert line.split(",")[1] == f"{round_half_up(survey_area(west, 4529) / 1e4, 4):.4f}"
