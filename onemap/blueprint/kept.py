"""What a build keeps for the next one, so that a change in one place redoes that place: outlines, walks, marks."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from onemap.blueprint.arrangement import Trails, runs
from onemap.blueprint.edges import Grid
from onemap.blueprint.layout import Layout, tile_at
from onemap.blueprint.objects import get, put
from onemap.blueprint.seams import Cycles, covers_of, join_trails
from onemap.blueprint.tiles import Outline, metres_of

QUARANTINE, EXTENTS = "~quarantine", "~extents"  # groups of polygons beside the layers
MARKS = ["conflict_id", "row", "a", "b", "layer_b", "table"]
OWNERS = 64  # whose walks are put into tables at a time
NOBODY = np.uint64(0)  # stands for no walk where the id of one could


class Stitched(NamedTuple):
    """Closed walks over tiles, one entry per walk unless said otherwise.

    trails : places in steps, from the lowest westernmost one, and what covers the walks as positions in ``names``;
    walk_id : from the places alone; around : the walk that each hole lies in, or ``NOBODY``; shell : whether it runs
    around what it bounds; face_id : of the walks around faces, else None; owner : key of the tile of its first place;
    box : west, south, east, north in steps
    """

    trails: Trails
    names: np.ndarray
    walk_id: np.ndarray
    around: np.ndarray
    shell: np.ndarray
    face_id: np.ndarray
    owner: np.ndarray
    box: np.ndarray


class Shard(NamedTuple):
    """The walks that a tile owns: its key, their object, their bounds in metres, and the walks that holes of it lie in."""

    key: tuple[int, int, int]
    walks: str
    bounds: tuple[float, float, float, float]
    around: tuple[int, ...]


def put_outlines(folder: Path, outlines: dict[str, Outline]) -> dict[str, str]:
    """One object per group of polygons."""
    return {
        group: put(folder, pa.table({name: [values.ravel()] for name, values in outline._asdict().items()}))
        for group, outline in sorted(outlines.items())
    }


def get_outline(folder: Path, name: str) -> Outline:
    """The outline of a group."""
    table = get(folder, name)
    found = Outline(*(table[c].chunk(0).flatten().to_numpy() for c in Outline._fields))
    return found._replace(long=found.long.reshape(-1, 4))


def stitched_of(cycles: Cycles, layout: Layout, names: np.ndarray, face_id: np.ndarray) -> Stitched:
    """Walks as they are kept. names : of each polygon by number; face_id : of each face"""
    trails = cycles.trails
    walk_id = ids_of(trails.xy * layout.grid.step + layout.grid.origin, trails.start)
    first = trails.xy[trails.start[:-1]]
    return Stitched(
        trails,
        names,
        walk_id,
        np.append(walk_id, NOBODY)[cycles.around],
        cycles.shell,
        np.append(face_id, None)[cycles.face],
        layout.keys[tile_at(layout, first)] if len(first) else np.empty((0, 3), dtype=np.int64),
        cycles.box,
    )


def ids_of(metres: np.ndarray, start: np.ndarray) -> np.ndarray:
    """The id of each walk, from its places (in metres) alone."""
    cuts = zip(start[:-1], start[1:], strict=True)
    digests = b"".join(hashlib.blake2b(metres[a:b].tobytes(), digest_size=8).digest() for a, b in cuts)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def put_walks(folder: Path, kept: Stitched, grid: Grid) -> list[Shard]:
    """Walks as objects, one per owner, in an order that follows from them alone; some owners in memory at a time."""
    owner, number = np.unique(kept.owner, axis=0, return_inverse=True)
    shards = []
    for start in range(0, len(owner), OWNERS):
        chosen = np.flatnonzero((number >= start) & (number < start + OWNERS))
        shards += _put_some(folder, take_stitched(kept, chosen), grid)
    return shards


def _put_some(folder: Path, kept: Stitched, grid: Grid) -> list[Shard]:
    owner, number = np.unique(kept.owner, axis=0, return_inverse=True)
    first = kept.trails.xy[kept.trails.start[:-1]]
    order = np.lexsort((kept.walk_id, first[:, 1], first[:, 0], number))
    length, (counts, polygons) = np.diff(kept.trails.start)[order], covers_of(kept.trails, order)
    metres = kept.trails.xy[runs(kept.trails.start[:-1][order], length)] * grid.step + grid.origin
    covers = pa.array(kept.names[polygons], type=pa.string())
    table = pa.table(
        {
            "places": listed(2 * length, pa.array(metres.ravel())),
            "covers": listed(counts, covers),
            "around": pa.array(kept.around[order]),
            "shell": pa.array(kept.shell[order]),
            "face_id": pa.array(kept.face_id[order], type=pa.string()),
        }
    )
    box = metres_of(kept.box[order], grid)
    begin = np.searchsorted(number[order], np.arange(len(owner) + 1))
    shards = []
    for key, a, b in zip(owner.tolist(), begin[:-1], begin[1:], strict=True):
        bounds = np.r_[box[a:b, :2].min(axis=0), box[a:b, 2:].max(axis=0)]
        around = np.unique(kept.around[order[a:b]])
        around = tuple(around[around != NOBODY].tolist())
        shards.append(Shard(tuple(key), put(folder, table.slice(a, b - a)), tuple(bounds.tolist()), around))
    return shards


def listed(lengths: np.ndarray, values: pa.Array) -> pa.ListArray:
    """Values one after the other as lists of these lengths."""
    return pa.ListArray.from_arrays(pa.array(np.r_[0, np.cumsum(lengths)].astype(np.int32)), values)


def get_walks(folder: Path, shards: list[Shard], grid: Grid) -> Stitched:
    """The walks of some tiles."""
    tables = [get(folder, shard.walks) for shard in shards]
    if not tables:
        return nothing_stitched()
    whole = pa.concat_tables(tables).combine_chunks()
    places, covers = (whole[c].combine_chunks() for c in ("places", "covers"))
    xy = places.flatten().to_numpy().reshape(-1, 2)
    number, names = pd.factorize(covers.flatten().to_numpy(zero_copy_only=False))
    start = np.r_[0, np.cumsum(np.diff(places.offsets.to_numpy()) // 2)].astype(np.int64)
    counts = np.diff(covers.offsets.to_numpy()).astype(np.int64)
    steps = np.rint((xy - grid.origin) / grid.step)
    trails = Trails(steps, start, counts, number.astype(np.int32))
    return Stitched(
        trails,
        np.asarray(names, dtype=object),
        ids_of(xy, start),
        whole["around"].to_numpy(),
        whole["shell"].to_numpy(),
        whole["face_id"].to_numpy(),
        np.repeat(np.array([shard.key for shard in shards]), [t.num_rows for t in tables], axis=0),
        boxes_of(trails),
    )


def nothing_stitched() -> Stitched:
    """No walks."""
    none, ids = np.empty(0, dtype=object), np.empty(0, dtype=np.uint64)
    return Stitched(
        join_trails([]),
        none,
        ids,
        ids,
        np.empty(0, dtype=bool),
        none,
        np.empty((0, 3), dtype=np.int64),
        np.empty((0, 4)),
    )


def named_alike(parts: list[tuple[Trails, np.ndarray]]) -> tuple[list[Trails], np.ndarray]:
    """Trails whose polygons are positions in names of their own, as trails with positions in the same names."""
    number, names = pd.factorize(np.concatenate([names for _, names in parts]))
    begin = np.cumsum([0] + [len(names) for _, names in parts])
    trails = [
        trails._replace(polygons=number[at:][trails.polygons].astype(np.int32))
        for (trails, _), at in zip(parts, begin[:-1], strict=True)
    ]
    return trails, np.asarray(names, dtype=object)


def join_stitched(parts: list[Stitched]) -> Stitched:
    """Walks of several sets as one set."""
    trails, names = named_alike([(part.trails, part.names) for part in parts])
    rest = (np.concatenate(columns) for columns in zip(*(part[2:] for part in parts), strict=True))
    return Stitched(join_trails(trails), names, *rest)


def take_stitched(kept: Stitched, chosen: np.ndarray) -> Stitched:
    """Some of the walks."""
    start, length = kept.trails.start[:-1][chosen], np.diff(kept.trails.start)[chosen]
    trails = Trails(
        kept.trails.xy[runs(start, length)], np.r_[0, np.cumsum(length)], *covers_of(kept.trails, chosen)
    )
    return Stitched(trails, kept.names, *(column[chosen] for column in kept[2:]))


def boxes_of(trails: Trails) -> np.ndarray:
    """West, south, east, north of each trail."""
    if len(trails.start) == 1:
        return np.empty((0, 4))
    return np.concatenate(
        [f.reduceat(trails.xy, trails.start[:-1], axis=0) for f in (np.minimum, np.maximum)], axis=1
    )


def put_index(folder: Path, shards: list[Shard]) -> str:
    """The list of shards as an object, sorted by key."""
    shards = sorted(shards)
    return put(
        folder,
        pa.table(
            {
                "key": pa.array([list(shard.key) for shard in shards], type=pa.list_(pa.int64())),
                "walks": pa.array([shard.walks for shard in shards], type=pa.string()),
                "bounds": pa.array([list(shard.bounds) for shard in shards], type=pa.list_(pa.float64())),
                "around": pa.array([shard.around for shard in shards], type=pa.list_(pa.uint64())),
            }
        ),
    )


def get_index(folder: Path, name: str) -> list[Shard]:
    """The inverse of :func:`put_index`."""
    table = get(folder, name)
    columns = (table[c].to_pylist() for c in Shard._fields)
    return [
        Shard(tuple(key), walks, tuple(bounds), tuple(around))
        for key, walks, bounds, around in zip(*columns, strict=True)
    ]


def walks_in(folder: Path, name: str) -> list[str]:
    """The objects of all shards in a list, also of an older build."""
    return get(folder, name, ["walks"])["walks"].to_pylist()


def put_marks(folder: Path, marks: pd.DataFrame) -> str:
    """In which tables each conflict has faces, and what it is between, one row per pair. columns : ``MARKS``"""
    marks = marks.sort_values(["conflict_id", "table"])
    columns = {c: pa.array(marks[c].to_numpy(dtype=object), type=pa.string()) for c in MARKS if c != "row"}
    return put(folder, pa.table(columns | {"row": pa.array(marks["row"].to_numpy(dtype=np.int64))}))


def get_marks(folder: Path, name: str) -> pd.DataFrame:
    """The inverse of :func:`put_marks`."""
    return get(folder, name).to_pandas()[MARKS]


def mark(key, part: str) -> str:
    """The name of a table of a tile among marks."""
    return "_".join(str(k) for k in key) + f"_{part}"
