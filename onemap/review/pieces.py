"""The parcels cut by the faces of a blueprint: with their shapes by GEOS, or only their areas, summed edge by edge."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import shapely

from onemap import compiled
from onemap.blueprint import noding, trapezoids
from onemap.blueprint.memory import Ground, bounds_of, ground_of
from onemap.errors import InputError
from onemap.land.area import ellipsoidal_area

log = logging.getLogger(__name__)

# Parcels from which starting the compiled sums (0.9 CPU s, 15 s when they must be compiled first) pays off.
WEIGHED_FROM = 2_000
# Share of a parcel's bounding box below which a sum may be nothing but a contact: GEOS has the last word on those.
CONTACT = 1e-11


class Pieces(NamedTuple):
    """One entry per parcel × face that meet, contacts without area too, by parcel and face.

    ground : what the faces are of; parcel, face : positions; area_m2 : ellipsoidal; geometry : polygons, empty for
    contacts; None where only the areas were asked for
    """

    ground: Ground
    parcel: np.ndarray
    face: np.ndarray
    area_m2: np.ndarray
    geometry: np.ndarray | None


def cut(parcels: gpd.GeoDataFrame, blueprint) -> Pieces:
    """Cut the parcels along the faces of the blueprint; faces wholly inside a parcel are taken as they are."""
    ground = ground_of(blueprint)
    sites = parcels.geometry.to_numpy()
    shapely.prepare(sites)
    parcel, face = ground.tree.query(sites, predicate="intersects")
    order = np.lexsort((face, parcel))
    parcel, face = parcel[order], face[order]
    geometry, area = ground.geometry[face], ground.area_m2[face]
    whole = shapely.contains(sites[parcel], geometry)
    geometry[~whole] = polygonal(shapely.intersection(geometry[~whole], sites[parcel[~whole]]))
    # what was prepared is larger than the site, and long lists keep their sites
    shapely.destroy_prepared(sites)
    area[~whole] = ellipsoidal_area(geometry[~whole], blueprint.crs, bounds_of(blueprint))
    return Pieces(ground, parcel, face, area, geometry)


def weigh(parcels: gpd.GeoDataFrame, blueprint) -> Pieces:
    """The same pieces without their shapes: areas as sums over pairs of edges, closer than GEOS's rounded corners.

    What may be a mere contact, and a parcel too wide for the sums, is left to GEOS. Raises ``InputError`` for a parcel
    that is no valid polygon: sums over it would mean nothing.
    """
    from onemap.blueprint.areas import pair_areas

    ground = ground_of(blueprint)
    sites = parcels.geometry.to_numpy()
    if not shapely.is_valid(sites).all():
        wrong = parcels["parcel_id"].to_numpy()[~shapely.is_valid(sites)][0]
        raise InputError("review.parcel.invalid", parcel=wrong)
    shapely.prepare(sites)
    parcel, face = ground.tree.query(sites)
    order = np.lexsort((face, parcel))
    parcel, face = parcel[order], face[order]
    area = pair_areas(sites, ground.geometry, parcel, face, blueprint.crs)
    west, south, east, north = shapely.bounds(sites).T
    small = np.flatnonzero(~(area > (CONTACT * (east - west) * (north - south))[parcel]))
    apart = ~shapely.intersects(sites[parcel[small]], ground.geometry[face[small]])
    shapely.destroy_prepared(sites)
    near = small[~apart]
    shapes = polygonal(shapely.intersection(ground.geometry[face[near]], sites[parcel[near]]))
    area[near] = ellipsoidal_area(shapes, blueprint.crs, bounds_of(blueprint))
    kept = np.ones(len(area), dtype=bool)
    kept[small[apart]] = False
    return Pieces(ground, parcel[kept], face[kept], area[kept], None)


def way_for(parcels: int) -> Callable[[gpd.GeoDataFrame, object], Pieces]:
    """:func:`cut` for few parcels, :func:`weigh` for many, where it can be compiled."""
    return weigh if parcels >= WEIGHED_FROM and _compiled() else cut


def polygonal(geometries: np.ndarray) -> np.ndarray:
    """Only the polygons of each geometry: lines and points of a contact become an empty polygon.

    >>> polygonal(np.array([shapely.from_wkt("GEOMETRYCOLLECTION (POINT (0 0))")]))[0].is_empty
    True
    """
    out = np.asarray(geometries, dtype=object).copy()
    kind = shapely.get_type_id(out)
    out[~np.isin(kind, (3, 6, 7))] = shapely.Polygon()
    for i in np.flatnonzero(kind == 7):
        parts = shapely.get_parts(out[i])
        out[i] = shapely.union_all(parts[np.isin(shapely.get_type_id(parts), (3, 6))])
    return out


@cache
def _compiled() -> bool:
    try:
        for module in (trapezoids, noding):
            compiled.addresses(module.__name__)
    except compiled.NotCompiled as reason:
        log.warning("the compiled areas are not available (%s); GEOS does it instead", reason)
        return False
    return True
