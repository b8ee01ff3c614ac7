"""The pre-approval route (用地预审) of every project, with the clause, the day and each conjunct's evidence."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from onemap.frames import DECISIONS, FALSE, TRUE, UNKNOWN, frame
from onemap.review.logic import WORDS, Answers, leaves

REVIEW_BY_PERSON = "needs_review"


def decide(units, answers: Answers, facts, findings, pieces_status, rulebook, versions: dict) -> pd.DataFrame:
    """One decision per project: verdict over the control lines, and route of pre-approval.

    Rules are tried by rank of their law, then newest first; the first that holds gives the route. A rule that
    is unknown before that sends the project to a person (``needs_review``) and never falls through to a milder
    one; so does a rule that holds but whose force on the day nobody confirmed. A route that skips something is
    withheld where a prohibition is hit or cannot be excluded. The whole site must qualify; ``qualifying_m2`` is
    the part that would.

    units, answers, facts : projects; findings : of their parcels; pieces_status : see :func:`qualifying_area`.
    columns : see ``onemap.frames.DECISIONS``; ``reasons`` is JSON, one entry per rule tried.
    """
    by_project = dict(iter(findings.groupby("project_id", sort=False)))
    none = findings.iloc[:0]
    unknown_layers = _unknown_layers(facts, units, rulebook)
    rows = []
    for at, project in enumerate(units.index):
        own = by_project.get(project, none)
        verdict, lists = verdict_of(own)
        route, chosen, tried = route_of(at, answers, rulebook)
        withheld = rulebook.routes.at[route, "skips"] == "Y" and guard_of(own)
        if withheld:
            tried.append({"guard": withheld, "route": route, "outcome": "withheld"})
            route = REVIEW_BY_PERSON
        mixed = qualifying_area(at, project, answers, pieces_status, rulebook)
        rows.append(
            {
                "project_id": project,
                "project_name": units.at[project, "project_name"],
                "as_of": rulebook.as_of,
                "verdict": verdict,
                "route": route,
                "rule_id": chosen.rule_id if chosen else "",
                "area_m2": float(units.at[project, "area_m2"]),
                "reasons": json.dumps(tried, ensure_ascii=False),
                "missing_layers": unknown_layers[project],
                "qualifying_m2": mixed,
                "citations": "|".join(chosen.citations) if chosen else "",
                **lists,
                **versions,
            }
        )
    return frame(rows, DECISIONS)


def verdict_of(findings: pd.DataFrame) -> tuple[str, dict]:
    """The verdict over a project's findings, and the rules that prohibit, need consent or stay unknown.

    prohibited : a prohibition is hit; incomplete : none is hit but a prohibition or consent rule could not be
    assessed; conditional : only consents are hit; clear : everything assessed, nothing hit.
    """
    binding = findings[findings["effect"].isin(("prohibit", "consent"))]
    hit = findings["status"] == "triggered"
    lists = {
        "prohibited": _ids(findings[hit & (findings["effect"] == "prohibit")]),
        "consent": _ids(findings[hit & (findings["effect"] == "consent")]),
        "unknown": _ids(binding[binding["status"] == "not_assessed"]),
    }
    if lists["prohibited"]:
        return "prohibited", lists
    if lists["unknown"]:
        return "incomplete", lists
    return ("conditional" if lists["consent"] else "clear"), lists


def guard_of(findings: pd.DataFrame) -> str:
    """Why an automatic skip is withheld: a prohibition hit, or one that could not be excluded; else empty."""
    bans = findings[findings["effect"] == "prohibit"]
    if (bans["status"] == "triggered").any():
        return "prohibited"
    return "not_assessed" if (bans["status"] == "not_assessed").any() else ""


def route_of(at: int, answers: Answers, rulebook):
    """The route for the unit at a position, the rule that gave it, and every rule tried with its evidence."""
    tried, route, chosen = [], None, None
    for rule in rulebook.decisions:
        outcome = int(answers.outcome[rule.rule_id].iloc[at])
        word = {TRUE: "satisfied", FALSE: "not", UNKNOWN: "unknown"}[outcome]
        unconfirmed = rule.confirmed_to is not None and rulebook.as_of >= rule.confirmed_to
        entry = {
            "rule_id": rule.rule_id,
            "route": rule.route,
            "law": rule.law,
            "citations": list(rule.citations),
            "outcome": word,
            "confirmed": not unconfirmed,
            "chosen": route is None and outcome != FALSE,
            "conjuncts": [
                conjunct(leaf, at, answers, rulebook) for leaf in leaves(rule.when, rulebook.compounds)
            ],
        }
        tried.append(entry)
        if entry["chosen"]:
            chosen = rule
            route = rule.route if outcome == TRUE and not unconfirmed else REVIEW_BY_PERSON
    return route or REVIEW_BY_PERSON, chosen, tried


def conjunct(leaf: str, at: int, answers: Answers, rulebook) -> dict:
    """One condition of a rule with what was measured and what it was held against."""
    test = rulebook.predicates.loc[leaf]
    entry = {
        "predicate": leaf,
        "outcome": WORDS[int(answers.outcome[leaf].iloc[at])],
        "subject": test["subject"],
        "measure": test["measure"],
        "op": test["operator"],
    }
    if leaf in answers.low:
        low, high = float(answers.low[leaf].iloc[at]), float(answers.high[leaf].iloc[at])
        finite = {k: (v if np.isfinite(v) else None) for k, v in (("low", low), ("high", high))}
        return entry | finite | {"threshold": float(test["threshold"]), "unit": test["unit"]}
    return entry | {"words": test["value"]}


def qualifying_area(at: int, project: str, answers: Answers, pieces_status, rulebook) -> float:
    """How many square metres of the site meet the skip rule that the whole site just misses.

    pieces_status : frame with project_id, area_m2 and one column per subject (1, 0, -1), a row per piece.
    NaN when no skipping rule is in force; the full area when the whole site qualifies.
    """
    own = pieces_status[pieces_status["project_id"] == project]
    best = np.nan
    for rule in rulebook.decisions:
        if rulebook.routes.at[rule.route, "skips"] != "Y":
            continue
        holds = holds_at(rule.when, own, at, answers, rulebook)
        best = np.fmax(best, float(own["area_m2"].to_numpy()[holds].sum()))
    return float(best)


def holds_at(tree, pieces: pd.DataFrame, at: int, answers: Answers, rulebook) -> np.ndarray:
    """Which pieces of a site meet a tree for certain, each taken alone; ``at`` is the project's position."""
    if isinstance(tree, str) and tree in rulebook.compounds:
        return holds_at(rulebook.compounds[tree], pieces, at, answers, rulebook)
    if isinstance(tree, str):
        test = rulebook.predicates.loc[tree]
        if not test["subject"]:
            return np.full(len(pieces), answers.outcome[tree].iloc[at] == TRUE)
        inside = pieces[test["subject"]].to_numpy()
        wanted = FALSE if _means_outside(test) else TRUE
        return inside == wanted
    ((word, inner),) = tree.items()
    if word == "not":
        parts = holds_at(inner, pieces, at, answers, rulebook)
        unsure = _unsure_at(inner, pieces, at, answers, rulebook)
        return ~parts & ~unsure
    parts = [holds_at(part, pieces, at, answers, rulebook) for part in inner]
    whole = np.full(len(pieces), word == "all")
    for part in parts:
        whole = whole & part if word == "all" else whole | part
    return whole


def _unsure_at(tree, pieces: pd.DataFrame, at: int, answers: Answers, rulebook) -> np.ndarray:
    unsure = np.zeros(len(pieces), dtype=bool)
    for leaf in leaves(tree, rulebook.compounds):
        subject = rulebook.predicates.at[leaf, "subject"]
        if subject:
            unsure |= pieces[subject].to_numpy() == UNKNOWN
        else:
            unsure |= answers.outcome[leaf].iloc[at] == UNKNOWN
    return unsure


def _means_outside(test) -> bool:
    outside, small = test["measure"].startswith("outside"), test["operator"] in ("lt", "le")
    return outside != small


def _unknown_layers(facts: pd.DataFrame, units: pd.DataFrame, rulebook) -> dict:
    gaps = facts[facts["unknown_area_m2"] > rulebook.threshold("hit_min_area")]
    named = gaps.groupby("project_id")["layer"].agg(
        lambda s: "|".join(sorted({x for v in s for x in v.split("|")}))
    )
    return {project: named.get(project, "") for project in units.index}


def _ids(findings: pd.DataFrame) -> str:
    return "|".join(sorted(findings["rule_id"].unique()))
