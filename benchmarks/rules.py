"""100 rules over 100,000 parcels' facts, answered column by column: python -m benchmarks.rules

Prints CPU seconds for the answers (every predicate and every rule's outcome with its evidence, the measured interval)
and, apart, for the findings as one long table with a row per parcel and rule.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from onemap.book.rulebook import load_rulebook
from onemap.frames import PARCELS
from onemap.review.check import findings_of, outcomes
from onemap.review.logic import answer
from onemap.review.measure import subjects_of
from onemap.review.project import parcel_units

AREA_M2 = 10_000.0


def rulebook_of(rules: int):
    """The packaged book with exactly so many control rules; repeated ones get ids of their own."""
    book = load_rulebook("2026-04-01", dates={"plan_approval": "2024-10-28"})
    own = book.rules
    table = pd.concat([own] * -(-rules // len(own)), ignore_index=True).iloc[:rules]
    table = table.assign(rule_id=[f"{rule}#{i:03d}" for i, rule in enumerate(table["rule_id"])])
    return replace(book, rules=table)


def facts_of(parcels: int, rulebook, seed: int = 7) -> tuple[pd.DataFrame, gpd.GeoDataFrame]:
    """Made-up facts of parcels against all subjects: a tenth inside, a tenth unknown; and their parcels."""
    rng = np.random.default_rng(seed)
    subjects = subjects_of(rulebook)
    n = parcels * len(subjects)
    share = np.where(rng.random(n) < 0.1, rng.random(n), 0.0)
    unknown = np.where(rng.random(n) < 0.1, rng.random(n), 0.0) * (1 - share)
    ids = np.array([f"P{i:06d}" for i in range(parcels)], dtype=object)
    facts = pd.DataFrame(
        {
            "parcel_id": np.repeat(ids, len(subjects)),
            "subject": np.tile(np.array(subjects, dtype=object), parcels),
            "overlap_area_m2": share * AREA_M2,
            "outside_area_m2": (1 - share - unknown) * AREA_M2,
            "unknown_area_m2": unknown * AREA_M2,
            "overlap_share": share,
            "outside_share": 1 - share - unknown,
            "known_share": 1 - unknown,
            "distance_m": rng.uniform(0, 3000, n),
            "distance_unknown_m": rng.uniform(0, 3000, n),
        }
    )
    uses = np.array(["industrial", "residential", "school", "road", None], dtype=object)
    frame = dict.fromkeys(PARCELS) | {
        "parcel_id": ids,
        "project_id": ids,
        "use": rng.choice(uses, parcels),
        "area_m2": np.full(parcels, AREA_M2),
        "geometry": shapely.points(rng.uniform(0, 1e4, parcels), rng.uniform(0, 1e4, parcels)),
    }
    return facts, gpd.GeoDataFrame(pd.DataFrame(frame), geometry="geometry", crs="EPSG:4529")


def cpu(work: Callable[[], object], repeat: int = 3) -> float:
    """The least CPU seconds of some runs."""
    spent = []
    for _ in range(repeat):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return min(spent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parcels", type=int, default=100_000)
    parser.add_argument("--rules", type=int, default=100)
    options = parser.parse_args()
    book = rulebook_of(options.rules)
    facts, parcels = facts_of(options.parcels, book)
    units = parcel_units(parcels)

    def answers():
        return outcomes(answer(facts, units, book), book)

    print(f"{len(parcels):,} parcels × {len(book.rules)} rules, {len(facts):,} facts")
    print(f"outcomes with evidence  {cpu(answers):6.2f} CPU s")
    if options.parcels <= 200_000:
        print(
            f"findings as a table     {cpu(lambda: findings_of(facts, parcels, book, NoMeetings()), 1):6.2f} CPU s"
        )


class NoMeetings:
    """Stands in for the look-up of feature names, which is work on the map and not on the rules."""

    def named(self, subject) -> dict:
        return {}

    def within(self, subject, at, distance) -> dict:
        return {}


if __name__ == "__main__":
    main()
