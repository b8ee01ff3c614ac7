"""How much area sites share with polygons, without building a single intersection."""

from __future__ import annotations

import numpy as np
import shapely

from onemap.blueprint import trapezoids
from onemap.blueprint.noding import close_rings

LARGE = 64  # coordinates from which a polygon's edges are filed by strips


def shared_areas(sites: np.ndarray, polygons: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Planar areas (in square units of the coordinates) that valid sites share with valid polygons.

    Returns site, polygon, area: one entry per pair with area, sorted by site and polygon. A pair whose area is below
    1e-12 of the site's bounding box is left out: that is within what rounding leaves of a mere contact.

    >>> site, polygon, area = shared_areas(
    ...     np.array([shapely.box(0, 0, 2, 2)]), np.array([shapely.box(1, 1, 5, 5), shapely.box(2, 0, 3, 1)])
    ... )
    >>> site.tolist(), polygon.tolist(), area.tolist()
    ([0], [0], [1.0])
    """
    sites, polygons = np.asarray(sites, dtype=object), np.asarray(polygons, dtype=object)
    site, polygon = shapely.STRtree(polygons).query(sites)
    order = np.argsort(polygon, kind="stable")
    site, polygon = site[order], polygon[order]
    used, polygon_at = np.unique(polygon, return_inverse=True)
    area = np.zeros(len(site))
    if len(site):
        a, a_start = edges(sites)
        b, b_start = edges(polygons[used])
        work = strips(b, b_start)
        trapezoids.pair_areas(a, a_start, b, b_start, *work, site, polygon_at.astype(np.intp), area)
    box = shapely.bounds(sites)
    real = area > 1e-12 * ((box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1]))[site]
    site, polygon, area = site[real], polygon[real], area[real]
    order = np.lexsort((polygon, site))
    return site[order], polygon[order], area[order]


def edges(shapes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The edges of each shape as rows west x, its y, east x, its y, sign; and where each shape's rows begin.

    The sign is 1 where the shape lies below the edge and -1 where it lies above; vertical edges are left out.
    """
    shapes = shapely.orient_polygons(shapes)
    xy, count = shapely.get_coordinates(shapes), shapely.get_num_coordinates(shapes)
    joined = np.empty(len(xy), dtype=np.bool_)
    if not close_rings(xy, count, joined):
        ring = shapely.get_rings(shapely.get_parts(shapes))
        of_ring = np.repeat(np.arange(len(ring)), shapely.get_num_coordinates(ring))
        joined = np.append(of_ring[1:] == of_ring[:-1], False)
    rows, start = np.empty((len(xy), 5)), np.zeros(len(shapes) + 1, dtype=np.intp)
    n = trapezoids.signed_edges(xy, joined, count, rows, start)
    return rows[:n], start


def strips(rows: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, ...]:
    """Vertical strips of the large shapes and the edges that pass each: first strip, west, width, starts, edges."""
    size = np.diff(start)
    number = np.where(size > LARGE, size // 8, 0)
    first = np.r_[0, np.cumsum(number)]
    west, width = np.zeros(len(size)), np.zeros(len(size))
    begin = np.zeros(first[-1] + 1, dtype=np.intp)
    filed = np.empty(trapezoids.count_strips(rows, start, first, west, width, begin), dtype=np.int32)
    trapezoids.fill_strips(rows, start, first, west, width, begin, filed)
    return first, west, width, begin, filed
