"""The opinion as a Word file: its text is a golden file, its bytes do not change, unknown is never none."""

import io
import os
import re
import time
import zipfile
from pathlib import Path

import docx
import pytest
from docx.oxml.ns import qn
from docx.text.paragraph import Paragraph

from onemap.book.words import words_of
from onemap.errors import InputError
from onemap.present.opinion import case_of
from onemap.present.opinion_checks import worst_findings
from onemap.present.picture import draw_picture
from onemap.present.report import blocks, report_bytes, write_report
from onemap.present.scene import compose

GOLDEN = Path(__file__).parent / "golden"


def text_of_docx(data):
    document = docx.Document(io.BytesIO(data))
    lines = []
    for part in document.element.body:
        if part.tag == qn("w:p"):
            lines.append("".join(run.text or "" for run in part.iter(qn("w:t"))))
        elif part.tag == qn("w:tbl"):
            for row in part.iter(qn("w:tr")):
                cells = [
                    "".join(run.text or "" for run in cell.iter(qn("w:t"))) for cell in row.iter(qn("w:tc"))
                ]
                lines.append(" | ".join(cells))
    return "\n".join(line for line in lines if line.strip()) + "\n"


@pytest.mark.parametrize("project", ["P1", "P2", "P3"])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_text_is_the_golden_one(review, project, lang):
    found = text_of_docx(report_bytes(review, project, lang))
    golden = GOLDEN / f"report_{project}_{lang}.txt"
    if os.environ.get("ONEMAP_GOLDEN") == "write":
        golden.write_text(found, encoding="utf-8")
    assert found == golden.read_text(encoding="utf-8")


def test_every_block_is_there_in_order(review):
    case = case_of(review, "P1", words_of(review))
    assert "".join(block.letter for block in blocks(case)) == "ABCDEFGHIJKLMN"
    said = text_of_docx(report_bytes(review, "P1")).splitlines()
    heads = [
        "结论摘要",
        "改变结论的办法",
        "结论的把握",
        "A  项目基本情况",
        "L  用地预审判断",
        "N  未知事项",
        "声明",
    ]
    assert [line for line in said if line in heads] == heads


def test_same_bytes_at_another_time(review, fresh_review):
    first = report_bytes(review, "P2")
    time.sleep(2.1)
    assert report_bytes(fresh_review, "P2") == first
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert b"2024-03-01" in archive.read("docProps/core.xml")


def test_chinese_runs_name_an_east_asian_face(review):
    document = docx.Document(io.BytesIO(report_bytes(review, "P1")))
    paragraphs = [one for one in document.element.body.iter(qn("w:p")) if one.find(qn("w:r")) is not None]
    styles = [Paragraph(one, document).style for one in paragraphs]
    used = {style.name: style for style in styles}.values()
    assert len(used) > 5
    for style in used:
        fonts = style.element.rPr.rFonts
        assert fonts.get(qn("w:eastAsia")) in ("宋体", "黑体"), style.name
        assert fonts.get(qn("w:eastAsiaTheme")) is None


def test_unchecked_clauses_and_engineering_choices_are_marked(review):
    said = text_of_docx(report_bytes(review, "P3"))
    assert "《文物保护法》第二十九条（未核对）" in said
    assert re.search(r"> 0\.005 m²（工程约定）", said)


def test_what_could_not_be_assessed_never_reads_as_nothing(review):
    row = next(
        row for row in worst_findings(case_of(review, "P3", words_of(review))) if row["rule_id"] == "K02"
    )
    assert row["status"] == "not_assessed"
    said = text_of_docx(report_bytes(review, "P3"))
    line = next(line for line in said.splitlines() if line.startswith("K02"))
    assert "未知" in line and "0.00 |" not in line
    assert "图层 生态保护红线" in said


def test_land_of_which_part_is_unknown_is_a_least_size(fresh_review):
    facts = fresh_review.facts
    mine = (facts.parcel_id == "P2-1") & (facts.subject == "agricultural_land")
    facts.loc[mine, "unknown_area_m2"] = 1_000.0
    said = text_of_docx(report_bytes(fresh_review, "P2"))
    assert "占用农用地 | 至少 43,200.00 平方米" in said
    facts.loc[mine, ["overlap_area_m2", "unknown_area_m2"]] = [0.0, 72_000.0]
    said = text_of_docx(report_bytes(fresh_review, "P2"))
    assert "占用农用地 | 未知 | 未知 | 72,000.00" in said
    assert "农用地情况未知" in said


def test_an_unknown_project_is_refused(review):
    with pytest.raises(InputError, match="P1, P2, P3"):
        report_bytes(review, "P9")


def test_a_failed_write_leaves_the_old_file(review, tmp_path, monkeypatch):
    path = write_report(review, "P1", tmp_path / "P1.docx")
    before = path.read_bytes()
    monkeypatch.setattr("onemap.present.files.os.replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        write_report(review, "P2", path)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["P1.docx"]


def test_a_character_that_the_face_lacks_is_drawn_as_a_printers_mark(fresh_review):
    fresh_review.parcels.loc[0, "project_name"] = "\U0001f3d7"
    rare = draw_picture(compose(fresh_review, "P1"))
    fresh_review.parcels.loc[0, "project_name"] = "〓"
    assert rare == draw_picture(compose(fresh_review, "P1"))


def test_an_empty_box_is_never_printed(fresh_review, monkeypatch):
    monkeypatch.setattr("onemap.present.picture.drawable", str)
    fresh_review.parcels.loc[0, "project_name"] = "\U0001f3d7"
    with pytest.raises(UserWarning, match="missing"):
        draw_picture(compose(fresh_review, "P1"))
