"""A workspace is its layers, read one by one and joined."""

import numpy as np
import pandas as pd
import pyogrio
import pytest

from onemap.land.layer import _told_apart, read_layer, with_town
from onemap.land.read import join, known_of, layers_of, read_features
from onemap.land.workspace import load_workspace

TWO = """\
- {layer: land_use_zones, path: z.gpkg, extent: town}
- {layer: forest_land, path: f.gpkg}
- {layer: land_use_zones, path: z2.gpkg}
"""
FRAMES = ("features", "extents", "quarantine", "passports", "issues", "sources")


def put(town, name, *at, **columns):
    frame = town.frame([town.square(x, y) for x, y in at], **{k: v[: len(at)] for k, v in columns.items()})
    pyogrio.write_dataframe(frame, town.path / name)


@pytest.fixture
def space(town):
    put(town, "z.gpkg", (0, 0), (300, 0), (350, 0), TDYTQLXDM=["010", "020", "??"])
    put(town, "z2.gpkg", (0, 600), TDYTQLXDM=["010"])
    put(town, "f.gpkg", (0, 0), (50, 0), YXQ=["2024-01-01", "??"])
    return load_workspace(town.write(TWO))


def same(one, two):
    for name in FRAMES:
        pd.testing.assert_frame_equal(pd.DataFrame(getattr(one, name)), pd.DataFrame(getattr(two, name)))


def test_one_changed_layer_is_read_again_without_the_others(space, town, catalogue):
    known = known_of(space, catalogue)
    read = {}
    for layer in layers_of(space):
        read[layer] = read_layer(space, layer, known)
        known = with_town(known, read[layer]) if layer == space.town else known
    assert list(read) == ["admin_district", "land_use_zones", "forest_land"]
    same(join(space, read, known), read_features(space, catalogue))

    put(town, "f2.gpkg", (700, 0), YXQ=["2024-01-01"])
    (town.path / "f.gpkg").unlink()
    (town.path / "f2.gpkg").rename(town.path / "f.gpkg")
    for other in ("z.gpkg", "z2.gpkg", "xzq.gpkg"):
        (town.path / other).rename(town.path / f"{other}.away")
    again = read | {"forest_land": read_layer(space, "forest_land", known)}
    for other in ("z.gpkg", "z2.gpkg", "xzq.gpkg"):
        (town.path / f"{other}.away").rename(town.path / other)
    same(join(space, again, known), read_features(space, catalogue))


def test_ids_of_equal_rows_stay_apart(town, catalogue):
    (town.path / "a").mkdir()
    (town.path / "b").mkdir()
    put(town, "a/z.gpkg", (0, 0), TDYTQLXDM=["010"])
    put(town, "b/z.gpkg", (300, 0), TDYTQLXDM=["010"])
    source = "- {layer: land_use_zones, path: a}\n- {layer: land_use_zones, path: b}\n"
    layers = read_features(town.write(source), catalogue)
    ids = layers.features.loc[layers.features["layer"] == "land_use_zones", "feature_id"]
    assert ids.is_unique and ids.tolist() == ["land_use_zones:z:1:010", "land_use_zones:z:1:010#2"]


def test_an_id_made_longer_is_not_one_that_is_there():
    assert _told_apart(np.array(["a", "a", "a#2"], dtype=object)).tolist() == ["a", "a#3", "a#2"]
