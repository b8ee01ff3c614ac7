"""A workspace read into frames: features, extents, quarantine, passports, issues, sources."""

from __future__ import annotations

import difflib
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

from onemap.errors import InputError
from onemap.frames import EXTENTS, FEATURES, PASSPORTS, QUARANTINE, SOURCES, empty
from onemap.land.crs import check_target, datum_code, resolve
from onemap.land.datum import prepare
from onemap.land.extents import stated_extent
from onemap.land.issues import Issues, issues_frame
from onemap.land.layer import Layer, read_layer, stacked, with_town
from onemap.land.limits import limits
from onemap.land.source import Known
from onemap.land.webmap import suspect
from onemap.land.workspace import Source, Workspace, load_workspace
from onemap.messages import Message, told
from onemap.progress import progress


class Layers(NamedTuple):
    """All a workspace holds, in its CRS: the frames of ``onemap.frames`` and the workspace itself."""

    features: gpd.GeoDataFrame
    extents: gpd.GeoDataFrame
    quarantine: gpd.GeoDataFrame
    passports: pd.DataFrame
    issues: pd.DataFrame
    sources: pd.DataFrame
    workspace: Workspace


def read_features(workspace, catalogue) -> Layers:
    """Every source of a workspace as features, with a ledger row per file and an issue row per problem.

    ``workspace``: a folder with ``onemap.yaml``, that file, or a Workspace. Areas are ellipsoidal, in m².
    Bad data never stops the reading: a file that cannot be used has a sources row that says why. Raises
    InputError for mistakes in the workspace file itself.

    It is ``join`` over ``read_layer`` of each layer, with what ``known_of`` says. A layer depends on its own files
    and entries, on the book, on the workspace's CRS, dates, datum parameters and town; on no other layer. Only the
    joining looks across layers: it holds web-map coordinates against the boundaries of the others, and statements
    of absence against what was read.
    """
    space = workspace if isinstance(workspace, Workspace) else load_workspace(workspace)
    known = known_of(space, catalogue)
    read: dict[str, Layer] = {}
    for layer in progress(layers_of(space), Message("house.progress.layers")):
        read[layer] = read_layer(space, layer, known)
        if layer == space.town:
            known = with_town(known, read[layer])
    return join(space, read, known)


def known_of(space: Workspace, catalogue, crs=None) -> Known:
    """What every layer of a workspace is read against, before its town is read (see ``with_town``).

    ``crs``: another than the workspace's own. Raises InputError for mistakes in the workspace: CRS, layers that the catalogue has not, datum parameters.
    """
    crs = check_target(space.crs, str(space.file)) if crs is None else check_target(crs)
    _check_layers(space, catalogue)
    return Known(catalogue, crs, limits(catalogue, space.as_of), shifts_of(space, crs))


def layers_of(space: Workspace) -> list[str]:
    """The layers that the sources of a workspace feed, the town first, then in their order."""
    found = dict.fromkeys(source.layer for source in space.sources)
    return sorted(found, key=lambda layer: layer != space.town)


def join(space: Workspace, read: dict[str, Layer], known: Known) -> Layers:
    """Layers that were read one by one as the frames of a workspace, in the order of ``read``."""
    crs = known.crs
    issues: list[dict] = []
    for layer, one in read.items():
        issues += one.issues + _web_issues(layer, one, read, known)
    nowhere, stated = _statements(space, read, known, issues)
    extents = [row for one in read.values() for row in one.extents] + stated
    sources = [
        row for _, row in sorted((r for one in read.values() for r in one.sources), key=lambda r: r[0])
    ]
    return Layers(
        stacked([one.features for one in read.values()], FEATURES, crs),
        gpd.GeoDataFrame(extents, columns=EXTENTS, geometry="geometry", crs=crs) if extents else empty(EXTENTS, crs),
        stacked([one.quarantine for one in read.values()], QUARANTINE, crs),
        stacked([one.passports for one in read.values()], PASSPORTS),
        issues_frame(issues),
        pd.DataFrame(sources + nowhere, columns=SOURCES, dtype=object),
        space,
    )  # fmt: skip


def _web_issues(layer: str, one: Layer, read: dict[str, Layer], known: Known) -> list[dict]:
    """Say aloud that coordinates may carry, or do carry, the offset of web maps."""
    own = Issues(layer, None, known.catalogue.layers.loc[layer].get("authority_zh") or None)
    for file, loose in one.web:
        others = [_sure(other) for other in read.values()]
        mine = one.features.geometry.to_numpy()[(one.features["source"] == file).to_numpy(dtype=bool)]
        found = suspect(mine, np.concatenate(others), known.crs)
        if found and found.name:
            own.add(
                "web_map_offset", value=found.name, source=file,
                message=Message(
                    "land.web_map.offset", without=round(found.share, 2), as_is=round(found.share_as_is, 2),
                    metres=round(found.metres),
                ),
            )  # fmt: skip
        elif found is None and loose:
            own.add("web_map", value=file, source=file)
    return own.rows


def _sure(layer: Layer) -> np.ndarray:
    """The features that lie where they should by their own CRS, so that others can be held against them."""
    web = [file for file, _ in layer.web]
    return layer.features.geometry.to_numpy()[~layer.features["source"].isin(web).to_numpy(dtype=bool)]


def shifts_of(space: Workspace, crs) -> tuple:
    """The workspace's own changes of datum, each held against its check points.

    Raises InputError for an unknown datum or wrong parameters, CRSError when residuals exceed the stated limit.
    """
    found: dict = {}
    for entry in space.datum:
        base = datum_code(entry.old)
        if base is None:
            raise InputError("land.datum.unknown", where=entry.at, old=entry.old)
        own, goal = resolve(entry.crs, entry.at), resolve(entry.to_crs, entry.at) if entry.to_crs else crs
        if base in found:
            raise InputError("land.datum.twice", where=entry.at, old=entry.old)
        for what, one, datum in (("crs", own, base), ("to_crs", goal, crs.geodetic_crs.to_epsg())):
            if not one.is_projected or one.geodetic_crs.to_epsg() != datum:
                raise InputError("land.datum.crs_elsewhere", where=entry.at, key=what, name=one.name)
        found[base] = prepare(entry, base, own, goal)
    return tuple(found.values())


def _check_layers(space: Workspace, catalogue) -> None:
    names = list(catalogue.layers.index)
    codes = {str(code): layer for layer, code in catalogue.layers["code"].items()}
    for entry in (*space.sources, *space.none):
        if entry.layer not in names:
            near = codes.get(entry.layer) or next(
                iter(difflib.get_close_matches(entry.layer, names, 1, 0.5)), None
            )
            mend = Message("house.did_you_mean", word=near) if near else Message("land.layer.see_catalogue")
            raise InputError("land.layer.unknown", where=entry.at, mend=mend, layer=entry.layer)
    if space.town is not None and space.town not in [s.layer for s in space.sources]:
        raise InputError("land.town.no_source", where=str(space.file), town=space.town)
    for entry in (*space.sources, *space.none):
        if entry.extent == "town" and space.town is None and isinstance(entry, Source):
            raise InputError("land.town.missing", where=entry.at)


def _statements(space: Workspace, read: dict[str, Layer], known: Known, issues: list[dict]):
    """Sources rows and extents rows of the layers stated to exist nowhere."""
    rows, extents = [], []
    kept = {
        layer
        for layer, one in read.items()
        if any(row["rows_kept"] + row["rows_quarantined"] > 0 for _, row in one.sources)
    }
    for entry in space.none:
        own = Issues(entry.layer, str(space.file.name))
        if entry.layer in kept:
            own.add("none_contradicted", value=entry.statement)
            issues += own.rows
            continue
        geom = stated_extent(space, entry, known, known.town, own)
        issues += own.rows
        rows.append({
            "layer": entry.layer, "path": None, "table": None, "status": "none", "rows_read": 0, "rows_kept": 0,
            "rows_quarantined": 0, "rows_empty": 0, "crs": None, "encoding": None, "data_date": entry.stated_on,
            "valid_until": entry.valid_until, "sha256": None,
        } | told(entry.statement))  # fmt: skip
        if geom is not None and not geom.is_empty:
            extents.append({"layer": entry.layer, "known_from": entry.stated_on, "geometry": geom})
    return rows, extents
