"""The polygons of a build by number: features, quarantined rows that have a place, and extents."""

from __future__ import annotations

from collections.abc import Iterable
from math import fsum
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from onemap.blueprint.jobs import Row, Site
from onemap.blueprint.objects import to_table
from onemap.blueprint.register import Register, by_number, make_register, placed_rows
from onemap.blueprint.sheets import ATTRIBUTES
from onemap.blueprint.tiles import Spread


class Land(NamedTuple):
    """The polygons of a build by number, with what is known of them.

    features : frame by number; polygons : features, placed quarantined rows, extents
    """

    features: pd.DataFrame
    polygons: np.ndarray
    register: Register


def survey(features, quarantine, extents, sources, rulebook) -> Land:
    """Number all polygons. extents : dissolved; the other frames as they were read."""
    numbered, placed = by_number(features), placed_rows(quarantine)
    return Land(
        numbered,
        np.concatenate([numbered.geometry, placed.geometry, extents.geometry]).astype(object),
        make_register(numbered, quarantine, extents, sources, rulebook),
    )


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
