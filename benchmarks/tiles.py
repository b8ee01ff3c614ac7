"""The build by tiles: two workers against one, a large city against a smaller one, memory under two settings.

Usage: ``python -m benchmarks.tiles --size M`` reads the city and builds its store with one and with two workers (bar: 1.7
times as fast by the clock, so nothing else may run on the machine; peak memory is that of the largest process), then overlays the six layers in tiles of two sizes. With ``--beside M`` the
overlay of another size is measured too (bar M to L: 11 times the CPU seconds).
"""

from __future__ import annotations

import argparse
import hashlib
import json
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
    (read, made), (read2, made2) = ([float(word) for word in use.said.split()[:2]] for use in built)
    print(
        f"\ntwo workers: {(read + made) / (read2 + made2):.2f} times as fast as one by the clock (bar {BARS['two workers']}); "
        f"reading alone {read / read2:.2f}, building alone {made / made2:.2f}"
    )
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
    from benchmarks.one_site import AS_OF, space_of, write_space
    from onemap.engine import hire

    book = om.load_rulebook(AS_OF)
    with tempfile.TemporaryDirectory() as place:
        write_space(Path(place), space_of(folder.resolve(), size, book))
        start = time.perf_counter()
        with hire(workers) as crew:
            read = om.read_into(f"{place}/store", place, book.catalogue, workers=crew)
            between = time.perf_counter()
            town = om.build_city(read, book, f"{place}/store", workers=crew)
        end = time.perf_counter()
        listed = hashlib.sha256(json.dumps(town.stored.listed, sort_keys=True).encode()).hexdigest()[:12]
        faces = sum(row.count for row in town.stored.rows)
        return f"{between - start:.2f} {end - between:.2f} s to read and build; {faces:,} faces, objects {listed}"


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
