"""Land that lies in several pieces at once, counted once."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from onemap.land.area import ellipsoidal_area


def union_area(shapes: np.ndarray, crs: Any) -> float:
    """Ellipsoidal square metres of the union of some polygons of a projected CRS; 0 for none.

    >>> square = shapely.box(41_500_000, 4_555_000, 41_500_010, 4_555_010)
    >>> one = union_area(np.array([square]), "EPSG:4529")
    >>> one == union_area(np.array([square, square]), "EPSG:4529") and 99 < one < 101
    True
    """
    return float(ellipsoidal_area(np.array([shapely.union_all(shapes)]), crs)[0]) if len(shapes) else 0.0
