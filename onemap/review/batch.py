"""Lists of thousands of sites overnight: in chunks of neighbours, resumable, one bad site costing one issue row.

A chunk's tables lie in a folder of their own with the lengths of what they say of each project; in the end everything is put
into the order of the list. 2026-11: chosen against chunks in that order, each of which read the whole city.
"""

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
import numpy as np
import pandas as pd
import shapely

from onemap.blueprint.build import Blueprint
from onemap.blueprint.near import reach_of
from onemap.blueprint.objects import DRAFT
from onemap.blueprint.restated import with_conflicts
from onemap.blueprint.slices import place_of
from onemap.book.rulebook import Rulebook
from onemap.engine import alone_in, run
from onemap.errors import InputError
from onemap.frames import DECISIONS, FINDINGS, ISSUES, PRECONDITIONS, empty, frame
from onemap.messages import Message, message_of, told
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
LENGTHS = "lengths.npy"
FACES = 40_000  # of a store that the sites of a chunk lie among, where it has more than one project
WINDOW = 16 << 20  # bytes that are put into order at a time


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
    has no findings says nothing. The tables are in the order of the list, the same bytes whatever ``workers`` and ``chunk``
    (the most sites of a chunk, unless a project has more) are, which may change when it goes on. Neighbours are reviewed
    together: memory is that of the parcels and, for each worker, of one chunk and what a store holds around it, however
    large the city; a blueprint that is no store's is in memory as a whole.

    parcels : frame of :func:`onemap.read_parcels`; out : a folder; scheduler : address of a dask scheduler whose workers see
    it under the same path. Returns table name → path. Raises ``InputError`` when the parcels are in another CRS than the
    blueprint or all far from it, and when another process is at work in the folder.
    """
    fits(parcels, blueprint, gaps(parcels, blueprint))
    out = Path(out).resolve()
    (out / "parts").mkdir(parents=True, exist_ok=True)
    with alone_in(out):
        _claim(out / "batch.json", batch_key(parcels, blueprint, rulebook))
        context = Context(with_conflicts(blueprint, rulebook), rulebook, len(parcels))
        _review_all(parcels, chunk, context, out / "parts", {"workers": workers, "scheduler": scheduler})
        return _join(_parts(out / "parts"), out, issues)


def _review_all(parcels, chunk: int, context: Context, parts: Path, runner: dict) -> None:
    for draft in parts.glob(f"{DRAFT}*"):
        shutil.rmtree(draft)
    # a second round only where a worker of a run that was stopped wrote a part meanwhile, of other chunks
    while todo := in_chunks(parcels, chunk, context.blueprint, _done(parts)):
        done = len(parcels) - sum(len(one.sites) for one in todo)
        own = runner | {"workers": min(runner["workers"], len(todo))}
        with handed(context, parts, own) as given:
            outcomes = run(_review_chunk, [(one, str(parts)) for one in todo], context=given, **own)
            for outcome in progress(
                outcomes,
                Message("house.progress.review"),
                len(parcels),
                done,
                lambda outcome: len(outcome.task[0].sites),
            ):
                if outcome.error:  # the worker died, every time
                    one, _ = outcome.task
                    tables = _without_the_deadly(one.sites, context, given, own, outcome.error)
                    _write_part(tables, parts, one)


class Chunk(NamedTuple):
    """Sites reviewed together: all plots of some projects (their positions in the list), in its order."""

    projects: np.ndarray
    sites: gpd.GeoDataFrame


class Context(NamedTuple):
    """What every chunk is reviewed with; parcels : how many the whole batch has."""

    blueprint: Blueprint
    rulebook: Rulebook
    parcels: int


def batch_key(parcels, blueprint, rulebook) -> dict:
    """What makes two batches the same one: sites, blueprint, rule book and how areas are measured."""
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
        "tables": list(TABLES),
        "areas": way_for(len(parcels)).__name__,
    }


def in_chunks(parcels: gpd.GeoDataFrame, chunk: int, blueprint, done=frozenset()) -> list[Chunk]:
    """The parcels but for those of projects that are done, neighbours together, the plots of one project together.

    chunk : how many at most; blueprint : they lie among about ``FACES`` of its faces at most, where they are read from a
    store. One project may exceed either.
    """
    project, _ = pd.factorize(parcels["project_id"])
    rows = np.split(np.argsort(project, kind="stable"), np.cumsum(np.bincount(project))[:-1])
    bounds = shapely.bounds(parcels.geometry.to_numpy())
    low, high = (
        getattr(pd.DataFrame(part).groupby(project), how)()
        for part, how in ((bounds[:, :2], "min"), (bounds[:, 2:], "max"))
    )
    reach = reach_of(blueprint, bounds)
    tables: list[set[int]] = [set() for _ in rows]
    for at, table in zip(project[reach.place].tolist(), reach.table.tolist(), strict=True):
        tables[at].add(table)
    groups, sites, near = [], 0, set()
    for at in np.argsort(place_of((low.to_numpy() + high.to_numpy()) / 2), kind="stable").tolist():
        if at in done:
            continue
        both = near | tables[at]
        if not groups or sites + len(rows[at]) > chunk or reach.faces[list(both)].sum() > FACES:
            groups.append([])
            sites, both = 0, tables[at]
        groups[-1].append(at)
        sites, near = sites + len(rows[at]), both
    return [
        Chunk(np.array(own), parcels.iloc[np.concatenate([rows[at] for at in own])].reset_index(drop=True))
        for own in map(sorted, groups)
    ]


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
    chunk, parts = task
    _write_part(reviewed(chunk.sites, context), Path(parts), chunk)


def reviewed(sites, context: Context) -> dict[str, pd.DataFrame]:
    """The tables of some sites, each with the project of every row; what cannot be reviewed is halved until the bad projects stand alone."""
    try:
        return _tables(review(sites, context.blueprint, context.rulebook, among=context.parcels))
    except Exception as error:  # noqa: BLE001  one bad site is one issue row
        halves = _halves(sites)
        if not halves:
            return _failed(sites, error, context)
        return _concat([reviewed(half, context) for half in halves])


def _without_the_deadly(
    sites, context: Context, given, runner: dict, error: Exception
) -> dict[str, pd.DataFrame]:
    """The tables of sites that kill their worker: halved in workers of their own until the deadly projects stand alone."""
    halves = _halves(sites)
    if not halves:
        return _failed(sites, error, context)
    tables: list = [None] * len(halves)
    for outcome in run(_review_half, list(enumerate(halves)), context=given, **runner):
        at, half = outcome.task
        tables[at] = outcome.result or _without_the_deadly(half, context, given, runner, outcome.error)
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
    projects = result.parcels["project_id"].to_numpy(dtype=object)[list(result.outside)]
    told["issues"] = result.issues.assign(project_id=projects)
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
    issues = frame([issue], ISSUES).assign(project_id=project_id)
    return tables | {"issues": issues, "decisions": frame([decision], DECISIONS)}


def _write_part(tables: dict[str, pd.DataFrame], parts: Path, chunk: Chunk) -> None:
    draft = Path(tempfile.mkdtemp(dir=parts, prefix=DRAFT))
    names = pd.Index(pd.unique(chunk.sites["project_id"]))
    lengths = [chunk.projects]
    for name, columns in TABLES.items():
        project = names.get_indexer(tables[name]["project_id"])
        rows = tables[name].iloc[np.argsort(project, kind="stable")][columns]
        content = rows.to_csv(index=False, header=False, lineterminator="\n").encode()
        ends = np.append(0, row_ends(content))
        (draft / f"{name}.csv").write_bytes(content)
        count = np.bincount(project, minlength=len(names))
        lengths.append(np.diff(ends[np.append(0, np.cumsum(count))]))
    np.save(draft / LENGTHS, np.stack(lengths, axis=1))
    final = parts / f"{chunk.projects[0]:08d}"
    try:
        os.rename(draft, final)
    except OSError:
        if not final.is_dir():
            raise
        shutil.rmtree(draft)  # a worker of a run that was stopped came first, with the same


def row_ends(content: bytes) -> np.ndarray:
    """Where the rows of a CSV table end; what stands in quotes may be of several lines.

    >>> row_ends(b'a,"b\\nc"\\nd\\n').tolist()
    [8, 10]
    """
    signs = np.frombuffer(content, dtype=np.uint8)
    quoted = np.logical_xor.accumulate(signs == ord('"'))
    return np.flatnonzero((signs == ord("\n")) & ~quoted) + 1


def _parts(parts: Path) -> dict[Path, np.ndarray]:
    """The parts that are whole: of each project its position in the list and the lengths of its rows in each table."""
    found = {}
    for part in sorted(parts.glob("[0-9]*")):
        try:
            lengths = np.load(part / LENGTHS)
            sizes = [(part / f"{name}.csv").stat().st_size for name in TABLES]
        except (OSError, ValueError, EOFError):
            sizes = lengths = None
        if lengths is None or lengths[:, 1:].sum(axis=0).tolist() != sizes:
            shutil.rmtree(part)  # the power failed before it reached the disk
        else:
            found[part] = lengths
    return found


def _done(parts: Path) -> set[int]:
    return {at for lengths in _parts(parts).values() for at in lengths[:, 0].tolist()}


def _join(parts: dict[Path, np.ndarray], out: Path, issues) -> dict[str, Path]:
    """One file per table, its rows in the order of the list."""
    lengths = np.concatenate(list(parts.values()))
    part = np.repeat(np.arange(len(parts)), [len(one) for one in parts.values()])
    start = np.concatenate([one.cumsum(axis=0) - one for one in parts.values()])
    _, once = np.unique(lengths[:, 0], return_index=True)
    paths = {}
    for column, (name, columns) in enumerate(TABLES.items(), 1):
        draft = out / f".{name}.csv"
        with open(draft, "wb") as joined:
            joined.write(("\ufeff" + ",".join(columns) + "\n").encode())
            if name == "issues" and issues is not None and len(issues):
                joined.write(issues[columns].to_csv(index=False, header=False, lineterminator="\n").encode())
            files = [path / f"{name}.csv" for path in parts]
            for rows in _rows_of(files, part[once], start[once, column], lengths[once, column]):
                joined.write(rows)
        paths[name] = out / f"{name}.csv"
        os.replace(draft, paths[name])
    return paths


def _rows_of(files: list[Path], part: np.ndarray, start: np.ndarray, length: np.ndarray) -> Iterator[bytes]:
    """The bytes from ``start`` of the files of these numbers, one after the other, some megabytes at a time."""
    cuts = np.flatnonzero(np.diff(np.cumsum(length) // WINDOW)) + 1
    for window in np.split(np.arange(len(length)), cuts):
        found = {}
        for number in np.unique(part[window]):
            own = window[part[window] == number]
            first, last = start[own[0]], start[own[-1]] + length[own[-1]]
            with open(files[number], "rb") as file:
                file.seek(first)
                content = file.read(last - first)
            found |= {i: content[start[i] - first :][: length[i]] for i in own.tolist()}
        yield b"".join(found[i] for i in window.tolist())


def _claim(path: Path, key: dict) -> None:
    text = json.dumps(key, indent=2, sort_keys=True)
    if path.exists():
        found = json.loads(path.read_text(encoding="utf-8"))
        if "chunk" in found:  # 2026-11-30 and before, in the order of the list
            raise InputError("review.batch.older", where=str(path.parent))
        if found != key:
            raise InputError("review.batch.other", where=str(path.parent))
        return
    draft = path.with_suffix(".tmp")
    draft.write_text(text + "\n", encoding="utf-8")
    os.replace(draft, path)
