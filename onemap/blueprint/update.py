"""A blueprint brought up to date: only the tiles that a change concerns are worked out again, to the same bytes."""

from __future__ import annotations

import logging
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import shapely

from onemap.blueprint import jobs, kept
from onemap.blueprint.arrangement import check_areas, runs, sizes_of
from onemap.blueprint.before import Before, frame_of
from onemap.blueprint.change import Changed, compare, near_tiles, summed_squares, tiles_concerned
from onemap.blueprint.edges import Grid, NotCertified, fit_grid
from onemap.blueprint.errands import batches, gathered, run_jobs
from onemap.blueprint.layout import Layout, Squares, finest_squares, tile_at
from onemap.blueprint.objects import to_table
from onemap.blueprint.register import placed_rows
from onemap.blueprint.slices import Slice, boxes_of, differing, features_of
from onemap.blueprint.staying import conflicts_after, conflicts_of, marks_after, parts_of, seams_beside
from onemap.blueprint.store import meet_any
from onemap.blueprint.survey import (
    Land,
    attributes_of,
    bounds_around,
    polygons_of,
    quarantine_names,
    site_for,
    survey,
)
from onemap.blueprint.tiles import (
    NO_OUTLINE,
    Outline,
    each_of,
    exchanged,
    hand_out,
    in_chunks,
    layout_of,
    long_edges,
    outlines_of,
    steps_of,
    tiles_passed,
    with_long,
)
from onemap.blueprint.walking import Walked, walk_on
from onemap.blueprint.whole import Draft, cut_of, draft_of, told
from onemap.compiled import NotCompiled
from onemap.messages import Message

log = logging.getLogger(__name__)

HALF = 0.5  # of all corners in concerned tiles, from which working out everything is no dearer


class Plan(NamedTuple):
    """What is worked out again: the tiles and those of them concerned, the outlines of all groups of polygons.

    squares : see :func:`summed_squares`; bounds : of all polygons
    """

    layout: Layout
    margin_m: float
    concerned: np.ndarray
    squares: np.ndarray
    outlines: dict[str, Outline]
    bounds: np.ndarray


def update(
    old: Before, layers, own: dict[str, list[Slice]], extents, rulebook, scratch: Path, runner: dict
) -> tuple[Draft, pa.Table] | None:
    """What a full build would give, from what the change concerns: the draft and the table of conflicts.

    layers : of whose features only the CRS is asked; own : the slices of these, in the store; extents : dissolved;
    scratch : of the full build, beside which this one keeps its own, since numbers mean other polygons here. None where
    a full build is no more work or nothing less is proven.
    Raises :class:`DamagedError` for a version that cannot be read.
    """
    scratch = scratch.with_name(f"{scratch.name}-from-{old.listed['manifest']['version']}")
    scratch.mkdir(parents=True, exist_ok=True)
    try:
        plan = plan_of(old, layers, own, extents)
        return plan and worked_out(old, plan, layers, own, extents, rulebook, scratch, runner)
    except (NotCertified, NotCompiled) as reason:
        log.warning("the change could not be worked out on its own (%s); all is worked out instead", reason)
        return None


def worked_out(
    old: Before, plan: Plan, layers, own: dict[str, list[Slice]], extents, rulebook, scratch: Path, runner
) -> tuple[Draft, pa.Table] | None:
    """The draft and the table of conflicts from the concerned tiles and all that stays; None as :func:`hand_out` says."""
    crs = layers.features.crs
    land, long = land_near(plan, layers, own, extents, rulebook, scratch.parent)
    polygons, groups = polygons_of(land)
    each = each_of(in_chunks(polygons, groups), plan.layout.grid)
    given = hand_out(each, plan.layout, plan.margin_m, long, scratch, plan.concerned)
    if given is None:
        return None
    site = site_for(scratch.parent, land, plan.bounds, crs, rulebook, given)
    jobs.prepare_site(scratch, site, attributes_of(land))
    results = run_jobs(jobs.tile_job, scratch, batches(given), runner, Message("house.progress.tiles"))
    check_inside(polygons, plan, results)
    walked = walk_on(old, plan.layout, plan.concerned, land.names, results)
    keys = {tuple(key) for key in plan.layout.keys[~plan.concerned].tolist()}
    inner = [row for row in old.rows if row.part == "inner"]
    stay, dropped = ([row for row in inner if (row.key in keys) == keep] for keep in (True, False))
    held, lost = seams_beside(old, walked)
    results.append(seam_result(scratch, walked, land.names, plan.layout, held))
    stay += [row for row in old.rows if row.part == "seam" and row.key not in walked.owners]
    fresh = draft_of(results, {})
    ids = (
        lost
        | conflicts_of(old, dropped)
        | {i for part in fresh.parts for i in part["conflict_id"].to_pylist()}
    )
    marks = kept.get_marks(old.folder, old.listed["tables"]["marks"])
    rest, where = parts_of(old, stay, held, ids, marks)
    cut = cut_of(scratch.parent, given, plan.outlines, walked.shards, plan.bounds, old.listed["cut"]["tile"])
    marks = marks_after(marks, ids, [fresh.marks, where])
    parts = [*fresh.parts, rest]
    conflicts = conflicts_after(old, ids, parts, land.features, rulebook, crs)
    return Draft(stay + fresh.rows, parts, marks, cut), conflicts


def plan_of(old: Before, layers, own: dict[str, list[Slice]], extents) -> Plan | None:
    """Lay out the tiles anew and find those that the change concerns; None where it concerns too many, or all."""
    cut, crs = old.listed["cut"], layers.features.crs
    placed = placed_rows(layers.quarantine)
    asides = np.concatenate([placed.geometry, extents.geometry]).astype(object)
    bounds = bounds_around(chain(*own.values()), asides)
    if bounds.tolist() != cut["bounds"]:
        return None
    grid, squares = fit_grid(bounds), finest_squares(bounds)
    if told(squares) != cut["squares"]:
        return None
    changes = changes_of(old, own, placed, extents, crs)
    outlines = outlines_after(old, changes, grid, squares)
    layout, margin = layout_of(outlines.values(), squares, grid, cut["tile"])
    if margin != cut["margin_m"]:
        return None
    before, _ = layout_of(old.outlines.values(), squares, grid, cut["tile"])
    known = {tuple(key) for key in before.keys.tolist()}
    boxes = np.concatenate([change.boxes for change in changes.values()])
    long = long_edges([*old.outlines.values(), *outlines.values()])
    concerned = tiles_concerned(layout, known, boxes, margin, long)
    square = concerned[layout.tile_of].ravel()
    corners = sum(int(outline.corners[square[outline.squares]].sum()) for outline in outlines.values())
    if corners > HALF * sum(int(outline.corners.sum()) for outline in outlines.values()):
        return None
    return Plan(layout, margin, concerned, summed_squares(layout, concerned), outlines, bounds)


def changes_of(old: Before, own: dict[str, list[Slice]], placed, extents, crs) -> dict[str, Changed]:
    """What differs from the old version, for every group of polygons. placed : quarantined rows that have a place"""
    asides = {
        kept.QUARANTINE: ("name", named(placed_rows(frame_of(old, "quarantine"))), named(placed)),
        kept.EXTENTS: ("layer", frame_of(old, "extents"), extents),
    }
    features = {
        layer: compare(gone, came, "feature_id")
        for layer, (gone, came) in differing(old.folder, old.slices, own).items()
    }
    return features | {
        group: compare(*(to_table(frame[[key, "geometry"]], crs) for frame in frames), key)
        for group, (key, *frames) in asides.items()
    }


def outlines_after(
    old: Before, changes: dict[str, Changed], grid: Grid, squares: Squares
) -> dict[str, Outline]:
    """The outlines of all groups after the changes, from the old ones and what went and came."""
    sides = [(group, side) for group in changes for side in ("gone", "came")]
    shapes = [getattr(changes[group], side) for group, side in sides]
    names = np.empty(len(sides), dtype=object)
    names[:] = sides
    chunks = in_chunks(np.concatenate(shapes), np.repeat(names, [len(part) for part in shapes]))
    each = each_of(chunks, grid)
    swapped = with_long(outlines_of(each, grid, squares), each, grid, old.listed["cut"]["margin_m"])
    outlines = dict(old.outlines)
    for group in changes:
        gone, came = (swapped.get((group, side), NO_OUTLINE) for side in ("gone", "came"))
        outlines[group] = exchanged(outlines.get(group, NO_OUTLINE), gone, came)
    return {group: outline for group, outline in outlines.items() if len(outline.squares)}


def named(placed) -> gpd.GeoDataFrame:
    """Placed quarantined rows by name."""
    return gpd.GeoDataFrame(
        {"name": pd.Series(quarantine_names(placed), dtype=object)}, geometry=placed.geometry.to_numpy()
    )


def land_near(
    plan: Plan, layers, own: dict[str, list[Slice]], extents, rulebook, folder: Path
) -> tuple[Land, np.ndarray]:
    """The polygons that concerned tiles need: those near them, and those that meet a long edge which passes them.

    Returns also the long edges of all groups (in metres).
    """
    long = long_edges(plan.outlines.values())
    grid = plan.layout.grid
    start, passed = tiles_passed(steps_of(long, grid), plan.layout)
    edge = np.repeat(np.arange(len(long)), np.diff(start))
    passing = np.unique(edge[plan.concerned[passed] & (np.diff(start) > 1)[edge]])
    lines = shapely.linestrings(long[passing].reshape(-1, 2, 2))

    def needed(bounds: np.ndarray) -> np.ndarray:
        chosen, _ = near_tiles(bounds, plan.layout, plan.squares, plan.margin_m)
        if len(lines):
            maybe = np.flatnonzero(~chosen & meet_any(bounds, shapely.bounds(lines) + [-1.0, -1.0, 1.0, 1.0]))
            grown = bounds[maybe] + np.array([-1.0, -1.0, 1.0, 1.0]) * 8 * grid.step.max()
            met = shapely.STRtree(lines).query(shapely.box(*grown.T), predicate="intersects")[0]
            chosen[maybe[met]] = True
        return chosen

    slices = [one for layer in own.values() for one in layer]
    near = [slices[i].name for i in np.flatnonzero(needed(boxes_of(slices)))]
    found = features_of(folder, near, layers.features.crs, needed)
    return survey(found, layers.quarantine, extents, layers.sources, rulebook), long


def check_inside(polygons: np.ndarray, plan: Plan, results) -> None:
    """Refuse when the faces of a polygon that lies wholly in concerned tiles, and in none across, do not add up."""
    got = np.zeros(len(polygons))
    for result in results:
        got[result.polygon] += result.planar
    across = np.zeros(len(polygons), dtype=bool)
    across[gathered(results, "open").polygons] = True
    _, inside = near_tiles(shapely.bounds(polygons), plan.layout, plan.squares, plan.margin_m)
    whole = inside & ~across
    check_areas(sizes_of(polygons[whole]), got[whole], plan.layout.grid)


def seam_result(scratch: Path, walked: Walked, names: np.ndarray, layout: Layout, held: dict) -> jobs.Result:
    """Write the new faces across tiles, and those that stay beside them. names : of the polygons that jobs know"""
    found, fresh = walked.found, np.flatnonzero(walked.fresh)
    begin = np.cumsum(found.counts) - found.counts
    polygons = found.polygons[runs(begin[fresh], found.counts[fresh])]
    polygons = pd.Index(names).get_indexer(walked.names)[polygons]
    owner = tile_at(layout, found.lowest[fresh]) if len(fresh) else np.empty(0, dtype=np.int64)
    written = jobs.write_faces(
        str(scratch), found.faces[fresh], found.counts[fresh], polygons, owner, layout.keys, "seam", held
    )
    return jobs.only_faces(*written)
