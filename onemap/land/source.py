"""One file of one layer: read, placed, mended, harmonised, with every row accounted for."""

from __future__ import annotations

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from onemap.errors import CRSError, InputError
from onemap.frames import FEATURES, PASSPORTS, QUARANTINE, empty
from onemap.land.area import ellipsoidal_area
from onemap.land.crs import gauss_kruger, place, read_crs, resolve
from onemap.land.files import files_in, read_raw
from onemap.land.flat import Flat
from onemap.land.harmonise import harmonise, keep_rows
from onemap.land.issues import Issues
from onemap.land.limits import Limits
from onemap.land.mend import mend, note_issues
from onemap.land.postgis import is_address, read_postgis, without_password
from onemap.land.quality import duplicate_features, duplicate_keys, odd_features
from onemap.land.raw import UNREADABLE_PRJ, Raw, sha256, texts_of
from onemap.land.reconcile import reconcile
from onemap.land.repair import EMPTY_REASONS
from onemap.messages import Message, message_of, told

_WEB = ("EPSG:4326", "OGC:CRS84")


class Part(NamedTuple):
    """What one source gave: features without feature_id, quarantine, passports, its rows of sources and issues.

    ``web`` are the files whose coordinates are WGS84 degrees, with whether their format is one of web maps; ``rings``
    those of the features, where they are known.
    """

    features: gpd.GeoDataFrame
    quarantine: gpd.GeoDataFrame
    passports: pd.DataFrame
    sources: list[dict]
    issues: list[dict]
    web: list[tuple[str, bool]]
    rings: Flat | None = None


class Known(NamedTuple):
    """What a source is read against: the book, the workspace's CRS, tolerances, datum shifts, and the town.

    ``town`` is a polygon in ``crs`` and ``box`` its bounds in degrees; None while the town itself is read.
    """

    catalogue: object
    crs: pyproj.CRS
    limits: Limits
    shifts: tuple = ()
    town: object = None
    box: tuple | None = None


def read_source(space, source, known: Known) -> Part:
    """All rows of one source of a workspace, placed, mended and harmonised, each of them accounted for.

    Depends on the source's files, its entry in the workspace, the book and ``known``, on no other source but
    through the town's box, against which positions are held. Never raises for bad data.
    """
    responsible = known.catalogue.layers.loc[source.layer].get("authority_zh") or None
    stated = any(n.layer == source.layer for n in space.none)
    parts = []
    for file, shown in files_of(space, source):
        own = Issues(source.layer, shown, responsible)
        part = _read_file(source, file, shown, known, own)
        for row in part.sources:
            if row["status"] == "empty":
                row |= told(
                    Message("land.file.no_feature") if stated else Message("land.file.empty_is_unknown")
                )
                if not stated:
                    own.add("source_empty", value=row["path"], source=row["path"])
        parts.append(part)
    return _joined(parts)


def _joined(parts: list[Part]) -> Part:
    if len(parts) == 1:
        return parts[0]
    frames, lists = Part._fields[:3], Part._fields[3:6]
    return Part(
        **{name: _stack([getattr(p, name) for p in parts]) for name in frames},
        **{name: [item for p in parts for item in getattr(p, name)] for name in lists},
    )


def _read_file(source, path, shown: str, known: Known, issues: Issues) -> Part:
    row = {
        "layer": source.layer, "path": shown, "table": source.table, "status": "unreadable", "rows_read": 0,
        "rows_kept": 0, "rows_quarantined": 0, "rows_empty": 0, "crs": None, "encoding": None,
        "data_date": source.data_date, "valid_until": source.valid_until, "sha256": None,
    } | told()  # fmt: skip
    if not is_address(path) and not path.exists():
        row |= {"status": "missing", **told(Message("land.file.missing"))}
        issues.add("source_missing", value=shown)
        return _nothing([row], known, issues)
    try:
        raws = raws_of(path, source.table, source.encoding)
        row["sha256"] = raws[0].fingerprint if is_address(path) else sha256(path)
    except (InputError, OSError) as error:
        said = message_of(error) if isinstance(error, InputError) else str(error)
        row |= told(said)
        issues.add("source_unreadable", value=shown, message=said)
        return _nothing([row], known, issues)
    parts, rows, web = [], [], []
    for raw in raws:
        own = row | {"path": shown if len(raws) == 1 else f"{shown}/{raw.file.rpartition('/')[2]}"}
        own["table"] = raw.table or source.table
        rows.append(own)
        try:
            parts.append(_read_raw(raw, source, known, issues, own))
            if own["crs"] in _WEB:
                web.append((own["path"], raw.loose))
        except CRSError as error:
            own |= {"status": "no_crs", "rows_read": 0}
            own |= told(error.said, Message("land.rows.count", count=len(raw.columns)))
            issues.add("crs_refused", value=own["path"], message=error.said)
        except InputError as error:
            own |= {"status": "unreadable", "rows_read": 0} | told(error.said)
            issues.add("source_unreadable", value=own["path"], message=error.said)
    if not parts:
        return _nothing(rows, known, issues)
    *frames, rings = zip(*parts, strict=True)
    return Part(*map(_stack, frames), rows, issues.rows, web, rings[0] if len(rings) == 1 else None)


def _nothing(rows: list[dict], known: Known, issues: Issues) -> Part:
    """What a file gives that cannot be used."""
    frames = empty([*FEATURES, "declared_m2"], known.crs), empty(QUARANTINE, known.crs), empty(PASSPORTS)
    return Part(*frames, rows, issues.rows, [])


def raws_of(path, table: str | None, encoding: str | None) -> list[Raw]:
    """The raw tables of a file, or of a database address; InputError when there are none to be had."""
    return [read_postgis(path, table)] if is_address(path) else read_raw(path, table, encoding)


def files_of(space, source) -> list[tuple]:
    """(file or database address, name to show) of what a source names."""
    path = space.resolve(source.path)
    if is_address(path):
        return [(path, without_password(path))]
    try:
        files = files_in(path)
    except InputError:
        files = [path]
    inside = source.path.rstrip("/")
    return [(f, source.path if f == path else f"{inside}/{f.relative_to(path).as_posix()}") for f in files]


def _stack(frames) -> pd.DataFrame:
    full = [f for f in frames if len(f)]
    if not full:
        return frames[0]
    return full[0] if len(full) == 1 else pd.concat(full, ignore_index=True)


def establish(raw: Raw, wanted: str | None, at: str):
    """The CRS a file is in by its own word or, where it has none, by the workspace's; CRSError if they differ."""
    if wanted is None:
        return raw.crs, raw.by_format
    asked = resolve(wanted, at)
    if raw.crs is None or raw.by_format:
        return asked, False
    try:
        own = resolve(raw.crs, raw.file)
    except CRSError:
        own = read_crs(raw.crs, raw.file) if raw.crs != UNREADABLE_PRJ else None
        if own is None or own.datum is None or "nknown" in own.datum.name:
            return asked, False
        raise
    if own != asked and not own.equals(asked, ignore_axis_order=True) and _grid(own) != _grid(asked):
        raise CRSError("land.crs.two_words", where=raw.file, own=own.name, asked=asked.name)
    return asked, False


def _grid(crs: pyproj.CRS):
    """What makes two CRS the same grid: datum, method and parameters, whatever the names and axis order."""
    base = crs.geodetic_crs.to_epsg()
    if not crs.is_projected:
        return base
    operation = crs.coordinate_operation
    values = {p.name.lower(): round(p.value * p.unit_conversion_factor, 12) for p in operation.params}
    return base, operation.method_name, tuple(sorted(values.items())), crs.axis_info[0].unit_conversion_factor


def _read_raw(raw: Raw, source, known: Known, issues: Issues, row: dict):
    left_out = keep_rows(raw, source.where, source.at)
    lost = note_issues(raw, issues)
    row["encoding"] = raw.encoding or None
    total = max(raw.promised or 0, len(raw.columns))
    row["rows_read"] = total
    left_out = Message("land.rows.left_out", count=left_out) if left_out else None
    row |= told(left_out)
    said, by_format = establish(raw, source.crs, source.at)
    placed = place(
        raw.geometry, said, known.crs, town=known.box, accept_wgs84=source.accept_wgs84, by_format=by_format,
        where=raw.file, shifts=known.shifts,
    )  # fmt: skip
    row["crs"] = _crs_name(placed.crs)
    if placed.note:
        issues.add(placed.note, value=row["crs"], message=placed.detail)
    if placed.note == "datum_parameters":
        row |= told(left_out, placed.detail)
    table, bad = harmonise(raw, source, known.catalogue, known.limits, issues)
    mended = mend(raw, placed, lost, known, issues)
    reason = np.where(mended.reason == "", bad.to_numpy(), mended.reason)
    fids = texts_of(raw.columns.index)
    areas = ellipsoidal_area(mended.geoms, known.crs, rings=mended.rings)
    aside = ~np.isin(reason, ("", *EMPTY_REASONS))
    footprint = np.where(shapely.is_missing(mended.geoms), mended.footprint, mended.geoms)
    quarantine = [
        {"source_fid": fids[i], "reason": reason[i], "geometry": footprint[i]} for i in np.flatnonzero(aside)
    ]
    # a row without geometry could lie anywhere: it is counted as empty and makes its layer unknown
    nowhere = np.flatnonzero(reason == "no_geometry")
    quarantine += [{"source_fid": fids[i], "reason": "no_geometry", "geometry": None} for i in nowhere]
    missing = total - len(raw.columns)
    here = set(fids) if lost else ()
    gone = [fid for fid in lost if fid not in here]
    quarantine += [{"source_fid": fid, "reason": lost[fid], "geometry": None} for fid in gone]
    if missing > len(gone):
        quarantine.append({"source_fid": None, "reason": "row_missing", "geometry": None})
        issues.add(
            "row_missing",
            value=missing - len(gone),
            message=Message("land.rows.missing", promised=total, read=len(raw.columns)),
        )
    unplaced = [one["source_fid"] for one in quarantine if one["geometry"] is None]
    if unplaced:
        issues.add("layer_unplaced", "|".join(filter(None, unplaced[:20])) or None, value=len(unplaced))
    kept = reason == ""
    row["rows_kept"] = int(kept.sum())
    row["rows_quarantined"] = int(aside.sum()) + missing
    row["rows_empty"] = int(np.isin(reason, EMPTY_REASONS).sum())
    row["status"] = "found" if row["rows_kept"] + row["rows_quarantined"] else "empty"
    features = _features(table, raw, mended.geoms, areas, kept, source, row["path"], known.crs)
    passports = [card | {"source_fid": fids[i]} for i, card in mended.passports.items() if kept[i]]
    same = {"layer": source.layer, "source": row["path"]}
    reconcile(features, known.limits, issues)
    rings = mended.rings.renumbered(kept)
    odd_features(mended.geoms[kept], areas[kept], fids[kept], known.limits, issues, rings)
    duplicate_features(features, issues)
    duplicate_keys(raw.columns, issues)
    return (
        features,
        gpd.GeoDataFrame(
            {c: [same.get(c, q.get(c)) for q in quarantine] for c in QUARANTINE},
            geometry="geometry",
            crs=known.crs,
        ),
        pd.DataFrame([{c: (same | card).get(c) for c in PASSPORTS} for card in passports], columns=PASSPORTS),
        # as long as they stand in the order of the features
        rings if source.split is None and not mended.passports else None,
    )


def _crs_name(crs: pyproj.CRS) -> str:
    code = crs.to_authority()
    if code:
        return ":".join(code)
    twin = gauss_kruger(crs)
    return f"EPSG:{twin}" if twin else crs.name


def _features(table, raw: Raw, geoms, areas, kept, source, shown, crs) -> gpd.GeoDataFrame:
    at = np.arange(len(table))
    if table.index is not raw.columns.index and raw.columns.index.is_unique:
        at = raw.columns.index.get_indexer(table.index)
    wanted = kept[at]
    if not wanted.all():
        table, at = table[wanted], at[wanted]
    data = {c: table[c].to_numpy() for c in FEATURES if c in table.columns}
    data |= {
        "feature_id": None, "layer": source.layer, "source": shown, "source_fid": texts_of(table.index),
        "area_m2": areas[at], "declared_m2": table["declared_m2"].to_numpy(),
    }  # fmt: skip
    rows = {
        c: pd.Series(data[c], index=range(len(table)), dtype=float if c.endswith("_m2") else object)
        for c in [*FEATURES, "declared_m2"]
        if c != "geometry"
    }
    frame = pd.DataFrame(rows)
    return gpd.GeoDataFrame(frame, geometry=geoms[at], crs=crs)
