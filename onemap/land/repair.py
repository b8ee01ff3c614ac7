"""Polygons as they must be, with a passport for each change; what is ambiguous is set aside, not mended."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely

from onemap.land.area import ellipsoidal_area
from onemap.land.flat import Flat, flat, loops_for
from onemap.land.limits import Limits
from onemap.land.survey_rings import assemble


class Repair(NamedTuple):
    """Per geometry: the polygon to use (None if unusable), reason ('' if fine), footprint, and passports by position.

    ``rings`` are those of the polygons to use.
    """

    geoms: np.ndarray
    reason: np.ndarray
    footprint: np.ndarray
    passports: dict[int, dict]
    rings: Flat


EMPTY_REASONS = ("no_geometry", "collapsed", "annotation")
_MOST = 1e70  # beyond it the products that GEOS reckons with have no end, nor have its loops


def repair(geoms: np.ndarray, crs, limits: Limits, loose: bool = False, rings: Flat | None = None) -> Repair:
    """Usable polygons, and for the rest why not and where they may lie (convex hull of finite coordinates).

    An invalid polygon is mended only when the readings of it (as drawn, by structure, by even-odd) agree in area
    within the book's tolerance; a bow-tie does not. Closed lines become areas; open ones do not, however near their ends lie.
    Coordinates that GEOS cannot reckon with are absurd.
    ``loose``: points, and lines that enclose nothing, are annotation. ``rings``: those of the geometries, where they are
    known. Areas in m².
    """
    geoms = np.array(geoms, dtype=object)
    count = len(geoms)
    reason = np.full(count, "", dtype=object)
    footprint = np.full(count, None, dtype=object)
    passports: dict[int, dict] = {}
    absent = shapely.is_missing(geoms) | shapely.is_empty(geoms)
    reason[absent] = "no_geometry"
    kinds = shapely.get_type_id(geoms)
    rings = flat(geoms) if rings is None else rings
    suspect = ~absent & (((kinds != 3) & (kinds != 6)) | ~are_valid(geoms, rings))
    for i in np.flatnonzero(suspect):
        try:
            geom, why, card = _one(geoms[i], crs, limits, loose)
        except shapely.errors.GEOSException as error:
            _not_for_want_of_memory(error)
            geom, why, card = None, "absurd_coordinates", None
        # a line in a table of features may stand for land beside it: without a footprint it could be anywhere
        if why and why not in (*EMPTY_REASONS, "not_a_polygon") and (loose or why != "line_open"):
            footprint[i] = hull(geoms[i])
        geoms[i], reason[i] = geom, why
        if card:
            passports[int(i)] = card
    geoms[absent] = None
    if suspect.any():
        rings = rings.of(~suspect).and_of(geoms[suspect], np.flatnonzero(suspect))
    return Repair(geoms, reason, footprint, passports, rings)


def are_valid(geoms: np.ndarray, rings: Flat) -> np.ndarray:
    """Which geometries are valid, as GEOS says; ``rings``: theirs. GEOS is asked about those that are not so beyond doubt,
    and what it cannot judge is not valid."""
    valid = np.zeros(len(geoms), dtype=bool)
    loops = loops_for("shape_loops", len(rings.xy))
    if loops is not None:
        first = np.flatnonzero(np.r_[True, rings.owner[1:] != rings.owner[:-1]])
        most = int(np.add.reduceat(rings.counts, first).max())
        xs, ys, low = np.empty((3, most))
        order, after = np.empty((2, most), dtype=np.int64)
        start = np.empty(loops.MOST_RINGS + 1, dtype=np.int64)
        owner = rings.owner.astype(np.int64)
        loops.surely_valid(rings.xy, rings.ends, owner, rings.hole, xs, ys, low, order, after, start, valid)
    doubtful = np.flatnonzero(~valid)
    try:
        valid[doubtful] = shapely.is_valid(geoms[doubtful])
    except shapely.errors.GEOSException as error:
        _not_for_want_of_memory(error)
        valid[doubtful] = [_judged_valid(geom) for geom in geoms[doubtful]]
    return valid


def _judged_valid(geom) -> bool:
    try:
        return bool(shapely.is_valid(geom))
    except shapely.errors.GEOSException as error:
        _not_for_want_of_memory(error)
        return False


def _not_for_want_of_memory(error: Exception) -> None:
    """GEOS says with the same error that memory ran out: that is no fault of the row. Raises MemoryError then."""
    if "bad_alloc" in str(error):
        raise MemoryError from error


def _one(geom, crs, limits: Limits, loose: bool):
    coords = shapely.get_coordinates(geom)
    if not np.isfinite(coords).all():
        return None, "non_finite", None
    if np.abs(coords).max(initial=0.0) > _MOST:
        return None, "absurd_coordinates", None
    card, method, drawn = None, [], geom
    if geom.geom_type in ("LineString", "LinearRing", "MultiLineString"):
        if ends_apart(geom)[0] > 0 or any(len(line.coords) < 4 for line in shapely.get_parts(geom)):
            return None, _open_line(geom, loose), None
        geom = _enclosed(geom)
        method = ["line_to_area"]
    if geom.geom_type == "GeometryCollection":
        parts = [p for p in _flat(geom) if p.geom_type == "Polygon" and not p.is_empty]
        if not parts:
            return None, "annotation" if loose else "not_a_polygon", None
        drawn = geom = shapely.MultiPolygon(parts)
        method = ["collection_reduced"]
    elif geom.geom_type not in ("Polygon", "MultiPolygon"):
        return None, "annotation" if loose else "not_a_polygon", None
    if not geom.is_valid:
        made = shapely.make_valid(geom, method="structure", keep_collapsed=False)
        crossed = shapely.make_valid(geom)
        if made.is_empty or made.area == 0:
            return None, "collapsed", None
        readings = [geom.area, made.area, sum(p.area for p in _flat(crossed))]
        alike = max(readings) - min(readings) <= limits.same(made.area)
        if not alike or made.geom_type not in ("Polygon", "MultiPolygon") or not made.is_valid:
            return None, "ambiguous_polygon", None
        method.append("make_valid")
        card = _passport(drawn, made, method, crs)
        geom = made
    if method and card is None:
        card = _passport(drawn, geom, method, crs)
    return geom, "", card


def ends_apart(lines) -> tuple[float, shapely.Point]:
    """How far apart the ends of a line are, of several the farthest, and the middle between them."""
    ends = np.array([(line.coords[0][:2], line.coords[-1][:2]) for line in shapely.get_parts(lines)])
    gaps = np.hypot(*(ends[:, 0] - ends[:, 1]).T)
    widest = int(gaps.argmax())
    return float(gaps[widest]), shapely.Point(ends[widest].mean(axis=0))


def _open_line(lines, loose: bool) -> str:
    """Why an open line is no area: left open, or nothing that could be one."""
    if hull(lines) is None:
        return "annotation" if loose else "not_a_polygon"
    return "line_open"


def _enclosed(lines):
    """What closed lines enclose, a line within another being a hole."""
    rings = [shapely.get_coordinates(line)[:-1] for line in shapely.get_parts(lines)]
    return assemble([(None, [tuple(point) for point in ring.tolist()]) for ring in rings])[0]


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


def hull(geom):
    """The convex hull of the finite coordinates of a geometry, where it is a polygon; else None, as where some are too
    large to reckon with."""
    coords = shapely.get_coordinates(geom)
    coords = coords[np.isfinite(coords).all(axis=1)]
    if len(coords) < 3 or np.abs(coords).max() > _MOST:
        return None
    around = shapely.convex_hull(shapely.multipoints(coords))
    return around if around.geom_type == "Polygon" else None
