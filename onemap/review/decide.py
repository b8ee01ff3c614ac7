"""The pre-approval route (用地预审) of every project, with the clause, the day and each conjunct's evidence."""

from __future__ import annotations

import json
from typing import NamedTuple

import numpy as np
import pandas as pd

from onemap.blueprint.memory import remembered
from onemap.frames import DECISIONS, FALSE, TRUE, UNKNOWN
from onemap.review.logic import WORDS, Answers, leaves
from onemap.review.measure import layers_of

REVIEW_BY_PERSON = "needs_review"
OUTCOMES = {TRUE: "satisfied", FALSE: "not", UNKNOWN: "unknown"}


class Standing(NamedTuple):
    """The pieces of the sites: which unit (position) each belongs to, its area, and per subject 1, 0, -1."""

    unit: np.ndarray
    area_m2: np.ndarray
    status: dict[str, np.ndarray]


def decide(
    units, answers: Answers, facts, findings, standing: Standing, rulebook, versions: dict
) -> pd.DataFrame:
    """One decision per project: verdict over the control lines, and route of pre-approval.

    Rules are tried by rank of their law, then newest; the first that holds gives the route. A rule that
    is unknown before that sends the project to a person (``needs_review``) and never falls through to a milder
    one; so does a rule that holds but whose force on the day nobody confirmed. A route that skips something is
    withheld where a prohibition is hit or cannot be excluded. The whole site must qualify; ``qualifying_m2`` is
    the part that would.

    units, answers, facts : projects; findings : of their parcels; standing : the pieces of the sites.
    columns : see ``onemap.frames.DECISIONS``; ``reasons`` is JSON, one entry per rule tried.
    """
    unit = pd.Index(units.index).get_indexer(findings["project_id"])
    verdicts = verdicts_of(unit, findings, len(units))
    qualifying = qualifying_area(standing, answers, rulebook, len(units))
    skips = set(rulebook.routes.index[rulebook.routes["skips"] == "Y"])
    columns: dict[str, list] = {name: [] for name in ("route", "rule_id", "reasons", "citations")}
    for at in range(len(units)):
        route, chosen, tried = route_of(at, answers, rulebook)
        if route in skips and verdicts.guard[at]:
            tried.append({"guard": verdicts.guard[at], "route": route, "outcome": "withheld"})
            route = REVIEW_BY_PERSON
        columns["route"].append(route)
        columns["rule_id"].append(chosen.rule_id if chosen else "")
        columns["reasons"].append(json.dumps(tried, ensure_ascii=False))
        columns["citations"].append("|".join(chosen.citations) if chosen else "")
    return pd.DataFrame(
        {
            "project_id": units.index.to_numpy(dtype=object),
            "project_name": units["project_name"].to_numpy(dtype=object),
            "as_of": np.full(len(units), rulebook.as_of, dtype=object),
            "verdict": verdicts.verdict,
            **columns,
            "area_m2": units["area_m2"].to_numpy(dtype=float),
            "missing_layers": _unknown_layers(facts, len(units), rulebook),
            "prohibited": verdicts.prohibited,
            "consent": verdicts.consent,
            "unknown": verdicts.unknown,
            "qualifying_m2": qualifying,
            **{name: [version] * len(units) for name, version in versions.items()},
        },
        columns=DECISIONS,
    )


class Verdicts(NamedTuple):
    """Per unit the verdict, the rules behind it joined by ``|``, and why an automatic skip is withheld (or empty)."""

    verdict: list[str]
    prohibited: list[str]
    consent: list[str]
    unknown: list[str]
    guard: list[str]


def verdicts_of(unit: np.ndarray, findings, n: int) -> Verdicts:
    """The verdict over the findings of each unit, and the rules that prohibit, need consent or stay unknown.

    prohibited : a prohibition is hit; incomplete : none is hit but a prohibition or consent rule could not be
    assessed; conditional : only consents are hit; clear : everything assessed, nothing hit. A skip is withheld
    where a prohibition is hit, or could not be excluded.

    unit : the position of each finding's unit; findings : rule_id, effect and status, as columns
    """
    rule, effect, status = (np.asarray(findings[c], dtype=object) for c in ("rule_id", "effect", "status"))
    ban, consent = effect == "prohibit", effect == "consent"
    hit, open_ = status == "triggered", status == "not_assessed"
    prohibited = _ids(unit, rule, hit & ban, n)
    consents = _ids(unit, rule, hit & consent, n)
    unknown = _ids(unit, rule, open_ & (ban | consent), n)
    in_doubt = np.bincount(unit[open_ & ban], minlength=n) > 0
    verdict = [
        "prohibited" if p else "incomplete" if u else "conditional" if c else "clear"
        for p, c, u in zip(prohibited, consents, unknown, strict=True)
    ]
    guard = [
        "prohibited" if p else "not_assessed" if doubt else ""
        for p, doubt in zip(prohibited, in_doubt, strict=True)
    ]
    return Verdicts(verdict, prohibited, consents, unknown, guard)


def route_of(at: int, answers: Answers, rulebook):
    """The route for the unit at a position, the rule that gave it, and every rule tried with its evidence."""
    tried, route, chosen = [], None, None
    for rule, unconfirmed, conjuncts in remembered(rulebook, None, "tries", lambda: _tries(rulebook)):
        outcome = int(answers.outcome[rule.rule_id][at])
        entry = {
            "rule_id": rule.rule_id,
            "route": rule.route,
            "law": rule.law,
            "citations": list(rule.citations),
            "outcome": OUTCOMES[outcome],
            "confirmed": not unconfirmed,
            "chosen": route is None and outcome != FALSE,
            "conjuncts": [conjunct(leaf, at, answers, *said) for leaf, *said in conjuncts],
        }
        tried.append(entry)
        if entry["chosen"]:
            chosen = rule
            route = rule.route if outcome == TRUE and not unconfirmed else REVIEW_BY_PERSON
    return route or REVIEW_BY_PERSON, chosen, tried


def conjunct(leaf: str, at: int, answers: Answers, asked: dict, against: dict) -> dict:
    """One condition of a rule with what was measured and what it was held against."""
    entry = {"predicate": leaf, "outcome": WORDS[int(answers.outcome[leaf][at])], **asked}
    if leaf in answers.low:
        for name, edge in (("low", answers.low), ("high", answers.high)):
            value = float(edge[leaf][at])
            entry[name] = value if np.isfinite(value) else None
    return entry | against


def qualifying_area(standing: Standing, answers: Answers, rulebook, n: int) -> np.ndarray:
    """How many square metres of each site meet the skip rule that the whole site just misses.

    NaN when no skipping rule is in force; the full area when the whole site qualifies.
    """
    best = np.full(n, np.nan)
    for rule in rulebook.decisions:
        if rulebook.routes.at[rule.route, "skips"] == "Y":
            holds = holds_at(rule.when, standing, answers, rulebook)
            area = np.bincount(standing.unit, weights=standing.area_m2 * holds, minlength=n)
            best = np.fmax(best, area)
    return best


def holds_at(tree, standing: Standing, answers: Answers, rulebook) -> np.ndarray:
    """Which pieces of the sites meet a tree for certain, each taken alone."""
    if isinstance(tree, str) and tree in rulebook.compounds:
        return holds_at(rulebook.compounds[tree], standing, answers, rulebook)
    if isinstance(tree, str):
        subject, measure, operator = _test(tree, rulebook)
        if not subject:
            return answers.outcome[tree][standing.unit] == TRUE
        return standing.status[subject] == (FALSE if _means_outside(measure, operator) else TRUE)
    ((word, inner),) = tree.items()
    if word == "not":
        parts = holds_at(inner, standing, answers, rulebook)
        return ~parts & ~_unsure_at(inner, standing, answers, rulebook)
    parts = [holds_at(part, standing, answers, rulebook) for part in inner]
    combine = np.logical_and if word == "all" else np.logical_or
    return combine.reduce([np.full(len(standing.unit), word == "all"), *parts])


def _tries(rulebook) -> list[tuple]:
    """The pre-approval rules in order, whether each is unconfirmed on the day, and what its conjuncts ask."""
    tries = []
    for rule in rulebook.decisions:
        unconfirmed = rule.confirmed_to is not None and rulebook.as_of >= rule.confirmed_to
        conjuncts = []
        for leaf in leaves(rule.when, rulebook.compounds):
            test = rulebook.predicates.loc[leaf]
            asked = {"subject": test["subject"], "measure": test["measure"], "op": test["operator"]}
            if test["value"]:
                against = {"words": test["value"]}
            else:
                against = {"threshold": float(test["threshold"]), "unit": test["unit"]}
            conjuncts.append((leaf, asked, against))
        tries.append((rule, unconfirmed, conjuncts))
    return tries


def _unsure_at(tree, standing: Standing, answers: Answers, rulebook) -> np.ndarray:
    unsure = np.zeros(len(standing.unit), dtype=bool)
    for leaf in leaves(tree, rulebook.compounds):
        subject, _, _ = _test(leaf, rulebook)
        if subject:
            unsure |= standing.status[subject] == UNKNOWN
        else:
            unsure |= answers.outcome[leaf][standing.unit] == UNKNOWN
    return unsure


def _test(leaf: str, rulebook) -> tuple[str, str, str]:
    def make() -> dict:
        table = rulebook.predicates
        return dict(
            zip(
                table.index,
                zip(table["subject"], table["measure"], table["operator"], strict=True),
                strict=True,
            )
        )

    return remembered(rulebook, None, "tests", make)[leaf]


def _means_outside(measure: str, operator: str) -> bool:
    outside, small = measure.startswith("outside"), operator in ("lt", "le")
    return outside != small


def _unknown_layers(facts: pd.DataFrame, n: int, rulebook) -> list[str]:
    """Per unit the layers that are unknown on more of it than counts as a hit, joined by ``|``."""
    gaps = facts["unknown_area_m2"].to_numpy(dtype=float).reshape(n, -1) > rulebook.threshold("hit_min_area")
    named: dict[bytes, str] = {}
    out = []
    for row in gaps:
        key = row.tobytes()
        if key not in named:
            named[key] = "|".join(sorted({x for v in layers_of(rulebook)[row] for x in v.split("|")}))
        out.append(named[key])
    return out


def _ids(unit: np.ndarray, rule: np.ndarray, chosen: np.ndarray, n: int) -> list[str]:
    """Per unit the chosen rules, sorted, each once, joined by ``|``."""
    found: list[set[str]] = [set() for _ in range(n)]
    for at, name in zip(unit[chosen].tolist(), rule[chosen], strict=True):
        found[at].add(name)
    return ["|".join(sorted(names)) for names in found]
