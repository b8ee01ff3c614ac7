"""What a build keeps for the next one, so that a change in one place redoes that place: outlines, cycles, marks."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from onemap.blueprint.arrangement import Trails, runs
from onemap.blueprint.edges import Grid
from onemap.blueprint.layout import Layout, tile_at
from onemap.blueprint.objects import get, put
from onemap.blueprint.seams import Cycles
from onemap.blueprint.tiles import Outline

QUARANTINE, EXTENTS = "~quarantine", "~extents"  # groups of polygons beside the layers
MARKS = ["conflict_id", "row", "a", "b", "layer_b", "tiles"]


class Stitched(NamedTuple):
    """Closed walks over tiles as they are kept, one entry per walk unless said otherwise.

    trails : places in metres, and what covers the walks as positions in ``ids``; around : the walk that each lies in, or
    -1; face_id : of the walks around faces, else None; owner : key of the tile of the lowest westernmost place
    """

    trails: Trails
    ids: np.ndarray
    around: np.ndarray
    face_id: np.ndarray
    owner: np.ndarray


def put_outlines(folder: Path, outlines: dict[str, Outline], long: dict[str, np.ndarray]) -> dict[str, str]:
    """One object per group of polygons; long : its edges longer than the margin, in metres."""
    return {
        group: put(
            folder,
            pa.table(
                {
                    "squares": [outline.squares],
                    "corners": [outline.corners],
                    "lengths": [outline.lengths],
                    "bounds": [outline.bounds],
                    "length_m": [outline.length_m],
                    "long": [long[group].ravel()],
                }
            ),
        )
        for group, outline in sorted(outlines.items())
    }


def get_outline(folder: Path, name: str) -> tuple[Outline, np.ndarray]:
    """The outline of a group, and its long edges."""
    table = get(folder, name)
    names = ("squares", "corners", "lengths", "bounds", "long")
    squares, corners, lengths, bounds, long = (table[c].chunk(0).flatten().to_numpy() for c in names)
    return Outline(squares, corners, lengths, bounds, table["length_m"][0].as_py()), long.reshape(-1, 4)


def put_cycles(folder: Path, cycles: Cycles, layout: Layout, ids: np.ndarray, face_id: np.ndarray) -> str:
    """The stitched walks as an object, in an order that follows from them alone.

    ids : the name of each polygon by number; face_id : of each face
    """
    trails, grid = cycles.trails, layout.grid
    metres = trails.xy * grid.step + grid.origin
    first = metres[trails.start[:-1]]
    places = [metres[a:b].tobytes() for a, b in zip(trails.start[:-1], trails.start[1:], strict=True)]
    order = sorted(range(len(places)), key=lambda i: (first[i, 0], first[i, 1], places[i]))
    rank = np.empty(len(order) + 1, dtype=np.int64)
    rank[order], rank[-1] = np.arange(len(order)), -1
    begin = np.cumsum(trails.counts) - trails.counts
    order = np.array(order, dtype=np.int64)
    covers = ids[trails.polygons[runs(begin[order], trails.counts[order])]]
    offsets = np.r_[0, np.cumsum(trails.counts[order])].astype(np.int32)
    owner = (
        layout.keys[tile_at(layout, trails.xy[trails.start[:-1]][order])] if len(order) else np.empty((0, 3))
    )
    table = pa.table(
        {
            "places": pa.array([places[i] for i in order], type=pa.binary()),
            "covers": pa.ListArray.from_arrays(pa.array(offsets), pa.array(covers, type=pa.string())),
            "around": pa.array(rank[cycles.around[order]]),
            "face_id": pa.array(np.append(face_id, None)[cycles.face[order]], type=pa.string()),
            "owner": pa.FixedSizeListArray.from_arrays(pa.array(owner.ravel().astype(np.int64)), 3),
        }
    )
    return put(folder, table)


def get_cycles(folder: Path, name: str) -> Stitched:
    """The stitched walks of an object."""
    table = get(folder, name)
    places = table["places"].combine_chunks()
    covers = table["covers"].combine_chunks()
    sizes = np.array([len(p.as_buffer()) if p.is_valid else 0 for p in places], dtype=np.int64) // 16
    xy = np.frombuffer(b"".join(table["places"].to_pylist()), dtype=np.float64).reshape(-1, 2)
    number, ids = pd.factorize(covers.flatten().to_numpy(zero_copy_only=False))
    trails = Trails(
        xy, np.r_[0, np.cumsum(sizes)], np.diff(covers.offsets.to_numpy()).astype(np.int64), number
    )
    owner = table["owner"].combine_chunks().flatten().to_numpy().reshape(-1, 3)
    faces = table["face_id"].to_numpy()
    return Stitched(trails, np.asarray(ids, dtype=object), table["around"].to_numpy(), faces, owner)


def put_marks(folder: Path, marks: pd.DataFrame) -> str:
    """In which tables of tiles each conflict has faces, and what it is between. columns : see ``MARKS``"""
    marks = marks.sort_values("conflict_id")
    return put(
        folder,
        pa.table(
            {
                **{
                    c: pa.array(marks[c].to_numpy(dtype=object), type=pa.string())
                    for c in ("conflict_id", "a", "b", "layer_b")
                },
                "row": pa.array(marks["row"].to_numpy(dtype=np.int64)),
                "tiles": pa.array([sorted(t) for t in marks["tiles"]], type=pa.list_(pa.string())),
            }
        ),
    )


def get_marks(folder: Path, name: str) -> pd.DataFrame:
    """The inverse of :func:`put_marks`."""
    return get(folder, name).to_pandas(strings_to_categorical=False)[MARKS]


def mark(key, part: str) -> str:
    """The name of a table of a tile among marks."""
    return "_".join(str(k) for k in key) + f"_{part}"


def to_steps(trails: Trails, grid: Grid) -> Trails:
    """Trails in metres as trails in steps of a grid."""
    return trails._replace(xy=np.rint((trails.xy - grid.origin) / grid.step))
