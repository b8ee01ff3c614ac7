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
from onemap.blueprint.tiles import Spread


class Land(NamedTuple):
    """The polygons of a build by number, with what is known of them.

    features : frame by number; polygons : features, placed quarantined rows, extents; groups : the layer of each
    feature, then ``~quarantine`` and ``~extents``; names : of each polygon, the same in every build
    """

    features: pd.DataFrame
    polygons: np.ndarray
    groups: np.ndarray
    names: np.ndarray
    register: Register


def survey(features, quarantine, extents, sources, rulebook) -> Land:
    """Number all polygons. extents : dissolved; the other frames as they were read."""
    numbered, placed = by_number(features), placed_rows(quarantine)
    around = [f"{EXTENTS}:{layer}" for layer in extents["layer"]]
    groups = [*numbered["layer"], *[QUARANTINE] * len(placed), *[EXTENTS] * len(extents)]
    return Land(
        numbered,
        np.concatenate([numbered.geometry, placed.geometry, extents.geometry]).astype(object),
        np.array(groups, dtype=object),
        np.array([*numbered["feature_id"], *quarantine_names(placed), *around], dtype=object),
        make_register(numbered, quarantine, extents, sources, rulebook),
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
