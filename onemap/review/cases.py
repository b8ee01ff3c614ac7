"""Jurists' cases: a parcel and layers as boxes on a grid, a day, and the answer that the law gives."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from onemap.blueprint.build import build_blueprint
from onemap.book.catalogue import load_catalogue
from onemap.book.dating import as_date
from onemap.book.reading import Document, nearest, read_yaml
from onemap.book.rulebook import load_rulebook
from onemap.errors import InputError
from onemap.review.case_land import KEYS, Case, companies, layers_of, parcels_of
from onemap.review.review import review

RELATIVE = 1e-6  # of a number: a box on the central meridian against its ellipsoidal area
DECISION_WORDS = ("verdict", "route", "rule_id", "qualifying_m2")
LISTS = ("prohibited", "consent", "unknown", "missing_layers")
ABSENT, FOUND = "absent", "found"
FACETS = {
    "rules": ("status", "effect", "measured", "area_m2", "share", "known_share", "op", "threshold", "unit"),
    "conditions": ("status", "kind", "stage", "department", "area_m2", "note"),
    "conflicts": ("status", "severity", "area_m2"),
    "decisions": ("status", "route"),
}
CITES = "cites"


class Verdict(NamedTuple):
    """How one expectation of a case came out."""

    case: str
    where: str
    what: str
    expected: str
    got: str
    passed: bool


def run_cases(path: str | Path, book: str | Path | None = None) -> list[Verdict]:
    """Run every case of a YAML file, or of a folder of them, against the rule book; one verdict an expectation.

    A case gives ``case`` (its name), ``as_of``, and what of these it needs: ``dates`` (named dates of the book),
    ``project`` (attributes), ``parcel`` (a box ``[west, south, east, north]`` in metres or several; else one
    hectare from the origin) and ``layers``: each a box, a list of boxes or of ``{box, class_code, document_no, …}``,
    ``{features, extent, quarantined}``, or ``none`` (assessed, nothing there); a layer left out, or ``unknown``, is
    not assessed; ``others: none`` states all the rest absent. ``expect`` names the verdict, route or lists of the decision, or ids:
    a control rule or condition with its status (``absent`` when not asked for), a pre-approval rule with
    ``satisfied``, ``not`` or ``unknown``, a conflict type with ``found`` or ``absent``; or a mapping of these
    and of numbers, and ``cites`` for citations that must be given.
    Raises ``InputError`` with ``file:line`` for words that the format or the book does not know.
    """
    catalogue = load_catalogue(book)
    days: dict[tuple, list[Case]] = {}
    for case in read_cases(path):
        days.setdefault(_day(case), []).append(case)
    verdicts = []
    for (as_of, dates), cases in sorted(days.items(), key=lambda item: item[0]):
        rulebook = load_rulebook(as_of, book, dict(dates))
        kinds = set(rulebook.timeline["conflicts"]["kind"])
        for towns in companies(cases, catalogue):
            asked = {what for town in towns for what in town.case.data["expect"]}
            used = rulebook if asked & kinds else _without_conflicts(rulebook)
            blueprint = build_blueprint(layers_of(towns, catalogue), used)
            result = _Answers(review(parcels_of(towns, catalogue), blueprint, used))
            for town in towns:
                verdicts += [
                    _compare(town, what, wanted, result) for what, wanted in town.case.data["expect"].items()
                ]
    return verdicts


def read_cases(path: str | Path) -> list[Case]:
    """The cases of a YAML file or of a folder, each knowing its lines."""
    path = Path(path)
    files = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    if not files or not all(f.is_file() for f in files):
        raise InputError("review.cases.missing", where=str(path))
    return [case for file in files for case in _cases_of(read_yaml(file))]


def failures(verdicts: Iterable[Verdict]) -> pd.DataFrame:
    """The expectations that did not come true, as a table: case where what expected got."""
    return pd.DataFrame([v[:-1] for v in verdicts if not v.passed], columns=list(Verdict._fields)[:-1])


def _cases_of(document: Document) -> list[Case]:
    if not isinstance(document.data, list):
        raise document.fail("review.cases.not_a_list")
    cases, seen = [], set()
    for i, data in enumerate(document.data):
        if not isinstance(data, dict) or not data.get("case"):
            raise document.fail("review.case.no_name", i)
        case = Case(document, (i,), data)
        case.only(data, KEYS)
        for key in ("as_of", "expect"):
            if not data.get(key):
                raise case.fail("review.case.key_missing", word=key)
        if not isinstance(data["expect"], dict):
            raise case.fail("review.case.expect", "expect")
        if case.name in seen:
            raise case.fail("review.case.twice")
        seen.add(case.name)
        cases.append(case)
    return cases


def _without_conflicts(rulebook):
    return replace(rulebook, conflict_types=rulebook.conflict_types.iloc[:0])


def _day(case: Case) -> tuple:
    dates = case.data.get("dates") or {}
    return as_date(case.data["as_of"], case.where("as_of")), tuple(sorted(dates.items()))


class _Answers:
    """A review by project, with the ids that an expectation may name."""

    def __init__(self, result):
        book = self.book = result.rulebook
        self.decisions = result.decisions.set_index("project_id")
        self.tables = {
            "rules": dict(iter(result.findings.groupby("project_id"))),
            "conditions": dict(iter(result.preconditions.groupby("project_id"))),
            "conflicts": dict(iter(result.conflicts.groupby("project_id"))),
        }
        self.keys = {"rules": "rule_id", "conditions": "condition_id", "conflicts": "kind"}
        self.ids = {
            "rules": set(book.timeline["rules"]["rule_id"]),
            "conditions": set(book.timeline["conditions"]["condition_id"]),
            "conflicts": set(book.timeline["conflicts"]["kind"]),
            "decisions": set(book.timeline["decisions"]["rule_id"]),
        }

    def table_of(self, what: str, town) -> str:
        for table, ids in self.ids.items():
            if what in ids:
                return table
        known = set().union(*self.ids.values(), DECISION_WORDS, LISTS)
        raise town.case.fail("review.case.id_unknown", "expect", what, mend=nearest(what, known), word=what)

    def rows(self, table: str, what: str, project: str) -> pd.DataFrame | None:
        own = self.tables[table].get(project)
        if own is None:
            return None
        own = own[[what in ids.split("|") for ids in own[self.keys[table]]]]
        return own if len(own) else None

    def tried(self, what: str, project: str) -> dict | None:
        tried = json.loads(self.decisions.at[project, "reasons"])
        return next((entry for entry in tried if entry.get("rule_id") == what), None)


def _compare(town, what: str, wanted, result: _Answers) -> Verdict:
    where = town.case.where("expect", what)
    decision = result.decisions.loc[town.id]
    if what in DECISION_WORDS or what in LISTS:
        got, expected = decision[what], wanted
        if what in LISTS:
            got, expected = sorted(filter(None, got.split("|"))), sorted(_listed(wanted))
        passed = _close(expected, got) if what == "qualifying_m2" else expected == got
        return Verdict(town.case.name, where, what, _say(expected), _say(got), passed)
    table = result.table_of(what, town)
    facets = wanted if isinstance(wanted, dict) else {"status": wanted}
    town.case.only(facets, (*FACETS[table], CITES), "expect", what)
    got = _decided(what, town, result) if table == "decisions" else _found(table, what, town, result, facets)
    wrong = [f for f, value in facets.items() if not _agrees(f, value, got)]
    said = {f: got[f] for f in dict.fromkeys((*(wrong or facets), "status"))}
    if wrong and table == "rules":
        said |= {f: got[f] for f in ("measured", "known_share")}
    told = facets if isinstance(wanted, dict) else wanted
    return Verdict(town.case.name, where, what, _say(told), _say(said), not wrong)


def _decided(what: str, town, result: _Answers) -> dict:
    entry = result.tried(what, town.id)
    if entry is None:
        return {"status": ABSENT, "route": "", CITES: []}
    return {"status": entry["outcome"], "route": entry["route"], CITES: entry["citations"]}


def _found(table: str, what: str, town, result: _Answers, facets: dict) -> dict:
    rows = result.rows(table, what, town.id)
    if rows is None:
        return dict.fromkeys((*FACETS[table], "measured", "known_share")) | {"status": ABSENT, CITES: []}
    got = {
        f: _one(rows[f], total=f == "area_m2" and table == "conflicts")
        for f in FACETS[table]
        if f in rows.columns
    }
    if table == "conflicts":
        got["status"] = FOUND
    return got | {CITES: sorted({c for cell in rows["citations"] for c in cell.split("|") if c})}


def _one(values: pd.Series, total: bool = False):
    if total:
        return values.sum()
    several = list(values)
    return several[0] if len(set(several)) == 1 or pd.isna(several).all() else several


def _agrees(facet: str, wanted, got: dict) -> bool:
    if facet == CITES:
        return set(_listed(wanted)) <= set(got[CITES])
    if isinstance(got[facet], list) or isinstance(wanted, list):
        told, said = _listed(wanted), got[facet] if isinstance(got[facet], list) else [got[facet]]
        return len(told) == len(said) and all(_close(a, b) for a, b in zip(told, said, strict=True))
    return _close(wanted, got[facet])


def _close(wanted, got) -> bool:
    if isinstance(got, (float, np.floating)):
        try:
            number = float(wanted)
        except ValueError:
            return False
        return bool(np.isclose(number, got, rtol=RELATIVE, atol=1e-6, equal_nan=True))
    return str(wanted) == str(got)


def _listed(value) -> list:
    return list(value) if isinstance(value, (list, tuple)) else [] if value in ("", "none") else [value]


def _say(value) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {_say(v)}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_say, value)) + "]"
    return f"{value:,.4g}" if isinstance(value, (float, np.floating)) else str(value)
