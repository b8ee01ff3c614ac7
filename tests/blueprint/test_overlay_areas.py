"""Laws of shared areas: exact fractions on lattices, parts that sum to the whole, GEOS as referee."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.affinity import translate

from onemap.blueprint import areas as areas_module
from onemap.blueprint.areas import shared_areas

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
