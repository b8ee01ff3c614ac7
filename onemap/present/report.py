"""项目策划生成意见书 as a Word file: a draft for a person, the same bytes for the same review and template."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from onemap.book.words import say
from onemap.present import paper
from onemap.present.blocks import Block
from onemap.present.fields import Content, name_of
from onemap.present.files import write_bytes
from onemap.present.opinion import Case
from onemap.present.outlook import Outlook
from onemap.present.template import LETTERED, Template, fill, load_template, standard_template


def write_report(
    review: Any, project_id: str, path: str | Path, lang: str = "zh", template: str | Path | None = None
) -> Path:
    """Write the opinion on one project as .docx: summary, what would change it, map, blocks A to N, a disclaimer.

    template : a bureau's own Word file with fields, see ``onemap template``; the standard one otherwise. Raises
    InputError for a project that the review does not hold, or a template with a field that nobody knows.
    """
    used = load_template(template) if template else None
    return write_bytes(Path(path), report_bytes(review, project_id, lang, used))


def report_bytes(
    review: Any,
    project_id: str,
    lang: str = "zh",
    template: Template | None = None,
    tried: Outlook | None = None,
) -> bytes:
    """The opinion on one project as the bytes of a .docx file; ``tried`` is its outlook where it is known already."""
    return report_of(Content(review, project_id, lang, tried), template)


def report_of(content: Content, template: Template | None = None) -> bytes:
    """The opinion as a .docx file from what is known of a project."""
    words = content.case.words
    document = fill(template or standard_template(words), content)
    title = f"{say(words, 'report.title')} {name_of(content.case)}"
    return paper.paper_bytes(document, title, say(words, "report.subtitle"), content.case.review.as_of)


def blocks(case: Case) -> list[Block]:
    """The blocks A to N of an opinion, without what needs the site to be asked about again."""
    content = Content(case.review, case.project_id, case.words.lang)
    return [content.block(letter) for letter in LETTERED]
