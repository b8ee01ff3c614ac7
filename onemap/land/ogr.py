"""Reading through GDAL with its silences undone: counted rows, counted nulls, salvage around a broken row."""

from __future__ import annotations

import contextlib
import math
import re
import sqlite3
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError

from onemap.errors import InputError
from onemap.land.blobs import from_wkb
from onemap.land.raw import Note, Raw, in_texts
from onemap.messages import Message

# Arcs are drawn as chords of this many degrees: an engineering choice, 0.00005 % of a circle's area.
CHORD_DEGREES = 0.1
_SETTINGS = {"OGR_ARC_STEPSIZE": str(CHORD_DEGREES), "OGR_GEOMETRY_ACCEPT_UNCLOSED_RING": "YES"}

# In well-known binary: circular string, compound curve, curve polygon, several curves, several such surfaces; and how
# a circular string within the others begins, without and with Z and M.
_CURVES = {8, 9, 10, 11, 12}
_ARC = [b"\x01" + (8 + 1000 * more).to_bytes(4, "little") for more in range(4)]
_PLAIN = ("Polygon", "MultiPolygon", "Polygon Z", "MultiPolygon Z", "2.5D Polygon", "2.5D MultiPolygon")
_MAY_BEND = (".gdb", ".gpkg")  # formats that hold arcs
_PLAIN_FIELDS = {"OFTString", "OFTInteger", "OFTInteger64", "OFTReal"}


def read_ogr(
    path: Path, table: str | None = None, encoding: str | None = None, shx_missing: bool = False
) -> Raw:
    """Every row GDAL can deliver of one table, and the count it promised; InputError when nothing can be read."""
    settings = _SETTINGS | {"SHAPE_RESTORE_SHX": "YES" if shx_missing else "NO"}
    pyogrio.set_gdal_config_options(settings)
    notes: list[Note] = []
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            info = pyogrio.read_info(path, layer=table, encoding=encoding, force_feature_count=True)
            frame = _at_once(path, table, encoding, info)
            if frame is None:
                frame = _read(path, table, encoding, int(info["features"]), notes)
                if "geometry" in frame.columns:
                    _look_again(frame, path, table, encoding, notes)
                    _say_curves(path, table, notes)
    except InputError:
        raise
    except UnicodeDecodeError:
        return _as_bytes(path, table, encoding or "UTF-8", notes)
    except Exception as error:  # GDAL and pyogrio raise a dozen kinds for files they cannot read
        raise InputError("land.file.unreadable", where=path.name, error=str(error)[:200]) from None
    for said in dict.fromkeys(str(w.message)[:160] for w in caught):
        if not any(
            word in said for word in ("Measured (M)", "organizePolygons", "Non closed ring", "from_wkb")
        ):
            notes.append(("reader_warning", None, said))
    return _raw(frame, info, path, table, encoding, notes)


def _raw(frame: pd.DataFrame, info, path: Path, table: str | None, encoding: str | None, notes: list) -> Raw:
    if "geometry" in frame.columns:
        geometry = np.array(frame["geometry"], dtype=object)
        columns = pd.DataFrame(frame.drop(columns="geometry"))
    else:
        geometry, columns = np.full(len(frame), None, dtype=object), pd.DataFrame(frame)
        if info["geometry_type"] is None:
            raise InputError("land.table.no_geometry", where=path.name)
    columns.index = in_texts(columns.index)
    promised = max(int(info["features"]), len(columns))
    return Raw(
        columns, geometry, path.name, info["crs"], encoding=encoding or str(info["encoding"] or ""), promised=promised,
        table=table or "", notes=notes,
    )  # fmt: skip


def _at_once(path: Path, table: str | None, encoding: str | None, info) -> pd.DataFrame | None:
    """The same rows by way of arrow, in half the time: only of a file of polygons, numbers and texts of which every row
    arrives with its geometry and GDAL has nothing to say; None for any other, which is read with care.

    Of a database with other fields, such as dates, the geometry alone comes so, and shows on the way that no row is bent.
    """
    plain = not {*info["ogr_types"]} - _PLAIN_FIELDS and not {*info["ogr_subtypes"]} - {"OFSTNone"}
    if info["geometry_type"] not in _PLAIN or not (plain or path.suffix.lower() in _MAY_BEND):
        return None
    asked = {"layer": table, "encoding": encoding}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            meta, found = pyogrio.raw.read_arrow(
                path, columns=None if plain else [], return_fids=True, **asked
            )
            name = meta["geometry_name"] or "wkb_geometry"
            geoms = shapely.from_wkb(found[name].to_numpy(), on_invalid="ignore")
            frame = found.drop_columns([name]).to_pandas().set_index(meta["fid_column"]).rename_axis("fid")
            if not plain:
                fids = frame.index
                frame = pyogrio.read_dataframe(
                    path, read_geometry=False, fid_as_index=True, use_arrow=False, **asked
                )
                if not frame.index.equals(fids):
                    return None
        except Exception:  # whatever it is, the careful reading meets it again and says so
            return None
    if caught or len(frame) != info["features"] or not np.isin(shapely.get_type_id(geoms), (3, 6)).all():
        return None
    for column in [
        c
        for c in frame.columns
        if plain and isinstance(frame[c].dtype, pd.StringDtype) and frame[c].isna().all()
    ]:
        frame[column] = np.full(len(frame), None, dtype=object)
    frame["geometry"] = shapely.force_2d(geoms) if shapely.has_z(geoms).any() else geoms
    return frame


def _read(path: Path, table: str | None, encoding: str | None, count: int, notes: list) -> pd.DataFrame:
    def load(**window) -> pd.DataFrame:
        return pyogrio.read_dataframe(
            path, layer=table, encoding=encoding, fid_as_index=True, force_2d=True, on_invalid="ignore",
            use_arrow=False, **window,
        )  # fmt: skip

    try:
        return load()
    except (FeatureError, DataLayerError):
        if count <= 0:
            raise
    pieces: list[pd.DataFrame] = []

    def salvage(first: int, size: int) -> None:
        try:
            pieces.append(load(skip_features=first, max_features=size))
        except UnicodeDecodeError:
            raise
        except Exception as error:
            if size == 1:
                # its fid is not known, and its place in the file must not be taken for one
                said = re.sub(r"^Error occurred in .*? at line \d+\W*", "", str(error))
                notes.append(("row_unreadable", f"#{first + 1}", said[:120]))
                return
            salvage(first, size // 2)
            salvage(first + size // 2, size - size // 2)

    salvage(0, count)
    if not pieces:
        raise InputError("land.table.no_row_readable", where=path.name, count=count)
    return pd.concat(pieces)


def _look_again(
    frame: pd.DataFrame, path: Path, table: str | None, encoding: str | None, notes: list
) -> None:
    """Give back as lines what GEOS refused for an open ring, and note what it refused for another reason."""
    absent = np.flatnonzero(shapely.is_missing(frame["geometry"].to_numpy()))
    if not len(absent):
        return
    fids = frame.index[absent].to_numpy(np.int64)
    try:
        _, found, blobs, _ = pyogrio.raw.read(
            path, layer=table, encoding=encoding, columns=[], fids=fids, force_2d=True, return_fids=True
        )
    except Exception:  # a row that cannot be read a second time stays without geometry, which is told
        return
    geoms, unclosed, damaged = from_wkb(blobs)
    place = dict(zip(fids.tolist(), absent.tolist(), strict=True))
    column = frame["geometry"].to_numpy().copy()
    for k in unclosed:
        column[place[int(found[k])]] = geoms[k]
        notes.append(("ring_open", str(found[k]), ""))
    notes += [("geometry_unreadable", str(found[k]), "") for k in damaged]
    frame["geometry"] = column


def _say_curves(path: Path, table: str | None, notes: list) -> None:
    """Note which rows of a geodatabase or a GeoPackage hold arcs, which GDAL hands out as chords."""
    if path.suffix.lower() not in _MAY_BEND:
        return
    try:
        meta, found = pyogrio.raw.read_arrow(path, layer=table, columns=[], return_fids=True)
    except Exception:  # what is wrong with the table was told when it was read
        return
    blobs = found[meta["geometry_name"] or "wkb_geometry"]
    heads = pc.binary_slice(blobs, 0, 5)
    may = [
        head
        for head in heads.unique().to_pylist()
        if head and int.from_bytes(head[1:3], "little") % 1000 in _CURVES
    ]
    bent = pc.is_in(heads, pa.array(may, heads.type))
    rows = zip(
        found[meta["fid_column"]].filter(bent).to_pylist(), blobs.filter(bent).to_pylist(), strict=True
    )
    held = [fid for fid, blob in rows if any(arc in blob for arc in _ARC)]
    if held:
        notes.append(curves_note("|".join(map(str, held[:20])), len(held)))


def curves_note(fids: str | None, count: int) -> Note:
    """What is said of a file in which so many rows hold arcs: that they became chords, and how fine."""
    off = 1 - math.cos(math.radians(CHORD_DEGREES / 2))
    told = Message(
        "land.curves.chords", count=count, degrees=CHORD_DEGREES, off_mm=math.ceil(off * 1e7) / 100
    )
    return "curves_straightened", fids, told


def _as_bytes(path: Path, table: str | None, encoding: str, notes: list) -> Raw:
    """Read as Latin-1 and decode name by name, cell by cell: field names cut within a character stop GDAL."""
    raw = read_ogr(path, table, "ISO-8859-1")

    def again(value):
        return (
            value.encode("latin1", "replace").decode(encoding, "replace") if isinstance(value, str) else value
        )

    columns = raw.columns.rename(columns=lambda c: again(c).rstrip("\ufffd"))
    for i, kind in enumerate(columns.dtypes):
        if str(kind).startswith(("str", "object")):
            columns.isetitem(i, columns.iloc[:, i].map(again).astype(object))
    raw.columns, raw.encoding = columns, encoding
    raw.notes = notes + raw.notes + [("text_damaged", None, encoding)]
    return raw


def damaged_blobs(path: Path, table: str, raw: Raw) -> list[str]:
    """The rows of a GeoPackage that came without geometry although their cell holds one."""
    absent = raw.columns.index[shapely.is_missing(raw.geometry)]
    if not len(absent) or path.suffix.lower() != ".gpkg":
        return []
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
        ) as base:
            found = base.execute(
                "SELECT column_name FROM gpkg_geometry_columns WHERE table_name = ?", (table,)
            ).fetchone()
            if found is None:
                return []
            names = [n.replace('"', '""') for n in (table, found[0])]
            rows = base.execute(f'SELECT rowid FROM "{names[0]}" WHERE "{names[1]}" IS NOT NULL')
            held = {str(row[0]) for row in rows}
    except sqlite3.Error:
        return [str(fid) for fid in absent]
    return [fid for fid in absent if fid in held]


def tables(path: Path) -> list[tuple[str, str | None]]:
    """(name, geometry type) of the tables in a container; InputError when it cannot be opened."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return [(str(name), kind) for name, kind in pyogrio.list_layers(path)]
    except (DataSourceError, DataLayerError, UnicodeDecodeError) as error:
        raise InputError("land.file.not_opened", where=path.name, error=str(error)[:200]) from None
