"""The blueprint: a partition that adds up, knows every feature, and says what it does not know."""

import numpy as np
import pandas as pd
import pytest
import shapely

import onemap as om
from onemap.blueprint.balance import BalanceError, balance_sheet
from onemap.blueprint.conflicts import conflict_summary, split_four_ways
from onemap.blueprint.status import face_status

TEN = (0, 0, 10, 10)


def test_the_town_is_a_partition_that_adds_up(town, layers):
    faces = town.faces.geometry.to_numpy()
    assert shapely.coverage_is_valid(faces)
    assert shapely.is_valid(faces).all() and (town.faces["area_m2"] > 0).all()
    assert town.faces["face_id"].is_unique
    assert town.balance["relative"].abs().max() < 1e-9
    assert set(town.balance["layer"]) == set(layers.features["layer"])
    quarantined = town.balance.set_index("layer")["quarantined_m2"]
    assert quarantined["permanent_basic_farmland"] > 0 and (quarantined > 0).sum() == 1


def test_a_lost_face_is_noticed(town):
    area = town.faces.set_index("face_id")["area_m2"]
    largest = area[town.covers["face_id"].unique()].idxmax()
    crippled = town.covers[town.covers["face_id"] != largest]
    placed = town.quarantine
    with pytest.raises(BalanceError, match="does not add up"):
        balance_sheet(town.features, placed, town.faces, crippled)


def test_a_face_knows_every_feature_also_where_a_layer_overlaps_itself(boxed, book):
    blueprint = om.build_blueprint(boxed({"mining_rights": [TEN, (5, 0, 15, 10), (5, 0, 10, 10)]}), book)
    covers = blueprint.covers.groupby("face_id")["feature_id"].agg(set)
    area = blueprint.faces.set_index("face_id")["area_m2"]
    triple = covers[covers.map(len) == 3].index
    assert len(triple) == 1 and area[triple[0]] == pytest.approx(50, abs=1e-4)
    assert blueprint.balance["input_m2"].item() == pytest.approx(250, abs=1e-3)


def test_touching_boxes_share_a_face_edge_and_nothing_else(boxed, book):
    blueprint = om.build_blueprint(boxed({"forest_land": [TEN, (10, 0, 20, 10)]}), book)
    assert (blueprint.covers.groupby("face_id").size() == 1).all()


def test_polygon_in_polygon_is_found(boxed, book):
    blueprint = om.build_blueprint(
        boxed({"forest_land": [(0, 0, 100, 100)], "black_soil": [(40, 40, 50, 50)]}), book
    )
    both = blueprint.covers.groupby("face_id")["layer"].agg(set).map(len) == 2
    area = blueprint.faces.set_index("face_id")["area_m2"]
    assert area[both.index[both]].sum() == pytest.approx(100, abs=1e-3)


def test_a_void_between_features_is_known_to_hold_nothing(boxed, book):
    ring = shapely.box(0, 0, 30, 30).difference(shapely.box(10, 10, 20, 20))
    layers = boxed({"forest_land": [((0, 0, 1, 1), {})]})
    features = layers.features.assign(
        geometry=shapely.transform(np.array([ring]), lambda xy: xy + [41_500_000, 4_552_000])
    )
    features["area_m2"] = features.geometry.area
    layers = layers._replace(features=features, extents=layers.extents.iloc[:0])
    blueprint = om.build_blueprint(layers, book)
    assert len(blueprint.faces) == 1 and len(blueprint.faces.geometry.iloc[0].interiors) == 1


def test_quarantine_and_holes_and_unmapped_land_are_unknown(boxed, book):
    layers = boxed(
        {"land_use_zones": [((0, 0, 10, 10), {"class_code": "030"})], "forest_land": [(0, 0, 10, 10)]},
        quarantined={"forest_land": (20, 0, 30, 10)},
        extents={"land_use_zones": (0, 0, 50, 10), "forest_land": (0, 0, 40, 10)},
    )
    blueprint = om.build_blueprint(layers, book)
    status = face_status(blueprint, book, ["forest_land", "land_use_zones"])
    x = blueprint.faces.geometry.representative_point().x - 41_500_000

    def at(layer, east):
        face = blueprint.faces["face_id"][(x > east - 10) & (x < east)].tolist()
        return set(status.loc[face, layer])

    assert at("forest_land", 10) == {1} and at("forest_land", 20) == {0}
    assert at("forest_land", 30) == {-1} and at("forest_land", 50) == {-1}
    assert at("land_use_zones", 10) == {1} and at("land_use_zones", 20) == {-1}
    reasons = set(zip(blueprint.unknowns["layer"], blueprint.unknowns["reason"], strict=True))
    assert reasons == {
        ("forest_land", "quarantined"),
        ("forest_land", "not_mapped"),
        ("land_use_zones", "hole"),
    }


def test_a_row_without_place_makes_its_layer_unknown_everywhere(boxed, book):
    layers = boxed({"forest_land": [TEN]})
    lost = layers.extents.iloc[:1].assign(source="boxes", source_fid="7", reason="no_geometry", geometry=None)
    blueprint = om.build_blueprint(layers._replace(quarantine=lost), book)
    status = face_status(blueprint, book, ["forest_land"])["forest_land"]
    assert set(status) == {1, -1}


def test_the_governing_layer_follows_precedence_and_names_the_losers(boxed, book):
    layers = boxed(
        {
            "city_master_plan": [(TEN, {"class_code": "R2"})],
            "permanent_basic_farmland": [(0, 0, 5, 10)],
            "land_survey": [(TEN, {"class_code": "0101"})],
        }
    )
    faces = om.build_blueprint(layers, book).faces
    farmland = faces[faces["governing_layer"] == "permanent_basic_farmland"]
    assert farmland["area_m2"].sum() == pytest.approx(50, abs=1e-3)
    assert "city_master_plan" in farmland["reason"].item() and "land_survey" in farmland["reason"].item()
    assert set(faces["governing_layer"].dropna()) == {"permanent_basic_farmland", "city_master_plan"}


def test_conflicts_of_two_plans_and_the_four_way_split(boxed, book):
    layers = boxed(
        {
            "land_use_zones": [
                ((0, 0, 300, 300), {"class_code": "030"}),
                ((300, 0, 900, 300), {"class_code": "020"}),
            ],
            "city_master_plan": [
                ((0, 0, 600, 300), {"class_code": "R2", "major_class": "construction"}),
                ((600, 0, 900, 300), {"class_code": "E2", "major_class": "non_construction"}),
            ],
        }
    )
    blueprint = om.build_blueprint(layers, book)
    conflicts = om.find_conflicts(blueprint, book)
    only_city = conflicts[conflicts["kind"] == "X04"]
    assert only_city["area_m2"].sum() == pytest.approx(300 * 300, rel=1e-6)
    assert not only_city["sliver"].any() and (only_city["class_b"] == "020").all()
    assert "X05" not in set(conflicts["kind"])
    split = split_four_ways(blueprint, book, "land_plan_construction", "master_plan_construction").set_index(
        "case"
    )
    hectares = (split["area_m2"] / 1e4).round(3).to_dict()
    assert hectares == {"both": 9.0, "only_a": 0.0, "only_b": 9.0, "neither": 9.0, "unknown": 0.0}


def test_unknown_is_no_conflict(boxed, book):
    layers = boxed(
        {"city_master_plan": [((0, 0, 100, 100), {"class_code": "R2", "major_class": "construction"})]}
    )
    kinds = set(om.find_conflicts(om.build_blueprint(layers, book), book)["kind"])
    assert "X04" not in kinds and "X03" not in kinds


def test_a_row_that_could_lie_anywhere_is_no_conflict(boxed, book):
    """A quarantined row without a place makes its whole layer unknown, so nothing is certainly outside it."""
    layers = boxed(
        {
            "city_master_plan": [(TEN, {"class_code": "R2", "major_class": "construction"})],
            "land_use_zones": [(TEN, {"class_code": "010"})],
        },
        quarantined={"land_use_zones": (0, 0, 1, 1)},
    )
    assert "X04" in set(om.build_blueprint(layers, book).conflicts["kind"])
    lost = layers.quarantine.assign(geometry=[None])
    blueprint = om.build_blueprint(layers._replace(quarantine=lost), book)
    assert "X04" not in set(blueprint.conflicts["kind"])
    assert "X04" not in set(om.find_conflicts(blueprint, book)["kind"])


def test_the_same_plan_five_centimetres_apart_gives_slivers_not_differences(boxed, book):
    def plan(shift, code, **more):
        return [
            (
                (x * 100 + shift, y * 100 + shift, x * 100 + 100 + shift, y * 100 + 100 + shift),
                {"class_code": code, **more},
            )
            for x in range(4)
            for y in range(4)
        ]

    layers = boxed(
        {"land_use_zones": plan(0, "030"), "city_master_plan": plan(0.05, "R2", major_class="construction")}
    )
    blueprint = om.build_blueprint(layers, book)
    conflicts = om.find_conflicts(blueprint, book)
    assert conflicts["sliver"].all()
    assert (~blueprint.faces["sliver"] & blueprint.faces["governing_layer"].notna()).sum() == 16
    assert blueprint.balance["relative"].abs().max() < 1e-9


def test_a_sliver_in_a_prohibiting_layer_is_reported_whatever_its_size(boxed, book):
    layers = boxed(
        {
            "city_master_plan": [(TEN, {"class_code": "R2", "major_class": "construction"})],
            "permanent_basic_farmland": [(9.9, 0, 20, 10)],
        }
    )
    conflicts = om.find_conflicts(om.build_blueprint(layers, book), book)
    own = conflicts[conflicts["kind"] == "X01"]
    assert len(own) == 1 and own["sliver"].item() and own["area_m2"].item() == pytest.approx(1.0, abs=1e-3)


def test_order_of_the_input_does_not_matter(layers, book, town):
    shuffled = layers._replace(
        features=layers.features.sample(frac=1, random_state=1),
        extents=layers.extents.sample(frac=1, random_state=2),
    )
    again = om.build_blueprint(shuffled, book)
    assert set(again.faces["face_id"]) == set(town.faces["face_id"])
    covers = [set(map(tuple, b.covers.to_numpy())) for b in (again, town)]
    assert covers[0] == covers[1]
    pairs = ["conflict_id", "area_m2"]
    ours, theirs = (
        b.conflicts[pairs].sort_values("conflict_id").reset_index(drop=True) for b in (again, town)
    )
    pd.testing.assert_frame_equal(ours, theirs, rtol=1e-12)


def test_summary_counts_slivers_apart(town):
    summary = conflict_summary(town.conflicts)
    assert summary["conflicts"].sum() + summary["slivers"].sum() == len(town.conflicts)
    assert summary["area_m2"].sum() + summary["sliver_area_m2"].sum() == pytest.approx(
        town.conflicts["area_m2"].sum()
    )
    known = {"X04": 4, "X05": 3}
    real = summary.groupby("kind")["conflicts"].sum()
    assert all(real[kind] >= count for kind, count in known.items())


@pytest.mark.parametrize(("day", "citation"), [("2019-12-31", "BFR/15"), ("2020-01-01", "LML-2019/35")])
def test_conflicts_cite_the_law_of_the_day(town, day, citation):
    then = om.load_rulebook(day, dates=town.manifest["dates"])
    conflicts = om.find_conflicts(town, then)
    assert set(conflicts.loc[conflicts["kind"] == "X01", "citations"]) == {citation}
