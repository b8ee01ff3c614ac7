"""项目策划生成意见书 as PDF: the words and the order of the Word template, faces carried along, the same bytes every time."""

from __future__ import annotations

import calendar
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docx.oxml.ns import qn
from pylopdf_fonts_zh_cn import sans_path

from onemap.book.words import say
from onemap.errors import InputError
from onemap.present import paper
from onemap.present.assets import static
from onemap.present.blocks import Block, Table
from onemap.present.fields import TEXT, Content, name_of
from onemap.present.files import write_bytes
from onemap.present.outlook import Outlook
from onemap.present.template import FIELD, Template, field_of, load_template, open_template, standard_template

LAYOUT = "report.typ"
REGIONS = {"zh": "CN", "en": "GB"}
ROLES = {
    "Title": "title",
    "Subtitle": "centred",
    paper.CENTRED: "small",
    paper.NOTE: "note",
    paper.CAPTION: "caption",
}


def write_pdf(
    review: Any, project_id: str, path: str | Path, lang: str = "zh", template: str | Path | None = None
) -> Path:
    """Write the opinion on one project as PDF: what the Word template says, in its order, fonts embedded.

    Headings, fixed words, fields and footer follow the template; its pictures, faces and page size do not.
    Raises InputError for a project that the review does not hold, or a template with a field that nobody knows.
    """
    used = load_template(template) if template else None
    return write_bytes(Path(path), pdf_bytes(review, project_id, lang, used))


def pdf_bytes(
    review: Any,
    project_id: str,
    lang: str = "zh",
    template: Template | None = None,
    tried: Outlook | None = None,
) -> bytes:
    """The opinion on one project as the bytes of a .pdf file.

    Raises InputError where the typesetter is not installed.
    """
    return pdf_of(Content(review, project_id, lang, tried), template)


def pdf_of(content: Content, template: Template | None = None) -> bytes:
    """The opinion as a .pdf file from what is known of a project."""
    try:
        import typst
    except ImportError as error:
        raise InputError("present.pdf.not_installed") from error
    data, pictures = report_content(content, template or standard_template(content.case.words))
    with tempfile.TemporaryDirectory(prefix="onemap-") as folder:
        place = Path(folder)
        (place / LAYOUT).write_text(static(LAYOUT), encoding="utf-8")
        (place / "data.json").write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
        for name, png in pictures.items():
            (place / name).write_bytes(png)
        return typst.compile(
            str(place / LAYOUT),
            root=str(place),
            font_paths=[str(Path(sans_path()).parent)],
            ignore_system_fonts=True,
            timestamp=calendar.timegm(content.case.review.as_of.timetuple()),
        )


def report_content(content: Content, template: Template) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The words of an opinion as the layout reads them, strings only, never markup; and its pictures by name."""
    case, pictures = content.case, {}
    document = open_template(template)
    day = case.review.as_of
    footers = [_filled(one.text, content) for one in document.sections[0].footer.paragraphs]
    headers = [_filled(one.text, content) for one in document.sections[0].header.paragraphs]
    data = {
        "lang": case.words.lang,
        "region": REGIONS[case.words.lang],
        "day": {"year": day.year, "month": day.month, "day": day.day},
        "title": f"{say(case.words, 'report.title')} {name_of(case)}",
        "header": " ".join(one for one in headers if one),
        "footer": " ".join(one for one in footers if one),
        "parts": list(_parts(document, content, pictures)),
    }
    return _printable(data), pictures


def _parts(document: Any, content: Content, pictures: dict[str, bytes]) -> Iterator[dict[str, Any]]:
    names = {style.style_id: style.name for style in document.styles}
    for child in document.element.body.iterchildren(qn("w:p"), qn("w:tbl")):
        if child.tag == qn("w:tbl"):
            rows = [
                [
                    "\n".join(filter(None, (_own(p) for p in cell.iter(qn("w:p")))))
                    for cell in row.iter(qn("w:tc"))
                ]
                for row in child.iter(qn("w:tr"))
            ]
            most = max(map(len, rows), default=0)
            cells = [[_filled(text, content) for text in row] + [""] * (most - len(row)) for row in rows]
            yield _table(Table("", [], cells, [1.0] * most), False)
            continue
        found = FIELD.findall(_own(child))
        field = field_of(found[0]) if found else None
        if field is not None and field.kind != TEXT:
            yield from _of_block(content.block(field.id), pictures)
            continue
        style = child.find(f"{qn('w:pPr')}/{qn('w:pStyle')}")
        name = names.get(style.get(qn("w:val")), "") if style is not None else ""
        role = "heading" if name.startswith("Heading") else ROLES.get(name, "line")
        yield {"kind": role, "text": _filled(_own(child), content)}
        if any(one.get(qn("w:type")) == "page" for one in child.iter(qn("w:br"))):
            yield {"kind": "break"}


def _of_block(block: Block, pictures: dict[str, bytes]) -> Iterator[dict[str, Any]]:
    yield from ({"kind": "line", "text": line} for line in block.lines)
    for table in block.tables:
        if table.title:
            yield {"kind": "caption", "text": table.title}
        yield _table(table, block.strong)
    for picture in block.pictures:
        name = f"picture{len(pictures)}.png"
        pictures[name] = picture.png
        yield {"kind": "picture", "file": name, "text": picture.caption}
    yield from ({"kind": "note", "text": note} for note in block.notes)


def _table(table: Table, strong: bool) -> dict[str, Any]:
    fills = {f"{row},{column}": f"#{fill}" for row, column, fill in table.fills}
    right = [one and not strong for one in table.figures]
    own = {"columns": table.columns, "rows": table.rows, "widths": table.fitted(paper.TEXT_WIDTH_CM)}
    return {"kind": "table", **own, "strong": strong, "fills": fills, "right": right}


def _own(paragraph: Any) -> str:
    return "".join(node.text or "" for node in paragraph.iter(qn("w:t")))


def _filled(text: str, content: Content) -> str:
    return FIELD.sub(lambda found: content.text(field_of(found[1]).id), text)


def _printable(content: Any) -> Any:
    if isinstance(content, dict):
        return {name: _printable(part) for name, part in content.items()}
    if isinstance(content, list):
        return [_printable(part) for part in content]
    return paper.printable(content) if isinstance(content, str) else content
