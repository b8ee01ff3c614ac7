"""What the packaged book holds: complete, coherent, and with the traps of the standards kept apart."""

import re
from datetime import date

import pytest

from onemap.book.catalogue import load_catalogue
from onemap.book.rulebook import load_rulebook
from onemap.book.tables import leaves


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
