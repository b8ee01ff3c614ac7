"""What a project must bring before it may go on: building conditions and evaluation items, by department and stage."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from onemap.blueprint.memory import remembered
from onemap.frames import FALSE, PRECONDITIONS, STAGES, TRUE, UNKNOWN, empty
from onemap.review.check import main_leaf
from onemap.review.evaluation import Evaluated
from onemap.review.logic import Answers
from onemap.review.measure import subjects_of

ALWAYS = "always"
STRICTNESS = ("required", "unknown", "by_commitment", "simplified", "replaced")
WAIVED = ("replaced", "simplified", "by_commitment")
SAID = (
    "condition_id",
    "kind",
    "stage",
    "department",
    "text",
    "replaceable_by",
    "trigger",
    "citations",
)
JOINED = ("condition_id", "trigger", "replaceable_by", "feature_ids", "citations")


class Duty(NamedTuple):
    """One condition of the book: its words, and what it hangs on."""

    said: dict[str, str]
    applies_when: str
    scope: str
    subject: str
    replacement: str
    stage: int


def derive_preconditions(
    units: pd.DataFrame, answers: Answers, facts, covered: Evaluated, named, rulebook
) -> pd.DataFrame:
    """The duties (建设条件, 评估评价事项, 告知) that follow for every project.

    units, answers, facts : projects, as from ``onemap.review.project``; covered : from
    :func:`onemap.review.evaluation.evaluated`; named : subject → feature ids by position of the project.
    A condition whose trigger is unknown stays, with status ``unknown``: nothing is waived by absence. Where a
    valid regional evaluation covers the whole site the status is what the book says the evaluation does; where
    that is not certain, or the evaluation is not for such projects, the duty stays ``required`` and ``note`` says why.
    Conditions that ask the same (department, stage and text) are one row with all ids, triggers and citations.
    columns : see ``onemap.frames.PRECONDITIONS``
    """
    n, duties = len(units), remembered(rulebook, None, "duties", lambda: _duties(rulebook))
    area = facts["overlap_area_m2"].to_numpy(dtype=float).reshape(n, -1) if n else np.empty((0, 0))
    column = {subject: i for i, subject in enumerate(subjects_of(rulebook))}
    units_at, duty_at, rows = [], [], []
    for number, duty in enumerate(duties):
        outcome = trigger_of(duty, answers, n)
        meant = answers.outcome[duty.scope] if duty.scope else None
        met = None
        for at in np.flatnonzero(outcome != FALSE).tolist():
            status, note = _status(duty, int(outcome[at]), covered, at, meant)
            ids = ""
            if duty.subject and outcome[at] == TRUE:
                met = named(duty.subject) if met is None else met
                ids = met.get(at, "")
            if status in WAIVED:
                ids = "|".join(
                    filter(None, (ids, covered.features.get((at, duty.said["replaceable_by"]), "")))
                )
            units_at.append(at)
            duty_at.append(number)
            rows.append([status, ids, note, area[at, column[duty.subject]] if duty.subject else np.nan])
    if not rows:
        return empty(PRECONDITIONS)
    return _table(units, duties, np.array(units_at), np.array(duty_at), rows, rulebook)


def trigger_of(duty: Duty, answers: Answers, n: int) -> np.ndarray:
    """Three-valued: does the condition arise for each project?"""
    trigger = duty.said["trigger"]
    test = np.full(n, TRUE, dtype=np.int8) if trigger == ALWAYS else answers.outcome[trigger]
    if not duty.applies_when:
        return test
    scope = answers.outcome[duty.applies_when]
    return np.where(
        (test == FALSE) | (scope == FALSE), FALSE, np.where((test == TRUE) & (scope == TRUE), TRUE, UNKNOWN)
    )


def _duties(rulebook) -> list[Duty]:
    scopes = dict(zip(rulebook.evaluations["item_code"], rulebook.evaluations["applies_when"], strict=True))
    found = []
    for row in rulebook.conditions.itertuples():
        said = {name: getattr(row, name) for name in SAID}
        leaf = None if row.trigger == ALWAYS else main_leaf(row.trigger, rulebook)
        found.append(
            Duty(
                said=said,
                applies_when=row.applies_when,
                scope=scopes.get(row.replaceable_by, ""),
                subject="" if leaf is None else rulebook.predicates.at[leaf, "subject"],
                replacement=row.effect_of_replacement if row.replaceable_by in scopes else "none",
                stage=min((STAGES.index(p) for p in row.stage.split("|")), default=0),
            )
        )
    return found


def _status(duty: Duty, outcome: int, covered: Evaluated, at: int, meant) -> tuple[str, str]:
    if outcome == UNKNOWN:
        return "unknown", "note.trigger_unknown"
    item = duty.said["replaceable_by"]
    if not item or duty.replacement == "none":
        return "required", ""
    inside = covered.inside[item][at]
    if inside == FALSE:
        return "required", ""
    meant_here = TRUE if meant is None else meant[at]
    if meant_here == FALSE:
        return "required", "note.evaluation_other_projects"
    if inside == TRUE and meant_here == TRUE:
        return duty.replacement, "note.evaluated"
    unlisted = (at, item) in covered.unlisted and meant_here == TRUE
    return "required", "note.commitment_list_unknown" if unlisted else "note.evaluation_unknown"


def _table(
    units, duties: list[Duty], unit: np.ndarray, duty: np.ndarray, rows: list[list], rulebook
) -> pd.DataFrame:
    """The rows in order: by project, stage and condition, those that ask the same in one."""
    status, ids, note, area = (np.array(part, dtype=object) for part in zip(*rows, strict=True))
    table = {name: np.array([d.said[name] for d in duties], dtype=object)[duty] for name in SAID}
    table |= {"project_id": units.index.to_numpy(dtype=object)[unit], "area_m2": area.astype(float)}
    table |= {"status": status, "feature_ids": ids, "note": note, "unit": unit}
    table["at_stage"] = np.array([d.stage for d in duties])[duty]
    table = merged(table, rulebook)
    order = np.lexsort((table["condition_id"], table["at_stage"], table["unit"]))
    return pd.DataFrame({name: table[name][order] for name in PRECONDITIONS})


def merged(table: dict[str, np.ndarray], rulebook) -> dict[str, np.ndarray]:
    """One row for conditions of a project that ask the same: ids, triggers, features and citations joined by ``|``.

    The status that asks most is kept, with its note; the area is the largest. table : columns by name
    """
    texts = {key: rulebook.text(key, "zh") for key in set(table["text"])}
    group = np.zeros(len(table["text"]), dtype=np.intp)
    for column in ("project_id", "kind", "department", "stage", "text"):
        words = table[column] if column != "text" else np.array([texts[key] for key in table["text"]], object)
        code, _ = pd.factorize(words)
        group = np.unique(group * (code.max() + 1) + code, return_inverse=True)[1]
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    stops = np.append(starts[1:], len(order))
    table = {name: column.copy() for name, column in table.items()}
    kept = np.ones(len(group), dtype=bool)
    for at in np.flatnonzero(stops - starts > 1):
        own = order[starts[at] : stops[at]]
        strictest = own[np.argmin([STRICTNESS.index(table["status"][row]) for row in own])]
        for name in JOINED:
            each = [word for row in own for word in table[name][row].split("|") if word]
            table[name][strictest] = "|".join(dict.fromkeys(each))
        table["area_m2"][strictest] = np.fmax.reduce(table["area_m2"][own])
        kept[own[own != strictest]] = False
    return {name: column[kept] for name, column in table.items()}
