"""Coordinates into the blueprint's CRS by established means, or a refusal that names what they could be."""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pyproj
import shapely
from pyproj.aoi import AreaOfInterest
from pyproj.crs import ProjectedCRS
from pyproj.crs.coordinate_operation import TransverseMercatorConversion
from pyproj.exceptions import CRSError as ProjCRSError
from pyproj.exceptions import ProjError
from pyproj.transformer import TransformerGroup

from onemap.errors import CRSError, InputError
from onemap.land.detect import candidates
from onemap.land.flat import Flat, flat
from onemap.messages import Message

# Datums under the names that vendors give them: EPSG code of the geographic CRS, semi-major axis, 1/f.
_DATUMS = {
    4490: (
        6378137.0,
        298.257222101,
        "china2000 chinageodeticcoordinatesystem2000 cgcs2000 2000国家大地坐标系 国家2000",
    ),
    4610: (6378140.0, 298.257, "xian1980 xian80 1980西安坐标系 西安80 80国家大地坐标系"),
    4214: (6378245.0, 298.3, "beijing1954 beijing54 1954北京坐标系 北京54"),
    4555: (6378245.0, 298.3, "newbeijing"),
    4326: (6378137.0, 298.257223563, "wgs1984 wgs84 worldgeodeticsystem1984 worldgeodeticsystem1984ensemble"),
}
_DATUM_OF = {name: code for code, (_, _, names) in _DATUMS.items() for name in names.split()}
_ZONED = re.compile(r"(?<![a-z])(?:zone|第)[ _]*(\d{2})(?!\d)", re.IGNORECASE)


_SAMPLE = 100_000
STRAY = 1000.0


class Placed(NamedTuple):
    """Geometries in the target CRS and their rings, the established CRS they came from, and what was accepted on the way."""

    geoms: np.ndarray
    rings: Flat
    crs: pyproj.CRS
    note: str
    detail: Message | None = None


def place(
    geoms,
    source,
    target,
    *,
    town=None,
    accept_wgs84: bool = False,
    by_format: bool = False,
    where: str = "",
    shifts=(),
) -> Placed:
    """Geometries carried from an established CRS into the target CRS, both checked against the town.

    ``town`` is (west, south, east, north) in degrees; without it the target's area of use stands in.
    ``by_format``: WGS84 is only what the format (GeoJSON, KML) prescribes. ``note`` is '' for an exact change of
    projection, else the issue code of what was accepted. ``shifts``: the workspace's own changes of datum. Raises CRSError, with the candidates named, for an
    unknown or contradictory CRS, a datum without parameters, a ballpark, and coordinates away from the town.
    """
    geoms = np.asarray(geoms, dtype=object)
    target = pyproj.CRS.from_user_input(target)
    rings = flat(geoms)
    bounds = core_bounds(geoms, rings)
    hints = candidates(bounds, town or _use(target), target) if bounds is not None else []
    named = Message("land.crs.fits", systems=hints) if hints else Message("land.crs.fits_none")
    if source is None:
        raise CRSError("land.crs.not_stated", where=where, named=named)
    try:
        established = resolve(source, where)
    except CRSError as error:
        raise CRSError(error.said.key, **error.said.values | {"mend": named}) from None
    if bounds is None:
        return Placed(geoms, rings, established, "")
    transform, note, detail = _route(
        established, target, town or _use(target), accept_wgs84 or by_format, where, shifts
    )
    if transform:
        geoms = transform_all(geoms, transform)
        rings = flat(geoms)
        bounds = core_bounds(geoms, rings)
    if not near(bounds, target, town or _use(target), 1.0 if town else 0.0):
        place_name = Message("land.crs.town") if town else Message("land.crs.area_of_use", name=target.name)
        raise CRSError("land.crs.away", where=where, name=established.name, place=place_name, named=named)
    return Placed(geoms, rings, established, note, detail)


def core_bounds(geoms: np.ndarray, rings: Flat | None = None) -> np.ndarray | None:
    """Bounds of the middle 98 % of finite coordinates, so that one stray vertex decides nothing; None if none.

    Of few coordinates, those are left out that lie ``STRAY`` times as far from the middle as half of them do. ``rings``: those of the geometries, where they are known.
    """
    ordered = rings is not None and (rings.owner[1:] >= rings.owner[:-1]).all()
    all_of_them = ordered and len(rings.xy) == shapely.get_num_coordinates(geoms).sum()
    coords = rings.xy if all_of_them else shapely.get_coordinates(geoms)
    coords = coords[:: max(1, len(coords) // _SAMPLE)]
    coords = coords[np.isfinite(coords).all(axis=1)]
    if not len(coords):
        return None
    if len(coords) < 50:
        middle = np.median(coords, axis=0)
        away = np.abs(coords - middle).max(axis=1)
        return np.r_[middle, middle] if len(coords) < 3 else _box(coords[away <= STRAY * np.median(away)])
    return np.quantile(coords, [0.01, 0.99], axis=0).ravel()


def _box(coords: np.ndarray) -> np.ndarray:
    return np.r_[coords.min(axis=0), coords.max(axis=0)]


def near(bounds: np.ndarray | None, crs: pyproj.CRS, town, widen: float = 1.0) -> bool:
    """Whether bounds in a projected CRS reach the town's box, widened by a multiple of its own size."""
    if bounds is None or not np.isfinite(bounds).all():
        return False
    if town is None:
        return True
    reach = town_bounds(crs, town, widen)
    return bool(
        bounds[0] <= reach[2] and bounds[2] >= reach[0] and bounds[1] <= reach[3] and bounds[3] >= reach[1]
    )


def town_bounds(crs: pyproj.CRS, town, widen: float = 1.0) -> np.ndarray:
    """The town's box (degrees) widened on each side by a multiple of its size, as bounds in the CRS."""
    west, south, east, north = town
    dx, dy = widen * max(east - west, 1e-3), widen * max(north - south, 1e-3)
    to = pyproj.Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)
    box = (max(west - dx, -180), max(south - dy, -90), min(east + dx, 180), min(north + dy, 90))
    return np.array(to.transform_bounds(*box, densify_pts=21))


def town_box(geom, crs) -> tuple[float, float, float, float]:
    """(west, south, east, north) in degrees of a geometry in a CRS."""
    crs = pyproj.CRS.from_user_input(crs)
    to = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    return tuple(to.transform_bounds(*shapely.bounds(geom), densify_pts=21))


def _use(crs: pyproj.CRS):
    use = crs.area_of_use
    return (use.west, use.south, use.east, use.north) if use else None


def transform_all(geoms: np.ndarray, transform) -> np.ndarray:
    """All coordinates through a function of x and y; null geometries pass."""
    return shapely.transform(geoms, transform, interleaved=False) if len(geoms) else geoms


@lru_cache(256)
def _parse(text: str) -> pyproj.CRS:
    return pyproj.CRS.from_user_input(text)


def read_crs(value, where: str = "") -> pyproj.CRS:
    """A CRS from what a user, a file or a library says; CRSError when it means nothing."""
    if isinstance(value, pyproj.CRS):
        return value
    try:
        return _parse(value if isinstance(value, str) else str(value))
    except (ProjCRSError, UnicodeError) as error:
        raise CRSError(
            "land.crs.unreadable", where=where, value=str(value)[:60], error=str(error)[:80]
        ) from None


def resolve(value, where: str = "") -> pyproj.CRS:
    """The CRS rebuilt by its parameters upon a known datum, whatever its names.

    Raises CRSError for a local system, an unknown datum, a datum whose ellipsoid is another's, shift parameters
    hidden in the CRS, and a zone in the name that the false easting denies.

    >>> resolve("EPSG:4529").to_epsg()
    4529
    """
    crs = read_crs(value, where)
    if crs.is_bound:
        raise CRSError("land.crs.hidden_shift", where=where)
    if crs.is_compound and crs.sub_crs_list:
        crs = crs.sub_crs_list[0]
    if not (crs.is_geographic or crs.is_projected) or crs.geodetic_crs is None:
        raise CRSError("land.crs.local", where=where, name=crs.name)
    base, geodetic = _known_datum(crs, where), crs.geodetic_crs
    if crs.is_geographic:
        return base or crs.to_2d()
    _agree_on_zone(crs, where)
    if base is None or base == geodetic:
        return crs.to_2d() if len(crs.axis_info) > 2 else crs
    if crs.to_epsg() is not None and crs.geodetic_crs.to_epsg() == base.to_epsg():
        return crs
    return ProjectedCRS(
        conversion=crs.coordinate_operation,
        name=crs.name,
        cartesian_cs=crs.coordinate_system,
        geodetic_crs=base,
    )


def datum_code(name: str) -> int | None:
    """The EPSG code of the geographic CRS of a datum under any of its names; None for an unknown name.

    >>> datum_code("1980西安坐标系"), datum_code("CGCS2000"), datum_code("Mars")
    (4610, 4490, None)
    """
    plain = re.sub(r"^(d|gcs)_", "", name.strip().lower())
    return _DATUM_OF.get(re.sub(r"[\W_]+", "", plain))


def transverse_mercator(base: int, meridian: float, easting: float) -> pyproj.CRS:
    """The Gauss-Krüger CRS upon a geographic EPSG code with a central meridian (degrees) and false easting (m)."""
    return ProjectedCRS(
        conversion=TransverseMercatorConversion(
            longitude_natural_origin=meridian, false_easting=easting, scale_factor_natural_origin=1.0
        ),
        geodetic_crs=_parse(f"EPSG:{base}"),
        name=f"Gauss-Kruger CM {meridian:g}",
    )


def _known_datum(crs: pyproj.CRS, where: str) -> pyproj.CRS | None:
    """The geographic CRS of an aliased datum; None where PROJ itself knows the datum."""
    ellipsoid = crs.ellipsoid
    name = crs.datum.name if crs.datum is not None else crs.geodetic_crs.name
    if code := datum_code(name):
        a, inverse, _ = _DATUMS[code]
        if abs(ellipsoid.semi_major_metre - a) > 0.01 or abs(ellipsoid.inverse_flattening - inverse) > 5e-7:
            raise CRSError(
                "land.crs.ellipsoid_differs",
                where=where,
                name=name,
                own_a=ellipsoid.semi_major_metre,
                own_inverse=ellipsoid.inverse_flattening,
                a=a,
                inverse=inverse,
            )
        return _parse(f"EPSG:{code}")
    if crs.geodetic_crs.to_epsg(min_confidence=70) is None or re.search(
        "unknown|unnamed|based on", name, re.IGNORECASE
    ):
        raise CRSError("land.crs.datum_unknown", where=where, name=name)
    return None


def _agree_on_zone(crs: pyproj.CRS, where: str) -> None:
    found = _ZONED.search(crs.name)
    if (
        not found
        or crs.coordinate_operation.method_name != "Transverse Mercator"
        or "utm" in crs.name.lower()
    ):
        return
    easting = {p.name.lower(): p.value for p in crs.coordinate_operation.params}.get("false easting", 0.0)
    if easting > 1e6 and int(easting // 1e6) != int(found.group(1)):
        raise CRSError(
            "land.crs.zone_differs",
            where=where,
            name=crs.name,
            zone=found.group(1),
            other=int(easting // 1000000.0),
        )


def _same_datum(one: pyproj.CRS, other: pyproj.CRS) -> bool:
    a, b = one.geodetic_crs, other.geodetic_crs
    return (
        a == b
        or a.equals(b, ignore_axis_order=True)
        or (a.to_epsg() is not None and a.to_epsg() == b.to_epsg())
    )


def _route(source: pyproj.CRS, target: pyproj.CRS, town, accept_wgs84: bool, where: str, shifts=()):
    """A function of x and y from source to target (None: nothing to do), and the issue code of what it took for granted."""
    if source == target:
        return None, "", None
    if _same_datum(source, target):
        change = pyproj.Transformer.from_crs(source, target, always_xy=True)
        same = change.definition.startswith("proj=noop")  # the same grid under another name
        return None if same else change.transform, "", None
    for shift in shifts:
        if shift.base == source.geodetic_crs.to_epsg():
            return shift.carry(source, target), "datum_parameters", shift.told
    area = AreaOfInterest(*town) if town else None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            group = TransformerGroup(
                source, target, always_xy=True, allow_ballpark=False, area_of_interest=area
            )
        usable = [
            t
            for t in group.transformers
            if not any(o.has_ballpark_transformation for o in t.operations or ())
        ]
    except ProjError:
        usable = []
    if usable:
        return (
            usable[0].transform,
            "datum_shift",
            Message("land.crs.accuracy", how=usable[0].description, metres=usable[0].accuracy),
        )
    if source.geodetic_crs.to_epsg() in (4326, 4979) and accept_wgs84:
        to_degrees = pyproj.Transformer.from_crs(source, source.geodetic_crs, always_xy=True)
        onward = pyproj.Transformer.from_crs(target.geodetic_crs, target, always_xy=True)
        return (lambda x, y: onward.transform(*to_degrees.transform(x, y))), "wgs84_accepted", None
    wgs84 = source.geodetic_crs.to_epsg() in (4326, 4979)
    mend = Message("land.crs.accept_wgs84") if wgs84 else Message("land.crs.needs_parameters")
    raise CRSError(
        "land.crs.no_route",
        where=where,
        mend=mend,
        source=source.geodetic_crs.name,
        target=target.geodetic_crs.name,
    )


def check_target(value, where: str = "") -> pyproj.CRS:
    """The blueprint's CRS: projected, in metres; InputError otherwise."""
    crs = resolve(value, where)
    if not crs.is_projected or abs(crs.axis_info[0].unit_conversion_factor - 1) > 1e-12:
        raise InputError("land.crs.target_not_projected", where=where, name=crs.name)
    return crs


def gauss_kruger(crs: pyproj.CRS) -> int | None:
    """The EPSG code of the CGCS2000 zone that has the parameters of a CRS on that datum, whatever its name.

    >>> gauss_kruger(pyproj.CRS("EPSG:4529"))
    4529
    """
    if crs.geodetic_crs.to_epsg() != 4490 or not crs.is_projected:
        return None
    value = {p.name.lower(): p.value for p in crs.coordinate_operation.params}
    if value.get("scale factor at natural origin") != 1.0 or value.get("latitude of natural origin") != 0.0:
        return None
    meridian, east = value.get("longitude of natural origin", 0.0), value.get("false easting")
    zone = meridian / 3
    if east == 500_000 and zone.is_integer() and 25 <= zone <= 45:
        return 4534 + int(zone) - 25
    if east == zone * 1e6 + 500_000 and zone.is_integer() and 25 <= zone <= 45:
        return 4488 + int(zone)
    wide = (meridian + 3) / 6
    return (
        4478 + int(wide) if east == wide * 1e6 + 500_000 and wide.is_integer() and 13 <= wide <= 23 else None
    )
