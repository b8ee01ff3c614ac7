"""The build by tiles: two workers against one, a large city against a smaller one, memory under two settings.

Usage: ``python -m benchmarks.tiles --size M`` builds the store with one and with two workers (bar: 1.7 times as fast by the
clock, so nothing else may run on the machine), then overlays the six layers in tiles of two sizes. With ``--beside M`` the
overlay of another size is measured too (bar M to L: 11 times the CPU seconds). Reading is not counted in the build.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measured import LAYERS, Use, city, run

SETTINGS = (25_000, 250_000)
BARS = {"two workers": 1.7, "ratio": 11.0, "peak": 4096}


def main() -> None:
    """Print what was measured beside what was promised."""
    options = argparse.ArgumentParser(description=main.__doc__)
    options.add_argument("--size", default="S", choices=["S", "M", "L"])
    options.add_argument("--beside", choices=["S", "M", "L"], help="another size, for the ratio of the two")
    options.add_argument("--data", help="folder of the city, {size} is filled in; made when not given")
    options.add_argument("--worker", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    folder = city(chosen.size, chosen.data)
    if chosen.worker:
        kind, _, number = chosen.worker.partition(":")
        print(WORKERS[kind](folder, chosen.size, int(number)))
        return

    def measured(worker: str, size: str = chosen.size) -> Use:
        data = ["--data", chosen.data] if chosen.data else []
        use = run([sys.executable, "-m", "benchmarks.tiles", "--size", size, *data, "--worker", worker])
        print(
            f"| {worker}, {size} | {use.cpu_s:.2f} | {use.wall_s:.2f} | {use.peak_mb:.0f} | {use.said} |",
            flush=True,
        )
        return use

    print("\n| way | CPU s | wall s | peak MB | what came out |\n|---|---|---|---|---|")
    built = [measured(f"build:{workers}") for workers in (1, 2)]
    tiled = [measured(f"overlay:{corners}") for corners in SETTINGS]
    beside = measured("overlay:0", chosen.beside) if chosen.beside else None
    own = measured("overlay:0") if chosen.beside else None
    one, two = (float(use.said.split()[0]) for use in built)
    print(f"\ntwo workers: {one / two:.2f} times as fast as one by the clock (bar {BARS['two workers']})")
    same = len({use.said.partition(";")[2] for use in built}) == 1 and len({use.said for use in tiled}) == 1
    print(f"the same faces and areas whatever the workers and tiles: {'yes' if same else 'NO'}")
    peaks = ", ".join(
        f"{use.peak_mb:.0f} MB at {n:,} corners" for n, use in zip(SETTINGS, tiled, strict=True)
    )
    print(f"peak memory: {peaks} (bar {BARS['peak']} MB)")
    if own and beside:
        print(
            f"{chosen.beside} to {chosen.size}: {own.cpu_s / beside.cpu_s:.1f} times the CPU seconds (bar {BARS['ratio']:g} for M to L)"
        )


def build(folder: Path, size: str, workers: int) -> str:
    import onemap as om
    from benchmarks.one_site import AS_OF, layers_of

    book = om.load_rulebook(AS_OF)
    layers = layers_of(folder.resolve(), size, book)
    with tempfile.TemporaryDirectory() as place:
        start = time.perf_counter()
        town = om.build_city(layers, book, place, workers=workers)
        spent = time.perf_counter() - start
        return f"{spent:.2f} s; {len(town.faces):,} faces, {town.faces['area_m2'].sum():,.3f} m²"


def overlay(folder: Path, size: str, corners: int) -> str:
    """The six layers in tiles of so many corners; 0 : as the overlay itself chooses."""
    import numpy as np
    import shapely

    from benchmarks.load import polygons
    from onemap.blueprint.overlay import overlay as cut

    parts = cut(np.concatenate([polygons(folder / f"{layer}.parquet") for layer in LAYERS]), corners or None)
    return (
        f"{len(parts.faces):,} faces, {len(parts.face):,} covers, {shapely.area(parts.faces).sum():,.3f} m²"
    )


WORKERS = {"build": build, "overlay": overlay}

if __name__ == "__main__":
    main()
