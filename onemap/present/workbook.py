"""The summary workbook: one sheet per question, numbers as numbers, the same bytes for the same review."""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from onemap.present.cards import conflict_title, rule_names
from onemap.present.files import repack, write_bytes
from onemap.present.words import (
    MU_PER_SQM,
    SQM_PER_HECTARE,
    Words,
    blank,
    clauses,
    departments,
    described,
    label,
    layer_title,
    listed,
    rule_title,
    say,
    split,
    text_of,
    words_of,
)

HEAD_FILL = PatternFill("solid", fgColor="1D2733")
HEAD_FONT = Font(bold=True, color="FFFFFF")
WRAPPED = Alignment(vertical="top", wrap_text=True)
HEAD_ALIGNMENT = Alignment(vertical="center", wrap_text=True)
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
FORMATS = {
    "m2": "#,##0.00",
    "ha": "#,##0.0000",
    "mu": "#,##0.00",
    "share": "0.00%",
    "count": "#,##0",
    "value": "#,##0.####",
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
MODIFIED = re.compile(rb"(<dcterms:(created|modified)[^>]*>)[^<]*(<)")


def write_workbook(review: Any, path: str | Path, lang: str = "zh") -> Path:
    """Write summary, findings, preconditions, conflicts, issues and sources of a review as .xlsx."""
    return write_bytes(Path(path), workbook_bytes(review, lang))


def workbook_bytes(review: Any, lang: str = "zh") -> bytes:
    """The workbook of a review as the bytes of an .xlsx file."""
    words = words_of(review, lang)
    book = Workbook(write_only=True)
    for name, columns, rows in sheets(review, words):
        add_sheet(book, say(words, f"sheet.{name}"), words, columns, rows)
    return book_bytes(book, say(words, "sheet.title"), review.as_of)


def book_bytes(book: Workbook, title: str, day: dt.date) -> bytes:
    """The workbook as an .xlsx file, dated by the day it is about: the same bytes whenever it is written."""
    book.properties.creator = "onemap"
    book.properties.title = title
    out = io.BytesIO()
    book.save(out)
    stamp = dt.datetime.combine(day, dt.time()).isoformat().encode() + b"Z"
    return repack(
        out.getvalue(),
        lambda name, body: (
            MODIFIED.sub(rb"\g<1>" + stamp + rb"\g<3>", body) if name == "docProps/core.xml" else body
        ),
    )


def sheets(review: Any, words: Words) -> Iterable[tuple[str, list[tuple[str, str]], Iterable[list[Any]]]]:
    """Name, columns (text key, kind) and rows of every sheet."""
    yield "summary", SUMMARY, (_summary(words, row) for row in review.decisions.itertuples())
    order = {
        status: rank for rank, status in enumerate(("triggered", "not_assessed", "clear", "not_applicable"))
    }
    findings = review.findings.assign(_rank=review.findings.status.map(order))
    findings = findings.sort_values(["project_id", "_rank", "rule_id", "parcel_id"], kind="stable")
    yield "findings", FINDINGS, (_finding(words, row) for row in findings.to_dict("records"))
    yield (
        "preconditions",
        PRECONDITIONS,
        (_duty(words, row) for row in review.preconditions.to_dict("records")),
    )
    yield "conflicts", CONFLICTS, (_conflict(words, row) for row in review.conflicts.to_dict("records"))
    issues = [frame for frame in (review.issues, review.blueprint.issues) if len(frame)]
    yield "issues", ISSUES, (_issue(words, row) for frame in issues for row in frame.to_dict("records"))
    yield "sources", SOURCES, (_source(words, row) for row in review.sources.to_dict("records"))


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


def _summary(words: Words, row: Any) -> list[Any]:
    return [
        row.project_id,
        row.project_name,
        label(words, "verdict", row.verdict),
        label(words, "route", row.route),
        *_sizes(row.area_m2),
        row.qualifying_m2,
        listed(words, rule_names(words, row.prohibited)),
        listed(words, rule_names(words, row.consent)),
        listed(words, rule_names(words, row.unknown)),
        listed(words, (layer_title(words, one) for one in split(row.missing_layers))),
        row.rule_id,
        clauses(words, row.citations),
        row.as_of,
    ]


def _finding(words: Words, row: dict[str, Any]) -> list[Any]:
    if row["status"] == "not_assessed":
        row = {**row, **dict.fromkeys(("measured", "area_m2", "share"), say(words, "report.not_known"))}
    return [
        row["project_id"],
        row["parcel_id"],
        row["rule_id"],
        rule_title(words, row["rule_id"]),
        label(words, "status", row["status"]),
        label(words, "effect", row["effect"]),
        label(words, "explain.measure", row["measure"]),
        row["measured"],
        "" if blank(row["op"]) else label(words, "explain.op", row["op"]),
        row["threshold"],
        row["unit"],
        row["area_m2"],
        row["share"],
        row["known_share"],
        described(words, row["reason"], row) if row["status"] == "triggered" else "",
        described(words, row["remedy"], row) if row["status"] == "triggered" else "",
        departments(words, row["authority"]),
        clauses(words, row["citations"]),
        row["feature_ids"],
    ]


def _duty(words: Words, row: dict[str, Any]) -> list[Any]:
    return [
        row["project_id"],
        row["condition_id"],
        label(words, "kind", row["kind"]),
        "/".join(label(words, "stage", stage) for stage in split(row["stage"])),
        departments(words, row["department"]),
        described(words, row["text"], row, text_of(row["text"])),
        label(words, "precondition_status", row["status"]),
        row["replaceable_by"],
        row["area_m2"],
        described(words, row["note"], row),
        clauses(words, row["citations"]),
        row["feature_ids"],
    ]


def _conflict(words: Words, row: dict[str, Any]) -> list[Any]:
    return [
        row["project_id"],
        row["parcel_id"],
        row["conflict_id"],
        conflict_title(words, row["kind"]),
        label(words, "severity", row["severity"]),
        *_sizes(row["area_m2"]),
        row["share"],
        say(words, "present.yes" if row["sliver"] else "present.no"),
        described(words, row["proposal"], row, text_of(row["proposal"])),
        departments(words, row["authority"]),
        clauses(words, row["citations"]),
    ]


def _issue(words: Words, row: dict[str, Any]) -> list[Any]:
    return [
        row["source"],
        layer_title(words, row["layer"]),
        row["source_fid"],
        row["field"],
        described(words, f"issue.{row['issue']}", row, text_of(row["issue"])),
        row["value"],
        described(words, row["message"], row, text_of(row["message"])),
        label(words, "severity", row["severity"]),
        row["responsible"],
        row["place"],
    ]


def _source(words: Words, row: dict[str, Any]) -> list[Any]:
    cells = [
        row[name]
        for name in ["path", "table", "status", "rows_read", "rows_kept", "rows_quarantined", "rows_empty"]
    ]
    cells[2] = label(words, "source_status", row["status"])
    rest = [row[name] for name in ["crs", "encoding", "data_date", "valid_until", "sha256", "message"]]
    return [layer_title(words, row["layer"]), *cells, *rest]


def _sizes(area_m2: Any) -> list[Any]:
    if blank(area_m2):
        return [None, None, None]
    return [area_m2, float(area_m2) / SQM_PER_HECTARE, float(area_m2) * MU_PER_SQM]


def add_sheet(
    book: Workbook, title: str, words: Words, columns: list[tuple[str, str]], rows: Iterable[list[Any]]
) -> None:
    """A sheet with a frozen, filtered head; columns are (text key, kind), a plain key means a common column."""
    sheet = book.create_sheet(title)
    sheet.freeze_panes = "C2"
    for number, (_, kind) in enumerate(columns, start=1):
        sheet.column_dimensions[get_column_letter(number)].width = WIDTHS[kind]
    heads = []
    for key, _ in columns:
        cell = WriteOnlyCell(sheet, say(words, key if "." in key else f"sheet.column.{key}"))
        cell.font, cell.fill, cell.alignment = HEAD_FONT, HEAD_FILL, HEAD_ALIGNMENT
        heads.append(cell)
    rows = [
        [_cell(sheet, value, kind) for value, (_, kind) in zip(row, columns, strict=True)] for row in rows
    ]
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(columns))}{len(rows) + 1}"
    sheet.append(heads)
    for row in rows:
        sheet.append(row)


def _cell(sheet: Any, value: Any, kind: str) -> WriteOnlyCell | None:
    if blank(value):
        return None
    if kind in FORMATS and not isinstance(value, str):
        value = float(value)
        if value in (float("inf"), float("-inf")):
            return None
        cell = WriteOnlyCell(sheet, int(value) if kind == "count" else value)
        cell.number_format = FORMATS[kind]
        return cell
    text = UNPRINTABLE.sub("", text_of(value))
    cut = text if len(text) <= LONGEST_CELL else text[:LONGEST_CELL] + "…"
    cell = WriteOnlyCell(sheet, cut)
    cell.data_type = "s"
    cell.quotePrefix = text.startswith(FORMULA_STARTS)
    cell.alignment = WRAPPED
    return cell
