"""What a project must bring before it may go on: building conditions and evaluation items, by department and stage."""

from __future__ import annotations

import numpy as np
import pandas as pd

from onemap.frames import FALSE, PRECONDITIONS, STAGES, TRUE, UNKNOWN, empty, frame
from onemap.review.check import main_leaf
from onemap.review.logic import Answers

ALWAYS = "always"


def derive_preconditions(
    units: pd.DataFrame, answers: Answers, facts, covered: pd.DataFrame, named, rulebook
):
    """The duties (建设条件, 评估评价事项, 告知) that follow for every project.

    units, answers, facts : projects, as from ``onemap.review.project``; covered : from
    :func:`onemap.review.evaluation.evaluated`; named : (subject, project ids) → feature ids.
    A condition whose trigger is unknown stays, with status ``unknown``: nothing is waived by absence. Where a
    valid regional evaluation covers the whole site the status is what the book says the evaluation does; where
    that is not certain the duty stays ``required`` and ``note`` says why.
    columns : see ``onemap.frames.PRECONDITIONS``
    """
    rows = []
    area = facts.pivot(index="project_id", columns="subject", values="overlap_area_m2").reindex(units.index)
    for condition in rulebook.conditions.itertuples():
        outcome = trigger_of(condition, answers, len(units))
        leaf = None if condition.trigger == ALWAYS else main_leaf(condition.trigger, rulebook)
        subject = "" if leaf is None else rulebook.predicates.at[leaf, "subject"]
        for at in np.flatnonzero(outcome != FALSE):
            project = units.index[at]
            status, note = _status(condition, outcome[at], covered, project)
            ids = named(subject, project) if subject and outcome[at] == TRUE else ""
            if status in ("replaced", "simplified", "by_commitment"):
                zones = covered.attrs["features"].get((project, condition.replaceable_by), "")
                ids = "|".join(filter(None, (ids, zones)))
            rows.append(
                {
                    "project_id": project,
                    "condition_id": condition.condition_id,
                    "kind": condition.kind,
                    "stage": condition.stage,
                    "department": condition.department,
                    "text": condition.text,
                    "status": status,
                    "replaceable_by": condition.replaceable_by,
                    "trigger": condition.trigger,
                    "feature_ids": ids,
                    "area_m2": float(area.at[project, subject]) if subject else np.nan,
                    "citations": condition.citations,
                    "note": note,
                }
            )
    if not rows:
        return empty(PRECONDITIONS)
    table = frame(rows, PRECONDITIONS)
    position = pd.Series(np.arange(len(units)), index=units.index)
    stage = table["stage"].map(lambda s: min((STAGES.index(p) for p in s.split("|")), default=0))
    order = np.lexsort((table["condition_id"], stage, table["project_id"].map(position)))
    return table.iloc[order].reset_index(drop=True)


def trigger_of(condition, answers: Answers, n: int) -> np.ndarray:
    """Three-valued: does the condition arise for each project?"""
    test = (
        np.full(n, TRUE, dtype=np.int8)
        if condition.trigger == ALWAYS
        else answers.outcome[condition.trigger].to_numpy()
    )
    if not condition.applies_when:
        return test
    scope = answers.outcome[condition.applies_when].to_numpy()
    return np.where(
        (test == FALSE) | (scope == FALSE), FALSE, np.where((test == TRUE) & (scope == TRUE), TRUE, UNKNOWN)
    )


def _status(condition, outcome: int, covered: pd.DataFrame, project: str) -> tuple[str, str]:
    if outcome == UNKNOWN:
        return "unknown", "note.trigger_unknown"
    item = condition.replaceable_by
    if not item or item not in covered.columns:
        return "required", ""
    inside = covered.at[project, item]
    if inside == TRUE:
        return condition.effect_of_replacement, "note.evaluated"
    return "required", "note.evaluation_unknown" if inside == UNKNOWN else ""
