"""The summary workbook: one sheet per question, numbers as numbers, the same bytes for the same review.

Chosen 2026-11 to write with xlsxwriter, row by row, against openpyxl, which reads elsewhere: styled cells cost it about
five times as much, and 10,000 sites are 1.7 million cells.
"""

from __future__ import annotations

import datetime as dt
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache, partial
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from xlsxwriter import Workbook

from onemap.book.words import (
    MU_PER_SQM,
    SQM_PER_HECTARE,
    Words,
    blank,
    clauses,
    departments,
    described,
    issue_words,
    label,
    layer_title,
    listed,
    rule_title,
    say,
    split,
    text_of,
    words_of,
)
from onemap.messages import said
from onemap.present.cards import conflict_title, rule_names
from onemap.present.files import write_bytes

A3, HEAD_HEIGHT = 8, 30  # Excel's number of the paper; points, for two lines
LINE_HEIGHT, MOST_LINES = 15, 25  # points; a row of Excel has at most 409
HEAD = {"bg_color": "#1D2733", "bold": True, "font_color": "#FFFFFF", "valign": "vcenter", "text_wrap": True}
WRAPPED = {"valign": "top", "text_wrap": True}
MOST_FINDINGS = 100_000  # from here on what is clear or not applicable is counted, not listed
MOST_ROWS = 1_000_000  # a sheet holds 1,048,576
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
FORMATS = {
    "m2": "#,##0.00",
    "ha": "#,##0.0000",
    "mu": "#,##0.00",
    "share": "0.00%",
    "count": "#,##0",
    "value": "#,##0.00##",  # of whole ones none: Excel would leave a dot after the number
}
WIDTHS = {
    "m2": 15,
    "ha": 12,
    "mu": 12,
    "share": 10,
    "count": 9,
    "value": 13,
    "short": 14,
    "name": 24,
    "long": 48,
}
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
LONGEST_CELL = 32_000


def write_workbook(review: Any, path: str | Path, lang: str = "zh") -> Path:
    """Write summary, findings, preconditions, conflicts, issues and sources of a review as .xlsx."""
    return write_bytes(Path(path), workbook_bytes(review, lang))


def workbook_bytes(review: Any, lang: str = "zh") -> bytes:
    """The workbook of a review as the bytes of an .xlsx file."""
    words = words_of(review, lang)
    parts = [(say(words, f"sheet.{name}"), *rest) for name, *rest in sheets(review, words)]
    return book_bytes(parts, words, say(words, "sheet.title"), review.as_of)


def book_bytes(
    parts: Iterable[tuple[str, list[tuple[str, str]], Iterable[list[Any]]]],
    words: Words,
    title: str,
    day: dt.date,
) -> bytes:
    """Sheets (title, columns, rows) as an .xlsx file, dated by the day it is about: the same bytes whenever it is written.

    Columns are (text key, kind); a plain key means a common column.
    """
    out = io.BytesIO()
    book = Workbook(out, {"constant_memory": True})
    book.set_properties({"author": "onemap", "title": title, "created": dt.datetime.combine(day, dt.time())})
    looks = {kind: book.add_format({"num_format": form, "valign": "top"}) for kind, form in FORMATS.items()}
    looks |= {"head": book.add_format(HEAD), "text": book.add_format(WRAPPED)}
    looks["quoted"] = book.add_format(WRAPPED | {"quote_prefix": True})
    for name, columns, rows in parts:
        _add_sheet(book, looks, name, words, columns, rows)
    book.close()
    return out.getvalue()


def sheets(review: Any, words: Words) -> Iterable[tuple[str, list[tuple[str, str]], Iterable[list[Any]]]]:
    """Name, columns (text key, kind) and rows of every sheet."""
    told = _told(words)
    yield "summary", SUMMARY, (_summary(told, row) for row in review.decisions.itertuples())
    order = {
        status: rank for rank, status in enumerate(("triggered", "not_assessed", "clear", "not_applicable"))
    }
    findings = review.findings.assign(_rank=review.findings.status.map(order))
    listed_all = len(findings) <= MOST_FINDINGS
    kept = findings if listed_all else findings[findings._rank < order["clear"]]
    kept = kept.sort_values(["project_id", "_rank", "rule_id", "parcel_id"], kind="stable")
    yield "findings", FINDINGS, (_finding(told, row) for row in _records(kept))
    if not listed_all:
        counts = findings.groupby(["rule_id", "status"]).size().unstack(fill_value=0)
        counts = counts.reindex(columns=list(order), fill_value=0)
        yield (
            "rules",
            [("rule_id", "short"), ("rule", "name"), *((f"status.{status}", "count") for status in order)],
            ([rule, told.rule_title(rule), *map(int, row)] for rule, *row in counts.itertuples()),
        )
    yield "preconditions", PRECONDITIONS, (_duty(told, row) for row in _records(review.preconditions))
    yield "conflicts", CONFLICTS, (_conflict(told, row) for row in _records(review.conflicts))
    issues = [frame for frame in (review.issues, review.blueprint.issues) if len(frame)]
    yield "issues", ISSUES, (_issue(told, row) for frame in issues for row in _records(frame))
    yield "sources", SOURCES, (_source(told, row) for row in _records(review.sources))


def _told(words: Words) -> SimpleNamespace:
    """The functions that say things, each answer worked out once for a workbook."""
    said = (label, clauses, departments, rule_title, layer_title, conflict_title, rule_names)
    return SimpleNamespace(words=words, **{one.__name__: cache(partial(one, words)) for one in said})


def _records(frame: Any) -> Iterator[dict[str, Any]]:
    """The rows of a frame one after the other, its shapes left out."""
    names = [name for name in frame.columns if name != "geometry"]
    for values in zip(*(frame[name].tolist() for name in names), strict=True):
        yield dict(zip(names, values, strict=True))


SUMMARY = [
    ("project_id", "short"), ("project_name", "name"), ("verdict", "short"), ("route", "name"), ("area_m2", "m2"),
    ("area_ha", "ha"), ("area_mu", "mu"), ("qualifying_m2", "m2"), ("prohibited", "long"), ("consent", "long"),
    ("unknown", "long"), ("missing_layers", "long"), ("rule", "short"), ("clauses", "long"), ("as_of", "short"),
]  # fmt: skip
FINDINGS = [
    ("project_id", "short"), ("parcel_id", "short"), ("rule_id", "short"), ("rule", "name"), ("status", "short"),
    ("effect", "short"), ("measure", "short"), ("measured", "value"), ("op", "short"), ("threshold", "value"),
    ("unit", "short"), ("area_m2", "m2"), ("share", "share"), ("known_share", "share"), ("reason", "long"),
    ("remedy", "long"), ("authority", "short"), ("clauses", "long"), ("feature_ids", "long"),
]  # fmt: skip
PRECONDITIONS = [
    ("project_id", "short"), ("condition_id", "short"), ("kind", "short"), ("stage", "name"), ("department", "short"),
    ("text", "long"), ("duty_status", "short"), ("replaceable_by", "short"), ("area_m2", "m2"), ("note", "long"),
    ("clauses", "long"), ("feature_ids", "long"),
]  # fmt: skip
CONFLICTS = [
    ("project_id", "short"), ("parcel_id", "short"), ("conflict_id", "short"), ("conflict_kind", "name"),
    ("severity", "short"), ("area_m2", "m2"), ("area_ha", "ha"), ("area_mu", "mu"), ("share", "share"),
    ("sliver", "short"), ("proposal", "long"), ("authority", "short"), ("clauses", "long"),
]  # fmt: skip
ISSUES = [
    ("source", "name"), ("layer", "name"), ("source_fid", "short"), ("field", "short"), ("issue", "name"),
    ("value", "name"), ("message", "long"), ("severity", "short"), ("responsible", "name"), ("place", "name"),
]  # fmt: skip
SOURCES = [
    ("layer", "name"), ("path", "name"), ("table", "short"), ("source_status", "short"), ("rows_read", "count"),
    ("rows_kept", "count"), ("rows_quarantined", "count"), ("rows_empty", "count"), ("crs", "short"),
    ("encoding", "short"), ("data_date", "short"), ("valid_until", "short"), ("sha256", "name"), ("message", "long"),
]  # fmt: skip


def _summary(told: Any, row: Any) -> list[Any]:
    return [
        row.project_id,
        row.project_name,
        told.label("verdict", row.verdict),
        told.label("route", row.route),
        *_sizes(row.area_m2),
        row.qualifying_m2,
        listed(told.words, told.rule_names(row.prohibited)),
        listed(told.words, told.rule_names(row.consent)),
        listed(told.words, told.rule_names(row.unknown)),
        listed(told.words, (told.layer_title(one) for one in split(row.missing_layers))),
        row.rule_id,
        told.clauses(row.citations),
        row.as_of,
    ]


def _finding(told: Any, row: dict[str, Any]) -> list[Any]:
    if row["status"] == "not_assessed":
        row = {**row, **dict.fromkeys(("measured", "area_m2", "share"), say(told.words, "report.not_known"))}
    return [
        row["project_id"],
        row["parcel_id"],
        row["rule_id"],
        told.rule_title(row["rule_id"]),
        told.label("status", row["status"]),
        told.label("effect", row["effect"]),
        told.label("explain.measure", row["measure"]),
        row["measured"],
        "" if blank(row["op"]) else told.label("explain.op", row["op"]),
        row["threshold"],
        "" if blank(row["unit"]) else told.label("unit", row["unit"]),
        row["area_m2"],
        row["share"],
        row["known_share"],
        described(told.words, row["reason"], row) if row["status"] == "triggered" else "",
        described(told.words, row["remedy"], row) if row["status"] == "triggered" else "",
        told.departments(row["authority"]),
        told.clauses(row["citations"]),
        listed(told.words, split(row["feature_ids"])),
    ]


def _duty(told: Any, row: dict[str, Any]) -> list[Any]:
    return [
        row["project_id"],
        row["condition_id"],
        told.label("kind", row["kind"]),
        "/".join(told.label("stage", stage) for stage in split(row["stage"])),
        told.departments(row["department"]),
        described(told.words, row["text"], row, text_of(row["text"])),
        told.label("precondition_status", row["status"]),
        listed(told.words, split(row["replaceable_by"])),
        row["area_m2"],
        described(told.words, row["note"], row),
        told.clauses(row["citations"]),
        listed(told.words, split(row["feature_ids"])),
    ]


def _conflict(told: Any, row: dict[str, Any]) -> list[Any]:
    return [
        row["project_id"],
        row["parcel_id"],
        row["conflict_id"],
        told.conflict_title(row["kind"]),
        told.label("severity", row["severity"]),
        *_sizes(row["area_m2"]),
        row["share"],
        say(told.words, "present.yes" if row["sliver"] else "present.no"),
        described(told.words, row["proposal"], row, text_of(row["proposal"])),
        told.departments(row["authority"]),
        told.clauses(row["citations"]),
    ]


def _issue(told: Any, row: dict[str, Any]) -> list[Any]:
    return [
        row["source"],
        told.layer_title(row["layer"]),
        row["source_fid"],
        row["field"],
        issue_words(row, told.words.texts, told.words.lang),
        row["value"],
        said(row, told.words.lang),
        told.label("severity", row["severity"]),
        told.departments(row["responsible"]),
        row["place"],
    ]


def _source(told: Any, row: dict[str, Any]) -> list[Any]:
    cells = [
        row[name]
        for name in ["path", "table", "status", "rows_read", "rows_kept", "rows_quarantined", "rows_empty"]
    ]
    cells[2] = told.label("source_status", row["status"])
    rest = [row[name] for name in ["crs", "encoding", "data_date", "valid_until", "sha256"]]
    return [told.layer_title(row["layer"]), *cells, *rest, said(row, told.words.lang)]


def _sizes(area_m2: Any) -> list[Any]:
    if blank(area_m2):
        return [None, None, None]
    return [area_m2, float(area_m2) / SQM_PER_HECTARE, float(area_m2) * MU_PER_SQM]


def _add_sheet(
    book: Workbook,
    looks: dict[str, Any],
    title: str,
    words: Words,
    columns: list[tuple[str, str]],
    rows: Iterable[list[Any]],
) -> None:
    """A sheet with a frozen, filtered head; what does not fit on one goes on on the next."""
    rows, number = iter(rows), 1
    while number == 1 or (first := next(rows, None)) is not None:
        here = islice(rows, MOST_ROWS) if number == 1 else [first, *islice(rows, MOST_ROWS - 1)]
        sheet = book.add_worksheet(title if number == 1 else f"{title} {number}")
        sheet.freeze_panes(1, 2)
        _print_whole_columns(sheet)
        last = 0
        for column, (key, kind) in enumerate(columns):
            sheet.set_column(column, column, WIDTHS[kind])
            name = say(words, key if "." in key else f"sheet.column.{key}")
            sheet.write_string(0, column, name, looks["head"])
        for last, row in enumerate(here, start=1):
            for column, (value, (_, kind)) in enumerate(zip(row, columns, strict=True)):
                _put(sheet, looks, last, column, value, kind)
            lines = max(_lines(value, WIDTHS[kind]) for value, (_, kind) in zip(row, columns, strict=True))
            if lines > 1:  # not every office makes a row as tall as its words when it opens a file
                sheet.set_row(last, LINE_HEIGHT * min(lines, MOST_LINES))
        sheet.autofilter(0, 0, last, len(columns) - 1)
        number += 1


def _lines(value: Any, wide: int) -> int:
    return _text_lines(value, wide) if isinstance(value, str) and len(value) * 2 > wide else 1


@lru_cache(maxsize=65_536)
def _text_lines(text: str, wide: int) -> int:
    """In about how many lines a text stands in a column of so many narrow signs; words that break leave room."""
    signs = (
        sum(2 if unicodedata.east_asian_width(sign) in "WFA" else 1 for sign in line)
        for line in text.split("\n")
    )
    return sum(max(1, -(-round(count * 1.1) // wide)) for count in signs)


def _print_whole_columns(sheet: Any) -> None:
    """All columns side by side on A3 across, the head on every page."""
    sheet.set_row(0, HEAD_HEIGHT)
    sheet.repeat_rows(0)
    sheet.set_landscape()
    sheet.set_paper(A3)
    sheet.fit_to_pages(1, 0)
    sheet.set_footer("&L&F · &A&R&P / &N")


def _put(sheet: Any, looks: dict[str, Any], row: int, column: int, value: Any, kind: str) -> None:
    if blank(value):
        return
    if kind in FORMATS and not isinstance(value, str):
        value = float(value)
        if value not in (float("inf"), float("-inf")):
            kind = "count" if kind == "value" and value.is_integer() else kind
            sheet.write_number(row, column, int(value) if kind == "count" else value, looks[kind])
        return
    text = UNPRINTABLE.sub("", text_of(value))
    cut = text if len(text) <= LONGEST_CELL else text[:LONGEST_CELL] + "…"
    sheet.write_string(row, column, cut, looks["quoted" if text.startswith(FORMULA_STARTS) else "text"])
