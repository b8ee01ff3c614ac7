"""Six layers into one planar layer: ours against what is installed of the peers.

Usage: ``python -m benchmarks.union --size S`` (S, M or L), with ``--format gpkg`` or ``parquet``. Every answer is held
against the input: the faces of each layer, as often as the layer covers them, must have the area of its polygons.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from benchmarks.measured import LAYERS, city, compare, run, show
from benchmarks.sites import INSTALL, NEEDS, OVERLAPS_ITSELF, installed

EXACT = 1e-9
ONLY_AT = {
    "shapely": ("SM", "about 20 GB"),
    "duckdb-spatial": ("SM", "one union of all edges, which took 60 s at M before"),
    "sedonadb": ("SM", "one union of all edges"),
    "geopandas.overlay": ("S", "layers chained in pairs; no result in 840 s at M before"),
}


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
    skipped = [
        "QGIS, GRASS, OGR layer algebra, PostGIS: slower than all of these at every size before",
    ]
    for name, (sizes, reason) in ONLY_AT.items():
        if chosen.size not in sizes:
            del ways[name]
            skipped.append(f"{name} at {chosen.size}: {reason}")
    for name in [name for name in ways if name in NEEDS]:
        if absent := [module for module in NEEDS[name] if not installed(module)]:
            del ways[name]
            skipped.append(f"{name}: {', '.join(absent)} not installed; {INSTALL[name]}")
        elif chosen.format != "parquet":
            del ways[name]
            skipped.append(f"{name}: asked of GeoParquet only")
    if chosen.mapshaper:
        ways["mapshaper"] = [chosen.mapshaper, "-i", *files, "combine-files", "-union", "name=u"]
        ways["mapshaper"] += ["-calc", "sum(this.area)"]
        skipped.append(
            "mapshaper's areas: one id a face and layer, so the total (which includes voids) is all it can say"
        )
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

    layers = [polygons(Path(file)) for file in files]
    parts = overlay(np.concatenate(layers))
    return told(parts.faces, parts.face, parts.polygon, layers)


def told(faces, face, polygon, layers: list) -> str:
    """How many faces and covers, and how far the area of any layer's faces is from that of its polygons."""
    import numpy as np
    import shapely

    layer = np.repeat(np.arange(len(layers)), [len(part) for part in layers])
    got = np.bincount(layer[polygon], shapely.area(faces)[face], len(layers))
    want = np.array([shapely.area(part).sum() for part in layers])
    apart = (np.abs(got - want) / want).max()
    verdict = "" if apart < EXACT else " NOT THE SAME"
    return f"{len(faces):,} faces, {len(face):,} covers, layers' areas to {apart:.0e}{verdict}"


def by_shapely(files: list[str]) -> str:
    """Union of the rings, polygonize, label by inner points: what one writes first with shapely."""
    import numpy as np
    import shapely

    from benchmarks.load import polygons

    layers = [polygons(Path(file)) for file in files]
    lines = shapely.union_all(shapely.get_rings(shapely.get_parts(np.concatenate(layers))))
    return labelled(lines, layers)


def by_geopandas(files: list[str]) -> str:
    """Layers chained in pairs; the layer that overlaps itself is left out, since pairs would count its area twice."""
    import geopandas

    layers = [geopandas.read_parquet(file)[["geometry"]] for file in files if OVERLAPS_ITSELF not in file]
    whole = layers[0]
    for layer in layers[1:]:
        whole = geopandas.overlay(whole, layer, how="union", keep_geom_type=True)[["geometry"]]
    return f"{len(whole):,} faces of five layers, {whole.area.sum():,.0f} m²"


UNITED = "select ST_Union_Agg(ST_Boundary(geometry)) as lines from ({})"


def labelled(lines, layers: list) -> str:
    """Faces of noded lines and their covers, by shapely."""
    import numpy as np
    import shapely

    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(lines)))
    shapes = np.concatenate(layers)
    face, polygon = shapely.STRtree(shapes).query(shapely.point_on_surface(faces), predicate="within")
    return told(faces, face, polygon, layers)


def by_duckdb(files: list[str]) -> str:
    import duckdb
    import shapely
    from duckdb_extensions import import_extension

    from benchmarks.load import polygons

    import_extension("spatial")
    base = duckdb.connect()
    base.execute("load spatial")
    every = " union all ".join(f"select geometry from '{file}'" for file in files)
    united = UNITED.format(every)
    lines = shapely.from_wkb(base.execute(f"select ST_AsWKB(lines) from ({united})").fetchone()[0])
    return labelled(lines, [polygons(Path(file)) for file in files])


def by_sedonadb(files: list[str]) -> str:
    """Its ST_Union_Agg knows polygons only and gives NULL for lines (0.5), so the boundaries are collected first."""
    import sedonadb
    import shapely

    from benchmarks.load import polygons

    base = sedonadb.connect()
    for number, file in enumerate(files):
        base.read_parquet(file).to_view(f"layer{number}")
    every = " union all ".join(f"select geometry from layer{number}" for number in range(len(files)))
    united = f"select ST_UnaryUnion(ST_Collect_Agg(ST_Boundary(geometry))) as lines from ({every})"
    found = base.sql(f"select ST_AsBinary(lines) as lines from ({united})").to_pandas()
    lines = shapely.from_wkb(found["lines"].iloc[0])
    return labelled(lines, [polygons(Path(file)) for file in files])


WORKERS = {
    "onemap": by_onemap,
    "shapely": by_shapely,
    "duckdb-spatial": by_duckdb,
    "sedonadb": by_sedonadb,
    "geopandas.overlay": by_geopandas,
}

if __name__ == "__main__":
    main()
