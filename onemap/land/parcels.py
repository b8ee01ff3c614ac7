"""Sites read into the parcels frame."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from onemap.errors import InputError
from onemap.frames import PARCELS, empty
from onemap.land.area import ellipsoidal_area
from onemap.land.columns import PARCEL_FIELDS, in_words, map_columns
from onemap.land.crs import check_target, near, place
from onemap.land.files import files_in
from onemap.land.harmonise import declared_m2, enumeration
from onemap.land.issues import Issues, issues_frame
from onemap.land.layer import plain, read_layer, with_town
from onemap.land.limits import limits
from onemap.land.mend import mend, note_issues
from onemap.land.partition import overlaps
from onemap.land.postgis import is_address, without_password
from onemap.land.quality import odd_features
from onemap.land.raw import UNREADABLE_PRJ, Raw
from onemap.land.read import known_of
from onemap.land.reconcile import reconcile
from onemap.land.source import Known, establish, raws_of
from onemap.land.values import text
from onemap.land.workspace import Workspace, load_workspace
from onemap.messages import Message
from onemap.progress import progress

LEDGER = ["path", "rows_read", "rows_kept", "rows_quarantined", "rows_empty"]
ENUMERATED = ("category", "use", "supply_mode", "project_level", "approval_type", "siting")

_NO_SITE = ("no_geometry", "collapsed", "not_a_polygon", "ambiguous_polygon", "absurd_coordinates")


class Sites(NamedTuple):
    """The parcels frame in the blueprint's CRS, what was wrong with the files, and their rows: read, kept, refused, empty."""

    parcels: gpd.GeoDataFrame
    issues: pd.DataFrame
    sources: pd.DataFrame


def read_parcels(path, crs, catalogue, fields=None, workspace=None, stated=None) -> Sites:
    """Sites of a file, of all files in a folder, or of a database table, as parcels (m², ``crs`` of the blueprint) with issues.

    ``fields`` maps canonical fields to columns of the files; ``workspace`` (path or Workspace) gives the town to
    check positions against, and the reading options under ``sites``; ``stated`` is the CRS of files that do not say theirs. Rows without a usable polygon become issues,
    not parcels. Raises InputError, or CRSError, when nothing could be read of any file.
    """
    path = path if is_address(path) else Path(path)
    target = check_target(crs)
    space = (
        load_workspace(workspace)
        if workspace is not None and not isinstance(workspace, Workspace)
        else workspace
    )
    options = space.sites if space is not None and space.sites is not None else None
    known = (
        known_of(space, catalogue, target)
        if space is not None
        else Known(catalogue, target, limits(catalogue))
    )
    if space is not None and space.town is not None:
        known = with_town(known, read_layer(space, space.town, known))
    overrides = dict(options.fields if options else {}) | dict(fields or {})
    frames, rows, failures, ledger = [], [], [], []
    seen: set[str] = set()
    named = without_password(path) if is_address(path) else str(path)
    for file in progress([path] if is_address(path) else files_in(path), Message("house.progress.sites")):
        if is_address(path):
            shown = named
        else:
            shown = file.name if file == path else file.relative_to(path).as_posix()
        own = Issues(None, shown)
        try:
            for raw in raws_of(
                file, options.table if options else None, options.encoding if options else None
            ):
                raw.file = shown
                seen |= {str(c).strip().lower() for c in raw.columns.columns}
                frames.append(_parcels(raw, known, overrides, options, own, stated))
                ledger.append(_counted(raw, frames[-1]))
        except InputError as error:
            failures.append(error)
            own.add("source_unreadable", value=shown, message=error.said)
        rows += own.rows
    if failures and not frames:
        raise failures[0]
    for field, column in overrides.items():
        if column.strip().lower() not in seen:
            mend = Message("house.there_are", names=sorted(seen)[:20])
            raise InputError("land.sites.column_missing", where=named, mend=mend, column=column, field=field)
    own = Issues()
    parcels = _identify(frames, own, target)
    _overlapping(parcels, own, known.limits.hit_min_area)
    return Sites(parcels, issues_frame(rows + own.rows), pd.DataFrame(ledger, columns=LEDGER))


def _counted(raw: Raw, rows: pd.DataFrame) -> dict:
    """The rows of a file: those that became parcels, and those that did not, with and without a shape."""
    total, kept = max(raw.promised or 0, len(raw.columns)), len(rows)
    bare = shapely.is_missing(raw.geometry) | shapely.is_empty(raw.geometry)
    empty_rows = int((bare & ~raw.columns.index.isin([fid for _, fid, _ in raw.notes])).sum())
    return dict(zip(LEDGER, (raw.file, total, kept, total - kept - empty_rows, empty_rows), strict=True))


def _parcels(raw: Raw, known: Known, overrides: dict, options, issues: Issues, stated) -> pd.DataFrame:
    crs, bounds = known.crs, known.limits
    lost = note_issues(raw, issues)
    silent = raw.crs is None or raw.by_format or raw.crs == UNREADABLE_PRJ
    wanted = (options.crs if options else None) or (stated if silent else None)
    said, by_format = establish(raw, wanted, raw.file)
    placed = place(
        raw.geometry, said, crs, town=known.box, accept_wgs84=bool(options and options.accept_wgs84),
        by_format=by_format, where=raw.file, shifts=known.shifts,
    )  # fmt: skip
    if placed.note:
        issues.add(placed.note, value=placed.crs.name, message=placed.detail)
    if raw.loose and placed.crs.to_epsg() == 4326:
        issues.add("web_map", value=raw.file)
    gone = {fid: code for fid, code in lost.items() if code != "no_attributes"}
    mended = mend(raw, placed, gone, known, issues)
    reason = mended.reason
    missing = (raw.promised or 0) - len(raw.columns)
    if missing > 0:
        issues.add(
            "row_missing",
            value=missing,
            message=Message("land.rows.missing", promised=raw.promised, read=len(raw.columns)),
        )
    for i in np.flatnonzero(reason == ""):
        if not near(np.array(mended.geoms[i].bounds), crs, known.box):
            reason[i] = "outside_town"
            issues.add("outside_town", str(raw.columns.index[i]), value=mended.geoms[i].centroid.wkt)
    rows = _fields(raw, known.catalogue, overrides, issues)
    named = dict(zip(rows.index, rows["project_name"].fillna(rows["project_id"]), strict=True))
    for row in issues.rows:
        if row["source_fid"] in named and row["issue"] in _NO_SITE:
            row |= {"value": named[row["source_fid"]], "severity": "error"}
    rows["geometry"] = mended.geoms
    rows["area_m2"] = ellipsoidal_area(mended.geoms, crs)
    rows = rows[reason == ""]
    reconcile(rows, bounds, issues, crs)
    odd_features(
        rows["geometry"].to_numpy(),
        rows["area_m2"].to_numpy(float),
        rows.index.map(str).tolist(),
        bounds,
        issues,
    )
    return rows


def _fields(raw: Raw, catalogue, overrides: dict, issues: Issues) -> pd.DataFrame:
    """Parcel columns of every row as text or words of the enumerations, and declared_m2."""
    present = {str(c).strip().lower() for c in (*raw.columns.columns, *raw.aliases.values())}
    usable = {f: c for f, c in overrides.items() if c.strip().lower() in present}
    mapped = map_columns(
        "sites", list(raw.columns.columns), catalogue, usable, PARCEL_FIELDS, raw.file, raw.aliases
    )
    columns, _ = in_words(raw, mapped)
    out = pd.DataFrame(index=columns.index)
    for field in PARCEL_FIELDS:
        if field == "area":
            continue
        name = mapped.columns.get(field)
        values = columns[name] if name is not None else pd.Series([None] * len(columns), index=columns.index)
        values = values.iloc[:, 0] if isinstance(values, pd.DataFrame) else values
        words = pd.Series([text(v) or None for v in values], index=columns.index, dtype=object)
        out[field] = _words(words, field, catalogue, issues) if field in ENUMERATED else words
    area = mapped.columns.get("area")
    unit = mapped.units.get("area") or "m2"
    out["declared_m2"] = declared_m2(columns[area], unit, issues) if area is not None else math.nan
    out["source"], out["source_fid"] = raw.file, columns.index.map(str)
    return out


def _words(words: pd.Series, field: str, catalogue, issues: Issues) -> pd.Series:
    labels = enumeration(catalogue, field)
    found = [labels.get(w.lower()) if w else None for w in words]
    for (fid, word), value in zip(words.items(), found, strict=True):
        if word and value is None:
            issues.add("unknown_word", str(fid), field=field, value=word)
    return pd.Series(found, index=words.index, dtype=object)


def _identify(frames: list[pd.DataFrame], issues: Issues, crs) -> gpd.GeoDataFrame:
    """One frame with project_id and unique parcel_id; duplicates get a suffix and an issue."""
    frames = [f for f in frames if len(f)]
    if not frames:
        return empty(PARCELS, crs)
    rows = pd.concat(frames, ignore_index=True)
    stems = [Path(s).stem for s in rows["source"]]
    lone = rows.groupby("source")["source_fid"].transform("size") == 1
    made = [
        stem if one else f"{stem}-{fid}"
        for stem, fid, one in zip(stems, rows["source_fid"], lone, strict=True)
    ]
    project = [p or q or m for p, q, m in zip(rows["project_id"], rows["project_name"], made, strict=True)]
    base = []
    for i, parcel in enumerate(rows["parcel_id"]):
        if parcel and project[i] not in parcel:
            base.append(f"{project[i]}-{parcel}")
        else:
            base.append(
                parcel or (f"{project[i]}-{rows['source_fid'][i]}" if rows["project_id"][i] else made[i])
            )
    count: Counter = Counter()
    taken = set(base)
    for i, name in enumerate(base):
        count[name] += 1
        if count[name] == 1:
            continue
        new = f"{name}#{count[name]}"
        while new in taken:
            count[name] += 1
            new = f"{name}#{count[name]}"
        taken.add(new)
        base[i] = new
        issues.add(
            "duplicate_id",
            rows["source_fid"][i],
            field="parcel_id",
            value=name,
            source=rows["source"][i],
            message=new,
        )
    rows["parcel_id"], rows["project_id"] = base, project
    rows["project_name"] = [n or p for n, p in zip(rows["project_name"], project, strict=True)]
    rows["declared_area_m2"] = rows["declared_m2"]
    return plain(gpd.GeoDataFrame(rows[PARCELS], geometry="geometry", crs=crs))


def _overlapping(parcels: gpd.GeoDataFrame, issues: Issues, least_m2: float) -> None:
    for project, group in parcels.groupby("project_id", sort=True):
        if len(group) < 2:
            continue
        for i, j, _, area in overlaps(group.geometry.to_numpy(), parcels.crs, least_m2):
            one, two = group.iloc[i], group.iloc[j]
            issues.add(
                "parcel_overlap", one["source_fid"], source=one["source"], value=f"{area:.2f}",
                message=Message("land.sites.overlap", one=one["parcel_id"], two=two["parcel_id"], project=project),
            )  # fmt: skip
