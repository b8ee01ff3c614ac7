"""A blueprint brought up to date is the same, byte for byte, as one raised from nothing, and costs what the change costs."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from shapely.affinity import translate

import onemap as om
from onemap.blueprint import city, jobs, store
from onemap.land.area import ellipsoidal_area

TILE = 900


@pytest.fixture
def worked(monkeypatch):
    """The tiles that are worked out, as a growing list; ``whole`` is in it for a build from nothing."""
    done = []
    tile, whole = jobs.arrange_tile, city.work_out_whole
    monkeypatch.setattr(jobs, "arrange_tile", lambda given, one: done.append(one) or tile(given, one))
    monkeypatch.setattr(city, "work_out_whole", lambda *a: done.append("whole") or whole(*a))
    return done


def version_of(folder) -> str:
    """The list of the current version, whose names are hashes of all that it holds."""
    return (folder / "versions" / f"{store.current(folder)['manifest']['version']}.json").read_text("utf-8")


def with_features(layers, features, mark: str):
    """The same reading with other features; its sources say so."""
    crs = layers.features.crs
    own = gpd.GeoDataFrame(features, geometry="geometry", crs=crs).reset_index(drop=True)
    own["area_m2"] = ellipsoidal_area(own.geometry.to_numpy(), crs)
    return layers._replace(features=own, sources=layers.sources.assign(sha256=mark))


def nudged(rng, layers):
    """One corner of some feature moved."""
    f = layers.features.copy()
    k = int(rng.integers(len(f)))
    shape = f.geometry.iloc[k]
    xy = shapely.get_coordinates(shape)
    at = int(rng.integers(1, len(xy) - 1))
    xy[at] += rng.normal(0, 3.0, 2)
    xy[np.all(shapely.get_coordinates(shape) == shapely.get_coordinates(shape)[at], axis=1)] = xy[at]
    new = shapely.set_coordinates(shapely.from_wkb(shapely.to_wkb(shape)), xy)
    f.loc[f.index[k], "geometry"] = new if new.is_valid and new.area > 0 else shape.buffer(-0.01)
    return f[~f.geometry.is_empty]


def without(rng, layers):
    """Some feature gone."""
    return layers.features.drop(layers.features.index[int(rng.integers(len(layers.features)))])


def another(rng, layers):
    """A feature more: a copy of one, moved."""
    f = layers.features
    new = f.iloc[[int(rng.integers(len(f)))]].copy()
    new["feature_id"] = [f"{new['layer'].iloc[0]}:new{rng.integers(1e9)}"]
    new["geometry"] = [translate(new.geometry.iloc[0], *rng.normal(0, 40.0, 2))]
    return pd.concat([f, new], ignore_index=True)


def reworded(rng, layers):
    """A feature of another class."""
    f = layers.features.copy()
    k = f.index[int(rng.integers(len(f)))]
    others = f.loc[f["layer"] == f.at[k, "layer"], "class_code"].dropna().unique()
    f.loc[k, "class_code"] = rng.choice(others) if len(others) else None
    return f


def dissolved(rng, layers):
    """Two neighbours of a layer made one."""
    f = layers.features.copy()
    k = int(rng.integers(len(f)))
    own = f[(f["layer"] == f["layer"].iloc[k]) & f.touches(f.geometry.iloc[k])]
    if own.empty:
        return nudged(rng, layers)
    f.loc[f.index[k], "geometry"] = shapely.union(f.geometry.iloc[k], own.geometry.iloc[0])
    return f.drop(own.index[0])


CHANGES = (nudged, without, another, reworded, dissolved)


@pytest.mark.parametrize("seed", range(4))
def test_a_chain_of_changes_leaves_no_trace(layers, book, tmp_path, worked, seed):
    """Changes one after the other, each built over the one before: the same version as from nothing."""
    rng, now = np.random.default_rng(seed), layers
    om.build_city(now, book, tmp_path / "chain", tile=TILE)
    for turn, change in enumerate(rng.permutation(np.array(CHANGES, dtype=object))):
        now = with_features(now, change(rng, now), f"{seed}-{turn}")
        worked.clear()
        om.build_city(now, book, tmp_path / "chain", tile=TILE)
        assert "whole" not in worked, change.__name__
        om.build_city(now, book, tmp_path / f"once-{turn}", tile=TILE)
        assert version_of(tmp_path / "chain") == version_of(tmp_path / f"once-{turn}"), change.__name__
