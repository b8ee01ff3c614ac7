"""A blueprint worked out: all tiles and what lies across them, or all at once."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import shapely

from onemap.blueprint import jobs
from onemap.blueprint.arrangement import check_areas
from onemap.blueprint.edges import Grid, NotCertified
from onemap.blueprint.errands import batches, gathered, run_jobs, save_seams
from onemap.blueprint.jobs import Result
from onemap.blueprint.layout import finest_squares, lay_out
from onemap.blueprint.overlay import COMPILED_FROM, overlay
from onemap.blueprint.seams import Seams, stitch
from onemap.blueprint.survey import Land, attributes_of, site_for
from onemap.blueprint.tiles import Spread, bounds_of, in_chunks, spread

log = logging.getLogger(__name__)


def work_out_whole(scratch: Path, land: Land, crs, rulebook, tile: int, runner: dict) -> list[Result]:
    """By tiles, or all at once where there are few corners or tiles could not be proven right."""
    results = by_tiles(scratch, land, crs, rulebook, tile, runner)
    if results is None:
        bounds = shapely.total_bounds(land.polygons)
        site = site_for(scratch.parent, land, bounds, crs, rulebook, None)
        jobs.prepare_site(scratch, site, attributes_of(land))
        results = all_at_once(scratch, land.polygons, tile)
    return results


def by_tiles(scratch: Path, land: Land, crs, rulebook, tile: int, runner: dict) -> list[Result] | None:
    """All tiles and what lies across them; None when they are not worth it or could not be proven right."""
    if shapely.get_num_coordinates(land.polygons).sum() < COMPILED_FROM:
        return None
    try:
        given = spread_once(scratch, land, crs, rulebook, tile)
        results = run_jobs(jobs.tile_job, scratch, batches(given), runner, "tiles")
        found = stitch(given.layout.grid, *(gathered(results, name) for name in ("open", "loose")))
        got = np.zeros(len(land.polygons))
        for polygon, planar in [(r.polygon, r.planar) for r in results] + [seam_sums(found)]:
            got[polygon] += planar
        check_areas(land.polygons, got, given.layout.grid)
    except NotCertified as reason:
        log.warning("the tiles were refused (%s); all is overlaid at once instead", reason)
        return None
    return results + run_jobs(
        jobs.seam_job, scratch, save_seams(scratch, found, given.layout), runner, "seams"
    )


def spread_once(scratch: Path, land: Land, crs, rulebook, tile: int) -> Spread:
    """Hand the edges out to tiles, unless a build that was stopped has done so."""
    ready = scratch / "ready.pickle"
    if not ready.exists():
        chunks = in_chunks(land.polygons)
        bounds = bounds_of(chunks)
        given = spread(chunks, bounds, scratch, tile)
        jobs.prepare_site(
            scratch, site_for(scratch.parent, land, bounds, crs, rulebook, given), attributes_of(land)
        )
        jobs.save(ready, given)
    return jobs.load(ready)


def seam_sums(found: Seams) -> tuple[np.ndarray, np.ndarray]:
    """The planar areas of faces across tiles by polygon, in square steps."""
    polygon, at = np.unique(found.polygons, return_inverse=True)
    return polygon, np.bincount(at, np.repeat(found.area, found.counts), len(polygon))


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
