"""What is known of all features as arrays by number, so that many faces can ask at once, in any process."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from onemap.blueprint.status import match_kinds, subject_rows, unknown_layers
from onemap.frames import FALSE, TRUE, UNKNOWN

NONE = np.iinfo(np.int64).max


class Subject(NamedTuple):
    """What a subject means: three-valued, per feature; the layers it rests on; whether it is defined on the day."""

    matches: np.ndarray
    layers: np.ndarray
    defined: bool


class Register(NamedTuple):
    """The polygons of a blueprint by number: first the features, then placed quarantined rows, then extents.

    layers : names, sorted; layer : of each feature, as position in ``layers``; governs : rank by precedence, newest
    first, then id, ``NONE`` for layers without; precedence : its number; by_id : rank by feature_id;
    quarantined, mapped : layer of each quarantined row and of each extent; partition : layers that ought to fill
    their extent; blanket : layers of which nothing can be said; subjects : of the conflict matrix, by name
    """

    layers: list[str]
    layer: np.ndarray
    feature_id: np.ndarray
    class_code: np.ndarray
    governs: np.ndarray
    precedence: np.ndarray
    by_id: np.ndarray
    quarantined: np.ndarray
    mapped: np.ndarray
    partition: np.ndarray
    blanket: np.ndarray
    subjects: dict[str, Subject]


def by_number(features):
    """The features in the order of their numbers: by layer and feature_id, in whatever order they were read."""
    return features.iloc[order_by_number(features)].reset_index(drop=True)


def order_by_number(features) -> np.ndarray:
    """The positions of the features in the order of their numbers."""
    if not len(features):
        return np.empty(0, dtype=np.int64)
    return np.lexsort([features[c].to_numpy(dtype=object) for c in ("feature_id", "layer")])


def make_register(features, quarantine, extents, sources, rulebook) -> Register:
    """The register of frames of features by number, quarantined rows and dissolved extents under a rule book.

    features : in the order of :func:`by_number`; quarantine : placed rows get numbers, rows without a place make their whole layer unknown; sources : says which layers there are. Raises KeyError for a layer that the catalogue lacks.
    """
    catalogue = rulebook.catalogue
    layers, partition, blanket = layers_said(sources, quarantine, rulebook)
    code = {name: i for i, name in enumerate(layers)}
    matrix = rulebook.conflict_types
    named = sorted(set(matrix["subject_a"]) | set(matrix["subject_b"]))
    layer = features["layer"].map(code).to_numpy(dtype=np.int16)
    governs, precedence = precedence_of(features, catalogue)
    return Register(
        layers=layers,
        layer=layer,
        feature_id=features["feature_id"].to_numpy(dtype=object),
        class_code=features["class_code"].to_numpy(dtype=object),
        governs=governs,
        precedence=precedence,
        by_id=rank_of(features["feature_id"]),
        quarantined=placed_rows(quarantine)["layer"].map(code).to_numpy(dtype=np.int16),
        mapped=extents["layer"].map(code).to_numpy(dtype=np.int16),
        partition=np.array(partition, dtype=bool),
        blanket=np.array(blanket, dtype=bool),
        subjects={name: subject_of(name, features, layer, code, rulebook) for name in named},
    )


def layers_said(sources, quarantine, rulebook) -> tuple[list[str], list[bool], list[bool]]:
    """The layers that sources name, sorted; which ought to fill their extent; of which nothing can be said."""
    layers = sorted(set(sources["layer"]))
    stated_none = sources.groupby("layer")["status"].agg(set).map(lambda s: s == {"none"})
    complete = rulebook.catalogue.layers["completeness"]
    reasons = unknown_layers(sources, quarantine, layers, rulebook.as_of)
    partition = [complete[name] == "partition" and not stated_none[name] for name in layers]
    return layers, partition, [name in reasons for name in layers]


def placed_rows(quarantine):
    """The quarantined rows that have a footprint."""
    return quarantine[~(quarantine.geometry.isna() | quarantine.geometry.is_empty)]


def subject_of(name: str, features, layer: np.ndarray, code: dict[str, int], rulebook) -> Subject:
    """A subject over all features; of layers that no source was named for nothing is known."""
    rows = subject_rows(rulebook, name)
    matches = np.full(len(features), FALSE, dtype=np.int8)
    for asked, where in rows:
        own = np.flatnonzero(layer == code.get(asked, -1))
        if len(own):
            found = match_kinds(features.iloc[own], where, rulebook.as_of)
            before = matches[own]
            matches[own] = np.where(
                (before == TRUE) | (found == TRUE),
                TRUE,
                np.where((before == UNKNOWN) | (found == UNKNOWN), UNKNOWN, FALSE),
            )
    asked = list(dict.fromkeys(asked for asked, _ in rows))
    known = all(one in code for one in asked)
    return Subject(
        matches, np.array([code[one] for one in asked if one in code], dtype=np.int64), bool(rows) and known
    )


def precedence_of(features: pd.DataFrame, catalogue) -> tuple[np.ndarray, np.ndarray]:
    """Each feature's rank as the one whose word counts, and its layer's precedence; ``NONE`` and -1 without.

    features : in the order of :func:`by_number`, in which equals stay
    """
    precedence = features["layer"].map(pd.to_numeric(catalogue.layers["precedence"], errors="coerce"))
    dates = pd.to_datetime(features["valid_from"], errors="coerce")
    newest = -dates.fillna(pd.Timestamp(0)).astype("int64").to_numpy()
    rank = np.empty(len(features), dtype=np.int64)
    rank[np.lexsort((newest, precedence.to_numpy(dtype=float)))] = np.arange(len(features))
    without = precedence.isna().to_numpy()
    rank[without] = NONE
    return rank, precedence.fillna(-1).to_numpy(dtype=np.int64)


def rank_of(words: pd.Series) -> np.ndarray:
    """The position of each word among all, sorted.

    >>> rank_of(pd.Series(["b", "a", "c"])).tolist()
    [1, 0, 2]
    """
    rank = np.empty(len(words), dtype=np.int64)
    rank[np.argsort(words.to_numpy(dtype=object), kind="stable")] = np.arange(len(words))
    return rank


def taken(values: np.ndarray, at: np.ndarray, without) -> np.ndarray:
    """The values at these positions, and ``without`` at negative ones.

    >>> taken(np.array([7, 8]), np.array([1, -1]), 0).tolist()
    [8, 0]
    """
    found = np.full(len(at), without, dtype=values.dtype)
    found[at >= 0] = values[at[at >= 0]]
    return found
