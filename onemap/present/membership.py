"""Which features a subject means, and how strictly the rules in force treat a feature."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from onemap.blueprint.status import RANKS, feature_ranks, subject_rows
from onemap.book.where import match
from onemap.frames import EFFECTS, TRUE
from onemap.review.logic import leaves

STRICTEST = {effect: rank for rank, effect in enumerate(EFFECTS)}


def of_subject(rulebook: Any, blueprint: Any, subject: str) -> np.ndarray:
    """A mask of the blueprint's features that a subject certainly means on the rule book's day.

    A subject is rows of ``rulebook.subjects`` (their union) or, implicitly, a layer.
    """
    return feature_ranks(blueprint, rulebook, subject) == RANKS[TRUE]


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


def effects(rulebook: Any, blueprint: Any) -> np.ndarray:
    """The strictest effect of any rule in force on each of the blueprint's features, ``inform`` where none names it."""
    rank = np.full(len(blueprint.features), STRICTEST["inform"])
    for rule in rulebook.rules.itertuples():
        for subject in subjects_of(rulebook, rule.predicate):
            mask = of_subject(rulebook, blueprint, subject)
            rank[mask] = np.minimum(rank[mask], STRICTEST[rule.effect])
    return np.array(EFFECTS)[rank]


def in_force(features: pd.DataFrame, as_of: date) -> np.ndarray:
    """A mask of the features that are neither revoked, drafts nor out of their dates on a day."""
    return match(features, "", as_of) == TRUE
