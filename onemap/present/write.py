"""Everything that a review leaves behind, written in one go."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from onemap.book.words import text_of
from onemap.engine import run
from onemap.frames import ISSUES, frame
from onemap.messages import Message, message_of, told
from onemap.present.exchange import write_boundaries
from onemap.present.fields import Content
from onemap.present.files import write_bytes
from onemap.present.map import draw_map
from onemap.present.outlook import Outlook, outlooks, untried
from onemap.present.pdf import pdf_of
from onemap.present.record import (
    SCHEMA_FILE,
    report_names,
    write_geopackage,
    write_json,
    write_opinion_rows,
)
from onemap.present.report import report_of
from onemap.present.template import Template, load_template
from onemap.present.workbook import write_workbook
from onemap.progress import progress
from onemap.review.batch import batch_key

CHUNK = 8
UNDER_WAY = ".under_way.json"


class Order(NamedTuple):
    """What all reports of a review share."""

    review: Any
    folder: Path
    names: dict[str, str]
    lang: str
    template: Template | None
    pdf: bool


def write_review(
    review: Any,
    folder: str | Path,
    lang: str = "zh",
    template: str | Path | None = None,
    pdf: bool = False,
    workers: int = 1,
    base_map: Any = None,
) -> dict[str, Path]:
    """Write one report per project, then record, map and workbook; every file appears whole or not at all.

    template : a bureau's own Word file, see :func:`onemap.present.template.load_template`; pdf : each report as PDF
    too; workers : processes for the reports; base_map : of the map, see :func:`onemap.draw_map`. Called again after a kill with the same input, reports that are there
    already stay. A report that cannot be written becomes one issue (``report_failed``) of the record and the workbook.

    Returns paths by name: review.json, review.schema.json, review.gpkg, opinions.csv, boundaries.csv with its files,
    summary.xlsx, map.html and reports/<project>.docx. The same review gives the same bytes.
    """
    folder = Path(folder)
    drawn = draw_map(review, lang=lang, base_map=base_map)
    names = report_names(map(text_of, review.decisions.project_id))
    order = Order(review, folder, names, lang, load_template(template) if template else None, pdf)
    failed = write_reports(order, workers)
    if failed:
        review = replace(review, issues=pd.concat([review.issues, frame(failed, ISSUES)], ignore_index=True))
    jobs: dict[str, Any] = {
        "review.json": lambda path: write_json(review, path),
        "review.schema.json": lambda path: write_bytes(path, SCHEMA_FILE.read_bytes()),
        "review.gpkg": lambda path: write_geopackage(review, path, lang),
        "opinions.csv": lambda path: write_opinion_rows(review, path, lang),
        "boundaries.csv": lambda path: write_boundaries(review, path, lang),
        "summary.xlsx": lambda path: write_workbook(review, path, lang),
        "map.html": lambda path: drawn.save(path),
    }
    files = {
        name: job(folder / name)
        for name, job in progress(jobs.items(), Message("house.progress.write_review"), len(jobs))
    }
    written = [path for project in names for path in _paths(order, project)]
    return files | {f"reports/{path.name}": path for path in written if path.exists()}


def write_reports(order: Order, workers: int = 1) -> list[dict[str, Any]]:
    """Write the report of every project of an order; returns an issue for each that failed."""
    mark = order.folder / "reports" / UNDER_WAY
    key = json.dumps(_key(order), indent=1, sort_keys=True)
    resumed = mark.is_file() and mark.read_text(encoding="utf-8") == key
    write_bytes(mark, key.encode())
    todo = [
        one for one in order.names if not resumed or not all(path.exists() for path in _paths(order, one))
    ]
    chunks = [todo[at : at + CHUNK] for at in range(0, len(todo), CHUNK)]
    failed = []
    for project, error in progress(
        _each(order, chunks, workers), Message("house.progress.reports"), len(todo)
    ):
        if error:
            failed.append(_issue(order, project, error))
    mark.unlink()
    return sorted(failed, key=lambda row: row["value"])


def _each(order: Order, chunks: list[list[str]], workers: int) -> Iterator[tuple[str, str]]:
    """Project and error (blank when all is well) as they come; a chunk that kills its worker is done one by one."""
    again = []
    for outcome in run(_write_chunk, chunks, context=order, workers=workers):
        if outcome.error is None:
            yield from outcome.result
        else:
            again += [[project] for project in outcome.task]
    for outcome in run(_write_chunk, again, context=order, workers=workers):
        yield from outcome.result or [(outcome.task[0], message_of(outcome.error))]


def _write_chunk(order: Order, projects: list[str]) -> list[tuple[str, str]]:
    tried = _outlooks(order.review, projects)
    return [(project, _write_one(order, project, tried[project])) for project in projects]


def _outlooks(review: Any, projects: list[str]) -> dict[str, Outlook]:
    try:
        return outlooks(review, projects)
    except Exception:  # noqa: BLE001  an answer that cannot be tried again is still an answer
        if len(projects) == 1:
            return {projects[0]: untried("failed")}
        return {project: _outlooks(review, [project])[project] for project in projects}


def _write_one(order: Order, project: str, tried: Outlook) -> str:
    try:
        content = Content(order.review, project, order.lang, tried)
        for path in _paths(order, project):
            write = pdf_of if path.suffix == ".pdf" else report_of
            write_bytes(path, write(content, order.template))
    except Exception as error:  # noqa: BLE001  one bad report must not end the others
        return message_of(error)
    return ""


def _paths(order: Order, project: str) -> list[Path]:
    path = order.folder / "reports" / order.names[project]
    return [path, path.with_suffix(".pdf")] if order.pdf else [path]


def _issue(order: Order, project: str, error: str) -> dict[str, Any]:
    site = order.review.parcels[order.review.parcels["project_id"] == project].iloc[0]
    return {
        "source": site["source"],
        "layer": "sites",
        "source_fid": site["source_fid"],
        "issue": "report_failed",
        "value": project,
        "severity": "error",
    } | told(error)


def _key(order: Order) -> dict[str, Any]:
    """What makes two runs the same one."""
    review = order.review
    template = hashlib.sha256(order.template.data).hexdigest() if order.template else ""
    known = batch_key(review.parcels, review.blueprint, review.rulebook)
    return known | {"template": template, "lang": order.lang}
