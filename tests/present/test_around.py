"""What is shown of a site comes from what lies near it: the same as from the whole blueprint, and the city stays unread."""

from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
import shapely

import onemap as om
from onemap.blueprint import near
from onemap.blueprint.memory import bounds_of
from onemap.blueprint.store import open_store
from onemap.present.around import land_around
from onemap.present.outlook import outlooks
from onemap.present.record import write_geopackage
from onemap.present.report import report_bytes
from onemap.present.scene import compose

OF_THE_CITY = {"faces", "covers", "unknowns", "conflict_faces", "features", "conflicts"}


@pytest.fixture(autouse=True)
def no_town_is_small(monkeypatch):
    """A good part of a small town's tiles would be read as a whole, for the next place."""
    monkeypatch.setattr(near, "WHOLE", 0)


@pytest.fixture(scope="module")
def folder(layers, book, tmp_path_factory):
    """The sample town in a store of many small tiles."""
    place = tmp_path_factory.mktemp("store")
    om.build_city(layers, book, place, tile=900)
    return place


@pytest.fixture(scope="module")
def read(folder):
    """The same store, all of it read."""
    whole = open_store(folder)
    assert all(len(getattr(whole, name)) for name in OF_THE_CITY)
    return whole


@pytest.fixture(scope="module")
def asked(sites, read, folder, book):
    """A function from project id to its review over the store that is read, and over one of which nothing is."""

    def make(project):
        plots = sites.parcels[sites.parcels["project_id"] == project]
        return om.review(plots, read, book), om.review(plots, open_store(folder), book)

    return make


def unread(blueprint):
    return not OF_THE_CITY & set(vars(blueprint))


def exact(frame):
    """A frame with shapes to the last bit."""
    table = pd.DataFrame(frame).reset_index(drop=True)
    if "geometry" in table:
        table["geometry"] = shapely.to_wkb(table["geometry"].to_numpy(dtype=object), hex=True)
    return table


def test_the_land_around_a_place_is_that_of_the_whole(read, folder):
    west, south, east, north = read.faces.total_bounds
    rng = np.random.default_rng(5)
    stayed = met = 0
    corners = [
        *rng.uniform((west - 300, south - 300), (east, north), (15, 2)),
        *read.conflicts.bounds.sample(10, random_state=5)[["maxx", "maxy"]].to_numpy(),
    ]
    for corner in corners:
        window = (*corner, *(corner + rng.uniform(1, 700, 2)))
        opened = open_store(folder)
        part, whole = land_around(opened, window), land_around(read, window)
        for name in {field.name for field in fields(whole)} - {"crs", "manifest"}:
            one, other = exact(getattr(part, name)), exact(getattr(whole, name))
            pd.testing.assert_frame_equal(one, other, check_exact=True, check_dtype=False)
        met += len(whole.conflicts)
        stayed += unread(opened)
    assert stayed == len(corners) and met


def test_a_store_that_does_not_tell_where_its_features_lie(read, folder):
    old, window = open_store(folder), tuple(read.conflicts.total_bounds)
    del old.stored.listed["tables"]["slices"]
    one, other = (exact(land_around(side, window).features) for side in (old, read))
    pd.testing.assert_frame_equal(one, other, check_exact=True, check_dtype=False)
    assert len(one) and unread(old)


def test_maps_reports_and_outlooks_of_a_site_are_those_of_the_whole(asked, sites):
    stayed = 0
    for project in sites.parcels["project_id"].unique()[:8]:
        whole, part = asked(project)
        one, other = compose(part, project), compose(whole, project)
        assert one.window == other.window and one.notes == other.notes and one.cards == other.cards
        for a, b in zip(one.overlays, other.overlays, strict=True):
            pd.testing.assert_frame_equal(exact(a.pieces), exact(b.pieces), check_exact=True)
        one, other = outlooks(part, [project])[project], outlooks(whole, [project])[project]
        assert one.skipped == other.skipped
        for name in ("answers", "rules", "changes"):
            pd.testing.assert_frame_equal(
                exact(getattr(one, name)), exact(getattr(other, name)), check_exact=True, check_dtype=False
            )
        stayed += unread(part.blueprint)
    assert stayed == 8


def test_a_report_of_one_site_reads_what_lies_near_it(asked):
    whole, part = asked("P03")
    assert report_bytes(part, "P03") == report_bytes(whole, "P03")
    assert unread(part.blueprint)


def test_the_record_of_one_site_reads_what_lies_near_it(asked, tmp_path):
    whole, part = asked("P03")
    written = [write_geopackage(one, tmp_path / f"{name}.gpkg") for name, one in (("a", part), ("b", whole))]
    assert written[0].read_bytes() == written[1].read_bytes()
    assert unread(part.blueprint)


def test_a_map_of_all_sites_opens_without_the_town_where_that_is_far_larger(asked):
    whole, part = asked("P03")
    scene = compose(part)
    west, south, east, north = bounds_of(part.blueprint)
    left, bottom, right, top = scene.window
    assert east - west > 3 * (right - left) or north - south > 3 * (top - bottom)
    assert scene.window == compose(whole).window and unread(part.blueprint)
