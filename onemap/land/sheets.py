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

HEAD_WITHIN = 10  # upper rows among which the head is looked for
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
    """The rows below the head, which is the first of the upper rows that names a place: titles may stand above it."""
    filled = [(number, row) for number, row in enumerate(rows, 1) if any(c not in (None, "") for c in row)]
    if not filled:
        raise InputError("land.table.no_rows", where=name)
    width = max(len(row) for _, row in filled)
    full = [row + [None] * (width - len(row)) for _, row in filled]
    numbers = [number for number, _ in filled]
    unfit = None
    for above in range(min(len(full), HEAD_WITHIN)):
        body = full[above + 1 :]
        head = _heads(full[: above + 1], body)
        place = next((i for i, word in enumerate(head) if word.lower() in _GEOMETRY), None)
        if place is not None and any("(" in str(row[place]) for row in body):
            return _drawn(head, body, place, name, encoding)
        if place is not None and unfit is None:
            unfit = head, body, place
        points = points_table(head, body, numbers[above + 1 :], name, encoding)
        if points is not None:
            return points
    if unfit is not None:
        return _drawn(*unfit, name, encoding)
    fullest = max(full[:HEAD_WITHIN], key=lambda row: sum(c not in (None, "") for c in row))
    raise InputError("land.table.no_coordinates", where=name, columns=_heads([fullest], [])[:12])


def _heads(rows: list[list], body: list[list]) -> list[str]:
    """The name of each column, no two alike, from the last of the rows or, as in heads of two rows, the next above it.

    One without a name is called by its number where it holds anything.

    >>> _heads([["A", "B", None, None], [None, "A", None, None]], [["1", "2", "3", None]])
    ['A', 'A_2', 'column_3', '']
    """
    names: list[str] = []
    for i in range(len(rows[-1])):
        word = next((str(row[i]).strip() for row in rows[::-1] if row[i] not in (None, "")), "")
        if not word and any(other[i] not in (None, "") for other in body):
            word = f"column_{i + 1}"
        names.append(f"{word}_{i + 1}" if word and word in names else word)
    return names


def _drawn(head: list[str], body: list[list], place: int, name: str, encoding: str) -> Raw:
    """The rows with the geometry that the WKT in one column draws."""
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
    index = pd.RangeIndex(len(body)).map(str)
    data = {
        column: pd.Series([row[i] for row in body], index=index, dtype=object)
        for i, column in enumerate(head)
        if i != place and column
    }
    columns = pd.DataFrame(data, index=index)
    return Raw(columns, geometry, name, encoding=encoding, promised=len(body), notes=notes)
