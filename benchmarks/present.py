"""What a bureau hands in, timed against what was promised: map, Word, PDF, workbook, on the sample town.

Usage: ``python -m benchmarks.present`` (``--reports 60 --sites 10000``). Reports are written by two processes for a part
of the sites and reckoned up to 1,000; the workbook is written for all of them. The peer beside the workbook is openpyxl
writing as many bare cells, beside the reports python-docx saving its own blank document. What dominates: the map picture
(matplotlib) and trying the answer again with moved boundaries in a report, the texts of findings and duties in the workbook.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pandas as pd

import onemap as om
from benchmarks.measured import family_s
from onemap.present import write
from onemap.present.pdf import write_pdf
from onemap.present.record import report_names
from onemap.present.workbook import write_workbook

DAY, APPROVED = "2024-03-01", {"plan_approval": "2024-10-28"}
ALL, WORKERS = 1000, 2
BUDGET = {"map": 1.0, "reports": 900.0, "report": 1.0, "workbook": 60.0}


def main() -> None:
    """Print what was measured beside what was promised."""
    options = argparse.ArgumentParser(description=main.__doc__)
    options.add_argument("--reports", type=int, default=60)
    options.add_argument("--sites", type=int, default=10_000)
    chosen = options.parse_args()
    town = om.sample_path()
    book = om.load_rulebook(DAY, dates=APPROVED)
    blueprint = om.build_blueprint(om.read_features(town, book.catalogue), book)
    sites = om.read_parcels(town / "sites", blueprint.crs, book.catalogue)
    few = om.review(times(sites.parcels, chosen.reports), blueprint, book, sites.issues)
    rows = [
        one_map(few),
        one_pdf(few),
        *reports(few, chosen.reports),
        *workbook(om.review(times(sites.parcels, chosen.sites), blueprint, book, sites.issues)),
    ]
    print("\n| what | CPU s | wall s | promised | what came out |\n|---|---|---|---|---|")
    for name, cpu, wall, promised, said in rows:
        print(f"| {name} | {cpu:.2f} | {wall:.2f} | {promised} | {said} |")


def times(parcels: pd.DataFrame, projects: int) -> pd.DataFrame:
    """The same plots again and again under new ids, up to so many projects."""
    names = list(dict.fromkeys(parcels["project_id"]))
    copies = []
    for number in range(-(-projects // len(names))):
        kept = parcels["project_id"].isin(names[: projects - number * len(names)])
        copy = parcels[kept].copy()
        for column in ("project_id", "parcel_id"):
            copy[column] = copy[column] + f"-{number}"
        copies.append(copy)
    return pd.concat(copies, ignore_index=True)


def timed(act: Callable[[], Any]) -> tuple[float, float, Any]:
    """CPU seconds with those of children, wall seconds, and what came out."""
    before, start = family_s(), time.perf_counter()
    out = act()
    return family_s() - before, time.perf_counter() - start, out


def one_map(review: Any) -> tuple:
    """The map of one site with its surroundings: the median of five, after one that warms up."""
    project = review.decisions["project_id"].iloc[5]
    runs = [timed(lambda: om.draw_map(review, project).html()) for _ in range(6)][1:]
    cpu, wall = (statistics.median(run[at] for run in runs) for at in (0, 1))
    return "map of one site", cpu, wall, f"< {BUDGET['map']:g} s", f"{len(runs[0][2]) / 1e6:.2f} MB"


def one_pdf(review: Any) -> tuple:
    """The PDF of one site, what is worked out once for all of them not counted."""
    with tempfile.TemporaryDirectory() as place:
        projects = review.decisions["project_id"].iloc[4:10]
        runs = [timed(lambda p=p: write_pdf(review, p, Path(place) / f"{p}.pdf")) for p in projects][1:]
        size = statistics.median(run[2].stat().st_size for run in runs)
    cpu, wall = (statistics.median(run[at] for run in runs) for at in (0, 1))
    return "PDF of one site", cpu, wall, "–", f"{size / 1e3:.0f} kB"


def reports(review: Any, count: int) -> list[tuple]:
    """Word reports by two processes, and what a thousand would take at that pace beside the start of the processes."""
    names = report_names(review.decisions["project_id"])

    def write_some(of: dict, folder: str) -> float:
        failed = write.write_reports(write.Order(review, Path(folder), of, "zh", None, False), WORKERS)
        return len(of) - len(failed)

    with tempfile.TemporaryDirectory() as place:
        first = dict(list(names.items())[: 2 * write.CHUNK])
        started = timed(lambda: write_some(first, f"{place}/first"))
        cpu, wall, done = timed(lambda: write_some(names, f"{place}/all"))
        blank = timed(lambda: [docx.Document().save(f"{place}/blank{n}.docx") for n in range(20)])
    rest = max(count - len(first), 1)
    each_cpu, each = (cpu - started[0]) / rest, (wall - started[1]) / rest
    whole_cpu, whole = cpu + each_cpu * (ALL - count), wall + each * (ALL - count)
    return [
        (f"{count} Word reports, {WORKERS} processes", cpu, wall, "–", f"{done} written"),
        (
            f"{ALL} Word reports, reckoned",
            whole_cpu,
            whole,
            f"< {BUDGET['reports']:g} s",
            f"{each_cpu:.2f} CPU s each; on {WORKERS} idle cores {whole_cpu / WORKERS:.0f} s",
        ),
        ("20 blank python-docx files", blank[0], blank[1], "–", "peer"),
    ]


def workbook(review: Any) -> list[tuple]:
    """The workbook of all sites, and openpyxl writing as many bare cells."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "summary.xlsx"
        cpu, wall, _ = timed(lambda: write_workbook(review, path))
        shapes = [_shape(sheet) for sheet in openpyxl.load_workbook(path, read_only=True)]
        size = path.stat().st_size

        def bare() -> None:
            book = openpyxl.Workbook(write_only=True)
            for rows, columns in shapes:
                sheet = book.create_sheet()
                for row in range(rows):
                    sheet.append([row if column % 2 else "规则" for column in range(columns)])
            book.save(Path(place) / "bare.xlsx")

        peer = timed(bare)
    cells = sum(rows * columns for rows, columns in shapes)
    said = f"{size / 1e6:.0f} MB, {cells:,} cells in {len(shapes)} sheets"
    name = f"workbook of {len(review.decisions):,} sites"
    return [
        (name, cpu, wall, f"< {BUDGET['workbook']:g} s", said),
        ("openpyxl, as many bare cells", *peer[:2], "–", f"ours / it {cpu / peer[0]:.2f}"),
    ]


def _shape(sheet: Any) -> tuple[int, int]:
    rows = [len(row) for row in sheet.iter_rows(values_only=True)]
    return len(rows), max(rows, default=0)


if __name__ == "__main__":
    main()
