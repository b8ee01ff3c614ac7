"""The polygons of a build by number: features, quarantined rows that have a place, and extents."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from math import fsum
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import shapely

from onemap.blueprint.jobs import Row, Site
from onemap.blueprint.kept import EXTENTS, QUARANTINE
from onemap.blueprint.objects import to_table
from onemap.blueprint.register import Register, by_number, make_register, placed_rows
from onemap.blueprint.sheets import ATTRIBUTES
from onemap.blueprint.slices import Slice, boxes_of
from onemap.blueprint.tiles import Spread


class Land(NamedTuple):
    """The polygons of a build by number, with what is known of them.

    features : frame by number, with or without geometry; asides : placed quarantined rows, then extents, which have the
    numbers after features; aside_groups : ``~quarantine`` or ``~extents`` for each; names : of each polygon, the same in
    every build
    """

    features: pd.DataFrame
    asides: np.ndarray
    aside_groups: np.ndarray
    names: np.ndarray
    register: Register


def survey(features, quarantine, extents, sources, rulebook) -> Land:
    """Number all polygons. features : with or without geometry; extents : dissolved; the other frames as they were read."""
    numbered, placed = by_number(features), placed_rows(quarantine)
    around = [f"{EXTENTS}:{layer}" for layer in extents["layer"]]
    return Land(
        numbered,
        np.concatenate([placed.geometry, extents.geometry]).astype(object),
        np.array([QUARANTINE] * len(placed) + [EXTENTS] * len(extents), dtype=object),
        np.array([*numbered["feature_id"], *quarantine_names(placed), *around], dtype=object),
        make_register(numbered, quarantine, extents, sources, rulebook),
    )


def polygons_of(land: Land) -> tuple[np.ndarray, np.ndarray]:
    """All polygons by number, and the group of each; the features must have their geometry."""
    polygons = np.concatenate([land.features.geometry, land.asides]).astype(object)
    return polygons, np.concatenate([land.features["layer"].to_numpy(dtype=object), land.aside_groups])


def bounds_around(slices: Iterable[Slice], asides: np.ndarray) -> np.ndarray:
    """West, south, east, north of all polygons, from the bounds of stored slices and the polygons beside."""
    boxes = np.concatenate([boxes_of(slices), shapely.bounds(asides)])
    return (
        np.r_[np.nanmin(boxes[:, :2], axis=0), np.nanmax(boxes[:, 2:], axis=0)]
        if len(boxes)
        else np.full(4, np.nan)
    )


def quarantine_names(placed) -> list[str]:
    """A name for each placed quarantined row, from its layer and shape."""
    seen: Counter = Counter()
    names = []
    for layer, wkb in zip(placed["layer"], shapely.to_wkb(placed.geometry.to_numpy()), strict=True):
        name = f"{QUARANTINE}:{layer}:{hashlib.blake2b(wkb, digest_size=8).hexdigest()}"
        seen[name] += 1
        names.append(f"{name}#{seen[name]}")
    return names


def site_for(folder: Path, land: Land, bounds: np.ndarray, crs, rulebook, given: Spread | None) -> Site:
    """What the jobs of a build share. bounds : of all polygons, also of those that no job needs"""
    return Site(folder.resolve(), crs.to_wkt(), bounds, land.register, rulebook, given)


def attributes_of(land: Land) -> pa.Table:
    """The attributes of features by number, as a table."""
    return to_table(pd.DataFrame(land.features)[ATTRIBUTES])


def faces_m2(rows: Iterable[Row], layers: list[str]) -> pd.Series:
    """The area of faces in each layer that has any."""
    rows = list(rows)
    sums = {name: fsum(row.area_m2[k] for row in rows) for k, name in enumerate(layers)}
    return pd.Series({name: area for name, area in sums.items() if area}, dtype=float)
