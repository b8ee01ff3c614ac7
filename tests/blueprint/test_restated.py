"""Conflicts of another day or book around a place: those of the whole, although only what lies there is read."""

import numpy as np
import pandas as pd
import pytest
import shapely

import onemap as om
from onemap.blueprint import near
from onemap.blueprint.near import part_near, reach_of
from onemap.blueprint.restated import with_conflicts
from onemap.blueprint.store import open_store

CITY = {"faces", "covers", "unknowns", "conflict_faces", "features", "conflicts"}


@pytest.fixture(scope="module")
def folder(layers, book, tmp_path_factory):
    """The sample town in a store of many small tiles."""
    place = tmp_path_factory.mktemp("store")
    om.build_city(layers, book, place, tile=900)
    return place


@pytest.fixture(scope="module", params=["2019-06-01", "2026-06-01"])
def other(request, book):
    """The rule book of a day on which its conflict matrix says something else."""
    return om.load_rulebook(request.param, dates=book.dates)


@pytest.fixture(scope="module")
def whole(layers, other):
    """The town built for that day, all in memory."""
    return om.build_blueprint(layers, other)


def exact(frame, rows):
    """Some rows of a frame, shapes to the last bit."""
    table = pd.DataFrame(frame)[np.asarray(rows)].reset_index(drop=True)
    if "geometry" in table:
        table["geometry"] = shapely.to_wkb(table["geometry"].to_numpy(dtype=object), hex=True)
    return table


def same(part, whole):
    """The faces of the part, and all that is known of conflicts there, as in the whole."""
    faces = whole.faces["face_id"].isin(part.faces["face_id"])
    pairs = whole.conflict_faces["face_id"].isin(part.faces["face_id"])
    conflicts = whole.conflicts["conflict_id"].isin(whole.conflict_faces["conflict_id"][pairs])
    for name, rows in (("faces", faces), ("conflict_faces", pairs), ("conflicts", conflicts)):
        one, other = getattr(part, name), getattr(whole, name)
        pd.testing.assert_frame_equal(
            exact(one, np.ones(len(one), dtype=bool)), exact(other, rows), check_exact=True, check_dtype=False
        )
    return int(conflicts.sum())


def test_around_any_place(folder, other, whole, monkeypatch):
    monkeypatch.setattr(near, "WHOLE", 0)
    monkeypatch.setattr(near, "SHARE", 9.0)
    west, south, east, north = whole.faces.total_bounds
    rng, met = np.random.default_rng(8), 0
    corners = [
        *rng.uniform((west - 300, south - 300), (east, north), (10, 2)),
        *whole.conflicts.bounds.sample(20, random_state=8)[["minx", "miny"]].to_numpy(),
    ]
    for corner in corners:
        town = with_conflicts(open_store(folder), other)
        places = np.array([[*corner, *(corner + rng.uniform(1, 300, 2))], [west, south, west + 9, south + 9]])
        part = part_near(town, places[: rng.integers(1, 3)])
        met += same(part, whole)
        assert part.manifest["conflicts"]["as_of"] == other.as_of.isoformat()
        assert not CITY & set(vars(town)) and not CITY & set(vars(town.stored.whole))
    assert met > 20


def test_conflicts_in_a_good_part_of_the_city_are_found_in_all_of_it_once(folder, other, whole, monkeypatch):
    monkeypatch.setattr(near, "WHOLE", 0)
    monkeypatch.setattr(near, "SHARE", 0.0)
    town = with_conflicts(open_store(folder), other)
    place = whole.conflicts.bounds.to_numpy()[:1]
    assert part_near(town, place) is town
    assert same(town, whole) == len(whole.conflicts)
    assert part_near(town, place) is town


def test_a_batch_of_another_day_is_told_where_its_sites_lie(folder, other, sites):
    bounds = shapely.bounds(sites.parcels.geometry.to_numpy())
    built, restated = open_store(folder), with_conflicts(open_store(folder), other)
    assert all(
        (a == b).all() for a, b in zip(reach_of(built, bounds), reach_of(restated, bounds), strict=True)
    )
    assert len(reach_of(restated, bounds).table)


def test_asked_again_for_the_day_it_was_built_for_it_is_as_it_was(folder, other, book):
    built = open_store(folder)
    again = with_conflicts(with_conflicts(built, other), book)
    assert again.manifest == built.manifest and again.stored is built.stored
