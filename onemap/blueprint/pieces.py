"""The frames of a blueprint cut into small pieces named after their content, so that versions in a database share them.

Rows that lie together are cut where an id says so: a change in one place touches few pieces, however many rows it shifts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from zlib import crc32

import numpy as np
import pandas as pd
import pyarrow as pa
import shapely

from onemap.blueprint.slices import digest_of, place_of

ROWS = 256  # of a piece, on average
OF_FACES = {
    "covers": 64,
    "unknowns": 64,
    "conflict_faces": 64,
}  # how many faces a piece has rows of, on average
WORDS = (
    "face_id",
    "feature_id",
    "conflict_id",
    "source_fid",
)  # the first that a frame has says where it is cut


class Piece(NamedTuple):
    """Some rows of a frame: a name that follows from them alone, and the place of each in the frame."""

    name: str
    rows: pa.Table
    ranks: np.ndarray


def pieces_of(name: str, frame: pd.DataFrame, table: pa.Table, places: pd.Series) -> Iterator[Piece]:
    """The pieces of a frame. table : the frame's columns; places : of each face, by face_id (:func:`face_places`)."""
    order = order_by_place(name, frame, places)
    word = next((column for column in WORDS if column in frame.columns), None)
    words = _words(frame[word])[order] if word else np.full(len(frame), "")
    every = OF_FACES.get(name, ROWS)
    first = [i for i in range(1, len(words)) if words[i] != words[i - 1]]
    cuts = [0, *(i for i in first if crc32(words[i].encode()) % every == 0), len(words)]
    sorted_rows = table.take(pa.array(order))
    for a, b in zip(cuts[:-1], cuts[1:], strict=True):
        rows = sorted_rows.slice(a, b - a)
        if b > a:
            yield Piece(digest_of(rows), rows, order[a:b])


def face_places(faces) -> pd.Series:
    """The place of each face among those that lie near it, by face_id."""
    ids = faces["face_id"].to_numpy(dtype=object)
    order = np.lexsort((_words(faces["face_id"]), place_of(shapely.bounds(faces.geometry.to_numpy())[:, :2])))
    rank = np.empty(len(ids), dtype=np.int64)
    rank[order] = np.arange(len(ids))
    return pd.Series(rank, index=ids)


def order_by_place(name: str, frame: pd.DataFrame, places: pd.Series) -> np.ndarray:
    """The rows of a frame, neighbours together where they have a place; what there is of one face stays in its order."""
    if name == "faces" or name in OF_FACES:
        return np.argsort(places.reindex(frame["face_id"]).to_numpy(), kind="stable")
    if "geometry" not in frame.columns:
        return np.arange(len(frame))
    place = place_of(shapely.bounds(frame["geometry"].to_numpy())[:, :2])
    return (
        np.lexsort((place, _words(frame["layer"])))
        if "layer" in frame.columns
        else np.argsort(place, kind="stable")
    )


def _words(column: pd.Series) -> np.ndarray:
    return np.array([str(word) for word in column.tolist()], dtype=str)
