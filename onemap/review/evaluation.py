"""Which evaluation items a regional evaluation (区域评估) already answers for a site."""

from __future__ import annotations

import json
from typing import NamedTuple

import numpy as np
import pandas as pd

from onemap.blueprint.memory import remembered
from onemap.blueprint.status import blanket_unknown, rows_of_layer
from onemap.book.where import match
from onemap.frames import FALSE, TRUE, UNKNOWN
from onemap.review.pieces import Pieces

GROUP = "evaluation"
EVIDENCE = "document_no?;valid_from?;valid_to?"
COMMITMENT = "by_commitment"
EMPTY_LIST = "none"


class Evaluated(NamedTuple):
    """What evaluations answer: per item 1, 0, -1 for every project; the rest by (project position, item).

    features : the ids of the zones that were counted; unlisted : what only lacks a zone's negative list
    """

    inside: dict[str, np.ndarray]
    features: dict[tuple[int, str], str]
    unlisted: set[tuple[int, str]]


class Zones(NamedTuple):
    """The evaluated zones: of : per feature its zone or -1; feature_id, item, certain (1 or -1), excludes : per zone."""

    of: np.ndarray
    feature_id: np.ndarray
    item: np.ndarray
    certain: np.ndarray
    excludes: list[frozenset[str]]


def evaluated(
    items: list[str], project: np.ndarray, pieces: Pieces, blueprint, rulebook, units: pd.DataFrame
) -> Evaluated:
    """Whether each project lies wholly in zones evaluated for an item, valid on the day and open to its category.

    A zone counts for certain only with an approving document and both dates of validity; without them it may
    count (unknown). Categories and uses on the zone's negative list (``excludes`` among its attributes, ``none`` for
    an empty list) never count. Commitment (告知承诺) needs that list: where a zone has none, it may count.

    project : the position among ``units`` of each parcel's project
    """
    ground = pieces.ground
    zones = remembered(
        blueprint, rulebook, ("zones", *items), lambda: zone_features(blueprint, rulebook, items)
    )
    layers = _layers(rulebook)
    blanket = any(layer in blanket_unknown(blueprint, rulebook) for layer in layers)
    real = np.flatnonzero(pieces.area_m2 > 0)
    of, area_m2 = project[pieces.parcel[real]], pieces.area_m2[real]
    at, layer = ground.unknowns.at(pieces.face[real])
    dark = np.zeros(len(real), dtype=bool)
    dark[at[np.isin(layer, [i for i, name in enumerate(ground.layers) if name in layers])]] = True
    piece, feature = ground.covers.at(pieces.face[real])
    zone = zones.of[feature]
    piece, zone = piece[zone >= 0], zone[zone >= 0]
    counts = _counts(zones, zone, of[piece], units, set(rulebook.catalogue.enumerations["value"]))
    effect = dict(zip(rulebook.evaluations["item_code"], rulebook.evaluations["effect"], strict=True))
    listed = np.array([bool(words) for words in zones.excludes], dtype=bool)
    area = units["area_m2"].to_numpy(dtype=float)
    tolerances = rulebook.threshold("inside_tol_area"), rulebook.threshold("inside_tol_share")

    def wholly(inside: np.ndarray) -> np.ndarray:
        outside = area - np.bincount(of, weights=area_m2 * inside, minlength=len(area))
        return (outside <= tolerances[0]) & (outside / area <= tolerances[1])

    def pieces_in(entries: np.ndarray) -> np.ndarray:
        inside = np.zeros(len(real), dtype=bool)
        inside[piece[entries]] = True
        return inside

    found = Evaluated({}, {}, set())
    unseen = np.where(wholly(dark) | blanket, UNKNOWN, FALSE).astype(np.int8)
    met = set(zones.item[np.unique(zone)])
    for item in items:
        if item not in met:
            found.inside[item] = unseen
            continue
        own = zones.item[zone] == item
        open_ = wholly(pieces_in(own & (counts == TRUE)))
        needs_list = effect.get(item) == COMMITMENT
        sure = wholly(pieces_in(own & (counts == TRUE) & listed[zone])) if needs_list else open_
        maybe = wholly(pieces_in(own & (counts != FALSE)) | dark) | blanket
        found.inside[item] = np.where(sure, TRUE, np.where(maybe, UNKNOWN, FALSE)).astype(np.int8)
        found.unlisted.update((at, item) for at in np.flatnonzero(open_ & ~sure).tolist())
        named: dict[int, set[str]] = {}
        for entry in np.flatnonzero(own & (counts != FALSE)).tolist():
            named.setdefault(int(of[piece[entry]]), set()).add(zones.feature_id[zone[entry]])
        found.features.update({(at, item): "|".join(sorted(ids)) for at, ids in named.items()})
    return found


def zone_features(blueprint, rulebook, items: list[str]) -> Zones:
    """The evaluated zones of the items, without those that are not in force."""
    rows = [rows_of_layer(blueprint, layer) for layer in _layers(rulebook)]
    rows = np.sort(np.concatenate(rows)) if rows else np.empty(0, dtype=np.intp)
    table = blueprint.features.iloc[rows]
    chosen = table["class_code"].isin(items).to_numpy()
    rows, table = rows[chosen], table[chosen]
    certain = match(table, EVIDENCE, rulebook.as_of)
    rows, table, certain = rows[certain != FALSE], table[certain != FALSE], certain[certain != FALSE]
    of = np.full(len(blueprint.features), -1)
    of[rows] = np.arange(len(rows))
    excludes = [json.loads(a or "{}").get("excludes") or "" for a in table["attributes"]]
    return Zones(
        of,
        table["feature_id"].to_numpy(dtype=object),
        table["class_code"].to_numpy(dtype=object),
        certain,
        [frozenset(filter(None, words.split("|"))) for words in excludes],
    )


def _layers(rulebook) -> list[str]:
    layers = rulebook.catalogue.layers
    return list(layers.index[layers["group"] == GROUP])


def _counts(zones: Zones, zone: np.ndarray, project: np.ndarray, units, known: set[str]) -> np.ndarray:
    """Per entry whether its zone counts for its project: 1, 0, -1."""
    category, use = (units[name].to_numpy(dtype=object) for name in ("category", "use"))
    said: dict[tuple, int] = {}
    out = np.empty(len(zone), dtype=np.int8)
    for entry, (z, p) in enumerate(zip(zone.tolist(), project.tolist(), strict=True)):
        key = (z, category[p], use[p])
        if key not in said:
            said[key] = _open_to(key[1:], zones.excludes[z], zones.certain[z], known)
        out[entry] = said[key]
    return out


def _open_to(project: tuple, listed: frozenset[str], certain: int, known: set[str]) -> int:
    excluded = listed - {EMPTY_LIST}
    if not excluded:
        return certain
    words = [None if w is None or pd.isna(w) or w == "" else w for w in project]
    if excluded & set(words):
        return FALSE
    return UNKNOWN if None in words or excluded - known else certain
