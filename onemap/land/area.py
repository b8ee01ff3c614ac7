"""Ellipsoidal areas: exact and additive for everything, by the survey's procedure for the legal figure.

The exact area is the integral of one fixed density, the inverse areal scale of the projection, over the polygon
as drawn in the plane. A fixed density adds up: parts of a polygon sum to the polygon to rounding error, whatever
the cut. For transverse Mercator the density is a closed form; for other projections a polynomial fitted to
PROJ's areal scale, refused when its residual is too large to promise that.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pyproj
import shapely

from onemap.errors import CRSError
from onemap.land.flat import Flat, blocks, flat, loops_for
from onemap.land.survey import survey_area as survey_area

# Numerical settings: what the method needs to hold 1e-9, nothing a norm prescribes.
_CHUNK = 1 << 14
_RESIDUAL = 1e-11
_LATTICE_M = 100_000.0
_STEP_M = 20_000.0
_SERIES_M = 400_000.0
_BEND = 9  # degree that fits the curvature of the earth to 4e-12


def ellipsoidal_area(geoms, crs, bounds=None, rings: Flat | None = None) -> np.ndarray:
    """Areas in m² on the ellipsoid of polygons in a projected CRS; 0 for None, empty, lines and points.

    Edges are straight in the plane of the CRS. Polygons should be valid. ``bounds`` (west, south, east, north): of all
    the polygons that these are part of, so that each has the same area to the last bit whichever it is asked with.
    ``rings``: those of the polygons, where they are known. Raises CRSError for a geographic CRS and for a projection whose areal scale cannot be fitted.

    >>> square = shapely.box(41500000, 4552000, 41500100, 4552100)
    >>> float(ellipsoidal_area([square], "EPSG:4529")[0].round(4))
    10000.0
    """
    geoms = np.asarray(geoms, dtype=object).ravel()
    areas = np.zeros(len(geoms))
    own = _bounds(geoms)
    if own is None:
        return areas
    density = _density(pyproj.CRS.from_user_input(crs), own if bounds is None else np.asarray(bounds))
    for first, some in blocks(geoms) if rings is None else [(0, rings)]:
        signed = np.abs(_ring_integrals(some, density))
        np.add.at(areas, first + some.owner, np.where(some.hole, -signed, signed))
    return areas


def _bounds(geoms: np.ndarray) -> np.ndarray | None:
    kind = shapely.get_type_id(geoms)
    mixed = flat(geoms[kind == 7]).xy
    box = np.vstack([shapely.bounds(geoms[(kind == 3) | (kind == 6)]), np.hstack([mixed, mixed])])
    box = box[np.isfinite(box).all(axis=1)]
    return np.r_[box[:, :2].min(axis=0), box[:, 2:].max(axis=0)] if len(box) else None


def _ring_integrals(rings: Flat, density: _Density) -> np.ndarray:
    """Signed integral of the density over each ring, by Green's theorem, edge by edge; the same bits either way."""
    out = np.zeros(len(rings.ends))
    loops = loops_for("shape_loops", len(rings.xy)) if density.loops is not None else None
    if loops is not None:
        xs, ys, rest = np.empty((3, loops.CHUNK + 1))
        loops.ring_integrals(rings.xy, rings.ends, *density.loops, xs, ys, rest, out)
        return out
    starts, ends = rings.starts, rings.ends
    first = 0
    while first < len(starts):  # in pieces that fit a cache
        last = max(int(np.searchsorted(ends, starts[first] + _CHUNK, "right")), first + 1)
        lo, hi = starts[first], ends[last - 1]
        local, length = starts[first:last] - lo, rings.counts[first:last]
        x, y = np.ascontiguousarray(rings.xy[lo:hi, 0]), np.ascontiguousarray(rings.xy[lo:hi, 1])
        rx, ry = x - np.repeat(x[local], length), y - np.repeat(y[local], length)
        dx, dy = np.diff(x), np.diff(y)
        edge = 0.5 * density.mean * (rx[:-1] * ry[1:] - rx[1:] * ry[:-1])
        edge += density.rest(x[:-1], y[:-1], dx, dy) * dy
        edge[local[1:] - 1] = 0.0
        out[first:last] = np.bincount(np.repeat(np.arange(last - first), length)[:-1], edge, last - first)
        first = last
    return out


def inverse_scale(x: np.ndarray, y: np.ndarray, crs) -> np.ndarray:
    """How many m² on the ellipsoid one square unit of a projected CRS is worth at points: the density behind the areas.

    >>> float(inverse_scale(np.array([41600000.0]), np.array([4552000.0]), "EPSG:4529")[0].round(6))
    0.999754
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if not x.size:
        return np.empty(x.shape)
    bounds = np.array([x.min(), y.min(), x.max(), y.max()])
    return _density(pyproj.CRS.from_user_input(crs), bounds).value(x, y)


class _Density:
    """Inverse areal scale ``value`` = mean + ∂g/∂x: the mean, and ``rest``, the mean of g along an edge.

    ``loops``: what the compiled loops need to do the same, where they can.
    """

    def __init__(self, mean: float, g: Callable, value: Callable, nodes: int, loops: tuple | None = None):
        self.mean, self.g, self.value = mean, g, value
        at, weight = np.polynomial.legendre.leggauss(nodes)
        self.nodes = [(0.5 * (a + 1), 0.5 * w) for a, w in zip(at, weight, strict=True)]
        self.loops = None if loops is None else (*loops, np.array(self.nodes).ravel())

    def rest(self, x, y, dx, dy):
        total = np.zeros(len(x))
        for at, weight in self.nodes:
            total += weight * self.g(x + at * dx, y + at * dy)
        return total


def _density(crs: pyproj.CRS, bounds: np.ndarray) -> _Density:
    if not crs.is_projected:
        raise CRSError("land.area.crs_not_projected", name=crs.name)
    key = crs.to_wkt()
    if crs.coordinate_operation.method_name == "Transverse Mercator":
        east = _parameters(crs)["false easting"]
        if np.abs(bounds[[0, 2]] * _unit(crs) - east).max() <= _SERIES_M:
            return _transverse_mercator(key)
    low = np.floor(bounds[:2] / _LATTICE_M) * _LATTICE_M
    high = np.ceil(bounds[2:] / _LATTICE_M) * _LATTICE_M
    return _fitted(key, (*low.tolist(), *high.tolist()))


def _unit(crs: pyproj.CRS) -> float:
    return crs.axis_info[0].unit_conversion_factor


@lru_cache(32)
def _transverse_mercator(wkt: str) -> _Density:
    crs = pyproj.CRS.from_wkt(wkt)
    a, f = (
        crs.ellipsoid.semi_major_metre,
        1 / crs.ellipsoid.inverse_flattening if crs.ellipsoid.inverse_flattening else 0.0,
    )
    e2 = f * (2 - f)
    value = _parameters(crs)
    k0 = value["scale factor at natural origin"]
    unit = _unit(crs)
    ratio = unit / k0
    easting, northing = value["false easting"] / unit, value["false northing"] / unit
    arc, quarter, bend = _meridian(a, e2)
    start, turn, polar = arc(value["latitude of natural origin"]), 1 / quarter, a / np.sqrt(1 - e2)

    # 1/k² = 1 − u + (2 − η²)/3·u² − 17/45·u³ with u = Y²/(M·N), η² = N/M − 1 at the foot point (Redfearn);
    # sums, products and roots only, which every machine rounds alike
    def series(x, y):
        across = (x - easting) * ratio
        t = (start + (y - northing) * ratio) * turn
        t = t * t
        bent = bend[-1]
        for term in bend[-2::-1]:
            bent = term + t * bent
        return across, across * across * bent, np.sqrt(bent) * polar - 1.0

    def value(x, y):
        _, u, eta2 = series(x, y)
        return (1 + u * (u * ((2 - eta2) / 3 - u * (17 / 45)) - 1)) * ratio * ratio

    def g(x, y):
        across, u, eta2 = series(x, y)
        return across * u * (u * ((2.0 - eta2) * (1 / 15) - u * (17 / 315)) - 1 / 3) * ratio

    told = np.array([ratio * ratio, easting, northing, ratio, start, turn, polar])
    return _Density(ratio * ratio, g, value, 3, (told, bend))


def _parameters(crs: pyproj.CRS) -> dict[str, float]:
    found = {p.name.lower(): p.value * p.unit_conversion_factor for p in crs.coordinate_operation.params}
    return (
        {"latitude of natural origin": 0.0, "scale factor at natural origin": 1.0}
        | {
            "false easting": 0.0,
            "false northing": 0.0,
        }
        | found
    )


@lru_cache(8)
def _meridian(a: float, e2: float):
    """The meridian arc of a latitude; that of a quarter; and the Gaussian curvature 1/(M·N) at the foot point of an arc,
    as a polynomial in the square of its share of a quarter. Metres."""
    lat = np.linspace(0, np.pi / 2, 4001)
    at, weight = np.polynomial.legendre.leggauss(12)

    def arc(phi: float) -> float:
        t = 0.5 * phi * (at + 1)
        return float(0.5 * phi * np.sum(weight * a * (1 - e2) / (1 - e2 * np.sin(t) ** 2) ** 1.5))

    quarter = arc(np.pi / 2)
    share = np.array([arc(phi) for phi in lat]) / quarter
    exact = (1 - e2 * np.sin(lat) ** 2) ** 2 / (1 - e2)
    fit = np.polynomial.Chebyshev.fit(share * share, exact, _BEND, domain=[0, 1])
    return arc, quarter, fit.convert(domain=[-1, 1], kind=np.polynomial.Polynomial).coef / (a * a)


@lru_cache(64)
def _fitted(wkt: str, box: tuple[float, float, float, float]) -> _Density:
    crs = pyproj.CRS.from_wkt(wkt)
    unit = _unit(crs)
    middle = np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])
    half = np.maximum([box[2] - box[0], box[3] - box[1]], _LATTICE_M) / 2
    worst = np.inf
    for degree in (0, 2, 4, 6, 8, 10, 12, 14):
        count = degree + 3
        t = np.cos(np.pi * (np.arange(count) + 0.5) / count)
        u, v = (m.ravel() for m in np.meshgrid(t, t, indexing="ij"))
        c = np.linalg.lstsq(_basis(u, v, degree), _inverse_scale(crs, middle, half, u, v), rcond=None)[0]
        s = np.linspace(-1, 1, 2 * count + 1)
        u, v = (m.ravel() for m in np.meshgrid(s, s, indexing="ij"))
        exact = _inverse_scale(crs, middle, half, u, v)
        worst = float(np.max(np.abs(_basis(u, v, degree) @ c / exact - 1)))
        if worst <= _RESIDUAL:
            break
    if not worst <= 100 * _RESIDUAL:
        raise CRSError(
            "land.area.scale_not_fitted", name=crs.name, box=tuple(round(b) for b in box), worst=worst
        )
    full = np.zeros((degree + 1, degree + 1))
    full[tuple(np.array([(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]).T)] = c
    whole, mean = full.copy() * unit * unit, full[0, 0]
    full[0, 0] = 0.0
    integral = np.polynomial.chebyshev.chebint(full, axis=0) * half[0] * unit * unit

    def of(coefficients):
        def at(x, y):
            u, v = (x - middle[0]) / half[0], (y - middle[1]) / half[1]
            return np.polynomial.chebyshev.chebval2d(u, v, coefficients)

        return at

    return _Density(mean * unit * unit, of(integral), of(whole), degree // 2 + 1)


def _basis(u, v, degree):
    tu = np.polynomial.chebyshev.chebvander(u, degree)
    tv = np.polynomial.chebyshev.chebvander(v, degree)
    return np.stack([tu[:, i] * tv[:, j] for i in range(degree + 1) for j in range(degree + 1 - i)], axis=1)


def _inverse_scale(crs, middle, half, u, v):
    """1 / areal scale at points of the box, from the Jacobian of PROJ's inverse on the ellipsoid (m² per m²)."""
    unit = _unit(crs)
    to_geo = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    step = np.array([-3, -2, -1, 1, 2, 3]) * _STEP_M / unit
    weight = np.array([-1, 9, -45, 45, -9, 1]) / (60 * _STEP_M)
    x, y = middle[0] + half[0] * u, middle[1] + half[1] * v
    with np.errstate(all="ignore"):
        lon, lat = to_geo.transform(x, y)
        dlon_x, dlat_x, dlon_y, dlat_y = 0.0, 0.0, 0.0, 0.0
        for s, w in zip(step, weight, strict=True):
            lx, bx = to_geo.transform(x + s, y)
            ly, by = to_geo.transform(x, y + s)
            dlon_x, dlat_x = dlon_x + w * (lx - lon), dlat_x + w * (bx - lat)
            dlon_y, dlat_y = dlon_y + w * (ly - lon), dlat_y + w * (by - lat)
        a = crs.ellipsoid.semi_major_metre
        e2 = 1 - (crs.ellipsoid.semi_minor_metre / a) ** 2
        radian = crs.geodetic_crs.axis_info[0].unit_conversion_factor
        phi = lat * radian
        metric = a * a * (1 - e2) * np.cos(phi) / (1 - e2 * np.sin(phi) ** 2) ** 2
        return metric * np.abs(dlon_x * dlat_y - dlon_y * dlat_x) * radian**2
