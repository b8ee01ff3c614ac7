"""The coordinate system that the head of a VCT states."""

from __future__ import annotations

import re

import numpy as np
import shapely

from onemap.errors import CRSError, InputError
from onemap.land.crs import datum_code, gauss_kruger, transverse_mercator
from onemap.messages import Message


def crs_of_head(head: dict[str, str], geometry: np.ndarray, name: str) -> tuple[object, list[Message]]:
    """The CRS by spheroid, central meridian and false easting (None where the head does not say), and doubts.

    Raises CRSError where the head contradicts itself or its coordinates, InputError for shifted coordinates.
    """
    if any(float(n) for n in _numbers(head.get("offset", ""))):
        raise InputError("land.vct.shifted", where=name)
    base = datum_code(re.split(r"[,，]", head.get("spheroid", ""))[0])
    if base is None:
        return None, [Message("land.vct.spheroid_unknown", spheroid=head.get("spheroid", "")[:40])]
    kind, unit = head.get("coordinatesystemtype", "P").upper(), head.get("xyunit", "M").upper()
    if kind.startswith(("D", "G")) and unit.startswith("D"):
        return f"EPSG:{base}", []
    if not kind.startswith("P") or unit not in ("M", "米", "METER"):
        return None, [Message("land.vct.coordinates_odd", kind=kind, unit=unit)]
    meridian, easting, zone = _parameters(head)
    if meridian is None:
        return None, [Message("land.vct.no_meridian", parameters=head.get("parameters", "")[:40])]
    if easting >= 1e6 and zone and int(easting // 1e6) != zone:
        raise CRSError("land.vct.zone_differs", where=name, zone=zone, easting=easting)
    crs = transverse_mercator(base, meridian, easting)
    x = shapely.get_coordinates(geometry)[:, 0]
    x = x[np.isfinite(x)]
    if len(x) and (np.median(x) > 1e6) != (easting > 1e6):
        raise CRSError(
            "land.vct.easting_differs", where=name, easting=easting, median=round(float(np.median(x)))
        )
    code = gauss_kruger(crs)
    return (f"EPSG:{code}" if code else crs), []


def _numbers(text: str) -> list[str]:
    return re.findall(r"[-+]?\d+(?:\.\d+)?", text)


def _parameters(head: dict[str, str]) -> tuple[float | None, float, int]:
    """Central meridian, false easting, zone (0 if not said)."""
    values = [float(n) for n in _numbers(head.get("parameters", ""))]
    meridians = {v for v in values if 72 <= v <= 138}
    eastings = {v for v in values if 1e5 <= v < 5e7}
    if len(meridians) != 1 or len(eastings) != 1:
        return None, 0.0, 0
    meridian, easting = meridians.pop(), eastings.pop()
    zones = {int(v) for v in values if v in (meridian / 3, (meridian + 3) / 6) and v >= 13}
    stated = int(values[5]) if len(values) == 6 and values[5] >= 13 else 0
    return meridian, easting, stated or (zones.pop() if len(zones) == 1 else 0)
