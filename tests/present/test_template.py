"""A bureau's own Word file: its words, order and letterhead stay, its fields are filled, its mistakes are named."""

import io
import re

import docx
import pytest
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Pt

from onemap.book.words import words_of
from onemap.errors import InputError
from onemap.present.fields import BLOCK, FILLED, PICTURE, TEXT, Content, known_fields
from onemap.present.pdf import report_content
from onemap.present.report import report_bytes, write_report
from onemap.present.template import field_of, load_template, open_template, standard_template


def saved(document, path):
    document.save(path)
    return path


def texts(document):
    return [p.text for p in document.paragraphs if p.text.strip()]


def opened(data):
    return docx.Document(io.BytesIO(data))


@pytest.fixture()
def own(tmp_path):
    """A letter as a bureau would write it: letterhead, other headings in another order, a field in a table."""
    document = docx.Document()
    head = document.sections[0].header.paragraphs[0]
    head.text = "样例市自然资源局 · {{项目名称}}"
    document.add_paragraph("关于{{ 项目名称 }}选址的函", style="Title")
    line = document.add_paragraph()
    for piece in ("一、结论：{", "{管控", "结论}", "}，用地预审：{{用地预审结论}}。"):
        line.add_run(piece)
    line.runs[1].bold = True
    document.add_heading("二、碰到哪些控制线", 1)
    shown = document.add_paragraph("{{控制线检测}}")
    shown.runs[0].font.size = Pt(9)
    document.add_heading("三、基本情况", 1)
    document.add_paragraph("{{A}}")
    document.add_paragraph("{{选址图}}")
    table = document.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "面积", "{{用地面积}}"
    document.add_paragraph("本函由张三拟稿。")
    return saved(document, tmp_path / "own.docx")


def test_words_order_and_letterhead_are_the_bureaus(review, own):
    document = opened(report_bytes(review, "P2", template=load_template(own)))
    lines = texts(document)
    assert lines[:2] == ["关于东环工业园选址的函", "一、结论：涉及禁止，用地预审：人工研判。"]
    assert lines.index("二、碰到哪些控制线") < lines.index("三、基本情况") < lines.index("本函由张三拟稿。")
    assert document.sections[0].header.paragraphs[0].text == "样例市自然资源局 · 东环工业园"
    assert [cell.text for cell in document.tables[-1].rows[0].cells] == [
        "面积",
        "72,000.00 平方米（7.2000 公顷，108.00 亩）",
    ]
    assert len(document.inline_shapes) == 1
    assert not re.search(r"\{\{|\}\}", "".join(node.text or "" for node in document.element.iter(qn("w:t"))))
    assert "结论摘要" not in "".join(lines)


def test_a_field_that_word_has_split_keeps_the_look_of_its_first_piece(review, own):
    line = opened(report_bytes(review, "P2", template=load_template(own))).paragraphs[1]
    assert [run.text for run in line.runs] == ["一、结论：涉及禁止", "", "", "，用地预审：人工研判。"]


def test_lines_of_a_block_look_like_the_paragraph_of_their_field(review, own):
    document = opened(report_bytes(review, "P2", template=load_template(own)))
    (line,) = [p for p in document.paragraphs if p.text.startswith("K01: ")]
    assert line.runs[0].font.size == Pt(9)


def test_the_standard_template_taken_out_and_put_back_gives_the_same_report(review, tmp_path):
    for lang in ("zh", "en"):
        words = words_of(review, lang)
        path = tmp_path / f"{lang}.docx"
        path.write_bytes(standard_template(words).data)
        again = report_bytes(review, "P1", lang, load_template(path))
        assert again == report_bytes(review, "P1", lang)
        document = docx.Document(str(path))
        heading = next(p for p in document.paragraphs if p.text.startswith("H  "))
        heading.runs[0].text = "红线、底线"
        document.styles["onemap table"].font.size = Pt(12)
        changed = opened(report_bytes(review, "P1", lang, load_template(saved(document, path))))
        assert "红线、底线" in texts(changed)
        assert changed.styles["onemap table"].font.size == Pt(12)


def test_what_the_data_hold_is_never_a_field(fresh_review, own):
    name = "{{管控结论}} {{不存在}} <w:b/> & \x00"
    fresh_review.decisions["project_name"] = name
    document = opened(report_bytes(fresh_review, "P2", template=load_template(own)))
    assert texts(document)[0] == "关于{{管控结论}} {{不存在}} <w:b/> & 选址的函"


def test_a_text_box_is_filled_and_its_paragraph_not_twice(review, tmp_path):
    document = docx.Document()
    outer = document.add_paragraph("外 {{项目编号}}")
    box = OxmlElement("w:txbxContent")
    inner = docx.Document().add_paragraph("内 {{项目编号}}")._p
    box.append(inner)
    holder = OxmlElement("w:pict")
    holder.append(box)
    run = OxmlElement("w:r")
    run.append(holder)
    outer._p.append(run)
    template = load_template(saved(document, tmp_path / "box.docx"))
    made = opened(report_bytes(review, "P1", template=template))
    said = ["".join(n.text for n in p.iter(qn("w:t"))) for p in made.element.body.iter(qn("w:p"))]
    assert said == ["外 P1内 P1", "内 P1"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("甲 {{项目明称}} 乙", r"unknown field \{\{项目明称\}\} in '甲.*did you mean '项目名称'"),
        ("甲 {{项目名称} 乙", "braces that do not close in '甲"),
        ("见 {{控制线检测}}", "must stand alone"),
        ("{{选址图}}{{项目名称}}", "must stand alone"),
        ("{{}}", r"unknown field \{\{\}\}"),
        ("{{ '7' * 7 }}", "unknown field"),
    ],
)
def test_mistakes_in_a_template_are_named_with_their_place(tmp_path, words, message):
    document = docx.Document()
    document.add_paragraph(words)
    path = saved(document, tmp_path / "模板.docx")
    with pytest.raises(InputError, match=message) as told:
        load_template(path)
    assert "模板.docx" in str(told.value) and "onemap template --fields" in str(told.value)


def test_a_table_in_a_footer_is_refused(tmp_path):
    document = docx.Document()
    document.sections[0].footer.paragraphs[0].text = "{{结论摘要}}"
    with pytest.raises(InputError, match="header or footer"):
        load_template(saved(document, tmp_path / "a.docx"))


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"%PDF-1.4", b"\xd0\xcf\x11\xe0" + bytes(600)])
def test_what_is_no_word_file_is_refused(tmp_path, data):
    path = tmp_path / "a.docx"
    path.write_bytes(data)
    with pytest.raises(InputError, match="not a Word file"):
        load_template(path)
    with pytest.raises(InputError, match="cannot be read"):
        load_template(tmp_path / "none.docx")


def test_a_bad_template_writes_nothing(review, tmp_path):
    document = docx.Document()
    document.add_paragraph("{{没有的}}")
    path = saved(document, tmp_path / "a.docx")
    with pytest.raises(InputError):
        write_report(review, "P1", tmp_path / "out" / "P1.docx", template=path)
    assert not (tmp_path / "out").exists()


def test_a_template_without_the_map_draws_none(review, tmp_path, monkeypatch):
    monkeypatch.setattr("onemap.present.fields.draw_picture", lambda *_: pytest.fail("a map was drawn"))
    document = docx.Document()
    document.add_paragraph("{{结论摘要}}")
    report_bytes(review, "P1", template=load_template(saved(document, tmp_path / "a.docx")))


def test_every_field_of_the_table_can_be_asked_for(review):
    known = known_fields()
    assert {(field.kind, field.id) for field in known} == {
        (kind, name) for kind in (TEXT, BLOCK, PICTURE) for name in FILLED[kind]
    }
    assert all(field_of(name) is field for field in known for name in (field.id, field.zh, field.en))
    for lang in ("zh", "en"):
        content = Content(review, "P3", lang)
        for field in known:
            made = content.text(field.id) if field.kind == TEXT else content.block(field.id)
            assert made


def test_the_pdf_follows_the_template(review, own):
    template = load_template(own)
    content, pictures = report_content(Content(review, "P2"), template)
    said = [part["text"] for part in content["parts"] if part["kind"] in ("title", "heading", "line")]
    assert said[0] == "关于东环工业园选址的函"
    assert said.index("二、碰到哪些控制线") < said.index("三、基本情况") < said.index("本函由张三拟稿。")
    assert content["header"] == "样例市自然资源局 · 东环工业园"
    assert len(pictures) == 1
    assert ["面积", "72,000.00 平方米（7.2000 公顷，108.00 亩）"] in [
        row for part in content["parts"] if part["kind"] == "table" for row in part["rows"]
    ]


def test_fields_are_known_by_id_and_by_both_names():
    assert field_of("H") is field_of("控制线检测") is field_of("Control Lines")
    assert open_template(standard_template(words_of(None))).paragraphs
