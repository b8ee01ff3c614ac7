"""Shapefiles as offices hand them in: lying code pages, Chinese .prj, missing .shx, short .dbf."""

from __future__ import annotations

import codecs
import re
import struct
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import shapely

from onemap.errors import InputError
from onemap.land.ogr import read_ogr
from onemap.land.raw import UNREADABLE_PRJ, Note, Raw
from onemap.land.text import decode, fits, looks_chinese, looks_traditional
from onemap.messages import Message

_LDID = {
    0x4D: "GB18030",
    0x7A: "GB18030",
    0x4F: "BIG5",
    0x78: "BIG5",
    0x13: "SHIFT-JIS",
    0x7B: "SHIFT-JIS",
    0x4E: "EUC-KR",
}
_WITH_PARTS = (b"\x03", b"\x05", b"\x0d", b"\x0f", b"\x17", b"\x19", b"\x08", b"\x12", b"\x1c")
_CHINESE = {"936", "ansi936", "cp936", "gbk", "gb2312", "gb18030", "ms936", "euccn", "chinese"}


def read_shapefile(path: Path, encoding: str | None = None) -> Raw:
    """The rows of a shapefile, read from a copy by links without .prj and .cpg, which are read apart.

    Raises InputError when no geometry can be had.
    """
    kin = _kin(path)
    notes: list[Note] = []
    dbf = _dbf(kin[".dbf"]) if ".dbf" in kin else None
    used, doubt = _encoding(dbf, kin.get(".cpg"), encoding)
    if doubt:
        notes.append(("encoding_unknown", None, doubt))
    in_shx = (kin[".shx"].stat().st_size - 100) // 8 if ".shx" in kin else None
    with tempfile.TemporaryDirectory() as folder:
        staged = _stage(kin, Path(folder), (".shp", ".shx", ".dbf"))
        raw = read_ogr(staged, encoding=used, shx_missing=".shx" not in kin)
        raw = _all_rows(raw, kin, in_shx, used, notes)
    if ".shx" not in kin:
        notes.append(("shx_missing", None, path.name))
    if ".dbf" not in kin:
        notes.append(("dbf_missing", None, path.name))
    counts = [raw.promised or 0, in_shx or 0, dbf["rows"] if dbf else 0]
    if dbf and in_shx is not None and dbf["rows"] != in_shx:
        notes.append(("row_count", None, Message("land.shapefile.counts", dbf=dbf["rows"], shp=in_shx)))
    notes += [("geometry_unreadable", fid, "") for fid in _damaged(raw, kin)]
    raw.file, raw.encoding, raw.promised = path.name, used, max(counts)
    raw.crs = _prj(kin[".prj"]) if ".prj" in kin else None
    raw.notes = notes + raw.notes
    return raw


def _kin(path: Path) -> dict[str, Path]:
    found = {
        p.suffix.lower(): p for p in sorted(path.parent.iterdir()) if p.stem == path.stem and p.is_file()
    }
    found[".shp"] = path
    return found


def _stage(kin: dict[str, Path], folder: Path, parts: tuple[str, ...]) -> Path:
    for part in parts:
        if part in kin:
            target = folder / f"layer{part}"
            try:
                target.symlink_to(kin[part].resolve())
            except OSError:
                target.write_bytes(kin[part].read_bytes())
    return folder / "layer.shp"


def _all_rows(raw: Raw, kin: dict[str, Path], in_shx: int | None, encoding: str, notes: list) -> Raw:
    """The rows, and those geometries behind the end of the .dbf that GDAL leaves out."""
    if in_shx is None or in_shx <= len(raw.columns) or ".dbf" not in kin:
        return raw
    with tempfile.TemporaryDirectory() as folder:
        bare = read_ogr(_stage(kin, Path(folder), (".shp", ".shx")), encoding=encoding)
    extra = ~bare.columns.index.isin(raw.columns.index)
    if extra.any():
        ids = bare.columns.index[extra]
        raw.geometry = np.concatenate([raw.geometry, bare.geometry[extra]])
        raw.columns = pd.concat(
            [raw.columns, pd.DataFrame(index=ids, columns=raw.columns.columns, dtype=object)]
        )
        notes.extend(("no_attributes", fid, "") for fid in ids)
    return raw


def _damaged(raw: Raw, kin: dict[str, Path]) -> list[str]:
    """The rows that came without geometry although their record is no null shape."""
    absent = np.flatnonzero(shapely.is_missing(raw.geometry))
    if not len(absent):
        return []
    if ".shx" not in kin:
        return [str(raw.columns.index[i]) for i in absent]
    data, index = kin[".shp"].read_bytes(), kin[".shx"].read_bytes()[100:]
    offsets = (
        np.frombuffer(index[: len(index) // 8 * 8], dtype=">i4").reshape(-1, 2)[:, 0].astype(np.int64) * 2
    )
    damaged = []
    for i in absent:
        fid = str(raw.columns.index[i])
        at = offsets[int(fid)] + 8 if fid.isdigit() and int(fid) < len(offsets) else len(data)
        kind = data[at : at + 4]
        nothing = kind == b"\0\0\0\0" or (kind[:1] in _WITH_PARTS and data[at + 36 : at + 40] == b"\0\0\0\0")
        if not nothing:
            damaged.append(fid)
    return damaged


def _dbf(path: Path) -> dict | None:
    """Row count, code page byte, and the non-ASCII text cells and names of a .dbf."""
    data = path.read_bytes()
    if len(data) < 32:
        return None
    rows, start, width = struct.unpack("<IHH", data[4:12])
    cells, spans, at = [], [], 1
    for i in range(32, min(start, len(data)) - 31, 32):
        if data[i] == 0x0D:
            break
        name, kind, size = data[i : i + 11].split(b"\0")[0], data[i + 11 : i + 12], data[i + 16]
        cells.append(name)
        if kind == b"C":
            spans.append((at, at + size))
        at += size
    body = np.frombuffer(memoryview(data)[start:], dtype=np.uint8)
    whole = len(body) // width if width else 0
    body = body[: whole * width].reshape(whole, width) if whole else np.zeros((0, 1), np.uint8)
    for lo, hi in spans:
        block = body[:, lo:hi]
        foreign = np.ascontiguousarray(block[(block > 127).any(axis=1)])
        if len(foreign):
            held = pa.FixedSizeBinaryArray.from_buffers(
                pa.binary(hi - lo), len(foreign), [None, pa.py_buffer(foreign)]
            )
            cells += [cell.rstrip(b"\0 ") for cell in held.dictionary_encode().dictionary.to_pylist()]
    return {
        "rows": rows,
        "ldid": data[29],
        "cells": [c for c in dict.fromkeys(cells) if any(b > 127 for b in c)],
    }


def _encoding(dbf: dict | None, cpg: Path | None, wanted: str | None) -> tuple[str, Message | str]:
    """The encoding to read with, and what is doubtful about it."""
    if wanted:
        try:
            codecs.lookup(wanted)
        except LookupError:
            raise InputError("land.encoding.unknown", encoding=wanted) from None
        return wanted, ""
    if dbf is None or not dbf["cells"]:
        return "UTF-8", ""
    cells = dbf["cells"]
    said, by_page = _declared(cpg), _LDID.get(dbf["ldid"])
    latin = said is not None and codecs.lookup(said).name in ("iso8859-1", "cp1252")
    traditional = looks_traditional(cells)
    for name in (None if latin else said, by_page, "UTF-8"):
        if name and fits(cells, name) and not (traditional and name == "GB18030"):
            return name, ""
    if traditional:
        return "BIG5", Message("land.encoding.big5")
    if fits(cells, "GB18030") and looks_chinese(cells):
        return "GB18030", ""
    if latin:
        return said, ""
    if dbf["ldid"] in (0x03, 0x57) and fits(cells, "CP1252"):
        return "CP1252", Message("land.encoding.western")
    if fits(cells, "GB18030"):
        return "GB18030", Message("land.encoding.hardly_chinese")
    return "ISO-8859-1", Message("land.encoding.neither", declared=said)


def _declared(cpg: Path | None) -> str | None:
    if cpg is None:
        return None
    word = cpg.read_bytes()[:40].decode("ascii", "ignore").strip().lower()
    plain = word.replace(" ", "").replace("-", "").replace("_", "")
    if plain in _CHINESE:
        return "GB18030"
    spelt = re.sub(r"(?<=\d)(?=[a-z])", "-", re.sub(r"^8859(\d+)$", r"iso8859-\1", plain))
    for name in (word, plain, f"cp{plain}", plain.replace("ansi", "cp"), spelt):
        try:
            codecs.lookup(name)
        except (LookupError, ValueError):
            continue
        return name.upper()
    return None


def _prj(path: Path) -> str | None:
    try:
        wkt, _ = decode(path.read_bytes(), where=path.name)
    except InputError:
        return UNREADABLE_PRJ
    wkt = wkt.strip("\ufeff\0 \r\n\t")
    return wkt or None
