"""Lists of thousands of sites overnight: in chunks, resumable, one bad site costing one issue row."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import pandas as pd
import shapely

from onemap.blueprint.build import Blueprint, with_conflicts
from onemap.book.rulebook import Rulebook
from onemap.engine import alone_in, run
from onemap.errors import InputError
from onemap.frames import DECISIONS, FINDINGS, ISSUES, PRECONDITIONS, empty, frame
from onemap.messages import message_of, told
from onemap.progress import progress
from onemap.review.pieces import way_for
from onemap.review.review import PARCEL_CONFLICTS, fits, gaps, review

TABLES = {
    "decisions": DECISIONS,
    "findings": FINDINGS,
    "clear": FINDINGS,
    "preconditions": PRECONDITIONS,
    "conflicts": PARCEL_CONFLICTS,
    "issues": ISSUES,
}
QUIET = ("clear", "not_applicable")
DRAFT = ".writing-"


def review_batch(
    parcels,
    blueprint,
    rulebook,
    out,
    *,
    issues=None,
    chunk: int = 500,
    workers: int = 1,
    scheduler: str | None = None,
) -> dict[str, Path]:
    """Review many sites into ``out``, chunk by chunk, and join the chunks into one table each.

    Writes ``decisions.csv findings.csv clear.csv preconditions.csv conflicts.csv issues.csv`` (UTF-8 with BOM, opens in
    Excel). ``findings.csv`` is what somebody must look at; the findings that are clear or not applicable, many times as
    many, stand with what was measured in ``clear.csv``: together one row per parcel and rule. A chunk is written whole or not at all; called
    again after a kill with the same input it goes on where it stopped, with other input it refuses. A site that
    cannot be reviewed becomes one issue row (``not_reviewed``) and one decision ``incomplete / needs_review``; that it
    has no findings says nothing. The tables are the same bytes whatever ``workers`` and ``chunk`` are; memory is that
    of the blueprint, the parcels and one chunk per worker.

    parcels : frame of :func:`onemap.read_parcels`; out : a folder; scheduler : address of a dask scheduler whose workers see
    it under the same path. Returns table name → path. Raises ``InputError`` when the parcels are in another CRS than the
    blueprint or all far from it, and when another process is at work in the folder.
    """
    fits(parcels, blueprint, gaps(parcels, blueprint))
    out = Path(out).resolve()
    (out / "parts").mkdir(parents=True, exist_ok=True)
    with alone_in(out):
        _claim(out / "batch.json", batch_key(parcels, blueprint, rulebook, chunk))
        context = Context(with_conflicts(blueprint, rulebook), rulebook, len(parcels))
        chunks = in_chunks(parcels, chunk)
        _review_all(chunks, context, out / "parts", {"workers": workers, "scheduler": scheduler})
        return _join(out / "parts", out, len(chunks), issues)


def _review_all(chunks: list, context: Context, parts: Path, runner: dict) -> None:
    for draft in parts.glob(f"{DRAFT}*"):
        shutil.rmtree(draft)
    todo = [i for i in range(len(chunks)) if not (parts / f"{i:06d}").is_dir()]
    total = sum(map(len, chunks))
    done = total - sum(len(chunks[i]) for i in todo)
    runner = runner | {"workers": min(runner["workers"], len(todo))}
    with handed(context, parts, runner) as given:
        outcomes = run(_review_chunk, [(i, chunks[i], str(parts)) for i in todo], context=given, **runner)
        for outcome in progress(outcomes, "review", total, done, lambda outcome: len(outcome.task[1])):
            if outcome.error:  # the worker died, every time
                number, sites, _ = outcome.task
                _write_part(_without_the_deadly(sites, given, runner, outcome.error), parts, number)


class Context(NamedTuple):
    """What every chunk is reviewed with; parcels : how many the whole batch has."""

    blueprint: Blueprint
    rulebook: Rulebook
    parcels: int


def batch_key(parcels, blueprint, rulebook, chunk: int) -> dict:
    """What makes two batches the same one: sites, blueprint, rule book, chunk size and how areas are measured."""
    sites = hashlib.sha256()
    for name in sorted(set(parcels.columns) - {"geometry"}):
        sites.update(f"{name}={parcels[name].astype(str).tolist()}".encode())
    for wkb in shapely.to_wkb(parcels.geometry.to_numpy()):
        sites.update(wkb or b"")
    return {
        "sites": sites.hexdigest()[:16],
        "blueprint": blueprint.version,
        "rulebook": rulebook.version,
        "as_of": rulebook.as_of.isoformat(),
        "chunk": chunk,
        "tables": list(TABLES),
        "areas": way_for(len(parcels)).__name__,
    }


def in_chunks(parcels: gpd.GeoDataFrame, chunk: int) -> list[gpd.GeoDataFrame]:
    """The parcels in their order, about ``chunk`` at a time, the plots of one project together."""
    number, _ = pd.factorize(parcels["project_id"])
    ordered = parcels.iloc[number.argsort(kind="stable")].reset_index(drop=True)
    sizes = ordered.groupby("project_id", sort=False).size()
    before = sizes.cumsum() - sizes
    of = ordered["project_id"].map(before // chunk)
    return [part.reset_index(drop=True) for _, part in ordered.groupby(of, sort=True)]


@contextmanager
def handed(context: Context, folder: Path, runner: dict) -> Iterator:
    """The context as it is given to workers: pickled once into a file, not once for each of them."""
    if runner["workers"] <= 1 and not runner["scheduler"]:
        yield context
        return
    with tempfile.TemporaryDirectory(dir=folder, prefix=DRAFT) as place:
        path = Path(place) / "context"
        with open(path, "wb") as file:
            pickle.dump(context, file, protocol=pickle.HIGHEST_PROTOCOL)
        yield Handed(str(path))


class Handed:
    """Becomes the context that lies in a file when it is unpickled."""

    def __init__(self, path: str):
        self.path = path

    def __reduce__(self):
        return _read_context, (self.path,)


def _read_context(path: str) -> Context:
    with open(path, "rb") as file:
        return pickle.load(file)


def _review_chunk(context: Context, task) -> None:
    number, sites, parts = task
    _write_part(reviewed(sites, context), Path(parts), number)


def reviewed(sites, context: Context) -> dict[str, pd.DataFrame]:
    """The tables of some sites; what cannot be reviewed is halved until the bad projects stand alone."""
    try:
        return _tables(review(sites, context.blueprint, context.rulebook, among=context.parcels))
    except Exception as error:  # noqa: BLE001  one bad site is one issue row
        halves = _halves(sites)
        if not halves:
            return _failed(sites, error, context)
        return _concat([reviewed(half, context) for half in halves])


def _without_the_deadly(sites, given, runner: dict, error: Exception) -> dict[str, pd.DataFrame]:
    """The tables of sites that kill their worker: halved in workers of their own until the deadly projects stand alone."""
    halves = _halves(sites)
    if not halves:
        return _failed(sites, error, _read_context(given.path))
    tables: list = [None] * len(halves)
    for outcome in run(_review_half, list(enumerate(halves)), context=given, **runner):
        at, half = outcome.task
        tables[at] = outcome.result or _without_the_deadly(half, given, runner, outcome.error)
    return _concat(tables)


def _review_half(context: Context, task) -> dict[str, pd.DataFrame]:
    return reviewed(task[1], context)


def _halves(sites) -> list:
    """The sites in two parts, the plots of a project together; nothing when they are of one project."""
    projects = pd.unique(sites["project_id"])
    first = sites["project_id"].isin(projects[: len(projects) // 2])
    return [sites[part].reset_index(drop=True) for part in (first, ~first)] if len(projects) > 1 else []


def _concat(tables: list[dict[str, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    return {name: pd.concat([t[name] for t in tables], ignore_index=True) for name in TABLES}


def _tables(result) -> dict[str, pd.DataFrame]:
    quiet = result.findings["status"].isin(QUIET)
    told = {"findings": result.findings[~quiet], "clear": result.findings[quiet]}
    return told | {name: pd.DataFrame(getattr(result, name)) for name in TABLES if name not in told}


def _failed(plots, error: Exception, context: Context) -> dict[str, pd.DataFrame]:
    project_id, rulebook = plots["project_id"].iloc[0], context.rulebook
    issue = {
        "source": plots["source"].iloc[0],
        "layer": "sites",
        "source_fid": plots["source_fid"].iloc[0],
        "issue": "not_reviewed",
        "value": project_id,
        "severity": "error",
    } | told(message_of(error))
    decision = {
        "project_id": project_id,
        "project_name": plots["project_name"].iloc[0],
        "as_of": rulebook.as_of,
        "verdict": "incomplete",
        "route": "needs_review",
        "rule_id": "",
        "area_m2": float(plots["area_m2"].sum()),
        "reasons": "[]",
        "missing_layers": "",
        "prohibited": "",
        "consent": "",
        "unknown": "",
        "citations": "",
        "blueprint_version": context.blueprint.version,
        "rulebook_version": rulebook.version,
    }
    tables = {name: empty(columns) for name, columns in TABLES.items()}
    return tables | {"issues": frame([issue], ISSUES), "decisions": frame([decision], DECISIONS)}


def _write_part(tables: dict[str, pd.DataFrame], parts: Path, number: int) -> None:
    draft = Path(tempfile.mkdtemp(dir=parts, prefix=DRAFT))
    for name, columns in TABLES.items():
        tables[name][columns].to_csv(draft / f"{name}.csv", index=False, lineterminator="\n")
    final = parts / f"{number:06d}"
    try:
        os.rename(draft, final)
    except OSError:
        if not final.is_dir():
            raise
        shutil.rmtree(draft)  # a worker of a run that was stopped came first, with the same


def _join(parts: Path, out: Path, count: int, issues) -> dict[str, Path]:
    paths = {}
    for name, columns in TABLES.items():
        draft = out / f".{name}.csv"
        with open(draft, "w", encoding="utf-8-sig", newline="") as joined:
            joined.write(",".join(columns) + "\n")
            if name == "issues" and issues is not None and len(issues):
                joined.write(issues[columns].to_csv(index=False, header=False, lineterminator="\n"))
            for number in range(count):
                with open(parts / f"{number:06d}" / f"{name}.csv", encoding="utf-8", newline="") as part:
                    part.readline()
                    shutil.copyfileobj(part, joined)
        paths[name] = out / f"{name}.csv"
        os.replace(draft, paths[name])
    return paths


def _claim(path: Path, key: dict) -> None:
    text = json.dumps(key, indent=2, sort_keys=True)
    if path.exists():
        if json.loads(path.read_text(encoding="utf-8")) != key:
            raise InputError("review.batch.other", where=str(path.parent))
        return
    draft = path.with_suffix(".tmp")
    draft.write_text(text + "\n", encoding="utf-8")
    os.replace(draft, path)
