"""A Word page that looks the same everywhere: named styles that a bureau can change, light tables, page numbers."""

from __future__ import annotations

import datetime as dt
import io
from html import escape
from typing import Any

from docx import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Cm, Pt, RGBColor
from docx.styles.style import StyleFactory
from docx.text.run import Run

from onemap.present.blocks import Table
from onemap.present.files import repack

BODY, HEADING = "宋体", "黑体"
LATIN = "Times New Roman"
INK = RGBColor(0x1D, 0x27, 0x33)
SHADE = "EAF0F6"
TWIPS_PER_CM = 567
PAGE_CM, MARGIN_CM = (21.0, 29.7), 2.2
TEXT_WIDTH_CM = PAGE_CM[0] - 2 * MARGIN_CM
CELL, HEAD, STRONG, CAPTION, FIGURE, BELOW, NOTE, GAP, CENTRED = (
    f"onemap {one}"
    for one in [
        "table",
        "table head",
        "table strong",
        "caption",
        "figure",
        "figure caption",
        "note",
        "gap",
        "centred",
    ]
)
STYLES = {  # name: based on, face, size, bold, points before, points after, keep with next
    CELL: ("Normal", BODY, 8.5, False, 0, 0, False),
    HEAD: ("Normal", HEADING, 8.5, True, 0, 0, False),
    STRONG: ("Normal", BODY, 10.5, False, 0, 0, False),
    CAPTION: ("Normal", HEADING, 10, True, 8, 3, True),
    FIGURE: ("Normal", BODY, 10.5, False, 4, 0, True),
    BELOW: ("Normal", HEADING, 9, False, 2, 6, False),
    NOTE: ("Normal", BODY, 8.5, False, 2, 2, False),
    GAP: ("Normal", BODY, 4, False, 0, 0, False),
    CENTRED: ("Normal", BODY, 10, False, 0, 2, False),
}
BORDERS = {"top": "1D2733", "bottom": "1D2733", "insideH": "C5CCD3", "insideV": "DDE2E7"}


def blank_paper(footer: str) -> Any:
    """An empty A4 document with the house styles; the footer's words stand before the page number."""
    document = Document()
    section = document.sections[0]
    section.page_width, section.page_height = Cm(PAGE_CM[0]), Cm(PAGE_CM[1])
    section.left_margin = section.right_margin = Cm(MARGIN_CM)
    section.top_margin, section.bottom_margin = Cm(2.2), Cm(2.0)
    defaults = document.styles.element.find(qn("w:docDefaults")).find(qn("w:rPrDefault")).find(qn("w:rPr"))
    _face(defaults, BODY)
    defaults.find(qn("w:lang")).set(qn("w:eastAsia"), "zh-CN")
    for name, face, size, before, after in (
        ("Normal", BODY, 10.5, 0, 4),
        ("Title", HEADING, 20, 0, 4),
        ("Subtitle", BODY, 12, 0, 4),
        ("Heading 1", HEADING, 13, 14, 5),
    ):
        style = document.styles[name]
        style.font.size, style.font.color.rgb = Pt(size), INK
        style.font.bold = style.font.italic = False
        style.paragraph_format.space_before, style.paragraph_format.space_after = Pt(before), Pt(after)
        _face(style.element.get_or_add_rPr(), face)
        for frame in style.element.get_or_add_pPr().findall(qn("w:pBdr")):
            frame.getparent().remove(frame)
        if name in ("Title", "Subtitle"):
            style.paragraph_format.alignment = WD_ALIGN_PARAGRAPH.CENTER
    document.styles["Heading 1"].paragraph_format.keep_with_next = True
    house_styles(document)
    foot = section.footer.paragraphs[0]
    foot.style, foot.alignment = document.styles[NOTE], WD_ALIGN_PARAGRAPH.CENTER
    foot.add_run(printable(footer))
    _page_number(foot)
    return document


def house_styles(document: Any) -> dict[str, str]:
    """The ids of the styles that tables and notes use, by name; those that a document lacks are made."""
    styles = document.styles
    known = {style.name: style for style in styles if style.type == WD_STYLE_TYPE.PARAGRAPH}
    for name, (base, face, size, bold, before, after, together) in STYLES.items():
        if name in known:
            continue
        made = known[name] = StyleFactory(
            styles.element.add_style_of_type(
                name, WD_STYLE_TYPE.PARAGRAPH, False
            )  # add_style looks through all
        )
        made.base_style = known.get(base)
        made.font.size, made.font.bold = Pt(size), bold
        made.paragraph_format.space_before, made.paragraph_format.space_after = Pt(before), Pt(after)
        made.paragraph_format.keep_with_next = together or None
        if name in (CENTRED, FIGURE, BELOW):
            made.paragraph_format.alignment = WD_ALIGN_PARAGRAPH.CENTER
        made.quick_style, made.hidden = True, False
        _face(made.element.get_or_add_rPr(), face)
    return {name: known[name].style_id for name in STYLES}


def line(document: Any, text: str, style: str = "Normal") -> Any:
    """A paragraph at the end of a document; asked by name, python-docx would look through all styles for the default."""
    made = document.add_paragraph()
    if style != "Normal":
        made.paragraph_format.element.style = document.styles[style].style_id
    made.add_run(printable(text))
    return made


def heading(document: Any, text: str) -> Any:
    """The heading of a section."""
    return line(document, text, "Heading 1")


def picture(document: Any, png: bytes, width_cm: float = TEXT_WIDTH_CM) -> None:
    """A picture at the end of a document."""
    document.add_picture(io.BytesIO(png), width=Cm(width_cm))


def page_break(document: Any) -> None:
    """The next heading starts a page."""
    document.add_page_break()


def table(document: Any, content: Table, first_strong: bool = False) -> None:
    """A table at the end of a document, as wide as the text, its head repeated on every page."""
    styles = house_styles(document)
    for element in (table_element(content, styles, TEXT_WIDTH_CM, first_strong), gap_element(styles)):
        document.element.body.sectPr.addprevious(element)


def paper_bytes(document: Any, title: str, comments: str, day: dt.date) -> bytes:
    """The document as a .docx file, dated by the day it is about: the same bytes whenever it is written."""
    properties = document.core_properties
    moment = dt.datetime.combine(day, dt.time())
    properties.created = properties.modified = properties.last_printed = moment
    properties.author = properties.last_modified_by = "onemap"
    properties.title = printable(title)
    properties.comments = printable(comments)
    properties.revision = 1
    out = io.BytesIO()
    document.save(out)
    return repack(out.getvalue())


def table_element(content: Table, styles: dict[str, str], width_cm: float, first_strong: bool = False) -> Any:
    """A table as an XML element; ``first_strong`` makes its first column a head and its words larger.

    Written as text and parsed once: twenty times as fast as cell by cell.
    """
    total = int(width_cm * TWIPS_PER_CM)
    widths = [int(width * TWIPS_PER_CM) for width in content.fitted(width_cm)]
    right = ["<w:jc w:val='right'/>" if one and not first_strong else "" for one in content.figures]
    fills = {(row, column): fill for row, column, fill in content.fills}
    cell_style = styles[STRONG if first_strong else CELL]
    head_style = styles[HEAD]
    parts = [
        f"<w:tbl {nsdecls('w')}><w:tblPr><w:tblW w:w='{total}' w:type='dxa'/><w:jc w:val='center'/><w:tblBorders>",
        *(
            f"<w:{side} w:val='single' w:sz='{8 if side in ('top', 'bottom') else 4}' w:space='0' w:color='{colour}'/>"
            for side, colour in BORDERS.items()
        ),
        "</w:tblBorders><w:tblLayout w:type='fixed'/><w:tblCellMar>",
        *(
            f"<w:{side} w:w='{w}' w:type='dxa'/>"
            for side, w in (("top", 40), ("left", 90), ("bottom", 40), ("right", 90))
        ),
        "</w:tblCellMar></w:tblPr><w:tblGrid>",
        *(f"<w:gridCol w:w='{width}'/>" for width in widths),
        "</w:tblGrid>",
    ]

    def row(values: list[str], number: int) -> None:
        head = "<w:tblHeader/>" if number < 0 else ""
        parts.append(f"<w:tr><w:trPr><w:cantSplit/>{head}</w:trPr>")
        for column, (value, width, side) in enumerate(zip(values, widths, right, strict=True)):
            shaded = number < 0 or (first_strong and column == 0)
            fill = fills.get((number, column), SHADE if shaded else "")
            shade = f"<w:shd w:val='clear' w:color='auto' w:fill='{fill}'/>" if fill else ""
            style = head_style if shaded else cell_style
            parts.append(
                f"<w:tc><w:tcPr><w:tcW w:w='{width}' w:type='dxa'/>{shade}</w:tcPr>"
                f"<w:p><w:pPr><w:pStyle w:val='{style}'/>{side}</w:pPr>{run_text(value)}</w:p></w:tc>"
            )
        parts.append("</w:tr>")

    if content.columns:
        row(content.columns, -1)
    for number, values in enumerate(content.rows):
        row(values, number)
    return parse_xml("".join([*parts, "</w:tbl>"]))


def paragraph_element(text: str, style_id: str) -> Any:
    """A paragraph of a style as an XML element."""
    return parse_xml(
        f"<w:p {nsdecls('w')}><w:pPr><w:pStyle w:val='{style_id}'/></w:pPr>{run_text(text)}</w:p>"
    )


def gap_element(styles: dict[str, str]) -> Any:
    """The little room that keeps two tables apart."""
    return paragraph_element("", styles[GAP])


def picture_element(part: Any, png: bytes, width_cm: float, style_id: str, alt: str) -> Any:
    """A paragraph with a picture, which becomes a part of the document; ``alt`` is what a screen reader says."""
    paragraph = paragraph_element("", style_id)
    run = OxmlElement("w:r")
    paragraph.append(run)
    inline = part.new_pic_inline(io.BytesIO(png), width=Cm(width_cm), height=None)
    inline.docPr.set("descr", printable(alt))
    Run(run, None)._r.add_drawing(inline)
    return paragraph


def run_text(text: str) -> str:
    """The runs of a text, line breaks kept, nothing in it taken for markup."""
    if not text:
        return ""
    lines = [escape(part, quote=False) for part in printable(text).split("\n")]
    return (
        "<w:r><w:t xml:space='preserve'>"
        + "</w:t><w:br/><w:t xml:space='preserve'>".join(lines)
        + "</w:t></w:r>"
    )


def _face(properties: Any, face: str) -> None:
    fonts = properties.get_or_add_rFonts()
    for name in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{name}"), None)
    for name, value in (("ascii", LATIN), ("hAnsi", LATIN), ("eastAsia", face)):
        fonts.set(qn(f"w:{name}"), value)


def _page_number(paragraph: Any) -> None:
    for kind, text in (("begin", ""), ("", "PAGE"), ("end", "")):
        sign = paragraph.add_run()
        if kind:
            mark = OxmlElement("w:fldChar")
            mark.set(qn("w:fldCharType"), kind)
        else:
            mark = OxmlElement("w:instrText")
            mark.text = text
        sign._element.append(mark)


def printable(text: str) -> str:
    """The text without the signs that documents refuse: control characters, halves of signs, no characters."""
    return "".join(
        sign
        for sign in str(text)
        if (sign >= " " or sign in "\t\n") and not ("\ud800" <= sign <= "\udfff" or sign in "\ufffe\uffff")
    )
