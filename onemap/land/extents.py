"""Where each layer is known to be mapped."""

from __future__ import annotations

import numpy as np
import shapely

from onemap.errors import InputError
from onemap.land.crs import place
from onemap.land.files import files_in, read_raw
from onemap.land.issues import Issues
from onemap.land.source import Known, establish


def stated_extent(space, entry, known: Known, town, issues: Issues):
    """The polygon that a source or a statement of absence names as its extent, in the workspace's CRS, or None.

    ``entry.extent``: bounds, ``town``, or ``file#table``; a file that cannot be used is an issue.
    """
    if not isinstance(entry.extent, str):
        return shapely.box(*entry.extent)
    if entry.extent in ("town", "features"):
        return town if entry.extent == "town" else None
    path, _, table = entry.extent.partition("#")
    shapes: list = []
    try:
        for file in files_in(space.resolve(path)):
            for raw in read_raw(file, table or None):
                crs, by_format = establish(raw, None, entry.at)
                placed = place(
                    raw.geometry, crs, known.crs, town=known.box, by_format=by_format, where=entry.extent,
                    shifts=known.shifts,
                )  # fmt: skip
                shapes += [
                    g for g in placed.geoms if g is not None and g.geom_type in ("Polygon", "MultiPolygon")
                ]
        if not shapes or not shapely.is_valid(shapes).all():
            raise InputError("no valid polygon in the extent", where=entry.extent)
    except InputError as error:
        issues.add("extent_unreadable", value=entry.extent, message=str(error), source=entry.extent)
        return None
    return shapely.disjoint_subset_union_all(np.array(shapes, dtype=object))
