"""What is on the map: chosen by the rule book, limited only with a note, unknown land shown."""

from dataclasses import replace

import pytest

from onemap.blueprint.status import feature_ranks
from onemap.errors import InputError
from onemap.present.around import land_around
from onemap.present.map import draw_map
from onemap.present.scene import compose
from onemap.review.review import subjects_of


def overlays(scene):
    return {overlay.id: overlay for overlay in scene.overlays}


def test_range_is_what_the_rule_book_says(review):
    pieces = overlays(compose(review))["range"].pieces
    assert [shape.area for shape in pieces.geometry] == [pytest.approx(2 * 3 * 600**2)]


def test_overlays_are_ordered_from_bottom_to_top(review):
    scene = compose(review)
    orders = [overlay.order for overlay in scene.overlays]
    assert orders == sorted(orders)
    assert [one.id for one in scene.overlays][-1] == "sites"


def test_controls_are_told_apart_by_effect(review):
    found = overlays(compose(review))
    assert set(found["control.prohibit"].pieces["name"]) == {"永久基本农田"}
    assert set(found["control.consent"].pieces["name"]) == {"文物建设控制地带"}


def test_a_blueprint_alone_claims_no_effect(review, monkeypatch):
    monkeypatch.setattr("onemap.book.words.load_catalogue", lambda: review.rulebook.catalogue)
    found = overlays(compose(review.blueprint))
    assert "control" in found and not any(name.startswith("control.") for name in found)
    assert "sites" not in found and found["governing"].shown


def test_unknown_faces_are_drawn(review):
    assert overlays(compose(review))["unknown"].pieces.geometry.area.sum() == pytest.approx(6 * 300**2)


def test_missing_layers_are_said(review):
    assert any("生态保护红线" in note for note in compose(review).notes)


def test_one_project_shows_one_project(review):
    scene = compose(review, "P1")
    assert len(overlays(scene)["sites"].pieces) == 1


def test_unknown_project_is_refused(review):
    with pytest.raises(InputError, match="P1, P2, P3"):
        compose(review, "P9")


def test_a_limit_is_never_silent(review):
    scene = compose(review, most=5)
    assert len(overlays(scene)["faces"].pieces) == 5
    assert any("5" in note and "36" in note for note in scene.notes)


def test_the_faces_kept_are_the_nearest(review):
    scene = compose(review, "P1", most=1)
    (kept,) = overlays(scene)["faces"].pieces.geometry
    site = review.parcels.geometry[review.parcels.project_id == "P1"].iloc[0]
    assert kept.distance(site) == 0


def test_a_face_tells_every_plan_that_covers_it(review):
    scene = compose(review)
    card = next(c for c in scene.cards if c["heading"].endswith("F00"))
    layers = {scene.plans[number][0] for number in card["plans"]}
    assert layers == {"土地用途区", "控制性详细规划", "国土调查地类图斑", "农用地转用范围", "区域评估范围"}


def test_revoked_and_expired_features_are_not_drawn_as_in_force(fresh_review):
    features = fresh_review.blueprint.features
    features.loc[features.layer == "conversion_approvals", "law_status"] = "revoked"
    assert "approved" not in overlays(compose(fresh_review))


def test_a_map_of_all_sites_opens_on_the_town_and_never_loses_a_site(reviewed, town):
    left, bottom, right, top = compose(reviewed).window
    west, south, east, north = town.faces[town.faces["governing_layer"].fillna("") != ""].total_bounds
    assert left <= west and bottom <= south and right >= east and top >= north
    box = reviewed.parcels.geometry.dropna().total_bounds
    assert left <= box[0] and bottom <= box[1] and right >= box[2] and top >= box[3]


def test_a_map_of_one_small_site_does_not_open_on_a_whole_town(reviewed):
    one = replace(reviewed, parcels=reviewed.parcels[reviewed.parcels["project_id"] == "P06"])
    left, _, right, _ = compose(one).window
    assert right - left < 2000


def test_a_part_of_a_town_takes_over_what_is_known_of_its_features(reviewed, town, book):
    left, bottom, right, top = reviewed.parcels.total_bounds
    part = land_around(town, (left, bottom, (left + right) / 2, (bottom + top) / 2))
    assert 0 < len(part.features) < len(town.features)
    edited = replace(part, features=part.features.assign(law_status="revoked"))
    changed = 0
    for subject in subjects_of(book):
        whole = feature_ranks(town, book, subject)
        kept = whole[town.features["feature_id"].isin(part.features["feature_id"])]
        assert (feature_ranks(part, book, subject) == kept).all()
        assert (feature_ranks(replace(part), book, subject) == kept).all()
        changed += (feature_ranks(edited, book, subject) != kept).any()
    assert changed


def test_a_review_without_shapes_says_so(reviewed):
    bare = replace(reviewed, parcels=reviewed.parcels.drop(columns="geometry"))
    with pytest.raises(InputError, match="holds no shapes"):
        compose(bare)


def test_a_map_of_a_town_is_of_the_day_its_conflicts_are_of(town, book):
    features = town.features.copy()
    ends = features.index[features.layer == "permanent_basic_farmland"]
    features.loc[ends, "valid_to"] = "2025-01-01"
    asked = {"as_of": "2026-06-01", "rulebook_version": book.version}
    later = replace(town, features=features, manifest=town.manifest | {"conflicts": asked})
    overlays = [one for one in compose(later).overlays if one.id.startswith("control")]
    drawn = {name for overlay in overlays for name in overlay.pieces["name"]}
    assert "永久基本农田" not in drawn and "林地" in drawn
    assert "2026-06-01" in draw_map(later).html()
