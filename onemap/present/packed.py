"""Many faces and what is known of them as one compact text that a browser unpacks: see ``static/facelayer.js``."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import shapely

SCREEN_CRS = "EPSG:4490"
ZOOM = 20
WORLD = 256 * 2.0**ZOOM
LEVEL = 9


class Lists(NamedTuple):
    """A column that holds several whole numbers per face: how many, and all of them in a row."""

    counts: np.ndarray
    values: np.ndarray


class PackedFaces(NamedTuple):
    """The text for the page, how many faces, and their bounds ((south, west), (north, east)) in degrees."""

    payload: str
    count: int
    bounds: tuple[tuple[float, float], tuple[float, float]]


def pack_faces(
    geometry: gpd.GeoSeries, columns: Mapping[str, Any], tables: Mapping[str, Any] | None = None
) -> PackedFaces:
    """Faces (any CRS, polygons) with their columns, in Hilbert order, deflated, as base64 text.

    Vertices are whole Web Mercator pixels of zoom 20 (about 0.1 m in China): for the eye, never for areas. A
    column is an array of non-negative whole numbers, :class:`Lists` of such, or texts of hexadecimal digits;
    ``tables`` are what the numbers point to, as JSON. Faces that are empty keep their row and draw nothing.

    >>> square = gpd.GeoSeries([shapely.box(123, 41, 123.001, 41.001)], crs=4490)
    >>> pack_faces(square, {"look": np.array([3])}).count
    1
    """
    order = hilbert_order(geometry)
    geometry = geometry.iloc[order]
    degrees = geometry.to_crs(SCREEN_CRS)
    rings, points, x, y = quantise(degrees.to_numpy())
    sections = {
        "rings": varints(rings),
        "points": varints(points),
        "x": deltas(x, points),
        "y": deltas(y, points),
    }
    kinds = {}
    for name, column in columns.items():
        kinds[name], section = _column(column, order)
        sections[f"column.{name}"] = section
    head = {
        "count": len(geometry),
        "vertices": len(x),
        "sections": {name: len(data) for name, data in sections.items()},
        "columns": kinds,
        "tables": tables or {},
    }
    text = json.dumps(head, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    body = b"".join([len(text).to_bytes(4, "little"), text, *sections.values()])
    west, south, east, north = (float(side) for side in degrees.total_bounds)
    bounds = ((south, west), (north, east)) if len(degrees) else ((0.0, 0.0), (0.0, 0.0))
    return PackedFaces(base64.b64encode(zlib.compress(body, LEVEL)).decode(), len(geometry), bounds)


def hilbert_order(geometry: gpd.GeoSeries) -> np.ndarray:
    """Positions of the faces along a Hilbert curve, empty ones last."""
    usable = ~(geometry.isna() | geometry.is_empty).to_numpy()
    at = np.full(len(geometry), np.iinfo(np.int64).max)
    if usable.any():
        at[usable] = geometry[usable].hilbert_distance().to_numpy()
    return np.argsort(at, kind="stable")


def quantise(polygons: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rings per face, points per ring, and the points as whole Mercator pixels, repeated points left out.

    A ring keeps at least one point, so that a sliver stays where it is.
    """
    parts, part_face = shapely.get_parts(polygons, return_index=True)
    lines, line_part = shapely.get_rings(parts, return_index=True)
    xy, ring = shapely.get_coordinates(lines, return_index=True)
    sine = np.sin(np.radians(xy[:, 1]))
    x = np.floor((xy[:, 0] + 180.0) / 360.0 * WORLD).astype(np.int64)
    y = np.floor((0.5 - np.log((1 + sine) / (1 - sine)) / (4 * np.pi)) * WORLD).astype(np.int64)
    new = np.ones(len(x), dtype=bool)
    new[1:] = (ring[1:] != ring[:-1]) | (x[1:] != x[:-1]) | (y[1:] != y[:-1])
    x, y, ring = x[new], y[new], ring[new]
    first = np.searchsorted(ring, np.arange(len(lines)))
    last = np.searchsorted(ring, np.arange(len(lines)), side="right") - 1
    keep = np.ones(len(x), dtype=bool)
    closing = (last > first) & (x[last] == x[first]) & (y[last] == y[first])
    keep[last[closing]] = False
    rings = np.bincount(part_face[line_part], minlength=len(polygons))
    return rings, np.bincount(ring[keep], minlength=len(lines)), x[keep], y[keep]


def deltas(values: np.ndarray, points: np.ndarray) -> bytes:
    """Differences along each ring; a ring's first point counts from the first point of the ring before.

    >>> list(deltas(np.array([10, 12, 9]), np.array([2, 1])))
    [20, 4, 1]
    """
    if not len(values):
        return b""
    step = np.diff(values, prepend=0)
    first = np.cumsum(points) - points
    first = first[points > 0]
    step[first] = np.diff(values[first], prepend=0)
    return varints(zigzag(step))


def zigzag(values: np.ndarray) -> np.ndarray:
    """Signed whole numbers as unsigned ones, small stays small.

    >>> zigzag(np.array([0, -1, 1, -2])).tolist()
    [0, 1, 2, 3]
    """
    values = values.astype(np.int64)
    return ((values << 1) ^ (values >> 63)).astype(np.uint64)


def varints(values: np.ndarray) -> bytes:
    """Unsigned whole numbers, seven bits to the byte, the high bit saying that more follow.

    >>> list(varints(np.array([5, 300])))
    [5, 172, 2]
    """
    values = np.asarray(values).astype(np.uint64)
    size = np.ones(len(values), dtype=np.int64)
    for group in range(1, 10):
        size += values >= np.uint64(1) << np.uint64(7 * group)
    end = np.cumsum(size)
    out = np.zeros(int(end[-1]) if len(end) else 0, dtype=np.uint8)
    for group in range(int(size.max()) if len(size) else 0):
        has = size > group
        byte = (values[has] >> np.uint64(7 * group)) & np.uint64(127)
        more = (size[has] > group + 1).astype(np.uint64) << np.uint64(7)
        out[(end - size)[has] + group] = byte | more
    return out.tobytes()


def _column(column: Any, order: np.ndarray) -> tuple[str, bytes]:
    if isinstance(column, Lists):
        counts, values = np.asarray(column.counts), np.asarray(column.values, dtype=np.int64)
        start = np.cumsum(counts) - counts
        counts = counts[order]
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        values = values[np.repeat(start[order], counts) + within]
        return "lists", varints(counts) + varints(zigzag(np.diff(values, prepend=0)))
    column = np.asarray(column)
    if column.dtype.kind in "OUT":
        texts = [str(column[at]) for at in order]
        digits = len(texts[0]) if texts else 0
        if digits % 2 or any(len(one) != digits for one in texts):
            raise ValueError(
                "a text column holds hexadecimal digits, an even number of them, all equally many"
            )
        return f"hex:{digits // 2}", bytes.fromhex("".join(texts))
    return "numbers", varints(column[order])
