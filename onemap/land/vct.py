"""VCT exchange files (GB/T 17798-2007 and the 3.0 dialect of the third land survey) as raw tables."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from onemap.errors import InputError
from onemap.land.raw import Note, Raw
from onemap.land.text import decode
from onemap.land.values import parse_number
from onemap.land.vct_crs import crs_of_head
from onemap.land.vct_shapes import shapes_of
from onemap.messages import Message

_EDGE = re.compile(r"^\s*([A-Za-z]+?)(Begin|End)\s*$", re.IGNORECASE)
_SPATIAL = ("point", "line", "polygon")
_NUMBERS = ("int", "integer", "float", "double", "number", "long", "short")


class Code(NamedTuple):
    """One feature class of the file: code, name, kind of geometry, attribute table."""

    code: str
    name: str
    kind: str
    table: str


class Document(NamedTuple):
    """A VCT taken apart: head, sections as (line number, text), and which sections never end."""

    head: dict[str, str]
    sections: dict[str, list[tuple[int, str]]]
    open: list[str]


def read_vct(path: Path, table: str | None = None, encoding: str | None = None) -> list[Raw]:
    """The rows of one class of a VCT, polygons put together from their lines; attributes by object id.

    ``table``: attribute table, class code or class name; without it the only class with polygons. An object that
    cannot be put together, or has no attribute row, costs one row. Raises InputError for a text that is no VCT,
    for the dialect of 1999, and where no class or several fit; CRSError where head and numbers disagree.
    """
    text, used = decode(path.read_bytes(), encoding, path.name)
    document = take_apart(text, path.name)
    _check_dialect(document, path.name)
    separator = document.head.get("separator") or ","
    classes = _classes(document, separator)
    chosen = _choose(classes, document, table, path.name)
    fields, notes = _fields(document, separator, chosen.table)
    rows, unread = _attributes(document, separator, chosen.table, len(fields))
    codes = {c.code for c in classes}
    found = shapes_of(document, separator, codes, chosen.code, chosen.kind)
    notes += [("vct_head", None, remark) for remark in found.remarks] + unread
    raw = _joined(found, rows, fields, notes)
    raw.file, raw.encoding, raw.table = path.name, used, chosen.table or chosen.name
    raw.crs, doubts = crs_of_head(document.head, raw.geometry, path.name)
    raw.notes += [("vct_head", None, doubt) for doubt in doubts]
    if any(name in document.open for name in _SPATIAL):
        raw.notes.append(("vct_head", None, Message("land.vct.cut")))
        raw.promised += 1
    return [raw]


def polygon_tables(path: Path) -> list[str]:
    """The attribute tables of a VCT's classes that hold polygons; InputError for a text that is no VCT."""
    document = take_apart(decode(path.read_bytes(), where=path.name)[0], path.name)
    _check_dialect(document, path.name)
    lines = {line for _, line in document.sections.get("polygon", ())}
    classes = _classes(document, document.head.get("separator") or ",")
    return [c.table for c in classes if c.kind == "polygon" and c.code in lines]


def take_apart(text: str, name: str) -> Document:
    """Head and sections of a VCT; comments and blank lines left out. InputError for any other text."""
    head: dict[str, str] = {}
    sections: dict[str, list[tuple[int, str]]] = defaultdict(list)
    inside, comment = "", False
    for at, line in enumerate(re.split(r"\r\n|\r|\n", text.replace("\ufeff", "").replace("\x1a", "")), 1):
        edge = _EDGE.match(line)
        section = edge.group(1).lower() if edge else ""
        if section == "comment":
            comment = edge.group(2).lower() == "begin"
        elif comment or not line.strip():
            continue
        elif edge and section != "table":
            inside = section if edge.group(2).lower() == "begin" else ""
            if inside:
                sections[inside]
                sections["\0" + inside].append((at, line))
            else:
                sections.pop("\0" + section, None)
        elif inside == "head":
            key, colon, value = line.replace("：", ":").partition(":")
            if colon:
                head[re.sub(r"\s", "", key).lower()] = value.strip() or value[:1]
        elif inside:
            sections[inside].append((at, line.strip()))
    opened = [key[1:] for key in sections if key.startswith("\0")]
    if not head and "head" not in sections:
        raise InputError("land.vct.no_head", where=name)
    return Document(head, {k: v for k, v in sections.items() if not k.startswith("\0")}, opened)


def _check_dialect(document: Document, name: str) -> None:
    mark, version = document.head.get("datamark", "").upper(), document.head.get("version", "")
    if mark.startswith("CNSDTF") and "2007" not in version:
        raise InputError("land.vct.old_dialect", where=name, mark=mark, version=version)


def _classes(document: Document, separator: str) -> list[Code]:
    found = []
    for _, line in document.sections.get("featurecode", ()):
        cells = [c.strip() for c in line.split(separator)]
        if len(cells) >= 4:
            found.append(Code(cells[0], cells[1], cells[2].lower(), cells[-1]))
    return found


def _choose(classes: list[Code], document: Document, table: str | None, name: str) -> Code:
    if table is not None:
        wanted = table.strip().lower()
        for code in classes:
            if wanted in (code.table.lower(), code.code.lower(), code.name.lower()):
                return code
    lines = {line for _, line in document.sections.get("polygon", ())}
    polygons = [c for c in classes if c.kind == "polygon"]
    filled = [c for c in polygons if c.code in lines] or polygons
    if table is None and len(filled) == 1:
        return filled[0]
    listed = [f"{c.table} ({c.name})" for c in (filled if table is None else classes)[:30]]
    if table is not None:
        raise InputError("land.vct.class_unknown", where=name, table=table, classes=listed or "none")
    mend = Message("land.file.choose_table", tables=listed) if listed else None
    raise InputError("land.vct.several_classes", where=name, mend=mend, count=len(filled))


def _fields(document: Document, separator: str, table: str):
    """Field names and kinds of one attribute table, and what is odd about its structure."""
    notes: list[Note] = []
    fields: list[tuple[str, str]] = []
    mine, promised = False, 0
    fresh = True
    for at, line in document.sections.get("tablestructure", ()):
        cells = [c.strip() for c in line.split(separator)]
        if line == "0":
            mine, fresh = False, True
        elif fresh:
            mine, fresh = cells[0].lower() == table.lower(), False
            promised = int(parse_number(cells[1]) or 0) if mine and len(cells) > 1 else promised
        elif mine and len(cells) >= 2:
            fields.append((cells[0], cells[1].lower()))
        elif mine:
            notes.append(("vct_head", None, Message("land.vct.no_field", line=at, table=table)))
    if promised != len(fields):
        notes.append(
            (
                "vct_head",
                None,
                Message("land.vct.fields_differ", table=table, promised=promised, described=len(fields)),
            )
        )
    return fields, notes


def _attributes(document: Document, separator: str, table: str, width: int):
    """Attribute cells by object id of one table, and notes of rows that do not fit its structure."""
    rows: dict[str, list[str]] = {}
    notes: list[Note] = []
    lines = document.sections.get("attribute", [])
    i, current = 0, ""
    while i < len(lines):
        at, line = lines[i]
        i += 1
        edge = _EDGE.match(line)
        if edge and edge.group(1).lower() == "table":
            current = ""
            continue
        if not current:
            current = line.split(separator)[0].strip().lower()
            continue
        if current != table.lower():
            continue
        cells = line.split(separator)
        while len(cells) < width + 1 and i < len(lines) and _goes_on(lines[i][1], separator, cells, width):
            more = lines[i][1].split(separator)
            cells = [*cells[:-1], f"{cells[-1]} {more[0]}", *more[1:]]
            i += 1
        fid = cells[0].strip()
        if len(cells) != width + 1:
            notes.append(
                (
                    "vct_row",
                    fid,
                    Message("land.vct.values_differ", line=at, values=len(cells) - 1, fields=width),
                )
            )
        elif fid in rows:
            notes.append(("vct_row", fid, Message("land.vct.row_twice", line=at)))
            rows[fid + f"#{at}"] = cells[1:]
        else:
            rows[fid] = [c.strip() for c in cells[1:]]
    return rows, notes


def _goes_on(line: str, separator: str, cells: list[str], width: int) -> bool:
    """Whether a line carries on a row that a line break cut."""
    count = line.count(separator)
    return not _EDGE.match(line) and count < width and len(cells) + count <= width + 1


def _joined(found, rows: dict[str, list[str]], fields: list[tuple[str, str]], notes: list) -> Raw:
    """Objects with their attribute rows; rows without object and objects without row stay, with a note."""
    ids, geometry, cells = [], [], []
    seen: dict[str, int] = {}
    blank = [""] * len(fields)
    for fid, shape, why in found.objects:
        seen[fid] = seen.get(fid, 0) + 1
        name = fid if seen[fid] == 1 else f"{fid}#{seen[fid]}"
        if seen[fid] > 1:
            notes.append(("duplicate_key", name, fid))
        if why:
            notes.append(("bad_coordinates", name, why))
        elif fid not in rows and fields:
            notes.append(("no_attributes", name, ""))
        ids.append(name)
        geometry.append(shape)
        cells.append(rows.get(fid, blank))
    for fid, row in rows.items():
        if fid not in seen:
            ids.append(fid)
            geometry.append(None)
            cells.append(row)
    columns = pd.DataFrame(index=pd.Index(ids, dtype=object))
    for k, (name, kind) in enumerate(fields):
        if name not in columns:
            columns[name] = pd.Series([_value(c[k], kind) for c in cells], index=columns.index, dtype=object)
    shapes = np.full(len(ids), None, dtype=object)
    shapes[:] = geometry
    return Raw(columns, shapes, "", promised=len(ids) + found.lost, notes=notes)


def _value(cell: str, kind: str):
    if not cell.strip():
        return None
    number = parse_number(cell) if kind.startswith(_NUMBERS) else None
    if number is None or not re.fullmatch(r"[-+]?[\d.]+(?:[eE][-+]?\d+)?", cell.strip()):
        return cell
    whole = re.fullmatch(r"[-+]?\d{1,30}", cell.strip())
    return int(cell) if whole else number
