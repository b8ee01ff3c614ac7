"""The blueprint handed on: one GeoPackage that QGIS opens, or a folder of GeoParquet tables."""

from __future__ import annotations

import json
import os
import tempfile
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio

from onemap.blueprint.build import Blueprint
from onemap.blueprint.objects import DATES, DRAFT, FLAGS, to_table, write_whole
from onemap.errors import InputError
from onemap.frames import (
    BALANCE,
    CONFLICTS,
    COVERS,
    EXTENTS,
    FACES,
    FEATURES,
    ISSUES,
    PASSPORTS,
    QUARANTINE,
    SOURCES,
    UNKNOWNS,
    empty,
)
from onemap.messages import Message
from onemap.progress import progress

TABLES = {
    "faces": FACES,
    "conflicts": CONFLICTS,
    "features": FEATURES,
    "extents": EXTENTS,
    "quarantine": QUARANTINE,
    "covers": COVERS,
    "unknowns": UNKNOWNS,
    "conflict_faces": ["conflict_id", "face_id"],
    "balance": BALANCE,
    "sources": SOURCES,
    "issues": ISSUES,
    "passports": PASSPORTS,
}
FIXED_DATE = "2000-01-01T00:00:00Z"  # GDAL writes the clock into a GeoPackage; same inputs, same bytes


def write_package(blueprint: Blueprint, path) -> Path:
    """Write the blueprint as one GeoPackage, in one step: a crash leaves the old file whole.

    Tables are the blueprint's frames; ``faces`` also says in ``plans`` what every layer states there.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    tables = tables_of(blueprint)
    manifest = [
        (key, json.dumps(blueprint.manifest[key], ensure_ascii=False)) for key in sorted(blueprint.manifest)
    ]
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=DRAFT) as folder:
        draft = Path(folder) / path.name
        for name, table in progress(tables.items(), Message("house.progress.write_blueprint"), len(tables)):
            _write_table(table, draft, name, blueprint.crs)
        _write_table(pd.DataFrame(manifest, columns=["key", "value"]), draft, "manifest", None)
        os.replace(draft, path)
    return path


def read_package(path) -> Blueprint:
    """Read what :func:`write_package` wrote. Raises ``InputError`` when the file is none or not whole."""
    path = Path(path)
    if not path.is_file():
        raise InputError("blueprint.missing", where=str(path))
    try:
        names = set(pyogrio.list_layers(path)[:, 0])
    except pyogrio.errors.DataSourceError as broken:
        raise InputError("blueprint.package.unreadable", where=str(path), mend=str(broken)) from broken
    missing = sorted((set(TABLES) | {"manifest"}) - names)
    if missing:
        raise InputError("blueprint.package.no_table", where=str(path), missing=missing)
    manifest = pyogrio.read_dataframe(path, layer="manifest", read_geometry=False)
    manifest = {key: json.loads(value) for key, value in zip(manifest["key"], manifest["value"], strict=True)}
    crs = pyogrio.read_info(path, layer="faces")["crs"]
    frames = {name: _read_table(path, name, columns, crs) for name, columns in TABLES.items()}
    return Blueprint(crs=frames["faces"].crs, manifest=manifest, **frames)


def write_tables(blueprint: Blueprint, folder) -> Path:
    """Write the blueprint as one GeoParquet (or Parquet) file per table into a folder, each in one step."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in progress(
        tables_of(blueprint).items(), Message("house.progress.write_blueprint"), len(TABLES)
    ):
        buffer = pa.BufferOutputStream()
        pq.write_table(to_table(table, blueprint.crs), buffer, compression="zstd")
        write_whole(folder / f"{name}.parquet", buffer.getvalue())
    return folder


def tables_of(blueprint: Blueprint) -> dict[str, pd.DataFrame]:
    """The blueprint's frames by name; ``faces`` also says in ``plans`` what every layer states there."""
    tables = {name: getattr(blueprint, name) for name in TABLES}
    return tables | {"faces": tables["faces"][FACES].assign(plans=statements(blueprint))}


def statements(blueprint: Blueprint) -> list[str]:
    """For every face what each layer says there, as ``layer=class name`` joined by semicolons."""
    features = blueprint.features[["feature_id", "class_code", "class_name", "name"]]
    long = blueprint.covers.merge(features, on="feature_id", how="left")
    words = long[["class_code", "class_name"]].fillna("").agg(" ".join, axis=1).str.strip()
    long["says"] = long["layer"] + "=" + words.where(words != "", long["name"].fillna(""))
    says = long.drop_duplicates(["face_id", "says"]).groupby("face_id")["says"].agg("; ".join)
    return blueprint.faces["face_id"].map(says).fillna("").tolist()


def _write_table(table: pd.DataFrame, path: Path, name: str, crs) -> None:
    table = table.copy()
    for column in table.columns:
        if column in DATES:
            table[column] = [None if v is None or pd.isna(v) else v.isoformat() for v in table[column]]
        elif column in FLAGS:
            table[column] = table[column].fillna(False).astype(bool)
        elif column != "geometry" and table[column].dtype == object and not len(table):
            table[column] = table[column].astype("str")
    previous = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": FIXED_DATE})
    try:
        if isinstance(table, gpd.GeoDataFrame):
            kind = "MultiPolygon" if name != "faces" else "Polygon"
            pyogrio.write_dataframe(
                table.set_crs(crs, allow_override=True),
                path,
                layer=name,
                driver="GPKG",
                geometry_type=kind,
                promote_to_multi=kind == "MultiPolygon",
                append=False,
            )
        else:
            pyogrio.write_dataframe(table, path, layer=name, driver="GPKG", append=False)
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": previous})


def _read_table(path: Path, name: str, columns: list[str], crs) -> pd.DataFrame:
    spatial = "geometry" in columns
    table = pyogrio.read_dataframe(path, layer=name, read_geometry=spatial)
    if table.empty:
        return empty(columns, crs if spatial else None)
    for column in columns:
        if column == "geometry":
            continue
        if column in DATES:
            table[column] = [
                None if v is None or pd.isna(v) else date.fromisoformat(str(v)[:10]) for v in table[column]
            ]
        elif column in FLAGS:
            table[column] = table[column].astype(bool)
        elif not pd.api.types.is_numeric_dtype(table[column]):
            text = table[column].astype(object)
            table[column] = text.where(text.notna(), None)
    if spatial:
        one = table.geometry.to_numpy()
        single = np.array(
            [g is not None and g.geom_type == "MultiPolygon" and len(g.geoms) == 1 for g in one]
        )
        parts = one.copy()
        parts[single] = [g.geoms[0] for g in one[single]]
        table = table.set_geometry(gpd.GeoSeries(parts, index=table.index, crs=table.crs))
    return table[columns]
