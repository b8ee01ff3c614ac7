"""Any file or folder that a bureau hands in, as raw tables."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pyproj
import shapely

from onemap.errors import InputError
from onemap.land.blobs import from_wkb
from onemap.land.dxf import read_dxf
from onemap.land.gdb import labels
from onemap.land.kml import read_kml
from onemap.land.ogr import damaged_blobs, read_ogr, tables
from onemap.land.raw import Raw, in_texts
from onemap.land.shapefile import read_shapefile
from onemap.land.sheets import read_csv, read_excel
from onemap.land.survey_txt import read_survey_txt
from onemap.land.vct import polygon_tables, read_vct
from onemap.messages import Message

_CONTAINERS = {".gpkg", ".sqlite", ".gdb", ".vct"}
_READABLE = {
    ".shp", ".gpkg", ".gdb", ".geojson", ".json", ".topojson", ".parquet", ".geoparquet", ".fgb", ".kml", ".ovkml",
    ".kmz", ".csv", ".xlsx", ".xlsm", ".txt", ".dxf", ".tab", ".mif", ".vct", ".zip",
}  # fmt: skip
_REFUSED = {
    ".dwg": Message("land.format.dwg"),
    ".mdb": Message("land.format.mdb"),
    ".xls": Message("land.format.xls"),
    ".rar": Message("land.format.archive"),
    ".7z": Message("land.format.archive"),
}
_UNPACKED_LIMIT = 20 << 30


def files_in(path: Path) -> list[Path]:
    """The files of a folder that could hold features, sorted; a single file or .gdb is itself.

    Raises InputError when nothing is there.
    """
    if not path.exists():
        near = sorted(p.name for p in path.parent.iterdir()) if path.parent.is_dir() else []
        mend = Message("land.folder.holds", names=near[:8]) if near else Message("land.path.check")
        raise InputError("land.file.missing", where=str(path), mend=mend)
    if path.is_file() or path.suffix.lower() == ".gdb" or (path / "gdb").is_file():
        return [path]
    found = _walk(path)
    if not found:
        raise InputError("land.folder.nothing_readable", where=str(path), readable=sorted(_READABLE))
    return found


def _walk(folder: Path) -> list[Path]:
    found = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "~$", "__MACOSX")):
            continue
        if path.is_dir() and path.suffix.lower() != ".gdb":
            found += _walk(path)
        elif path.suffix.lower() in _READABLE or path.suffix.lower() in _REFUSED:
            found.append(path)
    return found


def read_raw(path: Path, table: str | None = None, encoding: str | None = None) -> list[Raw]:
    """The tables of one file (a zip or a workbook may hold several); InputError when it cannot be read."""
    kind = path.suffix.lower()
    if kind in _REFUSED:
        raise InputError("land.format.refused", where=path.name, mend=_REFUSED[kind], kind=kind)
    if path.is_file() and path.stat().st_size == 0:
        raise InputError("land.file.empty", where=path.name)
    try:
        return _read(path, kind, table, encoding)
    except InputError:
        raise
    except (OSError, ValueError, zipfile.BadZipFile, MemoryError, RecursionError, KeyError) as error:
        raise InputError("land.file.unreadable", where=path.name, error=str(error)[:200]) from None


def _read(path: Path, kind: str, table: str | None, encoding: str | None) -> list[Raw]:
    if kind in (".zip", ".kmz"):
        return list(_zipped(path, table, encoding))
    if kind == ".shp":
        return [read_shapefile(path, encoding)]
    if kind == ".txt":
        return read_survey_txt(path, encoding)
    if kind == ".vct":
        return read_vct(path, table, encoding)
    if kind in (".kml", ".ovkml"):
        return [read_kml(path)]
    if kind == ".dxf":
        return [read_dxf(path, table)]
    if kind == ".csv":
        return [read_csv(path, encoding)]
    if kind in (".xlsx", ".xlsm"):
        return [read_excel(path, table)]
    if kind in (".parquet", ".geoparquet"):
        return [_parquet(path)]
    if (kind in _CONTAINERS and kind != ".vct") or path.is_dir():
        with _as_gdb(path) as opened:
            chosen = pick_table(opened, table, path.name)
            raw = read_ogr(opened, chosen, encoding)
            raw.notes += [("geometry_unreadable", fid, "") for fid in damaged_blobs(opened, chosen, raw)]
            if opened.suffix.lower() == ".gdb":
                raw.aliases, raw.coded = labels(opened, chosen)
        raw.file = path.name
        return [raw]
    if kind in (".tab", ".mif", ".dbf"):
        encoding = encoding or None
    raw = read_ogr(path, table, encoding)
    if kind in (".geojson", ".json", ".topojson"):
        _json_crs(path, raw)
    return [raw]


def tables_of(path: Path) -> list[str | None]:
    """The tables of a file that could be layers; [None] for a file that is one table itself."""
    kind = path.suffix.lower()
    if kind == ".zip":
        with tempfile.TemporaryDirectory() as folder:
            _unpack(path, Path(folder))
            inner = [p for p in files_in(Path(folder)) if p.suffix.lower() != ".zip"]
            if len(inner) == 1:
                return tables_of(inner[0])
            return [p.name for p in inner] if len(inner) > 1 else [None]
    if kind == ".vct":
        return list(polygon_tables(path))
    if kind in _CONTAINERS or path.is_dir():
        with _as_gdb(path) as opened:
            return [name for name, shape in tables(opened) if shape is not None]
    return [None]


@contextmanager
def _as_gdb(path: Path) -> Iterator[Path]:
    """A geodatabase folder under a name that GDAL knows."""
    if not path.is_dir() or path.suffix.lower() == ".gdb":
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / "folder.gdb"
        link.symlink_to(path.resolve(), target_is_directory=True)
        yield link


def pick_table(path: Path, table: str | None, name: str) -> str:
    """The table asked for, or the only one with geometry; InputError that lists them otherwise."""
    found = tables(path)
    spatial = [t for t, kind in found if kind is not None]
    if table is not None:
        for candidate, _ in found:
            if candidate == table or candidate.lower() == table.lower():
                return candidate
        raise InputError("land.file.table_unknown", where=name, table=table, found=[t for t, _ in found])
    if len(spatial) == 1:
        return spatial[0]
    mend = Message("land.file.choose_table", tables=spatial) if spatial else None
    raise InputError("land.file.several_tables", where=name, mend=mend, count=len(spatial))


def _json_crs(path: Path, raw: Raw) -> None:
    """A GeoJSON is WGS84 by its standard, a TopoJSON by custom, unless a ``crs`` member says otherwise."""
    with path.open("rb") as stream:
        head = stream.read(1 << 16)
    if b'"crs"' not in head or str(raw.crs) in ("EPSG:4326", "OGC:CRS84"):
        raw.crs, raw.by_format = "EPSG:4326", True
    raw.encoding = "UTF-8"


def _parquet(path: Path) -> Raw:
    try:
        frame = gpd.read_parquet(path)
    except shapely.errors.ShapelyError:
        return _parquet_blobs(path)
    except Exception as error:  # pyarrow and geopandas raise many kinds for foreign files
        raise InputError("land.parquet.unreadable", where=path.name, error=str(error)[:160]) from None
    geometry = np.array(frame.geometry, dtype=object)
    if shapely.has_z(geometry).any() or shapely.has_m(geometry).any():
        geometry = shapely.force_2d(geometry)
    columns = pd.DataFrame(frame.drop(columns=frame.geometry.name)).reset_index(drop=True)
    columns.index = in_texts(columns.index)
    return Raw(columns, geometry, path.name, frame.crs, encoding="UTF-8", promised=len(columns))


def _parquet_blobs(path: Path) -> Raw:
    """A GeoParquet of which GEOS refuses a geometry: the others, and that one as it is drawn."""
    table = pq.read_table(path)
    geo = json.loads(table.schema.metadata[b"geo"])
    name = geo["primary_column"]
    if geo["columns"][name].get("encoding") != "WKB":
        raise InputError("land.parquet.damaged", where=path.name)
    crs = geo["columns"][name].get("crs", "OGC:CRS84")
    geometry, unclosed, damaged = from_wkb(table.column(name).to_pylist())
    columns = table.drop_columns([name]).to_pandas().reset_index(drop=True)
    columns.index = in_texts(columns.index)
    notes = [("ring_open", str(i), "") for i in unclosed] + [
        ("geometry_unreadable", str(i), "") for i in damaged
    ]
    return Raw(
        columns, shapely.force_2d(geometry), path.name, pyproj.CRS(crs) if crs is not None else None, encoding="UTF-8",
        promised=len(columns), notes=notes,
    )  # fmt: skip


def _zipped(path: Path, table: str | None, encoding: str | None) -> Iterator[Raw]:
    with tempfile.TemporaryDirectory() as folder:
        _unpack(path, Path(folder))
        inner = [p for p in files_in(Path(folder)) if p.suffix.lower() != ".zip"]
        if path.suffix.lower() == ".kmz":
            inner = [p for p in inner if p.suffix.lower() == ".kml"][:1]
        elif table is not None and len(inner) > 1:
            inner = [p for p in inner if table.lower() in (p.stem.lower(), p.name.lower())] or inner
        if not inner:
            raise InputError("land.archive.nothing_readable", where=path.name)
        for file in inner:
            own = table if file.suffix.lower() in _CONTAINERS or len(inner) == 1 else None
            for raw in read_raw(file, own, encoding):
                raw.file = (
                    path.name if len(inner) == 1 else f"{path.name}/{file.relative_to(folder).as_posix()}"
                )
                yield raw


def _unpack(path: Path, folder: Path) -> None:
    with zipfile.ZipFile(path) as probe:
        flagged = all(m.flag_bits & 0x800 or m.filename.isascii() for m in probe.infolist())
    names = None
    if not flagged:
        names = "gbk"
        try:
            with zipfile.ZipFile(path, metadata_encoding="utf-8") as probe:
                probe.infolist()
                names = "utf-8"
        except UnicodeDecodeError:
            pass
    try:
        archive = zipfile.ZipFile(path, metadata_encoding=names)
    except UnicodeDecodeError:
        archive = zipfile.ZipFile(path)
    with archive:
        members = archive.infolist()
        if sum(m.file_size for m in members) > _UNPACKED_LIMIT:
            raise InputError("land.archive.too_large", where=path.name)
        if any(m.flag_bits & 1 for m in members):
            raise InputError("land.archive.locked", where=path.name)
        archive.extractall(folder)
