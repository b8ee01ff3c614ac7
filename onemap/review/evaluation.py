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
COMMITMENT = "by_commitment"
EMPTY_LIST = "none"


def evaluated(
    items: list[str], parcels, pieces: Pieces, blueprint, rulebook, units: pd.DataFrame
) -> pd.DataFrame:
    """Whether each project lies wholly in zones evaluated for an item, valid on the day and open to its category.

    A zone counts for certain only with an approving document and both dates of validity; without them it may
    count (unknown). Categories and uses on the zone's negative list (``excludes`` among its attributes, ``none`` for
    an empty list) never count. Commitment (告知承诺) needs that list: where a zone has none, it may count.

    index : project_id; columns : the items; values 1, 0, -1; attrs["features"] maps (project_id, item) to the
    feature ids that were counted, attrs["unlisted"] holds the (project_id, item) that only lack a list
    """
    zones = zone_features(blueprint, rulebook, items)
    out = pd.DataFrame(FALSE, index=units.index, columns=items, dtype=np.int8)
    out.attrs |= {"features": {}, "unlisted": set()}
    layers = list(rulebook.catalogue.layers.index[rulebook.catalogue.layers["group"] == GROUP])
    blanket = unknown_layers(blueprint.sources, blueprint.quarantine, layers, rulebook.as_of)
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
    long = long[long["area_m2"] > 0]
    unmapped = blueprint.unknowns.loc[blueprint.unknowns["layer"].isin(layers), "face_id"]
    dark = long[long["face_id"].isin(unmapped)]
    long = long.merge(covers, on="face_id")
    long = long.merge(zones, on="feature_id")
    own = units.loc[long["project_id"], ["category", "use"]]
    known = set(rulebook.catalogue.enumerations["value"])
    long["counts"] = [
        _open_to(row, listed, certain, known)
        for row, listed, certain in zip(
            own.itertuples(index=False), long["excludes"], long["certain"], strict=True
        )
    ]
    effect = rulebook.evaluations.set_index("item_code")["effect"]
    tolerance_m2, tolerance = rulebook.threshold("inside_tol_area"), rulebook.threshold("inside_tol_share")
    area = units["area_m2"]
    unseen = _wholly(dark, area, tolerance_m2, tolerance) | bool(blanket)
    for item in items:
        own = long[long["class_code"] == item]
        if own.empty:
            out[item] = np.where(unseen, UNKNOWN, FALSE).astype(np.int8)
            continue
        listed = effect.get(item) != COMMITMENT or own["excludes"].map(bool)
        maybe = _wholly(pd.concat([own[own["counts"] != FALSE], dark]), area, tolerance_m2, tolerance)
        open_ = _wholly(own[own["counts"] == TRUE], area, tolerance_m2, tolerance)
        sure = _wholly(own[(own["counts"] == TRUE) & listed], area, tolerance_m2, tolerance)
        out[item] = np.where(sure, TRUE, np.where(maybe | bool(blanket), UNKNOWN, FALSE)).astype(np.int8)
        out.attrs["unlisted"] |= {(project, item) for project in units.index[open_ & ~sure]}
        named = (
            own[own["counts"] != FALSE]
            .groupby("project_id")["feature_id"]
            .agg(lambda s: "|".join(sorted(set(s))))
        )
        out.attrs["features"].update({(p, item): ids for p, ids in named.items()})
    return out


def zone_features(blueprint, rulebook, items: list[str]) -> pd.DataFrame:
    """The evaluated zones: feature_id class_code certain (1 or -1) excludes (words of the negative list)."""
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


def _open_to(project, listed: set, certain: int, known: set) -> int:
    excluded = listed - {EMPTY_LIST}
    if not excluded:
        return certain
    words = [None if w is None or pd.isna(w) or w == "" else w for w in project]
    if excluded & set(words):
        return FALSE
    return UNKNOWN if None in words or excluded - known else certain


def _wholly(rows: pd.DataFrame, area: pd.Series, tolerance_m2: float, tolerance: float) -> np.ndarray:
    inside = rows.drop_duplicates("piece").groupby("project_id")["area_m2"].sum()
    outside = area - inside.reindex(area.index, fill_value=0.0)
    return ((outside <= tolerance_m2) & (outside / area <= tolerance)).to_numpy()
