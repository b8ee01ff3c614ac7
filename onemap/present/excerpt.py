"""One project with the land around it, cut out of a whole review: small enough to travel, complete enough to ask again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from onemap.present.around import land_around
from onemap.present.window import site_window

SLACK_M = 50.0  # for boundaries that are moved when an answer is tried again


def excerpts(review: Any) -> Callable[[str], Any]:
    """A function from project id to the same review with one project and the land around it.

    The land reaches beyond the map's window and beyond the largest distance that a rule asks for, so the map, the
    findings and what follows from moved boundaries are those of the whole; a distance that is longer is not kept.
    """
    by_project = {
        name: _grouped(getattr(review, name), "project_id")
        for name in ("parcels", "decisions", "findings", "preconditions", "conflicts")
    }
    by_parcel = {name: _grouped(getattr(review, name), "parcel_id") for name in ("facts", "overlaps")}
    feature_at = pd.Index(review.features["feature_id"])
    reach = reach_m(review.rulebook)

    def excerpt(project_id: str) -> Any:
        own = {name: take(project_id) for name, take in by_project.items()}
        parcels = own["parcels"]["parcel_id"]
        own |= {
            name: pd.concat([take(one) for one in parcels]) if len(parcels) != 1 else take(parcels.iloc[0])
            for name, take in by_parcel.items()
        }
        overlaps = own.pop("overlaps")
        met = set(overlaps["feature_id"])
        met |= {one for ids in own["findings"]["feature_ids"] for one in str(ids or "").split("|") if one}
        here = np.sort(feature_at.get_indexer([one for one in met if one in feature_at]))
        left, bottom, right, top = site_window(review.blueprint, own["parcels"])
        window = (left - reach, bottom - reach, right + reach, top + reach)
        return replace(
            review,
            features=review.features.iloc[here],
            blueprint=land_around(review.blueprint, window),
            draw_overlaps=lambda: overlaps,
            **own,
        )

    return excerpt


def reach_m(rulebook: Any) -> float:
    """The largest distance in metres that any rule asks for, with some slack."""
    asked = rulebook.predicates["measure"] == "distance_m"
    return float(rulebook.predicates.loc[asked, "threshold"].max() if asked.any() else 0.0) + SLACK_M


def _grouped(frame: pd.DataFrame, column: str) -> Callable[[str], pd.DataFrame]:
    groups = frame.groupby(column).indices
    return lambda key: frame.iloc[groups[key]] if key in groups else frame.iloc[:0]
