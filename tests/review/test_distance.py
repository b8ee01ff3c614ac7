"""Distances rest on features and extents; the decision is the one that all faces together would give."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import onemap as om
from onemap.blueprint.status import face_status, matching_features
from onemap.frames import UNKNOWN

SUBJECTS = {
    "highway_provincial": "highway_land",
    "railway_hsr_urban": "railway_land",
    "pipelines": "pipelines",
    "land_survey": "land_survey",
}
place = st.tuples(st.integers(-30, 28), st.integers(-30, 28), st.integers(1, 25), st.integers(1, 25)).map(
    lambda b: (10 * b[0], 10 * b[1], 10 * (b[0] + b[2]), 10 * (b[1] + b[3]))
)
codes = {
    "highway_land": ("S", "G1", None),
    "railway_land": ("11", "12", None),
    "pipelines": (None,),
    "land_survey": ("1001", None),
}


@st.composite
def worlds(draw):
    """Features that match, do not, or may; extents that end near the site; places quarantined; layers not given."""
    given, extents, quarantined, none = {}, {}, {}, []
    for layer, words in codes.items():
        kind = draw(st.sampled_from(["mapped", "mapped", "mapped", "none", "missing"]))
        if kind == "missing":
            continue
        extents[layer] = draw(st.one_of(st.just((-400, -400, 400, 400)), place))
        if kind == "none":
            none.append(layer)
            continue
        boxes = draw(st.lists(st.tuples(place, st.sampled_from(words)), max_size=4))
        given[layer] = [(box, {"class_code": code}) for box, code in boxes]
        if draw(st.booleans()):
            quarantined[layer] = draw(place)
    return given, extents, quarantined, none


def by_faces(site, blueprint, book, subject):
    """The definition: how near the nearest certain feature, or any place whose status is not known, can be."""
    status = face_status(blueprint, book, [subject])[subject].to_numpy()
    certain = matching_features(blueprint, book, subject).geometry.to_numpy()
    near = shapely.distance(site, certain).min() if len(certain) else np.inf
    known = blueprint.faces.geometry.to_numpy()[status != UNKNOWN]
    region = shapely.coverage_union_all(known) if len(known) else shapely.Polygon()
    inside = shapely.covers(region, site)
    return min(near, shapely.distance(site, shapely.boundary(region)) if inside else 0.0), near


@pytest.fixture(scope="module")
def asking(book):
    """The rule book with distance rules on layers of both kinds, those that fill the land too."""
    from dataclasses import replace

    row = book.predicates.loc["near_pipeline"]
    predicates = book.predicates.copy()
    for subject in SUBJECTS:
        predicates.loc[f"near_{subject}_here"] = row.to_dict() | {"subject": subject}
    return replace(book, predicates=predicates)


@settings(max_examples=120, deadline=None)
@given(world=worlds(), site=place)
def test_the_interval_of_a_distance_is_the_one_that_the_faces_give(boxed, plots, asking, world, site):
    given, extents, quarantined, none = world
    given = given | {"forest_land": [(-500, -500, 500, 500)]}
    extents = extents | {"forest_land": (-500, -500, 500, 500)}
    layers = boxed(given, none=none, quarantined=quarantined, extents=extents)
    blueprint, parcels = om.build_blueprint(layers, asking), plots(site)
    facts = om.measure(parcels, blueprint, asking).set_index("subject")
    for subject in SUBJECTS:
        low, near = by_faces(parcels.geometry.iloc[0], blueprint, asking, subject)
        row = facts.loc[subject]
        assert row["distance_m"] == pytest.approx(near, abs=1e-6)
        assert min(row["distance_m"], row["distance_unknown_m"]) == pytest.approx(low, abs=1e-6)


def test_a_distance_beside_the_end_of_the_map_is_unknown_beyond_it(boxed, plots, book):
    layers = boxed(
        {"highway_land": [((300, 0, 320, 100), {"class_code": "S"})]},
        extents={"highway_land": (-50, -50, 400, 400)},
    )
    facts = om.measure(plots((0, 0, 100, 100)), om.build_blueprint(layers, book), book).set_index("subject")
    assert facts.at["highway_provincial", "distance_m"] == pytest.approx(200, abs=1e-6)
    assert facts.at["highway_provincial", "distance_unknown_m"] == pytest.approx(50, abs=1e-6)


@pytest.mark.parametrize("status", ["missing", "unreadable", "out_of_date"])
def test_no_distance_is_known_to_what_nobody_could_read(boxed, plots, book, status):
    layers = boxed({"highway_land": []})
    if status == "out_of_date":
        layers.sources["valid_until"] = book.as_of
    else:
        layers.sources["status"] = status
    facts = om.measure(plots((0, 0, 100, 100)), om.build_blueprint(layers, book), book).set_index("subject")
    assert facts.at["highway_provincial", "distance_unknown_m"] == 0


def test_a_row_without_a_place_leaves_every_distance_unknown(boxed, plots, book):
    layers = boxed({"highway_land": []}, quarantined={"highway_land": (0, 0, 1, 1)})
    layers.quarantine.loc[:, "geometry"] = None
    facts = om.measure(plots((0, 0, 100, 100)), om.build_blueprint(layers, book), book).set_index("subject")
    assert facts.at["highway_provincial", "distance_unknown_m"] == 0
