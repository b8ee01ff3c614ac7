"""Sites against six layers, area per site and feature: ours against the fastest peers known.

Usage: ``python -m benchmarks.sites --size M`` (S 500, M 5,000, L 50,000 sites).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.measured import LAYERS, city, compare, run, show


def main() -> None:
    """Compare whole processes on the same files."""
    options = argparse.ArgumentParser(description=main.__doc__)
    options.add_argument("--size", default="S", choices=["S", "M", "L"])
    options.add_argument("--format", default="parquet", choices=["parquet", "gpkg"])
    options.add_argument("--data", help="folder of the city, {size} is filled in; made when not given")
    options.add_argument("--repeat", type=int, default=3)
    options.add_argument("--worker", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    folder = city(chosen.size, chosen.data)
    files = [folder / f"{layer}.{chosen.format}" for layer in ("parcels", *LAYERS)]
    if chosen.worker:
        print(WORKERS[chosen.worker](files))
        return
    again = [
        "-m",
        "benchmarks.sites",
        "--size",
        chosen.size,
        "--format",
        chosen.format,
        "--data",
        str(folder),
    ]
    ways = {name: [sys.executable, *again, "--worker", name] for name in WORKERS}
    skipped = ["sedonadb, duckdb, PostGIS, QGIS: slower than shapely's tree at every size before"]
    first = run(ways["onemap"])
    print(f"first run (compiles when nothing is cached): {first.cpu_s:.2f} CPU s")
    show(
        f"sites against six layers, {chosen.size}, {chosen.format}",
        compare(ways, chosen.repeat, "onemap"),
        skipped,
    )


def load(files: list[Path]):
    import numpy as np

    from benchmarks.load import polygons

    return polygons(files[0]), np.concatenate([polygons(file) for file in files[1:]])


def by_onemap(files: list[Path]) -> str:
    from onemap.blueprint.areas import shared_areas

    site, _, area = shared_areas(*load(files))
    return f"{len(site):,} pieces, {area.sum():,.3f} m²"


def by_tree(files: list[Path]) -> str:
    """Shapely's tree, with sites or features that lie wholly inside the other taken as they are."""
    import shapely

    sites, features = load(files)
    site, feature = shapely.STRtree(features).query(sites, predicate="intersects")
    shapely.prepare(sites)
    shapely.prepare(features)
    area = shapely.area(features[feature])
    inside = shapely.contains(features[feature], sites[site])
    area[inside] = shapely.area(sites[site[inside]])
    cut = ~inside & ~shapely.contains(sites[site], features[feature])
    area[cut] = shapely.area(shapely.intersection(sites[site[cut]], features[feature[cut]]))
    return f"{(area > 0).sum():,} pieces, {area.sum():,.3f} m²"


def by_intersection(files: list[Path]) -> str:
    """Shapely's tree and the intersection of every pair."""
    import shapely

    sites, features = load(files)
    site, feature = shapely.STRtree(features).query(sites, predicate="intersects")
    area = shapely.area(shapely.intersection(sites[site], features[feature]))
    return f"{(area > 0).sum():,} pieces, {area.sum():,.3f} m²"


WORKERS = {"onemap": by_onemap, "shapely, contains": by_tree, "shapely, intersection": by_intersection}

if __name__ == "__main__":
    main()
