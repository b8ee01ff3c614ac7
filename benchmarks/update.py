"""A change in one plan: reading and building over the older version against both from nothing.

Usage: ``python -m benchmarks.update --size M``. One hundredth of a layer's features, side by side, are drawn in by a metre in
a copy of its file; loading the software is not counted. Bar: 5 % of the CPU seconds of a full build, the same bytes.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.measured import city
from benchmarks.one_site import AS_OF, LAYERS, space_of, write_space

BAR = 0.05
SHARE = 0.01
CHANGING = "changing.gpkg"


def main() -> None:
    """Print CPU seconds of both ways and whether they end in the same version."""
    options = argparse.ArgumentParser(description=main.__doc__)
    options.add_argument("--size", default="S", choices=["S", "M", "L"])
    options.add_argument("--data", help="folder of the city, {size} is filled in; made when not given")
    options.add_argument("--layers", nargs="+", default=["land_survey", "detailed_plan"])
    chosen = options.parse_args()
    folder = city(chosen.size, chosen.data).resolve()
    with tempfile.TemporaryDirectory() as place:
        print(f"\nchange of {SHARE:.0%} of a layer, {chosen.size}, CPU s\n")
        print(
            f"| layer | features changed | read | over | ratio | build | over | ratio (bar {BAR}) | both | same bytes |"
        )
        print("|---|---|---|---|---|---|---|---|---|---|")
        for number, layer in enumerate(chosen.layers):
            one_change(folder, chosen.size, layer, Path(place) / layer, warm=number == 0)


def one_change(folder: Path, size: str, layer: str, place: Path, warm: bool) -> None:
    """Print the row of a layer. warm : build once before, so that everything is compiled and loaded"""
    import onemap as om

    book, name = om.load_rulebook(AS_OF), next(n for n, (one, _) in LAYERS.items() if one == layer)
    over, once = place / "over", place / "once"
    place.mkdir()
    space = space_of(folder, size, book)
    source = next(source for source in space["sources"] if source["layer"] == layer)
    shutil.copy(source["path"], place / CHANGING)
    source["path"] = CHANGING
    write_space(place, space)
    if warm:
        timed(place, book, over)
        shutil.rmtree(over)
    timed(place, book, over)
    count = draw_in(folder / f"{name}.gpkg", place / CHANGING)
    *patched, version = timed(place, book, over)
    *full, _ = timed(place, book, once)
    listed = [(store / "versions" / f"{version}.json").read_bytes() for store in (over, once)]
    cells = [f"{b:.2f} | {a:.2f} | {a / b:.3f}" for a, b in zip(patched, full, strict=True)]
    same = "yes" if listed[0] == listed[1] else "NO"
    print(
        f"| {layer} | {count:,} | {' | '.join(cells)} | {sum(patched) / sum(full):.3f} | {same} |", flush=True
    )
    shutil.rmtree(place)


def timed(place: Path, book, folder: Path) -> tuple[float, float, str]:
    """CPU seconds of reading and of building, and the version that came of it."""
    import onemap as om

    start = time.process_time()
    read = om.read_into(folder, place, book.catalogue)
    middle = time.process_time()
    town = om.build_city(read, book, folder)
    return middle - start, time.process_time() - middle, town.version


def draw_in(source: Path, target: Path) -> int:
    """Write a file anew with some neighbours drawn in; returns how many."""
    import geopandas as gpd
    import pyogrio

    table = pyogrio.list_layers(source)[0][0]
    frame = gpd.read_file(source, layer=table)
    middle = frame.geometry.centroid
    far = np.hypot(middle.x - middle.x.mean(), middle.y - middle.y.mean())
    some = frame.index[np.argsort(far)[: max(1, int(SHARE * len(frame)))]]
    smaller = frame.loc[some].geometry.buffer(-1.0)
    frame.loc[some, "geometry"] = smaller.where(~smaller.is_empty, frame.loc[some].geometry)
    target.unlink()
    frame.to_file(target, layer=table, driver="GPKG")
    return len(some)


if __name__ == "__main__":
    main()
