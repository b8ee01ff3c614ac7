"""A workspace read into frames: features, extents, quarantine, passports, issues, sources."""

from __future__ import annotations

import difflib
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from onemap.errors import InputError
from onemap.frames import EXTENTS, FEATURES, PASSPORTS, QUARANTINE, SOURCES, empty
from onemap.land.crs import check_target, datum_code, place, resolve, town_box
from onemap.land.datum import prepare
from onemap.land.files import files_in, read_raw
from onemap.land.issues import Issues, issues_frame
from onemap.land.limits import limits
from onemap.land.partition import partition_issues
from onemap.land.source import Known, Part, establish, files_of, read_part
from onemap.land.workspace import Source, Workspace, load_workspace
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
    """
    space = workspace if isinstance(workspace, Workspace) else load_workspace(workspace)
    crs = check_target(space.crs, str(space.file))
    _check_layers(space, catalogue)
    known = Known(catalogue, crs, None, limits(catalogue, space.as_of), shifts_of(space, crs))
    parts: list[tuple[Source, Part]] = []
    issues: list[dict] = []
    town = None
    order = sorted(range(len(space.sources)), key=lambda i: space.sources[i].layer != space.town)
    for i in progress(order, "reading layers"):
        source = space.sources[i]
        if source.layer != space.town and town is None and space.town is not None:
            town = _town(space, parts, issues)
            if town is not None:
                known = known._replace(town=town_box(town, crs))
        new = _parts_of(space, source, known, issues)
        parts += [(source, part) for part in new]
        sure = [p.features.geometry.to_numpy() for p in new if _is_sure(p)]
        known = known._replace(trusted=(*known.trusted, *sure))
    if town is None and space.town is not None:
        town = _town(space, parts, issues)
    features = _features([p.features for _, p in parts], crs)
    quarantine = _stacked([p.quarantine for _, p in parts], QUARANTINE, crs)
    quarantine = _incomplete(parts, quarantine, issues, crs)
    extents = _extents(space, parts, town, known, issues)
    nowhere, stated = _statements(space, parts, town, known, issues)
    passports = _stacked([p.passports for _, p in parts], PASSPORTS)
    ids = features.drop_duplicates(["source", "source_fid", "layer"]).set_index(
        ["layer", "source", "source_fid"]
    )
    if len(passports):
        keys = pd.MultiIndex.from_frame(passports[["layer", "source", "source_fid"]])
        passports["feature_id"] = ids["feature_id"].reindex(keys).to_numpy()
    issues += partition_issues(features, catalogue, known.limits, town, space)
    sources = pd.DataFrame(
        [row for _, p in sorted(zip(_ranks(space, parts), parts, strict=True), key=lambda x: x[0]) for row in p[1].sources]
        + nowhere,
        columns=SOURCES, dtype=object,
    )  # fmt: skip
    return Layers(
        features,
        gpd.GeoDataFrame(extents + stated, columns=EXTENTS, geometry="geometry", crs=crs)
        if extents or stated
        else empty(EXTENTS, crs),
        quarantine, passports, issues_frame(issues), sources, space,
    )  # fmt: skip


def _is_sure(part: Part) -> bool:
    """Whether a part lies where it should by its own CRS, so that web-map coordinates can be held against it."""
    return len(part.features) > 0 and all(
        row["crs"] not in ("EPSG:4326", "OGC:CRS84") for row in part.sources
    )


def shifts_of(space: Workspace, crs) -> tuple:
    """The workspace's own changes of datum, each held against its check points.

    Raises InputError for an unknown datum or wrong parameters, CRSError when residuals exceed the stated limit.
    """
    found: dict = {}
    for entry in space.datum:
        base = datum_code(entry.old)
        if base is None:
            raise InputError(f"unknown datum '{entry.old}'", where=entry.at, mend="for example Xian 1980")
        own, goal = resolve(entry.crs, entry.at), resolve(entry.to_crs, entry.at) if entry.to_crs else crs
        if base in found:
            raise InputError(f"parameters from {entry.old} are given twice", where=entry.at)
        for what, one, datum in (("crs", own, base), ("to_crs", goal, crs.geodetic_crs.to_epsg())):
            if not one.is_projected or one.geodetic_crs.to_epsg() != datum:
                raise InputError(f"'{what}' is {one.name}, which is not on the datum meant", where=entry.at)
        found[base] = prepare(entry, base, own, goal)
    return tuple(found.values())


def _ranks(space: Workspace, parts) -> list[int]:
    place_of = {id(source): i for i, source in enumerate(space.sources)}
    return [place_of[id(source)] for source, _ in parts]


def _check_layers(space: Workspace, catalogue) -> None:
    names = list(catalogue.layers.index)
    codes = {str(code): layer for layer, code in catalogue.layers["code"].items()}
    for entry in (*space.sources, *space.none):
        if entry.layer not in names:
            near = codes.get(entry.layer) or next(
                iter(difflib.get_close_matches(entry.layer, names, 1, 0.5)), None
            )
            mend = f"did you mean '{near}'?" if near else "the catalogue lists the layers"
            raise InputError(f"unknown layer '{entry.layer}'", where=entry.at, mend=mend)
    if space.town is not None and space.town not in [s.layer for s in space.sources]:
        raise InputError(
            f"'town' names layer '{space.town}', which no source feeds",
            where=str(space.file),
            mend="add its source",
        )
    for entry in (*space.sources, *space.none):
        if entry.extent == "town" and space.town is None and isinstance(entry, Source):
            raise InputError(
                "extent 'town' without a town", where=entry.at, mend="say 'town: <layer>' at the top"
            )


def _parts_of(space: Workspace, source: Source, known: Known, issues: list[dict]) -> list[Part]:
    responsible = known.catalogue.layers.loc[source.layer].get("authority_zh") or None
    parts = []
    for file, shown in files_of(space, source):
        own = Issues(source.layer, shown, responsible)
        part = read_part(source, file, shown, known, own)
        for row in part.sources:
            if row["status"] == "empty":
                stated = any(n.layer == source.layer for n in space.none)
                row["message"] = row["message"] or "no feature in the file"
                if not stated:
                    row["message"] += "; an empty file is unknown, not nothing: state it under 'none'"
                    own.add("source_empty", value=row["path"], source=row["path"])
        issues += own.rows
        parts.append(part)
    return parts


def _town(space: Workspace, parts, issues: list[dict]):
    """The union of the town layer's features, or None with an issue."""
    shapes = [p.features.geometry.to_numpy() for s, p in parts if s.layer == space.town]
    shapes = np.concatenate(shapes) if shapes else np.array([], dtype=object)
    if len(shapes):
        return shapely.disjoint_subset_union_all(shapes)
    if not any(row["issue"] == "town_missing" for row in issues):
        own = Issues(space.town)
        own.add("town_missing", value=space.town)
        issues += own.rows
    return None


def _stacked(frames: list, columns: list[str], crs=None):
    full = [f for f in frames if len(f)]
    if not full:
        return empty(columns, crs)
    return plain(pd.concat(full, ignore_index=True)[columns])


def plain(frame):
    """The same frame with every column but numbers and geometry of object type, None where nothing is."""
    for column in frame.columns:
        if column != "geometry" and frame[column].dtype.kind not in "fiub":
            values = frame[column].astype(object)
            frame[column] = values.where(values.notna(), None)
    return frame


def _features(frames: list[gpd.GeoDataFrame], crs) -> gpd.GeoDataFrame:
    """All features with feature_id: layer and fid, with the file's stem where a layer has several files."""
    found = _stacked(frames, [*FEATURES, "declared_m2"], crs).drop(columns="declared_m2")
    if not len(found):
        return empty(FEATURES, crs)
    files = found.groupby("layer")["source"].nunique()
    stem = [Path(s).stem for s in found["source"]]
    several = found["layer"].map(files).to_numpy() > 1
    base = [
        f"{layer}:{name}:{fid}" if many else f"{layer}:{fid}"
        for layer, name, fid, many in zip(found["layer"], stem, found["source_fid"], several, strict=True)
    ]
    base = np.array(base, dtype=object)
    repeated = pd.Series(base).duplicated(keep=False).to_numpy()
    codes = found["class_code"].fillna("").astype(str).to_numpy()
    base[repeated] = [f"{b}:{c}" if c else b for b, c in zip(base[repeated], codes[repeated], strict=True)]
    count: Counter = Counter()
    for i, name in enumerate(base):
        count[name] += 1
        if count[name] > 1:
            base[i] = f"{name}#{count[name]}"
    found["feature_id"] = base
    return gpd.GeoDataFrame(found[FEATURES], geometry="geometry", crs=crs)


def _incomplete(parts, quarantine, issues: list[dict], crs):
    """A layer of several files of which one failed may have features anywhere: say so in the quarantine."""
    rows = [row for _, p in parts for row in p.sources]
    found = {row["layer"] for row in rows if row["status"] == "found"}
    more = []
    for row in rows:
        if row["layer"] in found and row["status"] in ("missing", "unreadable", "no_crs"):
            more.append(
                {"layer": row["layer"], "source": row["path"], "source_fid": None, "reason": "source_partial"}
            )
            own = Issues(row["layer"], row["path"])
            own.add("source_partial", value=row["path"])
            issues += own.rows
    if not more:
        return quarantine
    extra = gpd.GeoDataFrame(more, geometry=[None] * len(more), crs=crs)[QUARANTINE]
    return extra if not len(quarantine) else pd.concat([quarantine, extra], ignore_index=True)


def _extents(space: Workspace, parts, town, known: Known, issues: list[dict]) -> list[dict]:
    """Where each layer is known to be mapped; nothing for sources that gave no feature."""
    rows = []
    done: dict[int, list[Part]] = {}
    for source, part in parts:
        done.setdefault(id(source), []).append(part)
    for source in space.sources:
        mine = done.get(id(source), [])
        shapes = [p.features.geometry.to_numpy() for p in mine if len(p.features)]
        aside = [p.quarantine.geometry.dropna().to_numpy() for p in mine if len(p.quarantine)]
        if not any(row["status"] == "found" for p in mine for row in p.sources):
            continue
        if source.extent == "features":
            geom = (
                shapely.disjoint_subset_union_all(np.concatenate(shapes + aside)) if shapes or aside else None
            )
        else:
            geom = _extent(space, source, town, known, issues)
        if geom is not None and not geom.is_empty:
            rows.append({"layer": source.layer, "known_from": source.data_date, "geometry": geom})
    return rows


def _extent(space: Workspace, entry, town, known: Known, issues: list[dict]):
    if not isinstance(entry.extent, str):
        return shapely.box(*entry.extent)
    if entry.extent == "town":
        return town
    if entry.extent == "features":
        return None
    path, _, table = entry.extent.partition("#")
    try:
        shapes = []
        for file in files_in(space.resolve(path)):
            for raw in read_raw(file, table or None):
                crs, by_format = establish(raw, None, entry.at)
                placed = place(
                    raw.geometry,
                    crs,
                    known.crs,
                    town=known.town,
                    by_format=by_format,
                    where=entry.extent,
                    shifts=known.shifts,
                )
                shapes += [
                    g for g in placed.geoms if g is not None and g.geom_type in ("Polygon", "MultiPolygon")
                ]
        if not shapes or not shapely.is_valid(shapes).all():
            raise InputError("no valid polygon in the extent", where=entry.extent)
        return shapely.disjoint_subset_union_all(shapes)
    except InputError as error:
        own = Issues(entry.layer, entry.extent)
        own.add("extent_unreadable", value=entry.extent, message=str(error))
        issues += own.rows
        return None


def _statements(
    space: Workspace, parts, town, known: Known, issues: list[dict]
) -> tuple[list[dict], list[dict]]:
    """Sources rows and extents rows of the layers stated to exist nowhere."""
    rows, extents = [], []
    kept = {
        row["layer"] for _, p in parts for row in p.sources if row["rows_kept"] + row["rows_quarantined"] > 0
    }
    for entry in space.none:
        if entry.layer in kept:
            own = Issues(entry.layer, str(space.file.name))
            own.add("none_contradicted", value=entry.statement)
            issues += own.rows
            continue
        geom = _extent(space, entry, town, known, issues)
        rows.append({
            "layer": entry.layer, "path": None, "table": None, "status": "none", "rows_read": 0, "rows_kept": 0,
            "rows_quarantined": 0, "rows_empty": 0, "crs": None, "encoding": None, "data_date": entry.stated_on,
            "valid_until": entry.valid_until, "sha256": None, "message": entry.statement,
        })  # fmt: skip
        if geom is not None and not geom.is_empty:
            extents.append({"layer": entry.layer, "known_from": entry.stated_on, "geometry": geom})
    return rows, extents
