"""What a template may ask for: the fields of ``layers/present/report_fields.csv``, filled for one project."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, cached_property
from typing import Any, NamedTuple

from onemap.blueprint.memory import remembered
from onemap.book.location import layers_path
from onemap.book.reading import read_table
from onemap.book.words import (
    area,
    clauses,
    label,
    layer_title,
    listed,
    say,
    split,
    text_of,
    words_of,
)
from onemap.present import opinion, opinion_checks, opinion_data, outlook, plots, site_plots
from onemap.present.blocks import Block, Picture, Table
from onemap.present.cards import rule_names
from onemap.present.opinion import Case, case_of
from onemap.present.picture import draw_picture
from onemap.present.scene import compose, marked
from onemap.present.styles import look

TEXT, BLOCK, PICTURE = "text", "block", "picture"
KINDS = (TEXT, BLOCK, PICTURE)
PALER = 0.65


class Field(NamedTuple):
    """One thing that a template may ask for, by its id or by its name in either language."""

    id: str
    kind: str
    zh: str
    en: str
    note_zh: str
    note_en: str


@cache
def known_fields() -> tuple[Field, ...]:
    """The fields in the order in which the standard template uses them.

    >>> known_fields()[0].zh
    '项目名称'
    """
    columns = ("field", "kind", "zh", "en", "note_zh", "note_en")
    rows = read_table(layers_path() / "present" / "report_fields.csv", columns).rows
    for row in rows:
        if row["kind"] not in KINDS or row["field"] not in FILLED[row["kind"]]:
            raise row.fail("present.field.unknown", kind=row["kind"], field=row["field"])
    return tuple(Field(*(row[column] for column in columns)) for row in rows)


class Content:
    """One project's answers to all fields; each is worked out when a template asks for it."""

    def __init__(self, review: Any, project_id: str, lang: str = "zh", tried: outlook.Outlook | None = None):
        self.case: Case = case_of(review, project_id, words_of(review, lang))
        self._tried = tried
        self._made: dict[str, Block] = {}

    @cached_property
    def outlook(self) -> outlook.Outlook:
        """How firm the answer is and what would change it."""
        if self._tried is not None:
            return self._tried
        return outlook.outlooks(self.case.review, [self.case.project_id])[self.case.project_id]

    def text(self, field: str) -> str:
        """The words of a text field, on one line."""
        return " ".join(FILLED[TEXT][field](self).split()) or "—"

    def block(self, field: str) -> Block:
        """The lines, tables and pictures of a field, made once; what has nothing to show is an empty block."""
        if field not in self._made:
            kind = BLOCK if field in FILLED[BLOCK] else PICTURE
            self._made[field] = FILLED[kind][field](self)
        return self._made[field]


def name_of(case: Case) -> str:
    """The project's name; its id where it has none."""
    return text_of(case.decision.project_name) or text_of(case.project_id)


def summary_block(content: Content) -> Block:
    """Verdict, route, area, what stands against the project, and how firm the answer is."""
    case, words, decision = content.case, content.case.words, content.case.decision
    nothing = say(words, "report.summary.none")
    rows = [
        ("verdict", label(words, "verdict", decision.verdict)),
        ("route", _route_words(case)),
        ("area", area(words, decision.area_m2)),
        ("prohibit", listed(words, rule_names(words, decision.prohibited)) or nothing),
        ("consent", listed(words, rule_names(words, decision.consent)) or nothing),
        ("unknown", listed(words, rule_names(words, decision.unknown)) or nothing),
        ("firmness", _firmness_words(content)),
    ]
    cells = [[say(words, f"report.summary.{key}"), value] for key, value in rows]
    table = Table("", [], cells, [1, 3.2], ((0, 1, pale(look("sites", verdict=decision.verdict)["fill"])),))
    return Block("", say(words, "report.summary"), [], [table], strong=True)


def _route_words(case: Case) -> str:
    words, decision = case.words, case.decision
    route, cited = label(words, "route", decision.route), clauses(words, decision.citations)
    return say(words, "report.summary.route_by", route=route, clauses=cited) if cited else route


def _firmness_words(content: Content) -> str:
    case, words = content.case, content.case.words
    if content.outlook.skipped:
        return outlook.answer_margin(case, content.outlook, "verdict")
    both = {what: outlook.answer_margin(case, content.outlook, what) for what in ("verdict", "route")}
    if len(set(both.values())) == 1:
        return both["verdict"]
    return "\n".join(
        say(words, "report.summary.margin", what=say(words, f"report.summary.{what}"), margin=margin)
        for what, margin in both.items()
    )


def pale(colour: str) -> str:
    """A colour as a ground that words can be read on, without its number sign.

    >>> pale("#000000")
    'a5a5a5'
    """
    parts = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return "".join(f"{int(255 * PALER + part * (1 - PALER)):02x}" for part in parts)


def _unknown_block(content: Content) -> Block:
    words = content.case.words
    lines = opinion_data.unknown_lines(content.case) or [say(words, "report.unknown.none")]
    return Block("N", say(words, "report.N"), lines, [])


def _map(content: Content) -> Block:
    case, words = content.case, content.case.words
    scene = compose(case.review, case.project_id, words.lang, told=False)
    if content.outlook.cut is not None:
        scene = marked(scene, content.outlook.cut, "cut")
    notes = [say(words, "report.picture.scale"), *scene.notes]
    return _figure("report.picture.site", draw_picture(scene), content, notes)


def _chart(key: str, draw: Callable[[Case], Any]) -> Callable[[Content], Block]:
    def made(content: Content) -> Block:
        chart = draw(content.case)
        return Block("", "", [], []) if chart is None else _figure(key, chart.png(), content, [])

    return made


def _balance(content: Content) -> Block:
    case = content.case
    blueprint = case.review.blueprint
    if blueprint is None:
        return Block("", "", [], [])
    key = ("balance chart", case.words.lang)
    draw = lambda: plots.balance_sheet(blueprint.balance, case.words, False, 0.17).png(120)  # noqa: E731
    return _figure("report.picture.balance", remembered(blueprint, None, key, draw), content, [])


def _figure(key: str, png: bytes, content: Content, notes: list[str]) -> Block:
    return Block("", "", [], [], notes, [Picture(say(content.case.words, key), png)])


def _attribute(field: str) -> Callable[[Content], str]:
    return lambda content: opinion.agreed(content.case, field)


def _rules(column: str) -> Callable[[Content], str]:
    def made(content: Content) -> str:
        words = content.case.words
        names = listed(words, rule_names(words, getattr(content.case.decision, column)))
        return names or say(words, "report.summary.none")

    return made


def _missing(content: Content) -> str:
    words = content.case.words
    layers = listed(words, (layer_title(words, one) for one in split(content.case.decision.missing_layers)))
    return layers or say(words, "report.summary.none")


def _of_case(make: Callable[[Case], Block]) -> Callable[[Content], Block]:
    return lambda content: make(content.case)


FILLED: dict[str, dict[str, Callable[[Content], Any]]] = {
    TEXT: {
        "project_name": lambda c: name_of(c.case),
        "project_id": lambda c: text_of(c.case.project_id),
        "town": lambda c: text_of(getattr(c.case.review.blueprint, "manifest", {}).get("name")),
        "as_of": lambda c: text_of(c.case.decision.as_of),
        "blueprint_version": lambda c: text_of(c.case.decision.blueprint_version),
        "rulebook_version": lambda c: text_of(c.case.decision.rulebook_version),
        "rulebook_name": lambda c: c.case.words.rulebook.name[c.case.words.lang],
        "verdict": lambda c: label(c.case.words, "verdict", c.case.decision.verdict),
        "route": lambda c: label(c.case.words, "route", c.case.decision.route),
        "route_rule": lambda c: text_of(c.case.decision.rule_id),
        "route_clauses": lambda c: clauses(c.case.words, c.case.decision.citations),
        "area": lambda c: area(c.case.words, c.case.decision.area_m2),
        "qualifying": lambda c: area(c.case.words, c.case.decision.qualifying_m2),
        **{name: _attribute(name) for name in ("use", "category", "supply_mode", "project_level", "siting")},
        "approval_type": _attribute("approval_type"),
        "prohibited": _rules("prohibited"),
        "consent": _rules("consent"),
        "not_assessed": _rules("unknown"),
        "missing_layers": _missing,
        "verdict_margin": lambda c: outlook.answer_margin(c.case, c.outlook, "verdict"),
        "route_margin": lambda c: outlook.answer_margin(c.case, c.outlook, "route"),
    },
    BLOCK: {
        "summary": summary_block,
        "changes": lambda c: outlook.changes_block(c.case, c.outlook),
        "firmness": lambda c: outlook.firmness_block(c.case, c.outlook),
        "A": _of_case(opinion.project_block),
        "B": _of_case(opinion.boundary_block),
        "C": _of_case(opinion.plan_block),
        "D": _of_case(opinion.conditions_block),
        "E": _of_case(opinion.land_block),
        "F": _of_case(opinion.quota_block),
        "G": _of_case(opinion.conversion_block),
        "H": _of_case(opinion_checks.control_block),
        "I": _of_case(opinion_checks.conflict_block),
        "J": lambda c: opinion_checks.duties_block(c.case, "J"),
        "K": lambda c: opinion_checks.duties_block(c.case, "K"),
        "L": _of_case(opinion_checks.route_block),
        "M": _of_case(opinion_data.data_block),
        "N": _unknown_block,
    },
    PICTURE: {
        "map": _map,
        "plans_chart": _chart("report.picture.plans", site_plots.site_plans),
        "conflicts_chart": _chart("report.picture.conflicts", site_plots.site_conflicts),
        "unknown_chart": _chart("report.picture.unknown", site_plots.site_unknown),
        "balance_chart": _balance,
    },
}
