"""Three-valued answers from measured intervals: true, false, or unknown, for whole columns at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from onemap.blueprint.status import kleene_or
from onemap.frames import FALSE, TRUE, UNKNOWN

WORDS = {TRUE: "true", FALSE: "false", UNKNOWN: "unknown"}


class Answers(NamedTuple):
    """Every predicate answered for every unit (a parcel or a project).

    outcome : frame unit × predicate (and decision rule) of 1, 0, -1; low, high : frames unit × predicate, the interval in which the
    measured value must lie given what is not known (equal when all is known)
    """

    outcome: pd.DataFrame
    low: pd.DataFrame
    high: pd.DataFrame


def answer(facts: pd.DataFrame, units: pd.DataFrame, rulebook) -> Answers:
    """Answer all predicates of the rule book for the units.

    facts : rows of :func:`onemap.measure`, for every unit the same subjects in the same order (``unit_id`` names
    the unit); units : one row a unit, index unit id, with ``area_m2`` and the project's attributes.
    What is not known widens the measured value to an interval; a comparison is true or false only when it holds
    or fails over the whole interval.
    """
    subjects = facts["subject"].iloc[: len(facts) // max(len(units), 1)].tolist()
    shape = (len(units), len(subjects))
    column = {s: i for i, s in enumerate(subjects)}
    wide = {
        name: facts[name].to_numpy(dtype=float).reshape(shape)
        for name in (
            "overlap_area_m2",
            "outside_area_m2",
            "unknown_area_m2",
            "distance_m",
            "distance_unknown_m",
        )
    }
    area = units["area_m2"].to_numpy(dtype=float)
    outcome, lows, highs = {}, {}, {}
    for row in rulebook.predicates.itertuples():
        attribute = row.measure.removeprefix("project.") if row.measure.startswith("project.") else None
        if row.value:
            outcome[row.Index] = _is_word(units[attribute], row.value)
            continue
        if attribute:
            low = high = pd.to_numeric(units[attribute], errors="coerce").to_numpy(dtype=float)
        else:
            low, high = interval(row.measure, wide, column.get(row.subject), area)
        lows[row.Index], highs[row.Index] = low, high
        outcome[row.Index] = compare(low, high, row.operator, row.threshold)
    for name, tree in rulebook.compounds.items():
        if name not in outcome:
            outcome[name] = follow(tree, outcome, rulebook.compounds, len(units))
    for rule in rulebook.decisions:
        outcome[rule.rule_id] = follow(rule.when, outcome, rulebook.compounds, len(units))
    index = units.index
    return Answers(
        pd.DataFrame(outcome, index=index, dtype=np.int8),
        pd.DataFrame(lows, index=index),
        pd.DataFrame(highs, index=index),
    )


def interval(measure: str, wide: dict, column: int | None, area: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and highest value that the measure can have, given what is not known."""
    if measure == "area_m2":
        return area, area
    unknown = wide["unknown_area_m2"][:, column]
    if measure == "distance_m":
        near = wide["distance_m"][:, column]
        return np.minimum(near, wide["distance_unknown_m"][:, column]), near
    what, _, unit = measure.partition("_")
    low = wide[f"{what}_area_m2"][:, column]
    high = np.minimum(low + unknown, area)
    return (low / area, high / area) if unit == "share" else (low, high)


def compare(low: np.ndarray, high: np.ndarray, operator: str, threshold: float) -> np.ndarray:
    """Three-valued comparison of an interval with a threshold; unknown where there is no number or no threshold.

    >>> compare(np.array([2.0, 0.0, 0.0]), np.array([2.0, 0.0, 5.0]), "gt", 1.0).tolist()
    [1, 0, -1]
    """
    holds = {
        "gt": (low > threshold, high > threshold),
        "ge": (low >= threshold, high >= threshold),
        "lt": (high < threshold, low < threshold),
        "le": (high <= threshold, low <= threshold),
        "eq": ((low == threshold) & (high == threshold), (low <= threshold) & (high >= threshold)),
    }[operator]
    surely, possibly = holds
    blank = np.isnan(low) | np.isnan(threshold)
    return np.where(blank, UNKNOWN, np.where(surely, TRUE, np.where(possibly, UNKNOWN, FALSE))).astype(
        np.int8
    )


def follow(tree, outcome: dict, compounds: dict, n: int) -> np.ndarray:
    """The three-valued outcome of an all/any/not tree over predicates already answered.

    >>> o = {"a": np.array([1, -1], np.int8), "b": np.array([1, 1], np.int8)}
    >>> follow({"all": ["a", {"not": "b"}]}, o, {}, 2).tolist(), follow({"any": ["a", "b"]}, o, {}, 2).tolist()
    ([0, 0], [1, 1])
    """
    if isinstance(tree, str):
        if tree not in outcome:
            outcome[tree] = follow(compounds[tree], outcome, compounds, n)
        return outcome[tree]
    ((word, inner),) = tree.items()
    if word == "not":
        return negate(follow(inner, outcome, compounds, n))
    parts = [follow(part, outcome, compounds, n) for part in inner]
    result = np.full(n, TRUE if word == "all" else FALSE, dtype=np.int8)
    for part in parts:
        result = kleene_or(result, part) if word == "any" else negate(kleene_or(negate(result), negate(part)))
    return result


def negate(values: np.ndarray) -> np.ndarray:
    """Three-valued not: unknown stays unknown.

    >>> negate(np.array([1, 0, -1])).tolist()
    [0, 1, -1]
    """
    return np.where(values == UNKNOWN, UNKNOWN, 1 - values).astype(np.int8)


def leaves(tree, compounds: dict) -> list[str]:
    """The names of the predicates that a tree rests on, in order, each once.

    >>> leaves({"all": ["a", {"not": "b"}, "c"]}, {"c": {"any": ["a", "d"]}})
    ['a', 'b', 'd']
    """
    if isinstance(tree, str):
        return leaves(compounds[tree], compounds) if tree in compounds else [tree]
    ((word, inner),) = tree.items()
    inner = [inner] if word == "not" else inner
    return list(dict.fromkeys(leaf for part in inner for leaf in leaves(part, compounds)))


def _is_word(values: pd.Series, words: str) -> np.ndarray:
    blank = values.isna() | (values == "")
    return np.where(blank, UNKNOWN, np.where(values.isin(words.split("|")), TRUE, FALSE)).astype(np.int8)
