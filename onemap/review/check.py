"""The control rules applied to every parcel: hit, clear, or not assessed, each with its evidence."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from onemap.blueprint.memory import column_of, feature_index, remembered
from onemap.blueprint.status import RANKS, feature_ranks
from onemap.frames import FALSE, FINDINGS, TRUE, UNKNOWN
from onemap.review.distance import feature_rows, feature_tree
from onemap.review.logic import Answers, answer, leaves
from onemap.review.measure import subjects_of
from onemap.review.project import parcel_units

NOT_APPLICABLE = -2
STATUS = {TRUE: "triggered", FALSE: "clear", UNKNOWN: "not_assessed", NOT_APPLICABLE: "not_applicable"}
STATUSES = np.array([STATUS[outcome] for outcome in range(NOT_APPLICABLE, TRUE + 1)], dtype=object)
SAID = ("rule_id", "effect", "measure", "op", "unit", "reason", "remedy", "authority", "citations")
MANY = 10_000  # rows from which a text column is spread out by its dictionary


class Sheet(NamedTuple):
    """The control rules in the order of the findings, as columns: what is the same for every parcel.

    said : the text columns of ``SAID``; threshold : of the main predicate; predicate, scope, leaf, subject : names, the
    scope blank where the rule always applies, the subject blank where it measures no land
    """

    said: dict[str, np.ndarray]
    threshold: np.ndarray
    predicate: list[str]
    scope: list[str]
    leaf: list[str]
    subject: list[str]


def check(facts: pd.DataFrame, parcels, blueprint, rulebook, overlaps: pd.DataFrame) -> pd.DataFrame:
    """One finding per parcel × control rule in force, clear ones too.

    facts, overlaps : of the same parcels, from :func:`onemap.measure` and :func:`onemap.find_overlaps`.
    A rule whose ``applies_when`` is false is not applicable; an unknown scope or test is ``not_assessed``,
    unless the other one already answers. ``reason`` and ``remedy`` are keys of the table of texts.
    columns : see ``onemap.frames.FINDINGS``; areas ellipsoidal m², distances m.
    """
    parcel = pd.Index(parcels["parcel_id"]).get_indexer(overlaps["parcel_id"])
    feature = feature_index(blueprint).get_indexer(overlaps["feature_id"])
    return findings_of(facts, parcels, rulebook, Meetings(parcels, blueprint, rulebook, parcel, feature))


def findings_of(facts: pd.DataFrame, parcels, rulebook, meetings: Meetings) -> pd.DataFrame:
    """The findings, with what the parcels meet at hand; see :func:`check`."""
    units, rules = parcel_units(parcels), sheet(rulebook)
    n, k = len(units), len(rules.predicate)
    answers = answer(facts, units, rulebook)
    outcome = outcomes(answers, rulebook)
    subjects = subjects_of(rulebook)
    column = np.array([subjects.index(s) if s else 0 for s in rules.subject], dtype=np.intp)
    spatial = np.array([s != "" for s in rules.subject], dtype=bool)

    def of_subject(name: str) -> np.ndarray:
        values = facts[name].to_numpy(dtype=float).reshape(n, -1)[:, column] if k else np.empty((n, 0))
        return np.where(spatial, values, np.nan).ravel()

    ids, id_codes = _hit_features(outcome, rules, meetings)
    parcel, rule = np.repeat(np.arange(n, dtype=np.int32), k), np.tile(np.arange(k, dtype=np.int32), n)
    return pd.DataFrame(
        {
            "parcel_id": spread(units.index.to_numpy(dtype=object), parcel),
            "project_id": spread(units["project_id"].to_numpy(dtype=object), parcel),
            **{name: spread(words, rule) for name, words in rules.said.items()},
            "status": spread(STATUSES, outcome.ravel() - NOT_APPLICABLE),
            "measured": _measured(answers, rules, n).ravel(),
            "threshold": np.tile(rules.threshold, n),
            "area_m2": of_subject("overlap_area_m2"),
            "share": of_subject("overlap_share"),
            "known_share": of_subject("known_share"),
            "feature_ids": spread(ids, id_codes.ravel()),
        },
        columns=FINDINGS,
    )


def outcomes(answers: Answers, rulebook) -> np.ndarray:
    """Three-valued outcome per unit × rule of :func:`sheet`: its test where it applies, -2 where it certainly does not."""
    rules = sheet(rulebook)
    n = len(next(iter(answers.outcome.values())))
    applies = np.full(n, TRUE, dtype=np.int8)
    test = _columns([answers.outcome[name] for name in rules.predicate], n)
    scope = _columns([answers.outcome[name] if name else applies for name in rules.scope], n)
    blurred = np.where((scope == UNKNOWN) & (test != FALSE), UNKNOWN, test)
    return np.where(scope == FALSE, NOT_APPLICABLE, blurred).astype(np.int8)


def sheet(rulebook) -> Sheet:
    """The control rules of a rule book, sorted by id."""
    return remembered(rulebook, None, "sheet", lambda: _sheet(rulebook))


def main_leaf(predicate: str, rulebook) -> str:
    """The predicate whose measurement stands for a rule: the first spatial one that its test rests on."""
    names = leaves(predicate, rulebook.compounds)
    spatial = [n for n in names if rulebook.predicates.at[n, "subject"]]
    return (spatial or names)[0]


def spread(words: np.ndarray, codes: np.ndarray):
    """A text column that repeats few words many times, built without touching every word again.

    >>> list(spread(np.array(["a", "b"], dtype=object), np.array([1, 1, 0])))
    ['b', 'b', 'a']
    """
    dtype = pd.Series(words).dtype
    if len(codes) < MANY or not isinstance(dtype, pd.StringDtype):
        return words[codes]
    column = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(words, pa.large_string()))
    return pd.array(column.cast(pa.large_string()), dtype=dtype)


class Meetings:
    """Looks up, per subject, which of its features a parcel meets or comes near to.

    parcel, feature : equally long positions, one pair per parcel and feature that share area, as in ``overlaps``;
    near : the features that a distance rule named
    """

    def __init__(self, parcels, blueprint, rulebook, parcel: np.ndarray, feature: np.ndarray):
        self.parcels, self.blueprint, self.rulebook = parcels, blueprint, rulebook
        self.parcel, self.feature = parcel, feature
        self.ids = column_of(blueprint, "features", "feature_id")
        self.near: set[int] = set()

    def certain(self, subject: str) -> np.ndarray:
        """Which of the pairs are with a feature that certainly belongs to the subject."""
        return feature_ranks(self.blueprint, self.rulebook, subject)[self.feature] == RANKS[TRUE]

    def named(self, subject: str) -> dict[int, str]:
        """Per parcel the features of the subject that it meets, joined by ``|`` in the order of the pairs."""
        own = self.certain(subject)
        return joined(self.parcel[own], self.ids[self.feature[own]])

    def within(self, subject: str, at: np.ndarray, distance: float) -> dict[int, str]:
        """Per parcel at these positions the features of the subject nearer than a distance (m), sorted."""
        rows = feature_rows(self.blueprint, self.rulebook, subject, TRUE)
        tree = feature_tree(self.blueprint, self.rulebook, subject, TRUE)
        site, found = tree.query(self.parcels.geometry.to_numpy()[at], predicate="dwithin", distance=distance)
        self.near |= set(rows[found].tolist())
        ids = self.ids[rows[found]]
        order = np.lexsort((ids, site))
        return joined(at[site[order]], ids[order])


def joined(group: np.ndarray, words: np.ndarray) -> dict[int, str]:
    """The words of each group, joined by ``|``; equal groups stand together.

    >>> joined(np.array([4, 4, 7]), np.array(["a", "b", "c"], dtype=object))
    {4: 'a|b', 7: 'c'}
    """
    starts = np.flatnonzero(np.diff(group, prepend=-1) != 0).tolist()
    stops = [*starts[1:], len(group)]
    return {int(group[a]): "|".join(words[a:b]) for a, b in zip(starts, stops, strict=True)} if starts else {}


def _sheet(rulebook) -> Sheet:
    table = rulebook.rules
    order = np.argsort(table["rule_id"].to_numpy(dtype=object), kind="stable")
    table = table.iloc[order]
    leaf = [main_leaf(predicate, rulebook) for predicate in table["predicate"]]
    tests = rulebook.predicates.loc[leaf]
    words = {
        **{name: table[name] for name in ("rule_id", "effect", "reason", "remedy", "authority", "citations")},
        "measure": tests["measure"],
        "op": tests["operator"],
        "unit": tests["unit"],
    }
    return Sheet(
        said={name: words[name].to_numpy(dtype=object) for name in SAID},
        threshold=tests["threshold"].to_numpy(dtype=float),
        predicate=list(table["predicate"]),
        scope=list(table["applies_when"]),
        leaf=leaf,
        subject=list(tests["subject"]),
    )


def _measured(answers: Answers, rules: Sheet, n: int) -> np.ndarray:
    nothing = np.full(n, np.nan)
    edges = [answers.high if m == "distance_m" else answers.low for m in rules.said["measure"]]
    return _columns([edge.get(leaf, nothing) for edge, leaf in zip(edges, rules.leaf, strict=True)], n)


def _hit_features(outcome: np.ndarray, rules: Sheet, meetings: Meetings) -> tuple[np.ndarray, np.ndarray]:
    """The texts of met features, and which of them stands at each parcel × rule."""
    code, texts = np.zeros(outcome.shape, dtype=np.int32), {"": 0}
    met: dict[str, dict[int, str]] = {}
    for at in np.flatnonzero((outcome == TRUE).any(axis=0)):
        subject = rules.subject[at]
        if not subject:
            continue
        hit = np.flatnonzero(outcome[:, at] == TRUE)
        if rules.said["measure"][at] == "distance_m":
            own = meetings.within(subject, hit, rules.threshold[at])
        else:
            if subject not in met:
                met[subject] = meetings.named(subject)
            own = met[subject]
        for parcel in hit.tolist():
            code[parcel, at] = texts.setdefault(own.get(parcel, ""), len(texts))
    return np.array(list(texts), dtype=object), code


def _columns(columns: list[np.ndarray], n: int) -> np.ndarray:
    return np.stack(columns, axis=1) if columns else np.empty((n, 0))
