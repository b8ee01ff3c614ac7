"""A city's blueprint straight into a store: by tiles, in any number of processes, in bounded memory."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable
from math import fsum
from pathlib import Path

import numpy as np
import pandas as pd
import shapely

from onemap.blueprint import jobs, store
from onemap.blueprint.arrangement import Trails, check_areas, runs
from onemap.blueprint.balance import close_balance
from onemap.blueprint.build import conflict_day, dissolve_extents, manifest_of
from onemap.blueprint.conflicts import merge_parts
from onemap.blueprint.edges import Grid, NotCertified
from onemap.blueprint.jobs import Result, Site
from onemap.blueprint.layout import finest_squares, lay_out, tile_at
from onemap.blueprint.objects import to_table
from onemap.blueprint.overlay import COMPILED_FROM, overlay
from onemap.blueprint.register import make_register, placed_rows
from onemap.blueprint.seams import Seams, join_trails, stitch
from onemap.blueprint.sheets import ATTRIBUTES
from onemap.blueprint.tiles import LIMIT, Spread, bounds_of, in_chunks, spread
from onemap.engine import run
from onemap.errors import InputError
from onemap.progress import progress

log = logging.getLogger(__name__)

TASK = 250_000  # corners that one task takes: seconds of work, so that handing it out costs nothing


def build_city(
    layers, rulebook, folder, *, workers: int = 1, scheduler: str | None = None, tile: int = LIMIT
):
    """Merge the layers into a blueprint in a store, tile by tile, and open it.

    layers, rulebook : as for :func:`onemap.build_blueprint`, whose blueprint it is, face for face; folder : of the
    store; workers : processes; scheduler : address of a dask scheduler whose workers see the folder under the same
    path; tile : most corners in a tile. A build that was stopped goes on where it stopped. Raises ``BalanceError``
    when area does not add up and ``InputError`` naming the tile that could not be worked out.

    >>> import tempfile, onemap as om
    >>> book = om.load_rulebook("2024-03-01")
    >>> layers = om.read_features(om.sample_path(), book.catalogue)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     town = om.build_city(layers, book, folder)
    ...     bool((town.faces["area_m2"] > 0).all())
    True
    """
    folder = Path(folder)
    manifest = manifest_of(layers, rulebook)
    scratch = folder / f".building-{manifest['version']}-{tile}"
    scratch.mkdir(parents=True, exist_ok=True)
    features, placed, extents = (
        layers.features,
        placed_rows(layers.quarantine),
        dissolve_extents(layers.extents),
    )
    polygons = np.concatenate([features.geometry, placed.geometry, extents.geometry]).astype(object)
    register = make_register(features, layers.quarantine, extents, layers.sources, rulebook)
    crs = features.crs.to_wkt()

    def site(given: Spread | None) -> Site:
        return Site(folder.resolve(), crs, shapely.total_bounds(polygons), register, rulebook, given)

    ready = scratch / "ready"
    if not ready.exists():
        given = spread_out(polygons, scratch, tile)
        jobs.prepare_site(scratch, site(given), to_table(features[ATTRIBUTES]))
        ready.touch()
    given = jobs.site_of(str(scratch))[0].spread
    runner = {"workers": workers, "scheduler": scheduler}
    results = by_tiles(scratch, given, polygons, runner) if given is not None else None
    if results is None:
        jobs.prepare_site(scratch, site(None), to_table(features[ATTRIBUTES]))
        jobs.site_of.cache_clear()
        results = all_at_once(scratch, polygons, tile)
    rows = [row for result in results for row in result.rows]
    conflicts, _ = merge_parts([result.parts for result in results], features, rulebook, features.crs)
    sums = {name: fsum(row.area_m2[k] for row in rows) for k, name in enumerate(register.layers)}
    faces_m2 = pd.Series({name: area for name, area in sums.items() if area}, dtype=float)
    frames = {
        "conflicts": conflicts,
        "extents": extents,
        "quarantine": layers.quarantine,
        "balance": close_balance(features, placed, faces_m2),
        "sources": layers.sources,
        "issues": layers.issues,
        "passports": layers.passports,
    }
    tables = store.put_frames(folder, frames, features.crs)
    manifest |= {"conflicts": conflict_day(rulebook)}
    store.publish(
        folder, manifest, tables, store.put_features(folder, features, features.crs), rows, features.crs
    )
    shutil.rmtree(scratch, ignore_errors=True)
    return store.open_store(folder)


def spread_out(polygons: np.ndarray, scratch: Path, tile: int) -> Spread | None:
    """Hand the edges out to tiles; None where so few corners, or such ones, are better overlaid at once."""
    if shapely.get_num_coordinates(polygons).sum() < COMPILED_FROM:
        return None
    chunks = in_chunks(polygons)
    try:
        return spread(chunks, bounds_of(chunks), scratch, tile)
    except NotCertified as reason:
        log.warning("the tiles were given up (%s); all is overlaid at once instead", reason)
        return None


def by_tiles(scratch: Path, given: Spread, polygons: np.ndarray, runner: dict) -> list[Result] | None:
    """The results of all tiles and of what lies across them; None when the arrangement could not be proven right."""
    try:
        results = run_jobs(jobs.tile_job, scratch, batches(given), runner, "tiles")
        found = stitch(given.layout.grid, *(gathered(results, name) for name in ("open", "loose")))
        got = np.zeros(len(polygons))
        for polygon, planar in [(r.polygon, r.planar) for r in results] + [seam_sums(found)]:
            got[polygon] += planar
        check_areas(polygons, got, given.layout.grid)
    except NotCertified as reason:
        log.warning("the tiles were refused (%s); all is overlaid at once instead", reason)
        return None
    return results + run_jobs(jobs.seam_job, scratch, save_seams(scratch, found, given), runner, "seams")


def batches(given: Spread) -> list[tuple[int, ...]]:
    """Tiles that have edges, neighbours together, in tasks of about ``TASK`` corners."""
    corners = np.diff(given.starts, axis=1).sum(axis=0)
    busy = np.flatnonzero(corners)
    order = busy[np.argsort(locality(given.layout.keys[busy]), kind="stable")]
    task = np.cumsum(corners[order]) // TASK
    return [tuple(part.tolist()) for part in np.split(order, np.flatnonzero(np.diff(task)) + 1)]


def locality(keys: np.ndarray) -> np.ndarray:
    """A number for each tile that is close for tiles that lie close: the bits of column and row in turn."""
    finest = keys[:, 0].min() if len(keys) else 0
    at = (keys[:, 1:] << (keys[:, :1] - finest)) - (keys[:, 1:] << (keys[:, :1] - finest)).min(axis=0)
    number = np.zeros(len(keys), dtype=np.int64)
    for bit in range(24):
        number |= ((at[:, 0] >> bit) & 1) << (2 * bit) | ((at[:, 1] >> bit) & 1) << (2 * bit + 1)
    return number


def run_jobs(job, scratch: Path, tasks: list, runner: dict, what: str) -> list[Result]:
    """Run a job over all tasks and read their results; names the tile of a task that fails every time.

    Raises NotCertified as the job did, ``InputError`` for anything else.
    """
    files, failed = {}, []
    for outcome in progress(run(job, tasks, context=str(scratch), **runner), what, len(tasks)):
        if outcome.error is None:
            files[outcome.task] = outcome.result
        else:
            failed.append(outcome)
    for outcome in failed:
        if isinstance(outcome.error, NotCertified):
            raise outcome.error
        alone = [(one,) for one in outcome.task] if isinstance(outcome.task, tuple) else [outcome.task]
        for again in run(job, alone, context=str(scratch), **runner):
            if again.error is not None:
                where = jobs.site_of(str(scratch))[0].spread
                raise InputError(
                    f"a part of the blueprint could not be worked out: {type(again.error).__name__}: {again.error}",
                    where=place_of(again.task, where),
                    mend="all other parts are done and kept: mend the data there and build again",
                ) from again.error
            files[again.task] = again.result
    return [jobs.load(scratch / files[task]) for task in sorted(files, key=str)]


def place_of(task, given: Spread | None) -> str:
    """Where the tile of a task lies, in the coordinates of the blueprint."""
    if given is None or not isinstance(task, tuple):
        return str(task)
    grid, box = given.layout.grid, given.layout.boxes[task[0]]
    west, south, east, north = (box * np.tile(grid.step, 2) + np.tile(grid.origin, 2)).round(1).tolist()
    return f"tile {task[0]} ({west} {south} to {east} {north})"


def gathered(results: Iterable[Result], name: str) -> Trails:
    """The walks of all results."""
    return join_trails([trails for result in results for trails in getattr(result, name)])


def seam_sums(found: Seams) -> tuple[np.ndarray, np.ndarray]:
    """The planar areas of faces across tiles by polygon, in square steps."""
    polygon, at = np.unique(found.polygons, return_inverse=True)
    return polygon, np.bincount(at, np.repeat(found.area, found.counts), len(polygon))


def save_seams(scratch: Path, found: Seams, given: Spread) -> list[str]:
    """Write the faces across tiles as tasks, by the tile that holds the lowest westernmost place; returns their names."""
    owner = tile_at(given.layout, found.lowest)
    begin = np.cumsum(found.counts) - found.counts
    order = np.lexsort((owner, locality(given.layout.keys[owner])))
    corners = np.bincount(owner, shapely.get_num_coordinates(found.faces), len(given.layout.keys))
    last = np.flatnonzero(np.append(owner[order][1:] != owner[order][:-1], True)[: len(order)])
    task = np.cumsum(corners[owner[order][last]]) // TASK
    cuts = last[np.flatnonzero(np.diff(task))] + 1
    names = []
    for number, part in enumerate(np.split(order, cuts) if len(order) else []):
        polygons = found.polygons[runs(begin[part], found.counts[part])]
        name = f"seams-{number}.pickle"
        jobs.save(
            scratch / name,
            (found.faces[part], found.counts[part], polygons, owner[part], given.layout.keys),
        )
        names.append(name)
    return names


def all_at_once(scratch: Path, polygons: np.ndarray, tile: int) -> list[Result]:
    """The results of one overlay of everything, its faces put into tiles afterwards."""
    parts = overlay(polygons)
    if not len(parts.faces):
        return []
    bounds = shapely.bounds(parts.faces)
    squares = finest_squares(shapely.total_bounds(parts.faces))
    at = np.floor((bounds[:, :2] - squares.offset) / 2.0**squares.level).astype(np.int64) - squares.first
    corners = np.zeros(squares.shape, dtype=np.int64)
    np.add.at(corners, (at[:, 1], at[:, 0]), shapely.get_num_coordinates(parts.faces))
    layout = lay_out(corners, squares, Grid(np.zeros(2), np.ones(2), np.ones(2)), tile)
    counts = np.bincount(parts.face, minlength=len(parts.faces))
    owner = layout.tile_of[at[:, 1], at[:, 0]]
    rows, members = jobs.write_faces(
        str(scratch), parts.faces, counts, parts.polygon, owner, layout.keys, "inner"
    )
    none = np.empty(0, dtype=np.int64)
    return [Result(rows, [], [], members, none, none.astype(float))]
