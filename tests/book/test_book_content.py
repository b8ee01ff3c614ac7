"""What the packaged book holds: complete, coherent, and with the traps of the standards kept apart."""

import csv
import json
import re
from datetime import date

import pytest

from onemap.book.card import rule_card
from onemap.book.catalogue import load_catalogue
from onemap.book.cite import cite
from onemap.book.location import layers_path
from onemap.book.rulebook import load_rulebook
from onemap.book.tables import leaves
from onemap.book.texts import placeholders
from onemap.errors import InputError
from onemap.frames import CATEGORIES, EFFECTS, KINDS, PRECONDITION_STATUSES, STAGES, STATUSES, VERDICTS


@pytest.fixture(scope="module")
def now():
    return load_rulebook("2026-04-01", dates={"plan_approval": "2024-10-28"})


@pytest.fixture(scope="module")
def catalogue():
    return load_catalogue()


def numbers(ids, letter):
    return {int(m.group(1)) for i in ids if (m := re.match(rf"{letter}(\d+)", i))}


def test_nothing_of_the_lists_is_missing(now):
    assert numbers(now.rules["rule_id"], "K") == set(range(1, 59))
    assert numbers(now.conditions["condition_id"], "C") == set(range(1, 41))
    assert numbers(now.evaluations["item_code"], "RE") == set(range(1, 17))
    assert numbers(now.conflict_types["kind"], "X") == set(range(1, 17))


def test_ids_are_unique_on_a_day(now):
    for frame, key in (
        (now.rules, "rule_id"),
        (now.conditions, "condition_id"),
        (now.evaluations, "item_code"),
        (now.conflict_types, "kind"),
    ):
        assert frame[key].is_unique


LAYERS = """admin_district XZQ boundary partition -;land_use_zones TDYTQ spatial_plan partition tdytq
construction_control_zones JSYDGZQ spatial_plan partition gzq;city_master_plan CSZTGH spatial_plan partition gb50137
detailed_plan KGYD spatial_plan presence ydyh2023;urban_development_boundary CZKFBJ control presence czkfbj
permanent_basic_farmland YJJBNT control presence -;ecological_redline STBHHX control presence -
conversion_approvals ZZ_NYDZYFW approval presence -;land_survey DLTB survey partition ydyh2023
evaluation_zones QYPG evaluation presence evaluation_items;river_lake_management HHGLFW control presence -
heritage_protection WWBHFW control presence -;heritage_control JSKZDD control presence -
water_source_protection YYSSYBHQ control presence water_source;highway_land GLYD control presence road_class
forest_land LD control presence forest_class;geohazard_zones DZZHYFQ inform presence -
mining_rights KYQ control presence mining_class;black_soil HTD control presence -"""


@pytest.mark.parametrize("line", LAYERS.replace("\n", ";").split(";"))
def test_layers_of_the_plan(catalogue, line):
    layer, code, group, completeness, table = line.split()
    row = catalogue.layers.loc[layer]
    assert (row["code"], row["group"], row["completeness"]) == (code, group, completeness)
    assert row["code_table"] == table.strip("-")


VALUES = {
    "hit_min_area": (0.005, "m2"),
    "inside_tol_area": (1, "m2"),
    "inside_tol_share": (1e-4, "share"),
    "sliver_area": (200, "m2"),
    "sliver_width": (2, "m"),
    "sliver_compactness": (0.02, "share"),
    "area_warn_share": (0.001, "share"),
    "area_error_share": (0.10, "share"),
    "road_control_motorway": (30, "m"),
    "road_control_national": (20, "m"),
    "road_control_provincial": (15, "m"),
    "road_control_county": (10, "m"),
    "road_control_township": (5, "m"),
    "railway_hsr_urban": (10, "m"),
    "railway_other_urban": (8, "m"),
    "railway_hsr_suburban": (12, "m"),
    "railway_other_suburban": (10, "m"),
    "railway_hsr_village": (15, "m"),
    "railway_other_village": (12, "m"),
    "railway_hsr_elsewhere": (20, "m"),
    "railway_other_elsewhere": (15, "m"),
    "power_10kv": (5, "m"),
    "power_110kv": (10, "m"),
    "power_330kv": (15, "m"),
    "power_500kv": (20, "m"),
    "power_cable": (0.75, "m"),
    "pipeline_strip": (5, "m"),
    "weather_reference": (2000, "m"),
    "weather_basic": (1000, "m"),
    "weather_general": (800, "m"),
    "road_settlement_national": (70, "m"),
    "road_settlement_county": (30, "m"),
}


@pytest.mark.parametrize("name", VALUES)
def test_thresholds(now, name):
    assert (now.threshold(name), now.parameters.at[name, "unit"]) == VALUES[name]


def test_engineering_choices_say_so(now):
    own = now.parameters[now.parameters["basis"] == "engineering"].index
    assert {"hit_min_area", "inside_tol_area", "inside_tol_share", "sliver_area"} <= set(own)
    assert all(now.parameters.at[p, "citations"] for p in set(now.parameters.index) - set(own))


def test_effects_follow_the_class_of_the_control_line(now):
    effect = now.rules.set_index("rule_id")["effect"]
    prohibited = "K01 K02 K03 K05 K07 K13 K14 K16 K18 K20 K23 K29 K30 K31 K32 K33 K34 K41 K42 K43 K44 K45 K46"
    consent = (
        "K04 K06 K08 K09 K12 K15 K19 K21 K22 K25 K35a K36a K37a K40b K47 K48 K49 K50 K53 K54 K55 K56 K58"
    )
    assert {effect[k] for k in prohibited.split()} == {"prohibit"}
    assert {effect[k] for k in consent.split()} == {"consent"}
    assert effect["K57"] == "inform"


def test_every_rule_rests_on_land(now):
    subjects = set(now.subjects["subject_id"])
    for rule in now.rules.itertuples():
        assert now.predicates.at[rule.predicate, "subject"] in subjects


def test_every_predicate_has_its_threshold_or_words(now):
    for row in now.predicates.itertuples():
        assert (row.threshold == row.threshold) != bool(row.value), row.Index


def test_trees_rest_on_predicates(now):
    for tree in [*now.compounds.values(), *(rule.when for rule in now.decisions)]:
        assert leaves(tree, now.compounds) <= set(now.predicates.index)


def test_inside_means_both_tolerances(now):
    assert now.compounds["within_town_village_range"] == {
        "all": ["town_village_range_outside_area", "town_village_range_outside_share"]
    }
    row = now.predicates.loc["town_village_range_outside_area"]
    assert (row["measure"], row["operator"], row["threshold"]) == ("outside_area_m2", "le", 1.0)


def test_regional_evaluation_never_waives_the_environmental_assessment(now):
    effect = now.evaluations.set_index("item_code")["effect"]
    assert effect["RE03"] == "simplified"
    assert effect["RE05"] == "simplified"
    assert effect["RE13"] == "none"
    condition = now.conditions.set_index("condition_id")
    assert condition.at["C14", "effect_of_replacement"] == "simplified"
    assert condition.at["C25b", "replaceable_by"] == ""


def test_topology_and_control_against_control_are_data(now):
    kinds = now.conflict_types[now.conflict_types["kind"].str.match("X1[56]")]
    assert set(kinds["severity"]) == {"data"}


def test_routes(now):
    assert now.routes.index.tolist() == [
        "may_skip",
        "not_required",
        "convert_directly",
        "provincial_opinion",
        "required",
        "needs_review",
    ]
    assert now.routes["skips"].tolist() == list("YYYYNN")


def test_decisions_carry_their_dates_and_law():
    rules = {
        r.rule_id: r for d in ("2018-01-01", "2024-03-01", "2026-04-01") for r in load_rulebook(d).decisions
    }
    assert rules["PX-2021-24"].rank == 2
    assert rules["PX-2019-2"].confirmed_to == date(2024, 9, 17)
    assert rules["PX-2019-2"].valid_to is None
    assert rules["PX-AS-2020"].confirmed_to == date(2021, 9, 1)
    assert rules["PX-2016-ORD"].base
    assert rules["PX-2016-ORD"].when == {"all": []}
    assert rules["PX-2016-16"].when == {
        "all": ["no_new_construction_land", "within_town_range", "on_approved_land"]
    }
    assert len(rules["PX-2023-89"].when["any"]) == 5


# the reservoir and its kin -----------------------------------------------------------------------


def test_one_reservoir_three_answers(catalogue):
    assert catalogue.codes["ydyh2023"].at["1703", "major_class"] == "agricultural"
    assert catalogue.codes["gbt21010"].at["1103", "major_class"] == "agricultural"
    assert catalogue.codes["ghdl"].at["2260", "major_class"] == "construction"
    assert catalogue.codes["erdiao_planning"].at["113", "major_class"] == "construction"
    assert catalogue.codes["gb50137"].at["E12", "major_class"] == "non_construction"


def test_the_same_code_means_different_things(catalogue):
    assert catalogue.codes["gzq"].at["030", "name_zh"] == "限制建设区"
    assert catalogue.codes["tdytq"].at["030", "name_zh"] == "城镇建设用地区"


@pytest.mark.parametrize("path", sorted((layers_path() / "codes").glob("*.csv")), ids=lambda p: p.stem)
def test_codes_are_the_strings_of_the_file(catalogue, path):
    if path.stem == "crosswalks":
        return
    with path.open(encoding="utf-8", newline="") as file:
        raw = [row["code"] for row in csv.DictReader(file)]
    assert catalogue.codes[path.stem].index.tolist() == raw


def test_leading_zeros_survive(catalogue):
    codes = catalogue.codes["ydyh2023"]
    assert codes.at["0701", "name_zh"] == "城镇住宅用地"
    assert "701" not in codes.index
    assert codes.at["070101", "parent"] == "0701"
    assert codes.at["0701", "parent"] == "07"


def test_the_deepest_codes_of_2023_have_a_major_class(catalogue):
    codes = catalogue.codes["ydyh2023"]
    parents = set(codes["parent"])
    assert all(codes.at[c, "major_class"] for c in codes.index if c not in parents)


def test_one_to_many_is_flagged(catalogue):
    walk = catalogue.crosswalks[catalogue.crosswalks["from_table"] == "gb50137"].set_index("from_code")
    assert {"A22", "H14", "H3", "H9", "E2", "S3"} == set(walk.index[walk["ambiguous"] == "Y"])
    assert walk.at["R2", "to_code"] == "070102"
    targets = set(catalogue.codes["ydyh2023"].index)
    assert set(walk["to_code"]) - {""} <= targets


def test_hectares_are_declared_where_they_are_handed_in(catalogue):
    fields = catalogue.fields.set_index(["layer", "field"])
    assert fields.at[("construction_control_zones", "area"), "unit"] == "ha"
    assert fields.at[("land_survey", "area"), "unit"] == "m2"


# texts, citations, cards -------------------------------------------------------------------------

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
    assert now.text("rule.K01.reason", **row) == "压占永久基本农田1,234.50平方米,占地块面积25.00%"
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
        ("LML-2019/35", "《土地管理法》第三十五条(未核对)", "Land Administration Law, Art. 35 (not checked"),
        ("LMR-2021/24(1)", "《土地管理法实施条例》(国务院令第743号)第二十四条第(一)项(未核对)", "Art. 24(1)"),
        (
            "PX42/4-6",
            "《建设项目用地预审管理办法》(国土资源部令第42号)第四条至第六条(未核对)",
            "Arts. 4 to 6",
        ),
        ("FCL/27|WTL/37", "《防洪法》第二十七条(未核对)、《水法》第三十七条(未核对)", "; Water Law, Art. 37"),
        ("SCE/26", "《风景名胜区条例》第二十六条(未核对)", "Scenic Areas Regulations"),
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
    import io

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
    assert "road_control_national = 20 米 (2026-04-01)" in card
    assert "起始不限 .. 2011-07-01: 无取值" in card
    assert "《公路安全保护条例》第十一条(未核对)" in card
    assert "交通运输" in card
    assert "- near_road" in card


def test_a_card_of_an_expired_rule_and_of_none(now):
    assert "PX-2023-89" in rule_card("PX-2023-89", now)
    with pytest.raises(InputError, match="did you mean"):
        rule_card("K3l", now)


# versions and books of one's own -----------------------------------------------------------------


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
    assert "undetermined" in load_rulebook("2024-03-01")._repr_html_()
    assert "rules" in now._repr_html_()


def test_json_friendly_dates(now):
    json.dumps({k: v.isoformat() for k, v in now.dates.items() if v})
