"""The peers' failures that concern rules, each turned into a case in which this house must not fail."""

import numpy as np
import pytest

from onemap.blueprint.build import build_blueprint
from onemap.book.rulebook import load_rulebook
from onemap.review.case_land import companies, layers_of, parcels_of
from onemap.review.cases import read_cases
from onemap.review.review import review

SEVERITY = {"clear": 0, "conditional": 1, "incomplete": 2, "prohibited": 3}
HEAD = "- case: one\n  as_of: 2020-02-01\n  project: {use: industrial}\n  expect: {verdict: clear}\n"
GOOD = "    conversion_approvals: {box: [-6, -6, 106, 106], document_no: 一号, valid_from: 2018-05-10, authority: 省政府}\n"


def look(tmp_path, layers, parcel=""):
    path = tmp_path / "one.yaml"
    path.write_text(HEAD + parcel + "  layers:\n" + layers, encoding="utf-8")
    case = read_cases(path)[0]
    book = load_rulebook(case.data["as_of"], dates={"plan_approval": "2024-10-28"})
    ((town,),) = companies([case], book.catalogue)
    blueprint = build_blueprint(layers_of([town], book.catalogue), book)
    return review(parcels_of([town], book.catalogue), blueprint, book)


def answer(result):
    return result.decisions["verdict"].item(), result.decisions["route"].item()


def test_1_killing_every_source_in_turn_moves_nothing_towards_yes(tmp_path):
    whole = look(tmp_path, GOOD + "    heritage_control: [-50, 0, 20, 100]\n    others: none\n")
    assert answer(whole) == ("conditional", "not_required")
    skips = whole.rulebook.routes["skips"]
    layers = [
        s
        for s in whole.rulebook.catalogue.layers.index
        if s not in ("conversion_approvals", "heritage_control")
    ]
    asked = set(whole.facts["layer"].str.split("|").explode())
    for layer in [*(name for name in layers if name in asked)][::6]:
        text = GOOD + f"    heritage_control: [-50, 0, 20, 100]\n    {layer}: unknown\n    others: none\n"
        verdict, route = answer(look(tmp_path, text))
        assert SEVERITY[verdict] >= SEVERITY["conditional"], layer
        assert skips[route] == "N" or route == "not_required", layer
    text = "    conversion_approvals: unknown\n    heritage_control: [-50, 0, 20, 100]\n    others: none\n"
    assert answer(look(tmp_path, text))[1] == "needs_review"
    text = GOOD + "    heritage_control: unknown\n    others: none\n"
    assert answer(look(tmp_path, text))[0] == "incomplete"


def test_2_half_unmapped_says_how_much(tmp_path):
    result = look(tmp_path, "    dikes: {extent: [-3000, -3000, 50, 3000]}\n    others: none\n")
    row = result.findings.set_index("rule_id").loc["K18"]
    assert row["status"] == "not_assessed"
    assert row["known_share"] == pytest.approx(0.5, rel=1e-6)


def test_4_overlapping_features_are_never_more_than_all(tmp_path):
    boxes = ", ".join(f"[-{i}, -{i}, {100 + i}, {100 + i}]" for i in range(1, 9))
    result = look(tmp_path, f"    dikes: [{boxes}]\n    others: none\n")
    row = result.findings.set_index("rule_id").loc["K18"]
    assert row["share"] == pytest.approx(1.0, abs=1e-12) and row["share"] <= 1.0
    assert len(row["feature_ids"].split("|")) == 8


def test_5_the_same_plan_twice_five_centimetres_apart(tmp_path):
    boxes = "[0, 0, 50, 50], [0.05, 0.05, 50.05, 50.05]"
    result = look(tmp_path, f"    dikes: [{boxes}]\n    others: none\n")
    row = result.findings.set_index("rule_id").loc["K18"]
    # union of two squares of 50 m shifted by 0.05 m along both axes
    assert row["area_m2"] == pytest.approx(2 * 2500 - 49.95**2, rel=1e-6)


def test_6_a_polygon_inside_a_polygon_is_found_whichever_is_larger(tmp_path):
    small = look(tmp_path, "    dikes: [40, 40, 60, 60]\n    others: none\n")
    large = look(tmp_path, "    dikes: [-500, -500, 500, 500]\n    others: none\n")
    measured = [r.findings.set_index("rule_id").at["K18", "measured"] for r in (small, large)]
    assert np.allclose(measured, [400, 10000], rtol=1e-6)


def test_7_a_damaged_shape_is_unknown_where_it_may_lie_and_the_rest_runs(tmp_path):
    result = look(
        tmp_path,
        "    dikes: {features: [[-50, 0, 20, 100]], quarantined: [[80, 0, 120, 100]]}\n    others: none\n",
    )
    row = result.findings.set_index("rule_id").loc["K18"]
    assert (row["status"], row["measured"]) == ("triggered", pytest.approx(2000, rel=1e-6))
    assert row["known_share"] == pytest.approx(0.8, rel=1e-6)


def test_9_a_shared_edge_touches_and_does_not_hit(tmp_path):
    result = look(tmp_path, "    dikes: [-50, 0, 0, 100]\n    others: none\n")
    facts = result.facts.set_index("subject").loc["dikes"]
    assert facts["touches"] and facts["overlap_area_m2"] == 0
    assert result.findings.set_index("rule_id").at["K18", "status"] == "clear"


def test_12_one_rule_asked_of_a_layer_and_of_its_only_class_is_the_same(tmp_path):
    text = "    forest_land: {box: [-50, 0, 20, 100], class_code: '1'}\n    others: none\n"
    findings = look(tmp_path, text).findings.set_index("rule_id")
    assert findings.at["K09", "measured"] == findings.at["K10", "measured"]
    assert findings.at["K09", "feature_ids"] == findings.at["K10", "feature_ids"]
