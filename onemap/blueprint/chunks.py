"""Polygons that lie in a store as chunks, which any process can read and work through; the lines of each are kept."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import shapely

from onemap.blueprint import jobs, tiles
from onemap.blueprint.arrangement import sizes_of
from onemap.blueprint.edges import Grid, Lines, read_lines
from onemap.blueprint.errands import run_jobs
from onemap.blueprint.objects import get
from onemap.blueprint.slices import Slice
from onemap.blueprint.tiles import Each
from onemap.messages import Message

STORED_FILE, LINES, SIZES = "stored.pickle", "lines-{}.pickle", "sizes-{}.pickle"


class Part(NamedTuple):
    """A chunk: its group, the slices that hold its polygons (none where they lie beside), its rows among all of them."""

    group: str
    slices: tuple[str, ...]
    rows: slice


class Stored(NamedTuple):
    """All polygons of a build where they lie: the store, the chunks, the number of each row, those in no slice (last)."""

    store: Path
    parts: list[Part]
    numbers: np.ndarray
    asides: np.ndarray


def parts_of(
    own: dict[str, list[Slice]], rows: list[int], asides: np.ndarray, groups: np.ndarray
) -> list[Part]:
    """Chunks of about ``tiles.CHUNK`` corners.

    own : the slices of each layer; rows : of each slice, one after the other; asides, groups : polygons in no slice, and
    the group of each, equal ones side by side
    """
    parts, stop = [], np.cumsum([0, *rows])
    at = 0
    for layer, slices in own.items():
        corners = np.cumsum([0] + [one.corners for one in slices[:-1]]) // tiles.CHUNK
        for some in np.split(np.arange(len(slices)), np.flatnonzero(np.diff(corners)) + 1) if slices else ():
            names = tuple(slices[i].name for i in some)
            parts.append(Part(layer, names, slice(stop[at], stop[at + len(some)])))
            at += len(some)
    for chunk in tiles.in_chunks(asides, groups):
        first = int(stop[-1] + chunk.numbers[0])
        parts.append(Part(chunk.group, (), slice(first, first + len(chunk.numbers))))
    return parts


def each_stored(scratch: Path, stored: Stored, grid: Grid, runner: dict) -> Each:
    """Calls steps with the chunks, by whoever does the jobs of the build; what was done before is not done again."""
    jobs.save(scratch / STORED_FILE, (stored, grid))
    turns = count()

    def each(step: Callable, given: Any) -> list[tuple[str, Any]]:
        name = f"step{next(turns)}"
        jobs.save(scratch / f"{name}.pickle", (step, given))
        tasks = [f"{name}-{number:06d}" for number in range(len(stored.parts))]
        found = run_jobs(chunk_job, scratch, tasks, runner, Message("house.progress.chunks"))
        return [(part.group, result) for part, result in zip(stored.parts, found, strict=True)]

    return each


def chunk_job(folder: str, task: str) -> str:
    """Call a step with the lines of one chunk; returns the name of the file of its result.

    task : name of the step and number of the chunk. Raises NotCertified as the step does.
    """
    path = Path(folder) / f"done-{task}.pickle"
    if not path.exists():
        name, _, number = task.rpartition("-")
        step, given = _shared(f"{folder}/{name}.pickle")
        jobs.save(path, step(lines_of_part(Path(folder), int(number)), int(number), given))
    return path.name


def lines_of_part(folder: Path, number: int) -> Lines:
    """The lines of a chunk, read from the store the first time; so are the sizes of its polygons."""
    path = folder / LINES.format(number)
    if not path.exists():
        stored, grid = _shared(f"{folder}/{STORED_FILE}")
        part = stored.parts[number]
        numbers = stored.numbers[part.rows]
        if part.slices:
            tables = [get(stored.store, name, ["geometry"])["geometry"] for name in part.slices]
            polygons = shapely.from_wkb(np.concatenate([column.to_numpy() for column in tables]))
        else:
            polygons = stored.asides[numbers - (len(stored.numbers) - len(stored.asides))]
        jobs.save(folder / SIZES.format(number), sizes_of(polygons))
        jobs.save(path, read_lines(polygons, grid, numbers))
    return jobs.load(path)


def sizes_by_number(scratch: Path, stored: Stored) -> np.ndarray:
    """What :func:`sizes_of` says of all polygons, by number, once their lines have been read."""
    sizes = np.empty((2, len(stored.numbers)))
    for number, part in enumerate(stored.parts):
        sizes[:, stored.numbers[part.rows]] = jobs.load(scratch / SIZES.format(number))
    return sizes


def _shared(path: str) -> Any:
    return _loaded(path, os.stat(path).st_mtime_ns)


@lru_cache(maxsize=2)
def _loaded(path: str, written: int) -> Any:
    return jobs.load(Path(path))
