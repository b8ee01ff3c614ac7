"""Features as they are stored: layer by layer, in slices cut where an id says so, so that a change rewrites few."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import pyarrow as pa

from onemap.blueprint.objects import get, put, to_table
from onemap.frames import FEATURES

ROWS = 1024  # of a slice, on average


class Sliced(NamedTuple):
    """The features of a build, stored, and what of them differs from an older version.

    objects : the slices of each layer; gone, came : by layer the rows of slices that only the older version has, and of
    those that it has not; layers that do not differ stand in neither
    """

    objects: dict[str, list[str]]
    gone: dict[str, pa.Table]
    came: dict[str, pa.Table]


def put_features(folder: Path, features, crs, older: dict[str, list[str]]) -> Sliced:
    """Store features, but for slices that an older version has already. older : its slices by layer"""
    rows = features.groupby("layer", sort=True).indices
    empty = to_table(features.iloc[:0][FEATURES], crs)
    found = Sliced({}, {}, {})
    for layer in sorted({*rows, *older}):
        table = to_table(features.iloc[rows[layer]][FEATURES], crs) if layer in rows else empty
        was = {
            first_of(one): (name, one) for name in older.get(layer, []) if (one := get(folder, name)).num_rows
        }
        names, came = [], []
        for one in slice_up(table):
            name, same = was.get(first_of(one), ("", None))
            if same is not None and one.equals(same):
                del was[first_of(one)]
            else:
                name = put(folder, one)
                came.append(one)
            names.append(name)
        if names:
            found.objects[layer] = names
        if came or was:
            found.came[layer] = pa.concat_tables(came) if came else empty
            found.gone[layer] = pa.concat_tables([one for _, one in was.values()]) if was else empty
    return found


def slice_up(table: pa.Table) -> list[pa.Table]:
    """The table in slices, each of which begins at the start or where an id says so."""
    ids = table["feature_id"].to_pylist()
    cuts = [i for i, word in enumerate(ids) if i and crc32(word.encode()) % ROWS == 0]
    bounds = [0, *cuts, len(ids)] if ids else [0]
    return [table.slice(a, b - a) for a, b in zip(bounds[:-1], bounds[1:], strict=True)]


def first_of(table: pa.Table) -> str:
    """The id of the first row."""
    return table["feature_id"][0].as_py()
