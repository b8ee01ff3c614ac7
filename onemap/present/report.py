"""项目策划生成意见书 as a Word file: a draft for a person, the same bytes for the same review."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path
from typing import Any

from docx import Document
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor

from onemap.present import opinion, opinion_checks, opinion_data
from onemap.present.cards import rule_names
from onemap.present.files import repack, write_bytes
from onemap.present.opinion import Block, Case, Table, case_of
from onemap.present.picture import draw_picture
from onemap.present.scene import compose
from onemap.present.words import Words, area, label, say, text_of, words_of

BODY, HEADING = "宋体", "黑体"
LATIN = "Times New Roman"
TEXT_WIDTH_CM = 16.6
SHADE = "EAF0F6"


def write_report(review: Any, project_id: str, path: str | Path, lang: str = "zh") -> Path:
    """Write the opinion on one project as .docx: blocks A to M, what is unknown, a map, a disclaimer.

    Raises InputError for a project that the review does not hold.
    """
    return write_bytes(Path(path), report_bytes(review, project_id, lang))


def report_bytes(review: Any, project_id: str, lang: str = "zh") -> bytes:
    """The opinion on one project as the bytes of a .docx file."""
    words = words_of(review, lang)
    case = case_of(review, project_id, words)
    document = Document()
    _page(document, words, case)
    _title(document, words, case)
    _summary(document, words, case)
    for block in blocks(case):
        _block(document, block)
    _unknown(document, words, case)
    _picture(document, words, review, project_id)
    _heading(document, say(words, "report.disclaimer"))
    _paragraph(document, say(words, "report.disclaimer.text"))
    _paragraph(document, say(words, "report.sign"), space_before=18)
    _properties(document, words, review, case)
    out = io.BytesIO()
    document.save(out)
    return repack(out.getvalue())


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


def _page(document: Any, words: Words, case: Case) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.2)
    section.top_margin, section.bottom_margin = Cm(2.2), Cm(2.0)
    for name, face, size in (("Normal", BODY, 10.5), ("Heading 1", HEADING, 13), ("Title", HEADING, 20)):
        style = document.styles[name]
        style.font.size = Pt(size)
        style.font.color.rgb = RGBColor(0, 0, 0)
        _face(style.element.get_or_add_rPr(), face)
    document.styles["Normal"].paragraph_format.space_after = Pt(4)
    footer = section.footer.paragraphs[0]
    footer.alignment = WD_ALIGN_PARAGRAPH.CENTER
    _run(
        footer,
        f"{text_of(case.decision.project_name)} · {say(words, 'report.title')} {say(words, 'report.subtitle')} · ",
        8,
    )
    _page_number(footer)


def _title(document: Any, words: Words, case: Case) -> None:
    title = document.add_paragraph(style="Title")
    title.alignment = WD_ALIGN_PARAGRAPH.CENTER
    _run(title, say(words, "report.title"), 20, face=HEADING)
    for text, size in ((say(words, "report.subtitle"), 12), (_name(case), 14)):
        line = document.add_paragraph()
        line.alignment = WD_ALIGN_PARAGRAPH.CENTER
        _run(line, text, size)
    line = document.add_paragraph()
    line.alignment = WD_ALIGN_PARAGRAPH.CENTER
    versions = {
        "as_of": text_of(case.decision.as_of),
        "blueprint": text_of(case.decision.blueprint_version),
        "rulebook": text_of(case.decision.rulebook_version),
    }
    _run(line, say(words, "report.as_of", **versions), 9)


def _name(case: Case) -> str:
    return text_of(case.decision.project_name) or text_of(case.project_id)


def _summary(document: Any, words: Words, case: Case) -> None:
    decision = case.decision
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
    table = Table("", [], [[say(words, f"report.summary.{key}"), value] for key, value in rows], [1, 3])
    _heading(document, say(words, "report.summary"))
    _table(document, table, size=10.5, first_bold=True)


def _block(document: Any, block: Block) -> None:
    _heading(document, f"{block.letter}  {block.title}")
    for line in block.lines:
        _paragraph(document, line)
    for table in block.tables:
        if table.title:
            _paragraph(document, table.title, bold=True, space_before=4)
        _table(document, table)
    for note in block.notes:
        _paragraph(document, note, size=8.5)


def _unknown(document: Any, words: Words, case: Case) -> None:
    _heading(document, f"N  {say(words, 'report.N')}")
    lines = opinion_data.unknown_lines(case) or [say(words, "report.unknown.none")]
    for line in lines:
        _paragraph(document, line)


def _picture(document: Any, words: Words, review: Any, project_id: str) -> None:
    caption = _paragraph(document, say(words, "report.picture.site"), bold=True, space_before=8)
    caption.paragraph_format.keep_with_next = True
    scene = compose(review, project_id, words.lang)
    document.add_picture(io.BytesIO(draw_picture(scene)), width=Cm(TEXT_WIDTH_CM))
    for note in (say(words, "report.picture.scale"), *scene.notes):
        _paragraph(document, note, size=8.5)


def _properties(document: Any, words: Words, review: Any, case: Case) -> None:
    day = dt.datetime.combine(review.as_of, dt.time())
    properties = document.core_properties
    properties.created = properties.modified = properties.last_printed = day
    properties.author = properties.last_modified_by = "onemap"
    properties.title = f"{say(words, 'report.title')} {_name(case)}"
    properties.comments = say(words, "report.subtitle")
    properties.revision = 1


def _heading(document: Any, text: str) -> None:
    heading = document.add_paragraph(style="Heading 1")
    heading.paragraph_format.space_before = Pt(12)
    heading.paragraph_format.space_after = Pt(4)
    _run(heading, text, 13, face=HEADING)


def _paragraph(
    document: Any, text: str, size: float = 10.5, bold: bool = False, space_before: float = 0
) -> Any:
    paragraph = document.add_paragraph()
    paragraph.paragraph_format.space_before = Pt(space_before)
    _run(paragraph, text, size, bold)
    return paragraph


def _table(document: Any, table: Table, size: float = 8.5, first_bold: bool = False) -> None:
    count = len(table.columns) or len(table.rows[0])
    made = document.add_table(rows=0, cols=count, style="Table Grid")
    made.alignment = WD_TABLE_ALIGNMENT.CENTER
    made.autofit = False
    margins = OxmlElement("w:tblCellMar")
    for side in ("top", "bottom"):
        margin = OxmlElement(f"w:{side}")
        margin.set(qn("w:w"), "40")
        margin.set(qn("w:type"), "dxa")
        margins.append(margin)
    made._tbl.tblPr.append(margins)
    widths = [Cm(TEXT_WIDTH_CM * width / sum(table.widths)) for width in table.widths]
    for column, width in zip(made.columns, widths, strict=True):
        column.width = width
    if table.columns:
        _row(made, table.columns, widths, size, head=True)
    for row in table.rows:
        _row(made, row, widths, size, first_bold=first_bold)
    document.add_paragraph().paragraph_format.space_after = Pt(0)


def _row(
    made: Any, values: list[str], widths: list, size: float, head: bool = False, first_bold: bool = False
) -> None:
    row = made.add_row()
    properties = row._tr.get_or_add_trPr()
    properties.append(OxmlElement("w:cantSplit"))
    if head:
        properties.append(OxmlElement("w:tblHeader"))
    for position, (cell, value, width) in enumerate(zip(row.cells, values, widths, strict=True)):
        cell.width = width
        shaded = head or (first_bold and position == 0)
        if shaded:
            shade = OxmlElement("w:shd")
            for name, setting in (("val", "clear"), ("color", "auto"), ("fill", SHADE)):
                shade.set(qn(f"w:{name}"), setting)
            cell._tc.get_or_add_tcPr().append(shade)
        paragraph = cell.paragraphs[0]
        paragraph.paragraph_format.space_after = Pt(0)
        _run(paragraph, value, size, bold=shaded)


def _run(paragraph: Any, text: str, size: float, bold: bool = False, face: str = BODY) -> Any:
    run = paragraph.add_run(_printable(text))
    run.font.size = Pt(size)
    run.bold = bold
    _face(run._element.get_or_add_rPr(), face)
    return run


def _face(properties: Any, face: str) -> None:
    fonts = properties.get_or_add_rFonts()
    for name in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{name}"), None)
    for name, value in (("ascii", LATIN), ("hAnsi", LATIN), ("eastAsia", face)):
        fonts.set(qn(f"w:{name}"), value)


def _page_number(paragraph: Any) -> None:
    for kind, text in (("begin", ""), ("", "PAGE"), ("end", "")):
        run = _run(paragraph, "", 8)
        if kind:
            mark = OxmlElement("w:fldChar")
            mark.set(qn("w:fldCharType"), kind)
        else:
            mark = OxmlElement("w:instrText")
            mark.text = text
        run._element.append(mark)


def _printable(text: str) -> str:
    return "".join(sign for sign in str(text) if sign >= " " or sign in "\t\n")
