import numpy as np
import pyogrio
import pyproj
import pytest
import shapely

from onemap.land.parcels import read_parcels
from onemap.land.read import read_features
from onemap.land.webmap import bd09, gcj02, undo
from onemap.messages import unpacked

KML = """<?xml version="1.0" encoding="UTF-8"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>%s</Document></kml>"""
MARK = "<Placemark><name>%s</name><Polygon><outerBoundaryIs><LinearRing><coordinates>%s</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>"


def kml(path, geoms, forward):
    to = pyproj.Transformer.from_crs(4529, 4490, always_xy=True)
    marks = []
    for i, geom in enumerate(geoms):
        lon, lat = to.transform(*shapely.get_coordinates(geom).T)
        lon, lat = forward(lon, lat)
        marks.append(MARK % (i, " ".join(f"{x:.9f},{y:.9f}" for x, y in zip(lon, lat, strict=True))))
    path.write_text(KML % "".join(marks), encoding="utf-8")


def as_it_is(lon, lat):
    return lon, lat


def known(town, catalogue):
    geoms = [town.square(250 * i, 170 * j) for i in range(-4, 5) for j in range(-4, 5)]
    pyogrio.write_dataframe(town.frame(geoms, TDYTQLXDM=["030"] * len(geoms)), town.path / "z.gpkg")
    return geoms


@pytest.mark.parametrize(
    ("forward", "issue", "name"),
    [(gcj02, "web_map_offset", "GCJ-02"), (bd09, "web_map_offset", "BD-09"), (as_it_is, None, None)],
)
def test_offsets_are_suspected_against_a_trusted_layer(town, catalogue, forward, issue, name):
    geoms = known(town, catalogue)
    kml(town.path / "f.kml", geoms[::3], forward)
    text = "- {layer: land_use_zones, path: z.gpkg, extent: town}\n- {layer: forest_land, path: f.kml}\n"
    layers = read_features(town.write(text), catalogue)
    found = layers.issues[layers.issues["issue"].str.startswith("web_map")]
    assert found["issue"].tolist() == ([issue] if issue else [])
    if issue:
        assert found["value"].tolist() == [name] and found["severity"].tolist() == ["warning"]
        metres = unpacked(found["detail"].iloc[0]).values["metres"]
        assert metres == pytest.approx({"GCJ-02": 507, "BD-09": 1354}[name], abs=30)


def test_nothing_to_compare_with_is_said(town, catalogue):
    kml(town.path / "f.kml", [town.square(500, 700)], gcj02)
    layers = read_features(town.write("- {layer: forest_land, path: f.kml}\n"), catalogue)
    assert "web_map" in set(layers.issues["issue"])
    sites = read_parcels(town.path / "f.kml", "EPSG:4529", catalogue)
    assert "web_map" in set(sites.issues["issue"])


def test_offsets_are_undone_to_the_millimetre():
    lon, lat = np.array([122.99, 116.4, 103.8]), np.array([41.11, 39.9, 30.6])
    for forward in (gcj02, bd09):
        back = undo(forward, *forward(lon, lat))
        assert np.abs(back[0] - lon).max() < 1e-8 and np.abs(back[1] - lat).max() < 1e-8
