"""Sites against six layers, the area of every site in every layer: ours against the fastest peers known.

Usage: ``python -m benchmarks.sites --size M`` (S 500, M 5,000, L 50,000 sites). One of the layers overlaps itself, and what
lies in it twice counts once: every way is told which, and dissolves it by its own means. Planar areas, since the peers know
no others. Every answer is held against that of shapely's intersections of all pairs.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.measured import LAYERS, city, compare, run, show

OVERLAPS_ITSELF = "eval_zones"
ASKS_ALL = "shapely, every pair"
NEEDS = {
    "sedonadb": ("sedonadb", "geoarrow.pyarrow"),
    "duckdb-spatial": ("duckdb", "duckdb_extensions"),
}
INSTALL = {
    "sedonadb": "pip install sedonadb geoarrow-pyarrow",
    "duckdb-spatial": "pip install duckdb==1.5.5 duckdb-extensions==1.5.5 duckdb-extension-spatial==1.5.5",
}


def main() -> None:
    """Compare whole processes on the same files."""
    options = argparse.ArgumentParser(description=main.__doc__)
    options.add_argument("--size", default="S", choices=["S", "M", "L"])
    options.add_argument("--format", default="parquet", choices=["parquet", "gpkg"])
    options.add_argument("--data", help="folder of the city, {size} is filled in; made when not given")
    options.add_argument("--repeat", type=int, help="default: 3, at L 1")
    options.add_argument("--worker", help=argparse.SUPPRESS)
    options.add_argument("--answer", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    folder = city(chosen.size, chosen.data)
    files = [folder / f"{layer}.{chosen.format}" for layer in ("parcels", *LAYERS)]
    if chosen.worker:
        np.save(chosen.answer, WORKERS[chosen.worker](files))
        return
    ways, skipped = available(chosen.format)
    skipped.append("PostGIS, QGIS: slower than shapely's tree at every size before")
    again = [sys.executable, "-m", "benchmarks.sites", "--size", chosen.size, "--format", chosen.format]
    again += ["--data", str(folder)]
    with tempfile.TemporaryDirectory() as place:
        answers = {name: Path(place) / f"{number}.npy" for number, name in enumerate(ways)}
        commands = {name: [*again, "--worker", name, "--answer", str(path)] for name, path in answers.items()}
        first = run(commands["onemap"])
        print(f"first run (compiles when nothing is cached): {first.cpu_s:.2f} CPU s")
        rows = compare(commands, chosen.repeat or (1 if chosen.size == "L" else 3), "onemap")
        rows = [(*row[:-1], row[-1] or verdict(answers, row[0], files[0])) for row in rows]
    show(f"area of every site in each of six layers, {chosen.size}, {chosen.format}", rows, skipped)


def available(form: str) -> tuple[list[str], list[str]]:
    """The ways that can be gone here, and why the others cannot."""
    ways, skipped = [], []
    for name in WORKERS:
        absent = [module for module in NEEDS.get(name, ()) if not installed(module)]
        if absent:
            skipped.append(f"{name}: {', '.join(absent)} not installed; {INSTALL[name]}")
        elif name in NEEDS and form != "parquet":
            skipped.append(f"{name}: asked of GeoParquet only")
        else:
            ways.append(name)
    return ways, skipped


def installed(module: str) -> bool:
    """Whether a module can be imported."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def verdict(answers: dict[str, Path], name: str, parcels: Path) -> str:
    """The area found, and how far the answer is at worst from that of all pairs, as a share of the site."""
    import shapely

    from benchmarks.load import polygons

    own, all_pairs = np.load(answers[name]), np.load(answers[ASKS_ALL])
    apart = np.abs(own - all_pairs) / shapely.area(polygons(parcels))[:, None]
    return f"{own.sum():,.2f} m², at most {apart.max():.0e} of a site from {ASKS_ALL}"


def load(files: list[Path]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sites, features, and the layer (position) of each feature; the layer that overlaps itself is dissolved."""
    import shapely

    from benchmarks.load import polygons

    parts = [polygons(file) for file in files[1:]]
    own = LAYERS.index(OVERLAPS_ITSELF)
    parts[own] = shapely.get_parts(shapely.union_all(parts[own]))
    return (
        polygons(files[0]),
        np.concatenate(parts),
        np.repeat(np.arange(len(parts)), [len(p) for p in parts]),
    )


def by_layer(site: np.ndarray, layer: np.ndarray, area: np.ndarray, sites: int) -> np.ndarray:
    """The areas of pairs summed, sites × layers."""
    flat = np.bincount(site * len(LAYERS) + layer, weights=area, minlength=sites * len(LAYERS))
    return flat.reshape(sites, len(LAYERS))


def by_onemap(files: list[Path]) -> np.ndarray:
    from onemap.blueprint.areas import shared_areas

    sites, features, layer = load(files)
    site, feature, area = shared_areas(sites, features)
    return by_layer(site, layer[feature], area, len(sites))


def by_tree(files: list[Path]) -> np.ndarray:
    """Shapely's tree, with sites or features that lie wholly inside the other taken as they are."""
    import shapely

    sites, features, layer = load(files)
    site, feature = shapely.STRtree(features).query(sites, predicate="intersects")
    shapely.prepare(sites)
    shapely.prepare(features)
    area = shapely.area(features[feature])
    inside = shapely.contains(features[feature], sites[site])
    area[inside] = shapely.area(sites[site[inside]])
    cut = ~inside & ~shapely.contains(sites[site], features[feature])
    area[cut] = shapely.area(shapely.intersection(sites[site[cut]], features[feature[cut]]))
    return by_layer(site, layer[feature], area, len(sites))


def by_all_pairs(files: list[Path]) -> np.ndarray:
    """Shapely's tree and the intersection of every pair."""
    import shapely

    sites, features, layer = load(files)
    site, feature = shapely.STRtree(features).query(sites, predicate="intersects")
    area = shapely.area(shapely.intersection(sites[site], features[feature]))
    return by_layer(site, layer[feature], area, len(sites))


def by_geopandas(files: list[Path]) -> np.ndarray:
    """What an analyst writes first: an overlay per layer."""
    import geopandas

    sites, features, layer = load(files)
    parcels = geopandas.GeoDataFrame({"site": np.arange(len(sites))}, geometry=sites)
    out = np.zeros((len(sites), len(LAYERS)))
    for column in range(len(LAYERS)):
        one = geopandas.GeoDataFrame(geometry=features[layer == column])
        met = geopandas.overlay(parcels, one, how="intersection", keep_geom_type=True)
        out[:, column] = np.bincount(met["site"], weights=met.area, minlength=len(sites))
    return out


ASKED = """select p.p_id as site, sum(ST_Area(ST_Intersection(p.geometry, f.geometry))) as area
from parcels p join {layer} f on ST_Intersects(p.geometry, f.geometry) group by p.p_id"""


def by_sql(files: list[Path], ask) -> np.ndarray:
    """Site numbers and areas per layer from a database, as sites × layers."""
    from pyarrow.parquet import ParquetFile

    ids = ParquetFile(files[0]).read(columns=["p_id"])["p_id"].to_numpy()
    order = np.argsort(ids)
    out = np.zeros((len(ids), len(LAYERS)))
    for column, layer in enumerate(LAYERS):
        site, area = ask(ASKED.format(layer=layer))
        out[order[np.searchsorted(ids[order], site)], column] = area
    return out


def by_sedonadb(files: list[Path]) -> np.ndarray:
    import sedonadb

    base = sedonadb.connect()
    for file in files:
        if file.stem != OVERLAPS_ITSELF:
            base.read_parquet(str(file)).to_view(file.stem)
    own = next(file for file in files if file.stem == OVERLAPS_ITSELF)
    base.read_parquet(str(own)).to_view("overlapping")
    union = "select ST_Union_Agg(geometry) as geometry from overlapping"
    base.sql(f"select unnest(ST_Dump(({union}))) as part").to_view("parts")
    base.sql("select part['geom'] as geometry from parts").to_memtable().to_view(OVERLAPS_ITSELF)

    def ask(query: str) -> tuple[np.ndarray, np.ndarray]:
        table = base.sql(query).to_pandas()
        return table["site"].to_numpy(), table["area"].to_numpy()

    return by_sql(files, ask)


def by_duckdb(files: list[Path]) -> np.ndarray:
    import duckdb
    from duckdb_extensions import import_extension

    import_extension("spatial")
    base = duckdb.connect()
    base.execute("load spatial")
    for file in files:
        read = f"select * from '{file}'"
        if file.stem == OVERLAPS_ITSELF:
            union = f"select ST_Union_Agg(geometry) as whole from ({read})"
            read = f"select part.geom as geometry from (select unnest(ST_Dump(whole)) as part from ({union}))"
        base.execute(f"create table {file.stem} as {read}")

    def ask(query: str) -> tuple[np.ndarray, np.ndarray]:
        table = base.execute(query).fetchnumpy()
        return table["site"], table["area"]

    return by_sql(files, ask)


WORKERS = {
    "onemap": by_onemap,
    "shapely, contains": by_tree,
    ASKS_ALL: by_all_pairs,
    "sedonadb": by_sedonadb,
    "duckdb-spatial": by_duckdb,
    "geopandas.overlay": by_geopandas,
}

if __name__ == "__main__":
    main()
