"""The workbook: numbers are numbers, text is text, and nothing in a cell is a formula."""

import io
import time
import zipfile

import openpyxl
import pytest

from onemap.present import workbook
from onemap.present.workbook import workbook_bytes, write_workbook

SHEETS = ["项目汇总", "管控检测", "前置条件", "规划冲突", "数据问题", "数据来源"]


@pytest.fixture(scope="module")
def book(review):
    return openpyxl.load_workbook(io.BytesIO(workbook_bytes(review)))


def rows_of(sheet):
    heads = [cell.value for cell in sheet[1]]
    return [dict(zip(heads, row, strict=True)) for row in sheet.iter_rows(min_row=2)]


def test_sheets_with_frozen_heads_and_filters(book):
    assert book.sheetnames == SHEETS
    for sheet in book:
        assert sheet.freeze_panes == "C2"
        assert sheet.auto_filter.ref == sheet.dimensions
        assert all(sheet.column_dimensions[cell.column_letter].width > 8 for cell in sheet[1])


def test_a_print_keeps_all_columns_on_one_page_and_repeats_the_head(book):
    for sheet in book:
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert (sheet.page_setup.fitToWidth or 1, sheet.page_setup.fitToHeight) == (1, 0)
        assert sheet.page_setup.orientation == "landscape" and sheet.print_title_rows == "$1:$1"


def test_sizes_are_numbers_in_three_units(book):
    row = next(row for row in rows_of(book["项目汇总"]) if row["项目编号"].value == "P2")
    assert (
        row["面积（平方米，精确椭球）"].value == 72_000
        and row["面积（平方米，精确椭球）"].number_format == "#,##0.00"
    )
    assert (
        row["面积（公顷）"].value == pytest.approx(7.2) and row["面积（公顷）"].number_format == "#,##0.0000"
    )
    assert row["面积（亩）"].value == pytest.approx(108)
    assert row["管控结论"].value == "涉及禁止"
    assert row["涉及禁止"].value == "K01 不得占用永久基本农田"


def test_findings_keep_clear_ones_and_put_hits_first(book):
    rows = rows_of(book["管控检测"])
    assert len(rows) == 9
    mine = [row["结论"].value for row in rows if row["项目编号"].value == "P2"]
    assert mine == ["触发", "不涉及", "不涉及"]
    hit = next(row for row in rows if row["结论"].value == "触发" and row["规则编号"].value == "K01")
    assert hit["理由"].value == "压占永久基本农田 43200.00 平方米"
    assert hit["占比"].value == pytest.approx(0.6) and hit["占比"].number_format == "0.00%"


def test_what_was_not_assessed_has_no_size_that_reads_as_nothing(book):
    (row,) = [row for row in rows_of(book["管控检测"]) if row["结论"].value == "缺数据未评估"]
    assert row["面积（平方米，精确椭球）"].value == row["占比"].value == row["量测值"].value == "未知"
    assert row["已知占比"].value == 0


def test_values_are_printed_as_people_write_them(book):
    for row in rows_of(book["管控检测"]):
        assert row["单位"].value in ("平方米", "米", "（比例）")
        for head in ("量测值", "阈值"):
            value, form = row[head].value, row[head].number_format
            assert value == "未知" or form == ("#,##0" if value == int(value) else "#,##0.00##")
        assert row["项目编号"].data_type == row["规则编号"].data_type == "s"


def test_a_row_is_as_tall_as_its_longest_words_need(fresh_review):
    fresh_review.decisions.loc[0, "project_name"] = "城" * 60
    sheet = openpyxl.load_workbook(io.BytesIO(workbook_bytes(fresh_review)))["项目汇总"]
    assert sheet.row_dimensions[2].height >= 6 * 15
    assert sheet.row_dimensions[3].height is None or sheet.row_dimensions[3].height < 90


def test_text_that_looks_like_a_formula_stays_text(book):
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f"]
    (name,) = [cell for cell in cells if str(cell.value).startswith("=HYPERLINK")]
    assert name.data_type == "s" and name.quotePrefix


def test_every_source_is_listed_with_its_rows(book, review):
    rows = rows_of(book["数据来源"])
    assert len(rows) == len(review.sources)
    missing = next(row for row in rows if row["图层"].value == "生态保护红线")
    assert missing["状态"].value == "缺失" and missing["读入"].value == 0


def test_same_bytes_at_another_time(review, fresh_review):
    first = workbook_bytes(review)
    time.sleep(2.1)
    assert workbook_bytes(fresh_review) == first
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert b"2024-03-01T00:00:00Z" in archive.read("docProps/core.xml")


def test_english_book(review, tmp_path):
    book = openpyxl.load_workbook(write_workbook(review, tmp_path / "s.xlsx", lang="en"))
    assert book.sheetnames[0] == "Summary"
    assert book["Summary"]["C3"].value == "prohibited"


def test_control_characters_do_not_break_the_file(fresh_review):
    fresh_review.decisions.loc[0, "project_name"] = "甲\x00\x0b乙"
    book = openpyxl.load_workbook(io.BytesIO(workbook_bytes(fresh_review)))
    assert book["项目汇总"]["B2"].value == "甲乙"


def test_a_long_list_counts_what_is_clear_and_lists_the_rest(review, monkeypatch):
    monkeypatch.setattr(workbook, "MOST_FINDINGS", 8)
    book = openpyxl.load_workbook(io.BytesIO(workbook_bytes(review)))
    statuses = [row["结论"].value for row in rows_of(book["管控检测"])]
    assert statuses.count("不涉及") == 0 and {"触发", "缺数据未评估"} <= set(statuses)
    counted = rows_of(next(book[name] for name in book.sheetnames if name.startswith("规则计数")))
    heads = ("触发", "缺数据未评估", "不涉及", "不适用")
    assert sum(row[head].value for row in counted for head in heads) == len(review.findings)


def test_what_does_not_fit_on_a_sheet_goes_on_on_the_next(review, book, monkeypatch):
    monkeypatch.setattr(workbook, "MOST_ROWS", 4)
    cut = openpyxl.load_workbook(io.BytesIO(workbook_bytes(review)))
    ids = lambda sheets: [[row["规则编号"].value for row in rows_of(sheet)] for sheet in sheets]  # noqa: E731
    (whole,) = ids([book["管控检测"]])
    assert ids(cut[f"管控检测{more}"] for more in ("", " 2", " 3")) == [whole[:4], whole[4:8], whole[8:]]
