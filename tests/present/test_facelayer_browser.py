"""The map of the whole town in a real browser: no network, every face told, hostile words stay words."""

from dataclasses import replace

import folium
import geopandas as gpd
import numpy as np
import pytest

from onemap.book.words import words_of
from onemap.present.facelayer import FaceLayer, FaceParts, draw_city
from onemap.present.inline import inline
from onemap.present.packed import pack_faces
from onemap.present.scene import compose
from onemap.present.styles import look

HOSTILE = '<img src=x onerror="window.hacked=1"></script><script>window.hacked=1</script>'
PAINTED = "() => !document.querySelector('.leaflet-tile:not(.leaflet-tile-loaded)')"
INK = """() => [...document.querySelectorAll('canvas.leaflet-tile')].reduce((sum, c) => {
  const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
  let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return sum + n; }, 0)"""


class Visit:
    def __init__(self, browser, path, before="", settled=True):
        self.asked, self.complaints = [], []
        self.page = browser.new_page(viewport={"width": 1200, "height": 800})
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        if before:
            self.page.add_init_script(before)
        self.page.goto(path.as_uri())
        self.page.locator("html[data-faces]").wait_for(state="attached", timeout=20_000)
        if settled:
            self.settle()

    def settle(self):
        for _ in range(100):
            self.page.wait_for_timeout(50)
            if self.page.evaluate(PAINTED):
                return
        raise AssertionError("tiles never finished")

    def click(self, lon, lat, map_name="onemap.map"):
        at = self.page.evaluate(
            f"([x, y]) => {{ const p = {map_name}.latLngToContainerPoint([y, x]); return [p.x, p.y]; }}",
            [lon, lat],
        )
        box = self.page.locator(".folium-map").bounding_box()
        self.page.mouse.click(box["x"] + at[0], box["y"] + at[1])
        return self.page.locator(".leaflet-popup-content").inner_text()


@pytest.fixture()
def visit(browser, tmp_path):
    made = []

    def go(html, before="", settled=True):
        path = tmp_path / f"{len(made)}.html"
        path.write_text(html, encoding="utf-8")
        made.append(Visit(browser, path, before, settled))
        return made[-1]

    yield go
    for one in made:
        one.page.close()


def inner(town, row):
    point = gpd.GeoSeries([row.geometry.representative_point()], crs=town.crs).to_crs(4490).iloc[0]
    return point.x, point.y


def test_the_whole_town_without_a_network(visit, town):
    there = visit(draw_city(town).html())
    assert len(there.asked) == 1 and there.complaints == []
    assert there.page.locator("html").get_attribute("data-faces") == str(len(town.faces))
    assert there.page.evaluate(INK) > 100_000
    assert there.page.locator("#legend input[type=checkbox]").count() == 3
    assert there.page.locator(".legend-row").count() >= 10


def test_a_click_tells_every_plan_of_the_face(visit, town):
    there = visit(draw_city(town).html())
    counts = town.covers.groupby("face_id").feature_id.nunique()
    row = next(town.faces[(town.faces.area_m2 > 20_000) & (town.faces.face_id.map(counts) >= 4)].itertuples())
    said = there.click(*inner(town, row))
    assert row.face_id in said and f"{row.area_m2:,.2f}" in said
    names = town.features.set_index("feature_id").loc[
        town.covers.feature_id[town.covers.face_id == row.face_id]
    ]
    assert all(one in said for one in names["class_code"].dropna() if one)
    assert there.complaints == []


def test_layers_switch_on_and_off(visit, town):
    there = visit(draw_city(town).html())
    before = there.page.evaluate(INK)
    boxes = there.page.locator("#legend input[type=checkbox]")
    for i in range(3):
        boxes.nth(i).uncheck()
    assert there.page.evaluate(INK) == 0 and before > 0
    boxes.nth(2).check()
    there.settle()
    assert 0 < there.page.evaluate(INK) < before
    assert there.complaints == []


def test_without_decompression_stream_the_same_town_comes_out(visit, town):
    html = draw_city(town).html()
    sums = """async () => { const s = await onemapStore.load('onemap-faces');
      const sum = (a) => a.reduce((t, v, i) => (t * 31 + v + i) % 1000000007, 7);
      return [s.count, sum(s.x), sum(s.y), sum(s.columns.area.values), s.columns.face_id.at(5), s.columns.plans.at(9)]; }"""
    plain = visit(html).page.evaluate(sums)
    without = visit(html, "delete window.DecompressionStream")
    assert without.page.evaluate("typeof DecompressionStream") == "undefined"
    assert without.page.evaluate(sums) == plain
    assert without.complaints == []


def test_hostile_names_stay_text(visit, town):
    features = town.features.copy()
    features["name"] = HOSTILE
    there = visit(
        draw_city(replace(town, features=features, manifest=town.manifest | {"name": HOSTILE})).html()
    )
    covered = town.faces[town.faces.face_id.isin(town.covers.face_id)]
    row = covered.loc[covered.area_m2.idxmax()]
    assert HOSTILE in there.click(*inner(town, row))
    assert HOSTILE in there.page.locator("#panel").inner_text()
    there.page.wait_for_timeout(200)
    assert there.page.evaluate("typeof window.hacked") == "undefined"
    assert len(there.asked) == 1 and there.complaints == []


def test_a_layer_of_its_own_on_any_folium_map(visit, town):
    looks = [look("unknown"), look("conflict", severity="prohibit")]
    numbers = np.arange(len(town.faces)) % 3
    packed = pack_faces(town.faces.geometry, {"look": numbers})
    figure = folium.Map(tiles=None, attribution_control=False)
    FaceLayer(packed, "look", looks, "<b>faces</b>").add_to(figure)
    figure.fit_bounds([list(corner) for corner in packed.bounds])
    folium.LayerControl(collapsed=False).add_to(figure)
    there = visit(inline(figure))
    assert there.page.evaluate(INK) > 10_000
    assert "<b>faces</b>" in there.page.locator(".leaflet-control-layers").inner_text()
    assert len(there.asked) == 1 and there.complaints == []


@pytest.mark.parametrize(("lang", "word"), [("zh", "公共管理与公共服务用地"), ("en", "Public services")])
def test_looks_of_one_name_are_told_apart_by_their_plans(town, lang, word):
    names = ["city_master_plan", "detailed_plan", "city_master_plan", "detailed_plan"]
    codes = ["A1", "0801", "R2", "0701"]
    count = len(town.faces)
    faces = town.faces.assign(
        governing_layer=np.resize(names, count), governing_class=np.resize(codes, count)
    )
    told = [text for _, text in FaceParts(words_of(None, lang), replace(town, faces=faces)).legend]
    assert len(told) == len(set(told)) == 3, "dwellings look alike in both plans"
    assert sum(text.startswith(word) and len(text) > len(word) for text in told) == 2
    drawn = compose(replace(town, faces=faces), lang=lang).overlays[0].pieces
    assert sorted({*drawn["name"]}) == told


def test_the_same_town_gives_the_same_bytes_in_both_languages(town):
    assert draw_city(town).html() == draw_city(town).html()
    assert "Governing class" in draw_city(town, "en").html()


STALLED = """const real = window.MessageChannel;
window.MessageChannel = class { constructor() { const made = new real(); return { port1: made.port1, port2: { postMessage: () => {} } }; } };"""


def test_paper_has_no_holes_where_tiles_are_not_yet_painted(visit, town):
    there = visit(draw_city(town).html(), STALLED, False)
    page = there.page
    page.wait_for_timeout(500)
    assert page.evaluate(INK) == 0 and page.evaluate("onemap.busy(onemap.map)")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(PAINTED) and page.evaluate(INK) > 100_000
    faint = (
        "() => [...document.querySelectorAll('.leaflet-tile')].some(t => getComputedStyle(t).opacity !== '1')"
    )
    assert not page.evaluate(faint)
    assert there.complaints == []


def test_a_plain_class_does_not_make_the_hatched_ones_after_it_paler(visit, town):
    page = visit(draw_city(town).html()).page
    left = page.evaluate(
        """() => { const pen = document.createElement('canvas').getContext('2d'); const path = new Path2D();
        const look = { fill: '#ff0000', line: '#000000', opacity: 0.5, weight: 1 };
        onemapFaces.layer('none', {}).ink(pen, path, look, 1, 2 ** -9, 1); return pen.globalAlpha; }"""
    )
    assert left == 1


def test_neighbours_far_out_leave_no_specks_between_them(visit, town):
    page = visit(draw_city(town).html()).page
    seam = page.evaluate(
        """() => { const sheet = document.createElement('canvas'); const pen = sheet.getContext('2d'); const path = new Path2D();
        path.rect(0, 0, 10.5, 20); path.rect(10.9, 0, 10, 20);
        const look = { fill: '#ff0000', line: '#000000', opacity: 1, weight: 1 };
        onemapFaces.layer('none', {}).ink(pen, path, look, 1, 2 ** -9, 1); return pen.getImageData(10, 10, 1, 1).data[3]; }"""
    )
    assert seam > 240
