"""Which land a map shows."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np

from onemap.blueprint.memory import bounds_of
from onemap.errors import InputError

LEAST_MARGIN_M = 250.0
WIDE = 1.28
TOWN_AT_MOST = 3.0


def sites_of(thing: Any, project_id: str | None) -> gpd.GeoDataFrame:
    """The sites of a Review, or of one of its projects; none for a Blueprint.

    Raises InputError for a project that is not there, and for a review that was read back without its shapes.
    """
    parcels = getattr(thing, "parcels", None)
    if parcels is None:
        if project_id is not None:
            raise InputError("present.project.in_blueprint")
        return gpd.GeoDataFrame(geometry=[], crs=thing.crs)
    if "geometry" not in parcels:
        raise InputError("present.review.no_shapes")
    if project_id is None:
        return parcels
    found = parcels[parcels.project_id == project_id]
    if found.empty:
        known = sorted(map(str, parcels.project_id.unique()))[:10]
        raise InputError("present.project.unknown", project=project_id, known=known)
    return found


def open_window(
    blueprint: Any, sites: gpd.GeoDataFrame, project_id: str | None
) -> tuple[float, float, float, float]:
    """The land that a map opens on (m): one project with its surroundings, or all sites and the town around them.

    Where the land is far larger than that of the sites, they alone: in it they could not be seen.
    """
    window = site_window(blueprint, sites)
    if project_id is not None or not len(sites) or _far_larger(bounds_of(blueprint), window):
        return window
    governed = blueprint.faces["governing_layer"].fillna("") != ""
    if not governed.any():
        return window
    left, bottom, right, top = window
    west, south, east, north = (float(side) for side in blueprint.faces[governed].total_bounds)
    return (min(left, west), min(bottom, south), max(right, east), max(top, north))


def _far_larger(land: tuple[float, float, float, float], window: tuple[float, float, float, float]) -> bool:
    (west, south, east, north), (left, bottom, right, top) = land, window
    return east - west > TOWN_AT_MOST * (right - left) or north - south > TOWN_AT_MOST * (top - bottom)


def site_window(blueprint: Any, sites: gpd.GeoDataFrame) -> tuple[float, float, float, float]:
    """The land that a map of these sites shows (m), at least as wide as a printed map; the town where there is none."""
    usable = sites[~(sites.geometry.isna() | sites.geometry.is_empty)]
    if not len(usable):
        return (
            tuple(map(float, blueprint.faces.total_bounds)) if len(blueprint.faces) else (0.0, 0.0, 1.0, 1.0)
        )
    left, bottom, right, top = (float(side) for side in usable.total_bounds)
    alone = usable.project_id.nunique() == 1
    margin = max(LEAST_MARGIN_M, (0.6 if alone else 0.08) * float(np.hypot(right - left, top - bottom)))
    wider = (top - bottom + 2 * margin) * WIDE - (right - left + 2 * margin)
    aside = margin + (max(wider / 2, 0.0) if alone else 0.0)
    return (left - aside, bottom - margin, right + aside, top + margin)
