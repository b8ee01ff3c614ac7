"""Closed polylines of a DXF drawing; a drawing states no coordinate system."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyogrio
import shapely

from onemap.errors import InputError
from onemap.land.ogr import read_ogr
from onemap.land.raw import Raw
from onemap.land.text import decode

_CLOSE_M = 0.01


def read_dxf(path: Path) -> Raw:
    """The entities of a drawing (columns Layer, Text, EntityHandle …), closed lines as polygons.

    Ends at most 1 cm apart count as closed and are noted. Raises InputError when GDAL cannot read the drawing.
    """
    head = path.read_bytes()[:65536]
    if not re.search(rb"SECTION", head):
        raise InputError(
            "no DXF text (a binary DXF or another format)", where=path.name, mend="save it as ASCII DXF"
        )
    modern = decode(path.read_bytes(), where=path.name)[1] != "GB18030"
    pyogrio.set_gdal_config_options(
        {"DXF_CLOSED_LINE_AS_POLYGON": "TRUE", "DXF_ENCODING": "UTF-8" if modern else "CP936"}
    )
    try:
        raw = read_ogr(path)
    finally:
        pyogrio.set_gdal_config_options({"DXF_CLOSED_LINE_AS_POLYGON": None, "DXF_ENCODING": None})
    for i, geom in enumerate(raw.geometry):
        raw.geometry[i] = _closed(geom, raw, i)
    raw.columns = pd.DataFrame(
        raw.columns[[c for c in raw.columns if c in ("Layer", "Text", "EntityHandle")]]
    )
    raw.crs, raw.loose, raw.encoding = None, True, "UTF-8" if modern else "CP936"
    return raw


def _closed(geom, raw: Raw, i: int):
    if geom is None or geom.geom_type != "LineString" or len(geom.coords) < 4:
        return geom
    points = np.asarray(geom.coords)[:, :2]
    gap = float(np.hypot(*(points[0] - points[-1])))
    if gap > _CLOSE_M:
        raw.notes.append(("line_open", str(raw.columns.index[i]), f"{gap:.3f}"))
        return geom
    if gap > 0:
        raw.notes.append(("ring_closed", str(raw.columns.index[i]), f"{gap:.4f}"))
    return shapely.Polygon(np.vstack([points[:-1], points[:1]]))
