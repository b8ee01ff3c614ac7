"""Overlaps and gaps inside layers that should cover their extent once; reported, never changed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely

from onemap.land.area import ellipsoidal_area
from onemap.land.issues import Issues, place_of
from onemap.land.limits import Limits
from onemap.land.mesh import Mesh, mesh_of, polygons_of
from onemap.messages import Message

_MOST_ROWS = 1000


def partition_issues(features, mesh: Mesh, union, limits: Limits, issues: Issues, within=None) -> None:
    """One issue row per overlap of two features and per gap of one layer, with area and width (2S/P).

    ``features`` of one layer with their mesh and union; ``within``: the polygon they should cover. Beyond a
    thousand of a kind the smaller ones are one row with their number and total area.
    """
    source, fids, crs = features["source"], features["source_fid"], features.crs
    pairs, pieces, area = _shared(features.geometry.to_numpy(), mesh, crs, limits.hit_min_area)
    shown, rest = _largest(area)
    for k in shown:
        i, j = pairs[k]
        issues.add(
            "layer_overlap", f"{fids.iat[i]}|{fids.iat[j]}", value=f"{area[k]:.4f}", source=source.iat[i],
            place=place_of(pieces[k]), message=Message("land.partition.width", metres=round(width(pieces[k]), 4)),
        )  # fmt: skip
    _add_rest("layer_overlap", area[rest], issues)
    pieces, area = _missing(union, crs, limits.hit_min_area, within)
    shown, rest = _largest(area)
    for k in shown:
        issues.add(
            "layer_gap", value=f"{area[k]:.4f}", source=source.iat[0], place=place_of(pieces[k]),
            message=Message("land.partition.width", metres=round(width(pieces[k]), 4)),
        )  # fmt: skip
    _add_rest("layer_gap", area[rest], issues)


def _largest(area: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(-area, kind="stable")
    return np.sort(order[:_MOST_ROWS]), order[_MOST_ROWS:]


def _add_rest(code: str, area: np.ndarray, issues: Issues) -> None:
    if len(area):
        issues.add(
            code, value=f"{area.sum():.4f}", message=Message("land.partition.smaller", count=len(area))
        )


def overlaps(geoms: np.ndarray, crs, least_m2: float) -> Iterator[tuple]:
    """(i, j, shared polygon, its area in m²) of pairs that share at least so much; geometries valid."""
    pairs, pieces, area = _shared(geoms, mesh_of(geoms), crs, least_m2)
    return zip(*pairs.T.tolist(), pieces, area.tolist(), strict=True)


def _shared(geoms: np.ndarray, mesh: Mesh, crs, least_m2: float):
    pairs = mesh.overlapping
    pieces = shapely.intersection(geoms[pairs[:, 0]], geoms[pairs[:, 1]])
    area = ellipsoidal_area(pieces, crs)
    enough = area >= least_m2
    return pairs[enough], pieces[enough], area[enough]


def gaps(union, crs, least_m2: float, within=None) -> Iterator[tuple]:
    """(polygon, area in m²) of the gaps that a union encloses, or of all that it leaves of a given area."""
    pieces, area = _missing(union, crs, least_m2, within)
    return zip(pieces, area.tolist(), strict=True)


def _missing(union, crs, least_m2: float, within):
    pieces = _enclosed(union) if within is None else shapely.get_parts(shapely.difference(within, union))
    pieces = pieces[shapely.get_type_id(pieces) == 3]
    area = ellipsoidal_area(pieces, crs)
    return pieces[area >= least_m2], area[area >= least_m2]


def _enclosed(union) -> np.ndarray:
    """The holes of a union, without the islands that lie in them (whose own holes stand for themselves)."""
    parts = polygons_of(union)
    rings, part = shapely.get_rings(parts[shapely.get_num_interior_rings(parts) > 0], return_index=True)
    holes = shapely.polygons(rings[np.r_[False, part[1:] == part[:-1]][: len(rings)]])
    if not len(holes):
        return holes
    island, hole = shapely.STRtree(holes).query(parts, predicate="within")
    for k in np.unique(hole):
        filled = shapely.polygons(shapely.get_exterior_ring(parts[island[hole == k]]))
        holes[k] = shapely.difference(holes[k], shapely.union_all(filled))
    return shapely.get_parts(holes)


def width(geom) -> float:
    """Mean width of a long shape, 2 × area / perimeter."""
    return 2 * geom.area / geom.length if geom.length else 0.0
