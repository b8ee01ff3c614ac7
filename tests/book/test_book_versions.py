"""Versions, books of one's own, and how the book shows itself."""

import json
import pickle
import re

import pytest

from onemap.book.catalogue import load_catalogue
from onemap.book.cite import cite
from onemap.book.rulebook import load_rulebook
from onemap.errors import InputError


@pytest.fixture(scope="module")
def now():
    return load_rulebook("2026-04-01", dates={"plan_approval": "2024-10-28"})


@pytest.fixture(scope="module")
def catalogue():
    return load_catalogue()


def test_the_version_depends_on_content_and_dates_only(book):
    first = load_rulebook("2024-03-01", book).version
    assert re.fullmatch("[0-9a-f]{12}", first)
    assert load_rulebook("2025-03-01", book).version == first
    assert load_rulebook("2024-03-01").version == first
    assert load_rulebook("2024-03-01", book, {"plan_approval": "2024-10-28"}).version != first
    (book / "sample").mkdir()
    (book / "sample" / "x.csv").write_text("x\n")
    assert load_rulebook("2024-03-01", book).version == first
    path = book / "parameters.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(",200,m2,", ",250,m2,", 1), encoding="utf-8")
    assert load_rulebook("2024-03-01", book).version != first


SMALL = {
    "book.yaml": "name_zh: 小\nname_en: Small\nbegins: 2000-01-01\n",
    "catalogue.csv": "layer,code,name_zh,name_en,group,completeness,code_table,precedence,authority_zh,authority_en,"
    "default_class,basis\nflood,F,洪水,Flood,control,presence,,1,环境署,Agency,,x\n",
    "parameters.csv": "parameter_id,valid_from,valid_to,value,unit,basis,citations,checked_on,note\n"
    "hit_min_area,,,0.01,m2,engineering,,,\n",
    "subjects.csv": "subject_id,layer,where,valid_from,valid_to,note\n",
    "predicates.csv": "predicate_id,subject,measure,operator,parameter,value,note\n"
    "hits_flood,flood,overlap_area_m2,gt,hit_min_area,,\n",
    "rules.csv": "rule_id,predicate,applies_when,effect,authority,text,reason,remedy,citations,valid_from,valid_to,"
    "basis,checked_on\nF1,hits_flood,,consent,,,,,NPPF/173,2012-03-27,,read,\n",
    "laws/instruments.csv": "law_id,title_zh,title_en,number,rank,valid_from,valid_to,status,source,checked_on\n"
    "NPPF,国家规划政策框架,National Planning Policy Framework,,4,2012-03-27,,in_force,x,\n",
    "laws/articles.csv": "law_id,article,text_zh,text_en,checked_on,source,tag\nNPPF,173,,,2024-01-05,x,found\n",
    "texts/own.csv": "key,zh,en\nrule.F1.title,洪水,Flood\nrule.F1.reason,a,a\nrule.F1.remedy,b,b\n",
}


def test_a_small_book_of_another_country(tmp_path):
    for name, text in SMALL.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    book = load_rulebook("2024-03-01", tmp_path)
    assert book.rules["rule_id"].tolist() == ["F1"]
    assert book.decisions == ()
    assert book.text("rule.F1.title", "en") == "Flood"
    assert book.text("effect.consent", "en") == "needs approval or consent"
    assert book.routes.at["may_skip", "skips"] == "Y"
    assert cite("NPPF/173", book, "en") == "National Planning Policy Framework, Art. 173"
    assert book.name == {"zh": "小", "en": "Small"}
    (tmp_path / "base").mkdir()
    (tmp_path / "book.yaml").write_text(SMALL["book.yaml"] + "base: nowhere\n", encoding="utf-8")
    with pytest.raises(InputError, match="no book at 'nowhere'"):
        load_rulebook("2024-03-01", tmp_path)


def test_they_draw_themselves(now, catalogue):
    assert "permanent_basic_farmland" in catalogue._repr_html_()
    assert "Undetermined" in load_rulebook("2024-03-01")._repr_html_()
    assert "Control rules" in now._repr_html_()


def test_json_friendly_dates(now):
    json.dumps({k: v.isoformat() for k, v in now.dates.items() if v})


def test_a_rulebook_travels_to_other_processes(now):
    there = pickle.loads(pickle.dumps(now))
    assert there.version == now.version
    assert there.decisions == now.decisions
    assert there.text("route.required") == now.text("route.required")
