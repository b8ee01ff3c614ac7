"""Slivers: patches too small or too thin to be a difference anyone meant."""

from __future__ import annotations

import numpy as np
import shapely


def is_sliver(geometries: np.ndarray, area_m2: np.ndarray, rulebook) -> np.ndarray:
    """Which polygons count as slivers (碎图斑) by the book's parameters.

    A sliver has less area than ``sliver_area`` (m²), or is thinner than ``sliver_width`` (m, twice the area by
    the perimeter), or rounder than no more than ``sliver_compactness`` (4π·area/perimeter²). Slivers are
    flagged, never dropped.
    """
    perimeter = shapely.length(geometries)
    with np.errstate(divide="ignore", invalid="ignore"):
        width = 2 * area_m2 / perimeter
        compactness = 4 * np.pi * area_m2 / perimeter**2
    return (
        (area_m2 < rulebook.threshold("sliver_area"))
        | (width < rulebook.threshold("sliver_width"))
        | (compactness < rulebook.threshold("sliver_compactness"))
    )
