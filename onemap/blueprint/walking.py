"""The walks over tiles that stay, and how those of concerned tiles go on with them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from onemap.blueprint.arrangement import Trails
from onemap.blueprint.before import Before
from onemap.blueprint.change import split_walks
from onemap.blueprint.derive import face_ids
from onemap.blueprint.edges import Grid
from onemap.blueprint.errands import gathered
from onemap.blueprint.kept import (
    NOBODY,
    Shard,
    Stitched,
    boxes_of,
    get_index,
    get_walks,
    join_stitched,
    named_alike,
    put_walks,
    stitched_of,
    take_stitched,
)
from onemap.blueprint.layout import Layout, tile_at
from onemap.blueprint.seams import Seams, follow, join_trails, stitch, successors
from onemap.blueprint.store import meet_any
from onemap.blueprint.tiles import metres_of


class Walked(NamedTuple):
    """Faces across tiles near a change, as stitched, and which of them are new; what of the stored ones is gone.

    names : of the polygons by number; gone : ids of faces; owners : keys of tiles across which faces are new or gone;
    shards : of all walks after the change. A stored face that is not gone stays as it is.
    """

    found: Seams
    fresh: np.ndarray
    names: np.ndarray
    gone: set[str]
    owners: set[tuple]
    shards: list[Shard]


def walk_on(old: Before, layout: Layout, concerned: np.ndarray, names: np.ndarray, results) -> Walked:
    """Stitch the walks of concerned tiles to those that were kept of the others.

    names : of the polygons that the results know by number. Stored walks are stitched again only where they meet the
    bounds of walks that come or go, or lie inside one that does: no other face can change. Raises NotCertified as
    :func:`stitch` does.
    """
    grid, shards = layout.grid, get_index(old.folder, old.listed["cut"]["walks"])
    cut = get_walks(old.folder, reached(shards, layout.boxes[concerned], grid), grid)
    cut_off, pieces = split_walks(cut.trails, layout, concerned)
    began, loose = (gathered(results, name) for name in ("open", "loose"))
    (began, loose, pieces), names = named_alike([(began, names), (loose, names), (pieces, cut.names)])
    began = join_trails([began, pieces])
    boxes = np.concatenate([boxes_of_links(began), boxes_of(loose), cut.box[cut_off]])
    walks, near = walks_near(old, shards, boxes, grid)
    lost = np.isin(walks.walk_id, cut.walk_id[cut_off])
    stay = take_stitched(walks, np.flatnonzero(near & ~lost))
    (began, loose, again), names = named_alike([(began, names), (loose, names), (stay.trails, stay.names)])
    found = stitch(grid, began, join_trails([loose, again]))
    face, around = found.cycles.face, found.cycles.around
    first = len(face) - len(stay.walk_id)  # from here on the walks that stay, in their order
    ids = np.append(np.zeros(first, dtype=np.uint64), stay.walk_id)
    moved = np.append(ids, NOBODY)[around[first:]] != stay.around
    touched = np.arange(len(face)) < first
    touched[around[:first][around[:first] >= 0]] = True
    touched[around[first:][moved & (around[first:] >= 0)]] = True
    touched |= np.isin(ids, [*stay.around[moved], *walks.around[lost]]) & (ids != NOBODY)
    fresh = np.zeros(len(found.faces), dtype=bool)
    fresh[face[(face >= 0) & touched]] = True
    face_id = np.empty(len(found.faces), dtype=object)
    staying = np.flatnonzero((face >= 0) & ~touched)
    face_id[face[staying]] = stay.face_id[staying - first]
    face_id[fresh] = face_ids(found.faces[fresh])
    before = np.concatenate([walks.face_id[lost], stay.face_id[touched[first:]]])
    owner = np.concatenate([walks.owner[lost], stay.owner[touched[first:]]])
    a_face = np.array([one is not None for one in before], dtype=bool)
    owners = np.concatenate([owner[a_face], layout.keys[tile_at(layout, found.lowest[fresh])]])
    after = stitched_of(found.cycles, layout, names, face_id)
    changed = np.append(np.ones(first, dtype=bool), moved | touched[first:])
    keys = keyed(walks.owner[lost]) | keyed(after.owner[changed])
    rest = take_stitched(walks, np.flatnonzero(~near & ~lost))
    shards = shards_after(old, shards, keys, after, rest, cut.walk_id[cut_off], grid)
    return Walked(found, fresh, names, set(before[a_face]), keyed(owners), shards)


def keyed(owners: np.ndarray) -> set[tuple]:
    """Keys of tiles as a set."""
    return {tuple(key) for key in owners.tolist()}


def reached(shards: list[Shard], boxes: np.ndarray, grid: Grid) -> list[Shard]:
    """The shards whose bounds meet any of the boxes (in steps)."""
    bounds = np.array([shard.bounds for shard in shards]).reshape(-1, 4)
    return [shards[i] for i in np.flatnonzero(meet_any(bounds, metres_of(boxes, grid)))]


def walks_near(
    old: Before, shards: list[Shard], boxes: np.ndarray, grid: Grid
) -> tuple[Stitched, np.ndarray]:
    """Stored walks around the boxes (in steps), and which of them are near: they meet a box, or lie in one that does."""
    met = reached(shards, boxes, grid)
    walks = get_walks(old.folder, met, grid)
    shells = set(walks.walk_id[meet_any(walks.box, boxes) & walks.shell].tolist())
    read = {shard.walks for shard in met}
    inside = [shard for shard in shards if shard.walks not in read and not shells.isdisjoint(shard.around)]
    walks = join_stitched([walks, get_walks(old.folder, inside, grid)])
    near = meet_any(walks.box, boxes)
    return walks, near | np.isin(walks.around, walks.walk_id[near & walks.shell])


def boxes_of_links(began: Trails) -> np.ndarray:
    """The bounds of each cycle that open walks make, linked end to end."""
    cycle, _, cycles = follow(successors(began))
    each = boxes_of(began)
    boxes = np.tile([np.inf, np.inf, -np.inf, -np.inf], (cycles, 1))
    np.minimum.at(boxes[:, :2], cycle, each[:, :2])
    np.maximum.at(boxes[:, 2:], cycle, each[:, 2:])
    return boxes


def shards_after(
    old: Before, shards: list[Shard], keys: set[tuple], after, rest, lost, grid: Grid
) -> list[Shard]:
    """The shards of all walks after a change. keys : of tiles whose walks changed; after : the walks that were stitched
    again; rest : other walks read so far; lost : ids of walks that are gone"""
    unread = get_walks(old.folder, [shard for shard in shards if shard.key in keys], grid)
    known = np.concatenate([after.walk_id, rest.walk_id, lost])
    unread = take_stitched(unread, np.flatnonzero(~np.isin(unread.walk_id, known)))
    every = join_stitched([after, rest, unread])
    own = np.array([tuple(key) in keys for key in every.owner.tolist()], dtype=bool)
    stay = [shard for shard in shards if shard.key not in keys]
    return stay + put_walks(old.folder, take_stitched(every, np.flatnonzero(own)), grid)
