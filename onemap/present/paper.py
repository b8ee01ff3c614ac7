"""A Word page that looks the same everywhere: faces, headings, tables, small print, page numbers."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

from docx import Document
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor

from onemap.present.files import repack
from onemap.present.opinion import Table

BODY, HEADING = "宋体", "黑体"
LATIN = "Times New Roman"
TEXT_WIDTH_CM = 16.6
SHADE = "EAF0F6"


def blank_paper(footer: str) -> Any:
    """An empty A4 document in the house faces; the footer's words stand before the page number."""
    document = Document()
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
    foot = section.footer.paragraphs[0]
    foot.alignment = WD_ALIGN_PARAGRAPH.CENTER
    run(foot, footer, 8)
    _page_number(foot)
    return document


def title(document: Any, text: str) -> None:
    """The large line at the head of a document."""
    line = document.add_paragraph(style="Title")
    line.alignment = WD_ALIGN_PARAGRAPH.CENTER
    run(line, text, 20, face=HEADING)


def centred(document: Any, text: str, size: float) -> None:
    """A line in the middle of the page."""
    line = document.add_paragraph()
    line.alignment = WD_ALIGN_PARAGRAPH.CENTER
    run(line, text, size)


def picture(document: Any, png: bytes, width_cm: float = TEXT_WIDTH_CM) -> None:
    """A picture as wide as the text."""
    document.add_picture(io.BytesIO(png), width=Cm(width_cm))


def page_break(document: Any) -> None:
    """The next heading starts a page."""
    document.add_page_break()


def paper_bytes(document: Any, title: str, comments: str, day: dt.date) -> bytes:
    """The document as a .docx file, dated by the day it is about: the same bytes whenever it is written."""
    properties = document.core_properties
    moment = dt.datetime.combine(day, dt.time())
    properties.created = properties.modified = properties.last_printed = moment
    properties.author = properties.last_modified_by = "onemap"
    properties.title = title
    properties.comments = comments
    properties.revision = 1
    out = io.BytesIO()
    document.save(out)
    return repack(out.getvalue())


def heading(document: Any, text: str) -> None:
    """The heading of a section."""
    line = document.add_paragraph(style="Heading 1")
    line.paragraph_format.space_before = Pt(12)
    line.paragraph_format.space_after = Pt(4)
    run(line, text, 13, face=HEADING)


def paragraph(
    document: Any, text: str, size: float = 10.5, bold: bool = False, space_before: float = 0
) -> Any:
    """A paragraph of plain words."""
    line = document.add_paragraph()
    line.paragraph_format.space_before = Pt(space_before)
    run(line, text, size, bold)
    return line


def table(document: Any, content: Table, size: float = 8.5, first_bold: bool = False) -> None:
    """A table as wide as the text, its head repeated on every page."""
    count = len(content.columns) or len(content.rows[0])
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
    widths = [Cm(TEXT_WIDTH_CM * width / sum(content.widths)) for width in content.widths]
    for column, width in zip(made.columns, widths, strict=True):
        column.width = width
    if content.columns:
        _row(made, content.columns, widths, size, head=True)
    for row in content.rows:
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
        run(paragraph, value, size, bold=shaded)


def run(paragraph: Any, text: str, size: float, bold: bool = False, face: str = BODY) -> Any:
    """Words added to a paragraph."""
    words = paragraph.add_run(printable(text))
    words.font.size = Pt(size)
    words.bold = bold
    _face(words._element.get_or_add_rPr(), face)
    return words


def _face(properties: Any, face: str) -> None:
    fonts = properties.get_or_add_rFonts()
    for name in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{name}"), None)
    for name, value in (("ascii", LATIN), ("hAnsi", LATIN), ("eastAsia", face)):
        fonts.set(qn(f"w:{name}"), value)


def _page_number(paragraph: Any) -> None:
    for kind, text in (("begin", ""), ("", "PAGE"), ("end", "")):
        sign = run(paragraph, "", 8)
        if kind:
            mark = OxmlElement("w:fldChar")
            mark.set(qn("w:fldCharType"), kind)
        else:
            mark = OxmlElement("w:instrText")
            mark.text = text
        sign._element.append(mark)


def printable(text: str) -> str:
    """The text without the control characters that documents refuse."""
    return "".join(sign for sign in str(text) if sign >= " " or sign in "\t\n")
