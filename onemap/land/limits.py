"""The book's parameters that reading needs; the values stand in ``parameters.csv``."""

from __future__ import annotations

import csv
import datetime
import io
from pathlib import Path
from typing import NamedTuple

from onemap.errors import InputError
from onemap.land.text import decode
from onemap.land.values import parse_date


class Limits(NamedTuple):
    """Tolerances in m², m and as shares, as the book has them on a date."""

    hit_min_area: float
    inside_tol_area: float
    inside_tol_share: float
    area_warn_share: float
    area_error_share: float
    sliver_area: float
    sliver_width: float
    sliver_compactness: float

    def same(self, area_m2: float) -> float:
        """The difference of area that counts as none for an area."""
        return min(self.inside_tol_area, max(self.inside_tol_share * abs(area_m2), 1e-6))


def limits(catalogue, as_of: datetime.date | None = None) -> Limits:
    """The tolerances of a catalogue's book in force on a date (default: the newest).

    Raises InputError when the book lacks one of them.
    """
    file, rows = _rows(catalogue)
    found = {name: _value(rows, name, as_of) for name in Limits._fields}
    for name, value in found.items():
        if value is None:
            raise InputError("land.limits.parameter_missing", where=str(file), name=name)
    return Limits(**found)


def edition_share(catalogue) -> float:
    """The share of a layer's telling rows from which an edition of codes counts as used; 0 where the book has none."""
    return _value(_rows(catalogue)[1], "edition_share", None) or 0.0


def _rows(catalogue) -> tuple[Path, list[dict]]:
    file = Path(catalogue.path) / "parameters.csv"
    if not file.is_file():
        raise InputError("land.limits.no_parameters", where=str(catalogue.path))
    text, _ = decode(file.read_bytes(), where=str(file))
    return file, list(csv.DictReader(io.StringIO(text.lstrip("\ufeff"), newline="")))


def _value(rows: list[dict], name: str, as_of: datetime.date | None) -> float | None:
    dated = [row for row in rows if row.get("parameter_id") == name and _in_force(row, as_of)]
    if not dated:
        return None
    return float(max(dated, key=lambda row: parse_date(row.get("valid_from")) or datetime.date.min)["value"])


def _in_force(row: dict, as_of: datetime.date | None) -> bool:
    if as_of is None:
        return True
    start, end = parse_date(row.get("valid_from")), parse_date(row.get("valid_to"))
    return (start is None or start <= as_of) and (end is None or as_of < end)
