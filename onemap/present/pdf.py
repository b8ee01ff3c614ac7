"""项目策划生成意见书 as PDF: the blocks of the Word report, its faces carried along, the same bytes every time."""

from __future__ import annotations

import calendar
import json
import tempfile
from pathlib import Path
from typing import Any

from pylopdf_fonts_zh_cn import sans_path

from onemap.errors import InputError
from onemap.present.assets import static
from onemap.present.files import write_bytes
from onemap.present.opinion import Block, Table, case_of
from onemap.present.opinion_data import unknown_lines
from onemap.present.paper import printable
from onemap.present.picture import draw_picture
from onemap.present.report import blocks, footer_line, name_of, summary_table, versions_line
from onemap.present.scene import compose
from onemap.present.words import say, words_of

LAYOUT = "report.typ"
TABLE_PT, SUMMARY_PT = 8.5, 10.5
REGIONS = {"zh": "CN", "en": "GB"}


def write_pdf(review: Any, project_id: str, path: str | Path, lang: str = "zh") -> Path:
    """Write the opinion on one project as PDF: the same blocks and map as the Word report, fonts embedded.

    Raises InputError for a project that the review does not hold.
    """
    return write_bytes(Path(path), pdf_bytes(review, project_id, lang))


def pdf_bytes(review: Any, project_id: str, lang: str = "zh") -> bytes:
    """The opinion on one project as the bytes of a .pdf file.

    Raises InputError where the typesetter is not installed.
    """
    try:
        import typst
    except ImportError as error:
        raise InputError("a PDF needs the package typst", mend="pip install typst, or write .docx") from error
    scene = compose(review, project_id, lang)
    content = report_content(review, project_id, lang, scene.notes)
    with tempfile.TemporaryDirectory(prefix="onemap-") as folder:
        place = Path(folder)
        (place / LAYOUT).write_text(static(LAYOUT), encoding="utf-8")
        (place / "data.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        (place / "picture.png").write_bytes(draw_picture(scene))
        return typst.compile(
            str(place / LAYOUT),
            root=str(place),
            font_paths=[str(Path(sans_path()).parent)],
            ignore_system_fonts=True,
            timestamp=calendar.timegm(review.as_of.timetuple()),
        )


def report_content(review: Any, project_id: str, lang: str = "zh", map_notes=()) -> dict[str, Any]:
    """The words of an opinion as the layout reads them: strings only, never markup."""
    words = words_of(review, lang)
    case = case_of(review, project_id, words)
    missing = unknown_lines(case) or [say(words, "report.unknown.none")]
    sections = [
        _section(say(words, "report.summary"), tables=[summary_table(case)], size=SUMMARY_PT),
        *(_of_block(block) for block in blocks(case)),
        _section(f"N  {say(words, 'report.N')}", missing),
        _section(
            say(words, "report.picture.site"),
            notes=[say(words, "report.picture.scale"), *map_notes],
            picture=True,
        ),
        _section(say(words, "report.disclaimer"), [say(words, "report.disclaimer.text")]),
    ]
    day = review.as_of
    content = {
        "lang": lang,
        "region": REGIONS[lang],
        "day": {"year": day.year, "month": day.month, "day": day.day},
        "title": say(words, "report.title"),
        "subtitle": say(words, "report.subtitle"),
        "name": name_of(case),
        "versions": versions_line(case),
        "footer": footer_line(case),
        "sections": sections,
        "sign": say(words, "report.sign"),
    }
    return _printable(content)


def _of_block(block: Block) -> dict[str, Any]:
    return _section(f"{block.letter}  {block.title}", block.lines, block.tables, block.notes)


def _section(
    heading: str, lines=(), tables: list[Table] | tuple = (), notes=(), size: float = TABLE_PT, picture=False
) -> dict[str, Any]:
    return {
        "heading": heading,
        "lines": list(lines),
        "tables": [table._asdict() for table in tables],
        "notes": list(notes),
        "size": size,
        "picture": picture,
    }


def _printable(content: Any) -> Any:
    if isinstance(content, dict):
        return {name: _printable(part) for name, part in content.items()}
    if isinstance(content, list):
        return [_printable(part) for part in content]
    return printable(content) if isinstance(content, str) else content
