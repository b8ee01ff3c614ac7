"""Geometries from well-known binary and text, with what GEOS would close or drop in silence said instead."""

from __future__ import annotations

import re
import struct

import numpy as np
import shapely

_HEAD = {0: ">", 1: "<"}
_INNERMOST = re.compile(r"\(([^()]*)\)")


def from_wkb(blobs) -> tuple[np.ndarray, list[int], list[int]]:
    """Geometries of blobs (None for none), where a ring is open (then its rings are lines), and what is damaged.

    >>> triangle = bytes(shapely.to_wkb(shapely.box(0, 0, 1, 1)))
    >>> open_ring = triangle[:9] + struct.pack("<I", 4) + triangle[13:-16]
    >>> geoms, unclosed, damaged = from_wkb([triangle, open_ring, b"?", None])
    >>> geoms[1].geom_type, unclosed, damaged
    ('LineString', [1], [2])
    """
    blobs = [None if blob is None else bytes(blob) for blob in blobs]
    with np.errstate(all="ignore"):
        geoms = shapely.from_wkb(np.array([*blobs, None], dtype=object), on_invalid="ignore")[:-1]
    unclosed, damaged = [], []
    for i in np.flatnonzero(shapely.is_missing(geoms)):
        if blobs[i] is None:
            continue
        try:
            rings, _ = _rings(blobs[i], 0)
        except (struct.error, KeyError, ValueError, RecursionError):
            rings = []
        geoms[i] = as_lines(rings)
        (damaged if geoms[i] is None else unclosed).append(int(i))
    return geoms, unclosed, damaged


def from_wkt(words: str) -> tuple[object, bool]:
    """A geometry of a text and whether a ring of it is open (then its rings are lines); ShapelyError for no geometry."""
    try:
        return shapely.force_2d(shapely.from_wkt(words)), False
    except shapely.errors.ShapelyError:
        if not re.match(r"\s*(MULTI)?POLYGON\b", words, re.IGNORECASE):
            raise
        rings = []
        for found in _INNERMOST.findall(words):
            numbers = [[float(n) for n in point.split()[:2]] for point in found.split(",")]
            rings.append(np.array(numbers, dtype=float).reshape(len(numbers), 2))
        lines = as_lines(rings)
        if lines is None:
            raise
        return lines, True


def as_lines(rings: list[np.ndarray]):
    """Rings of which one is open as the lines they are; None where none is, or one is damaged."""
    if not rings or not all(len(ring) >= 2 and np.isfinite(ring).all() for ring in rings):
        return None
    if all(len(ring) >= 4 and (ring[0] == ring[-1]).all() for ring in rings):
        return None
    lines = [shapely.LineString(ring) for ring in rings]
    return lines[0] if len(lines) == 1 else shapely.MultiLineString(lines)


def _rings(blob: bytes, at: int) -> tuple[list[np.ndarray], int]:
    """The rings of a polygon or of several, and where the reading ended; ValueError for any other kind."""
    order = _HEAD[blob[at]]
    (kind,) = struct.unpack_from(f"{order}I", blob, at + 1)
    at += 9 if kind & 0x20000000 else 5
    width = (
        2
        + (kind // 1000 % 4 in (1, 2))
        + 2 * (kind // 1000 % 4 == 3)
        + bool(kind & 0x80000000)
        + bool(kind & 0x40000000)
    )
    plain = (kind & 0xFFFF) % 1000
    if plain not in (3, 6):
        raise ValueError("no polygon")
    (count,) = struct.unpack_from(f"{order}I", blob, at)
    at += 4
    rings = []
    for _ in range(count):
        if plain == 6:
            more, at = _rings(blob, at)
            rings += more
            continue
        (points,) = struct.unpack_from(f"{order}I", blob, at)
        if at + 4 + 8 * width * points > len(blob):
            raise ValueError("cut off")
        xy = np.frombuffer(blob, dtype=f"{order}f8", count=width * points, offset=at + 4).reshape(
            points, width
        )
        rings.append(xy[:, :2].astype(float))
        at += 4 + 8 * width * points
    return rings, at
