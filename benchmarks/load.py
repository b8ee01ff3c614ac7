"""The layers of the city as arrays of polygons, read as plainly as each format allows."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import shapely

ENVELOPE = (0, 32, 48, 48, 64)  # bytes, by the indicator in a GeoPackage geometry's flags


def polygons(path: Path) -> np.ndarray:
    """All geometries of a GeoParquet or GeoPackage file."""
    if path.suffix == ".parquet":
        from pyarrow.parquet import ParquetFile

        column = ParquetFile(path).read(columns=["geometry"], use_threads=False)["geometry"]
        return shapely.from_wkb(np.array(column.to_pylist(), dtype=object))
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        table, column = db.execute("select table_name, column_name from gpkg_geometry_columns").fetchone()
        rows = db.execute(f'select "{column}" from "{table}" order by rowid').fetchall()
    return shapely.from_wkb(
        np.array([row[0][8 + ENVELOPE[row[0][3] >> 1 & 7] :] for row in rows], dtype=object)
    )
