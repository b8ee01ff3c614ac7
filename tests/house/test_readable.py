"""Frames under the heads and words that people use, whatever stands in them."""

import re
from dataclasses import replace

import pandas as pd
import pytest

import onemap as om
from onemap import frames
from onemap.messages import spoken


def test_heads_layers_and_values_are_in_words_and_numbers_stay_numbers(reviewed):
    table = reviewed.findings[["rule_id", "status", "effect", "share", "area_m2"]]
    before = table.copy()
    told = om.show_table(table, thing=reviewed).data
    assert told.columns.tolist() == ["规则编号", "结论", "效力", "占比", "面积（平方米，精确椭球）"]
    assert (
        set(told["结论"]) <= {"触发", "不涉及", "缺数据未评估", "不适用"}
        and told["面积（平方米，精确椭球）"].dtype.kind == "f"
    )
    pd.testing.assert_frame_equal(table, before)
    english = om.show_table(
        pd.DataFrame({"layer": ["forest_land"], "stage": ["planning|completion"]}), "en"
    ).data
    assert not any(
        "一" <= sign <= "鿿" for sign in "".join(map(str, english.columns)) + "".join(english.iloc[0])
    )


def test_lists_are_written_as_the_language_lists():
    table = pd.DataFrame({"projects": ["P01|P02", None]})
    assert om.show_table(table).data.iloc[:, 0].tolist() == ["P01、P02", ""]
    assert om.show_table(table, "en").data.iloc[:, 0].tolist() == ["P01; P02", ""]


def test_nothing_has_no_sign():
    html = om.show_table(pd.DataFrame({"difference_m2": [-1e-9, -2.5, None]})).to_html()
    assert ">0.00<" in html and ">-2.50<" in html and "-0.00" not in html


def test_hostile_cells_are_text_and_unknown_names_are_kept():
    html = om.show_table(pd.DataFrame({"name": ["<script>alert(1)</script>"], "own": [None]})).to_html()
    assert "<script>" not in html and "&lt;script&gt;" in html and "own" in html and "None" not in html


def test_an_issue_is_the_sentence_that_its_code_value_and_message_make(layers):
    columns = ["layer", "source_fid", "issue", "value", "message", "detail"]
    for lang in ("zh", "en"):
        issues = om.show_table(layers.issues[columns], lang).data
        reasons = om.show_table(layers.quarantine, lang).data.iloc[:, -1]
        assert len(issues.columns) == 3 and len(issues) == len(layers.issues)
        assert not set(issues.iloc[:, 2]) & set(layers.issues["issue"])
        assert not set(reasons) & set(layers.quarantine["reason"]) and not reasons.str.endswith("：").any()


def test_class_names_are_in_the_language_of_the_reader():
    row = {"layer": ["land_survey"], "class_code": ["0101"], "class_name": ["水田"]}
    assert om.show_table(pd.DataFrame(row)).data.iloc[0, 2] == "水田"
    assert om.show_table(pd.DataFrame(row), "en").data.iloc[0, 2].isascii()


def test_numbers_stand_right_and_texts_left():
    html = om.show_table(pd.DataFrame({"name": ["a"], "area_m2": [1.0]})).to_html()
    assert "col0 {\n  text-align: left" in html and "col1 {\n  text-align: right" in html


def test_every_column_of_the_frames_that_people_are_shown_has_a_head():
    for columns in (frames.SOURCES, frames.ISSUES, frames.PASSPORTS, frames.QUARANTINE, frames.OVERLAPS):
        told = om.show_table(
            pd.DataFrame(columns=[c for c in columns if c not in ("geometry", "detail")])
        ).data
        assert not [head for head in told.columns if head.isascii()]


@pytest.fixture(params=["zh", "en"])
def lang(request):
    before = spoken()
    om.set_language(request.param)
    yield request.param
    om.set_language(before)


def test_no_column_is_lost_under_a_head_that_another_has_too():
    twins = pd.DataFrame({"status": ["clear"], "source_status": ["found"], "duty_status": ["required"]})
    told = om.show_table(twins).data
    assert told.columns.tolist() == ["结论", "状态 (source_status)", "状态 (duty_status)"]
    assert told.iloc[0].tolist() == ["不涉及", "found", "须办理"]
    same = pd.concat([twins[["status"]], twins[["status"]]], axis=1)
    assert om.show_table(same).data.columns.tolist() == ["结论 (status) (1)", "结论 (status) (2)"]


def test_names_of_rows_are_columns_too():
    counts = pd.DataFrame({"layer": ["forest_land"], "kind": ["evaluation"], "count": [3]})
    assert len(om.show_table(counts.groupby(["layer", "kind"]).sum()).data.columns) == 3
    assert len(om.show_table(counts.set_index("layer", drop=False)).data.columns) == 4


def test_what_draws_itself_speaks_the_chosen_language(town, reviewed, book, lang):
    told = {
        "blueprint": town._repr_html_(),
        "review": reviewed._repr_html_(),
        "rulebook": book._repr_html_(),
        "catalogue": book.catalogue._repr_html_(),
    }
    heads = {
        "zh": ["输入（平方米）", "管控结论", "当日有效", "覆盖方式"],
        "en": ["Input", "Verdict", "In force", "Coverage"],
    }
    for (name, html), head in zip(told.items(), heads[lang], strict=True):
        assert head in html, name
        columns = re.findall(r"<th[^>]*>(.*?)</th>", html)
        assert columns and not [one for one in columns if "_" in one], name
        if lang == "zh":
            assert not [one for one in columns if one.isascii()], name


def test_hostile_names_of_towns_and_books_are_text(town, book):
    named = replace(town, manifest=town.manifest | {"name": "<script>alert(1)</script>"})
    assert "<script>" not in named._repr_html_() and "&lt;script&gt;" in named._repr_html_()
    assert "<script>" not in replace(book, name={"zh": "<script>", "en": "<script>"})._repr_html_()
