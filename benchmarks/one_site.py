"""One site against an open blueprint, and many in a batch: ``python -m benchmarks.one_site --size M``.

The city's six layers stand for catalogue layers, all others are stated not to exist, so that every rule is answered. Prints
p50 and p95 (CPU ms) of the measured facts and of the whole review for sites chosen at random, what dominates, and how many
sites a CPU second reviews in a batch, tables written.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import yaml

import onemap as om
from benchmarks.measured import city
from onemap.review.check import Meetings, findings_of
from onemap.review.measure import measure, shared
from onemap.review.pieces import cut

AS_OF = "2024-03-01"
# city file → catalogue layer and the one class that all its rows get
LAYERS = {
    "land_use": ("land_survey", "0601"),
    "urban_plan": ("detailed_plan", "0701"),
    "farmland": ("permanent_basic_farmland", None),
    "redline": ("ecological_redline", None),
    "urban_bnd": ("urban_development_boundary", "010"),
    "eval_zones": ("evaluation_zones", "RE01"),
}
CENTRE = (41_500_000.0, 4_550_000.0)
REACH_M = {"S": 4_500.0, "M": 13_500.0, "L": 42_000.0}


def main() -> None:
    options = argparse.ArgumentParser(description=main.__doc__)
    options.add_argument("--size", default="S", choices=list(REACH_M))
    options.add_argument("--data", help="folder of the city, {size} is filled in; made when not given")
    options.add_argument("--sites", type=int, default=300)
    chosen = options.parse_args()
    folder = city(chosen.size, chosen.data).resolve()
    book = om.load_rulebook(AS_OF)
    start = time.process_time()
    town = om.build_blueprint(layers_of(folder, chosen.size, book), book)
    print(f"\nsites against {town!r} (read and built in {time.process_time() - start:.1f} CPU s)\n")
    parcels = om.read_parcels(folder / "parcels.gpkg", town.crs, book.catalogue).parcels
    at = np.random.default_rng(7).permutation(len(parcels))[: chosen.sites]
    start = time.process_time()
    om.review(parcels.iloc[[at[0]]], town, book)
    print(f"the first site, which lays out what all need: {time.process_time() - start:.2f} CPU s\n")
    one_by_one([parcels.iloc[[i]].reset_index(drop=True) for i in at], town, book)
    in_batch(parcels, town, book)


def layers_of(folder: Path, size: str, book):
    """The layers of the city, read through a workspace as a user would."""
    with tempfile.TemporaryDirectory() as place:
        write_space(Path(place), space_of(folder, size, book))
        return om.read_features(place, book.catalogue)


def space_of(folder: Path, size: str, book) -> dict:
    """What the workspace file of the city says: its six layers, and that there are no others."""
    reach = REACH_M[size]
    west, south = (middle - reach for middle in CENTRE)
    extent = [west, south, west + 2 * reach, south + 2 * reach]
    sources = [
        {"layer": layer, "path": str(folder / f"{name}.gpkg"), "extent": extent}
        | ({"class_code": code} if code else {})
        for name, (layer, code) in LAYERS.items()
    ]
    mapped = {row["layer"] for row in sources}
    none = [
        {"layer": layer, "statement": "benchmark", "stated_on": AS_OF, "extent": extent}
        for layer in book.catalogue.layers.index
        if layer not in mapped
    ]
    return {"name": folder.name, "crs": "EPSG:4529", "as_of": AS_OF, "sources": sources, "none": none}


def write_space(place: Path, space: dict) -> None:
    """The workspace file."""
    (place / "onemap.yaml").write_text(yaml.safe_dump(space, allow_unicode=True), encoding="utf-8")


def one_by_one(sites: list, town, book) -> None:
    """Every site alone: the facts, the whole review, and the share of its steps."""
    pieces = [cut(site, town) for site in sites]
    facts = [measure(site, town, book, own) for site, own in zip(sites, pieces, strict=True)]
    meetings = [
        Meetings(site, town, book, met.parcel, met.feature)
        for site, met in zip(sites, (shared(own, town) for own in pieces), strict=True)
    ]
    steps = {
        "cutting the site by the faces": each(sites, lambda i, site: cut(site, town)),
        "facts from its pieces": each(sites, lambda i, site: measure(site, town, book, pieces[i])),
        "findings": each(sites, lambda i, site: findings_of(facts[i], site, book, meetings[i])),
    }
    measured = each(sites, lambda i, site: measure(site, town, book))
    whole = each(sites, lambda i, site: om.review(site, town, book))
    drawn = each(sites, lambda i, site: om.review(site, town, book).overlaps)
    print(f"| {len(sites)} sites, one at a time, CPU ms | p50 | p95 | bar p95 |\n|---|---|---|---|")
    rows = {
        "measured facts": (measured, "20"),
        "whole review": (whole, "60"),
        "with overlaps drawn": (drawn, "–"),
    }
    for name, (spent, bar) in rows.items():
        print(f"| {name} | {np.median(spent):.1f} | {np.quantile(spent, 0.95):.1f} | {bar} |")
    for name, spent in steps.items():
        print(f"{name}: {spent.sum() / whole.sum():.0%} of the review")
    rest = 1 - sum(spent.sum() for spent in steps.values()) / whole.sum()
    print(f"preconditions, decisions, conflicts, frames: {rest:.0%}\n")


def each(sites: list, work: Callable) -> np.ndarray:
    """CPU milliseconds of the work on each site."""
    spent = []
    for i, site in enumerate(sites):
        start = time.process_time()
        work(i, site)
        spent.append(1e3 * (time.process_time() - start))
    return np.array(spent)


def in_batch(parcels, town, book) -> None:
    """All sites in one batch, in this process."""
    with tempfile.TemporaryDirectory() as out:
        start = time.process_time()
        om.review_batch(parcels, town, book, out)
        spent = time.process_time() - start
    print(
        f"batch of {len(parcels):,}: {spent:.2f} CPU s, {len(parcels) / spent:,.0f} sites a CPU second, tables written"
    )


if __name__ == "__main__":
    main()
