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
    """Tolerances in m², m and as shares, as the book has them on a date.

    edition_share : of a layer's telling rows, from which an edition of codes counts as used; 0 where the book has none
    """

    hit_min_area: float
    inside_tol_area: float
    inside_tol_share: float
    area_warn_share: float
    area_error_share: float
    sliver_area: float
    sliver_width: float
    sliver_compactness: float
    edition_share: float = 0.0

    def same(self, area_m2: float) -> float:
        """The difference of area that counts as none for an area."""
        return min(self.inside_tol_area, max(self.inside_tol_share * abs(area_m2), 1e-6))


def limits(catalogue, as_of: datetime.date | None = None) -> Limits:
    """The tolerances of a catalogue's book in force on a date (default: the newest).

    Raises InputError when the book lacks one of them.
    """
    file = Path(catalogue.path) / "parameters.csv"
    if not file.is_file():
        raise InputError("land.limits.no_parameters", where=str(catalogue.path))
    text, _ = decode(file.read_bytes(), where=str(file))
    rows = list(csv.DictReader(io.StringIO(text.lstrip("\ufeff"), newline="")))
    found = dict(Limits._field_defaults)
    for name in Limits._fields:
        dated = [row for row in rows if row.get("parameter_id") == name and _in_force(row, as_of)]
        if dated:
            latest = max(dated, key=lambda row: parse_date(row.get("valid_from")) or datetime.date.min)
            found[name] = float(latest["value"])
        elif name not in found:
            raise InputError("land.limits.parameter_missing", where=str(file), name=name)
    return Limits(**found)


def _in_force(row: dict, as_of: datetime.date | None) -> bool:
    if as_of is None:
        return True
    start, end = parse_date(row.get("valid_from")), parse_date(row.get("valid_to"))
    return (start is None or start <= as_of) and (end is None or as_of < end)
