"""CSV and Excel tables whose geometry is WKT or boundary points."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
import shapely

from onemap.errors import InputError
from onemap.land.blobs import from_wkt
from onemap.land.point_table import points_table
from onemap.land.raw import Note, Raw
from onemap.land.text import decode

_GEOMETRY = ("wkt", "geometry", "geom", "shape", "the_geom", "wkt_geom", "几何", "坐标", "图形")


def read_csv(path: Path, encoding: str | None = None) -> Raw:
    """The rows of a CSV with a WKT column or coordinates, all cells as text; InputError without either."""
    text, used = decode(path.read_bytes(), encoding, path.name)
    csv.field_size_limit(1 << 30)
    delimiter = max(",;\t|", key=text[: text.find("\n") if "\n" in text else None].count)
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    return _table(rows, path.name, used)


def read_excel(path: Path, table: str | None = None) -> Raw:
    """The rows of one sheet with a WKT column or coordinates, numbers as typed; InputError without either."""
    try:
        from openpyxl import load_workbook  # a tenth of a second that no other format needs

        book = load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # openpyxl passes on whatever zip, XML or its own code raise
        raise InputError("land.workbook.unreadable", where=path.name, error=str(error)[:160]) from None
    try:
        if table is not None and table not in book.sheetnames:
            raise InputError(
                "land.workbook.sheet_unknown", where=path.name, sheet=table, sheets=list(book.sheetnames)
            )
        sheet = book[table] if table is not None else book[book.sheetnames[0]]
        rows = [list(row) for row in sheet.iter_rows(values_only=True)]
    finally:
        book.close()
    return _table(rows, path.name, "")


def _table(rows: list[list], name: str, encoding: str) -> Raw:
    rows = [row for row in rows if any(cell not in (None, "") for cell in row)]
    if not rows:
        raise InputError("land.table.no_rows", where=name)
    head = [str(cell).strip() if cell is not None else "" for cell in rows[0]]
    place = next((i for i, cell in enumerate(head) if cell.lower() in _GEOMETRY), None)
    body = [row + [None] * (len(head) - len(row)) for row in rows[1:]]
    if place is None:
        points = points_table(head, body, name, encoding)
        if points is None:
            raise InputError("land.table.no_coordinates", where=name, columns=head[:12])
        return points
    notes: list[Note] = []
    geometry = np.full(len(body), None, dtype=object)
    for i, row in enumerate(body):
        word = str(row[place]).strip() if row[place] is not None else ""
        if word.upper().startswith("SRID="):
            word = word.partition(";")[2]
        try:
            geometry[i], unclosed = from_wkt(word) if word else (None, False)
            if unclosed:
                notes.append(("ring_open", str(i), ""))
        except (shapely.errors.ShapelyError, NotImplementedError, ValueError, TypeError) as error:
            notes.append(("bad_wkt", str(i), str(error)[:120]))
    data = {}
    for i, column in enumerate(head):
        if i != place and column and column not in data:
            data[column] = pd.Series([row[i] for row in body], dtype=object)
    columns = pd.DataFrame(data, index=pd.RangeIndex(len(body)).map(str))
    if data:
        columns = pd.DataFrame(
            {k: v.to_numpy() for k, v in data.items()}, index=pd.RangeIndex(len(body)).map(str)
        )
    return Raw(columns, geometry, name, encoding=encoding, promised=len(body), notes=notes)
