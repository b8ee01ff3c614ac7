"""Closed polylines of a DXF drawing; a drawing states no coordinate system."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pyogrio

from onemap.errors import InputError
from onemap.land.ogr import curves_note, read_ogr
from onemap.land.raw import Raw
from onemap.land.text import decode


def read_dxf(path: Path, layer: str | None = None) -> Raw:
    """The entities of a drawing (columns Layer, Text, EntityHandle …), polylines closed by their flag as polygons.

    ``layer``: only those on that layer of the drawing, whatever its case. Raises InputError when GDAL cannot read the
    drawing, and for a layer that it has not.
    """
    drawing = path.read_bytes()
    if not re.search(rb"SECTION", drawing[:65536]):
        raise InputError("land.dxf.not_text", where=path.name)
    modern = decode(drawing, where=path.name)[1] != "GB18030"
    pyogrio.set_gdal_config_options(
        {"DXF_CLOSED_LINE_AS_POLYGON": "TRUE", "DXF_ENCODING": "UTF-8" if modern else "CP936"}
    )
    try:
        raw = read_ogr(path)
    finally:
        pyogrio.set_gdal_config_options({"DXF_CLOSED_LINE_AS_POLYGON": None, "DXF_ENCODING": None})
    raw.columns = pd.DataFrame(
        raw.columns[[c for c in raw.columns if c in ("Layer", "Text", "EntityHandle")]]
    )
    if layer is not None:
        _keep(raw, layer, path)
    if arcs := _arcs(drawing):
        raw.notes.append(curves_note(None, arcs))
    raw.crs, raw.loose, raw.encoding = None, True, "UTF-8" if modern else "CP936"
    return raw


def _arcs(drawing: bytes) -> int:
    """How many arcs a drawing holds: bulges of polylines, and arcs, circles and ellipses themselves."""
    lines = drawing.splitlines()
    count, entity = 0, b""
    for code, value in zip(lines[::2], lines[1::2], strict=False):
        if code.strip() == b"0":
            entity = value.strip()
            count += entity in (b"ARC", b"CIRCLE", b"ELLIPSE")
        elif code.strip() == b"42" and entity in (b"LWPOLYLINE", b"VERTEX"):
            count += value.strip(b" 0.+-") != b""
    return count


def _keep(raw: Raw, layer: str, path: Path) -> None:
    names = raw.columns["Layer"].fillna("").astype(str)
    mine = (names.str.lower() == layer.lower()).to_numpy()
    if not mine.any():
        known = sorted(set(names))[:20]
        raise InputError("land.file.table_unknown", where=path.name, table=layer, found=known)
    away = set(raw.columns.index[~mine])
    raw.notes = [note for note in raw.notes if note[1] not in away]
    raw.columns, raw.geometry = raw.columns[mine], raw.geometry[mine]
    raw.promised, raw.table = len(raw.columns), layer
