"""How much area sites share with polygons, without building a single intersection."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely

from onemap.blueprint import trapezoids
from onemap.blueprint.noding import close_rings
from onemap.land.area import inverse_scale

LARGE = 64  # coordinates from which a polygon's edges are filed by strips
CUBIC = 1e-12  # how far (relative) the density may be from the polynomial that stands for it
POWERS = ((0, 0), (1, 0), (2, 0), (3, 0), (0, 1), (1, 1), (2, 1), (0, 2), (1, 2), (0, 3))  # of x and y


def shared_areas(
    sites: np.ndarray, polygons: np.ndarray, crs=None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Areas that valid sites share with valid polygons: ellipsoidal m² in a projected ``crs``, planar without one.

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
    order = np.argsort(site * len(polygons) + polygon)
    site, polygon = site[order], polygon[order]
    area = pair_areas(sites, polygons, site, polygon, crs)
    box = shapely.bounds(sites)
    real = area > 1e-12 * ((box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1]))[site]
    return site[real], polygon[real], area[real]


def pair_areas(
    sites: np.ndarray, polygons: np.ndarray, site: np.ndarray, polygon: np.ndarray, crs=None
) -> np.ndarray:
    """The area that each pair of a site and a polygon (positions) shares, see :func:`shared_areas`.

    Exact to some 1e-15 of the site's bounding box. NaN where a site is so wide that the ellipsoid's density is no cubic
    polynomial over it to 1e-12 (some 15 km).
    """
    area = np.zeros(len(site))
    if not len(site):
        return area
    met = np.zeros(len(polygons), dtype=bool)
    met[polygon] = True
    used, polygon_at = np.flatnonzero(met), (np.cumsum(met) - 1)[polygon]
    a, a_start = site_edges(rings(sites))
    boxes = np.zeros((len(sites), 4))
    trapezoids.site_boxes(a, a_start, boxes)
    b = rings(polygons[used])
    order = np.argsort(polygon_at, kind="stable")
    weight = weights(sites, crs)
    by_polygon = np.empty(len(site))
    trapezoids.pair_areas(
        a, a_start, boxes, *b, *strips(b), site[order], polygon_at[order], weight, by_polygon
    )
    area[order] = by_polygon
    return area


def weights(sites: np.ndarray, crs) -> np.ndarray:
    """What a square unit is worth over each site, as a polynomial in the distances from its lower left corner.

    One row a site: the value at the corner; 1 / the side of the square around the site (0: nothing varies); the
    coefficients of y, per power of x: x, x², x³, then of y² / 2, per power of x, and so on; all in units of that side.
    """
    out = np.zeros((len(sites), 11))
    out[:, 0] = 1.0
    if crs is None:
        return out
    box = shapely.bounds(sites)
    side = np.maximum(box[:, 2] - box[:, 0], box[:, 3] - box[:, 1])[:, None]

    def value(at: np.ndarray) -> np.ndarray:
        return inverse_scale(box[:, [0]] + side * at[:, 0], box[:, [1]] + side * at[:, 1], crs)

    step = (1 - np.cos(np.pi * (np.arange(4) + 0.5) / 4)) / 2
    known = np.stack(np.meshgrid(step, step, indexing="ij"), axis=-1).reshape(-1, 2)
    asked = np.stack(np.meshgrid(np.linspace(0, 1, 5), np.linspace(0, 1, 5), indexing="ij"), axis=-1).reshape(
        -1, 2
    )
    terms = _times(value(known), np.linalg.pinv(_powers(known)).T)
    found = value(asked)
    out[:, :1], out[:, 1:2] = terms[:, :1], 1 / side
    out[:, 2:] = terms[:, 1:] / [power + 1 for _, power in POWERS[1:]]
    out[np.abs(_times(terms, _powers(asked).T) / found - 1).max(axis=1) > CUBIC, 0] = np.nan
    return out


def _powers(at: np.ndarray) -> np.ndarray:
    return np.stack([at[:, 0] ** i * at[:, 1] ** j for i, j in POWERS], axis=1)


def _times(rows: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The product of matrices, term by term: in that of BLAS the last bits of a row depend on how many rows there are."""
    return sum(rows[:, [j]] * matrix[j] for j in range(len(matrix)))


class Rings(NamedTuple):
    """The places of shapes, ring after ring: joined : to the next one; start : where each shape's begin; turn : its sense."""

    xy: np.ndarray
    joined: np.ndarray
    start: np.ndarray
    turn: np.ndarray


def rings(shapes: np.ndarray) -> Rings:
    """The rings of each shape, holes against their shells."""
    several = (shapely.get_type_id(shapes) != 3) | (shapely.get_num_interior_rings(shapes) > 0)
    shapes = shapes.copy()
    shapes[several] = shapely.orient_polygons(shapes[several])
    xy, count = shapely.get_coordinates(shapes), shapely.get_num_coordinates(shapes)
    joined = np.empty(len(xy), dtype=np.bool_)
    if not close_rings(xy, count, joined):
        ring = shapely.get_rings(shapely.get_parts(shapes))
        of_ring = np.repeat(np.arange(len(ring)), shapely.get_num_coordinates(ring))
        joined = np.append(of_ring[1:] == of_ring[:-1], False)
    found = Rings(xy, joined, np.r_[0, np.cumsum(count)].astype(np.intp), np.empty(len(shapes)))
    trapezoids.turns(*found)
    return found


def site_edges(sites: Rings) -> tuple[np.ndarray, np.ndarray]:
    """The edges of each site as rows west x, its y, east x, its y, sign, slope; and where each site's rows begin."""
    rows, begin = np.empty((len(sites.xy), 6)), np.zeros(len(sites.turn) + 1, dtype=np.intp)
    trapezoids.site_edges(*sites, rows, begin)
    return rows, begin


def strips(shapes: Rings) -> tuple[np.ndarray, ...]:
    """Vertical strips of the large shapes and the edges that pass each: first strip, west, width, starts, edges."""
    size = np.diff(shapes.start)
    number = np.where(size > LARGE, size // 8, 0)
    first = np.r_[0, np.cumsum(number)]
    west, width = np.zeros(len(size)), np.zeros(len(size))
    begin = np.zeros(first[-1] + 1, dtype=np.intp)
    given = (*shapes[:3], first, west, width, begin)
    filed = np.empty(trapezoids.count_strips(*given), dtype=np.int32)
    trapezoids.fill_strips(*given, filed)
    return first, west, width, begin, filed
