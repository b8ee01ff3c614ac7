"""Three-valued answers from measured intervals: true, false, or unknown, for whole columns at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from onemap.blueprint.memory import remembered
from onemap.blueprint.status import RANKS, VALUES
from onemap.frames import FALSE, TRUE, UNKNOWN
from onemap.review.measure import subjects_of

WORDS = {TRUE: "true", FALSE: "false", UNKNOWN: "unknown"}
PROJECT = "project."


class Answers(NamedTuple):
    """Every predicate answered for every unit (a parcel or a project), as one array per name.

    outcome : for every predicate, compound and decision rule 1, 0, -1 per unit; low, high : for every measuring predicate
    the interval in which the measured value must lie given what is not known (equal when all is known)
    """

    outcome: dict[str, np.ndarray]
    low: dict[str, np.ndarray]
    high: dict[str, np.ndarray]


class Asked(NamedTuple):
    """The predicates of one measure and operator, which are answered together."""

    measure: str
    operator: str
    names: list[str]
    columns: np.ndarray
    thresholds: np.ndarray


AREAS = ("overlap_area_m2", "outside_area_m2", "unknown_area_m2")
DISTANCES = ("distance_m", "distance_unknown_m")


def answer(facts: pd.DataFrame, units: pd.DataFrame, rulebook) -> Answers:
    """Answer all predicates of the rule book for the units.

    facts : rows of :func:`onemap.measure`, for every unit the same subjects in the same order (``unit_id`` names
    the unit); units : one row a unit, index unit id, with ``area_m2`` and the project's attributes.
    What is not known widens the measured value to an interval; a comparison is true or false only when it holds
    or fails over the whole interval.
    """
    n = len(units)
    subjects = tuple(facts["subject"].iloc[: len(facts) // n] if n else subjects_of(rulebook))
    shape = (n, len(subjects))
    wide = {name: facts[name].to_numpy(dtype=float).reshape(shape) for name in AREAS + DISTANCES}
    area = units["area_m2"].to_numpy(dtype=float)
    ranks, lows, highs = {}, {}, {}
    program = remembered(rulebook, None, ("program", subjects), lambda: _program(rulebook, subjects))
    for ask in program:
        if ask.measure.startswith(PROJECT):
            number = pd.to_numeric(units[ask.measure.removeprefix(PROJECT)], errors="coerce")
            low = high = number.to_numpy(dtype=float)[:, None]
        else:
            low, high = interval(ask.measure, wide, ask.columns, area)
        answered = RANKS[compare(low, high, ask.operator, ask.thresholds)]
        for i, name in enumerate(ask.names):
            at = min(i, low.shape[1] - 1)
            lows[name], highs[name], ranks[name] = low[:, at], high[:, at], answered[:, i]
    for attribute, asked in _words(rulebook).items():
        ranks |= _are_words(units[attribute].to_numpy(dtype=object), asked)
    for name in rulebook.compounds:
        follow(name, ranks, rulebook.compounds, n)
    for rule in rulebook.decisions:
        ranks[rule.rule_id] = follow(rule.when, ranks, rulebook.compounds, n)
    return Answers({name: VALUES[rank] for name, rank in ranks.items()}, lows, highs)


def interval(
    measure: str, wide: dict, columns: np.ndarray, area: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and highest value that the measure can have, given what is not known, units × columns."""
    area = area[:, None]
    if measure == "area_m2":
        return area, area
    if measure == "distance_m":
        near = wide["distance_m"][:, columns]
        return np.minimum(near, wide["distance_unknown_m"][:, columns]), near
    what, _, unit = measure.partition("_")
    low = wide[f"{what}_area_m2"][:, columns]
    high = np.minimum(low + wide["unknown_area_m2"][:, columns], area)
    return (low / area, high / area) if unit == "share" else (low, high)


def compare(low: np.ndarray, high: np.ndarray, operator: str, threshold) -> np.ndarray:
    """Three-valued comparison of an interval with a threshold; unknown where there is no number or no threshold.

    >>> compare(np.array([2.0, 0.0, 0.0]), np.array([2.0, 0.0, 5.0]), "gt", 1.0).tolist()
    [1, 0, -1]
    """
    surely, possibly = {
        "gt": lambda: (low > threshold, high > threshold),
        "ge": lambda: (low >= threshold, high >= threshold),
        "lt": lambda: (high < threshold, low < threshold),
        "le": lambda: (high <= threshold, low <= threshold),
        "eq": lambda: ((low == threshold) & (high == threshold), (low <= threshold) & (high >= threshold)),
    }[operator]()
    out = np.where(surely, TRUE, np.where(possibly, UNKNOWN, FALSE)).astype(np.int8)
    out[np.isnan(low) | np.isnan(threshold)] = UNKNOWN
    return out


def follow(tree, ranks: dict, compounds: dict, n: int) -> np.ndarray:
    """The three-valued outcome of an all/any/not tree over predicates already answered, as ranks (0 false, 1 unknown, 2 true).

    >>> ranks = {"a": np.array([2, 1], np.uint8), "b": np.array([2, 2], np.uint8)}
    >>> follow({"all": ["a", {"not": "b"}]}, ranks, {}, 2).tolist(), follow({"any": ["a", "b"]}, ranks, {}, 2).tolist()
    ([0, 0], [2, 2])
    """
    if isinstance(tree, str):
        if tree not in ranks:
            ranks[tree] = follow(compounds[tree], ranks, compounds, n)
        return ranks[tree]
    ((word, inner),) = tree.items()
    if word == "not":
        return 2 - follow(inner, ranks, compounds, n)
    combine, start = (np.minimum, 2) if word == "all" else (np.maximum, 0)
    result = np.full(n, start, dtype=np.uint8)
    for part in inner:
        combine(result, follow(part, ranks, compounds, n), out=result)
    return result


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


def _program(rulebook, subjects: tuple[str, ...]) -> list[Asked]:
    column = {subject: i for i, subject in enumerate(subjects)}
    groups: dict[tuple[str, str], list] = {}
    for row in rulebook.predicates[rulebook.predicates["value"] == ""].itertuples():
        groups.setdefault((row.measure, row.operator), []).append(row)
    return [
        Asked(
            measure,
            operator,
            [row.Index for row in rows],
            np.array([column[row.subject] if row.subject else 0 for row in rows]),
            np.array([row.threshold for row in rows], dtype=float),
        )
        for (measure, operator), rows in groups.items()
    ]


def _words(rulebook) -> dict[str, dict[str, frozenset[str]]]:
    """Per attribute of a project the predicates that ask for words, and the words."""

    def make() -> dict:
        asked: dict[str, dict] = {}
        for row in rulebook.predicates[rulebook.predicates["value"] != ""].itertuples():
            asked.setdefault(row.measure.removeprefix(PROJECT), {})[row.Index] = frozenset(
                row.value.split("|")
            )
        return asked

    return remembered(rulebook, None, "words", make)


def _are_words(values: np.ndarray, asked: dict[str, frozenset[str]]) -> dict[str, np.ndarray]:
    code, kinds = pd.factorize(values)
    kinds = [*kinds, None]  # a missing value has the code -1
    blank = [kind is None or kind == "" for kind in kinds]
    return {
        name: np.array(
            [1 if no else 2 if kind in words else 0 for kind, no in zip(kinds, blank, strict=True)],
            dtype=np.uint8,
        )[code]
        for name, words in asked.items()
    }
