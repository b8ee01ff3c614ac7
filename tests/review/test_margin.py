"""How far a boundary may move, and what would change a refusal: against distances and areas drawn by hand."""

import numpy as np
import pytest
import shapely

from onemap.blueprint.build import build_blueprint
from onemap.book.rulebook import load_rulebook
from onemap.errors import InputError
from onemap.review.case_land import companies, layers_of, parcels_of
from onemap.review.cases import read_cases
from onemap.review.counterfactual import counterfactuals
from onemap.review.margin import margin_text, margins, route_margins
from onemap.review.review import review

PROJECT = "case-0001"


@pytest.fixture
def look(tmp_path):
    def look(text):
        path = tmp_path / "one.yaml"
        path.write_text("- case: one\n  expect: {verdict: clear}\n" + text, encoding="utf-8")
        case = read_cases(path)[0]
        book = load_rulebook(case.data["as_of"], dates=case.data.get("dates"))
        ((town,),) = companies([case], book.catalogue)
        blueprint = build_blueprint(layers_of([town], book.catalogue), book)
        return review(parcels_of([town], book.catalogue), blueprint, book)

    return look


APPROVED = "document_no: 辽政地〔2018〕1号, valid_from: 2018-05-10, authority: 辽宁省人民政府"


def margin_of(result, rule):
    row = margins(result).set_index("rule_id").loc[rule]
    return row["margin_m"], row["direction"]


def at(value):
    return pytest.approx(value, abs=0.0101)


def test_a_near_road_is_left_by_shrinking(look):
    # 15 m wide zone, 14.58 m away: 0.42 m inwards and the site is out of it
    result = look(
        "  as_of: 2024-03-01\n  project: {use: industrial}\n"
        "  layers: {highway_land: {box: [-60, -500, -14.58, 500], class_code: S}, others: none}\n"
    )
    margin, direction = margin_of(result, "K32")
    assert (margin, direction) == (at(0.42), "inward")
    assert margin <= 0.42 + 1e-9
    # the zone of a national road (20 m) would be entered by growing; none is there, so nothing changes
    assert margin_of(result, "K31") == (10.0, "beyond")


def test_a_clear_site_is_hit_by_growing(look):
    result = look(
        "  as_of: 2024-03-01\n  project: {use: industrial}\n"
        "  layers: {heritage_protection: [-50, 0, -3, 100], others: none}\n"
    )
    assert margin_of(result, "K20") == (at(3.0), "outward")
    row = margins(result).set_index("rule_id").loc["K20"]
    assert margin_text(row, result.rulebook, "en").startswith("stays so for any boundary error up to ")
    assert "米" in margin_text(row, result.rulebook, "zh")


def test_the_answer_holds_at_the_margin_and_changes_past_it(look):
    result = look(
        "  as_of: 2024-03-01\n  project: {use: industrial}\n"
        "  layers: {heritage_protection: [-50, 0, 1.5, 100], others: none}\n"
    )
    margin, direction = margin_of(result, "K20")
    assert (margin, direction) == (at(1.5), "inward")
    for by, status in ((margin, "triggered"), (margin + 0.02, "clear")):
        shape = result.parcels.geometry.iloc[0].buffer(-by, join_style="mitre")
        parcels = result.parcels.set_geometry([shape], crs=result.parcels.crs)
        again = review(parcels.assign(area_m2=shape.area), result.blueprint, result.rulebook)
        assert again.findings.set_index("rule_id").at["K20", "status"] == status


def test_unknown_land_nearby_is_a_margin_too(look):
    result = look(
        "  as_of: 2024-03-01\n  project: {use: industrial}\n"
        "  layers: {heritage_protection: {quarantined: [[102, 0, 150, 100]]}, others: none}\n"
    )
    assert margin_of(result, "K20") == (at(2.0), "outward")


def test_margin_of_a_route(look):
    # approved land reaches 6 m beyond the site on every side: 1 m2 beyond its corner changes the route
    result = look(
        "  as_of: 2020-02-01\n  project: {use: industrial}\n"
        f"  layers: {{conversion_approvals: {{box: [-6, -6, 106, 106], {APPROVED}}}, others: none}}\n"
    )
    table = route_margins(result).set_index("what")
    assert table.at["route", "answer"] == "not_required"
    assert (table.at["route", "margin_m"], table.at["route", "direction"]) == (at(6.0), "outward")
    assert table.at["verdict", "direction"] == "beyond"


def test_cutting_off_what_is_prohibited(look):
    result = look(
        "  as_of: 2024-03-01\n  project: {use: industrial}\n"
        "  layers: {heritage_protection: [-50, 0, 20, 100], dikes: [90, 0, 150, 100], others: none}\n"
    )
    table = counterfactuals(result, PROJECT).set_index("rule_id")
    assert set(table["kind"]) == {"cut"}
    assert table.at["K20", "area_m2"] == pytest.approx(2000, rel=1e-6)
    assert table.at["K18", "area_m2"] == pytest.approx(1000, rel=1e-6)
    assert table.at["K18|K20", "area_m2"] == pytest.approx(3000, rel=1e-6)
    assert table["verified"].all()
    assert (table.at["K20", "verdict"], table.at["K18|K20", "verdict"]) == ("prohibited", "clear")


def test_cutting_off_the_strip_by_a_road(look):
    result = look(
        "  as_of: 2024-03-01\n  project: {use: industrial}\n"
        "  layers: {highway_land: {box: [-60, -500, -4, 500], class_code: S}, others: none}\n"
    )
    row = counterfactuals(result, PROJECT).set_index("rule_id").loc["K32"]
    # 15 m from the road land: 11 m of the site, and the centimetre that the margin is precise to
    assert row["verified"] and row["verdict"] == "clear"
    assert 1100 < row["area_m2"] < 1104
    assert shapely.within(row["geometry"], result.parcels.geometry.iloc[0].buffer(1e-6))


def test_a_site_wholly_inside_has_nothing_left(look):
    result = look(
        "  as_of: 2024-03-01\n  project: {use: industrial}\n"
        "  layers: {ecological_redline: [-50, -50, 150, 150], others: none}\n"
    )
    row = counterfactuals(result, PROJECT).set_index("rule_id").loc["K02"]
    assert not row["verified"]
    assert row["area_m2"] == pytest.approx(10000, rel=1e-6)


def test_cutting_off_what_is_outside_the_approved_land(look):
    result = look(
        "  as_of: 2020-02-01\n  project: {use: industrial}\n"
        f"  layers: {{conversion_approvals: {{box: [-6, -6, 70, 106], {APPROVED}}}, others: none}}\n"
    )
    assert result.decisions["route"].item() == "required"
    row = counterfactuals(result, PROJECT).set_index("rule_id").loc["PX-2019-2"]
    assert (row["kind"], row["route"], row["verified"]) == ("cut", "not_required", True)
    assert row["area_m2"] == pytest.approx(3000, rel=1e-6)


def test_the_missing_document_number(look):
    result = look(
        "  as_of: 2020-02-01\n  project: {use: industrial}\n"
        "  layers:\n    conversion_approvals: {box: [-6, -6, 106, 106], valid_from: 2018-05-10, authority: 省政府}\n"
        "    others: none\n"
    )
    assert result.decisions["route"].item() == "needs_review"
    (row,) = counterfactuals(result, PROJECT).to_dict("records")
    assert (row["kind"], row["fields"], row["route"]) == ("document", "document_no", "not_required")
    assert row["verified"]


def test_the_layer_to_supply(look):
    result = look(
        "  as_of: 2020-02-01\n  project: {use: industrial}\n"
        "  layers: {heritage_protection: unknown, dikes: unknown, others: none}\n"
    )
    table = counterfactuals(result, PROJECT).set_index("what")
    assert set(table.index) == {"heritage_protection", "dikes", "dikes|heritage_protection"}
    assert table.at["heritage_protection", "rule_id"] == "K20"
    assert table["verified"].all()
    assert table.at["dikes", "verdict"] == "incomplete"
    assert table.at["dikes|heritage_protection", "verdict"] == "clear"


def test_nothing_to_change_where_nothing_is_refused(look):
    result = look("  as_of: 2020-02-01\n  project: {use: industrial}\n  layers: {others: none}\n")
    assert counterfactuals(result, PROJECT).empty
    with pytest.raises(InputError, match="no project"):
        counterfactuals(result, "P9")


def test_every_assessed_finding_has_a_margin(look):
    result = look("  as_of: 2024-03-01\n  layers: {others: none}\n")
    table = margins(result)
    asked = result.findings[result.findings["status"] != "not_applicable"]
    assert table["rule_id"].tolist() == asked["rule_id"].tolist()
    assert np.isfinite(table["margin_m"]).all()
