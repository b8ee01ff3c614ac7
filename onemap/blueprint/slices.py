"""Features as they are stored: layer by layer, neighbours together, in slices cut where an id says so.

So a change in one place rewrites few slices, and what lies near a place is in few, in whatever order a file has its rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import geopandas as gpd
import numpy as np
import pyarrow as pa
import shapely

from onemap.blueprint.objects import get, intact, put, to_frame, to_table
from onemap.frames import FEATURES

ROWS = 1024  # of a slice, on average
SPREAD = (
    (16, 0x0000FFFF0000FFFF), (8, 0x00FF00FF00FF00FF), (4, 0x0F0F0F0F0F0F0F0F), (2, 0x3333333333333333),
    (1, 0x5555555555555555),
)  # fmt: skip


class Slice(NamedTuple):
    """Some features of a layer: their object, a digest of what it holds, how many corners they have, their bounds."""

    name: str
    digest: str
    corners: int
    bounds: tuple[float, float, float, float]


def put_features(
    folder: Path, features, crs, older: dict[str, list[Slice]] | None = None
) -> dict[str, list[Slice]]:
    """Store features, but for slices that are there already, undamaged; returns the slices of each layer.

    older : slices that the store holds
    """
    held = {one.digest: one for slices in (older or {}).values() for one in slices}
    found = {}
    rows = features.groupby("layer", sort=False).indices
    for layer in dict.fromkeys(features["layer"]):
        own = features.iloc[rows[layer]]
        own = own.iloc[neighbours_together(own)]
        table = to_table(own[FEATURES], crs)
        shapes = own.geometry.to_numpy()
        bounds, slices = shapely.bounds(shapes), []
        for a, b in cuts_of(table["feature_id"].to_pylist()):
            one = table.slice(a, b - a)
            digest = digest_of(one)
            if digest not in held or not intact(folder, held[digest].name):
                box = [*np.nanmin(bounds[a:b, :2], axis=0), *np.nanmax(bounds[a:b, 2:], axis=0)]
                corners = int(shapely.get_num_coordinates(shapes[a:b]).sum())
                held[digest] = Slice(put(folder, one), digest, corners, tuple(map(float, box)))
            slices.append(held[digest])
        found[layer] = slices
    return found


def neighbours_together(features) -> np.ndarray:
    """An order of features in which neighbours mostly follow each other; that of two depends on these two alone.

    It goes by the bits of the lower left corners' whole metres in turn, then by id.
    """
    place = place_of(shapely.bounds(features.geometry.to_numpy())[:, :2])
    order = np.argsort(place, kind="stable")
    sorted_places, ids = place[order], features["feature_id"].to_numpy(dtype=object)
    same = np.flatnonzero(sorted_places[1:] == sorted_places[:-1])
    for run in np.split(same, np.flatnonzero(np.diff(same) > 1) + 1) if len(same) else []:
        part = slice(run[0], run[-1] + 2)
        order[part] = sorted(order[part], key=ids.__getitem__)
    return order


def place_of(xy: np.ndarray) -> np.ndarray:
    """A number for each place (m): those of neighbours mostly follow each other. It is the bits of its whole metres in turn.

    >>> place_of(np.array([[0.5, 0.5], [1.0, 0.0], [0.0, 1.0]])).argsort().tolist()
    [0, 1, 2]
    """
    column, row = (np.floor(np.nan_to_num(xy).T) + 2.0**31).clip(0, 2.0**32 - 1).astype(np.uint64)
    return spread_bits(column) | (spread_bits(row) << np.uint64(1))


def spread_bits(values: np.ndarray) -> np.ndarray:
    """The 32 bits of whole numbers with a zero before each.

    >>> spread_bits(np.array([0b1011], dtype=np.uint64)).tolist() == [0b1000101]
    True
    """
    for shift, mask in SPREAD:
        values = (values | (values << np.uint64(shift))) & np.uint64(mask)
    return values


def cuts_of(ids: list[str]) -> list[tuple[int, int]]:
    """Where slices of rows with these ids begin and end: at the start, and where an id says so."""
    cuts = [i for i, word in enumerate(ids) if i and crc32(word.encode()) % ROWS == 0]
    return list(zip([0, *cuts], [*cuts, len(ids)], strict=True))


def digest_of(table: pa.Table) -> str:
    """A digest of the rows of a table, cheaper than its bytes as a file."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table.combine_chunks())
    return hashlib.blake2b(sink.getvalue(), digest_size=16).hexdigest()


def differing(folder: Path, old: dict[str, list[Slice]], new: dict[str, list[Slice]]):
    """By layer whose slices differ: the rows of those that only the old features have, and of those that only the new have."""
    found = {}
    for layer in sorted({*old, *new}):
        gone, came = ({one.name for one in side.get(layer, [])} for side in (old, new))
        if gone != came:
            some = get(folder, min(gone | came)).slice(0, 0)  # no rows, but the columns
            found[layer] = tuple(
                pa.concat_tables([some, *(get(folder, name) for name in sorted(own))])
                for own in (gone - came, came - gone)
            )
    return found


def features_of(
    folder: Path, names: Iterable[str], crs, wanted: Callable[[np.ndarray], np.ndarray] | None = None
) -> gpd.GeoDataFrame:
    """The features of the slices of these names, one after the other.

    wanted : a mask of those to keep, by their bounds; default all
    """
    tables = [get(folder, name) for name in names]
    table = pa.concat_tables(tables) if tables else pa.table({c: [] for c in FEATURES})
    if wanted is not None and tables:
        bounds = shapely.bounds(shapely.from_wkb(table["geometry"].to_numpy()))
        table = table.filter(pa.array(wanted(bounds)))
    return to_frame(table, FEATURES, crs)


def put_slices(folder: Path, slices: dict[str, list[Slice]]) -> str:
    """The list of slices as an object."""
    rows = [(layer, *one) for layer, own in slices.items() for one in own]
    columns = zip(*rows, strict=True) if rows else [()] * 5
    kinds = (pa.string(), pa.string(), pa.string(), pa.int64(), pa.list_(pa.float64()))
    arrays = [pa.array(list(column), type=kind) for column, kind in zip(columns, kinds, strict=True)]
    return put(folder, pa.table(arrays, names=["layer", *Slice._fields]))


def get_slices(folder: Path, name: str) -> dict[str, list[Slice]]:
    """The inverse of :func:`put_slices`."""
    found: dict[str, list[Slice]] = {}
    for row in get(folder, name).to_pylist():
        found.setdefault(row.pop("layer"), []).append(Slice(**row | {"bounds": tuple(row["bounds"])}))
    return found


def boxes_of(slices: Iterable[Slice]) -> np.ndarray:
    """The bounds of each slice."""
    return np.array([one.bounds for one in slices], dtype=float).reshape(-1, 4)
