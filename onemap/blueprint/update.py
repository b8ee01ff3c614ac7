"""A blueprint brought up to date: only the tiles that a change concerns are worked out again, to the same bytes."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pyarrow as pa
import shapely

from onemap.blueprint import jobs, kept
from onemap.blueprint.arrangement import check_areas, runs
from onemap.blueprint.before import Before, features_of, frame_of
from onemap.blueprint.change import changed_boxes, near_tiles, tiles_concerned
from onemap.blueprint.edges import NotCertified, fit_grid
from onemap.blueprint.errands import batches, gathered, run_jobs
from onemap.blueprint.layout import Layout, finest_squares, tile_at
from onemap.blueprint.objects import to_table
from onemap.blueprint.register import placed_rows
from onemap.blueprint.staying import conflicts_of, marks_after, parts_of, seams_beside
from onemap.blueprint.survey import Land, attributes_of, quarantine_names, site_for, survey
from onemap.blueprint.tiles import (
    Outline,
    find_long,
    hand_out,
    in_chunks,
    layout_of,
    outlines_of,
    tiles_passed,
)
from onemap.blueprint.walking import Walked, walk_on
from onemap.blueprint.whole import Draft, cut_of, draft_of, told

log = logging.getLogger(__name__)

HALF = 0.5  # of all corners in concerned tiles, from which working out everything is no dearer


class Plan(NamedTuple):
    """What is worked out again: the tiles, those of them concerned, outlines and long edges (in steps) of all groups.

    bounds : of all polygons
    """

    layout: Layout
    margin_m: float
    concerned: np.ndarray
    outlines: dict[str, Outline]
    long: dict[str, np.ndarray]
    bounds: np.ndarray


def update(
    old: Before, layers, tables: dict[str, pa.Table], extents, rulebook, scratch: Path, runner: dict
) -> tuple[Draft, set[str]] | None:
    """What a full build would give, from what the change concerns; None where that is no less work.

    tables : the features of the layers that differ from the old version; extents : dissolved. Returns the draft, whose
    parts hold only the conflicts that are concerned, and the ids of these.
    """
    try:
        plan = plan_of(old, layers, tables, extents)
        if plan is None:
            return None
        land = land_near(plan, layers, extents, rulebook)
        chunks = in_chunks(land.polygons, land.groups)
        given = hand_out(chunks, plan.layout, plan.margin_m, plan.long.values(), scratch, plan.concerned)
        if given is None:
            return None
        site = site_for(scratch.parent, land, plan.bounds, layers.features.crs, rulebook, given)
        jobs.prepare_site(scratch, site, attributes_of(land))
        results = run_jobs(jobs.tile_job, scratch, batches(given), runner, "tiles")
        check_inside(land, plan, results)
        walked = walk_on(old, plan.layout, plan.concerned, land.names, results)
    except NotCertified as reason:
        log.warning("the change could not be worked out on its own (%s); all is worked out instead", reason)
        return None
    keys = {tuple(key) for key in plan.layout.keys[~plan.concerned].tolist()}
    inner = [row for row in old.rows if row.part == "inner"]
    stay, dropped = ([row for row in inner if (row.key in keys) == kept] for kept in (True, False))
    held, lost = seams_beside(old, walked)
    results.append(seam_result(scratch, walked, plan.layout, held))
    stay += [row for row in old.rows if row.part == "seam" and row.key not in walked.owners]
    fresh = draft_of(results, {})
    ids = lost | conflicts_of(old, dropped) | {i for part in fresh.parts for i in part["conflict_id"]}
    rest, where = parts_of(old, stay, held, ids)
    cycles = kept.put_cycles(scratch.parent, walked.found.cycles, plan.layout, walked.names, walked.face_id)
    cut = cut_of(
        scratch.parent, given, plan.outlines, plan.long, cycles, plan.bounds, old.listed["cut"]["tile"]
    )
    return Draft(stay + fresh.rows, [*fresh.parts, rest], marks_after(old, fresh.marks, ids, where), cut), ids


def plan_of(old: Before, layers, tables: dict[str, pa.Table], extents) -> Plan | None:
    """Lay out the tiles anew and find those that the change concerns; None where it concerns too many, or all."""
    cut, crs = old.listed["cut"], layers.features.crs
    placed = placed_rows(layers.quarantine)
    none = to_table(layers.features.iloc[:0], crs)
    boxes = [
        changed_boxes(features_of(old, layer) or none, table, "feature_id") for layer, table in tables.items()
    ]
    was = placed_rows(frame_of(old, "quarantine")), frame_of(old, "extents")
    for key, before, after in (("name", named(was[0]), named(placed)), ("layer", was[1], extents)):
        boxes.append(changed_boxes(*(to_table(f[[key, "geometry"]], crs) for f in (before, after)), key))
    shapes = {layer: shapely.from_wkb(table["geometry"].to_numpy()) for layer, table in tables.items()}
    shapes |= {kept.QUARANTINE: placed.geometry.to_numpy(), kept.EXTENTS: extents.geometry.to_numpy()}
    stay = {group: outline for group, outline in old.outlines.items() if group not in shapes}
    shapes = {group: found for group, found in shapes.items() if len(found)}
    each = [outline.bounds for outline in stay.values()] + [shapely.total_bounds(s) for s in shapes.values()]
    bounds = np.r_[np.min(each, axis=0)[:2], np.max(each, axis=0)[2:]]
    if bounds.tolist() != cut["bounds"]:
        return None
    grid = fit_grid(bounds)
    squares = finest_squares(bounds, np.array(cut["squares"][3]))
    groups = np.repeat(np.array([*shapes], dtype=object), [len(found) for found in shapes.values()])
    chunks = in_chunks(np.concatenate([*shapes.values(), np.empty(0, dtype=object)]), groups)
    outlines = stay | outlines_of(chunks, grid, squares)
    layout, margin = layout_of(outlines.values(), squares, grid, cut["tile"])
    if margin != cut["margin_m"] or told(squares) != cut["squares"]:
        return None
    scale, shift = np.tile(grid.step, 2), np.tile(grid.origin, 2)
    long = find_long(chunks, grid, margin)
    metres = np.concatenate([*old.long.values(), *(rows * scale + shift for rows in long.values())])
    long |= {group: np.rint((rows - shift) / scale) for group, rows in old.long.items() if group in stay}
    before, _ = layout_of(old.outlines.values(), squares, grid, cut["tile"])
    known = {tuple(key) for key in before.keys.tolist()}
    concerned = tiles_concerned(layout, known, np.concatenate(boxes), margin, metres)
    square = concerned[layout.tile_of].ravel()
    corners = sum(int(outline.corners[square[outline.squares]].sum()) for outline in outlines.values())
    if corners > HALF * sum(int(outline.corners.sum()) for outline in outlines.values()):
        return None
    return Plan(layout, margin, concerned, outlines, long, bounds)


def named(placed) -> gpd.GeoDataFrame:
    """Placed quarantined rows by name."""
    return gpd.GeoDataFrame({"name": quarantine_names(placed)}, geometry=placed.geometry.to_numpy())


def land_near(plan: Plan, layers, extents, rulebook) -> Land:
    """The polygons that concerned tiles need: those near them, and those that meet a long edge which passes them."""
    rows = np.concatenate([np.empty((0, 4)), *plan.long.values()])
    start, passed = tiles_passed(rows, plan.layout)
    edge = np.repeat(np.arange(len(rows)), np.diff(start))
    passing = np.unique(edge[plan.concerned[passed] & (np.diff(start) > 1)[edge]])
    grid, own = plan.layout.grid, layers.features
    bounds = shapely.bounds(own.geometry.to_numpy())
    chosen, _ = near_tiles(bounds, plan.layout, plan.concerned, plan.margin_m)
    if len(passing):
        metres = rows[passing] * np.tile(grid.step, 2) + np.tile(grid.origin, 2)
        rest = np.flatnonzero(~chosen)
        grown = bounds[rest] + np.array([-1.0, -1.0, 1.0, 1.0]) * 8 * grid.step.max()
        tree = shapely.STRtree(shapely.linestrings(metres.reshape(-1, 2, 2)))
        chosen[rest[tree.query(shapely.box(*grown.T), predicate="intersects")[0]]] = True
    return survey(own[chosen], layers.quarantine, extents, layers.sources, rulebook)


def check_inside(land: Land, plan: Plan, results) -> None:
    """Refuse when the faces of a polygon that lies wholly in concerned tiles, and in none across, do not add up."""
    got = np.zeros(len(land.polygons))
    for result in results:
        got[result.polygon] += result.planar
    across = np.zeros(len(land.polygons), dtype=bool)
    across[gathered(results, "open").polygons] = True
    _, inside = near_tiles(shapely.bounds(land.polygons), plan.layout, plan.concerned, plan.margin_m)
    whole = inside & ~across
    check_areas(land.polygons[whole], got[whole], plan.layout.grid)


def seam_result(scratch: Path, walked: Walked, layout: Layout, held: dict) -> jobs.Result:
    """Write the new faces across tiles, and those that stay beside them."""
    found, fresh = walked.found, np.flatnonzero(walked.fresh)
    begin = np.cumsum(found.counts) - found.counts
    polygons = found.polygons[runs(begin[fresh], found.counts[fresh])]
    owner = tile_at(layout, found.lowest[fresh]) if len(fresh) else np.empty(0, dtype=np.int64)
    written = jobs.write_faces(
        str(scratch), found.faces[fresh], found.counts[fresh], polygons, owner, layout.keys, "seam", held
    )
    return jobs.only_faces(*written)
