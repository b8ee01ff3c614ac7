"""A change of datum by the parameters that a workspace gives, believed only as far as its check points go."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyproj

from onemap.errors import CRSError, InputError
from onemap.messages import Message

_SEVEN = ("dx_m", "dy_m", "dz_m", "rx_sec", "ry_sec", "rz_sec", "scale_ppm")
_FOUR = ("de_m", "dn_m", "rotation_sec", "scale_ppm")
_CONVENTIONS = {7: ("coordinate_frame", "position_vector"), 4: ("clockwise", "counterclockwise")}
_LEAST_POINTS = 3


class Shift(NamedTuple):
    """One checked change of datum: from which geographic EPSG code, how, and how well it fits its check points."""

    base: int
    carry: Callable[[pyproj.CRS, pyproj.CRS], Callable]
    told: Message
    residuals_m: np.ndarray


def prepare(entry, base: int, crs: pyproj.CRS, to_crs: pyproj.CRS) -> Shift:
    """A workspace's datum entry as a usable shift, its residuals at the check points within its own limit.

    ``base``: geographic EPSG code of the old datum; ``crs`` and ``to_crs``: projected systems of the check points'
    ``from`` and ``to`` (and, for four parameters, of the parameters). Raises CRSError when too few points are
    given, or when a residual exceeds ``limit_m``, naming the convention that would fit.
    """
    names, values = (_SEVEN, entry.parameters) if entry.kind == 7 else (_FOUR, entry.parameters)
    if set(values) != set(names):
        raise InputError(
            "land.datum.parameters",
            where=entry.at,
            kind=entry.kind,
            names=names,
            missing=[n for n in names if n not in values],
            unknown=[v for v in values if v not in names],
        )
    if entry.convention not in _CONVENTIONS[entry.kind]:
        raise InputError(
            "land.datum.convention_unknown",
            where=entry.at,
            convention=entry.convention,
            known=list(_CONVENTIONS[entry.kind]),
        )
    given = np.array([[*p.given, *p.meant] for p in entry.check_points], dtype=float).reshape(-1, 4)
    if len(np.unique(given[:, :2], axis=0)) < _LEAST_POINTS:
        raise CRSError("land.datum.points_few", where=entry.at, count=len(given), least=_LEAST_POINTS)

    def route(convention: str):
        if entry.kind == 7:
            return lambda source, goal: _seven(values, convention, source, goal)
        return lambda source, goal: _four(values, convention, crs, to_crs, source, goal)

    def residuals(convention: str) -> np.ndarray:
        x, y = route(convention)(crs, to_crs)(given[:, 0], given[:, 1])
        return np.hypot(np.asarray(x) - given[:, 2], np.asarray(y) - given[:, 3])

    left = residuals(entry.convention)
    if not (left <= entry.limit_m).all():
        fitting = [c for c in _CONVENTIONS[entry.kind] if (residuals(c) <= entry.limit_m).all()]
        raise CRSError(
            "land.datum.residuals",
            where=entry.at,
            mend=Message("land.datum.convention_fits", convention=fitting[0])
            if fitting
            else Message("land.datum.check_all"),
            residuals=_few(left),
            limit_m=entry.limit_m,
        )
    m0 = math.sqrt(float((left**2).sum()) / (2 * len(left)))
    told = Message(
        "land.datum.told", kind=entry.kind, convention=entry.convention, source=entry.source, date=entry.date,
        residuals=_few(left), count=len(left), m0=round(m0, 4), limit_m=entry.limit_m,
    )  # fmt: skip
    return Shift(base, route(entry.convention), told, left)


def _few(values: np.ndarray) -> str:
    return "/".join(f"{v:.4f}" for v in values[:8])


def _seven(values: dict, convention: str, source: pyproj.CRS, goal: pyproj.CRS):
    """x and y of the source to x and y of the goal through geocentric coordinates, heights taken as 0."""
    old, new = source.geodetic_crs.ellipsoid, goal.geodetic_crs.ellipsoid
    helmert = " ".join(
        f"+{key}={values[name]!r}"
        for key, name in zip(("x", "y", "z", "rx", "ry", "rz", "s"), _SEVEN, strict=True)
    )
    middle = pyproj.Transformer.from_pipeline(
        "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=push +v_3"
        f" +step +proj=cart +a={old.semi_major_metre!r} +rf={old.inverse_flattening!r}"
        f" +step +proj=helmert {helmert} +convention={convention}"
        f" +step +inv +proj=cart +a={new.semi_major_metre!r} +rf={new.inverse_flattening!r}"
        " +step +proj=pop +v_3 +step +proj=unitconvert +xy_in=rad +xy_out=deg"
    )
    before, after = _same(source, source.geodetic_crs), _same(goal.geodetic_crs, goal)

    def move(x, y):
        lon, lat = before(x, y)
        return after(*middle.transform(lon, lat))

    return move


def _four(values: dict, convention: str, crs, to_crs, source, goal):
    """x and y of the source to the parameters' plane, turned and scaled there, and on to the goal."""
    turn = math.radians(values["rotation_sec"] / 3600) * (-1 if convention == "clockwise" else 1)
    scale = 1 + values["scale_ppm"] * 1e-6
    before, after = _same(source, crs), _same(to_crs, goal)

    def move(x, y):
        east, north = (np.asarray(v, dtype=float) for v in before(x, y))
        return after(
            values["de_m"] + scale * (east * math.cos(turn) - north * math.sin(turn)),
            values["dn_m"] + scale * (east * math.sin(turn) + north * math.cos(turn)),
        )

    return move


def _same(one: pyproj.CRS, other: pyproj.CRS):
    if one == other:
        return lambda x, y: (x, y)
    return pyproj.Transformer.from_crs(one, other, always_xy=True).transform
