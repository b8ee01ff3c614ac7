"""What is known at each face: inside a subject, outside it, or unknown."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import numpy as np
import pandas as pd

from onemap.blueprint.memory import Ground, ground_of, recalled, remembered
from onemap.book.where import match, parse
from onemap.frames import FALSE, TRUE, UNKNOWN

USABLE = ("found", "none")
PART_OF = "part_of"
VALIDITY = ("law_status", "valid_from", "valid_to")  # what decides whether a feature is in force
BLOCK = 1 << 17  # faces at a time
VALUES = np.array([FALSE, UNKNOWN, TRUE], dtype=np.int8)
RANKS = np.array([0, 2, 1], dtype=np.uint8)  # of 0, 1 and -1


def unknown_layers(
    sources: pd.DataFrame, quarantine: pd.DataFrame, layers: list[str], as_of: date
) -> dict[str, str]:
    """The layers of which nothing can be said anywhere on that day, each with the reason.

    A layer is unknown as a whole when no source was named for it, when any of its sources could not be used, when
    it is out of date, or when a row of it has no place (it could lie anywhere).
    """
    said: dict[str, list[tuple]] = {layer: [] for layer in layers}
    for layer, *row in zip(*(sources[c] for c in ("layer", "status", "valid_until")), strict=True):
        said.setdefault(layer, []).append(row)
    reasons = {}
    for layer in layers:
        bad = [status for status, _ in said[layer] if status not in USABLE]
        if not said[layer]:
            reasons[layer] = "no_source"
        elif bad:
            reasons[layer] = str(bad[0])
        elif any(not pd.isna(until) and until <= as_of for _, until in said[layer]):
            reasons[layer] = "out_of_date"
    unplaced = quarantine["layer"][quarantine.geometry.isna() | quarantine.geometry.is_empty]
    reasons.update({layer: "unplaced" for layer in unplaced.unique() if layer not in reasons})
    return reasons


class Membership(NamedTuple):
    """What each feature and each unknown layer means for the subjects, as ranks (0 outside, 1 unknown, 2 inside).

    features : feature × subject; unmapped : per layer and subject, what holds where the layer is not known;
    everywhere : per subject, what holds at any place whatever covers it
    """

    features: np.ndarray
    unmapped: dict[str, np.ndarray]
    everywhere: np.ndarray


def face_status(blueprint, rulebook, subjects: list[str]) -> pd.DataFrame:
    """Three-valued membership of every face in every subject: 1 inside, 0 outside, -1 unknown.

    A face is inside when any feature that covers it matches; else unknown when a covering feature may match,
    or when the subject's layer is not known there; else outside. A subject of several layers is their union.

    index : face_id; columns : the subjects
    """
    known = remembered(blueprint, rulebook, "face_status", dict)
    asked = [s for s in subjects if s not in known]
    if asked:
        every = np.arange(len(blueprint.faces))
        blocks = [
            status_at(ground_of(blueprint), blueprint, rulebook, asked, part)
            for part in np.array_split(every, 1 + len(every) // BLOCK)
        ]
        known.update(zip(asked, np.concatenate(blocks).T.copy(), strict=True))
    return pd.DataFrame({s: known[s] for s in subjects}, index=pd.Index(blueprint.faces["face_id"]))


def status_at(ground: Ground, blueprint, rulebook, subjects: list[str], faces: np.ndarray) -> np.ndarray:
    """The status of the faces at these positions of a ground, as array face × subject of 1, 0, -1; see :func:`face_status`."""
    member = membership(blueprint, rulebook, subjects)
    rank = np.tile(member.everywhere, (len(faces), 1))
    _raise(rank, *ground.covers.at(faces), member.features)
    none = np.zeros(len(subjects), dtype=np.uint8)
    unmapped = np.array([member.unmapped.get(layer, none) for layer in ground.layers])
    _raise(rank, *ground.unknowns.at(faces), unmapped)
    return VALUES[rank]


def membership(blueprint, rulebook, subjects: list[str]) -> Membership:
    """What follows for the subjects from features and unknown layers alone, worked out once."""
    key = ("membership", tuple(subjects))
    return remembered(blueprint, rulebook, key, lambda: _membership(blueprint, rulebook, subjects))


def feature_ranks(blueprint, rulebook, subject: str) -> np.ndarray:
    """The rank of every feature in a subject: 0 it does not belong to it, 1 it may, 2 it does; worked out once."""
    key = ("feature_ranks", subject)

    def make() -> np.ndarray:
        whole, rows = recalled(blueprint, None, PART_OF) or (None, None)
        known = None if whole is None else recalled(whole, rulebook, key)
        if known is not None:
            return known[rows]
        ranks = np.zeros(len(blueprint.features), dtype=np.uint8)
        for layer, where in subject_rows(rulebook, subject):
            at = rows_of_layer(blueprint, layer)
            if len(at):
                matched = match_kinds(blueprint.features.iloc[at], where, rulebook.as_of)
                ranks[at] = np.maximum(ranks[at], RANKS[matched])
        return ranks

    return remembered(blueprint, rulebook, key, make)


def drawn_from(part, whole, rows: np.ndarray | slice) -> None:
    """Let a blueprint whose features are these rows of another's take over what is known of them."""
    remembered(part, None, PART_OF, lambda: (whole, rows))


def rows_of_layer(blueprint, layer: str) -> np.ndarray:
    """The positions of a layer's features."""

    def make() -> dict[str, np.ndarray]:
        code, layers = pd.factorize(blueprint.features["layer"])
        order = np.argsort(code, kind="stable")
        ends = np.searchsorted(code[order], np.arange(len(layers) + 1))
        return {name: order[ends[i] : ends[i + 1]] for i, name in enumerate(layers)}

    return remembered(blueprint, None, "rows_of_layer", make).get(layer, np.empty(0, dtype=np.intp))


def blanket_unknown(blueprint, rulebook) -> dict[str, str]:
    """:func:`unknown_layers` of a blueprint on the rule book's day, worked out once."""
    layers = list(rulebook.catalogue.layers.index)
    return remembered(
        blueprint,
        rulebook,
        "blanket_unknown",
        lambda: unknown_layers(blueprint.sources, blueprint.quarantine, layers, rulebook.as_of),
    )


def _membership(blueprint, rulebook, subjects: list[str]) -> Membership:
    blanket = blanket_unknown(blueprint, rulebook)
    unmapped: dict[str, np.ndarray] = {}
    everywhere = np.zeros(len(subjects), dtype=np.uint8)
    for column, subject in enumerate(subjects):
        layers = [layer for layer, _ in subject_rows(rulebook, subject)]
        if not layers or any(layer in blanket for layer in layers):
            everywhere[column] = RANKS[UNKNOWN]
        for layer in layers:
            unmapped.setdefault(layer, np.zeros(len(subjects), dtype=np.uint8))[column] = RANKS[UNKNOWN]
    features = np.empty((len(blueprint.features), len(subjects)), dtype=np.uint8)
    for column, subject in enumerate(subjects):
        features[:, column] = feature_ranks(blueprint, rulebook, subject)
    return Membership(features, unmapped, everywhere)


def _raise(rank: np.ndarray, which: np.ndarray, value: np.ndarray, table: np.ndarray) -> None:
    """Raise each row of ``rank`` to the highest of the table's rows that its list names."""
    if len(which):
        first = np.flatnonzero(np.r_[True, which[1:] != which[:-1]])
        row = which[first]
        rank[row] = np.maximum(rank[row], np.maximum.reduceat(table[value], first, axis=0))


def match_kinds(features: pd.DataFrame, where: str, as_of: date) -> np.ndarray:
    """The same as ``onemap.book.where.match``, asked once per distinct row of the fields that it looks at.

    >>> match_kinds(pd.DataFrame({"class_code": ["030", "010", "030"]}), "class_code=030", date(2024, 3, 1)).tolist()
    [1, 0, 1]
    """
    fields = {term.field.split(".")[0] for term in parse(where)} | set(VALIDITY)
    asked = features[[c for c in features.columns if c in fields]]
    if not asked.shape[1]:
        return match(asked, where, as_of)
    kind = np.zeros(len(asked), dtype=np.intp)
    for column in asked:
        code, words = pd.factorize(asked[column].to_numpy(dtype=object), use_na_sentinel=False)
        kind = np.unique(kind * len(words) + code, return_inverse=True)[1]
    _, first, again = np.unique(kind, return_index=True, return_inverse=True)
    return match(asked.iloc[first], where, as_of)[again]


def matching_features(blueprint, rulebook, subject: str) -> pd.DataFrame:
    """The features that certainly belong to a subject on the rule book's day."""
    return blueprint.features[feature_ranks(blueprint, rulebook, subject) == RANKS[TRUE]]


def subject_rows(rulebook, subject: str) -> list[tuple[str, str]]:
    """The (layer, where) rows whose union is the subject; a layer's own name is the whole layer.

    None where it hangs on a date that nobody knows which of its rows is in force.
    """
    if subject in rulebook.undetermined:
        return []
    rows = remembered(rulebook, None, "subject_rows", lambda: _rows_by_subject(rulebook)).get(subject, [])
    return rows or ([(subject, "")] if subject in rulebook.catalogue.layers.index else [])


def _rows_by_subject(rulebook) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list] = {}
    for row in rulebook.subjects.itertuples(index=False):
        found.setdefault(row.subject_id, []).append((row.layer, row.where))
    return found
