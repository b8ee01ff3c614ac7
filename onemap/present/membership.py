"""Which features a subject means, and how strictly the rules in force treat a feature."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from onemap.book.where import match
from onemap.frames import EFFECTS, TRUE

STRICTEST = {effect: rank for rank, effect in enumerate(EFFECTS)}


def of_subject(rulebook: Any, features: pd.DataFrame, subject: str) -> np.ndarray:
    """A mask of the features that a subject certainly means on the rule book's day.

    A subject is rows of ``rulebook.subjects`` (their union) or, implicitly, a layer.
    """
    rows = rulebook.subjects[rulebook.subjects.subject_id == subject]
    pairs = [(subject, "")] if rows.empty else list(zip(rows.layer, rows["where"], strict=True))
    found = np.zeros(len(features), dtype=bool)
    layers = features.layer.to_numpy()
    for layer, where in pairs:
        at = np.flatnonzero(layers == layer)
        found[at] |= match(features.iloc[at], where or "", rulebook.as_of) == TRUE
    return found


def subject_layers(rulebook: Any, subject: str) -> list[str]:
    """The layers that a subject is made of."""
    rows = rulebook.subjects[rulebook.subjects.subject_id == subject]
    return [subject] if rows.empty else sorted(set(rows.layer))


def leaves(tree: Any) -> Iterator[str]:
    """The predicate ids of a tree of all, any and not.

    >>> list(leaves({"all": ["a", {"not": "b"}]}))
    ['a', 'b']
    """
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict):
        for branch in tree.values():
            yield from leaves(branch)
    else:
        for branch in tree or ():
            yield from leaves(branch)


def predicates_of(rulebook: Any, predicate: str) -> list[str]:
    """The measured predicates that a predicate id stands for, compounds taken apart."""
    if predicate in rulebook.compounds:
        return [
            one for leaf in leaves(rulebook.compounds[predicate]) for one in predicates_of(rulebook, leaf)
        ]
    return [predicate] if predicate in rulebook.predicates.index else []


def subjects_of(rulebook: Any, predicate: str) -> list[str]:
    """The subjects that a predicate measures being in or near to, not being outside of."""
    rows = [rulebook.predicates.loc[one] for one in predicates_of(rulebook, predicate)]
    inside = [
        row.subject for row in rows if not str(row.measure).startswith(("outside", "project.", "findings."))
    ]
    return list(dict.fromkeys(subject for subject in inside if subject))


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
