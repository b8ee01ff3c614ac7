"""The Word file that an opinion is written into: a bureau's own, or the standard one made from the texts.

Chosen 2026 against docxtpl (LGPL, a programming language in the document): fields in double braces, by the names of
``layers/present/report_fields.csv``; whatever else stands in the file (letterhead, headings, order, fixed words,
styles) is the bureau's and stays as it is.
"""

from __future__ import annotations

import copy
import io
import re
import zipfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from docx import Document
from docx.opc.exceptions import PackageNotFoundError
from docx.oxml.ns import qn
from lxml import etree

from onemap.book.reading import nearest
from onemap.book.words import LANGUAGES, Words, say
from onemap.errors import InputError
from onemap.messages import Message
from onemap.present import paper
from onemap.present.blocks import Block
from onemap.present.fields import BLOCK, PICTURE, TEXT, Content, Field, known_fields

FIELD = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
BRACES = re.compile(r"\{\{|\}\}")
LETTERED = "ABCDEFGHIJKLMN"
AFTER = {"C": ("plans_chart",), "I": ("conflicts_chart",), "M": ("balance_chart",), "N": ("unknown_chart",)}
SPACES = 20


class Template(NamedTuple):
    """A checked Word file with fields; ``name`` is what messages call it."""

    data: bytes
    name: str


def load_template(path: str | Path) -> Template:
    """A bureau's Word file, every field in it known.

    Raises InputError, with the place and the nearest field, for a file that is no .docx, a field that nobody knows,
    braces that do not close, or a table or picture that does not stand alone in its paragraph.
    """
    path = Path(path)
    try:
        template = Template(path.read_bytes(), path.name)
        problems = list(_problems(open_template(template)))
    except OSError as error:
        raise InputError("present.template.unreadable", where=str(path), mend=str(error.strerror)) from error
    if problems:
        raise InputError("present.template.problems", where=str(path), mend=problems)
    return template


def open_template(template: Template) -> Any:
    """The document of a template. Raises InputError where it is no Word file."""
    try:
        return Document(io.BytesIO(template.data))
    except (PackageNotFoundError, KeyError, ValueError, zipfile.BadZipFile, etree.XMLSyntaxError) as error:
        raise InputError("present.template.not_word", where=template.name) from error


def standard_template(words: Words) -> Template:
    """The template that is used where a bureau has none of its own: its words are those of the texts."""
    lang = words.lang
    heads = [say(words, f"report.{letter}") for letter in LETTERED]
    keys = ("title", "subtitle", "summary", "changes", "firmness", "disclaimer", "disclaimer.text", "sign")
    texts = tuple(say(words, f"report.{key}") for key in keys)
    as_of = say(
        words, "report.as_of", **{one: marker(one, lang) for one in ("as_of", "blueprint", "rulebook")}
    )
    head = say(words, "report.head", title=texts[0], subtitle=texts[1])
    return Template(_standard(lang, texts, tuple(heads), as_of, head), say(words, "report.standard_template"))


@lru_cache(maxsize=8)
def _standard(lang: str, texts: tuple[str, ...], heads: tuple[str, ...], as_of: str, head: str) -> bytes:
    title, subtitle, summary, changes, firmness, disclaimer, disclaimed, sign = texts
    document = paper.blank_paper(f"{marker('project_name', lang)} · {head} · ")
    paper.line(document, title, "Title")
    paper.line(document, subtitle, "Subtitle")
    paper.line(document, marker("project_name", lang), "Subtitle")
    paper.line(document, as_of, paper.CENTRED)
    for words, field in ((summary, "summary"), (changes, "changes")):
        paper.heading(document, words)
        paper.line(document, marker(field, lang))
    paper.line(document, marker("map", lang))
    paper.heading(document, firmness)
    paper.line(document, marker("firmness", lang))
    for letter, words in zip(LETTERED, heads, strict=True):
        paper.heading(document, f"{letter}  {words}")
        for field in (letter, *AFTER.get(letter, ())):
            paper.line(document, marker(field, lang))
    paper.heading(document, disclaimer)
    paper.line(document, disclaimed)
    paper.line(document, "")
    paper.line(document, sign)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def marker(field: str, lang: str) -> str:
    """How a field is written in a template: ``{{项目名称}}``."""
    aliases = {"blueprint": "blueprint_version", "rulebook": "rulebook_version"}
    found = field_of(aliases.get(field, field))
    return "{{" + getattr(found, lang) + "}}"


@lru_cache
def _by_name() -> dict[str, Field]:
    names = {}
    for field in known_fields():
        for name in (field.id, *(getattr(field, lang) for lang in LANGUAGES)):
            names[_plain(name)] = field
    return names


def field_of(name: str) -> Field | None:
    """The field of an id, or of a name in either language, however spaced and whatever case.

    >>> field_of(" 项目名称 ").id, field_of("Project  Name").id, field_of("?")
    ('project_name', 'project_name', None)
    """
    return _by_name().get(_plain(name))


def _plain(name: str) -> str:
    return "".join(name.split()).casefold()


def fill(template: Template, content: Content) -> Any:
    """The document with every field filled; what the data hold is never read as a field."""
    document = open_template(template)
    styles = paper.house_styles(document)
    for part, paragraphs in list(_stories(document)):
        for paragraph in paragraphs:
            text, nodes = _text_of(paragraph)
            found = FIELD.findall(text)
            if not found:
                continue
            alone = field_of(found[0])
            if alone.kind == TEXT:
                _replace(text, nodes, content)
            else:
                _put_block(paragraph, content.block(alone.id), part, styles)
    return document


def _stories(document: Any) -> Iterator[tuple[Any, list[Any]]]:
    """The body, headers and footers, each with its paragraphs, those in tables and text boxes too."""
    for part in document.part.package.iter_parts():
        name = str(part.partname)
        if re.fullmatch(r"/word/(document|header\d*|footer\d*)\.xml", name) and hasattr(part, "element"):
            yield part, list(part.element.iter(qn("w:p")))


def _text_of(paragraph: Any) -> tuple[str, list[Any]]:
    """A paragraph's own text and the nodes it is spread over; a text box in it has paragraphs of its own."""
    nodes = [
        node
        for node in paragraph.iter(qn("w:t"))
        if next(one for one in node.iterancestors(qn("w:p"))) is paragraph
    ]
    return "".join(node.text or "" for node in nodes), nodes


def _replace(text: str, nodes: list[Any], content: Content) -> None:
    """Put the words of text fields in place; a field that Word has split keeps the look of its first piece."""
    starts, at = [], 0
    for node in nodes:
        starts.append(at)
        at += len(node.text or "")
    pieces = [node.text or "" for node in nodes]
    for match in reversed(list(FIELD.finditer(text))):
        words = paper.printable(content.text(field_of(match[1]).id))
        for number in reversed(range(len(nodes))):
            low = max(match.start() - starts[number], 0)
            high = min(match.end() - starts[number], len(nodes[number].text or ""))
            if low < high:
                first = match.start() >= starts[number]
                pieces[number] = pieces[number][:low] + (words if first else "") + pieces[number][high:]
    for node, piece in zip(nodes, pieces, strict=True):
        node.text = piece
        node.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")


def _put_block(paragraph: Any, block: Block, part: Any, styles: dict[str, str]) -> None:
    for element in _elements(block, paragraph, part, styles):
        paragraph.addprevious(element)
    properties = paragraph.find(qn("w:pPr"))
    ends_section = properties is not None and properties.find(qn("w:sectPr")) is not None
    in_cell = paragraph.getparent().tag == qn("w:tc")
    if ends_section or in_cell:  # a section's last paragraph and a cell's own one must stay
        for run in paragraph.findall(qn("w:r")):
            paragraph.remove(run)
    else:
        paragraph.getparent().remove(paragraph)


def _elements(block: Block, sample: Any, part: Any, styles: dict[str, str]) -> Iterator[Any]:
    wide = _width_cm(sample)
    for line in block.lines:
        yield _like(sample, line)
    for table in block.tables:
        if table.title:
            yield paper.paragraph_element(table.title, styles[paper.CAPTION])
        yield paper.table_element(table, styles, wide, block.strong)
        yield paper.gap_element(styles)
    for picture in block.pictures:
        yield paper.picture_element(part, picture.png, wide, styles[paper.FIGURE], picture.caption)
        yield paper.paragraph_element(picture.caption, styles[paper.BELOW])
    for note in block.notes:
        yield paper.paragraph_element(note, styles[paper.NOTE])


def _like(sample: Any, text: str) -> Any:
    """A paragraph of these words that looks like the one in which the field stood."""
    style = paper.paragraph_element(text, "")
    old = sample.find(qn("w:pPr"))
    new = style.find(qn("w:pPr"))
    style.remove(new)
    if old is not None:
        kept = copy.deepcopy(old)
        for section in kept.findall(qn("w:sectPr")):
            kept.remove(section)
        style.insert(0, kept)
    run = sample.find(qn("w:r"))
    look = None if run is None else run.find(qn("w:rPr"))
    if look is not None:
        for one in style.findall(qn("w:r")):
            one.insert(0, copy.deepcopy(look))
    return style


def _width_cm(paragraph: Any) -> float:
    """How wide the text is where a paragraph stands: its cell, or its section's page between the margins."""
    cell = next(paragraph.iterancestors(qn("w:tc")), None)
    if cell is not None:
        given = cell.find(f"{qn('w:tcPr')}/{qn('w:tcW')}")
        if given is not None and given.get(qn("w:type")) == "dxa":
            return int(given.get(qn("w:w"))) / paper.TWIPS_PER_CM - 0.4
    sections = paragraph.xpath(".//w:sectPr | following::w:sectPr")
    if not sections:
        return paper.TEXT_WIDTH_CM
    size, margins = sections[0].find(qn("w:pgSz")), sections[0].find(qn("w:pgMar"))
    if size is None or margins is None:
        return paper.TEXT_WIDTH_CM
    wide, left, right = (
        int(float(node.get(qn(f"w:{name}"), 0)))
        for node, name in ((size, "w"), (margins, "left"), (margins, "right"))
    )
    return (wide - left - right) / paper.TWIPS_PER_CM


def _problems(document: Any) -> Iterator[Message]:
    """What is wrong with a template, each with the words around it."""
    named = [name for field in known_fields() for name in (field.zh, field.en)]
    for part, paragraphs in _stories(document):
        body = str(part.partname) == "/word/document.xml"
        for paragraph in paragraphs:
            text, _ = _text_of(paragraph)
            place = f"{' '.join(text.split())[:SPACES]}…" if len(text) > SPACES else text
            names = FIELD.findall(text)
            for name in names:
                field = field_of(name)
                if field is None:
                    mend = nearest(name, named)
                    yield Message("present.template.field_unknown", name=name, place=place, mend=mend)
                elif field.kind in (BLOCK, PICTURE) and (len(names) > 1 or FIELD.sub("", text).strip()):
                    yield Message("present.template.not_alone", name=name, place=place)
                elif field.kind in (BLOCK, PICTURE) and not body:
                    yield Message("present.template.in_header", name=name)
            if BRACES.search(FIELD.sub("", text)):
                yield Message("present.template.braces", place=place)
