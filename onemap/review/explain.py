"""The way back: from a decision to rule, measured value, features, source file and article."""

from __future__ import annotations

import json
import math

import pandas as pd

from onemap.book.card import subject_name
from onemap.book.cite import cite
from onemap.book.parameters import PERCENT, parameter_kind, parameter_title, parameter_value
from onemap.book.reading import nearest
from onemap.errors import InputError
from onemap.review.check import main_leaf
from onemap.review.counterfactual import counterfactuals
from onemap.review.logic import leaves
from onemap.review.margin import margin_text, margins

INDENT = "  "


class Explanation(str):
    """A text that a notebook shows with its line breaks."""

    def _repr_html_(self) -> str:
        escaped = self.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return f"<pre style='white-space:pre-wrap'>{escaped}</pre>"


def explain(review, rule_id: str, project_id: str | None = None, lang: str = "zh") -> Explanation:
    """Why a rule came out as it did: decision → rule → measured value → features → source → article.

    rule_id : a control rule (K..), a condition (C..) or a pre-approval rule (PX-..); project_id : one project, or
    all. Raises ``InputError`` for a rule or a project that the review does not have.

    >>> import onemap as om
    >>> book = om.load_rulebook("2024-03-01")
    >>> town = om.build_blueprint(om.read_features(om.sample_path(), book.catalogue), book)
    >>> sites = om.read_parcels(om.sample_path() / "sites", town.crs, book.catalogue)
    >>> "永久基本农田" in om.explain(om.review(sites.parcels, town, book), "K01")
    True
    """
    book = review.rulebook
    projects = list(review.decisions["project_id"])
    if project_id is not None and project_id not in projects:
        raise InputError("review.project.unknown", mend=nearest(project_id, projects), project=project_id)
    chosen = projects if project_id is None else [project_id]
    decisions = {rule.rule_id for rule in book.decisions}
    makers = (
        (_decision_lines, decisions),
        (_finding_lines, set(book.rules["rule_id"])),
        (_precondition_lines, set(book.conditions["condition_id"])),
    )
    for lines_of, ids in makers:
        if rule_id in ids:
            return Explanation("\n".join(_with_heads(review, rule_id, chosen, lines_of, lang)))
    known = sorted(set().union(*(ids for _, ids in makers)))
    raise InputError("review.rule.unknown", mend=nearest(rule_id, known), rule=rule_id, as_of=review.as_of)


def _with_heads(review, rule_id, projects, lines_of, lang) -> list[str]:
    lines = []
    decisions = review.decisions.set_index("project_id")
    for project in projects:
        own = lines_of(review, rule_id, project, lang)
        if not own:
            continue
        row = decisions.loc[project]
        name = row["project_name"] if isinstance(row["project_name"], str) else ""
        head = {"project_id": project, "project_name": name, "rule_id": rule_id, "as_of": review.as_of}
        lines += [review.rulebook.text("explain.head", lang, **head), *(INDENT + line for line in own)]
        versions = {"blueprint": row["blueprint_version"], "rulebook": row["rulebook_version"]}
        lines += [review.rulebook.text("explain.versions", lang, **versions), ""]
    return lines


def _decision_lines(review, rule_id: str, project: str, lang: str) -> list[str]:
    book = review.rulebook
    row = review.decisions.set_index("project_id").loc[project]
    tried = json.loads(row["reasons"])
    entry = next(e for e in tried if e.get("rule_id") == rule_id)
    lines = [book.text("explain.route", lang, route=book.text(f"route.{row['route']}", lang))]
    words = {
        "rule_id": rule_id,
        "citations": cite("|".join(entry["citations"]), book, lang),
        "outcome": book.text(f"explain.outcome.{entry['outcome']}", lang),
    }
    lines += [book.text("explain.rule", lang, **words)]
    lines += [book.text("explain.gives", lang, route=book.text(f"route.{entry['route']}", lang))]
    for c in entry["conjuncts"]:
        lines.append(_conjunct_line(c, book, lang))
        if c["subject"]:
            lines += _feature_lines(review, _features_in(review, project, c["subject"]), lang)
    lines.append(book.text("explain.chosen" if entry["chosen"] else "explain.not_chosen", lang))
    if entry["chosen"] and not entry["confirmed"]:
        lines.append(book.text("explain.unconfirmed", lang))
    lines += [book.text(f"explain.withheld.{e['guard']}", lang) for e in tried if "guard" in e]
    if entry["chosen"] and review.blueprint is not None:
        lines += _way_out_lines(review, project, lang)
    rule = next(r for r in book.decisions if r.rule_id == rule_id)
    used = leaves(rule.when, book.compounds)
    return (
        lines + _parameter_lines(used, book, lang) + _article_lines("|".join(entry["citations"]), book, lang)
    )


def _way_out_lines(review, project: str, lang: str) -> list[str]:
    book = review.rulebook
    lines = []
    for row in counterfactuals(review, project).to_dict("records"):
        if row["verified"]:
            words = {k: book.text(f"{k}.{row[k]}", lang) for k in ("verdict", "route")}
            lines.append(book.text(f"explain.counterfactual.{row['kind']}", lang, **(row | words)))
    return lines


def _finding_lines(review, rule_id: str, project: str, lang: str) -> list[str]:
    book = review.rulebook
    own = review.findings[
        (review.findings["rule_id"] == rule_id) & (review.findings["project_id"] == project)
    ]
    verdict = review.decisions.set_index("project_id").at[project, "verdict"]
    lines = [book.text("explain.verdict", lang, verdict=book.text(f"verdict.{verdict}", lang))]
    for f in own.to_dict("records"):
        words = {
            "parcel_id": f["parcel_id"],
            "status": book.text(f"status.{f['status']}", lang),
            "effect": book.text(f"effect.{f['effect']}", lang),
            "measure": book.text(f"explain.measure.{f['measure']}", lang),
            "measured": number(f["measured"], book, lang, f["unit"]),
            "op": book.text(f"explain.op.{f['op']}", lang),
            "threshold": number(f["threshold"], book, lang, f["unit"]),
            "unit": _unit(f["unit"], book, lang),
        }
        lines.append(book.text("explain.finding", lang, **words))
        if not math.isnan(f["known_share"]):
            lines.append(book.text("explain.known", lang, known_share=f["known_share"]))
        for part in ("reason", "remedy"):
            if f[part] and f["status"] == "triggered":
                lines.append(book.text(f"explain.{part}", lang, text=book.text(f[part], lang, **f)))
        lines += _feature_lines(review, f["feature_ids"].split("|"), lang)
    if review.blueprint is not None and len(own):
        lines += _margin_lines(review, rule_id, project, lang)
    rule = book.rules.set_index("rule_id").loc[rule_id]
    used = [main_leaf(rule["predicate"], book)]
    return lines + _parameter_lines(used, book, lang) + _article_lines(rule["citations"], book, lang)


def _margin_lines(review, rule_id: str, project: str, lang: str) -> list[str]:
    rows = margins(review, [project])
    rows = rows[rows["rule_id"] == rule_id].dropna(subset="margin_m")
    return [
        f"{row['parcel_id']}: {margin_text(row, review.rulebook, lang)}" for row in rows.to_dict("records")
    ]


def _precondition_lines(review, condition_id: str, project: str, lang: str) -> list[str]:
    book = review.rulebook
    table = review.preconditions
    own = table[
        (table["condition_id"].str.split("|").map(lambda ids: condition_id in ids))
        & (table["project_id"] == project)
    ]
    lines = []
    for p in own.to_dict("records"):
        words = {
            "stage": "/".join(book.text(f"stage.{s}", lang) for s in p["stage"].split("|")),
            "kind": book.text(f"kind.{p['kind']}", lang),
            "status": book.text(f"precondition_status.{p['status']}", lang),
            "department": "/".join(book.text(f"department.{d}", lang) for d in p["department"].split("|")),
        }
        lines.append(book.text("explain.precondition", lang, **words))
        lines.append(book.text("explain.reason", lang, text=book.text(p["text"], lang, **p)))
        if p["note"]:
            lines.append(book.text("explain.remedy", lang, text=book.text(p["note"], lang)))
        lines += _feature_lines(review, p["feature_ids"].split("|"), lang)
        lines += _article_lines(p["citations"], book, lang)
    return lines


def _conjunct_line(c: dict, book, lang: str) -> str:
    words = {
        "subject": subject_name(c["subject"], book, lang) if c["subject"] else "",
        "outcome": book.text(f"explain.outcome.{c['outcome']}", lang),
        "measure": book.text(f"explain.measure.{c['measure']}", lang),
    }
    if "words" in c:
        field = c["measure"].removeprefix("project.")
        named = "/".join(book.texts.get(f"{field}.{word}", lang, word) for word in c["words"].split("|"))
        return book.text("explain.word", lang, words=named, **words)
    low, high = (number(c[k], book, lang, c["unit"]) for k in ("low", "high"))
    measured = low if low == high else book.text("explain.interval", lang, low=low, high=high)
    op = book.text(f"explain.op.{c['op']}", lang)
    threshold = number(c["threshold"], book, lang, c["unit"])
    unit = _unit(c["unit"], book, lang)
    return book.text(
        "explain.conjunct", lang, measured=measured, op=op, threshold=threshold, unit=unit, **words
    )


def _unit(unit: str, book, lang: str) -> str:
    """The unit behind a number, in words; a share has none, its numbers are in per cent."""
    return "" if unit in ("", PERCENT) else f" {book.texts.get(f'unit.{unit}', lang, unit)}"


def number(value, book, lang: str, unit: str = "") -> str:
    """A measured number as people read it, shares in per cent; no number is said to be none."""
    if value is None or not math.isfinite(value):
        return book.text("explain.infinite", lang)
    if unit == PERCENT:
        return f"{value * 100:.6g}%"
    return f"{value:,.4g}" if abs(value) < 1 else f"{value:,.2f}"


def _features_in(review, project: str, subject: str) -> list[str]:
    book = review.rulebook
    layers = set(book.subjects.loc[book.subjects["subject_id"] == subject, "layer"])
    parcels = review.parcels.loc[review.parcels["project_id"] == project, "parcel_id"]
    own = review.overlaps[review.overlaps["parcel_id"].isin(parcels) & review.overlaps["layer"].isin(layers)]
    return sorted(own["feature_id"].unique())


def _feature_lines(review, ids: list[str], lang: str) -> list[str]:
    book = review.rulebook
    features = review.features.set_index("feature_id")
    versions = dict(zip(review.sources["path"], review.sources["sha256"], strict=True))
    lines = []
    for feature_id in filter(None, ids):
        f = features.loc[feature_id]
        words = {
            k: "" if pd.isna(f[k]) else f[k] for k in ("class_name", "document_no", "source", "source_fid")
        }
        version = str(versions.get(str(f["source"]).split("#")[0], ""))[:12]
        lines.append(book.text("explain.feature", lang, feature_id=feature_id, version=version, **words))
    return lines


def _parameter_lines(predicates: list[str], book, lang: str) -> list[str]:
    lines = []
    for name in dict.fromkeys(book.predicates.at[p, "parameter"] for p in predicates):
        if not name or name not in book.parameters.index:
            continue
        p = book.parameters.loc[name]
        title = parameter_title(book.texts, name, lang)
        value = parameter_value(book.texts, p["value"], p["unit"], lang)
        basis = parameter_kind(book.texts, p, lang)
        lines.append(book.text("explain.parameter", lang, title=title, value=value, basis=basis))
    return lines


def _article_lines(citations: str, book, lang: str) -> list[str]:
    lines = []
    for citation in filter(None, citations.split("|")):
        article = book.articles.loc[citation]
        text = article.get(f"text_{lang}") or article["text_zh"] or book.text("explain.article_unread", lang)
        lines.append(book.text("explain.article", lang, citation=cite(citation, book, lang), text=text))
    return lines
