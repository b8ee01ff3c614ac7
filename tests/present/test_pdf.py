"""The opinion as PDF: its words read back, nothing from data taken as markup, the same bytes every time."""

import io
import time

import pytest

from onemap.book.words import words_of
from onemap.errors import InputError
from onemap.present.fields import Content
from onemap.present.opinion import case_of
from onemap.present.pdf import pdf_bytes, report_content, write_pdf
from onemap.present.report import blocks
from onemap.present.template import standard_template

pytest.importorskip("typst", reason="writing a PDF needs typst")
pypdf = pytest.importorskip("pypdf", reason="reading a PDF back needs pypdf")
MARKUP = "#strong[x] *b* _i_ $x^2$ @ref <l> // c \\ `r` = h #panic(1) [0]"


def read(data):
    return pypdf.PdfReader(io.BytesIO(data))


def squeezed(text):
    """The text without white space, hyphens and invisible places to break a line."""
    return "".join(sign for sign in text if not sign.isspace() and sign not in "-\u00ad\u200b")


def words_in(data, footer=""):
    pages = (squeezed(page.extract_text()) for page in read(data).pages)
    return "".join(page.rsplit(squeezed(footer), 1)[0] if footer else page for page in pages)


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("project", ["P1", "P2", "P3"])
def test_every_word_of_the_blocks_can_be_read_back(review, project, lang):
    words = words_of(review, lang)
    content, pictures = report_content(Content(review, project, lang), standard_template(words))
    found = words_in(pdf_bytes(review, project, lang), content["footer"])
    for part in content["parts"]:
        assert squeezed(part.get("text", "")) in found
    assert len(pictures) >= 3
    for block in blocks(case_of(review, project, words_of(review, lang))):
        rows = [cell for table in block.tables for row in table.rows for cell in row]
        for text in (*block.lines, *rows):
            assert squeezed(text) in found, block.letter
    assert squeezed(words.texts("report.title", lang)) in found


def test_unchecked_clauses_and_unknowns_are_said(review):
    found = words_in(pdf_bytes(review, "P3"))
    assert "《文物保护法》第二十九条（未核对）" in found
    assert "数据不全" in found


def test_text_from_data_is_never_markup(fresh_review):
    review = fresh_review
    review.decisions["project_name"] = MARKUP
    review.parcels["project_name"] = MARKUP
    data = pdf_bytes(review, "P1")
    assert squeezed(MARKUP) in words_in(data)
    assert read(data).metadata.title.endswith(MARKUP)


def test_control_characters_do_no_harm(fresh_review):
    fresh_review.decisions["project_name"] = "甲\x00乙\x1b丙"
    assert "甲乙丙" in words_in(pdf_bytes(fresh_review, "P1"))


def test_same_bytes_at_another_time(review, fresh_review):
    first = pdf_bytes(review, "P2")
    time.sleep(1.1)
    assert pdf_bytes(fresh_review, "P2") == first


def test_faces_are_carried_along_and_no_other(review):
    names = set()
    for page in read(pdf_bytes(review, "P1")).pages:
        for face in page["/Resources"]["/Font"].values():
            below = face.get_object()["/DescendantFonts"][0].get_object()
            assert "/FontFile3" in below["/FontDescriptor"]
            names.add(str(below["/BaseFont"]).split("+")[1])
    assert {name.split("-")[0] for name in names} == {"NotoSansSC", "NotoSerifSC"}


def test_file_appears_whole_and_unknown_projects_are_refused(review, tmp_path):
    path = write_pdf(review, "P1", tmp_path / "deep" / "one.pdf")
    assert path.read_bytes().startswith(b"%PDF")
    with pytest.raises(InputError, match="P9"):
        write_pdf(review, "P9", tmp_path / "none.pdf")
    assert sorted(tmp_path.iterdir()) == [tmp_path / "deep"]
