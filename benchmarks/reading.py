"""Reading polygons as the workspace reads them, against a bare pyogrio read with a validity check; and a million areas.

``python -m benchmarks.reading [--rows 200000] [--repeat 3] [--areas 1000000]`` writes scattered plots, and plots that
share every edge as a land survey does, as shapefile, GeoPackage and GeoParquet. It prints CPU seconds of a bare read;
of reading with counts, repair and passports (the bar is 1.5 bare reads); and of ``read_features`` whole, which also
places, measures, harmonises and looks for spikes, duplicates, overlaps and gaps; each as a ratio to the bare read of the
same round; the peak of memory so far; what takes the time; what the salvage of damaged files costs; and CPU seconds of
that many ellipsoidal areas, held against PROJ's own areal scale. Nothing here is run by the tests.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import resource
import shutil
import sqlite3
import statistics
import tempfile
import time
import warnings
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import pyproj
import shapely

from onemap.book.catalogue import load_catalogue
from onemap.land.area import ellipsoidal_area
from onemap.land.files import read_raw
from onemap.land.limits import limits
from onemap.land.read import read_features
from onemap.land.repair import repair

CRS = "EPSG:4529"
BAR = 1.5
STAGES = {
    "raws_of": "read", "repair": "validity and repair", "harmonise": "fields and codes", "ellipsoidal_area": "areas",
    "odd_features": "spikes", "duplicate_features": "duplicates", "mesh_of": "overlaps", "union_parts": "union", "sha256": "fingerprint",
}  # fmt: skip
NAMES = {"shp": "z.shp", "gpkg": "z.gpkg", "parquet": "z.parquet"}


def polygons(rows: int, vertices: int = 20) -> gpd.GeoDataFrame:
    """Star-shaped plots of about 0.2 ha on a grid, none touching another."""
    random = np.random.default_rng(20240301)
    side = int(np.ceil(np.sqrt(rows)))
    at = np.arange(rows)
    centre = np.column_stack([41_480_000.0 + 60 * (at % side), 4_530_000.0 + 60 * (at // side)])
    angle = 2 * np.pi * (np.arange(vertices) + random.uniform(0, 0.9, (rows, vertices))) / vertices
    radius = random.uniform(15, 29, (rows, vertices))
    x, y = centre[:, :1] + radius * np.cos(angle), centre[:, 1:] + radius * np.sin(angle)
    return described(shapely.polygons(np.round(np.stack([x, y], axis=2), 4)), random)


def parcels(rows: int, pieces: int = 5) -> gpd.GeoDataFrame:
    """Four-sided plots of about 0.36 ha without a gap between them, each side of so many shared edges."""
    random = np.random.default_rng(20240301)
    side = int(np.ceil(np.sqrt(rows)))
    corner = np.stack(np.meshgrid(np.arange(side + 1), np.arange(side + 1), indexing="ij"), axis=-1) * 60.0
    corner += [41_480_000.0, 4_530_000.0] + random.uniform(-15, 15, corner.shape)
    part = (np.arange(1, pieces) / pieces)[:, None]

    def between(a, b):
        line = a[..., None, :] + (b - a)[..., None, :] * part
        return line + random.uniform(-2, 2, line.shape)

    right, up = between(corner[:-1], corner[1:]), between(corner[:, :-1], corner[:, 1:])
    i, j = np.divmod(np.arange(rows), side)
    ring = [
        corner[i, j][:, None], right[i, j], corner[i + 1, j][:, None], up[i + 1, j],
        corner[i + 1, j + 1][:, None], right[i, j + 1][:, ::-1], corner[i, j + 1][:, None], up[i, j][:, ::-1],
    ]  # fmt: skip
    return described(shapely.polygons(np.round(np.concatenate(ring, axis=1), 4)), random)


def described(geoms: np.ndarray, random: np.random.Generator) -> gpd.GeoDataFrame:
    """Polygons with eight fields such as a survey has."""
    names = {"0101": "水田", "0102": "水浇地", "0103": "旱地"}
    codes = random.choice(list(names), len(geoms))
    return gpd.GeoDataFrame(
        {
            "BSM": [f"2103{i:014d}" for i in range(len(geoms))], "YSDM": "2001010100", "TBBH": np.arange(len(geoms)),
            "DLBM": codes, "DLMC": [names[c] for c in codes], "QSXZ": "30", "ZLDWMC": "样例镇镕基村",
            "TBMJ": np.round(shapely.area(geoms), 2),
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


def damaged_package(folder: Path, rows: int) -> Path:
    """The GeoPackage with one geometry in a thousand overwritten."""
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


def cut_geodatabase(folder: Path, frame: gpd.GeoDataFrame) -> Path:
    """The polygons as a file geodatabase whose last kilobytes are missing."""
    path = folder / "cut.gdb"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pyogrio.write_dataframe(frame, path, driver="OpenFileGDB")
    table = max(path.glob("*.gdbtable"), key=lambda p: p.stat().st_size)
    table.write_bytes(table.read_bytes()[:-4000])
    return path


def spent(function, *arguments) -> tuple[float, object]:
    """CPU seconds of one run, and its result."""
    start = time.process_time()
    result = function(*arguments)
    return time.process_time() - start, result


def compare(folder: Path, file: str, catalogue, bounds, rows: int, repeat: int) -> str:
    """One row of the table: medians, and medians of the ratios within a round."""
    rounds = []
    for _ in range(repeat):
        plain, _ = spent(bare, folder / file)
        ours, good = spent(checked, folder / file, bounds)
        full, layers = spent(whole, folder, file, catalogue)
        assert good.sum() == rows == layers.sources["rows_kept"].sum()
        rounds.append((plain, ours, full, ours / plain, full / plain))
    plain, ours, full, read, all_of_it = (statistics.median(values) for values in zip(*rounds, strict=True))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return f"{plain:.2f} | {ours:.2f} | {read:.2f} | {full:.2f} | {all_of_it:.2f} | {peak:.0f}"


def where_it_goes(folder: Path, file: str, catalogue) -> str:
    """The shares of the stages in one whole reading, largest first."""
    profile = cProfile.Profile()
    profile.runcall(whole, folder, file, catalogue)
    found = pstats.Stats(profile).stats
    total = max(row[3] for row in found.values())
    shares = {
        STAGES[name]: row[3] / total
        for (path, _, name), row in found.items()
        if name in STAGES and "onemap" in path
    }
    told = sorted(shares.items(), key=lambda item: -item[1])
    rest = 1 - sum(shares.values())
    return ", ".join(f"{name} {share:.0%}" for name, share in [*told, ("all else", rest)])


def areas(count: int) -> str:
    """CPU seconds of the areas of so many plots, and the largest departure of some from PROJ's areal scale."""
    geoms = polygons(count).geometry.to_numpy()
    seconds, found = spent(ellipsoidal_area, geoms, CRS)
    proj, picked = pyproj.Proj(CRS), np.arange(0, count, max(1, count // 500))
    middle = shapely.centroid(geoms[picked])
    scale = proj.get_factors(*proj(shapely.get_x(middle), shapely.get_y(middle), inverse=True)).areal_scale
    off = np.abs(found[picked] * scale / shapely.area(geoms[picked]) - 1).max()
    assert off < 1e-8, off
    corners = shapely.get_num_coordinates(geoms).sum()
    return f"areas of {count} polygons ({corners} coordinates): {seconds:.2f} s; {len(picked)} within {off:.0e} of PROJ's areal scale"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=200_000)
    options.add_argument("--repeat", type=int, default=3)
    options.add_argument("--areas", type=int, default=1_000_000)
    asked = options.parse_args()
    catalogue = load_catalogue()
    bounds = limits(catalogue)
    print(
        f"{asked.rows} polygons, CPU seconds, medians of {asked.repeat}; ratios to the bare read, bar {BAR}\n"
    )
    print(
        "| polygons | format | pyogrio + is_valid | read + repair | ratio | read_features | ratio | peak MB |"
    )
    print("|---|---|---|---|---|---|---|---|")
    shares = {}
    for shape, made in (("scattered", polygons(asked.rows)), ("sharing edges", parcels(asked.rows))):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write(made, folder)
            for kind, file in NAMES.items():
                row = compare(folder, file, catalogue, bounds, asked.rows, asked.repeat)
                print(f"| {shape} | {kind} | {row} |", flush=True)
            shares[shape] = where_it_goes(folder, NAMES["gpkg"], catalogue)
            if shape == "scattered":
                plain, _ = spent(bare, folder / NAMES["gpkg"])
                package, cut = damaged_package(folder, asked.rows), cut_geodatabase(folder, made)
                salvaged = [(path, *spent(read_raw, path)) for path in (package, cut)]
    print()
    for shape, told in shares.items():
        print(f"read_features of {shape}, GeoPackage: {told}")
    for path, seconds, (raw,) in salvaged:
        lost = raw.promised - len(raw.columns) + int(shapely.is_missing(raw.geometry).sum())
        print(
            f"salvage of {path.name}: {seconds:.2f} s ({seconds / plain:.2f} of a bare read), {lost} of {raw.promised} rows lost"
        )
    print(areas(asked.areas))


if __name__ == "__main__":
    main()
