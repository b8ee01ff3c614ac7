"""Frames written as GeoPackage, file geodatabase or shapefile tables with stated text widths."""

from __future__ import annotations

import datetime
import warnings
from pathlib import Path

import fiona
import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely

from onemap.errors import InputError

_DRIVERS = {".gpkg": "GPKG", ".gdb": "OpenFileGDB", ".shp": "ESRI Shapefile"}
_SHP_NAME, _SHP_TEXT = 10, 254


def write_table(
    frame: gpd.GeoDataFrame, path, table: str | None = None, widths: dict[str, int] | None = None
) -> Path:
    """Write a frame as a table of a ``.gpkg`` or ``.gdb``, or as a ``.shp``, and return its path.

    ``widths``: characters per text column; without one a column is as wide as its longest text. Dates become date
    columns, whole numbers stay whole. Raises InputError for an existing table, a text wider than its column, a name
    that the format cannot hold, and an unknown ending.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in _DRIVERS:
        raise InputError("land.write.format_unknown", where=path.name, suffix=path.suffix, known=_DRIVERS)
    table = table or path.stem
    _free(path, table, kind)
    plain = pd.DataFrame(frame.drop(columns=frame.geometry.name)).reset_index(drop=True)
    schema, data = {}, {}
    for column in plain.columns:
        schema[column], data[column] = _column(
            plain[column], str(column), (widths or {}).get(column), kind, path
        )
    shape = "MultiPolygon" if set(frame.geom_type.dropna()) <= {"Polygon", "MultiPolygon"} else "Unknown"
    _empty_table(path, table, kind, {"geometry": shape, "properties": schema}, frame.crs)
    geometry = frame.geometry.to_numpy()
    if shape == "MultiPolygon":
        geometry = np.array([_multi(g) for g in geometry], dtype=object)
    full = gpd.GeoDataFrame(data, geometry=geometry, crs=frame.crs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pyogrio.write_dataframe(
            full, path, layer=table, driver=_DRIVERS[kind], append=True, geometry_type=shape,
            **({"encoding": "UTF-8"} if kind == ".shp" else {}),
        )  # fmt: skip
    written = pyogrio.read_info(path, layer=table, force_feature_count=True)["features"]
    if written != len(frame):
        raise InputError("land.write.rows_lost", where=path.name, written=written, count=len(frame))
    return path


def _free(path: Path, table: str, kind: str) -> None:
    if not path.exists():
        return
    if kind == ".shp" or table.lower() in {str(n).lower() for n, _ in pyogrio.list_layers(path)}:
        raise InputError("land.write.table_there", where=path.name, table=table)


def _column(values: pd.Series, name: str, width: int | None, kind: str, path: Path):
    """A column's type in fiona's words, and its values."""
    if kind == ".shp" and (len(name) > _SHP_NAME or not name.isascii()):
        raise InputError("land.write.name_refused", where=path.name, name=name)
    held = values.dropna()
    if values.dtype.kind in "iu":
        return "int64", values
    if values.dtype.kind == "f":
        return "float", values
    if values.dtype.kind == "b" or (len(held) and held.map(lambda v: isinstance(v, (bool, np.bool_))).all()):
        return "int32", values.map(lambda v: None if v is None else int(v))
    if len(held) and held.map(lambda v: type(v) is datetime.date).all():
        return "datetime" if kind == ".gdb" else "date", pd.to_datetime(values)
    words = values.map(lambda v: None if v is None or v != v else v if isinstance(v, str) else str(v)).astype(
        object
    )
    lengths = words.dropna().map(lambda w: len(w.encode()) if kind == ".shp" else len(w))
    longest = int(lengths.max()) if len(lengths) else 1
    if width is not None and longest > width or (kind == ".shp" and longest > _SHP_TEXT):
        row = lengths.index[lengths.argmax()]
        raise InputError(
            "land.write.text_too_long",
            where=path.name,
            name=name,
            longest=longest,
            row=row,
            width=width or _SHP_TEXT,
        )
    return f"str:{width or max(longest, 1)}", words.where(words.notna(), None)


def _multi(geom):
    return shapely.MultiPolygon([geom]) if geom is not None and geom.geom_type == "Polygon" else geom


def _empty_table(path: Path, table: str, kind: str, schema: dict, crs) -> None:
    options = {"layer": table} if kind != ".shp" else {"encoding": "UTF-8"}
    if kind == ".gdb":
        options["TARGET_ARCGIS_VERSION"] = "ARCGIS_PRO_3_2_OR_LATER"
    mode_wkt = crs.to_wkt("WKT1_GDAL") if crs is not None else None
    with fiona.open(path, "w", driver=_DRIVERS[kind], schema=schema, crs_wkt=mode_wkt, **options):
        pass
