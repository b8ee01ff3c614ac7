"""A city's blueprint straight into a store: by tiles, in any number of processes, in bounded memory."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable
from math import fsum
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely

from onemap.blueprint import jobs, kept, store
from onemap.blueprint.arrangement import Trails, check_areas, runs
from onemap.blueprint.balance import close_balance
from onemap.blueprint.build import conflict_day, dissolve_extents, manifest_of
from onemap.blueprint.conflicts import merge_parts
from onemap.blueprint.derive import face_ids
from onemap.blueprint.edges import Grid, NotCertified
from onemap.blueprint.jobs import Result, Site
from onemap.blueprint.layout import Layout, finest_squares, lay_out, tile_at
from onemap.blueprint.objects import to_table
from onemap.blueprint.overlay import COMPILED_FROM, overlay
from onemap.blueprint.register import Register, by_number, make_register, placed_rows
from onemap.blueprint.seams import Seams, join_trails, stitch
from onemap.blueprint.sheets import ATTRIBUTES
from onemap.blueprint.tiles import LIMIT, Outline, Spread, bounds_of, in_chunks, spread
from onemap.engine import run
from onemap.errors import InputError
from onemap.progress import progress

log = logging.getLogger(__name__)

TASK = 250_000  # corners that one task takes: seconds of work, so that handing it out costs nothing


class Land(NamedTuple):
    """The polygons of a build by number, with what is known of them.

    features : frame by number; polygons : features, placed quarantined rows, extents; groups : the layer of each
    feature, then ``kept.QUARANTINE`` and ``kept.EXTENTS``; names : of each polygon, for the next build
    """

    features: pd.DataFrame
    polygons: np.ndarray
    groups: np.ndarray
    names: np.ndarray
    register: Register


class Draft(NamedTuple):
    """A blueprint worked out but not yet published: results of all jobs, and what is kept for the next build."""

    results: list[Result]
    keep: dict


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
    extents = dissolve_extents(layers.extents)
    land = survey(layers.features, layers.quarantine, extents, layers.sources, rulebook)
    runner = {"workers": workers, "scheduler": scheduler}
    draft = by_tiles(scratch, land, layers.features.crs, rulebook, tile, runner)
    if draft is None:
        jobs.prepare_site(
            scratch, site_for(folder, land, layers.features.crs, rulebook, None), attributes_of(land)
        )
        draft = Draft(all_at_once(scratch, land.polygons, tile), {})
    rows = [row for result in draft.results for row in result.rows]
    parts = [result.parts for result in draft.results]
    crs = layers.features.crs
    conflicts, _ = merge_parts(parts, land.features, rulebook, crs)
    frames = {
        "conflicts": conflicts,
        "extents": extents,
        "quarantine": layers.quarantine,
        "balance": close_balance(
            layers.features, placed_rows(layers.quarantine), faces_m2(rows, land.register)
        ),
        "sources": layers.sources,
        "issues": layers.issues,
        "passports": layers.passports,
    }
    tables = store.put_frames(folder, frames, crs)
    if draft.keep:
        tables["marks"] = kept.put_marks(folder, marks_of(draft.results, parts))
    manifest |= {"conflicts": conflict_day(rulebook)}
    features = store.put_features(folder, layers.features, crs)
    store.publish(folder, manifest, tables, features, rows, crs, draft.keep)
    shutil.rmtree(scratch, ignore_errors=True)
    return store.open_store(folder)


def survey(features, quarantine, extents, sources, rulebook) -> Land:
    """Number all polygons."""
    numbered, placed = by_number(features), placed_rows(quarantine)
    aside = [f"{kept.QUARANTINE}:{i}" for i in range(len(placed))]
    around = [f"{kept.EXTENTS}:{layer}" for layer in extents["layer"]]
    groups = [*numbered["layer"], *[kept.QUARANTINE] * len(placed), *[kept.EXTENTS] * len(extents)]
    return Land(
        numbered,
        np.concatenate([numbered.geometry, placed.geometry, extents.geometry]).astype(object),
        np.array(groups, dtype=object),
        np.array([*numbered["feature_id"], *aside, *around], dtype=object),
        make_register(numbered, quarantine, extents, sources, rulebook),
    )


def site_for(folder: Path, land: Land, crs, rulebook, given: Spread | None) -> Site:
    """What the jobs of a build share."""
    bounds = shapely.total_bounds(land.polygons)
    return Site(folder.resolve(), crs.to_wkt(), bounds, land.register, rulebook, given)


def attributes_of(land: Land):
    """The attributes of features by number, as a table."""
    return to_table(pd.DataFrame(land.features)[ATTRIBUTES])


def faces_m2(rows: Iterable[jobs.Row], register: Register) -> pd.Series:
    """The area of faces in each layer that has any."""
    rows = list(rows)
    sums = {name: fsum(row.area_m2[k] for row in rows) for k, name in enumerate(register.layers)}
    return pd.Series({name: area for name, area in sums.items() if area}, dtype=float)


def by_tiles(scratch: Path, land: Land, crs, rulebook, tile: int, runner: dict) -> Draft | None:
    """All tiles and what lies across them; None when they are not worth it or could not be proven right."""
    if shapely.get_num_coordinates(land.polygons).sum() < COMPILED_FROM:
        return None
    try:
        given, outlines, long = spread_once(scratch, land, crs, rulebook, tile)
        results = run_jobs(jobs.tile_job, scratch, batches(given), runner, "tiles")
        grid = given.layout.grid
        found = stitch(grid, *(gathered(results, name) for name in ("open", "loose")))
        got = np.zeros(len(land.polygons))
        for polygon, planar in [(r.polygon, r.planar) for r in results] + [seam_sums(found)]:
            got[polygon] += planar
        check_areas(land.polygons, got, grid)
    except NotCertified as reason:
        log.warning("the tiles were refused (%s); all is overlaid at once instead", reason)
        return None
    results += run_jobs(jobs.seam_job, scratch, save_seams(scratch, found, given.layout), runner, "seams")
    keep = keep_for_next(scratch.parent, given, outlines, long, found, land.names, tile)
    return Draft(results, keep)


def spread_once(scratch: Path, land: Land, crs, rulebook, tile: int):
    """Hand the edges out to tiles, unless a build that was stopped has done so: the tiles, outlines and long edges."""
    ready = scratch / "ready.pickle"
    if not ready.exists():
        chunks = in_chunks(land.polygons, land.groups)
        given, outlines, long = spread(chunks, bounds_of(chunks), scratch, tile)
        jobs.prepare_site(scratch, site_for(scratch.parent, land, crs, rulebook, given), attributes_of(land))
        jobs.save(ready, (given, outlines, long))
    return jobs.load(ready)


def keep_for_next(
    folder: Path,
    given: Spread,
    outlines: dict[str, Outline],
    long: dict,
    found: Seams,
    names: np.ndarray,
    tile: int,
) -> dict:
    """What the list of a version says of how it was cut into tiles, with the objects that the next build starts from."""
    grid, squares = given.layout.grid, given.layout.squares
    metres = {group: rows * np.tile(grid.step, 2) + np.tile(grid.origin, 2) for group, rows in long.items()}
    return {
        "tile": tile,
        "margin_m": given.margin_m,
        "step": grid.step.tolist(),
        "squares": [squares.level, squares.first.tolist(), list(squares.shape), squares.offset.tolist()],
        "outlines": kept.put_outlines(folder, outlines, metres),
        "cycles": kept.put_cycles(
            folder, found.cycles, given.layout, names, np.array(face_ids(found.faces), dtype=object)
        ),
    }


def marks_of(results: list[Result], parts: list[pd.DataFrame]) -> pd.DataFrame:
    """In which tables each conflict has faces, and what it is between."""
    held = pd.concat([result.marks for result in results], ignore_index=True)
    tiles = held.groupby("conflict_id")["tile"].agg(lambda words: sorted(set(words)))
    lead = pd.concat(parts, ignore_index=True).drop_duplicates("conflict_id")
    return lead[kept.MARKS[:-1]].assign(tiles=lead["conflict_id"].map(tiles))


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


def save_seams(scratch: Path, found: Seams, layout: Layout) -> list[str]:
    """Write the faces across tiles as tasks, by the tile that holds the lowest westernmost place; returns their names."""
    owner = tile_at(layout, found.lowest)
    begin = np.cumsum(found.counts) - found.counts
    order = np.lexsort((owner, locality(layout.keys[owner])))
    corners = np.bincount(owner, shapely.get_num_coordinates(found.faces), len(layout.keys))
    last = np.flatnonzero(np.append(owner[order][1:] != owner[order][:-1], True)[: len(order)])
    task = np.cumsum(corners[owner[order][last]]) // TASK
    cuts = last[np.flatnonzero(np.diff(task))] + 1
    names = []
    for number, part in enumerate(np.split(order, cuts) if len(order) else []):
        polygons = found.polygons[runs(begin[part], found.counts[part])]
        name = f"seams-{number}.pickle"
        jobs.save(
            scratch / name,
            (found.faces[part], found.counts[part], polygons, owner[part], layout.keys),
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
    written = jobs.write_faces(str(scratch), parts.faces, counts, parts.polygon, owner, layout.keys, "inner")
    return [jobs.only_faces(*written)]
