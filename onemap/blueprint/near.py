"""The part of a stored blueprint around a place: what a review there reads, and nothing else of the city."""

from __future__ import annotations

from collections.abc import Iterable

import geopandas as gpd
import numpy as np
import pandas as pd

from onemap.blueprint.arrangement import order_of
from onemap.blueprint.build import Blueprint
from onemap.blueprint.objects import get, to_frame
from onemap.blueprint.postgis import Served
from onemap.blueprint.store import Stored, in_order, meet, with_bare
from onemap.frames import CONFLICTS, FEATURES

SHARE = 0.25  # of the tiles, from which on the whole is read: it can serve the next place as well


class Around:
    """Where the frames of a part come from: its own are at hand, all others are the store's."""

    def __init__(self, stored: Stored | Served, own: dict[str, pd.DataFrame]):
        self.stored, self.own, self.bounds = stored, own, stored.bounds

    def load(self, name: str) -> dict[str, pd.DataFrame]:
        """The frame of that name, with those that come with it."""
        return {name: self.own[name]} if name in self.own else self.stored.load(name)


def part_near(blueprint: Blueprint, bounds, layers: Iterable[str]) -> Blueprint:
    """The faces that meet the bounds, with what covers them and their conflicts; all other frames are the whole's.

    bounds : west, south, east, north; layers : whose features are all in it, with their geometry; other features have none,
    nor have the conflicts. Rows stand in the order of the whole. The blueprint itself where it is no store's or is read
    already, or where the bounds meet a good part of its tiles.
    """
    stored = blueprint.__dict__.get("stored")
    if isinstance(stored, Served) and "faces" not in blueprint.__dict__:
        return Blueprint.opened(
            Around(stored, stored.near(bounds, layers)), blueprint.crs, blueprint.manifest
        )
    if not isinstance(stored, Stored) or "faces" in blueprint.__dict__ or not len(stored.rows):
        return blueprint
    chosen = np.flatnonzero(meet(stored.bounds, bounds))
    if len(chosen) > max(SHARE * len(stored.rows), 4):
        return blueprint
    found = stored.frames_at(chosen if len(chosen) else np.zeros(1, dtype=np.intp), bounds)
    plain = [c for c in CONFLICTS if c != "geometry"]
    conflicts = get(stored.folder, stored.listed["tables"]["conflicts"], plain)
    met = set(found.conflict_faces["conflict_id"])
    at = np.flatnonzero([one in met for one in conflicts["conflict_id"].to_pylist()])
    conflicts = to_frame(conflicts.take(at), plain)
    order = order_of(found.faces.geometry.to_numpy()) if len(found.faces) else np.empty(0, dtype=np.intp)
    own = in_order(found, order, conflicts["conflict_id"].tolist())
    own |= {"conflicts": conflicts, "features": _features(stored, found.features, set(layers))}
    return Blueprint.opened(Around(stored, own), blueprint.crs, blueprint.manifest)


def _features(stored: Stored, met: pd.DataFrame, layers: set[str]) -> gpd.GeoDataFrame:
    """All features of the layers, and those of other layers that are met, without their geometry."""
    whole = [
        to_frame(get(stored.folder, name), FEATURES, stored.crs)
        for layer, names in stored.listed["features"].items()
        if layer in layers
        for name in names
    ]
    return with_bare(whole, met[~met["layer"].isin(layers)], stored.crs)
