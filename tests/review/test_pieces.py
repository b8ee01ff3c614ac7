"""Pieces with and without their shapes are the same pieces; contacts stay contacts, and parts sum to the parcel."""

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import onemap as om
from onemap.errors import InputError
from onemap.review import pieces as ways
from onemap.review.pieces import cut, way_for, weigh

place = st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(1, 12), st.integers(1, 12)).map(
    lambda b: (10 * b[0], 10 * b[1], 10 * (b[0] + b[2]), 10 * (b[1] + b[3]))
)


def same(parcels, blueprint):
    """Both ways, compared; returns the areas of the one without shapes."""
    shaped, bare = cut(parcels, blueprint), weigh(parcels, blueprint)
    assert bare.geometry is None
    assert not shapely.is_prepared(
        parcels.geometry.to_numpy()
    ).any()  # or a long list would grow with every chunk
    np.testing.assert_array_equal(shaped.parcel, bare.parcel)
    np.testing.assert_array_equal(shaped.face, bare.face)
    np.testing.assert_array_equal(shaped.area_m2 > 0, bare.area_m2 > 0)
    around = shapely.length(shaped.geometry)
    assert (np.abs(shaped.area_m2 - bare.area_m2) <= 1e-9 * shaped.area_m2 + 3e-8 * around).all()
    return bare


@pytest.mark.parametrize("seed", range(6))
def test_sites_strewn_over_the_town(town, sites, seed):
    rng = np.random.default_rng(seed)
    west, south, east, north = town.faces.total_bounds
    corner = rng.uniform((west - 50, south - 50), (east, north), (120, 2))
    size = 10 ** rng.uniform(-1, 2.7, (120, 2))
    shapes = shapely.box(*corner.T, *(corner + size).T)
    shapes[::3] = shapely.affinity.rotate(
        shapely.GeometryCollection(list(shapes[::3])), 17, origin=(west, south)
    ).geoms
    parcels = pd.concat([sites.parcels.iloc[[0]]] * 120, ignore_index=True).set_geometry(shapes, crs=town.crs)
    parcels["area_m2"] = om.land.area.ellipsoidal_area(shapes, town.crs)
    found = same(parcels, town)
    inside = np.bincount(found.parcel, found.area_m2, minlength=120)
    whole = shapely.covers(shapely.coverage_union_all(town.faces.geometry), shapes)
    assert whole.sum() > 20
    np.testing.assert_allclose(inside[whole], parcels["area_m2"][whole], rtol=1e-11, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(features=st.lists(place, min_size=1, max_size=5), site=place)
def test_boxes_that_share_edges_and_corners(boxed, plots, book, features, site):
    blueprint = om.build_blueprint(boxed({"forest_land": features}), book)
    parcels = plots(site)
    same(parcels, blueprint)
    shaped, bare = (om.measure(parcels, blueprint, book, way(parcels, blueprint)) for way in (cut, weigh))
    assert shaped["touches"].tolist() == bare["touches"].tolist()


def test_a_site_wider_than_the_sums_reach(town, sites):
    west, south, east, north = town.faces.total_bounds
    shape = shapely.box(west - 60_000, south - 60_000, east + 60_000, north + 60_000)
    parcels = sites.parcels.iloc[:1].set_geometry([shape], crs=town.crs)
    found = weigh(parcels, town)
    np.testing.assert_allclose(found.area_m2, town.faces["area_m2"].iloc[found.face], rtol=1e-9, atol=1e-9)
    assert len(found.face) == len(town.faces)


def test_a_site_that_is_no_valid_polygon_is_refused(town, sites):
    west, south, _, _ = town.faces.total_bounds
    bow = shapely.Polygon([(west, south), (west + 90, south + 90), (west + 90, south), (west, south + 90)])
    for shape in (bow, None):
        with pytest.raises(InputError, match="no valid polygon"):
            weigh(sites.parcels.iloc[:1].set_geometry([shape], crs=town.crs), town)


def test_a_review_says_the_same_either_way(town, sites, book, reviewed):
    bare = om.review(sites.parcels, town, book, sites.issues, among=ways.WEIGHED_FROM)
    for name in ("decisions", "findings", "preconditions", "conflicts", "overlaps"):
        a, b = (
            pd.DataFrame(getattr(r, name)).drop(columns="geometry", errors="ignore") for r in (reviewed, bare)
        )
        pd.testing.assert_frame_equal(
            a.drop(columns="reasons", errors="ignore"),
            b.drop(columns="reasons", errors="ignore"),
            rtol=1e-9,
            atol=1e-6,
        )


def test_few_sites_do_not_wait_for_a_compiler(monkeypatch):
    assert way_for(1) is cut and way_for(ways.WEIGHED_FROM) is weigh
    monkeypatch.setattr(ways, "_compiled", lambda: False)
    assert way_for(10**6) is cut
