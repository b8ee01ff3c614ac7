"""The version that a store holds, seen from the build that follows it: can it start from there, and what stays."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from onemap.blueprint import kept, store
from onemap.blueprint.jobs import Row
from onemap.blueprint.objects import WRITING, get, to_frame
from onemap.blueprint.register import layers_said
from onemap.blueprint.slices import Slice, get_slices
from onemap.blueprint.tiles import Outline
from onemap.errors import InputError

SAME = ("crs", "as_of", "rulebook_version", "dates", "software", "faces_by")


class Before(NamedTuple):
    """A stored version: its folder, its list, its tiles, the outline of each group of polygons, slices by layer."""

    folder: Path
    listed: dict
    rows: list[Row]
    outlines: dict[str, Outline]
    slices: dict[str, list[Slice]]

    @property
    def crs(self) -> str:
        return self.listed["manifest"]["crs"]


def find_before(folder: Path, manifest: dict, sources, quarantine, rulebook, tile: int) -> Before | None:
    """The current version when the next one can start from it: the same law, software and layers, cut the same way.

    manifest, sources, quarantine : of the next version. None where that is not so, or where there is no version that
    can be read.
    """
    try:
        listed = store.current(folder)
        if (
            listed is None
            or not listed["cut"]
            or listed["cut"]["tile"] != tile
            or listed["cut"].get("writing") != WRITING
            or "slices" not in listed["tables"]
        ):
            return None
        if any(listed["manifest"].get(key) != manifest[key] for key in SAME):
            return None
        outlines = {g: kept.get_outline(folder, name) for g, name in listed["cut"]["outlines"].items()}
        slices = get_slices(folder, listed["tables"]["slices"])
        found = Before(folder, listed, store.tiles_of(folder, listed), outlines, slices)
        old = layers_said(frame_of(found, "sources"), frame_of(found, "quarantine"), rulebook)
    except InputError:
        return None
    return found if old == layers_said(sources, quarantine, rulebook) else None


def slices_before(folder: Path) -> dict[str, list[Slice]]:
    """The slices of the current version by layer, whatever law it was built under; none where they cannot be read."""
    try:
        listed = store.current(folder)
        return (
            get_slices(folder, listed["tables"]["slices"]) if listed and "slices" in listed["tables"] else {}
        )
    except InputError:
        return {}


def frame_of(found: Before, name: str) -> pd.DataFrame:
    """A frame of the version."""
    return to_frame(get(found.folder, found.listed["tables"][name]), store.TABLES[name], found.crs)
