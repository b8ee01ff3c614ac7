"""The map of issues in a real browser without a network: everything listed, places found, hostile data stays text."""

from pathlib import Path

import geopandas as gpd
import pyogrio
import pytest
import shapely

from onemap.book.catalogue import load_catalogue
from onemap.land.places import issue_places
from onemap.land.read import read_features
from onemap.present.issue_map import draw_issues

X, Y = 41_500_000.0, 4_552_000.0
HOSTILE = '<img src=x onerror="window.hacked=1">'
YAML = """name: 试
crs: EPSG:4529
town: admin_district
sources:
  - {layer: admin_district, path: xzq.gpkg, extent: town}
  - {layer: land_use_zones, path: z.gpkg, extent: town}
  - {layer: forest_land, path: absent.shp}
"""


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("issues")
    town = shapely.box(X - 2000, Y - 2000, X + 2000, Y + 2000)
    pyogrio.write_dataframe(
        gpd.GeoDataFrame({"XZQDM": ["1"]}, geometry=[town], crs=4529), folder / "xzq.gpkg"
    )
    bow = shapely.Polygon([(X, Y), (X + 100, Y + 100), (X + 100, Y), (X, Y + 100)])
    twin = shapely.box(X + 300, Y, X + 400, Y + 100)
    frame = gpd.GeoDataFrame(
        {"TDYTQLXDM": ["030", "030", "030", HOSTILE], "TDYTQMJ": [1e4, 1e4, 2e4, 5e3]},
        geometry=[bow, twin, twin, shapely.box(X + 600, Y, X + 700, Y + 100)], crs=4529,
    )  # fmt: skip
    pyogrio.write_dataframe(frame, folder / "z.gpkg")
    (folder / "onemap.yaml").write_text(YAML, encoding="utf-8")
    return read_features(folder, load_catalogue())


@pytest.fixture(scope="module")
def page(layers, browser, tmp_path_factory):
    path = draw_issues(layers, load_catalogue()).save(tmp_path_factory.mktemp("map") / "issues.html")
    opened = browser.new_page(viewport={"width": 1300, "height": 850})
    opened.asked, opened.complaints = [], []
    opened.on("request", lambda r: opened.asked.append(r.url))
    opened.on("pageerror", lambda e: opened.complaints.append(str(e)))
    opened.on("console", lambda m: opened.complaints.append(m.text) if m.type == "error" else None)
    opened.goto(Path(path).as_uri())
    opened.wait_for_timeout(800)
    return opened


def test_every_issue_is_listed_by_layer_the_worst_first(layers, page):
    entries = page.locator("#issues li")
    assert entries.count() == len(layers.issues) > 5
    kinds = [entry.get_attribute("class") for entry in page.locator("#issues ul:first-of-type li").all()]
    assert kinds == sorted(kinds, key=["error", "warning", "info"].index) and kinds[0] == "error"
    assert "absent.shp" in page.locator("#issues").inner_text(), "what has no place is listed too"
    assert page.locator("#issues li[data-at]").count() == len(issue_places(layers))


def test_a_click_shows_the_place_and_all_that_is_wrong_there(layers, page):
    twins = layers.issues[layers.issues["issue"] == "duplicate_feature"]
    assert len(twins) == 1
    page.locator("#issues li[data-at]", has_text="完全相同").click()
    page.wait_for_timeout(700)
    told = page.locator(".leaflet-popup-content").inner_text()
    assert "完全相同" in told and "严重不符" in told, "the issues at one place share a mark"
    names = page.locator("#legend").inner_text()
    worst = layers.issues[layers.issues["issue"].isin(["ambiguous_polygon", "area_wrong"])]
    assert len(worst) == 3 and "错误 (3)" in names, "and the mark has the colour of the worst"


def test_nothing_is_asked_and_data_stay_text(page):
    assert [url for url in page.asked if not url.startswith(("file:", "data:"))] == []
    assert page.complaints == [] and page.evaluate("window.hacked") is None
    assert HOSTILE in page.locator("#issues").inner_text()
    assert page.locator("#issues img").count() == 0


def test_what_is_set_aside_is_drawn(layers, page):
    assert layers.quarantine.geometry.notna().sum() == 1
    assert page.locator("path[stroke-dasharray='4 3']").count() == 1


def test_layers_are_switched_in_the_legend_and_nothing_lies_on_the_land(page):
    assert page.locator(".leaflet-control-layers").count() == 0
    entries = page.locator("#legend [data-overlay]")
    assert entries.count() == page.locator("#legend input:checked").count() == 5
    marks = "path.leaflet-interactive"
    drawn = page.locator(marks).count()
    entries.filter(has_text="错误").locator("input").uncheck()
    assert 0 < page.locator(marks).count() < drawn
    entries.filter(has_text="错误").locator("input").check()
    assert page.locator(marks).count() == drawn
    assert page.locator(".leaflet-control-scale").count() == 1
