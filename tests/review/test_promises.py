"""Unknown is never "no": taking data away never makes an answer milder, and order never matters."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import onemap as om
from onemap.blueprint.restated import with_conflicts
from onemap.frames import QUARANTINE, UNKNOWNS
from onemap.land.workspace import load_workspace

VERDICTS = ["clear", "conditional", "prohibited", "incomplete"]
DUTIES = ["replaced", "simplified", "by_commitment", "required", "unknown"]
DAYS = ("2019-06-01", "2024-03-01", "2026-06-01")
FEW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module", params=DAYS)
def day(request, sites, town):
    workspace = load_workspace(om.sample_path())
    book = om.load_rulebook(request.param, dates=workspace.dates)
    town = with_conflicts(town, book)
    return book, town, om.review(sites.parcels, town, book)


def assert_not_milder(before, after):
    """No verdict, no route and no duty of ``after`` is milder than in ``before``."""
    old, new = (r.decisions.set_index("project_id") for r in (before, after))
    new = new.loc[old.index]
    milder = old["verdict"].map(VERDICTS.index) > new["verdict"].map(VERDICTS.index)
    assert not milder.any(), new[milder]
    severity = before.rulebook.routes["severity"]
    milder = old["route"].map(severity) > new["route"].map(severity)
    assert not milder.any(), pd.concat([old[milder]["route"], new[milder]["route"]], axis=1)
    keys = ["project_id", "condition_id"]
    was, now = (r.preconditions.set_index(keys)["status"].map(DUTIES.index) for r in (before, after))
    assert was.index.isin(now.index).all()
    milder = was > now.reindex(was.index)
    assert not milder.any(), was[milder]


def without_layers(blueprint, layers, status="missing"):
    """The blueprint as if the files of these layers could not be used."""
    sources = blueprint.sources.copy()
    sources.loc[sources["layer"].isin(layers), "status"] = status
    covers = blueprint.covers[~blueprint.covers["layer"].isin(layers)]
    features = blueprint.features[~blueprint.features["layer"].isin(layers)]
    return replace(blueprint, sources=sources, covers=covers, features=features)


def quarantined(blueprint, feature_ids):
    """The blueprint as if these features had been unusable: their footprint is unknown in their layer."""
    gone = blueprint.covers["feature_id"].isin(feature_ids)
    unknown = blueprint.covers[gone][["face_id", "layer"]].assign(reason="quarantined")
    lost = blueprint.features["feature_id"].isin(feature_ids)
    aside = blueprint.features[lost].assign(reason="test").reindex(columns=QUARANTINE)
    return replace(
        blueprint,
        covers=blueprint.covers[~gone],
        features=blueprint.features[~lost],
        quarantine=pd.concat([blueprint.quarantine, aside], ignore_index=True),
        unknowns=pd.concat([blueprint.unknowns, unknown])[UNKNOWNS].drop_duplicates(["face_id", "layer"]),
    )


def unmapped(blueprint, layer, face_ids):
    """The blueprint as if the layer had never been mapped at these faces."""
    rows = pd.DataFrame({"face_id": face_ids, "layer": layer, "reason": "not_mapped"})
    gone = (blueprint.covers["layer"] == layer) & blueprint.covers["face_id"].isin(face_ids)
    dark = shapely.coverage_union_all(blueprint.faces.geometry[blueprint.faces["face_id"].isin(face_ids)])
    extents = blueprint.extents.copy()
    own = extents["layer"] == layer
    extents.loc[own, "geometry"] = extents.geometry[own].difference(dark)
    return replace(
        blueprint,
        covers=blueprint.covers[~gone],
        extents=extents,
        unknowns=pd.concat([blueprint.unknowns, rows])[UNKNOWNS].drop_duplicates(["face_id", "layer"]),
    )


@FEW
@given(data=st.data())
def test_missing_layers_never_help(data, day, sites):
    book, town, before = day
    layers = data.draw(
        st.sets(st.sampled_from(sorted(town.sources["layer"].unique())), min_size=1, max_size=12)
    )
    status = data.draw(st.sampled_from(["missing", "unreadable", "no_crs", "empty"]))
    assert_not_milder(before, om.review(sites.parcels, without_layers(town, layers, status), book))


@pytest.mark.parametrize("number", range(20))
def test_each_layer_alone_is_missed(number, reviewed, town, book, sites):
    """Kill every source in turn: no verdict moves towards pass, and what rests on it says so."""
    before = reviewed
    layer = town.sources.loc[town.sources["status"] == "found", "layer"].unique()[number]
    after = om.review(sites.parcels, without_layers(town, [layer]), book)
    assert_not_milder(before, after)
    own = after.facts[[layer in named.split("|") for named in after.facts["layer"]]]
    assert (own["known_share"][own["overlap_area_m2"] == 0] == 0).all()


@FEW
@given(data=st.data())
def test_quarantined_features_never_help(data, day, sites):
    book, town, before = day
    met = sorted(before.features["feature_id"])  # what the sites lie in, and what they come too near to
    ids = data.draw(st.sets(st.sampled_from(met), min_size=1, max_size=30))
    assert_not_milder(before, om.review(sites.parcels, quarantined(town, ids), book))


@FEW
@given(data=st.data())
def test_a_smaller_extent_never_helps(data, day, sites):
    book, town, before = day
    layer = data.draw(st.sampled_from(sorted(town.sources["layer"].unique())))
    seed = data.draw(st.integers(0, 2**32 - 1))
    faces = town.faces["face_id"].to_numpy()
    chosen = faces[np.random.default_rng(seed).random(len(faces)) < 0.3]
    assert_not_milder(before, om.review(sites.parcels, unmapped(town, layer, chosen), book))


@FEW
@given(data=st.data())
def test_lost_documents_never_help(data, day, sites):
    book, town, before = day
    papers = town.features.index[town.features["layer"].isin(("conversion_approvals", "evaluation_zones"))]
    rows = data.draw(st.sets(st.sampled_from(sorted(papers)), min_size=1))
    field = data.draw(st.sampled_from(["document_no", "valid_from", "authority"]))
    features = town.features.copy()
    features.loc[sorted(rows), field] = None
    assert_not_milder(before, om.review(sites.parcels, replace(town, features=features), book))


@FEW
@given(data=st.data())
def test_unknown_project_attributes_never_help_the_route(data, day, sites):
    book, town, before = day
    field = data.draw(st.sampled_from(["category", "use", "supply_mode", "project_level", "siting"]))
    after = om.review(sites.parcels.assign(**{field: None}), town, book)
    severity = book.routes["severity"]
    assert (after.decisions["route"].map(severity) >= before.decisions["route"].map(severity)).all()


@FEW
@given(seed=st.integers(0, 2**32 - 1))
def test_order_never_matters(seed, day, sites):
    book, town, before = day
    rng = np.random.default_rng(seed)
    shuffled = replace(
        town,
        features=town.features.sample(frac=1, random_state=rng),
        covers=town.covers.sample(frac=1, random_state=rng),
        unknowns=town.unknowns.sample(frac=1, random_state=rng),
        sources=town.sources.sample(frac=1, random_state=rng),
    )
    parcels = sites.parcels.sample(frac=1, random_state=rng)
    after = om.review(parcels, shuffled, book)
    key = "project_id"
    columns = ["verdict", "route", "rule_id", "prohibited", "consent", "unknown", "missing_layers"]
    old, new = (r.decisions.set_index(key).sort_index()[columns] for r in (before, after))
    pd.testing.assert_frame_equal(old, new)
    duties = ["project_id", "condition_id", "status"]
    old, new = (r.preconditions[duties].sort_values(duties).reset_index(drop=True) for r in (before, after))
    pd.testing.assert_frame_equal(old, new)


@FEW
@given(data=st.data())
def test_a_wider_prohibited_layer_never_helps(data, day, sites):
    book, town, before = day
    layer = data.draw(
        st.sampled_from(["permanent_basic_farmland", "ecological_redline", "heritage_protection"])
    )
    ids = town.features.loc[town.features["layer"] == layer, "feature_id"]
    seed = data.draw(st.integers(0, 2**32 - 1))
    faces = town.faces["face_id"].to_numpy()
    added = pd.DataFrame({"face_id": faces[np.random.default_rng(seed).random(len(faces)) < 0.3]})
    added = added.assign(layer=layer, feature_id=ids.iloc[0])[["face_id", "layer", "feature_id"]]
    wider = replace(town, covers=pd.concat([town.covers, added]).drop_duplicates())
    after = om.review(sites.parcels, wider, book)
    ranks = before.rulebook.routes["severity"]
    assert (after.decisions["route"].map(ranks) >= before.decisions["route"].map(ranks)).all()
    was, now = (
        set(r.decisions.loc[r.decisions["verdict"] == "prohibited", "project_id"]) for r in (before, after)
    )
    assert was <= now


def test_an_out_of_date_layer_is_unknown(town, sites, book, reviewed):
    sources = town.sources.copy()
    sources.loc[sources["layer"] == "permanent_basic_farmland", "valid_until"] = book.as_of
    after = om.review(sites.parcels, replace(town, sources=sources), book)
    assert_not_milder(reviewed, after)
    status = set(after.findings.loc[after.findings["rule_id"] == "K01", "status"])
    assert status == {"not_assessed", "triggered"}
