"""项目策划生成意见书 as a Word file: a draft for a person, the same bytes for the same review."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from onemap.present import opinion, opinion_checks, opinion_data, paper
from onemap.present.cards import rule_names
from onemap.present.files import write_bytes
from onemap.present.opinion import Block, Case, Table, case_of
from onemap.present.picture import draw_picture
from onemap.present.scene import compose
from onemap.present.words import Words, area, label, say, text_of, words_of


def write_report(review: Any, project_id: str, path: str | Path, lang: str = "zh") -> Path:
    """Write the opinion on one project as .docx: blocks A to M, what is unknown, a map, a disclaimer.

    Raises InputError for a project that the review does not hold.
    """
    return write_bytes(Path(path), report_bytes(review, project_id, lang))


def report_bytes(review: Any, project_id: str, lang: str = "zh") -> bytes:
    """The opinion on one project as the bytes of a .docx file."""
    words = words_of(review, lang)
    case = case_of(review, project_id, words)
    document = paper.blank_paper(footer_line(case))
    _title(document, words, case)
    paper.heading(document, say(words, "report.summary"))
    paper.table(document, summary_table(case), size=10.5, first_bold=True)
    for block in blocks(case):
        _block(document, block)
    _unknown(document, words, case)
    _picture(document, words, review, project_id)
    paper.heading(document, say(words, "report.disclaimer"))
    paper.paragraph(document, say(words, "report.disclaimer.text"))
    paper.paragraph(document, say(words, "report.sign"), space_before=18)
    title = f"{say(words, 'report.title')} {name_of(case)}"
    return paper.paper_bytes(document, title, say(words, "report.subtitle"), review.as_of)


def blocks(case: Case) -> list[Block]:
    """The blocks A to M of an opinion."""
    return [
        opinion.project_block(case),
        opinion.boundary_block(case),
        opinion.plan_block(case),
        opinion.conditions_block(case),
        opinion.land_block(case),
        opinion.quota_block(case),
        opinion.conversion_block(case),
        opinion_checks.control_block(case),
        opinion_checks.conflict_block(case),
        opinion_checks.duties_block(case, "J"),
        opinion_checks.duties_block(case, "K"),
        opinion_checks.route_block(case),
        opinion_data.data_block(case),
    ]


def _title(document: Any, words: Words, case: Case) -> None:
    paper.title(document, say(words, "report.title"))
    paper.centred(document, say(words, "report.subtitle"), 12)
    paper.centred(document, name_of(case), 14)
    paper.centred(document, versions_line(case), 9)


def footer_line(case: Case) -> str:
    """What stands at the foot of every page, before its number."""
    words = case.words
    return f"{text_of(case.decision.project_name)} · {say(words, 'report.title')} {say(words, 'report.subtitle')} · "


def versions_line(case: Case) -> str:
    """The day and the versions that an opinion rests on."""
    versions = {
        "as_of": text_of(case.decision.as_of),
        "blueprint": text_of(case.decision.blueprint_version),
        "rulebook": text_of(case.decision.rulebook_version),
    }
    return say(case.words, "report.as_of", **versions)


def name_of(case: Case) -> str:
    """The project's name; its id where it has none."""
    return text_of(case.decision.project_name) or text_of(case.project_id)


def summary_table(case: Case) -> Table:
    """Verdict, route, area and what stands against the project, in six rows."""
    words, decision = case.words, case.decision
    nothing = say(words, "report.summary.none")
    mark = say(words, "present.list_mark")
    rows = [
        ["verdict", label(words, "verdict", decision.verdict)],
        ["route", label(words, "route", decision.route)],
        ["area", area(words, decision.area_m2)],
        ["prohibit", mark.join(rule_names(words, decision.prohibited)) or nothing],
        ["consent", mark.join(rule_names(words, decision.consent)) or nothing],
        ["unknown", mark.join(rule_names(words, decision.unknown)) or nothing],
    ]
    return Table("", [], [[say(words, f"report.summary.{key}"), value] for key, value in rows], [1, 3])


def _block(document: Any, block: Block) -> None:
    paper.heading(document, f"{block.letter}  {block.title}")
    for line in block.lines:
        paper.paragraph(document, line)
    for table in block.tables:
        if table.title:
            paper.paragraph(document, table.title, bold=True, space_before=4)
        paper.table(document, table)
    for note in block.notes:
        paper.paragraph(document, note, size=8.5)


def _unknown(document: Any, words: Words, case: Case) -> None:
    paper.heading(document, f"N  {say(words, 'report.N')}")
    lines = opinion_data.unknown_lines(case) or [say(words, "report.unknown.none")]
    for line in lines:
        paper.paragraph(document, line)


def _picture(document: Any, words: Words, review: Any, project_id: str) -> None:
    caption = paper.paragraph(document, say(words, "report.picture.site"), bold=True, space_before=8)
    caption.paragraph_format.keep_with_next = True
    scene = compose(review, project_id, words.lang)
    paper.picture(document, draw_picture(scene))
    for note in (say(words, "report.picture.scale"), *scene.notes):
        paper.paragraph(document, note, size=8.5)
