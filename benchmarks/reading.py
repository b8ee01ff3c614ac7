"""Reading polygons as the workspace reads them, against a bare pyogrio read with a validity check.

``python -m benchmarks.reading [--rows 200000] [--repeat 3]`` writes the same polygons as shapefile, GeoPackage and
GeoParquet, prints CPU seconds, their ratio and the salvage of a damaged GeoPackage. Nothing here is run by the tests.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
import warnings
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import shapely

from onemap.book.catalogue import load_catalogue
from onemap.land import read_features
from onemap.land.files import read_raw
from onemap.land.limits import limits
from onemap.land.ogr import read_ogr
from onemap.land.repair import repair

CRS = "EPSG:4529"
NAMES = {"shp": "z.shp", "gpkg": "z.gpkg", "parquet": "z.parquet"}


def polygons(rows: int, vertices: int = 20) -> gpd.GeoDataFrame:
    """Star-shaped plots of about 0.2 ha on a grid, with eight fields such as a survey has."""
    random = np.random.default_rng(20240301)
    side = int(np.ceil(np.sqrt(rows)))
    at = np.arange(rows)
    centre = np.column_stack([41_480_000.0 + 60 * (at % side), 4_530_000.0 + 60 * (at // side)])
    angle = 2 * np.pi * (np.arange(vertices) + random.uniform(0, 0.9, (rows, vertices))) / vertices
    radius = random.uniform(15, 29, (rows, vertices))
    x, y = centre[:, :1] + radius * np.cos(angle), centre[:, 1:] + radius * np.sin(angle)
    geoms = shapely.polygons(np.round(np.stack([x, y], axis=2), 4))
    codes = random.choice(["0101", "0102", "0103"], rows)
    return gpd.GeoDataFrame(
        {
            "BSM": [f"2103{i:014d}" for i in range(rows)], "YSDM": "2001010100", "TBBH": at, "DLBM": codes,
            "DLMC": [{"0101": "水田", "0102": "水浇地", "0103": "旱地"}[c] for c in codes], "QSXZ": "30", "ZLDWMC": "样例镇镕基村", "TBMJ": np.round(shapely.area(geoms), 2),
        },
        geometry=geoms, crs=CRS,
    )  # fmt: skip


def write(frame: gpd.GeoDataFrame, folder: Path) -> None:
    """The frame in the three formats."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pyogrio.write_dataframe(frame, folder / NAMES["shp"], encoding="GB18030")
        pyogrio.write_dataframe(frame, folder / NAMES["gpkg"])
    frame.to_parquet(folder / NAMES["parquet"])


def bare(path: Path):
    """What a script would do: read everything, ask whether it is valid."""
    if path.suffix == ".parquet":
        frame = gpd.read_parquet(path)
    else:
        frame = pyogrio.read_dataframe(path, **({"encoding": "GB18030"} if path.suffix == ".shp" else {}))
    return shapely.is_valid(frame.geometry.to_numpy()).all()


def checked(path: Path, bounds):
    """The reader of onemap with its counts, and repair."""
    (raw,) = read_raw(path)
    return repair(raw.geometry, CRS, bounds, raw.loose).reason == ""


def whole(folder: Path, name: str, catalogue):
    """All of it: placed, measured on the ellipsoid, harmonised, with ledger, duplicates, overlaps and gaps."""
    (folder / "onemap.yaml").write_text(
        f"name: b\ncrs: {CRS}\nsources:\n  - {{layer: land_survey, path: {name}}}\n", encoding="utf-8"
    )
    return read_features(folder, catalogue)


def damage(folder: Path, rows: int) -> Path:
    """The GeoPackage with one geometry in a thousand overwritten."""
    import shutil
    import sqlite3

    path = folder / "damaged.gpkg"
    shutil.copy(folder / NAMES["gpkg"], path)
    with sqlite3.connect(path) as base:
        base.execute("PRAGMA writable_schema = ON")
        for name in [r[0] for r in base.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]:
            base.execute(f'DROP TRIGGER "{name}"')
        table = base.execute("SELECT table_name FROM gpkg_contents").fetchone()[0]
        base.executemany(
            f"UPDATE \"{table}\" SET geom = x'4750' WHERE fid = ?", [(i,) for i in range(1, rows, 1000)]
        )
    return path


def measured(function, *arguments, repeat: int) -> tuple[float, object]:
    """Median CPU seconds of some runs, and the last result."""
    spent, result = [], None
    for _ in range(repeat):
        start = time.process_time()
        result = function(*arguments)
        spent.append(time.process_time() - start)
    return statistics.median(spent), result


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=200_000)
    options.add_argument("--repeat", type=int, default=3)
    asked = options.parse_args()
    catalogue = load_catalogue()
    bounds = limits(catalogue)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(polygons(asked.rows), folder)
        print(f"{asked.rows} polygons, CPU seconds, median of {asked.repeat}\n")
        print("| format | pyogrio + is_valid | read_raw + repair | ratio | read_features (all of it) |")
        print("|---|---|---|---|---|")
        for kind, file in NAMES.items():
            plain, _ = measured(bare, folder / file, repeat=asked.repeat)
            ours, good = measured(checked, folder / file, bounds, repeat=asked.repeat)
            full, layers = measured(whole, folder, file, catalogue, repeat=1)
            assert good.sum() == asked.rows == layers.sources["rows_kept"].sum()
            print(f"| {kind} | {plain:.2f} | {ours:.2f} | {ours / plain:.2f} | {full:.2f} |", flush=True)
        path = damage(folder, asked.rows)
        seconds, raw = measured(read_ogr, path, repeat=1)
        lost = int(shapely.is_missing(raw.geometry).sum())
        print(f"\ndamaged GeoPackage: {seconds:.2f} s, {len(raw.geometry)} rows, {lost} without geometry")


if __name__ == "__main__":
    main()
