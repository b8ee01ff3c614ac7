"""Jobs of a build handed to whoever runs them, and their results read again; a task that fails is named."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import shapely

from onemap.blueprint import jobs
from onemap.blueprint.arrangement import Trails, runs
from onemap.blueprint.edges import NotCertified
from onemap.blueprint.jobs import Result
from onemap.blueprint.layout import Layout, tile_at
from onemap.blueprint.seams import Seams, join_trails
from onemap.blueprint.tiles import Spread, metres_of
from onemap.compiled import NotCompiled
from onemap.engine import run
from onemap.errors import InputError
from onemap.messages import Message, message_of
from onemap.progress import progress

TASK = 100_000  # corners that one task takes: half a second, so that handing it out costs nothing and all end together


def batches(given: Spread) -> list[tuple[int, ...]]:
    """Tiles that have edges, neighbours together, in tasks of about ``TASK`` corners."""
    corners = np.diff(given.starts, axis=1).sum(axis=0)
    busy = np.flatnonzero(corners)
    if not len(busy):
        return []
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


def run_jobs(job, scratch: Path, tasks: list, runner: dict, what: Message) -> list[Result]:
    """Run a job over all tasks and read their results; names the tile of a task that fails every time.

    Raises NotCertified and NotCompiled as the job did, ``InputError`` for anything else.
    """
    found, failed = {}, []
    for outcome in progress(run(job, tasks, context=str(scratch), **runner), what, len(tasks)):
        if outcome.error is None:
            found[outcome.task] = jobs.load(scratch / outcome.result)  # while workers work
        else:
            failed.append(outcome)
    for outcome in failed:
        if isinstance(outcome.error, NotCertified | NotCompiled):
            raise outcome.error
        alone = [(one,) for one in outcome.task] if isinstance(outcome.task, tuple) else [outcome.task]
        for again in run(job, alone, context=str(scratch), **runner):
            if again.error is not None:
                where = jobs.site_of(str(scratch))[0].spread if isinstance(outcome.task, tuple) else None
                raise InputError(
                    "blueprint.tile.failed", where=place_of(again.task, where), error=message_of(again.error)
                ) from again.error
            found[again.task] = jobs.load(scratch / again.result)
    return [found[task] for task in sorted(found, key=str)]


def place_of(task, given: Spread | None) -> Message | str:
    """Where the tile of a task lies, in the coordinates of the blueprint."""
    if given is None or not isinstance(task, tuple):
        return str(task)
    grid, box = given.layout.grid, given.layout.boxes[task[0]]
    west, south, east, north = metres_of(box, grid).round(1).tolist()
    box = {"west": west, "south": south, "east": east, "north": north}
    return Message("blueprint.tile.place", tile=int(task[0]), **box)


def gathered(results: Iterable[Result], name: str) -> Trails:
    """The walks of all results."""
    return join_trails([trails for result in results for trails in getattr(result, name)])


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
            (shapely.to_wkb(found.faces[part]), found.counts[part], polygons, owner[part], layout.keys),
        )
        names.append(name)
    return names
