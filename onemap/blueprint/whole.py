"""A blueprint worked out from nothing: all tiles, what lies across them, and what is kept for the next build."""

from __future__ import annotations

import logging
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import shapely

from onemap.blueprint import jobs, kept
from onemap.blueprint.arrangement import check_areas
from onemap.blueprint.chunks import LINES, Stored, each_stored, parts_of, sizes_by_number
from onemap.blueprint.derive import face_ids
from onemap.blueprint.edges import Grid, NotCertified, fit_grid
from onemap.blueprint.errands import batches, gathered, run_jobs, save_seams
from onemap.blueprint.jobs import Result
from onemap.blueprint.layout import Layout, Squares, finest_squares, lay_out
from onemap.blueprint.objects import WRITING, get, to_frame, to_table
from onemap.blueprint.overlay import COMPILED_FROM, overlay
from onemap.blueprint.register import order_by_number
from onemap.blueprint.seams import Seams, stitch
from onemap.blueprint.sheets import ATTRIBUTES
from onemap.blueprint.slices import Slice, features_of
from onemap.blueprint.survey import Land, bounds_around, site_for, survey
from onemap.blueprint.tiles import Outline, Spread, spread
from onemap.compiled import NotCompiled
from onemap.frames import empty
from onemap.messages import Message

log = logging.getLogger(__name__)

NAMED = ["feature_id", "layer", "class_code"]  # what conflicts say of features


class Draft(NamedTuple):
    """A blueprint worked out but not yet published.

    rows : of the list of tiles; parts : what they hold of conflicts; marks : in which tables; cut : how it was cut into
    tiles, with the objects for the next build, empty where it was not
    """

    rows: list
    parts: list[pa.Table]
    marks: pd.DataFrame
    cut: dict


def work_out_whole(
    scratch: Path, own: dict[str, list[Slice]], layers, extents, rulebook, tile: int, runner: dict
) -> tuple[Draft, Land]:
    """By tiles, or all at once where there are few corners or tiles could not be proven right.

    own : the slices of features, in the store; layers : of whose features only the CRS is asked; extents : dissolved
    """
    store, crs, slices = scratch.parent, layers.features.crs, [*chain(*own.values())]
    tables = [get(store, one.name, ATTRIBUTES) for one in slices]
    rows = [table.num_rows for table in tables]
    attributes = pa.concat_tables(tables) if tables else to_table(empty(ATTRIBUTES))
    del tables
    order = order_by_number(to_frame(attributes.select(NAMED), NAMED))
    attributes = attributes.take(pa.array(order)).combine_chunks().replace_schema_metadata(None)
    land = survey(to_frame(attributes, ATTRIBUTES), layers.quarantine, extents, layers.sources, rulebook)
    land = land._replace(features=land.features[NAMED])  # all the words of a city's features take much memory
    site = site_for(store, land, bounds_around(slices, land.asides), crs, rulebook, None)
    jobs.prepare_site(scratch, site, attributes)
    del attributes
    draft = None
    if sum(one.corners for one in slices) + shapely.get_num_coordinates(land.asides).sum() >= COMPILED_FROM:
        numbers = np.r_[np.argsort(order), np.arange(len(order), len(land.names))].astype(np.int32)
        parts = parts_of(own, rows, land.asides, land.aside_groups)
        stored = Stored(site.store, parts, numbers, land.asides)
        draft = by_tiles(scratch, land, stored, site, tile, runner)
    if draft is None:
        jobs.save(scratch / jobs.SITE_FILE, site)
        shapes = features_of(store, (one.name for one in slices), crs).geometry.to_numpy()
        polygons = np.concatenate([shapes[order], land.asides]).astype(object)
        draft = draft_of(all_at_once(scratch, polygons, tile), {})
    return draft, land


def by_tiles(
    scratch: Path, land: Land, stored: Stored, site: jobs.Site, tile: int, runner: dict
) -> Draft | None:
    """All tiles and what lies across them; None when they could not be proven right."""
    try:
        given, outlines = spread_once(scratch, stored, site, tile, runner)
        results = run_jobs(jobs.tile_job, scratch, batches(given), runner, Message("house.progress.tiles"))
        found = stitch(given.layout.grid, *(gathered(results, name) for name in ("open", "loose")))
        got = np.zeros(len(land.names))
        for polygon, planar in [(r.polygon, r.planar) for r in results] + [seam_sums(found)]:
            got[polygon] += planar
        check_areas(sizes_by_number(scratch, stored), got, given.layout.grid)
    except (NotCertified, NotCompiled) as reason:
        log.warning("the tiles were refused (%s); all is overlaid at once instead", reason)
        return None
    results = [result._replace(open=[], loose=[]) for result in results]  # stitched: they grow with the city
    seams = save_seams(scratch, found, given.layout)
    shards = runner["crew"].beside(keep_walks, scratch.parent, found, given.layout, land.names)
    results += run_jobs(jobs.seam_job, scratch, seams, runner, Message("house.progress.seams"))
    return draft_of(results, cut_of(scratch.parent, given, outlines, shards(), site.bounds, tile))


def spread_once(
    scratch: Path, stored: Stored, site: jobs.Site, tile: int, runner: dict
) -> tuple[Spread, dict[str, Outline]]:
    """Hand the edges out to tiles, unless a build that was stopped has done so; returns the tiles and the outlines."""
    ready = scratch / "ready.pickle"
    if not ready.exists():
        grid = fit_grid(site.bounds)
        found = spread(each_stored(scratch, stored, grid, runner), grid, site.bounds, scratch, tile)
        jobs.save(ready, found)
        for path in scratch.glob(LINES.format("*")):
            path.unlink()
    found = jobs.load(ready)
    jobs.save(scratch / jobs.SITE_FILE, site._replace(spread=found[0]))
    return found


def keep_walks(folder: Path, found: Seams, layout: Layout, names: np.ndarray) -> list[kept.Shard]:
    """Store what was stitched, for the next build. names : of each polygon by number"""
    ids = np.array(face_ids(found.faces), dtype=object)
    return kept.put_walks(folder, kept.stitched_of(found.cycles, layout, names, ids), layout.grid)


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
        "writing": WRITING,
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


def marks_of(results: list[Result], parts: list[pa.Table]) -> pd.DataFrame:
    """In which tables each conflict has faces, and what it is between. columns : ``kept.MARKS``"""
    if not results:
        return pd.DataFrame(columns=kept.MARKS)
    lead = pa.concat_tables([part.select(kept.MARKS[:-1]) for part in parts]).to_pandas()
    lead = lead.drop_duplicates("conflict_id")
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
