"""Any number of overlapping polygons become one planar partition that remembers what covers what."""

from __future__ import annotations

import logging
from typing import NamedTuple

import numpy as np
import shapely

log = logging.getLogger(__name__)

# Coordinates from which starting the compiled way (0.4 s, 15 s when it must be compiled first) pays off.
COMPILED_FROM = 25_000

# Corners up to which the compiled overlay takes all at once (about 250 bytes each), and of a tile beyond.
WHOLE_UP_TO, TILE = 6_000_000, 250_000

# Nodes lie on this grid (m). A power of two, so that 8-digit eastings hold it exactly. Without a grid GEOS falls
# back to snapping at 4e-5 m in such coordinates and merges lines that differ (measured: 0.018 m² on 1.1 km²).
GRID_M = 2.0**-24

# How faces came about, as manifests say it. The standard way gives the same faces everywhere: it depends on the input
# alone. Where nothing can be compiled, GEOS does what it would not do elsewhere, and its grid gives other faces.
STANDARD, INSTEAD = "standard", "geos_instead_of_compiled"


class Overlay(NamedTuple):
    """Faces of an arrangement, and which input covers which face.

    faces : polygons, sorted by the lower left corner of their bounds
    face, polygon : equally long index arrays, one entry per face × covering polygon
    """

    faces: np.ndarray
    face: np.ndarray
    polygon: np.ndarray


def way_for(corners: int) -> str:
    """How so many corners are overlaid on this machine: ``STANDARD`` or ``INSTEAD``.

    >>> way_for(100)
    'standard'
    """
    return INSTEAD if corners >= COMPILED_FROM and not_compiled() else STANDARD


def not_compiled() -> Exception | None:
    """Why compiled steps cannot be had here, None where they can."""
    from onemap.blueprint import tiles  # noqa: F401  brings in all modules that have compiled steps
    from onemap.compiled import NotCompiled, load_all

    try:
        load_all("blueprint")
    except NotCompiled as reason:
        return reason
    return None


def overlay(polygons: np.ndarray, tile: int | None = None) -> Overlay:
    """Cut valid polygons along each other's boundaries, in one pass over all of them.

    Area that no polygon covers (a void enclosed by others) is no face. Faces touch along shared edges only:
    ``shapely.coverage_is_valid`` holds. Edges that several polygons share are noded once. From
    ``COMPILED_FROM`` coordinates on the compiled arrangement does it, exactly; what it cannot certify (polygons
    that are not valid, for instance) goes the way of GEOS, and the log says so.

    tile : work in tiles of up to so many corners, which changes the memory needed and nothing else; by default all at
    once up to ``WHOLE_UP_TO`` corners.

    >>> a, b = shapely.box(0, 0, 2, 1), shapely.box(1, 0, 3, 1)
    >>> parts = overlay(np.array([a, b]))
    >>> [float(f.area) for f in parts.faces], parts.face.tolist(), parts.polygon.tolist()
    ([1.0, 1.0, 1.0], [0, 1, 1, 2], [0, 0, 1, 1])
    """
    polygons = np.asarray(polygons, dtype=object)
    corners = shapely.get_num_coordinates(polygons).sum()
    if corners < COMPILED_FROM and tile is None:
        return overlay_by_geos(polygons)
    if tile is None and corners > WHOLE_UP_TO:
        tile = TILE
    if reason := not_compiled():
        log.warning("the compiled overlay is not available (%s); GEOS does it instead", reason)
        return overlay_by_geos(polygons)
    from onemap.blueprint.arrangement import NotCertified, arrange
    from onemap.blueprint.tiles import arrange_by_tiles

    try:
        return Overlay(*(arrange(polygons) if tile is None else arrange_by_tiles(polygons, tile)))
    except NotCertified as reason:
        log.warning("the compiled overlay was refused (%s); GEOS does it instead", reason)
    return overlay_by_geos(polygons)


def overlay_by_geos(polygons: np.ndarray) -> Overlay:
    """The same as :func:`overlay`, by noding, polygonizing and inner points in GEOS: referee and fallback."""
    polygons = np.asarray(polygons, dtype=object)
    if not len(polygons):
        none = np.empty(0, dtype=np.intp)
        return Overlay(np.empty(0, dtype=object), none, none)
    faces = polygonize(unique_edges(polygons))
    face, polygon = cover(faces, polygons)
    used = np.unique(face)
    renumbered = np.zeros(len(faces), dtype=np.intp)
    renumbered[used] = np.arange(len(used))
    faces, face = faces[used], renumbered[face]
    order = np.lexsort(shapely.bounds(faces).T[::-1])
    rank = np.empty(len(order), dtype=np.intp)
    rank[order] = np.arange(len(order))
    face = rank[face]
    sort = np.lexsort((polygon, face))
    return Overlay(faces[order], face[sort], polygon[sort])


def unique_edges(polygons: np.ndarray) -> np.ndarray:
    """Every straight edge of the polygons' rings once, in canonical direction, as array (n, 2, 2).

    >>> unique_edges(np.array([shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)])).shape
    (7, 2, 2)
    """
    rings = shapely.get_rings(shapely.get_parts(polygons))
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    same = ring[1:] == ring[:-1]
    start, end = xy[:-1][same], xy[1:][same]
    flip = (start[:, 0] > end[:, 0]) | ((start[:, 0] == end[:, 0]) & (start[:, 1] > end[:, 1]))
    start[flip], end[flip] = end[flip], start[flip].copy()
    edges = np.concatenate([start, end], axis=1) + 0.0  # -0.0 and 0.0 are one place
    edges = edges[(start != end).any(axis=1)]
    whole = np.ascontiguousarray(edges).view(np.dtype((np.void, 32))).ravel()
    return edges[np.sort(np.unique(whole, return_index=True)[1])].reshape(-1, 2, 2)


def polygonize(edges: np.ndarray) -> np.ndarray:
    """The faces that straight edges enclose once they are cut at every crossing."""
    noded = shapely.union_all(shapely.linestrings(edges), grid_size=GRID_M)
    return np.asarray(shapely.get_parts(shapely.polygonize(shapely.get_parts(noded))), dtype=object)


def cover(faces: np.ndarray, polygons: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Index pairs (face, polygon) of every face that lies in a polygon.

    A face of the arrangement lies wholly inside a polygon or wholly outside it, so one inner point decides.
    """
    inner = shapely.point_on_surface(faces)
    shapely.prepare(polygons)
    polygon, face = shapely.STRtree(inner).query(polygons, predicate="contains")
    return face, polygon
