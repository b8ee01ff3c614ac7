"""Overlaps and gaps inside layers that should cover their extent once; reported, never changed."""

from __future__ import annotations

import numpy as np
import shapely

from onemap.land.area import ellipsoidal_area
from onemap.land.issues import Issues, place_of
from onemap.land.limits import Limits


def partition_issues(features, catalogue, limits: Limits, town, space) -> list[dict]:
    """One issue row per overlap of two features and per gap of a partition layer, with area and width (2S/P)."""
    rows: list[dict] = []
    by_town = {s.layer for s in space.sources if s.extent == "town"}
    for layer, group in features.groupby("layer", sort=True):
        if catalogue.layers.loc[layer, "completeness"] != "partition":
            continue
        own = Issues(layer, None, catalogue.layers.loc[layer].get("authority_zh") or None)
        geoms = group.geometry.to_numpy()
        for i, j, piece, area in overlaps(geoms, features.crs, limits.hit_min_area):
            first, second = group.iloc[i], group.iloc[j]
            own.add(
                "layer_overlap", f"{first['source_fid']}|{second['source_fid']}", value=f"{area:.4f}",
                source=first["source"], place=place_of(piece), message=f"width {width(piece):.4f} m",
            )  # fmt: skip
        for gap, area in gaps(geoms, features.crs, limits.hit_min_area, town if layer in by_town else None):
            own.add(
                "layer_gap", value=f"{area:.4f}", source=group.iloc[0]["source"], place=place_of(gap),
                message=f"width {width(gap):.4f} m",
            )  # fmt: skip
        rows += own.rows
    return rows


def overlaps(geoms: np.ndarray, crs, least_m2: float):
    """(i, j, shared polygon, its area in m²) of pairs that share at least so much; geometries valid."""
    suspect = (
        np.flatnonzero(~shapely.is_empty(shapely.coverage_invalid_edges(geoms))) if len(geoms) > 1 else []
    )
    if len(suspect) < 2:
        return
    left, right = shapely.STRtree(geoms[suspect]).query(geoms[suspect], predicate="intersects")
    pairs = suspect[np.stack([left, right], axis=1)[left < right]]
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    pairs = pairs[~shapely.touches(geoms[pairs[:, 0]], geoms[pairs[:, 1]])]
    shared = shapely.intersection(geoms[pairs[:, 0]], geoms[pairs[:, 1]])
    area = ellipsoidal_area(shared, crs)
    for k in np.flatnonzero(area >= least_m2):
        yield int(pairs[k, 0]), int(pairs[k, 1]), shared[k], float(area[k])


def gaps(geoms: np.ndarray, crs, least_m2: float, within=None):
    """(polygon, area in m²) of enclosed gaps, or of all that is missing of a given area."""
    union = (
        shapely.coverage_union_all(geoms) if shapely.coverage_is_valid(geoms) else shapely.union_all(geoms)
    )
    if within is not None:
        missing = shapely.get_parts(shapely.difference(within, union))
    else:
        rings = shapely.get_rings(shapely.get_parts(union))
        parts = shapely.get_parts(union)
        holes = [h for p in parts for h in p.interiors] if len(rings) > len(parts) else []
        missing = np.array([shapely.Polygon(h) for h in holes], dtype=object)
        if len(missing):
            missing = shapely.get_parts(shapely.difference(missing, union))
    missing = missing[shapely.get_type_id(missing) == 3] if len(missing) else missing
    area = ellipsoidal_area(missing, crs)
    for k in np.flatnonzero(area >= least_m2):
        yield missing[k], float(area[k])


def width(geom) -> float:
    """Mean width of a long shape, 2 × area / perimeter."""
    return 2 * geom.area / geom.length if geom.length else 0.0
