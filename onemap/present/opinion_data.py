"""What an opinion rests on and what it lacks: data versions, parameters, unknowns."""

from __future__ import annotations

import json

import pandas as pd

from onemap.book.parameters import parameter_kind, parameter_title, parameter_value
from onemap.book.words import (
    clauses,
    count,
    described,
    label,
    layer_title,
    listed,
    say,
    split,
    text_of,
)
from onemap.present.blocks import Block, Table
from onemap.present.cards import rule_names
from onemap.present.membership import predicates_of
from onemap.present.opinion import Case

USABLE = ("found", "none", "empty")


def data_block(case: Case) -> Block:
    """Block M: the data this rests on, by layer, with day and hash; and the parameters used."""
    words, review = case.words, case.review
    rows = [
        [
            layer_title(words, row.layer),
            text_of(row.path),
            label(words, "source_status", row.status),
            text_of(row.data_date) or "—",
            f"{count(row.rows_kept)}/{count(row.rows_read)}",
            text_of(row.sha256)[:12] or "—",
        ]
        for row in review.sources[review.sources.status != "none"].itertuples()
    ]
    heads = ("layer", "file", "state", "data_date", "kept_read", "hash")
    tables = [
        Table(
            say(words, "report.M.sources"),
            [say(words, f"report.{h}") for h in heads],
            rows,
            [1.8, 2, 0.9, 1.1, 1, 1.6],
        )
    ]
    used = parameters_used(case)
    if used:
        heads = ("parameter", "value", "basis", "clauses")
        tables.append(
            Table(
                say(words, "report.M.parameters"),
                [say(words, f"report.{h}") for h in heads],
                used,
                [2.6, 1, 1.3, 2.9],
            )
        )
    lines = [
        say(
            words,
            "report.M.versions",
            blueprint=text_of(case.decision.blueprint_version),
            rulebook=words.rulebook.version,
        ),
        say(words, "report.M.book", name=words.rulebook.name[words.lang]),
        say(words, "report.M.pictures"),
    ]
    absent = review.sources[review.sources.status == "none"]
    names = listed(words, (layer_title(words, layer) for layer in absent.layer))
    notes = [say(words, "report.M.absent", count=len(absent), names=names)] if len(absent) else []
    return Block("M", say(words, "report.M"), lines, tables, notes)


def parameters_used(case: Case) -> list[list[str]]:
    """Rows of parameter, value, kind and clause for every threshold that decided something here."""
    words, book = case.words, case.words.rulebook
    live = case.findings[case.findings.status.isin(["triggered", "not_assessed"])].rule_id
    tested = [
        one
        for rule in book.rules[book.rules.rule_id.isin(live)].itertuples()
        for one in predicates_of(book, rule.predicate)
    ]
    tested += [
        c["predicate"] for e in json.loads(case.decision.reasons or "[]") for c in e.get("conjuncts", [])
    ]
    names = {book.predicates.at[one, "parameter"] for one in tested if one in book.predicates.index}
    rows = []
    for name in sorted(names & set(book.parameters.index)):
        row = book.parameters.loc[name]
        rows.append(
            [
                parameter_title(words.texts, name, words.lang),
                parameter_value(words.texts, row.value, row.unit, words.lang),
                parameter_kind(words.texts, row, words.lang),
                clauses(words, row.citations) or "—",
            ]
        )
    return rows


def unknown_lines(case: Case) -> list[str]:
    """Everything that is not known about this project, one line each; empty when nothing is missing."""
    words, review = case.words, case.review
    lines = []
    if names := rule_names(words, case.decision.unknown):
        lines.append(say(words, "report.unknown.rules", names=listed(words, names)))
    if layers := split(case.decision.missing_layers):
        lines.append(
            say(
                words,
                "report.unknown.layers",
                names=listed(words, (layer_title(words, one) for one in layers)),
            )
        )
    sources: pd.DataFrame = review.sources
    usable = set(sources.layer[sources.status.isin(USABLE)])
    for row in sources[~sources.layer.isin(usable)].itertuples():
        state = label(words, "source_status", row.status)
        lines.append(say(words, "report.unknown.source", layer=layer_title(words, row.layer), state=state))
    for duty in case.preconditions[case.preconditions.status == "unknown"].to_dict("records"):
        title = described(words, duty["text"], duty, text_of(duty["condition_id"]))
        lines.append(say(words, "report.unknown.duty", duty=f"{duty['condition_id']} {title}"))
    return lines
