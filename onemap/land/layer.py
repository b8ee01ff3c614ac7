"""One layer of a workspace, read on its own."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from onemap.frames import FEATURES, PASSPORTS, QUARANTINE, empty
from onemap.land.cells import all_differ
from onemap.land.crs import town_box
from onemap.land.extents import stated_extent
from onemap.land.issues import Issues
from onemap.land.mesh import as_one, mesh_of, union, union_parts
from onemap.land.partition import partition_issues
from onemap.land.source import Known, Part, read_source

_FAILED = ("missing", "unreadable", "no_crs")


class Layer(NamedTuple):
    """What the sources of one layer gave: frames as in ``Layers``, rows of extents, issues and (by source) sources.

    ``web``: the files in WGS84 degrees, with whether their format is one of web maps.
    """

    features: gpd.GeoDataFrame
    quarantine: gpd.GeoDataFrame
    passports: pd.DataFrame
    extents: list[dict]
    issues: list[dict]
    sources: list[tuple[int, dict]]
    web: list[tuple[str, bool]]


def read_layer(space, layer: str, known: Known) -> Layer:
    """All sources of one layer of a workspace as features with ids, checked against each other.

    Depends on the layer's own files and entries, the book and ``known`` (with it the town's polygon), on no other
    layer. Bad data become rows of issues and sources.
    """
    entries = [(i, source) for i, source in enumerate(space.sources) if source.layer == layer]
    parts = [read_source(space, source, known) for _, source in entries]
    crs = known.crs
    features = _with_ids([p.features for p in parts], crs)
    quarantine = plain(stacked([p.quarantine for p in parts], QUARANTINE, crs))
    passports = plain(stacked([p.passports for p in parts], PASSPORTS))
    if len(passports):
        ids = features.drop_duplicates(["source", "source_fid"]).set_index(["source", "source_fid"])[
            "feature_id"
        ]
        passports["feature_id"] = ids.reindex(
            pd.MultiIndex.from_frame(passports[["source", "source_fid"]])
        ).to_numpy()
    own = Issues(layer, None, known.catalogue.layers.loc[layer].get("authority_zh") or None)
    rows = [(i, row) for (i, _), part in zip(entries, parts, strict=True) for row in part.sources]
    quarantine = _incomplete(layer, [row for _, row in rows], quarantine, own, crs)
    geoms = features.geometry.to_numpy()
    partition = known.catalogue.layers.loc[layer, "completeness"] == "partition"
    mapped = len(entries) == 1 and entries[0][1].extent == "features"
    mesh = pieces = whole = None
    if len(geoms) and (partition or mapped or layer == space.town):
        mesh = mesh_of(geoms, parts[0].rings if len(parts) == 1 else None)
        pieces = union_parts(geoms, mesh)
        whole = as_one(pieces)
    town = whole if layer == space.town else known.town
    if layer == space.town and whole is None:
        own.add("town_missing", value=layer, responsible=None)
    extents = _extents(space, entries, parts, known, town, whole, own)
    if len(geoms) and partition:
        within = town if any(source.extent == "town" for _, source in entries) else None
        covered = pieces if within is None else whole
        partition_issues(features, mesh, covered, known.limits, own, within)
    issues = [row for part in parts for row in part.issues] + own.rows
    return Layer(features, quarantine, passports, extents, issues, rows, [w for p in parts for w in p.web])


def with_town(known: Known, town: Layer) -> Known:
    """The same with the polygon and the box of the town, as its layer gave it; unchanged where it gave none."""
    shapes = town.features.geometry.to_numpy()
    if not len(shapes):
        return known
    return within(known, union(shapes, mesh_of(shapes)))


def within(known: Known, town) -> Known:
    """The same with this polygon of the town, and its box."""
    return known._replace(town=town, box=town_box(town, known.crs))


def stacked(frames: list, columns: list[str], crs=None):
    """Frames one below the other with exactly these columns."""
    full = [f[columns] for f in frames if len(f)]
    if not full:
        return empty(columns, crs)
    return full[0].reset_index(drop=True) if len(full) == 1 else pd.concat(full, ignore_index=True)


def plain(frame):
    """The same frame with every column but numbers and geometry of object type, None where nothing is."""
    for column in frame.columns:
        if column == "geometry" or frame[column].dtype.kind in "fiub":
            continue
        values = frame[column].astype(object)
        blank = values.isna()
        if blank.any() or frame[column].dtype != object:
            frame[column] = values.where(~blank, None)
    return frame


def _with_ids(frames: list[gpd.GeoDataFrame], crs) -> gpd.GeoDataFrame:
    """Features with feature_id: layer and fid, with the file's stem where the layer has several files."""
    found = stacked(frames, FEATURES, crs)
    if not len(found):
        return empty(FEATURES, crs)
    layer, (file_of, files) = found["layer"].iat[0], pd.factorize(found["source"])
    front = np.array([f"{layer}:{Path(file).stem}:" for file in files], dtype=object)
    if len(files) == 1:
        front[0] = f"{layer}:"
    ids = front[file_of] + found["source_fid"].to_numpy(dtype=object)
    if not all_differ(ids):
        repeated = pd.Series(ids, dtype=object).duplicated(keep=False).to_numpy()
        codes = found["class_code"].fillna("").astype(str).to_numpy()
        ids[repeated] = [f"{i}:{c}" if c else i for i, c in zip(ids[repeated], codes[repeated], strict=True)]
        ids = _told_apart(ids)
    found["feature_id"] = pd.Series(ids, dtype=object)
    return found


def _told_apart(ids: np.ndarray) -> np.ndarray:
    """The same ids, the later of equal ones with a number behind them that no other id has."""
    taken, count = set(ids), Counter()
    for i in np.flatnonzero(pd.Series(ids, dtype=object).duplicated(keep=False)):
        name = ids[i]
        count[name] += 1
        if count[name] > 1:
            while (new := f"{name}#{count[name]}") in taken:
                count[name] += 1
            taken.add(new)
            ids[i] = new
    return ids


def _incomplete(layer: str, rows: list[dict], quarantine, issues: Issues, crs):
    """A layer of several files of which one failed may have features anywhere: say so in the quarantine."""
    if not any(row["status"] == "found" for row in rows):
        return quarantine
    failed = [row["path"] for row in rows if row["status"] in _FAILED]
    for path in failed:
        issues.add("source_partial", value=path, source=path, responsible=None)
    more = [
        {"layer": layer, "source": path, "source_fid": None, "reason": "source_partial"} for path in failed
    ]
    if not more:
        return quarantine
    extra = gpd.GeoDataFrame(more, geometry=[None] * len(more), crs=crs)[QUARANTINE]
    return extra if not len(quarantine) else pd.concat([quarantine, extra], ignore_index=True)


def _extents(space, entries, parts: list[Part], known: Known, town, whole, issues: Issues) -> list[dict]:
    """Where each source is known to be mapped; nothing for sources that gave no feature."""
    rows = []
    for (_, source), part in zip(entries, parts, strict=True):
        if not any(row["status"] == "found" for row in part.sources):
            continue
        if source.extent == "features":
            geom = _mapped(part, whole if len(parts) == 1 else None)
        else:
            geom = stated_extent(space, source, known, town, issues)
        if geom is not None and not geom.is_empty:
            rows.append({"layer": source.layer, "known_from": source.data_date, "geometry": geom})
    return rows


def _mapped(part: Part, whole):
    """All that a source's features and quarantined footprints cover; ``whole``: the union of its features, if known."""
    shapes = part.features.geometry.to_numpy()
    if whole is None and len(shapes):
        whole = union(shapes, mesh_of(shapes))
    aside = part.quarantine.geometry.dropna().to_numpy()
    if not len(aside):
        return whole
    pieces = [*([] if whole is None else shapely.get_parts(whole)), *aside]
    return shapely.disjoint_subset_union_all(np.array(pieces, dtype=object))
