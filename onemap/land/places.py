"""Where problems lie: issues as points in the workspace's CRS."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

from onemap.frames import ISSUES, empty


def issue_places(layers) -> gpd.GeoDataFrame:
    """The issues that have a place, as points: columns of the issues frame and ``geometry`` (CRS of the features).

    The place is the one noted, else a point inside the feature, else the middle of the quarantined footprint;
    issues of whole files or layers have none and are left out. Takes Layers or Sites.
    """
    shapes = layers.features if hasattr(layers, "features") else layers.parcels
    crs = shapes.crs
    known = _points(shapes)
    if hasattr(layers, "quarantine"):
        known = _points(layers.quarantine) | known
    rows, points = [], []
    for i, row in enumerate(layers.issues[ISSUES].to_dict("records")):
        point = _noted(row["place"])
        for fid in str(row["source_fid"]).split("|") if row["source_fid"] is not None else ():
            point = point or known.get((row["source"], fid))
        if point is not None:
            rows.append(i)
            points.append(point)
    if not rows:
        return empty([*ISSUES, "geometry"], crs)
    return gpd.GeoDataFrame(layers.issues[ISSUES].iloc[rows].reset_index(drop=True), geometry=points, crs=crs)


def _points(frame: gpd.GeoDataFrame) -> dict:
    geoms = frame.geometry.to_numpy()
    held = np.flatnonzero(~(shapely.is_missing(geoms) | shapely.is_empty(geoms)))
    points = shapely.point_on_surface(geoms[held])
    keys = zip(frame["source"].iloc[held], frame["source_fid"].iloc[held].map(str), strict=True)
    return dict(zip(keys, points, strict=True))


def _noted(place) -> shapely.Point | None:
    try:
        x, y = (float(v) for v in str(place).split(","))
    except ValueError:
        return None
    return shapely.Point(x, y) if np.isfinite([x, y]).all() else None
