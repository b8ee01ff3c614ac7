"""What a project must bring before it may go on: building conditions and evaluation items, by department and stage."""

from __future__ import annotations

import numpy as np
import pandas as pd

from onemap.frames import FALSE, PRECONDITIONS, STAGES, TRUE, UNKNOWN, empty, frame
from onemap.review.check import main_leaf
from onemap.review.logic import Answers

ALWAYS = "always"
STRICTNESS = ("required", "unknown", "by_commitment", "simplified", "replaced")


def derive_preconditions(
    units: pd.DataFrame, answers: Answers, facts, covered: pd.DataFrame, named, rulebook
):
    """The duties (建设条件, 评估评价事项, 告知) that follow for every project.

    units, answers, facts : projects, as from ``onemap.review.project``; covered : from
    :func:`onemap.review.evaluation.evaluated`; named : (subject, project ids) → feature ids.
    A condition whose trigger is unknown stays, with status ``unknown``: nothing is waived by absence. Where a
    valid regional evaluation covers the whole site the status is what the book says the evaluation does; where
    that is not certain, or the evaluation is not for such projects, the duty stays ``required`` and ``note`` says why.
    Conditions that ask the same (department, stage and text) are one row with all ids, triggers and citations.
    columns : see ``onemap.frames.PRECONDITIONS``
    """
    rows = []
    area = facts.pivot(index="project_id", columns="subject", values="overlap_area_m2").reindex(units.index)
    scopes = rulebook.evaluations.set_index("item_code")["applies_when"].to_dict()
    for condition in rulebook.conditions.itertuples():
        scope = scopes.get(condition.replaceable_by)
        meant = answers.outcome[scope].to_numpy() if scope else np.full(len(units), TRUE, dtype=np.int8)
        outcome = trigger_of(condition, answers, len(units))
        leaf = None if condition.trigger == ALWAYS else main_leaf(condition.trigger, rulebook)
        subject = "" if leaf is None else rulebook.predicates.at[leaf, "subject"]
        for at in np.flatnonzero(outcome != FALSE):
            project = units.index[at]
            status, note = _status(condition, outcome[at], covered, at, meant, scope is not None)
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
    table = merged(frame(rows, PRECONDITIONS), rulebook)
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


def merged(table: pd.DataFrame, rulebook) -> pd.DataFrame:
    """One row for conditions of a project that ask the same: ids, triggers, features and citations joined by ``|``.

    The status that asks most is kept, with its note; the area is the largest.
    """
    words = table["text"].map(lambda key: rulebook.text(key, "zh"))
    same = [table["project_id"], table["kind"], table["department"], table["stage"], words]
    alike = table.groupby(same, sort=False).ngroup()
    if alike.is_unique:
        return table
    table = table.assign(rank=table["status"].map(STRICTNESS.index))
    rows = []
    for _, group in table.groupby(alike, sort=False):
        row = group.sort_values("rank", kind="stable").iloc[0].to_dict()
        for column in ("condition_id", "trigger", "replaceable_by", "feature_ids", "citations"):
            words = [word for cell in group[column] for word in cell.split("|") if word]
            row[column] = "|".join(dict.fromkeys(words))
        rows.append({c: row[c] for c in PRECONDITIONS} | {"area_m2": group["area_m2"].max()})
    return frame(rows, PRECONDITIONS)


def _status(
    condition, outcome: int, covered: pd.DataFrame, at: int, meant: np.ndarray, in_force: bool
) -> tuple[str, str]:
    if outcome == UNKNOWN:
        return "unknown", "note.trigger_unknown"
    item = condition.replaceable_by
    if not item or not in_force or condition.effect_of_replacement == "none":
        return "required", ""
    project, inside = covered.index[at], covered[item].iloc[at]
    if inside == FALSE:
        return "required", ""
    if meant[at] == FALSE:
        return "required", "note.evaluation_other_projects"
    if inside == TRUE and meant[at] == TRUE:
        return condition.effect_of_replacement, "note.evaluated"
    unlisted = (project, item) in covered.attrs["unlisted"] and meant[at] == TRUE
    return "required", "note.commitment_list_unknown" if unlisted else "note.evaluation_unknown"
