"""A blueprint worked out from nothing: all tiles, what lies across them, and what is kept for the next build."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely

from onemap.blueprint import jobs, kept
from onemap.blueprint.arrangement import check_areas
from onemap.blueprint.derive import face_ids
from onemap.blueprint.edges import Grid, NotCertified
from onemap.blueprint.errands import batches, gathered, run_jobs, save_seams
from onemap.blueprint.jobs import Result
from onemap.blueprint.layout import Layout, Squares, finest_squares, lay_out
from onemap.blueprint.overlay import COMPILED_FROM, overlay
from onemap.blueprint.seams import Seams, stitch
from onemap.blueprint.survey import Land, attributes_of, site_for
from onemap.blueprint.tiles import Outline, Spread, bounds_of, in_chunks, spread
from onemap.compiled import NotCompiled

log = logging.getLogger(__name__)


class Draft(NamedTuple):
    """A blueprint worked out but not yet published.

    rows : of the list of tiles; parts : what they hold of conflicts; marks : in which tables; cut : how it was cut into
    tiles, with the objects for the next build, empty where it was not
    """

    rows: list
    parts: list[pd.DataFrame]
    marks: pd.DataFrame
    cut: dict


def work_out_whole(scratch: Path, land: Land, crs, rulebook, tile: int, runner: dict) -> Draft:
    """By tiles, or all at once where there are few corners or tiles could not be proven right."""
    draft = by_tiles(scratch, land, crs, rulebook, tile, runner)
    if draft is None:
        bounds = shapely.total_bounds(land.polygons)
        site = site_for(scratch.parent, land, bounds, crs, rulebook, None)
        jobs.prepare_site(scratch, site, attributes_of(land))
        draft = draft_of(all_at_once(scratch, land.polygons, tile), {})
    return draft


def by_tiles(scratch: Path, land: Land, crs, rulebook, tile: int, runner: dict) -> Draft | None:
    """All tiles and what lies across them; None when they are not worth it or could not be proven right."""
    if shapely.get_num_coordinates(land.polygons).sum() < COMPILED_FROM:
        return None
    try:
        given, outlines = spread_once(scratch, land, crs, rulebook, tile)
        results = run_jobs(jobs.tile_job, scratch, batches(given), runner, "tiles")
        found = stitch(given.layout.grid, *(gathered(results, name) for name in ("open", "loose")))
        got = np.zeros(len(land.polygons))
        for polygon, planar in [(r.polygon, r.planar) for r in results] + [seam_sums(found)]:
            got[polygon] += planar
        check_areas(land.polygons, got, given.layout.grid)
    except (NotCertified, NotCompiled) as reason:
        log.warning("the tiles were refused (%s); all is overlaid at once instead", reason)
        return None
    results = [result._replace(open=[], loose=[]) for result in results]  # stitched: they grow with the city
    seams = save_seams(scratch, found, given.layout)
    shards = runner["crew"].beside(keep_walks, scratch.parent, found, given.layout, land.names)
    results += run_jobs(jobs.seam_job, scratch, seams, runner, "seams")
    bounds = shapely.total_bounds(land.polygons)
    return draft_of(results, cut_of(scratch.parent, given, outlines, shards(), bounds, tile))


def keep_walks(folder: Path, found: Seams, layout: Layout, names: np.ndarray) -> list[kept.Shard]:
    """Store what was stitched, for the next build. names : of each polygon by number"""
    ids = np.array(face_ids(found.faces), dtype=object)
    return kept.put_walks(folder, kept.stitched_of(found.cycles, layout, names, ids), layout.grid)


def spread_once(scratch: Path, land: Land, crs, rulebook, tile: int):
    """Hand the edges out to tiles, unless a build that was stopped has done so; returns the tiles and the outlines."""
    ready = scratch / "ready.pickle"
    if not ready.exists():
        chunks = in_chunks(land.polygons, land.groups)
        bounds = bounds_of(chunks)
        found = spread(chunks, bounds, scratch, tile)
        site = site_for(scratch.parent, land, bounds, crs, rulebook, found[0])
        jobs.prepare_site(scratch, site, attributes_of(land))
        jobs.save(ready, found)
    return jobs.load(ready)


def cut_of(
    folder: Path,
    given: Spread,
    outlines: dict[str, Outline],
    shards: list[kept.Shard],
    bounds: np.ndarray,
    tile: int,
) -> dict:
    """What the list of a version says of how it was cut into tiles, with the objects that the next build starts from.

    bounds : of all polygons
    """
    return {
        "tile": tile,
        "bounds": bounds.tolist(),
        "margin_m": given.margin_m,
        "squares": told(given.layout.squares),
        "outlines": kept.put_outlines(folder, outlines),
        "walks": kept.put_index(folder, shards),
    }


def told(squares: Squares) -> list:
    """Squares as they stand in a list of a version."""
    return [squares.level, squares.first.tolist(), list(squares.shape), squares.offset.tolist()]


def seam_sums(found: Seams) -> tuple[np.ndarray, np.ndarray]:
    """The planar areas of faces across tiles by polygon, in square steps."""
    polygon, at = np.unique(found.polygons, return_inverse=True)
    return polygon, np.bincount(at, np.repeat(found.area, found.counts), len(polygon))


def draft_of(results: list[Result], cut: dict) -> Draft:
    """The results of all jobs together."""
    parts = [result.parts for result in results]
    return Draft([row for result in results for row in result.rows], parts, marks_of(results, parts), cut)


def marks_of(results: list[Result], parts: list[pd.DataFrame]) -> pd.DataFrame:
    """In which tables each conflict has faces, and what it is between. columns : ``kept.MARKS``"""
    if not results:
        return pd.DataFrame(columns=kept.MARKS)
    lead = pd.concat(parts, ignore_index=True).drop_duplicates("conflict_id")[kept.MARKS[:-1]]
    held = pd.concat([result.marks for result in results], ignore_index=True).drop_duplicates()
    return held.merge(lead, on="conflict_id")[kept.MARKS]


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
