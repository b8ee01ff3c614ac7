"""Packing faces: what comes out of the bytes is what went in, read back by a reader written apart."""

import base64
import json
import zlib

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from onemap.present.packed import Lists, deltas, pack_faces, varints, zigzag


def numbers(data):
    """Varints read one by one."""
    out, value, shift = [], 0, 0
    for byte in data:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            out.append(value)
            value, shift = 0, 0
    return out


def signed(data):
    return [n // 2 if n % 2 == 0 else -(n + 1) // 2 for n in numbers(data)]


def opened(packed):
    data = zlib.decompress(base64.b64decode(packed.payload))
    size = int.from_bytes(data[:4], "little")
    head = json.loads(data[4 : 4 + size])
    parts, at = {}, 4 + size
    for name, length in head["sections"].items():
        parts[name] = data[at : at + length]
        at += length
    assert at == len(data)
    return head, parts


def rings_of(parts):
    """Rings per face as lists of pixel pairs."""
    points, dx, dy = numbers(parts["points"]), signed(parts["x"]), signed(parts["y"])
    rings, at, fx, fy = [], 0, 0, 0
    for count in points:
        ring = []
        for i in range(count):
            if i == 0:
                fx, fy = fx + dx[at], fy + dy[at]
                x, y = fx, fy
            else:
                x, y = x + dx[at], y + dy[at]
            ring.append((x, y))
            at += 1
        rings.append(ring)
    faces, start = [], 0
    for count in numbers(parts["rings"]):
        faces.append(rings[start : start + count])
        start += count
    return faces


def pixel(lon, lat):
    """Web Mercator pixel of zoom 20, by the formula with tangent and secant."""
    world = 256 * 2**20
    y = (1 - np.arcsinh(np.tan(np.radians(lat))) / np.pi) / 2
    return (lon + 180) / 360 * world, y * world


@given(st.lists(st.integers(0, 2**53), max_size=50))
def test_varints_come_back(values):
    assert numbers(varints(np.array(values, dtype=np.uint64))) == values


@given(st.lists(st.integers(-(2**40), 2**40), max_size=50))
def test_zigzag_comes_back(values):
    assert signed(varints(zigzag(np.array(values, dtype=np.int64)))) == values


@given(st.lists(st.lists(st.integers(0, 2**28), min_size=1, max_size=6), max_size=6))
def test_deltas_come_back(rings):
    flat = np.array([v for ring in rings for v in ring], dtype=np.int64)
    steps = signed(deltas(flat, np.array([len(r) for r in rings], dtype=np.int64)))
    out, at, first = [], 0, 0
    for ring in rings:
        first += steps[at]
        out += [first, *(first + np.cumsum(steps[at + 1 : at + len(ring)], dtype=np.int64)).tolist()]
        at += len(ring)
    assert out == flat.tolist()


def test_shapes_and_columns_come_back():
    hole = shapely.Polygon(
        [(123, 41), (123.01, 41), (123.01, 41.01), (123, 41.01)],
        [[(123.004, 41.004), (123.006, 41.004), (123.005, 41.006)]],
    )
    two = shapely.MultiPolygon(
        [shapely.box(123.02, 41, 123.03, 41.01), shapely.box(123.04, 41, 123.05, 41.01)]
    )
    shapes = gpd.GeoSeries([hole, two, shapely.Polygon()], crs=4490)
    ids = np.array(["00ff", "a1b2", "ffff"], dtype=object)
    lists = Lists(np.array([2, 0, 1]), np.array([7, 3, 9]))
    packed = pack_faces(shapes, {"id": ids, "area": np.array([5, 2**40, 0]), "plans": lists}, {"t": ["城"]})
    head, parts = opened(packed)
    faces = rings_of(parts)
    texts = [parts["column.id"][i : i + 2].hex() for i in (0, 2, 4)]
    order = [ids.tolist().index(t) for t in texts]
    assert sorted(order) == [0, 1, 2] and order[2] == 2
    assert [numbers(parts["column.area"])[order.index(i)] for i in range(3)] == [5, 2**40, 0]
    assert [len(faces[order.index(i)]) for i in range(3)] == [2, 2, 0]
    assert head["tables"] == {"t": ["城"]} and packed.count == 3
    shell = faces[order.index(0)][0]
    assert len(shell) == 4
    for (x, y), (lon, lat) in zip(shell, hole.exterior.coords, strict=False):
        u, v = pixel(lon, lat)
        assert abs(x + 0.5 - u) <= 0.51 and abs(y + 0.5 - v) <= 0.51
    counts = numbers(parts["column.plans"])[:3]
    values = np.cumsum(
        signed(varints(np.array(numbers(parts["column.plans"])[3:], dtype=np.uint64)))
    ).tolist()
    start = np.cumsum([0, *counts])
    read = [values[start[k] : start[k + 1]] for k in range(3)]
    assert [read[order.index(i)] for i in range(3)] == [[7, 3], [], [9]]


def test_a_sliver_thinner_than_a_pixel_keeps_a_point():
    thin = gpd.GeoSeries([shapely.box(123, 41, 123 + 1e-9, 41 + 1e-9)], crs=4490)
    _, parts = opened(pack_faces(thin, {}))
    assert [len(ring) for ring in rings_of(parts)[0]] == [1]


def test_no_faces_is_a_map_of_nothing():
    packed = pack_faces(gpd.GeoSeries([], crs=4490), {"look": np.array([], dtype=int)})
    assert packed.count == 0 and packed.bounds == ((0.0, 0.0), (0.0, 0.0))


def test_only_even_hexadecimal_text_is_packed():
    square = gpd.GeoSeries([shapely.box(123, 41, 124, 42)], crs=4490)
    with pytest.raises(ValueError):
        pack_faces(square, {"id": np.array(["abc"], dtype=object)})
