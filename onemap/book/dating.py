"""Dates and half-open intervals [from, to): the same reading for every table of the book."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date

from onemap.book.reading import Row, nearest
from onemap.errors import InputError
from onemap.messages import Message

_DAY = re.compile(r"^(\d{4})[-/](\d{1,2})[-/](\d{1,2})$")
UNRESOLVED = "unresolved"


def as_date(value: str | date, where: str = "") -> date:
    """A day from ``2024-03-01`` (or ``2024/3/1``, as spreadsheets write it).

    >>> as_date("2024-03-01")
    datetime.date(2024, 3, 1)
    """
    if isinstance(value, date):
        return date(value.year, value.month, value.day)
    match = _DAY.match(str(value).strip())
    try:
        return date(*map(int, match.groups()))
    except (AttributeError, ValueError):
        raise InputError("book.date.unreadable", where=where, value=value) from None


def optional_date(value: str, where: str = "") -> date | None:
    """A day, or None for a blank cell."""
    return as_date(value, where) if value else None


def resolve(value: str, dates: Mapping[str, date | None], where: str) -> date | str | None:
    """A cell as a day, None for no limit, or UNRESOLVED when it names a date that nobody knows yet."""
    if not value.startswith("@"):
        return optional_date(value, where)
    if value[1:] not in dates:
        raise InputError("book.date.unknown", where=where, mend=nearest(value[1:], dates), date=value)
    return dates[value[1:]] or UNRESOLVED


def interval(row: Row, dates: Mapping[str, date | None], unresolved: bool = False) -> tuple:
    """A row's (from, to); None is no limit. Unresolved dates pass only where the caller can use them."""
    start = resolve(row["valid_from"], dates, row.where)
    end = resolve(row["valid_to"], dates, row.where)
    for cell, value in (("valid_from", start), ("valid_to", end)):
        if value == UNRESOLVED and not unresolved:
            raise row.fail("book.date.not_known", cell=cell, date=row[cell])
    if isinstance(start, date) and isinstance(end, date) and start >= end:
        raise row.fail("book.interval.backward", start=start, end=end)
    return start, end


def in_force(start, end, as_of: date) -> bool | None:
    """Whether [start, end) holds a day; None when that hangs on an unresolved date.

    >>> in_force(date(2024, 1, 1), date(2025, 1, 1), date(2025, 1, 1))
    False
    """
    if isinstance(start, date) and as_of < start:
        return False
    if isinstance(end, date) and as_of >= end:
        return False
    return None if UNRESOLVED in (start, end) else True


def covers(outer: tuple, inner: tuple, begins: date) -> bool:
    """Whether one interval contains another; an open start means the day the book begins."""
    start, end = outer
    first = inner[0] or begins
    if start is not None and first < start:
        return False
    return end is None or (inner[1] is not None and inner[1] <= end)


def check_timeline(rows: Iterable[Row], name: Callable[[Row], str], union: bool = False) -> None:
    """Refuse gaps and overlaps between the dated rows of each id (``union``: overlaps are allowed).

    A gap is allowed only when a row declares it: main cell blank, note filled.
    """
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(name(row), []).append(row)
    for key, group in groups.items():
        if len(group) == 1 or any(UNRESOLVED in row.interval for row in group):
            continue
        group = sorted(group, key=lambda row: row.interval[0] or date.min)
        reach, last = group[0].interval[1], group[0]
        for row in group[1:]:
            start = row.interval[0]
            if not union and (reach is None or (start or date.min) < reach):
                raise row.fail(
                    "book.interval.overlap",
                    key=key,
                    start=start or Message("book.interval.beginning"),
                    other=last.where,
                )
            if reach is not None and start is not None and start > reach:
                raise row.fail("book.interval.gap", key=key, begin=reach, end=start)
            if reach is not None:
                reach = None if row.interval[1] is None else max(reach, row.interval[1])
            last = row
