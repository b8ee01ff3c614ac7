"""Words and numbers: every key exists in both languages, nothing unknown reads as nothing."""

import csv
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onemap.book import words as w
from onemap.errors import InputError
from onemap.present import workbook
from onemap.present.opinion import case_of
from onemap.present.report import blocks

PACKAGE = Path(__file__).parents[2] / "onemap"
TEXTS = Path(__file__).parents[2] / "layers" / "texts"
KEY = re.compile(r'["\'](' + r"(?:present|map|report|sheet|record)\.[a-zA-Z_.]+[a-zA-Z_]" + r')["\']')
OWN_WORDS = {"map.css", "map.html", "review.gpkg", "report.docx", "report.typ"}


def keys(name):
    with (TEXTS / name).open(encoding="utf-8-sig") as lines:
        return {row["key"] for row in csv.DictReader(lines)}


def test_every_literal_key_of_the_room_has_a_text():
    known = keys("present.csv") | keys("report.csv") | keys("messages_present.csv")
    used = {key for path in PACKAGE.rglob("*.py") for key in KEY.findall(path.read_text(encoding="utf-8"))}
    assert used - known - OWN_WORDS == set()


def test_sheet_columns_have_texts():
    columns = workbook.SUMMARY + workbook.FINDINGS + workbook.PRECONDITIONS
    columns += workbook.CONFLICTS + workbook.ISSUES + workbook.SOURCES
    assert {f"sheet.column.{key}" for key, _ in columns} <= keys("present.csv")


def test_report_heads_have_texts(review):
    for lang in ("zh", "en"):
        case = w_case(review, lang)
        for block in blocks(case):
            for table in block.tables:
                assert all(len(row) == len(table.columns) == len(table.widths) for row in table.rows)


def w_case(review, lang):
    return case_of(review, "P2", w.words_of(review, lang))


@given(st.floats(min_value=1e-9, max_value=1e9))
def test_a_size_that_is_not_zero_never_prints_as_zero(size):
    assert w.number(size) != "0.00"


@given(st.floats(min_value=0.0, max_value=1 - 1e-9, exclude_max=True))
def test_less_than_the_whole_never_prints_as_the_whole(share):
    assert w.percent(share) != "100.00%"


@given(st.floats(min_value=0.0, max_value=1.0, exclude_min=True))
def test_more_than_nothing_never_prints_as_nothing(share):
    assert w.percent(share) != "0.00%"


def test_units(review):
    said = w.area(w.words_of(review, "zh"), 10_000.0)
    assert "10,000.00" in said and "1.0000 公顷" in said and "15.00 亩" in said


@pytest.mark.parametrize("value", [None, float("nan"), ""])
def test_unknown_numbers_print_a_dash(review, value):
    assert w.number(value) == w.percent(value) == w.measured(w.words_of(review), value, "m2") == "—"


def test_a_text_key_is_never_shown(review):
    words = w.words_of(review)
    assert w.described(words, "rule.K99.reason", {}) == ""
    assert w.described(words, "rule.K01.reason", {"area_m2": 3.0}) == "压占永久基本农田 3.00 平方米"


def test_unchecked_clauses_say_so(review):
    words = w.words_of(review)
    assert w.clauses(words, "HPL/29").endswith("（未核对）")
    assert "未核对" not in w.clauses(words, "LAL/35")


def test_a_language_without_texts_is_refused(review):
    with pytest.raises(InputError, match="language"):
        w.words_of(review, "fr")


def test_lists_read_as_the_language_writes_them(review):
    names = ["K01 a", "K02 b"]
    assert w.listed(w.words_of(review, "zh"), names) == "K01 a、K02 b"
    assert w.listed(w.words_of(review, "en"), names) == "K01 a; K02 b"
    assert w.sentences(w.words_of(review, "en"), ["", "one", "two"]) == "one; two"
    assert w.sentences(w.words_of(review, "zh"), ["一", "二"]) == "一；二"
