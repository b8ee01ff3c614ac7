"""Texts in both languages, citations in words, cards."""

import csv
import io
import re

import pytest

from onemap.book.card import rule_card
from onemap.book.catalogue import load_catalogue
from onemap.book.cite import cite
from onemap.book.parameters import parameter_kind, parameter_title, parameter_value
from onemap.book.rulebook import load_rulebook
from onemap.book.texts import placeholders
from onemap.errors import InputError
from onemap.frames import CATEGORIES, EFFECTS, KINDS, PRECONDITION_STATUSES, STAGES, STATUSES, VERDICTS


@pytest.fixture(scope="module")
def now():
    return load_rulebook("2026-04-01", dates={"plan_approval": "2024-10-28"})


@pytest.fixture(scope="module")
def catalogue():
    return load_catalogue()


WORDS = {
    "category": CATEGORIES,
    "status": STATUSES,
    "effect": EFFECTS,
    "verdict": VERDICTS,
    "kind": KINDS,
    "stage": STAGES,
    "precondition_status": PRECONDITION_STATUSES,
    "severity": ("prohibit", "consent", "review", "inform", "data"),
}


@pytest.mark.parametrize("field", WORDS)
def test_every_word_has_its_text(now, field):
    for value in WORDS[field]:
        assert now.text(f"{field}.{value}") and now.text(f"{field}.{value}", "en")


def test_every_text_in_both_languages_with_the_same_placeholders(now):
    chinese = re.compile("[\u4e00-\u9fff]")
    for key, (zh, en) in now.texts.items():
        assert zh and en, key
        assert placeholders(zh) == placeholders(en), key
    own = [k for k in now.texts if k.split(".")[0] in ("rule", "condition", "conflict", "route", "decision")]
    for key in own:
        zh, en = now.texts[key]
        assert chinese.search(zh), key
        assert not chinese.search(en), key


def test_reasons_fill_from_a_findings_row(now):
    row = {
        "area_m2": 1234.5,
        "share": 0.25,
        "measured": 3.0,
        "threshold": 20.0,
        "unit": "m",
        "known_share": 1.0,
    }
    for rule in now.rules.itertuples():
        for lang in ("zh", "en"):
            assert "{" not in now.text(rule.reason, lang, **row)
    assert now.text("rule.K01.reason", **row) == "压占永久基本农田1,234.50平方米，占地块面积25.00%"
    assert now.text("rule.K31.reason", "en", **(row | {"measured": None})).startswith("— m from")


def test_a_missing_text_is_never_shown_as_its_key(now):
    with pytest.raises(KeyError):
        now.text("rule.K99.title")
    assert now.texts.get("rule.K99.title", "en", "?") == "?"


def test_labels_name_one_value(catalogue):
    labels = {}
    for row in catalogue.enumerations.itertuples():
        for word in row.labels.split("|"):
            assert labels.setdefault((row.field, word), row.value) == row.value
    assert labels["category", "划拨类"] == "allocation"
    assert labels["siting", "单独选址已落图落位"] == "standalone_on_map"


@pytest.mark.parametrize(
    ("citation", "zh", "en"),
    [
        (
            "LML-2019/35",
            "《土地管理法》第三十五条（未核对）",
            "Land Administration Law, Art. 35 (not checked",
        ),
        (
            "LMR-2021/24(1)",
            "《土地管理法实施条例》（国务院令第743号）第二十四条第（一）项（未核对）",
            "Art. 24(1)",
        ),
        (
            "PX42/4-6",
            "《建设项目用地预审管理办法》（国土资源部令第42号）第四条至第六条（未核对）",
            "Arts. 4 to 6",
        ),
        (
            "FCL/27|WTL/37",
            "《防洪法》第二十七条（未核对）、《水法》第三十七条（未核对）",
            "; Water Law, Art. 37",
        ),
        ("SCE/26", "《风景名胜区条例》第二十六条（未核对）", "Scenic Areas Regulations"),
    ],
)
def test_citations(now, citation, zh, en):
    assert cite(citation, now) == zh
    assert en in cite(citation, now, "en")


def test_a_checked_article_loses_its_mark(book):
    path = book / "laws" / "articles.csv"
    text = path.read_text(encoding="utf-8")
    line = next(x for x in text.splitlines() if x.startswith("GEO,21,"))
    row = next(csv.reader([line]))
    row[4] = "2026-05-01"
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(row)
    path.write_text(text.replace(line, out.getvalue()), encoding="utf-8")
    assert cite("GEO/21", load_rulebook("2024-03-01", book)) == "《地质灾害防治条例》第二十一条"


def test_unknown_citation(now):
    with pytest.raises(InputError, match="GEO/21"):
        cite("GEO/12", now)


def test_every_article_is_cited_or_kept_for_reading(now):
    assert set(now.articles["tag"]) <= {"found", "found-2nd", "mem", "derived", "press"}
    used = "|".join(
        [*(c for t in ("parameters", "rules", "conditions") for c in now.timeline[t]["citations"])]
        + ["|".join(c) for c in now.timeline["decisions"]["citations"]]
    ).split("|")
    assert set(used) - {""} <= set(now.articles.index)


def test_cards_for_everything(now):
    ids = [*now.rules["rule_id"], *now.conditions["condition_id"], *(r.rule_id for r in now.decisions)]
    for rule_id in ids:
        for lang in ("zh", "en"):
            card = rule_card(rule_id, now, lang)
            assert card.startswith(f"# {rule_id} ")
            assert " nan" not in card and "None" not in card


def test_a_card_shows_today_and_before(now, tmp_path):
    (tmp_path / "near_road.yaml").write_text("site: x\nexpect: {findings: K31}\n", encoding="utf-8")
    card = rule_card("K31", now, cases=tmp_path)
    assert "国道建筑控制区宽度（road_control_national） = 20 米 (2026-04-01)" in card
    assert "起始不限 .. 2011-07-01: 无取值" in card
    assert "《公路安全保护条例》第十一条（未核对）" in card
    assert "交通运输" in card
    assert "- near_road" in card


def test_a_card_of_an_expired_rule_and_of_none(now):
    assert "PX-2023-89" in rule_card("PX-2023-89", now)
    with pytest.raises(InputError, match="did you mean"):
        rule_card("K3l", now)


HALF = re.compile(r"[\u4e00-\u9fff》〕] ?[,;:!?()]|[,;:!?()] ?[\u4e00-\u9fff《]")


def test_chinese_sentences_use_chinese_marks(catalogue):
    found = {key: zh for key, (zh, _) in catalogue.texts.items() if not key.startswith("site.")}
    assert len(found) > 800
    assert {key: zh for key, zh in found.items() if HALF.search(zh)} == {}


def test_every_parameter_has_a_name_a_unit_and_a_kind_that_people_read(now):
    for row in now.timeline["parameters"].to_dict("records"):
        for lang in ("zh", "en"):
            title = parameter_title(now.texts, row["parameter_id"], lang)
            assert title != row["parameter_id"] and row["parameter_id"] in title
            assert now.texts.get(f"unit.{row['unit']}", lang)
            assert ":" not in parameter_kind(now.texts, row, lang)


def test_what_a_parameter_rests_on(now):
    def said(basis, checked_on=""):
        return parameter_kind(now.texts, {"basis": basis, "checked_on": checked_on})

    assert said("engineering") == "工程约定"
    assert said("found: LAW") == "条款规定，未核对"
    assert said("found-2nd: GH-1", "2024-03-01") == "条款规定"
    assert said("derived") == "由条款推算，未核对"
    assert "记忆" in said("mem")


def test_a_parameter_is_printed_as_the_book_states_it(now):
    assert parameter_value(now.texts, 0.00001, "share") == "0.001%"
    assert parameter_value(now.texts, 0.005, "m2") == "0.005 平方米"
    assert parameter_value(now.texts, 2.0, "year", "en") == "2 years"


def test_a_parameter_of_a_bureau_without_a_name_is_called_by_its_id(now):
    assert parameter_title(now.texts, "our_own") == "our_own"
