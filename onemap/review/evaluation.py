"""Which evaluation items a regional evaluation (区域评估) already answers for a site."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from onemap.blueprint.memory import covers_at
from onemap.blueprint.status import unknown_layers
from onemap.book.where import match
from onemap.frames import FALSE, TRUE, UNKNOWN
from onemap.review.measure import Pieces

GROUP = "evaluation"
EVIDENCE = "document_no?;valid_from?;valid_to?"


def evaluated(
    items: list[str], parcels, pieces: Pieces, blueprint, rulebook, units: pd.DataFrame
) -> pd.DataFrame:
    """Whether each project lies wholly in zones evaluated for an item, valid on the day and open to its category.

    A zone counts for certain only with an approving document and both dates of validity; without them it may
    count (unknown). Excluded categories (``excludes`` among the zone's attributes) never count.

    index : project_id; columns : the items; values 1, 0, -1; attrs["features"] maps (project_id, item) to the
    feature ids that were counted
    """
    zones = zone_features(blueprint, rulebook, items)
    out = pd.DataFrame(FALSE, index=units.index, columns=items, dtype=np.int8)
    out.attrs["features"] = {}
    layers = list(rulebook.catalogue.layers.index[rulebook.catalogue.layers["group"] == GROUP])
    blanket = unknown_layers(blueprint.sources, blueprint.quarantine, layers, rulebook.as_of)
    if zones.empty:
        return out if not blanket else out.assign(**dict.fromkeys(items, UNKNOWN))
    project = parcels["project_id"].to_numpy()[pieces.parcel]
    long = pd.DataFrame(
        {
            "project_id": project,
            "face_id": blueprint.faces["face_id"].to_numpy()[pieces.face],
            "piece": np.arange(len(pieces.face)),
            "area_m2": pieces.area_m2,
        }
    )
    covers = covers_at(blueprint, pieces.face)[["face_id", "feature_id"]]
    long = long[long["area_m2"] > 0].merge(covers, on="face_id")
    long = long.merge(zones, on="feature_id")
    long["category"] = long["project_id"].map(units["category"])
    long["counts"] = [
        _open_to(category, excluded, certain)
        for category, excluded, certain in zip(
            long["category"], long["excludes"], long["certain"], strict=True
        )
    ]
    tolerance_m2, tolerance = rulebook.threshold("inside_tol_area"), rulebook.threshold("inside_tol_share")
    area = units["area_m2"]
    for item in items:
        own = long[long["class_code"] == item]
        sure = _covered(own[own["counts"] == TRUE]).reindex(units.index, fill_value=0.0)
        maybe = _covered(own[own["counts"] != FALSE]).reindex(units.index, fill_value=0.0)
        inside = ((area - sure) <= tolerance_m2) & ((area - sure) / area <= tolerance)
        possible = ((area - maybe) <= tolerance_m2) & ((area - maybe) / area <= tolerance)
        out[item] = np.where(inside, TRUE, np.where(possible | bool(blanket), UNKNOWN, FALSE)).astype(np.int8)
        named = (
            own[own["counts"] != FALSE]
            .groupby("project_id")["feature_id"]
            .agg(lambda s: "|".join(sorted(set(s))))
        )
        out.attrs["features"].update({(p, item): ids for p, ids in named.items()})
    return out


def zone_features(blueprint, rulebook, items: list[str]) -> pd.DataFrame:
    """The evaluated zones: feature_id class_code certain (1 or -1) excludes (set of categories)."""
    layers = rulebook.catalogue.layers.index[rulebook.catalogue.layers["group"] == GROUP]
    zones = blueprint.features[blueprint.features["layer"].isin(layers)]
    zones = zones[zones["class_code"].isin(items)]
    if zones.empty:
        return pd.DataFrame(columns=["feature_id", "class_code", "certain", "excludes"])
    certain = match(zones, EVIDENCE, rulebook.as_of)
    excludes = [
        set(filter(None, (json.loads(a or "{}").get("excludes") or "").split("|")))
        for a in zones["attributes"]
    ]
    table = pd.DataFrame(
        {
            "feature_id": zones["feature_id"].to_numpy(),
            "class_code": zones["class_code"].to_numpy(),
            "certain": certain,
            "excludes": excludes,
        }
    )
    return table[table["certain"] != FALSE]


def _open_to(category, excluded: set, certain: int) -> int:
    if not excluded:
        return certain
    if category is None or pd.isna(category):
        return UNKNOWN
    return FALSE if category in excluded else certain


def _covered(rows: pd.DataFrame) -> pd.Series:
    once = rows.drop_duplicates("piece")
    return once.groupby("project_id")["area_m2"].sum()
