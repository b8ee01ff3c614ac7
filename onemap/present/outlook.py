"""How firm an answer is and what would change it: margins of the boundary, and changes that were reviewed again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import shapely

from onemap.blueprint.build import Blueprint
from onemap.blueprint.near import part_near
from onemap.book.words import class_title, label, layer_title, listed, number, say, split, text_of
from onemap.present.blocks import Block, Table
from onemap.present.cards import rule_names
from onemap.present.excerpt import excerpts
from onemap.present.opinion import Case
from onemap.review.counterfactual import ALL, COUNTERFACTUALS, CUT, DOCUMENT, LAYER, counterfactuals
from onemap.review.distance import distant_layers
from onemap.review.margin import BEYOND, MARGINS, MITRE, ROUTE_MARGINS, margins, route_margins

MOST_FACES = 2000  # a site over more pieces than these is not moved and cut by trial: it would take minutes
MOST_LAYERS = 6  # with more layers missing, supplying one of them changes nothing
MOST_RULES = 12


class Outlook(NamedTuple):
    """answers : rows of ``ROUTE_MARGINS``; rules : of ``MARGINS``; changes : of ``COUNTERFACTUALS``.

    ``skipped`` says why nothing was tried, as the end of a text key.
    """

    answers: pd.DataFrame
    rules: pd.DataFrame
    changes: pd.DataFrame
    skipped: str = ""

    @property
    def cut(self) -> Any:
        """The piece whose removal changes the answer, None where there is none."""
        cuts = self.changes[(self.changes["kind"] == CUT) & (self.changes["verified"] == True)]  # noqa: E712
        return cuts["geometry"].iloc[0] if len(cuts) else None


def outlooks(review: Any, project_ids: Iterable[str]) -> dict[str, Outlook]:
    """The outlook of several projects at once; projects over too much land are told so instead.

    A review that was read back holds no blueprint: nothing can be asked again, and nothing is claimed.
    """
    ids = list(project_ids)
    if not isinstance(review.blueprint, Blueprint):
        return dict.fromkeys(ids, untried("no_blueprint"))
    own = review.parcels[review.parcels["project_id"].isin(ids)]
    near = _around(review, own)
    met = near.blueprint.face_tree.query(own.geometry.to_numpy(), predicate="intersects")[0]
    faces = pd.Series(np.bincount(met, minlength=len(own))).groupby(own["project_id"].to_numpy()).sum()
    wide = set(faces.index[faces > MOST_FACES])
    found = dict.fromkeys(wide, untried("wide"))
    tried = [one for one in ids if one not in wide]
    if not tried:
        return found
    answers, rules = route_margins(near, tried), margins(near, tried)
    rules = rules.merge(review.parcels[["parcel_id", "project_id"]], on="parcel_id")
    excerpt = excerpts(review)
    decisions = review.decisions.set_index("project_id")
    for one in tried:
        many = len(split(decisions.at[one, "missing_layers"])) > MOST_LAYERS
        kinds = (CUT, DOCUMENT) if many else (CUT, DOCUMENT, LAYER)
        found[one] = Outlook(
            answers[answers["project_id"] == one],
            rules[rules["project_id"] == one],
            counterfactuals(excerpt(one), one, kinds),
        )
    return found


def _around(review: Any, parcels: Any) -> Any:
    """The review over the part of its blueprint that these parcels can meet while their boundaries are moved."""
    far = MITRE * review.rulebook.threshold("margin_limit")
    bounds = shapely.bounds(parcels.geometry.to_numpy()) + [-far, -far, far, far]
    part = part_near(review.blueprint, bounds, distant_layers(review.rulebook))
    return replace(review, blueprint=part)


def untried(why: str) -> Outlook:
    """The outlook of a project whose answer was not tried with other boundaries."""
    return Outlook(*(pd.DataFrame(columns=names) for names in (ROUTE_MARGINS, MARGINS, COUNTERFACTUALS)), why)


def margin_line(case: Case, margin_m: float, direction: str) -> str:
    """How far the boundary may be wrong, in words."""
    words, book = case.words, case.words.rulebook
    if direction == BEYOND:
        return say(words, "report.margin.beyond", margin_m=margin_m)
    close = margin_m < book.threshold("margin_precision")
    return say(words, f"report.margin.{'at_once.' if close else ''}{direction}", margin_m=margin_m)


def answer_margin(case: Case, outlook: Outlook, what: str) -> str:
    """The margin of the verdict or of the route in words."""
    rows = outlook.answers[outlook.answers["what"] == what]
    if rows.empty:
        return say(case.words, f"report.untried.{outlook.skipped or 'no_blueprint'}")
    row = rows.iloc[0]
    return margin_line(case, float(row["margin_m"]), row["direction"])


def firmness_block(case: Case, outlook: Outlook) -> Block:
    """The margins of verdict, route and of every rule that a small move of the boundary changes."""
    words, decision = case.words, case.decision
    title = say(words, "report.firmness")
    if outlook.skipped:
        return Block("", title, [say(words, f"report.untried.{outlook.skipped}")], [])
    rows = [
        [say(words, f"report.summary.{what}"), label(words, what, getattr(decision, what))]
        + [answer_margin(case, outlook, what)]
        for what in ("verdict", "route")
    ]
    near = outlook.rules[outlook.rules["direction"] != BEYOND].dropna(subset="margin_m")
    near = near.sort_values(["margin_m", "rule_id"], kind="stable").drop_duplicates("rule_id")
    status = case.findings.drop_duplicates(["parcel_id", "rule_id"])
    status = status.set_index(["parcel_id", "rule_id"])["status"]
    for row in near.head(MOST_RULES).itertuples():
        now = label(words, "status", status[(row.parcel_id, row.rule_id)])
        name = rule_names(words, row.rule_id)[0]
        rows.append([name, now, margin_line(case, float(row.margin_m), row.direction)])
    heads = [say(words, f"report.{one}") for one in ("item", "answer_now", "margin")]
    notes = [say(words, "report.firmness.note")]
    if len(near) > MOST_RULES:
        notes.insert(0, say(words, "report.firmness.more", count=len(near) - MOST_RULES))
    return Block("", title, [], [Table("", heads, rows, [2.2, 1.6, 3.4])], notes)


def changes_block(case: Case, outlook: Outlook) -> Block:
    """What would change the answer: every change was reviewed again, and stands here with what came out."""
    words = case.words
    title = say(words, "report.changes")
    if outlook.skipped:
        return Block("", title, [say(words, f"report.untried.{outlook.skipped}")], [])
    rows, lines = [], []
    for change in outlook.changes.to_dict("records"):
        if change["verified"]:
            after = [label(words, one, change[one]) for one in ("verdict", "route")]
            rows.append([change_text(case, change), *after])
        elif change["kind"] == CUT and not change["verdict"]:
            names = listed(words, rule_names(words, change["rule_id"]))
            lines.append(say(words, "report.change.whole", rules=names))
    if not rows and not lines:
        skips = words.rulebook.routes.at[case.decision.route, "skips"] == "Y"
        fine = skips and case.decision.verdict in ("clear", "conditional")
        lines.append(say(words, "report.changes.needless" if fine else "report.changes.none"))
    if len(split(case.decision.missing_layers)) > MOST_LAYERS:
        many = len(split(case.decision.missing_layers))
        lines.append(say(words, "report.changes.layers", count=many))
    heads = [say(words, f"report.{one}") for one in ("change", "summary.verdict", "summary.route")]
    tables = [Table("", heads, rows, [3.4, 1.2, 1.8])] if rows else []
    return Block("", title, lines, tables, [say(words, "report.changes.note")] if rows else [])


def change_text(case: Case, change: dict[str, Any]) -> str:
    """One change in words."""
    words, kind = case.words, change["kind"]
    rules = listed(words, (name for one in split(change["rule_id"]) for name in rule_names(words, one)))
    if kind == CUT:
        skipping = change["rule_id"] in {rule.rule_id for rule in words.rulebook.decisions}
        key = "report.change.cut_unfit" if skipping else "report.change.cut"
        return say(words, key, area=number(change["area_m2"]), rules=rules or change["rule_id"])
    if kind == LAYER:
        layers = listed(words, (layer_title(words, one) for one in change["what"].split(ALL)))
        return say(words, "report.change.layer", layers=layers)
    feature = case.features.loc[change["what"]]
    named = " ".join(
        part
        for part in (
            layer_title(words, feature.layer),
            text_of(feature["name"])
            or class_title(words, feature.layer, feature.class_code, feature.class_name),
            f"#{text_of(feature.source_fid)}",
        )
        if part
    )
    fields = listed(words, (label(words, "field", one) for one in split(change["fields"])))
    return say(words, "report.change.document", feature=named, fields=fields)
