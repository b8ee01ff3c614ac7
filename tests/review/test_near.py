"""A review straight from a store: the same answer, byte for byte, as from the whole blueprint, and the city stays unread."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import onemap as om
from onemap.blueprint import near
from onemap.blueprint.store import open_store
from onemap.land.area import ellipsoidal_area

FRAMES = ("facts", "findings", "preconditions", "decisions", "conflicts", "issues", "features", "sources")
OF_THE_CITY = {"faces", "covers", "unknowns", "conflict_faces", "features", "conflicts"}


@pytest.fixture(scope="module")
def folder(layers, book, tmp_path_factory):
    """The sample town in a store of many small tiles."""
    place = tmp_path_factory.mktemp("store")
    om.build_city(layers, book, place, tile=900)
    assert len(open_store(place).stored.rows) > 30
    return place


def told(review) -> dict[str, str]:
    """All that a review says, to the last bit."""
    said = {name: getattr(review, name).to_json(orient="split", double_precision=15) for name in FRAMES}
    for name in ("facts", "findings", "decisions"):
        numbers = getattr(review, name).select_dtypes("number").to_numpy(dtype=float)
        said[f"{name} in bits"] = numbers.tobytes().hex()
    said["overlaps"] = review.overlaps.to_wkb(hex=True).to_json(double_precision=15)
    return said


def same(parcels, town, folder, book):
    opened = open_store(folder)
    part, whole = om.review(parcels, opened, book), om.review(parcels, town, book)
    assert told(part) == told(whole)
    return OF_THE_CITY & set(vars(opened))


def test_each_sample_site(sites, town, folder, book):
    unread = 0
    for project in sites.parcels["project_id"].unique():
        plots = sites.parcels[sites.parcels["project_id"] == project]
        unread += not same(plots, town, folder, book)
    assert unread > 5


def test_all_sites_at_once_read_the_whole(sites, town, folder, book):
    assert same(sites.parcels, town, folder, book) == OF_THE_CITY


def box_at(corner, size):
    return shapely.box(*np.sort([corner, corner + size], axis=0).ravel())


def touching(face, size, axis, side):
    """A box that a face's outermost place lies on, with nothing else in common."""
    xy = shapely.get_coordinates(face)
    place = xy[(xy[:, axis] if side else -xy[:, axis]).argmax()]
    low, high = place - size / 2, place + size / 2
    low[axis], high[axis] = (
        (place[axis], place[axis] + size[axis]) if side else (place[axis] - size[axis], place[axis])
    )
    return shapely.box(*low, *high)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1))
def test_sites_anywhere(sites, town, folder, book, seed):
    rng = np.random.default_rng(seed)
    west, south, east, north = town.faces.total_bounds
    face = town.faces.geometry.iloc[int(rng.integers(len(town.faces)))]
    size = 10 ** rng.uniform(-1, 2.8, 2)
    shape = [
        box_at(rng.uniform((west - 800, south - 800), (east, north)), size),
        box_at(rng.choice(shapely.get_coordinates(face)), size * rng.choice([-1, 1], 2)),
        touching(face, size, axis=int(rng.integers(2)), side=int(rng.integers(2))),
        face,
        face.buffer(3),
    ][int(rng.integers(5))]
    parcel = sites.parcels.iloc[[int(rng.integers(len(sites.parcels)))]].set_geometry([shape], crs=town.crs)
    parcel["area_m2"] = ellipsoidal_area(np.array([shape], dtype=object), town.crs)
    assert not same(parcel, town, folder, book)


@pytest.mark.parametrize("day", ["2019-06-01", "2024-03-02", "2026-06-01"])
def test_each_sample_site_on_another_day(sites, town, folder, book, day, monkeypatch):
    monkeypatch.setattr(near, "SHARE", 9.0)
    other, unread = om.load_rulebook(day, dates=book.dates), 0
    for project in sites.parcels["project_id"].unique():
        plots = sites.parcels[sites.parcels["project_id"] == project]
        unread += not same(plots, town, folder, other)
    assert unread > 20
