"""Laws of shared areas: exact fractions on lattices, parts that sum to the whole, GEOS as referee."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.affinity import translate

from onemap.blueprint import areas as areas_module
from onemap.blueprint.areas import pair_areas, shared_areas
from onemap.land.area import ellipsoidal_area

EAST, NORTH = 41_500_000.0, 4_550_000.0
many = settings(max_examples=150, deadline=None, derandomize=True)
small = st.integers(0, 8)
boxes = st.lists(st.tuples(small, small, st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=6)
shapes = st.lists(
    st.lists(st.tuples(small, small), min_size=3, max_size=7, unique=True).map(
        lambda xy: shapely.make_valid(shapely.Polygon(xy), method="structure", keep_collapsed=False)
    ),
    min_size=1,
    max_size=5,
)


def table(sites, polygons) -> np.ndarray:
    out = np.zeros((len(sites), len(polygons)))
    site, polygon, area = shared_areas(np.array(sites, dtype=object), np.array(polygons, dtype=object))
    out[site, polygon] = area
    return out


def whole_boxes(rows):
    return [shapely.box(EAST + x, NORTH + y, EAST + x + w, NORTH + y + h) for x, y, w, h in rows]


@given(boxes, boxes)
@many
def test_boxes_share_whole_squares(a, b):
    got = table(whole_boxes(a), whole_boxes(b))
    for i, (x, y, w, h) in enumerate(a):
        for j, (u, v, p, q) in enumerate(b):
            wide, high = min(x + w, u + p) - max(x, u), min(y + h, v + q) - max(y, v)
            assert got[i, j] == max(wide, 0) * max(high, 0) if min(wide, high) > 0 else got[i, j] == 0


@given(shapes, shapes, st.booleans())
@many
def test_the_same_areas_as_geos(a, b, far):
    if far:
        a, b = ([translate(s, EAST, NORTH) for s in part] for part in (a, b))
    got = table(a, b)
    want = np.array([[shapely.intersection(s, t).area for t in b] for s in a])
    assert np.allclose(got, want, rtol=1e-9, atol=2e-6 if far else 1e-9)


def test_triangles_share_an_exact_fraction():
    a = [(0, 0), (7, 1), (2, 6)]
    b = [(1, 0), (6, 5), (0, 4)]

    def clip(ring, p, q):
        """Sutherland and Hodgman in fractions."""

        def side(c):
            return (q[0] - p[0]) * (c[1] - p[1]) - (q[1] - p[1]) * (c[0] - p[0])

        out = []
        for c, d in zip(ring, ring[1:] + ring[:1], strict=True):
            if side(c) >= 0:
                out.append(c)
            if side(c) * side(d) < 0:
                t = Fraction(side(c), side(c) - side(d))
                out.append((c[0] + t * (d[0] - c[0]), c[1] + t * (d[1] - c[1])))
        return out

    ring = [(Fraction(x), Fraction(y)) for x, y in a]
    for p, q in zip(b, b[1:] + b[:1], strict=True):
        ring = clip(ring, p, q)
    exact = sum(c[0] * d[1] - c[1] * d[0] for c, d in zip(ring, ring[1:] + ring[:1], strict=True)) / 2
    got = table(
        [shapely.Polygon(np.array(a) + [EAST, NORTH])], [shapely.Polygon(np.array(b) + [EAST, NORTH])]
    )
    assert abs(got[0, 0] - float(exact)) < 1e-14 * float(exact) + 1e-15


@given(st.integers(0, 2**32 - 1), st.integers(3, 12))
@many
def test_parts_of_a_partition_sum_to_the_site(seed, n):
    rng = np.random.default_rng(seed)
    points = shapely.multipoints(rng.uniform(0, 300, (40, 2)) + [EAST, NORTH])
    frame = shapely.box(EAST - 100, NORTH - 100, EAST + 400, NORTH + 400)
    cells = shapely.get_parts(shapely.voronoi_polygons(points, extend_to=frame))
    angle = np.sort(rng.uniform(0, 2 * np.pi, n))
    radius = rng.uniform(20, 150, n)
    xy = np.c_[EAST + 150 + radius * np.cos(angle), NORTH + 150 + radius * np.sin(angle)]
    site = shapely.make_valid(shapely.Polygon(xy), method="structure", keep_collapsed=False)
    assert np.isclose(table([site], cells).sum(), site.area, rtol=1e-12, atol=1e-9)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_strips_do_not_change_areas(seed):
    rng = np.random.default_rng(seed)
    angle = np.linspace(0, 2 * np.pi, 700, endpoint=False)
    radius = 200 + rng.uniform(0, 30, 700)
    large = shapely.Polygon(np.c_[EAST + radius * np.cos(angle), NORTH + radius * np.sin(angle)])
    large = shapely.difference(large, shapely.box(EAST - 50, NORTH - 50, EAST + 20, NORTH + 60))
    corner = rng.uniform(-250, 200, (30, 2)) + [EAST, NORTH]
    sites = shapely.box(*corner.T, *(corner + rng.uniform(1, 90, (30, 2))).T)
    with_strips = table(sites, [large])
    before, areas_module.LARGE = areas_module.LARGE, 10**9
    try:
        plain = table(sites, [large])
    finally:
        areas_module.LARGE = before
    assert np.allclose(with_strips, plain, rtol=1e-12, atol=1e-8)
    want = shapely.area(shapely.intersection(sites, large))[:, None]
    assert np.allclose(with_strips, want, rtol=1e-9, atol=1e-5)


def test_contact_is_no_area_and_nothing_gives_nothing():
    site = shapely.box(EAST, NORTH, EAST + 1, NORTH + 1)
    touching = [translate(site, 1, 0), translate(site, 0, 1), translate(site, 1, 1), translate(site, 9, 9)]
    assert not table([site], touching).any()
    for a, b in (([], [site]), ([site], [])):
        assert not table(a, b).size
    hole = shapely.difference(shapely.box(EAST - 5, NORTH - 5, EAST + 5, NORTH + 5), site)
    assert not table([site], [hole]).any()
    assert table([hole], [hole])[0, 0] == 99.0


# The ellipsoidal figure. The referee works in the same projection moved to the origin, where GEOS rounds corners a
# million times finer than in 8-digit eastings; places lie on a grid of 2^-20 m, so that moving them is exact.
FAR_EAST, FAR_NORTH = 41_620_000.0, 4_552_000.0
CRS = "EPSG:4529"
NEAR_CRS = f"+proj=tmerc +lat_0=0 +lon_0=123 +k=1 +x_0={41_500_000 - FAR_EAST} +y_0={-FAR_NORTH} +ellps=GRS80"


def on_grid(shape):
    shape = shapely.transform(shape, lambda xy: np.round(xy * 2.0**20) / 2.0**20)
    return shapely.make_valid(shape, method="structure", keep_collapsed=False)


def star(rng, n, x, y, small, large):
    angle = np.sort(rng.uniform(0, 2 * np.pi, n))
    radius = rng.uniform(small, large, n)
    return shapely.make_valid(
        shapely.Polygon(np.c_[x + radius * np.cos(angle), y + radius * np.sin(angle)]),
        method="structure",
        keep_collapsed=False,
    )


def family(name, rng):
    """A site and polygons as a bureau might hand them in, or as somebody who wants the sums to fail would."""
    site = star(rng, int(rng.integers(3, 40)), 0, 0, 20, 400)
    others = [star(rng, int(rng.integers(3, 60)), *rng.uniform(-300, 300, 2), 5, 300) for _ in range(4)]
    if name == "holes":
        site = shapely.difference(site, star(rng, 9, 0, 0, 5, 60))
        others = [shapely.difference(o, star(rng, 7, *o.centroid.coords[0], 2, 40)) for o in others]
    elif name == "multipolygons":
        site = shapely.union_all([site, *shapely.box([500, -700], 0, [530, -600], 50)])
        others = [
            shapely.union_all(others[:2]),
            shapely.MultiPolygon([shapely.box(0, 0, 9, 9), shapely.box(20, 20, 29, 31)]),
        ]
    elif name == "same":
        others = [site, shapely.reverse(site), shapely.buffer(site, 0)]
    elif name == "nested":
        others = [shapely.buffer(site, 30), shapely.buffer(site, -3), shapely.box(-900, -900, 900, 900)]
    elif name == "collinear":
        x, y = rng.uniform(-50, 50, 2)
        site = shapely.box(x, y, x + 100, y + 80)
        others = [
            shapely.box(x, y, x + 40, y + 200),
            shapely.box(x + 100, y, x + 140, y + 80),
            shapely.box(x + 20, y - 90, x + 90, y),
            shapely.Polygon([(x, y), (x + 100, y + 80), (x + 200, y + 160), (x, y + 300)]),
        ]
    elif name == "slivers":
        wide = 2.0 ** -float(rng.integers(2, 14))
        others = [
            shapely.box(-400, -wide, 400, wide),
            shapely.box(-wide, -400, wide, 400),
            shapely.Polygon([(-400, -400), (400, 400), (400, 400 + wide), (-400, -400 + wide)]),
        ]
    elif name == "wide":
        site, others = (
            shapely.transform(shapely.union_all(s) if isinstance(s, list) else s, lambda xy: xy * 12)
            for s in (site, others)
        )
        others = [others]
    return on_grid(site), [on_grid(o) for o in others]


@given(
    st.sampled_from(["plain", "holes", "multipolygons", "same", "nested", "collinear", "slivers", "wide"]),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=240, deadline=None, derandomize=True)
def test_ellipsoidal_areas_are_those_of_the_intersections(name, seed):
    site, others = family(name, np.random.default_rng(seed))
    moved = [translate(shape, FAR_EAST, FAR_NORTH) for shape in (site, *others)]
    at = np.arange(len(others))
    got = pair_areas(np.array(moved[:1]), np.array(moved[1:]), np.zeros_like(at), at, CRS)
    want = ellipsoidal_area([shapely.intersection(site, other) for other in others], NEAR_CRS)
    west, south, east, north = site.bounds
    assert np.allclose(got, want, rtol=1e-9, atol=1e-13 * (east - west) * (north - south))


def test_a_hundred_thousand_corners():
    rng = np.random.default_rng(3)
    angle = np.linspace(0, 2 * np.pi, 100_000, endpoint=False)
    radius = 2_000 + 30 * np.sin(400 * angle) + rng.uniform(0, 0.2, len(angle))
    huge = on_grid(shapely.Polygon(np.c_[radius * np.cos(angle), radius * np.sin(angle)]))
    sites = [on_grid(star(rng, 30, *rng.uniform(-2000, 2000, 2), 50, 600)) for _ in range(25)]
    moved = np.array([translate(shape, FAR_EAST, FAR_NORTH) for shape in (*sites, huge)])
    at = np.arange(len(sites))
    got = pair_areas(moved[:-1], moved[-1:], at, np.zeros_like(at), CRS)
    want = ellipsoidal_area(shapely.intersection(sites, huge), NEAR_CRS)
    assert np.allclose(got, want, rtol=1e-9, atol=1e-7)
    assert (want > 1).sum() > 10
    assert np.isclose(
        pair_areas(moved[-1:], moved[-1:], np.array([0]), np.array([0]), CRS)[0],
        ellipsoidal_area([huge], NEAR_CRS)[0],
        rtol=1e-12,
    )


def test_the_ellipsoid_is_refused_where_a_cubic_cannot_follow_it():
    box = np.array(
        [shapely.box(FAR_EAST, FAR_NORTH, FAR_EAST + side, FAR_NORTH + side) for side in (5e3, 8e4)]
    )
    got = pair_areas(box, box, np.arange(2), np.arange(2), CRS)
    assert np.isclose(got[0], ellipsoidal_area(box[:1], CRS)[0], rtol=1e-12)
    assert np.isnan(got[1])


def test_what_a_site_is_worth_does_not_hang_on_the_others():
    rng = np.random.default_rng(3)
    low = rng.uniform((EAST, NORTH), (EAST + 8e4, NORTH + 8e4), (700, 2))
    sites = shapely.box(*low.T, *(low + rng.uniform(20, 900, (700, 2))).T)
    together = areas_module.weights(sites, CRS)
    for count in (1, 2, 3, 5, 497, 699):
        assert (areas_module.weights(sites[-count:], CRS) == together[-count:]).all(), count
