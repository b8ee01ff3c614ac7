"""Where each layer is known to be mapped."""

from __future__ import annotations

import numpy as np
import shapely

from onemap.errors import InputError
from onemap.land.crs import place
from onemap.land.files import files_in
from onemap.land.issues import Issues
from onemap.land.postgis import is_address, without_password
from onemap.land.source import Known, establish, raws_of


def stated_extent(space, entry, known: Known, town, issues: Issues):
    """The polygon that a source or a statement of absence names as its extent, in the workspace's CRS, or None.

    ``entry.extent``: bounds, ``town``, ``file#table`` or ``address of a database#table``; one that cannot be used is an
    issue.
    """
    if not isinstance(entry.extent, str):
        return shapely.box(*entry.extent)
    if entry.extent in ("town", "features"):
        return town if entry.extent == "town" else None
    path, _, table = (entry.extent, "", "") if is_address(entry.extent) else entry.extent.partition("#")
    shown = without_password(entry.extent)
    shapes: list = []
    try:
        path = space.resolve(path)
        for file in [path] if is_address(path) else files_in(path):
            for raw in raws_of(file, table or None, None):
                crs, by_format = establish(raw, None, entry.at)
                placed = place(
                    raw.geometry, crs, known.crs, town=known.box, by_format=by_format, where=shown,
                    shifts=known.shifts,
                )  # fmt: skip
                shapes += [
                    g for g in placed.geoms if g is not None and g.geom_type in ("Polygon", "MultiPolygon")
                ]
        if not shapes or not shapely.is_valid(shapes).all():
            raise InputError("land.extent.no_polygon", where=shown)
    except InputError as error:
        issues.add("extent_unreadable", value=shown, message=error.said, source=shown)
        return None
    return shapely.disjoint_subset_union_all(np.array(shapes, dtype=object))
