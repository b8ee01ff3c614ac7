"""The blueprint on disk: versions of it, opened without reading them, published in one step or not at all.

A folder holds ``objects/`` (tables named after their content), ``versions/`` (one list of objects per version),
``CURRENT``, which names the version that counts, and ``READ``, which notes how each layer was read. A version that is
written twice is the same files; a crash leaves objects that no version names, and nothing else.

2026-11: chosen against one GeoPackage, which must be read whole (3 s at 135,000 faces) and written whole (7.6 s)
whatever changed; it stays the form to hand on (``package``).
"""

from __future__ import annotations

import json
import os
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyproj
import shapely

from onemap.blueprint.arrangement import order_of
from onemap.blueprint.build import Blueprint
from onemap.blueprint.jobs import Row
from onemap.blueprint.kept import walks_in
from onemap.blueprint.notes import noted
from onemap.blueprint.objects import get, object_path, put, to_frame, to_table, write_whole
from onemap.blueprint.sheets import Frames, frames_of
from onemap.blueprint.slices import features_of
from onemap.engine import alone_in
from onemap.errors import InputError
from onemap.frames import (
    BALANCE,
    CONFLICTS,
    EXTENTS,
    FEATURES,
    ISSUES,
    PASSPORTS,
    QUARANTINE,
    SOURCES,
    empty,
)
from onemap.messages import Message

NAME = "blueprint"
CURRENT = "CURRENT"
FORMAT = 2
TABLES = {
    "conflicts": CONFLICTS,
    "extents": EXTENTS,
    "quarantine": QUARANTINE,
    "balance": BALANCE,
    "sources": SOURCES,
    "issues": ISSUES,
    "passports": PASSPORTS,
}
BY_TILE = ("faces", "covers", "unknowns", "conflict_faces")
KEPT_BYTES = 64 << 20  # of tables that an opened blueprint keeps in memory
REBUILD = Message("blueprint.rebuild")


def publish(
    folder: Path, manifest: dict, tables: dict, features: dict, rows: Iterable[Row], crs, keep: dict
) -> Path:
    """Make a version of objects that are there already, and let it count.

    tables : object of each name in ``TABLES`` and of what else there is; features : objects of each layer; keep : how
    it was cut into tiles, and objects for the next build. Returns the path of the version's list.
    """
    folder = Path(folder)
    tiles = put(folder, tile_table(rows))
    version = {
        "format": FORMAT,
        "crs": pyproj.CRS.from_user_input(crs).to_json_dict(),
        "manifest": manifest,
        "tables": dict(sorted((tables | {"tiles": tiles}).items())),
        "features": features,
        "cut": keep,
    }
    path = folder / "versions" / f"{manifest['version']}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, (json.dumps(version, ensure_ascii=False, indent=1) + "\n").encode())
    settle(chain([path], (object_path(folder, name) for name in objects_of(folder, version))))
    write_whole(folder / CURRENT, f"{manifest['version']}\n".encode())
    return path


def settle(paths: Iterable[Path]) -> None:
    """Let files reach the disk before anything relies on them, also should the power fail."""
    if hasattr(os, "sync"):
        os.sync()
        return
    for path in paths:
        handle = os.open(path, os.O_RDWR)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def current(folder: Path, version: str | None = None) -> dict | None:
    """The list of the version that counts (or of another); None where there is none.

    Raises ``InputError`` for one that is damaged or of another format.
    """
    folder = Path(folder)
    if version is None:
        try:
            version = (folder / CURRENT).read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None
    path = folder / "versions" / f"{version}.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as broken:
        raise InputError("blueprint.version.unreadable", where=str(path), mend=REBUILD) from broken
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise InputError("blueprint.format.other", where=str(path), mend=REBUILD)
    return found


def versions(folder: Path) -> list[str]:
    """The versions that a folder holds, sorted."""
    return sorted(path.stem for path in (Path(folder) / "versions").glob("*.json"))


def prune(folder: Path, keep: Iterable[str]) -> int:
    """Remove all versions but those to keep and the current one, and the objects that none needs; returns how many."""
    folder = Path(folder)
    kept = {*keep, *([v["manifest"]["version"]] if (v := current(folder)) else [])}
    for version in set(versions(folder)) - kept:
        (folder / "versions" / f"{version}.json").unlink()
    needed = set(noted(folder))
    for version in versions(folder):
        listed = current(folder, version)
        needed |= set(objects_of(folder, listed))
    removed = 0
    for path in (folder / "objects").glob("??/*.parquet"):
        if path.parent.name + path.stem not in needed:
            path.unlink()
            removed += 1
    return removed


def keep_newest(folder: Path, count: int) -> list[str]:
    """Keep the versions published last, the current one in any case; returns those that were removed.

    Raises ``InputError`` while a build works in the folder, and where a stopped one could still go on: what it has
    written no version names as yet.
    """
    folder = Path(folder)
    with alone_in(folder):
        if left := sorted(folder.glob(".building-*")):
            raise InputError("blueprint.prune.building", where=str(left[0]))
        before = versions(folder)
        published = {one: (folder / "versions" / f"{one}.json").stat().st_mtime_ns for one in before}
        prune(folder, sorted(before, key=lambda one: (published[one], one))[-count:])
        return sorted(set(before) - set(versions(folder)))


def objects_of(folder: Path, version: dict) -> Iterator[str]:
    """The names of all objects of a version, read from its lists as they are asked for."""
    yield from version["tables"].values()
    for names in version["features"].values():
        yield from names
    cut = version["cut"]
    if cut:
        yield from (cut["walks"], *cut["outlines"].values())
        yield from walks_in(folder, cut["walks"])
    for row in tiles_of(folder, version):
        yield from (row.faces, row.features)


def tile_table(rows: Iterable[Row]) -> pa.Table:
    """The list of tiles as a table, sorted by key."""
    rows = sorted(rows, key=lambda row: (row.key, row.part))
    return pa.table(
        {
            "key": pa.array([list(row.key) for row in rows], type=pa.list_(pa.int64())),
            "part": pa.array([row.part for row in rows], type=pa.string()),
            "faces": pa.array([row.faces for row in rows], type=pa.string()),
            "features": pa.array([row.features for row in rows], type=pa.string()),
            "bounds": pa.array([list(row.bounds) for row in rows], type=pa.list_(pa.float64())),
            "count": pa.array([row.count for row in rows], type=pa.int64()),
            "area_m2": pa.array([row.area_m2 for row in rows], type=pa.list_(pa.float64())),
        }
    )


def tiles_of(folder: Path, version: dict) -> list[Row]:
    """The list of tiles of a version."""
    table = get(folder, version["tables"]["tiles"])
    columns = [table[name].to_pylist() for name in Row._fields]
    return [
        Row(tuple(key), part, faces, features, tuple(bounds), count, area)
        for key, part, faces, features, bounds, count, area in zip(*columns, strict=True)
    ]


def put_frames(folder: Path, frames: dict[str, pd.DataFrame], crs) -> dict[str, str]:
    """The tables of these names written as objects."""
    return {name: put(folder, to_table(frame[TABLES[name]], crs)) for name, frame in frames.items()}


class Stored:
    """Where the frames of an opened blueprint come from: reads what is asked for, and keeps it."""

    def __init__(self, folder: Path, version: str | None = None):
        self.folder = Path(folder)
        self.listed = current(self.folder, version)
        if self.listed is None:
            raise InputError("blueprint.missing", where=str(folder))
        self.crs = pyproj.CRS.from_json_dict(self.listed["crs"])
        self.rows = tiles_of(self.folder, self.listed)
        self.bounds = np.array([row.bounds for row in self.rows]).reshape(-1, 4)
        self.counts = np.array([row.count for row in self.rows], dtype=np.int64)
        self.kept: OrderedDict[tuple[str, ...], pa.Table] = OrderedDict()
        self.held = 0  # bytes of the tables kept

    def __getstate__(self) -> dict:
        """What another process is handed: it reads for itself."""
        return self.__dict__ | {"kept": OrderedDict(), "held": 0}

    def load(self, name: str) -> dict[str, pd.DataFrame]:
        """The frame of that name, with those that come with it."""
        if name in BY_TILE:
            found = self.frames_at(np.arange(len(self.rows)))
            order = order_of(found.faces.geometry.to_numpy()) if len(found.faces) else []
            ranked = get(self.folder, self.listed["tables"]["conflicts"], ["conflict_id"])[
                "conflict_id"
            ].to_pylist()
            return in_order(found, np.asarray(order, dtype=np.intp), ranked)
        if name == "features":
            return {name: features_of(self.folder, chain(*self.listed["features"].values()), self.crs)}
        return {name: to_frame(get(self.folder, self.listed["tables"][name]), TABLES[name], self.crs)}

    def frames_at(self, chosen: np.ndarray, bounds: np.ndarray | None = None) -> Frames:
        """The frames of some tiles, of the faces only whose bounds meet any of the given ones."""
        pairs = [(self.table(self.rows[i].faces), self.table(self.rows[i].features)) for i in chosen]
        faces, features = [a for a, _ in pairs], [b for _, b in pairs]
        if not pairs:
            raise InputError("blueprint.faces.none", where=str(self.folder), mend=REBUILD)
        if bounds is None:
            return frames_of(faces, features, self.crs)
        own = np.concatenate([shapely.bounds(shapely.from_wkb(t["geometry"].to_numpy())) for t in faces])
        return frames_of(faces, features, self.crs, meet_any(own, bounds))

    def feature_columns(self, layers: list[str], columns: list[str]) -> pd.DataFrame:
        """Some columns of the features of these layers, which are not kept."""
        names = [name for layer in layers for name in self.listed["features"].get(layer, [])]
        tables = [get(self.folder, name, columns) for name in names]
        return to_frame(pa.concat_tables(tables), columns) if tables else empty(columns)

    def table(self, name: str, columns: list[str] | None = None) -> pa.Table:
        """A table, or some columns of it, the latest tables from memory."""
        key = (name, *(columns or ()))
        if key in self.kept:
            self.kept.move_to_end(key)
            return self.kept[key]
        found = get(self.folder, name, columns)
        if found.nbytes <= KEPT_BYTES:
            self.kept[key] = found
            self.held += found.nbytes
        while self.held > KEPT_BYTES:
            self.held -= self.kept.popitem(last=False)[1].nbytes
        return found


def in_order(found: Frames, order: np.ndarray, conflicts: list[str]) -> dict[str, pd.DataFrame]:
    """Frames of faces with the faces in another order, and the long frames in that of their faces and conflicts."""
    faces = found.faces.iloc[order].reset_index(drop=True)
    rank = pd.Index(faces["face_id"])
    long = {}
    for name in ("covers", "unknowns"):
        frame = getattr(found, name)
        at = np.argsort(rank.get_indexer(frame["face_id"]), kind="stable")
        long[name] = frame.iloc[at].reset_index(drop=True)
    pairs = found.conflict_faces
    at = np.lexsort((pairs["face_id"], pd.Index(conflicts).get_indexer(pairs["conflict_id"])))
    return {"faces": faces, **long, "conflict_faces": pairs.iloc[at].reset_index(drop=True)}


def with_bare(whole: list[gpd.GeoDataFrame], others: pd.DataFrame, crs) -> gpd.GeoDataFrame:
    """Features with their geometry, then others without. others : columns but ``geometry``"""
    bare = gpd.GeoDataFrame(others, geometry=np.full(len(others), None), crs=crs)
    return pd.concat([part for part in (*whole, bare) if len(part)] or [bare], ignore_index=True)[FEATURES]


def meet(boxes: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Which boxes (west, south, east, north) have a place in common with the bounds."""
    return (
        (boxes[:, 0] <= bounds[2])
        & (boxes[:, 2] >= bounds[0])
        & (boxes[:, 1] <= bounds[3])
        & (boxes[:, 3] >= bounds[1])
    )


def meeting_pairs(boxes: np.ndarray, bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which of the bounds (one row each) and which of the boxes have a place in common, as two lists of positions.

    >>> [part.tolist() for part in meeting_pairs(np.array([[0, 0, 1, 1], [5, 5, 6, 6]]), np.array([[1, 1, 2, 2]]))]
    [[0], [0]]
    """
    return shapely.STRtree(shapely.box(*boxes.T)).query(shapely.box(*bounds.T))


def meet_any(boxes: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Which boxes have a place in common with any of the bounds."""
    if len(bounds) == 1:
        return meet(boxes, bounds[0])
    found = np.zeros(len(boxes), dtype=bool)
    found[meeting_pairs(boxes, bounds)[1]] = True
    return found


def open_store(folder: Path, version: str | None = None) -> Blueprint:
    """A blueprint of which nothing is read before it is asked for.

    folder : of a store; version : another than the current one. Raises ``InputError`` when there is none.
    """
    stored = Stored(folder, version)
    return Blueprint.opened(stored, stored.crs, stored.listed["manifest"])
