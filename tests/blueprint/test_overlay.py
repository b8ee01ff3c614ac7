"""Laws that every overlay must hold, for the compiled arrangement and for GEOS, its referee.

Expected values come from the inputs alone: areas of the polygons, points in polygons, validity as GEOS defines it.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.affinity import rotate, translate

from onemap.blueprint import overlay as overlay_module
from onemap.blueprint.arrangement import NotCertified, arrange
from onemap.blueprint.overlay import GRID_M, Overlay, overlay, overlay_by_geos

EAST, NORTH = 41_500_000.0, 4_550_000.0
many = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


def compiled(polygons) -> Overlay:
    return Overlay(*arrange(np.asarray(polygons, dtype=object)))


def hold(polygons, parts: Overlay, grid: float = GRID_M) -> None:
    """The laws: valid coverage, area per polygon, cover against points in polygons, no voids, order, index pairs."""
    polygons = np.asarray(polygons, dtype=object)
    faces, face, polygon = parts
    assert shapely.is_valid(faces).all(), [shapely.is_valid_reason(f) for f in faces if not f.is_valid][:3]
    assert not shapely.is_empty(faces).any()
    assert (shapely.get_type_id(faces) == 3).all()
    assert (shapely.area(faces) > 0).all()
    assert shapely.coverage_is_valid(faces)
    pairs = np.stack([face, polygon], axis=1)
    assert len(np.unique(pairs, axis=0)) == len(pairs)
    assert (np.lexsort((polygon, face)) == np.arange(len(face))).all()
    assert (np.unique(face) == np.arange(len(faces))).all()
    bounds = shapely.bounds(faces)
    assert (np.lexsort(bounds.T[::-1]) == np.arange(len(faces))).all()

    got = np.bincount(polygon, weights=shapely.area(faces)[face], minlength=len(polygons))
    want = shapely.area(polygons)
    assert (abs(got - want) <= 1e-9 * want + grid * shapely.length(polygons)).all(), (got - want, want)

    inner = shapely.point_on_surface(faces)
    lines = shapely.multilinestrings(shapely.get_parts(shapely.boundary(polygons)))
    shapely.prepare(lines)
    shapely.prepare(polygons)
    clear = ~shapely.dwithin(lines, inner, 1e-5)
    covered = np.zeros((len(faces), len(polygons)), dtype=bool)
    covered[face, polygon] = True
    for k, shape in enumerate(polygons):
        assert (shapely.contains(shape, inner[clear]) == covered[clear, k]).all()


def agree(polygons) -> Overlay:
    """The compiled way holds the laws and finds the same cover, area by area, as GEOS."""
    polygons = np.asarray(polygons, dtype=object)
    parts = compiled(polygons)
    hold(polygons, parts)
    referee = overlay_by_geos(polygons)
    length = shapely.length(polygons).sum()

    def cover(result: Overlay) -> dict:
        sets: dict = {}
        for f, p in zip(result.face.tolist(), result.polygon.tolist(), strict=True):
            sets.setdefault(f, []).append(p)
        area: dict = {}
        for f, key in sets.items():
            area[tuple(key)] = area.get(tuple(key), 0.0) + result.faces[f].area
        return area

    ours, theirs = cover(parts), cover(referee)
    for key in ours.keys() | theirs.keys():
        gap = abs(ours.get(key, 0.0) - theirs.get(key, 0.0))
        assert gap <= 1e-9 * max(ours.get(key, 0), 1.0) + 4 * GRID_M * length, (key, gap)
    return parts


def moved(polygons, east=EAST, north=NORTH):
    return [translate(p, east, north) for p in polygons]


small = st.integers(0, 8)


@st.composite
def grid_boxes(draw):
    """Boxes on a coarse lattice: collinear overlaps, T-junctions, touching corners, duplicates."""
    out = []
    for _ in range(draw(st.integers(1, 9))):
        x, y = draw(small), draw(small)
        out.append(shapely.box(x, y, x + draw(st.integers(1, 5)), y + draw(st.integers(1, 5))))
    return out


@st.composite
def stars(draw):
    """Star-shaped polygons with many corners, anywhere, with coordinates of four decimals."""
    out = []
    for _ in range(draw(st.integers(2, 6))):
        n = draw(st.integers(3, 40))
        rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        angle = np.sort(rng.uniform(0, 2 * np.pi, n))
        radius = rng.uniform(2, 50, n)
        centre = rng.uniform(0, 60, 2)
        xy = np.round(centre + radius[:, None] * np.c_[np.cos(angle), np.sin(angle)], 4)
        shape = shapely.make_valid(shapely.Polygon(xy), method="structure", keep_collapsed=False)
        if shape.area > 0:
            out.append(shape)
    return out or [shapely.box(0, 0, 1, 1)]


@st.composite
def lattice_polygons(draw):
    """Triangles and quadrilaterals with corners on a coarse lattice: many lines through one point, spikes."""
    out = []
    for _ in range(draw(st.integers(2, 8))):
        corners = draw(st.lists(st.tuples(small, small), min_size=3, max_size=6, unique=True))
        shape = shapely.make_valid(shapely.Polygon(corners), method="structure", keep_collapsed=False)
        if shape.area > 0:
            out.append(shape)
    return out or [shapely.box(0, 0, 1, 1)]


@given(grid_boxes(), st.booleans())
@many
def test_boxes_on_a_lattice(boxes, far):
    agree(moved(boxes) if far else boxes)


@given(lattice_polygons(), st.sampled_from([1.0, 0.1, 1 / 3, 1000.0]), st.booleans())
@many
def test_corners_on_a_lattice(shapes, scale, far):
    shapes = [shapely.transform(s, lambda xy: xy * scale) for s in shapes]
    shapes = [s for s in (moved(shapes) if far else shapes) if s.is_valid]
    if shapes:
        agree(shapes)


@given(stars(), st.booleans())
@many
def test_stars(shapes, far):
    agree([s for s in (moved(shapes) if far else shapes) if s.is_valid])


@given(
    stars(),
    st.sampled_from([1e-9, 1e-8, 1e-7, 1e-6, 1e-4, 1e-2, 1.0]),
    st.integers(0, 2**32 - 1),
    st.booleans(),
)
@many
def test_copies_that_differ_by_a_hair(shapes, hair, seed, far):
    rng = np.random.default_rng(seed)
    shapes = moved(shapes) if far else shapes
    copies = [
        shapely.Polygon(ring + rng.uniform(-hair, hair, ring.shape))
        for s in shapes
        for ring in (shapely.get_coordinates(part.exterior)[:-1] for part in shapely.get_parts(s))
    ]
    both = [s for s in shapes + copies if s.is_valid]
    if both:
        hold(both, compiled(both))


@given(stars(), st.integers(0, 2**32 - 1), st.integers(1, 5))
@many
def test_neighbours_whose_shared_line_has_other_corners(shapes, seed, extra):
    """Corners inserted along a straight line and rounded: near-coincident lines and T-junctions."""
    rng = np.random.default_rng(seed)

    def with_corners(xy):
        rows = [xy[:1]]
        for a, b in zip(xy[:-1], xy[1:], strict=True):
            t = np.sort(rng.uniform(0, 1, rng.integers(0, extra + 1)))[:, None]
            rows += [a + t * (b - a), b[None]]
        return np.concatenate(rows)

    shapes = moved(shapes)
    dense = []
    for s in shapes:
        for part in shapely.get_parts(s):
            dense.append(
                shapely.Polygon(
                    with_corners(shapely.get_coordinates(part.exterior)),
                    [with_corners(shapely.get_coordinates(r)) for r in part.interiors],
                )
            )
    both = [s for s in shapes + dense if s.is_valid]
    hold(both, compiled(both))


@given(grid_boxes(), st.integers(0, 2**32 - 1), st.floats(0.0, 90.0))
@many
def test_rotated_lattice(boxes, seed, angle):
    """Shared lines become nearly collinear ones once rotated."""
    turned = [rotate(b, angle, origin=(4, 4)) for b in boxes]
    hold(moved(turned), compiled(moved(turned)))


@given(stars(), st.integers(0, 2**32 - 1))
@many
def test_order_of_the_input_does_not_matter(shapes, seed):
    shapes = np.array(moved(shapes), dtype=object)
    order = np.random.default_rng(seed).permutation(len(shapes))
    one, other = compiled(shapes), compiled(shapes[order])
    assert (shapely.to_wkb(one.faces) == shapely.to_wkb(other.faces)).all()
    assert set(zip(other.face.tolist(), order[other.polygon].tolist(), strict=True)) == set(
        zip(one.face.tolist(), one.polygon.tolist(), strict=True)
    )


@given(st.lists(st.tuples(small, small), min_size=1, max_size=9, unique=True))
@many
def test_holes_that_touch(corners):
    """A multipolygon of lattice squares, its complement in a big box, and the box."""
    squares = shapely.union_all([shapely.box(x, y, x + 1, y + 1) for x, y in corners])
    ring = shapely.difference(shapely.box(0, 0, 9, 9), squares)
    agree([ring, shapely.box(0, 0, 9, 9)])
    agree([s for s in (ring, squares) if s.area > 0])


def test_touching_hole_is_a_hole():
    ring = shapely.Polygon(
        [(0, 0), (4, 0), (4, 4), (0, 4)], [[(0, 0), (1, 2), (2, 1)], [(4, 4), (3, 2), (2, 3)]]
    )
    parts = agree([ring])
    assert [len(f.interiors) for f in parts.faces] == [2]


def test_void_between_polygons_is_no_face():
    frame = [
        shapely.box(0, 0, 3, 1),
        shapely.box(0, 2, 3, 3),
        shapely.box(0, 1, 1, 2),
        shapely.box(2, 1, 3, 2),
    ]
    parts = agree(frame)
    assert parts.polygon.tolist() == [0, 2, 1, 3]
    island = shapely.box(1.25, 1.25, 1.75, 1.75)
    assert len(agree([*frame, island]).faces) == 5


def test_island_in_a_hole_in_an_island():
    nested = [shapely.box(i, i, 20 - i, 20 - i) for i in range(9)]
    parts = agree(nested)
    assert sorted(np.bincount(parts.face).tolist()) == list(range(1, 10))
    apart = [shapely.difference(nested[0], nested[1]), shapely.difference(nested[2], nested[3]), nested[5]]
    assert len(agree(apart).faces) == 3


def test_many_islands_side_by_side():
    x, y = np.meshgrid(np.arange(30) * 3.0, np.arange(30) * 3.0)
    islands = shapely.box(EAST + x, NORTH + y, EAST + x + 1, NORTH + y + 1).ravel()
    sea = shapely.box(EAST - 5, NORTH - 5, EAST + 100, NORTH + 100)
    parts = compiled([*islands, sea])
    hold([*islands, sea], parts)
    assert max(len(f.interiors) for f in parts.faces) == 900


def test_duplicates_cover_the_same_faces():
    a, b = shapely.box(0, 0, 2, 2), shapely.box(1, 1, 3, 3)
    parts = agree([a, b, a, a])
    assert np.bincount(parts.polygon).tolist() == [2, 2, 2, 2]


def test_corner_on_an_edge_and_edges_along_each_other():
    shapes = [
        shapely.box(0, 0, 10, 1),
        shapely.box(1, 1, 4, 2),
        shapely.box(3, -1, 7, 0),
        shapely.Polygon([(5, 1), (9, 1), (7, 3)]),
        shapely.Polygon([(2, 0), (6, 0), (4, 1)]),
    ]
    agree(moved(shapes))


def test_polygon_with_a_hundred_thousand_corners():
    angle = np.linspace(0, 2 * np.pi, 100_000, endpoint=False)
    radius = 1000 * (1 + 0.2 * np.sin(17 * angle) + 0.001 * np.sin(5001 * angle))
    big = shapely.Polygon(np.round(np.c_[radius * np.cos(angle), radius * np.sin(angle)] + [EAST, NORTH], 4))
    shapes = [big, translate(big, 0.5, 0.25), shapely.box(EAST - 900, NORTH - 900, EAST + 900, NORTH + 900)]
    parts = compiled(shapes)
    faces, face, polygon = parts
    assert shapely.is_valid(faces).all() and shapely.coverage_is_valid(faces)
    got = np.bincount(polygon, weights=shapely.area(faces)[face])
    assert np.allclose(got, shapely.area(shapes), rtol=1e-9, atol=0)


def test_bundle_of_lines_almost_through_one_point():
    rng = np.random.default_rng(3)
    shapes = []
    for angle in rng.uniform(0, 2 * np.pi, 60):
        d = np.array([np.cos(angle), np.sin(angle)]) * 1000
        n = np.array([-d[1], d[0]]) / 1000
        c = np.array([EAST, NORTH]) + rng.uniform(-1e-7, 1e-7, 2)
        shapes.append(shapely.Polygon([c - d, c + d, c + d + n, c - d + n]))
    hold(shapes, compiled(shapes))


def test_extents_without_a_common_measure():
    """A tiny polygon far from a large one, and a large one of long thin edges."""
    shapes = [
        shapely.box(EAST, NORTH, EAST + 1e-3, NORTH + 1e-3),
        shapely.box(EAST + 3e5, NORTH + 3e5, EAST + 5e5, NORTH + 5e5),
        shapely.Polygon([(EAST, NORTH), (EAST + 5e5, NORTH + 5e5), (EAST + 5e5, NORTH + 5e5 + 1e-3)]),
    ]
    hold(shapes, compiled(shapes))


def test_nothing_gives_nothing():
    for way in (overlay, overlay_by_geos):
        faces, face, polygon = way(np.empty(0, dtype=object))
        assert len(faces) == len(face) == len(polygon) == 0


def test_empty_polygon_covers_nothing():
    parts = compiled([shapely.Polygon(), shapely.box(0, 0, 1, 1)])
    assert parts.polygon.tolist() == [1]
    assert len(compiled([shapely.Polygon()]).faces) == 0


def test_repeated_points_and_either_direction_of_rings():
    ring = [(0, 0), (0, 0), (4, 0), (4, 4), (4, 4), (0, 4), (0, 0), (0, 0)]
    hole = [(1, 1), (1, 1), (2, 1), (2, 2), (1, 2), (1, 1)]
    shape = shapely.Polygon(ring, [hole])
    for one in (shape, shapely.reverse(shape)):
        parts = agree([one, shapely.box(1, 1, 5, 2)])
        assert np.isclose(shapely.area(parts.faces).sum(), 15 + 1 + 1)


def test_what_cannot_be_certified_goes_the_way_of_geos(monkeypatch, caplog):
    bow_tie = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    twice = shapely.Polygon([(0, 0), (3, 0), (3, 3), (0, 3)], [[(-1, 1), (2, 1), (2, 2), (-1, 2)]])
    with pytest.raises(NotCertified):
        compiled([bow_tie, twice])
    with pytest.raises(NotCertified):
        compiled([shapely.Polygon([(0, 0), (np.inf, 0), (1, 1)])])
    monkeypatch.setattr(overlay_module, "COMPILED_FROM", 0)
    parts = overlay(np.array([bow_tie, twice, shapely.box(0, 0, 1, 1)]))
    assert shapely.coverage_is_valid(parts.faces)
    assert "GEOS does it instead" in caplog.text


def jts_cases(folder):
    for path in sorted(folder.rglob("*.xml")):
        try:
            tree = ElementTree.parse(path)
        except ElementTree.ParseError:
            continue
        for number, case in enumerate(tree.iter("case")):
            shapes = []
            for name in ("a", "b"):
                text = (case.findtext(name) or "").strip()
                if not text:
                    continue
                try:
                    shape = shapely.from_wkt(text) if text[0].isalpha() else shapely.from_wkb(text)
                except shapely.GEOSException:
                    continue
                shapes += [p for p in shapely.get_parts(shape) if p.geom_type == "Polygon" and not p.is_empty]
            if shapes and all(s.is_valid and np.isfinite(shapely.get_coordinates(s)).all() for s in shapes):
                yield f"{path.name}:{number}", shapes


def test_failures_of_the_past_in_jts(shared):
    folder = shared / "data" / "jts_overlay"
    seen = 0
    for name, shapes in jts_cases(folder):
        try:
            hold(shapes, compiled(shapes), grid=1e-9)
        except AssertionError as error:
            raise AssertionError(name) from error
        seen += 1
    assert seen > 100
