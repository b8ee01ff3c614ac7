"""What a click on the map tells: cards of plain words, never markup, put on screen as text."""

from __future__ import annotations

from typing import Any

import pandas as pd

from onemap.book.words import (
    Words,
    area,
    blank,
    class_title,
    clauses,
    departments,
    described,
    label,
    layer_title,
    percent,
    rule_title,
    say,
    split,
    text_of,
)


def card(heading: str, badge: str = "", kind: str = "", rows=(), lists=(), plans=()) -> dict[str, Any]:
    """A card as the page reads it, empty parts left out.

    heading, badge and its kind, label-value rows, titled lists, numbers of plan lines.
    """
    whole = {
        "heading": heading,
        "badge": badge,
        "kind": kind,
        "rows": [[name, value] for name, value in rows if value not in ("", None)],
        "lists": [[title, items] for title, items in lists if items],
        "plans": list(plans),
    }
    return {name: part for name, part in whole.items() if part}


def site_card(words: Words, site: Any, decision: Any) -> dict[str, Any]:
    """The card of one parcel with the answer for its project."""
    rows = [
        (say(words, "present.project_id"), text_of(site.project_id)),
        (say(words, "present.category"), label(words, "category", site.category)),
        (say(words, "present.area"), area(words, site.area_m2)),
    ]
    if not blank(site.declared_area_m2):
        rows.append((say(words, "present.declared_area"), area(words, site.declared_area_m2)))
    if decision is None:
        return card(text_of(site.project_name) or text_of(site.project_id), rows=rows)
    rows += [
        (say(words, "present.project_area"), area(words, decision.area_m2)),
        (say(words, "present.qualifying"), area(words, decision.qualifying_m2)),
        (say(words, "present.route"), label(words, "route", decision.route)),
        (say(words, "present.clauses"), clauses(words, decision.citations)),
    ]
    return card(
        text_of(site.project_name) or text_of(site.project_id),
        label(words, "verdict", decision.verdict),
        text_of(decision.verdict),
        rows,
        [
            (label(words, "effect", "prohibit"), rule_names(words, decision.prohibited)),
            (label(words, "effect", "consent"), rule_names(words, decision.consent)),
            (say(words, "present.unknown_rules"), rule_names(words, decision.unknown)),
            (
                say(words, "present.missing_layers"),
                [layer_title(words, x) for x in split(decision.missing_layers)],
            ),
        ],
    )


def rule_names(words: Words, cell: Any) -> list[str]:
    """Rule ids of a cell with their titles; layer ids with their names."""
    names = []
    for one in split(cell):
        title = layer_title(words, one) if one in words.catalogue.layers.index else rule_title(words, one)
        names.append(title if title == one else f"{one} {title}")
    return names


def conflict_card(words: Words, conflict: Any) -> dict[str, Any]:
    """The card of one conflict: both classes, size, proposal and clause."""
    row = conflict._asdict()
    return card(
        conflict_title(words, conflict.kind),
        label(words, "severity", conflict.severity),
        f"severity-{text_of(conflict.severity)}",
        [
            (say(words, "present.conflict_id"), text_of(conflict.conflict_id)),
            (layer_title(words, conflict.layer_a), class_title(words, conflict.layer_a, conflict.class_a)),
            (layer_title(words, conflict.layer_b), class_title(words, conflict.layer_b, conflict.class_b)),
            (say(words, "present.area"), area(words, conflict.area_m2)),
            (
                say(words, "present.proposal"),
                described(words, conflict.proposal, row, text_of(conflict.proposal)),
            ),
            (say(words, "present.authority"), departments(words, conflict.authority)),
            (say(words, "present.clauses"), clauses(words, conflict.citations)),
            (say(words, "present.sliver"), say(words, "present.yes") if conflict.sliver else ""),
        ],
    )


def conflict_title(words: Words, kind: Any) -> str:
    """What people call a kind of conflict."""
    return words.texts.get(f"conflict.{kind}.title", words.lang, "") or text_of(kind)


def plan_line(words: Words, feature: Any) -> list[str]:
    """What one plan says at a place: the layer, then class, name, document and days of validity."""
    days = "–".join([text_of(feature.valid_from), text_of(feature.valid_to)]).strip("–")
    parts = [
        class_title(words, feature.layer, feature.class_code, feature.class_name),
        text_of(feature.name),
        text_of(feature.document_no),
        days,
        ""
        if feature.law_status in ("in_force", "", None)
        else label(words, "law_status", feature.law_status),
    ]
    return [layer_title(words, feature.layer), " · ".join(part for part in parts if part)]


def face_card(words: Words, face: Any, plans: list[int], unknown: pd.DataFrame | None) -> dict[str, Any]:
    """The card of one face: what every plan says there, and what is not known there."""
    missing = []
    if unknown is not None:
        missing = [
            f"{layer_title(words, row.layer)} ({label(words, 'unknown_reason', row.reason)})"
            for row in unknown.itertuples()
        ]
    governing = text_of(face.governing_layer)
    return card(
        say(words, "present.face", face_id=text_of(face.face_id)),
        rows=[
            (say(words, "present.area"), area(words, face.area_m2)),
            (
                say(words, "present.governing"),
                f"{layer_title(words, governing)} {class_title(words, governing, face.governing_class)}".strip(),
            ),
            (say(words, "present.conflict_id"), text_of(face.conflict_id)),
            (say(words, "present.sliver"), say(words, "present.yes") if face.sliver else ""),
        ],
        lists=[(say(words, "present.unknown_here"), missing)],
        plans=plans,
    )


def quarantine_card(words: Words, row: Any) -> dict[str, Any]:
    """The card of a feature that could not be used; where it may lie is unknown land."""
    return card(
        layer_title(words, row.layer),
        say(words, "present.quarantined"),
        "unknown",
        [
            (say(words, "present.source"), f"{text_of(row.source)} {text_of(row.source_fid)}".strip()),
            (say(words, "present.reason"), label(words, "issue", row.reason)),
        ],
    )


def facts_line(words: Words, title: str, area_m2: Any, share: Any) -> str:
    """A measured land share as one line."""
    return f"{title}: {area(words, area_m2)} ({percent(share)})"
