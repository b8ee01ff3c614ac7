"""What is known at each face: inside a subject, outside it, or unknown."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from onemap.blueprint.memory import remembered
from onemap.book.where import match
from onemap.frames import FALSE, TRUE, UNKNOWN

USABLE = ("found", "none")


def unknown_layers(
    sources: pd.DataFrame, quarantine: pd.DataFrame, layers: list[str], as_of: date
) -> dict[str, str]:
    """The layers of which nothing can be said anywhere on that day, each with the reason.

    A layer is unknown as a whole when no source was named for it, when any of its sources could not be used, when
    it is out of date, or when a row of it has no place (it could lie anywhere).
    """
    reasons = {}
    for layer in layers:
        own = sources[sources["layer"] == layer]
        if own.empty:
            reasons[layer] = "no_source"
            continue
        bad = own[~own["status"].isin(USABLE)]
        if len(bad):
            reasons[layer] = str(bad["status"].iloc[0])
        elif any(until is not None and not pd.isna(until) and until <= as_of for until in own["valid_until"]):
            reasons[layer] = "out_of_date"
    unplaced = quarantine["layer"][quarantine.geometry.isna() | quarantine.geometry.is_empty]
    reasons.update({layer: "unplaced" for layer in unplaced.unique() if layer not in reasons})
    return reasons


def face_status(blueprint, rulebook, subjects: list[str]) -> pd.DataFrame:
    """Three-valued membership of every face in every subject: 1 inside, 0 outside, -1 unknown.

    A face is inside when any feature that covers it matches; else unknown when a covering feature may match,
    or when the subject's layer is not known there; else outside. A subject of several layers is their union.

    index : face_id; columns : the subjects
    """
    faces = pd.Index(blueprint.faces["face_id"])
    known = remembered(blueprint, rulebook, "face_status", dict)
    known.update(_statuses(blueprint, rulebook, faces, [s for s in subjects if s not in known]))
    return pd.DataFrame({subject: known[subject] for subject in subjects}, index=faces)


def _statuses(blueprint, rulebook, faces: pd.Index, subjects: list[str]) -> dict[str, np.ndarray]:
    if not subjects:
        return {}
    blanket = unknown_layers(
        blueprint.sources, blueprint.quarantine, list(rulebook.catalogue.layers.index), rulebook.as_of
    )
    covers = blueprint.covers
    cover_face = faces.get_indexer(covers["face_id"])
    unknown_face = faces.get_indexer(blueprint.unknowns["face_id"])
    unknown_layer = blueprint.unknowns["layer"].to_numpy()
    feature_index = pd.Index(blueprint.features["feature_id"])
    cover_feature = feature_index.get_indexer(covers["feature_id"])
    cover_layer = covers["layer"].to_numpy()

    out = {}
    for subject in subjects:
        rows = subject_rows(rulebook, subject)
        status = np.full(len(faces), FALSE if rows else UNKNOWN, dtype=np.int8)
        for layer, where in rows:
            known = np.full(len(faces), FALSE, dtype=np.int8)
            if layer in blanket:
                known[:] = UNKNOWN
            known[unknown_face[unknown_layer == layer]] = UNKNOWN
            features = blueprint.features[blueprint.features["layer"] == layer]
            if len(features):
                matched = np.full(len(feature_index), FALSE, dtype=np.int8)
                matched[feature_index.get_indexer(features["feature_id"])] = match(
                    features, where, rulebook.as_of
                )
                at = cover_layer == layer
                verdict = matched[cover_feature[at]]
                known[cover_face[at][verdict == UNKNOWN]] = UNKNOWN
                known[cover_face[at][verdict == TRUE]] = TRUE
            status = kleene_or(status, known)
        out[subject] = status
    return out


def matching_features(blueprint, rulebook, subject: str) -> pd.DataFrame:
    """The features that certainly belong to a subject on the rule book's day."""
    key = ("matching_features", subject)
    return remembered(blueprint, rulebook, key, lambda: _matching(blueprint, rulebook, subject))


def _matching(blueprint, rulebook, subject: str) -> pd.DataFrame:
    parts = []
    for layer, where in subject_rows(rulebook, subject):
        features = blueprint.features[blueprint.features["layer"] == layer]
        if len(features):
            parts.append(features[match(features, where, rulebook.as_of) == TRUE])
    return pd.concat(parts) if parts else blueprint.features.iloc[:0]


def subject_rows(rulebook, subject: str) -> list[tuple[str, str]]:
    """The (layer, where) rows whose union is the subject; a layer's own name is the whole layer.

    None where it hangs on a date that nobody knows which of its rows is in force.
    """
    if subject in rulebook.undetermined:
        return []
    rows = rulebook.subjects[rulebook.subjects["subject_id"] == subject]
    if len(rows):
        return list(zip(rows["layer"], rows["where"], strict=True))
    return [(subject, "")] if subject in rulebook.catalogue.layers.index else []


def kleene_or(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Three-valued or: true wins, then unknown.

    >>> kleene_or(np.array([1, -1, 0]), np.array([-1, 0, 0])).tolist()
    [1, -1, 0]
    """
    return np.where(
        (a == TRUE) | (b == TRUE), TRUE, np.where((a == UNKNOWN) | (b == UNKNOWN), UNKNOWN, FALSE)
    ).astype(np.int8)
