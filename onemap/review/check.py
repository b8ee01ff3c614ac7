"""The control rules applied to every parcel: hit, clear, or not assessed, each with its evidence."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
import pandas as pd

from onemap.blueprint.status import matching_features
from onemap.frames import FALSE, FINDINGS, TRUE, UNKNOWN, empty
from onemap.review.logic import Answers, answer, leaves
from onemap.review.measure import feature_tree
from onemap.review.project import parcel_units

STATUS = {TRUE: "triggered", FALSE: "clear", UNKNOWN: "not_assessed", -2: "not_applicable"}


def check(facts: pd.DataFrame, parcels, blueprint, rulebook, overlaps: pd.DataFrame) -> pd.DataFrame:
    """One finding per parcel × control rule in force, clear ones too.

    facts, overlaps : of the same parcels, from :func:`onemap.measure` and :func:`onemap.find_overlaps`.
    A rule whose ``applies_when`` is false is not applicable; an unknown scope or test is ``not_assessed``,
    unless the other one already answers. ``reason`` and ``remedy`` are keys of the table of texts.
    columns : see ``onemap.frames.FINDINGS``; areas ellipsoidal m², distances m.
    """
    units = parcel_units(parcels)
    answers = answer(facts, units, rulebook)
    wide = {
        column: facts.pivot(index="parcel_id", columns="subject", values=column).reindex(units.index)
        for column in ("overlap_area_m2", "overlap_share", "known_share")
    }
    named = _FeatureNames(parcels, blueprint, rulebook, overlaps)
    blocks = [
        _findings_of(rule, units, answers, wide, named, rulebook) for rule in rulebook.rules.itertuples()
    ]
    if not blocks:
        return empty(FINDINGS)
    findings = pd.DataFrame({name: list(chain(*(b[name] for b in blocks))) for name in blocks[0]})
    position = pd.Series(np.arange(len(units)), index=units.index)
    order = np.lexsort((findings["rule_id"], findings["parcel_id"].map(position)))
    return findings.iloc[order].reset_index(drop=True)[FINDINGS]


def outcome_of(rule, answers: Answers) -> np.ndarray:
    """Three-valued outcome of a rule: its test where it applies, -2 where it certainly does not."""
    test = answers.outcome[rule.predicate].to_numpy()
    if not rule.applies_when:
        return test
    scope = answers.outcome[rule.applies_when].to_numpy()
    blurred = np.where((scope == UNKNOWN) & (test != FALSE), UNKNOWN, test)
    return np.where(scope == FALSE, -2, blurred)


def _findings_of(rule, units, answers, wide, named, rulebook) -> dict[str, Sequence]:
    outcome = outcome_of(rule, answers)
    leaf = main_leaf(rule.predicate, rulebook)
    test = rulebook.predicates.loc[leaf]
    subject, measure = test["subject"], test["measure"]
    spatial = subject != ""
    edge = answers.high if measure == "distance_m" else answers.low
    nothing = np.full(len(units), np.nan)
    features = [""] * len(units)
    hit = np.flatnonzero(outcome == TRUE)
    if spatial and len(hit):
        within = test["threshold"] if measure == "distance_m" else None
        for at, ids in zip(hit, named.of(subject, hit, within), strict=True):
            features[at] = ids
    return {
        "parcel_id": units.index,
        "project_id": units["project_id"],
        "rule_id": [rule.rule_id] * len(units),
        "status": [STATUS[one] for one in outcome.tolist()],
        "effect": [rule.effect] * len(units),
        "measure": [measure] * len(units),
        "measured": edge[leaf].to_numpy() if leaf in edge else nothing,
        "op": [test["operator"]] * len(units),
        "threshold": [test["threshold"]] * len(units),
        "unit": [test["unit"]] * len(units),
        "area_m2": wide["overlap_area_m2"][subject].to_numpy() if spatial else nothing,
        "share": wide["overlap_share"][subject].to_numpy() if spatial else nothing,
        "known_share": wide["known_share"][subject].to_numpy() if spatial else nothing,
        "feature_ids": features,
        **{c: [getattr(rule, c)] * len(units) for c in ("reason", "remedy", "authority", "citations")},
    }


def main_leaf(predicate: str, rulebook) -> str:
    """The predicate whose measurement stands for a rule: the first spatial one that its test rests on."""
    names = leaves(predicate, rulebook.compounds)
    spatial = [n for n in names if rulebook.predicates.at[n, "subject"]]
    return (spatial or names)[0]


class _FeatureNames:
    """Looks up, per subject, which features a parcel meets; each subject's features are sought once."""

    def __init__(self, parcels, blueprint, rulebook, overlaps):
        self.parcels, self.blueprint, self.rulebook, self.overlaps = parcels, blueprint, rulebook, overlaps
        self.sought: dict[str, pd.DataFrame] = {}

    def of(self, subject: str, at: np.ndarray, within: float | None) -> list[str]:
        if subject not in self.sought:
            self.sought[subject] = matching_features(self.blueprint, self.rulebook, subject)
        features = self.sought[subject]
        ids = self.parcels["parcel_id"].to_numpy()[at]
        if within is None:
            own = self.overlaps[self.overlaps["feature_id"].isin(features["feature_id"])]
            met = own.groupby("parcel_id")["feature_id"].agg("|".join)
            return [met.get(i, "") for i in ids]
        tree = feature_tree(self.blueprint, self.rulebook, subject)
        site, feature = tree.query(self.parcels.geometry.to_numpy()[at], predicate="dwithin", distance=within)
        pairs = pd.DataFrame({"site": site, "id": features["feature_id"].to_numpy()[feature]})
        met = pairs.sort_values(["site", "id"]).groupby("site")["id"].agg("|".join)
        return [met.get(i, "") for i in range(len(at))]
