"""The blocks of an opinion that say what was checked, what is due, and how the route was decided."""

from __future__ import annotations

import json
from typing import Any

from onemap.book.words import (
    area,
    blank,
    clauses,
    departments,
    described,
    label,
    listed,
    measured,
    number,
    percent,
    rule_title,
    say,
    sentences,
    split,
    subject_title,
    text_of,
)
from onemap.present.blocks import Block, Table
from onemap.present.cards import conflict_title
from onemap.present.membership import predicates_of
from onemap.present.opinion import Case

WORST = {status: rank for rank, status in enumerate(("triggered", "not_assessed", "clear", "not_applicable"))}


def control_block(case: Case) -> Block:
    """Block H: every control rule with its answer, hits and gaps in full, the clear ones by name."""
    words = case.words
    rows, quiet = [], {"clear": [], "not_applicable": []}
    findings = worst_findings(case)
    for row in findings:
        if row["status"] in quiet:
            quiet[row["status"]].append(f"{row['rule_id']} {rule_title(words, row['rule_id'])}")
            continue
        rows.append(
            [
                f"{row['rule_id']} {rule_title(words, row['rule_id'])}",
                f"{label(words, 'status', row['status'])} · {label(words, 'effect', row['effect'])}",
                measurement_text(case, row),
                number(row["area_m2"]) if row["status"] == "triggered" else say(words, "report.not_known"),
                percent(row["known_share"]),
                clauses(words, row["citations"]),
                departments(words, row["authority"]),
            ]
        )
    heads = ("rule", "answer", "measured", "area_m2", "known_share", "clauses", "authority")
    tables = (
        [Table("", [say(words, f"report.{h}") for h in heads], rows, [1.8, 1.1, 1.7, 1.25, 1, 2.2, 1])]
        if rows
        else []
    )
    lines = [] if rows else [say(words, "report.H.none")]
    for row in findings:
        if row["status"] == "triggered":
            reason, remedy = (described(words, row[part], row) for part in ("reason", "remedy"))
            said = sentences(words, (reason, remedy))
            lines.append(f"{row['rule_id']}: {said}")
    notes = [
        say(words, f"report.H.{status}", count=len(names), names=listed(words, names))
        for status, names in quiet.items()
        if names
    ]
    return Block("H", say(words, "report.H"), lines, tables, notes)


def worst_findings(case: Case) -> list[dict[str, Any]]:
    """One row per rule: the gravest answer of any parcel, its hit areas added up, the least known share."""
    by_rule: dict[str, list[dict[str, Any]]] = {}
    for row in case.findings.to_dict("records"):
        by_rule.setdefault(row["rule_id"], []).append(row)
    found = []
    for rows in by_rule.values():
        worst = dict(min(rows, key=lambda row: (WORST[row["status"]], row["parcel_id"])))
        same = [
            row["area_m2"] for row in rows if row["status"] == worst["status"] and not blank(row["area_m2"])
        ]
        if same:
            worst["area_m2"] = float(sum(same))
            worst["share"] = worst["area_m2"] / case.area_m2 if case.area_m2 else None
        worst["known_share"] = min(
            (row["known_share"] for row in rows if not blank(row["known_share"])), default=None
        )
        found.append(worst)
    return sorted(found, key=lambda row: (WORST[row["status"]], row["rule_id"]))


def measurement_text(case: Case, row: dict[str, Any]) -> str:
    """What was measured against which threshold, engineering choices marked as such."""
    words, unit = case.words, row["unit"]
    name = label(words, "explain.measure", row["measure"])
    value = (
        measured(words, row["measured"], unit)
        if row["status"] != "not_assessed"
        else say(words, "report.not_known")
    )
    if blank(row["threshold"]) or blank(row["op"]):
        return f"{name} {value}".strip()
    sign = label(words, "explain.op", row["op"])
    tested = f"{sign} {measured(words, row['threshold'], unit)}"
    if is_engineering(case, row["rule_id"], row["measure"]):
        tested = say(words, "report.engineering", value=tested)
    return say(words, "report.measured_against", name=name, value=value, tested=tested)


def is_engineering(case: Case, rule_id: str, measure: str) -> bool:
    """Whether the threshold that a rule is tested against is a choice of engineers, not of a clause."""
    book = case.words.rulebook
    rule = book.rules[book.rules.rule_id == rule_id]
    names = predicates_of(book, rule.predicate.iloc[0]) if len(rule) else []
    used = [
        book.predicates.at[one, "parameter"] for one in names if book.predicates.at[one, "measure"] == measure
    ]
    return any(basis_of(case, one) == "engineering" for one in used)


def basis_of(case: Case, parameter: str) -> str:
    """What a parameter rests on."""
    parameters = case.words.rulebook.parameters
    return text_of(parameters.at[parameter, "basis"]) if parameter in parameters.index else ""


def conflict_block(case: Case) -> Block:
    """Block I: conflicts between plans that the site touches."""
    words = case.words
    rows = [
        [
            text_of(row["conflict_id"]),
            conflict_title(words, row["kind"]),
            label(words, "severity", row["severity"]),
            number(row["area_m2"]),
            percent(row["share"]),
            described(words, row["proposal"], row, text_of(row["proposal"])),
            clauses(words, row["citations"]),
        ]
        for row in case.conflicts.to_dict("records")
    ]
    heads = ("conflict", "kind", "severity", "area_m2", "share", "proposal", "clauses")
    table = Table("", [say(words, f"report.{h}") for h in heads], rows, [1.1, 1.8, 1.1, 1, 0.8, 1.9, 1.8])
    lines = [say(words, "report.I.note")] if rows else [say(words, "report.I.none")]
    return Block("I", say(words, "report.I"), lines, [table] if rows else [])


def duties_block(case: Case, letter: str) -> Block:
    """Block J (building conditions and information) or K (evaluations, with what may replace them)."""
    words = case.words
    evaluations = letter == "K"
    chosen = case.preconditions[(case.preconditions.kind == "evaluation") == evaluations]
    rows = []
    for row in chosen.to_dict("records"):
        stages = "/".join(label(words, "stage", stage) for stage in split(row["stage"])) or "—"
        cells = [
            text_of(row["condition_id"]),
            departments(words, row["department"]),
            stages,
            described(words, row["text"], row, text_of(row["condition_id"])),
            label(words, "precondition_status", row["status"]),
        ]
        if evaluations:
            cells.append(replacement(case, row["replaceable_by"]))
        note = described(words, row["note"], row)
        rows.append(
            [
                *cells,
                sentences(words, (clauses(words, row["citations"]), note)),
            ]
        )
    heads = [
        "duty",
        "department",
        "stage",
        "text",
        "state",
        *(["replaced_by"] if evaluations else []),
        "clauses",
    ]
    widths = [0.7, 1.25, 1.1, 2.4, 0.9, *([1.6] if evaluations else []), 2]
    table = Table("", [say(words, f"report.{h}") for h in heads], rows, widths)
    return Block(
        letter,
        say(words, f"report.{letter}"),
        [] if rows else [say(words, f"report.{letter}.none")],
        [table] if rows else [],
    )


def replacement(case: Case, item: Any) -> str:
    """The regional evaluations of an item that lie under the site, with document and last day."""
    if blank(item):
        return "—"
    words, groups = case.words, case.words.catalogue.layers["group"]
    found = case.overlaps[
        (case.overlaps.layer.map(groups) == "evaluation") & (case.overlaps.class_code == item)
    ]
    lines = []
    for feature_id in dict.fromkeys(found.feature_id):
        if feature_id in case.features.index:
            row = case.features.loc[feature_id]
            until = text_of(row.valid_to)
            parts = [
                text_of(row["name"]),
                text_of(row.document_no),
                say(words, "report.until", day=until) if until else "",
            ]
            lines.append(" ".join(part for part in parts if part))
    return f"{item}: " + (listed(words, lines) or say(words, "report.no_zone"))


def route_block(case: Case) -> Block:
    """Block L: the pre-approval answer, every rule tried, and its conditions one by one."""
    words, decision = case.words, case.decision
    lines = [
        say(words, "report.L.route", route=label(words, "route", decision.route)),
        say(
            words,
            "report.L.rule",
            rule=text_of(decision.rule_id) or "—",
            clauses=clauses(words, decision.citations) or "—",
        ),
        say(
            words,
            "report.L.qualifying",
            area=area(words, decision.qualifying_m2),
            whole=area(words, decision.area_m2),
        ),
    ]
    rows, tried = [], []
    for entry in json.loads(decision.reasons or "[]"):
        if "guard" in entry:
            lines.append(label(words, "explain.withheld", entry["guard"]))
            continue
        cited = entry.get("citations") or []
        cited = "|".join(cited) if isinstance(cited, list) else cited
        state = label(words, "explain.outcome", entry["outcome"])
        if entry.get("chosen"):
            state = say(words, "report.L.chosen", outcome=state)
        if entry.get("chosen") and entry.get("confirmed") is False:
            lines.append(say(words, "report.L.unconfirmed", rule=entry["rule_id"]))
        tried.append([entry["rule_id"], clauses(words, cited), label(words, "route", entry["route"]), state])
        rows += [_conjunct(case, entry["rule_id"], one) for one in entry.get("conjuncts", [])]
    heads = ("rule", "clauses", "gives", "outcome")
    evidence = ("rule", "condition", "measure", "value", "threshold", "outcome")
    tables = [
        Table(
            say(words, "report.L.tried"),
            [say(words, f"report.{h}") for h in heads],
            tried,
            [1.2, 3, 1.6, 1.4],
        ),
        Table(
            say(words, "report.L.evidence"),
            [say(words, f"report.{h}") for h in evidence],
            rows,
            [1.2, 2.4, 1.2, 1.8, 1.8, 0.9],
        ),
    ]
    return Block("L", say(words, "report.L"), lines, [table for table in tables if table.rows])


def _conjunct(case: Case, rule_id: str, one: dict[str, Any]) -> list[str]:
    words = case.words
    outcome = label(words, "explain.outcome", one["outcome"])
    subject = text_of(one.get("subject"))
    title = subject_title(words, subject)
    name = title or label(words, "explain.measure", one.get("measure"))
    measure = label(words, "explain.measure", one.get("measure"))
    if "words" in one:
        allowed = listed(
            words,
            (
                label(words, text_of(one["measure"]).removeprefix("project."), word)
                for word in split(one["words"])
            ),
        )
        own = getattr(next(case.parcels.itertuples()), text_of(one["measure"]).removeprefix("project."), None)
        return [
            rule_id,
            name,
            measure,
            label(words, text_of(one["measure"]).removeprefix("project."), own),
            allowed,
            outcome,
        ]
    low, high = (measured(words, one.get(side), one.get("unit")) for side in ("low", "high"))
    if one["outcome"] == "unknown" and blank(one.get("low")) and blank(one.get("high")):
        low = high = say(words, "report.not_known")
    value = low if low == high else say(words, "explain.interval", low=low, high=high)
    sign = label(words, "explain.op", one.get("op"))
    book = words.rulebook
    parameter = (
        book.predicates.at[one["predicate"], "parameter"] if one["predicate"] in book.predicates.index else ""
    )
    tested = f"{sign} {measured(words, one.get('threshold'), one.get('unit'))}"
    if basis_of(case, parameter) == "engineering":
        tested = say(words, "report.engineering", value=tested)
    return [
        rule_id,
        name,
        measure,
        value,
        tested,
        outcome,
    ]
