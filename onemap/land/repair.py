"""Polygons as they must be, with a passport for each change; what is ambiguous is set aside, not mended."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely

from onemap.land.area import ellipsoidal_area
from onemap.land.limits import Limits


class Repair(NamedTuple):
    """Per geometry: the polygon to use (None if unusable), reason ('' if fine), footprint, and passports by position."""

    geoms: np.ndarray
    reason: np.ndarray
    footprint: np.ndarray
    passports: dict[int, dict]


EMPTY_REASONS = ("no_geometry", "collapsed", "annotation")


def repair(geoms: np.ndarray, crs, limits: Limits, loose: bool = False) -> Repair:
    """Usable polygons, and for the rest why not and where they may lie (convex hull of finite coordinates).

    An invalid polygon is mended only when the readings of it (as drawn, by structure, by even-odd) agree in area
    within the book's tolerance; a bow-tie does not. ``loose``: lines and points are annotation. Areas in m².
    """
    geoms = np.array(geoms, dtype=object)
    count = len(geoms)
    reason = np.full(count, "", dtype=object)
    footprint = np.full(count, None, dtype=object)
    passports: dict[int, dict] = {}
    absent = shapely.is_missing(geoms) | shapely.is_empty(geoms)
    reason[absent] = "no_geometry"
    kinds = shapely.get_type_id(geoms)
    suspect = ~absent & ((kinds == 7) | ~np.isin(kinds, (3, 6)) | ~shapely.is_valid(geoms))
    for i in np.flatnonzero(suspect):
        geom, why, card = _one(geoms[i], crs, limits, loose)
        if why and why not in EMPTY_REASONS:
            footprint[i] = _footprint(geoms[i]) if why != "not_a_polygon" else None
        geoms[i], reason[i] = geom, why
        if card:
            passports[int(i)] = card
    geoms[absent] = None
    return Repair(geoms, reason, footprint, passports)


def _one(geom, crs, limits: Limits, loose: bool):
    coords = shapely.get_coordinates(geom)
    if not np.isfinite(coords).all():
        return None, "non_finite", None
    card, method = None, []
    if geom.geom_type == "GeometryCollection":
        parts = [p for p in _flat(geom) if p.geom_type == "Polygon"]
        if not parts:
            return None, "annotation" if loose else "not_a_polygon", None
        geom, method = shapely.MultiPolygon(parts), ["collection_reduced"]
    elif geom.geom_type not in ("Polygon", "MultiPolygon"):
        return None, "annotation" if loose else "not_a_polygon", None
    if not geom.is_valid:
        made = shapely.make_valid(geom, method="structure", keep_collapsed=False)
        crossed = shapely.make_valid(geom)
        if made.is_empty or made.area == 0:
            return None, "collapsed", None
        readings = [geom.area, made.area, sum(p.area for p in _flat(crossed))]
        if max(readings) - min(readings) > limits.same(made.area) or made.geom_type not in (
            "Polygon",
            "MultiPolygon",
        ):
            return None, "ambiguous_polygon", None
        method.append("make_valid")
        card = _passport(geom, made, method, crs)
        geom = made
    if method and card is None:
        card = _passport(geom, geom, method, crs)
    return geom, "", card


def _passport(before, after, method: list[str], crs) -> dict:
    old, new = ellipsoidal_area([before, after], crs)
    points = shapely.points(shapely.get_coordinates(before))
    return {
        "method": "+".join(method),
        "area_before_m2": float(old),
        "area_after_m2": float(new),
        "area_change_m2": float(new - old),
        "max_move_m": float(shapely.distance(points, after.boundary).max()),
    }


def _flat(geom) -> list:
    return [leaf for part in geom.geoms for leaf in _flat(part)] if hasattr(geom, "geoms") else [geom]


def _footprint(geom):
    coords = shapely.get_coordinates(geom)
    coords = coords[np.isfinite(coords).all(axis=1)]
    if len(coords) < 3:
        return None
    hull = shapely.convex_hull(shapely.multipoints(coords))
    return hull if hull.geom_type == "Polygon" else None
