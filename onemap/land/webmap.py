"""Whether longitudes and latitudes carry the offset that Chinese web maps put on them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pyproj
import shapely

# The public formulas of GCJ-02 and BD-09; not official, good to centimetres.
_A, _EE = 6378245.0, 0.00669342162296594323
_TURN = math.pi * 3000.0 / 180.0
# A vertex fits if it lies so near a known boundary; so many must fit, and so many times more than unshifted.
_NEAR_M, _SHARE, _TIMES = 1.5, 0.3, 3.0
_SAMPLE = 2000


class Suspicion(NamedTuple):
    """The offset that makes vertices fit known boundaries ('' for none), shares that fit with and without it, its size."""

    name: str
    share: float
    share_as_is: float
    metres: float


def gcj02(lon, lat):
    """WGS84 degrees as GCJ-02 degrees.

    >>> [round(float(v), 5) for v in gcj02(122.99, 41.11)]
    [122.99548, 41.11191]
    """
    lon, lat = np.asarray(lon, dtype=float), np.asarray(lat, dtype=float)
    x, y = lon - 105.0, lat - 35.0
    wave = (20.0 * np.sin(6.0 * x * math.pi) + 20.0 * np.sin(2.0 * x * math.pi)) * 2.0 / 3.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * np.sqrt(np.abs(x)) + wave
    north += (20.0 * np.sin(y * math.pi) + 40.0 * np.sin(y / 3.0 * math.pi)) * 2.0 / 3.0
    north += (160.0 * np.sin(y / 12.0 * math.pi) + 320.0 * np.sin(y * math.pi / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * np.sqrt(np.abs(x)) + wave
    east += (20.0 * np.sin(x * math.pi) + 40.0 * np.sin(x / 3.0 * math.pi)) * 2.0 / 3.0
    east += (150.0 * np.sin(x / 12.0 * math.pi) + 300.0 * np.sin(x / 30.0 * math.pi)) * 2.0 / 3.0
    phi = np.radians(lat)
    magic = 1 - _EE * np.sin(phi) ** 2
    north = np.degrees(north * magic**1.5 / (_A * (1 - _EE)))
    east = np.degrees(east * np.sqrt(magic) / (_A * np.cos(phi)))
    return lon + east, lat + north


def bd09(lon, lat):
    """WGS84 degrees as BD-09 degrees.

    >>> [round(float(v), 5) for v in bd09(122.99, 41.11)]
    [123.00185, 41.11826]
    """
    x, y = gcj02(lon, lat)
    z = np.hypot(x, y) + 0.00002 * np.sin(y * _TURN)
    theta = np.arctan2(y, x) + 0.000003 * np.cos(x * _TURN)
    return z * np.cos(theta) + 0.0065, z * np.sin(theta) + 0.006


def undo(forward, lon, lat):
    """Degrees without the offset that a function puts on them, by iteration."""
    x, y = np.asarray(lon, dtype=float), np.asarray(lat, dtype=float)
    u, v = x, y
    for _ in range(12):
        p, q = forward(u, v)
        u, v = u + x - p, v + y - q
    return u, v


def suspect(geoms: np.ndarray, known: np.ndarray, crs: pyproj.CRS) -> Suspicion | None:
    """Which offset would bring placed geometries onto known ones, both in a projected CRS; None without comparison."""
    coords = shapely.get_coordinates(geoms)
    coords = coords[np.isfinite(coords).all(axis=1)]
    known = known[~(shapely.is_missing(known) | shapely.is_empty(known))]
    if len(coords) < 4 or not len(known):
        return None
    coords = coords[:: max(1, len(coords) // _SAMPLE)]
    edges = shapely.STRtree(shapely.boundary(known))
    lonlat = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True).transform(
        coords[:, 0], coords[:, 1]
    )
    back = pyproj.Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)

    def share(points: np.ndarray) -> float:
        hit, _ = edges.query(shapely.points(points), predicate="dwithin", distance=_NEAR_M)
        return len(np.unique(hit)) / len(points)

    as_is = share(coords)
    best = Suspicion("", as_is, as_is, 0.0)
    for name, forward in (("GCJ-02", gcj02), ("BD-09", bd09)):
        moved = np.column_stack(back.transform(*undo(forward, *lonlat)))
        fits = share(moved)
        if fits >= _SHARE and fits > max(_TIMES * as_is, best.share):
            best = Suspicion(name, fits, as_is, float(np.median(np.hypot(*(moved - coords).T))))
    return best if best.name or as_is >= _SHARE else None
