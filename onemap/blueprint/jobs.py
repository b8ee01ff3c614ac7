"""What one process does of a blueprint: pure functions of files, so that any number of them can share the work.

A job reads a folder that the build has prepared and writes objects, which are named after their content, and one file
of results. Done twice, or again after a crash, it does the same.
"""

from __future__ import annotations

import os
import pickle
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import shapely

from onemap.blueprint.arrangement import Trails
from onemap.blueprint.conflicts import SEVERITY, conflict_names, conflict_parts, sums_between
from onemap.blueprint.derive import face_ids, govern, measure_faces, members_of, sheet_of
from onemap.blueprint.kept import mark
from onemap.blueprint.objects import DRAFT, put
from onemap.blueprint.register import Register
from onemap.blueprint.sheets import Found, flat, join_tables, tables_of
from onemap.blueprint.tiles import Spread, arrange_tile

SITE_FILE, ATTRIBUTES_FILE = "site.pickle", "features.arrow"


class Site(NamedTuple):
    """What all jobs of a build share: where objects go, what polygons there are, and the law of the day.

    bounds : west, south, east, north of all polygons; spread : None where all was overlaid at once
    """

    store: Path
    crs: str
    bounds: np.ndarray
    register: Register
    rulebook: Any
    spread: Spread | None


class Row(NamedTuple):
    """One line of the list of tiles: its key, which part of its faces, their tables, bounds, number and layer areas."""

    key: tuple[int, int, int]
    part: str
    faces: str
    features: str
    bounds: tuple[float, float, float, float]
    count: int
    area_m2: list[float]


class Result(NamedTuple):
    """What a job found besides faces: rows of tiles, walks to be stitched, parts of conflicts and the tables that they
    stand in, areas by polygon."""

    rows: list[Row]
    loose: list[Trails]
    open: list[Trails]
    parts: pa.Table
    marks: pd.DataFrame
    polygon: np.ndarray
    planar: np.ndarray


def prepare_site(folder: Path, site: Site, attributes: pa.Table) -> None:
    """Write what the jobs of a build share."""
    with (
        pa.OSFile(str(folder / ATTRIBUTES_FILE), "wb") as sink,
        pa.ipc.new_file(sink, attributes.schema) as file,
    ):
        file.write_table(attributes)
    save(folder / SITE_FILE, site)


def site_of(folder: str) -> tuple[Site, pa.Table]:
    """What was prepared, read once per process; the attributes of features stay on the disk."""
    return _site_of(folder, os.stat(Path(folder) / SITE_FILE).st_mtime_ns)


@lru_cache(maxsize=2)
def _site_of(folder: str, written: int) -> tuple[Site, pa.Table]:
    attributes = pa.ipc.open_file(pa.memory_map(str(Path(folder) / ATTRIBUTES_FILE))).read_all()
    return load(Path(folder) / SITE_FILE), attributes


def tile_job(folder: str, tiles: tuple[int, ...]) -> str:
    """Work out some tiles and write their whole faces; returns the name of the file of results.

    folder : prepared by :func:`prepare_site`. Raises NotCertified for a tile whose arrangement cannot be proven.
    """
    site, _ = site_of(folder)
    name = f"tiles-{tiles[0]}-{tiles[-1]}-{len(tiles)}.pickle"
    path = Path(folder) / name
    if path.exists():
        return name
    found = [arrange_tile(site.spread, tile) for tile in tiles]
    owner = np.repeat(tiles, [len(one.faces) for one in found])
    faces, counts, polygons, area = (
        np.concatenate([getattr(one, part) for one in found])
        for part in ("faces", "counts", "polygons", "area")
    )
    rows, parts, marks = write_faces(folder, faces, counts, polygons, owner, site.spread.layout.keys, "inner")
    polygon, at = np.unique(polygons, return_inverse=True)
    planar = np.bincount(at, np.repeat(area, counts), len(polygon))
    trails = ([one.loose for one in found], [one.open for one in found])
    save(path, Result(rows, *trails, parts, marks, polygon, planar))
    return name


def seam_job(folder: str, name: str) -> str:
    """Write the faces that lie in several tiles, of some owners; returns the name of the file of results.

    name : of a file with faces (WKB), counts, polygons, owner and the keys of tiles
    """
    done = f"done-{name}"
    path = Path(folder) / done
    if not path.exists():
        faces, *rest = load(Path(folder) / name)
        save(path, only_faces(*write_faces(folder, shapely.from_wkb(faces), *rest, "seam")))
    return done


def only_faces(rows: list[Row], parts: pa.Table, marks: pd.DataFrame) -> Result:
    """A result without walks to be stitched."""
    none = np.empty(0, dtype=np.int64)
    return Result(rows, [], [], parts, marks, none, none.astype(float))


def write_faces(
    folder: str, faces, counts, polygons, owner, keys, part: str, stay: dict | None = None
) -> tuple[list[Row], pa.Table, pd.DataFrame]:
    """Write what follows for faces, one pair of tables per owner.

    stay : by key, the tables of faces that are written again beside the new ones. Returns rows, what the new faces hold
    of conflicts, and which tables that stands in.
    """
    site, attributes = site_of(folder)
    found = work_out(site, faces, counts, polygons)
    severity = site.rulebook.conflict_types["severity"].map(SEVERITY.index).to_numpy()
    rows, stay = [], dict(stay or {})
    for tile in np.unique(owner):
        key = tuple(int(k) for k in keys[tile])
        tables = tables_of(
            found, np.flatnonzero(owner == tile), site.register, severity, attributes, site.crs
        )
        rows.append(
            write_tables(site, key, part, join_tables([tables, stay.pop(key)]) if key in stay else tables)
        )
    rows += [write_tables(site, key, part, join_tables([tables])) for key, tables in stay.items()]
    members = found.members
    parts = conflict_parts(members, faces, found.area_m2, found.conflict, site.register)
    marks = [mark(keys[tile], part) for tile in owner[members.face]]
    held = pd.DataFrame({"conflict_id": found.conflict, "table": marks}).drop_duplicates()
    return rows, parts, held


def write_tables(site: Site, key: tuple[int, int, int], part: str, tables: tuple[pa.Table, pa.Table]) -> Row:
    """Write the tables of a tile and sum them up."""
    faces, features = tables
    code = {name: i for i, name in enumerate(site.register.layers)}
    layer = np.array([code[name] for name in features["layer"].to_pylist()], dtype=np.int64)
    face, at = flat(faces["covers"])
    sums = sums_by(layer[at.to_numpy()], faces["area_m2"].to_numpy()[face], len(code))
    bounds = shapely.total_bounds(shapely.from_wkb(faces["geometry"].to_numpy()))
    names = [put(site.store, table) for table in tables]
    return Row(key, part, *names, tuple(bounds.tolist()), faces.num_rows, sums)


def sums_by(group: np.ndarray, values: np.ndarray, groups: int) -> list[float]:
    """The sum of the values of each group, the same in whatever order they come."""
    order = np.argsort(group, kind="stable")
    cuts = np.searchsorted(group[order], np.arange(groups + 1))
    return sums_between(values[order], cuts).tolist()


def work_out(site: Site, faces: np.ndarray, counts: np.ndarray, polygons: np.ndarray) -> Found:
    """All that follows for faces from what covers them."""
    n, register = len(faces), site.register
    sheet = sheet_of(counts, polygons, register)
    area, sliver = measure_faces(faces, site.crs, site.bounds, site.rulebook)
    winner, reason = govern(sheet, n, register)
    members = members_of(sheet, n, register, site.rulebook)
    ids = np.array(face_ids(faces), dtype=object)
    reasons = np.array([*reason, None], dtype=object)[:n]
    conflict = conflict_names(members, register, site.rulebook)
    return Found(faces, ids, area, sliver, winner, reasons, sheet, members, conflict)


def save(path: Path, value) -> None:
    """Pickle a value into place in one step."""
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=DRAFT)
    with os.fdopen(handle, "wb") as file:
        pickle.dump(value, file, protocol=5)
    os.replace(draft, path)


def load(path: Path):
    """What :func:`save` saved."""
    with open(path, "rb") as file:
        return pickle.load(file)  # noqa: S301  written by this build, into its own folder
