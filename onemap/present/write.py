"""Everything that a review leaves behind, written in one go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from onemap.present.exchange import write_boundaries
from onemap.present.files import write_bytes
from onemap.present.map import draw_map
from onemap.present.record import (
    SCHEMA_FILE,
    report_names,
    write_geopackage,
    write_json,
    write_opinion_rows,
)
from onemap.present.report import write_report
from onemap.present.words import text_of
from onemap.present.workbook import write_workbook
from onemap.progress import progress


def write_review(review: Any, folder: str | Path, lang: str = "zh") -> dict[str, Path]:
    """Write record, map, workbook and one report per project; every file appears whole or not at all.

    Returns paths by name: review.json, review.schema.json, review.gpkg, opinions.csv, boundaries.csv with its files, summary.xlsx,
    map.html and
    reports/<project>.docx. The same review gives the same bytes.
    """
    folder = Path(folder)
    jobs: dict[str, Any] = {
        "review.json": lambda path: write_json(review, path),
        "review.schema.json": lambda path: write_bytes(path, SCHEMA_FILE.read_bytes()),
        "review.gpkg": lambda path: write_geopackage(review, path, lang),
        "opinions.csv": lambda path: write_opinion_rows(review, path, lang),
        "boundaries.csv": lambda path: write_boundaries(review, path, lang),
        "summary.xlsx": lambda path: write_workbook(review, path, lang),
        "map.html": lambda path: draw_map(review, lang=lang).save(path),
    }
    names = report_names(map(text_of, review.decisions.project_id))
    for project_id in review.decisions.project_id:
        name = f"reports/{names[text_of(project_id)]}"
        jobs[name] = lambda path, project_id=project_id: write_report(review, project_id, path, lang)
    return {name: job(folder / name) for name, job in progress(jobs.items(), "write review", len(jobs))}
