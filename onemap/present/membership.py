"""Which features a subject means, and how strictly the rules in force treat a feature."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from onemap.blueprint.status import subject_rows
from onemap.book.where import match
from onemap.frames import EFFECTS, TRUE
from onemap.review.logic import leaves

STRICTEST = {effect: rank for rank, effect in enumerate(EFFECTS)}


def of_subject(rulebook: Any, features: pd.DataFrame, subject: str) -> np.ndarray:
    """A mask of the features that a subject certainly means on the rule book's day.

    A subject is rows of ``rulebook.subjects`` (their union) or, implicitly, a layer.
    """
    found = np.zeros(len(features), dtype=bool)
    layers = features.layer.to_numpy()
    for layer, where in subject_rows(rulebook, subject):
        at = np.flatnonzero(layers == layer)
        found[at] |= match(features.iloc[at], where or "", rulebook.as_of) == TRUE
    return found


def predicates_of(rulebook: Any, predicate: str) -> list[str]:
    """The measured predicates that a predicate id stands for, compounds taken apart."""
    return [one for one in leaves(predicate, rulebook.compounds) if one in rulebook.predicates.index]


def subjects_of(rulebook: Any, predicate: str) -> list[str]:
    """The subjects that a predicate measures being in or near to, not being outside of."""
    rows = [rulebook.predicates.loc[one] for one in predicates_of(rulebook, predicate)]
    inside = [
        row.subject for row in rows if not str(row.measure).startswith(("outside", "project.", "findings."))
    ]
    return list(dict.fromkeys(subject for subject in inside if subject))


def asked_layers(rulebook: Any) -> set[str]:
    """The layers that a control rule or a pre-approval rule in force measures."""
    asked = [*rulebook.rules.predicate, *(rule.when for rule in rulebook.decisions)]
    subjects = {
        rulebook.predicates.at[one, "subject"] for ask in asked for one in predicates_of(rulebook, ask)
    }
    return {layer for one in subjects if one for layer, _ in subject_rows(rulebook, one)}


def effects(rulebook: Any, features: pd.DataFrame) -> np.ndarray:
    """The strictest effect of any rule in force on each feature, ``inform`` where none names it."""
    rank = np.full(len(features), STRICTEST["inform"])
    masks: dict[str, np.ndarray] = {}
    for rule in rulebook.rules.itertuples():
        for subject in subjects_of(rulebook, rule.predicate):
            if subject not in masks:
                masks[subject] = of_subject(rulebook, features, subject)
            rank[masks[subject]] = np.minimum(rank[masks[subject]], STRICTEST[rule.effect])
    return np.array(EFFECTS)[rank]


def in_force(features: pd.DataFrame, as_of: date) -> np.ndarray:
    """A mask of the features that are neither revoked, drafts nor out of their dates on a day."""
    return match(features, "", as_of) == TRUE
