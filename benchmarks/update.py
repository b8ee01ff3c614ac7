"""A change in one plan: a build over the older version against one from nothing.

Usage: ``python -m benchmarks.update --size M``. One hundredth of a layer's features, side by side, are drawn in by a metre;
reading is not counted (it is the same for both), nor is loading the software. Bar: 5 % of the CPU seconds, the same bytes.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.measured import city
from benchmarks.one_site import AS_OF, layers_of

BAR = 0.05
SHARE = 0.01


def main() -> None:
    """Print CPU seconds of both ways and whether they end in the same version."""
    options = argparse.ArgumentParser(description=main.__doc__)
    options.add_argument("--size", default="S", choices=["S", "M", "L"])
    options.add_argument("--data", help="folder of the city, {size} is filled in; made when not given")
    options.add_argument("--layers", nargs="+", default=["land_survey", "detailed_plan"])
    chosen = options.parse_args()

    import onemap as om

    book = om.load_rulebook(AS_OF)
    layers = layers_of(city(chosen.size, chosen.data).resolve(), chosen.size, book)
    with tempfile.TemporaryDirectory() as place:
        old, over, once = (Path(place) / name for name in ("old", "over", "once"))
        timed_build(layers, book, old)
        shutil.rmtree(old)
        timed_build(layers, book, old)  # the second one, when everything is compiled and loaded
        print(f"\nchange of {SHARE:.0%} of a layer, {chosen.size}\n")
        print(
            "| layer | features changed | from nothing, CPU s | over the older version | ratio | same bytes |"
        )
        print("|---|---|---|---|---|---|")
        for name in chosen.layers:
            changed, count = drawn_in(layers, name)
            shutil.copytree(old, over)
            patched, version = timed_build(changed, book, over)
            full, _ = timed_build(changed, book, once)
            listed = [(folder / "versions" / f"{version}.json").read_bytes() for folder in (over, once)]
            same = "yes" if listed[0] == listed[1] else "NO"
            print(
                f"| {name} | {count:,} | {full:.2f} | {patched:.2f} | {patched / full:.3f} (bar {BAR}) | {same} |",
                flush=True,
            )
            for folder in (over, once):
                shutil.rmtree(folder)


def timed_build(layers, book, folder: Path) -> tuple[float, str]:
    """CPU seconds of a build, and the version that it made."""
    import onemap as om

    start = time.process_time()
    town = om.build_city(layers, book, folder)
    return time.process_time() - start, town.version


def drawn_in(layers, name: str):
    """The layers with some neighbours of one drawn in, and how many these are."""
    from onemap.land.area import ellipsoidal_area

    features = layers.features.copy()
    own = features[features["layer"] == name]
    middle = own.geometry.centroid
    far = np.hypot(middle.x - middle.x.mean(), middle.y - middle.y.mean())
    some = own.index[np.argsort(far)[: max(1, int(SHARE * len(own)))]]
    smaller = features.loc[some].geometry.buffer(-1.0)
    features.loc[some, "geometry"] = smaller.where(~smaller.is_empty, features.loc[some].geometry)
    features["area_m2"] = ellipsoidal_area(features.geometry.to_numpy(), features.crs)
    changed = layers._replace(features=features, sources=layers.sources.assign(sha256="changed"))
    return changed, len(some)


if __name__ == "__main__":
    main()
