"""What coordinate numbers could be: the systems in use here, tried against the town's box."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pyproj

from onemap.messages import Message


def candidates(bounds, town, target=None) -> list[Message]:
    """The systems in which bounds (xmin, ymin, xmax, ymax) fall into the town's box (degrees), best known first.

    Numbers cannot tell one datum from another: CGCS2000, Xian 1980 and Beijing 1954 twins are named together.

    >>> candidates((41499000, 4552000, 41500000, 4553000), (122.9, 41.0, 123.1, 41.2))[0].text("en")
    'CGCS2000 3-degree zone 41 with prefix EPSG:4529 (or Xian 1980 EPSG:2365, Beijing 1954 EPSG:2417)'
    """
    if bounds is None or not np.isfinite(bounds).all():
        return []
    x, y = (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2
    if town is None:
        return _by_range(x, y)
    found = []
    for swapped, (e, n) in ((False, (x, y)), (True, (y, x))):
        for label, crs, scale in _systems(
            tuple(town), pyproj.CRS(target).to_wkt() if target is not None else ""
        ):
            lon, lat = (e * scale, n * scale) if crs is None else _to_degrees(crs, e * scale, n * scale)
            if _inside(lon, lat, town):
                found.append(Message("land.fits.swapped", system=label) if swapped else label)
    return list(dict.fromkeys(found))


def _inside(lon: float, lat: float, town) -> bool:
    west, south, east, north = town
    dx, dy = max(east - west, 1e-3), max(north - south, 1e-3)
    return west - dx <= lon <= east + dx and south - dy <= lat <= north + dy


@lru_cache(512)
def _inverse(crs: str) -> pyproj.Transformer:
    source = pyproj.CRS(crs)
    return pyproj.Transformer.from_crs(source, source.geodetic_crs, always_xy=True)


def _to_degrees(crs: str, x: float, y: float) -> tuple[float, float]:
    return _inverse(crs).transform(x, y)


@lru_cache(32)
def _systems(town: tuple, target: str) -> list[tuple[Message, str | None, float]]:
    """(label, CRS or None for degrees, scale) of what is worth trying near the town."""
    lon, lat = (town[0] + town[2]) / 2, (town[1] + town[3]) / 2
    reach = max(town[2] - town[0], 6.0)
    systems: list[tuple[Message, str | None, float]] = [(Message("land.fits.degrees_east_first"), None, 1.0)]
    if 70 < lon < 140 and 0 < lat < 56:
        for zone in range(25, 46):
            if abs(3 * zone - lon) <= reach:
                systems.append(
                    (
                        _twin(Message("land.fits.zone_3", zone=zone), 4488 + zone, 2324 + zone, 2376 + zone),
                        f"EPSG:{4488 + zone}",
                        1.0,
                    )
                )
        for zone in range(13, 24):
            if abs(6 * zone - 3 - lon) <= reach:
                systems.append(
                    (
                        _twin(Message("land.fits.zone_6", zone=zone), 4478 + zone, 2314 + zone, 21400 + zone),
                        f"EPSG:{4478 + zone}",
                        1.0,
                    )
                )
        for meridian in range(75, 136, 3):
            if abs(meridian - lon) <= reach:
                i = (meridian - 75) // 3
                label = _twin(Message("land.fits.meridian", meridian=meridian), 4534 + i, 2370 + i, 2422 + i)
                systems.append((label, f"EPSG:{4534 + i}", 1.0))
    if target:
        name = pyproj.CRS(target).name
        systems.append((Message("land.fits.own", name=name), target, 1.0))
        for feet, metre in ((Message("land.fits.feet"), 0.3048), (Message("land.fits.us_feet"), 1200 / 3937)):
            systems.append((Message("land.fits.in_unit", name=name, unit=feet), target, metre))
            systems.append((Message("land.fits.feet_for_metres", name=name), target, 1 / metre))
        systems.append(
            (Message("land.fits.in_unit", name=name, unit=Message("land.fits.kilometres")), target, 1000.0)
        )
    zone = int((lon + 180) // 6) + 1
    systems.append(
        (
            Message("land.fits.utm", zone=zone, code=(32600 if lat >= 0 else 32700) + zone),
            f"EPSG:{(32600 if lat >= 0 else 32700) + zone}",
            1.0,
        )
    )
    systems.append((Message("land.fits.web_mercator"), "EPSG:3857", 1.0))
    return systems


def _twin(zone: Message, cgcs: int, xian: int, beijing: int) -> Message:
    return Message("land.fits.twin", zone=zone, cgcs=cgcs, xian=xian, beijing=beijing)


def _by_range(x: float, y: float) -> list[Message]:
    """What the size of the numbers alone allows."""
    out = []
    for e, n, swapped in ((x, y, False), (y, x, True)):
        fits = []
        if 73 <= e <= 136 and 3 <= n <= 54:
            fits.append(Message("land.fits.degrees"))
        if 1.9e6 <= n <= 6e6:
            if 25e6 <= e < 46e6:
                fits.append(Message("land.fits.zone_3", zone=int(e // 1e6)))
            if 13e6 <= e < 24e6:
                fits.append(Message("land.fits.zone_6", zone=int(e // 1e6)))
            if 1e5 <= e <= 9e5:
                fits.append(Message("land.fits.no_prefix"))
        out += [Message("land.fits.swapped", system=one) for one in fits] if swapped else fits
    return out
