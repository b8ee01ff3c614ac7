"""Six layers into one planar layer: ours against what is installed of the peers.

Usage: ``python -m benchmarks.union --size S`` (S, M or L), with ``--format gpkg`` or ``parquet``.
"""

from __future__ import annotations

import argparse
import shutil
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
    options.add_argument("--mapshaper", default=shutil.which("mapshaper"), help="path of the program")
    options.add_argument("--worker", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    folder = city(chosen.size, chosen.data)
    files = [str(folder / f"{layer}.{chosen.format}") for layer in LAYERS]
    if chosen.worker:
        print(WORKERS[chosen.worker](files))
        return
    again = [
        "-m",
        "benchmarks.union",
        "--size",
        chosen.size,
        "--format",
        chosen.format,
        "--data",
        str(folder),
    ]
    ways = {name: [sys.executable, *again, "--worker", name] for name in WORKERS}
    skipped = ["QGIS, GRASS, OGR, geopandas.overlay, PostGIS, duckdb: slower than these at every size before"]
    if chosen.size == "L":
        del ways["shapely"]
        skipped.append("shapely at L: about 20 GB")
    if chosen.mapshaper:
        ways["mapshaper"] = [chosen.mapshaper, "-i", *files, "combine-files", "-union", "name=u", "-info"]
    else:
        skipped.append("mapshaper: not found; npm install mapshaper, then --mapshaper PATH")
    first = run(ways["onemap"])
    print(f"first run (compiles when nothing is cached): {first.cpu_s:.2f} CPU s")
    show(
        f"union of six layers, {chosen.size}, {chosen.format}",
        compare(ways, chosen.repeat, "onemap"),
        skipped,
    )


def by_onemap(files: list[str]) -> str:
    import numpy as np

    from benchmarks.load import polygons
    from onemap.blueprint.overlay import overlay

    parts = overlay(np.concatenate([polygons(Path(file)) for file in files]))
    return f"{len(parts.faces):,} faces, {len(parts.face):,} covers"


def by_shapely(files: list[str]) -> str:
    """Union of the rings, polygonize, label by inner points: what one writes first with shapely."""
    import numpy as np
    import shapely

    from benchmarks.load import polygons

    shapes = np.concatenate([polygons(Path(file)) for file in files])
    lines = shapely.union_all(shapely.get_rings(shapely.get_parts(shapes)))
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(lines)))
    inner = shapely.point_on_surface(faces)
    _, face = shapely.STRtree(shapes).query(inner, predicate="within")
    return f"{len(faces):,} faces, {len(face):,} covers"


WORKERS = {"onemap": by_onemap, "shapely": by_shapely}

if __name__ == "__main__":
    main()
