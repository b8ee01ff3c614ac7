"""The meeting page in a real browser: draw, drag, upload, paste, compare, take away; nothing but its own server asked."""

import json
import threading
import zipfile

import geopandas as gpd
import pytest
import shapely
import uvicorn

import onemap as om
from onemap.present.meeting.app import make_app
from onemap.present.meeting.desk import lay

HOSTILE = '<img src=x onerror="window.hacked=1">'
TEXT = om.sample_path() / "sites" / "P11.txt"


@pytest.fixture(scope="module")
def addresses(town):
    servers = []
    for lang in ("zh", "en"):
        app = make_app(lay(town, lang=lang), ["127.0.0.1"])
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            thread.join(0.02)
            assert thread.is_alive()
        servers.append((lang, server, thread))
    yield {lang: f"http://127.0.0.1:{s.servers[0].sockets[0].getsockname()[1]}/" for lang, s, _ in servers}
    for _, server, thread in servers:
        server.should_exit = True
        thread.join(10)


class Meeting:
    def __init__(self, browser, address, town):
        self.address, self.town = address, town
        self.asked, self.complaints = [], []
        self.page = browser.new_page(viewport={"width": 1500, "height": 900}, accept_downloads=True)
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(address)
        self.page.locator("html[data-faces]").wait_for(state="attached", timeout=20_000)

    def screen(self, lon, lat):
        at = self.page.evaluate(
            "([x, y]) => { const p = onemap.map.latLngToContainerPoint([y, x]); return [p.x, p.y]; }",
            [lon, lat],
        )
        box = self.page.locator("#map").bounding_box()
        return box["x"] + at[0], box["y"] + at[1]

    def draw(self, polygon, name=""):
        """Click a polygon of the blueprint's plane."""
        ring = gpd.GeoSeries([polygon], crs=self.town.crs).to_crs(4490).iloc[0].exterior.coords[:-1]
        lons, lats = [p[0] for p in ring], [p[1] for p in ring]
        self.page.evaluate(
            "([s, w, n, e]) => onemap.map.fitBounds([[s, w], [n, e]], {animate: false, padding: [150, 150]})",
            [min(lats), min(lons), max(lats), max(lons)],
        )
        self.page.wait_for_timeout(300)
        self.page.locator("input[name=project_name]").fill(name)
        self.page.locator("#draw").click()
        for point in ring:
            self.page.mouse.click(*self.screen(*point))
            self.page.wait_for_timeout(350)
        self.page.locator("#finish").click()
        self.settled()

    def settled(self):
        self.page.locator(".answer:not(.waiting)").first.wait_for(timeout=20_000)
        self.page.wait_for_timeout(200)
        assert (
            self.page.locator(".answer.waiting").count() == 0
            or self.page.locator(".answer.waiting").first.wait_for(state="detached", timeout=20_000) is None
        )

    def foreign(self):
        return [url for url in self.asked if not url.startswith((self.address, "data:", "blob:"))]


@pytest.fixture()
def meeting(browser, addresses, town):
    made = []

    def go(lang="zh"):
        made.append(Meeting(browser, addresses[lang], town))
        return made[-1]

    yield go
    for one in made:
        assert one.foreign() == []
        assert not [c for c in one.complaints if "Content Security Policy" in c or "Uncaught" in c]
        one.page.close()


def plot(sites, project):
    return sites.parcels.geometry[sites.parcels.project_id == project].iloc[0].envelope


def answer(page, index=0):
    card = page.locator(".answer").nth(index)
    return card.locator(".verdict").inner_text(), card.locator(".route strong").inner_text()


def test_draw_ask_drag_and_the_answer_changes(meeting, sites, reviewed, book):
    there = meeting()
    page = there.page
    assert page.locator("#answers").is_hidden()
    clean = next(
        p
        for p in reviewed.decisions.project_id
        if reviewed.decisions.set_index("project_id").verdict[p] == "clear"
    )
    there.draw(plot(sites, clean), "甲")
    first = page.locator(".answer").inner_text()
    assert answer(page)[0] == book.text("verdict.clear")
    farmland = there.town.features[there.town.features.layer == "permanent_basic_farmland"]
    nearest = farmland.geometry.iloc[farmland.distance(plot(sites, clean)).argmin()].representative_point()
    target = gpd.GeoSeries([nearest], crs=there.town.crs).to_crs(4490).iloc[0]
    page.evaluate("([x, y]) => onemap.map.setView([y, x], 13, {animate: false})", [target.x, target.y])
    page.wait_for_timeout(400)
    ring = list(plot(sites, clean).exterior.coords[:-1])
    corner = min(range(len(ring)), key=lambda i: nearest.distance(shapely.Point(ring[i])))
    corner = page.locator(".vertex").nth(corner).bounding_box()
    page.mouse.move(corner["x"] + 6, corner["y"] + 6)
    page.mouse.down()
    page.mouse.move(*there.screen(target.x, target.y), steps=8)
    page.mouse.up()
    there.settled()
    assert page.locator(".answer").inner_text() != first
    assert answer(page)[0] == book.text("verdict.prohibited")
    assert "K01" in page.locator(".answer").inner_text()
    assert there.complaints == []


def test_two_candidates_side_by_side_and_the_report_taken_away(meeting, sites, tmp_path):
    there = meeting()
    page = there.page
    there.draw(plot(sites, "P06"), "乙")
    page.locator("#file").set_input_files(TEXT)
    page.locator(".answer").nth(1).wait_for()
    there.settled()
    assert page.locator(".answer").count() == 2
    assert answer(page, 0) != answer(page, 1)
    assert page.locator(".answer .changed").count() >= 2
    for index, (name, magic) in enumerate((("report.docx", b"PK"), ("review.json", b"{"))):
        with page.expect_download() as waiting:
            page.locator(".answer").nth(1).locator(".take a").nth(index).click()
        file = tmp_path / name
        waiting.value.save_as(file)
        assert waiting.value.suggested_filename == name and file.read_bytes().startswith(magic)
    with zipfile.ZipFile(tmp_path / "report.docx") as report:
        assert "城北中学" in report.read("word/document.xml").decode()
    assert json.loads((tmp_path / "review.json").read_text(encoding="utf-8"))["schema"].startswith(
        "onemap-review/"
    )
    page.locator(".candidate input").first.uncheck()
    assert page.locator(".answer").count() == 1
    page.locator(".candidate .drop").first.click()
    assert page.locator(".candidate").count() == 1
    assert there.complaints == []


def test_answers_beside_the_map_never_hide_what_was_drawn(meeting, sites):
    there = meeting()
    page = there.page
    page.set_viewport_size({"width": 1366, "height": 768})
    page.locator("#file").set_input_files(TEXT)
    page.locator(".answer").first.wait_for()
    there.settled()
    there.draw(plot(sites, "P06"), "乙")
    page.locator(".answer").nth(1).wait_for()
    land = page.locator("#map").bounding_box()
    shown = page.evaluate(
        """([x, y, w, h]) => [...document.querySelectorAll('.vertex')].filter((one) => {
          const b = one.getBoundingClientRect(); return b.left > x && b.right < x + w && b.top > y && b.bottom < y + h;
        }).length""",
        [land["x"], land["y"], land["width"], land["height"]],
    )
    assert shown == 4


def test_pasted_coordinates_need_a_system_and_then_get_an_answer(meeting, sites):
    there = meeting()
    page = there.page
    page.locator("#pasting summary").click()
    ring = plot(sites, "P02").exterior.coords[:-1]
    page.locator("#text").fill("\n".join(f"{y:.3f} {x:.3f}" for x, y in ring))
    page.locator("#paste").click()
    page.locator("#said.wrong").wait_for()
    assert "坐标系" in page.locator("#said").inner_text()
    page.locator("#crs").select_option("blueprint")
    page.locator("#paste").click()
    page.locator(".answer .verdict").wait_for()
    assert page.locator("#said").inner_text() == ""


def test_bad_uploads_get_a_sentence_and_break_nothing(meeting, tmp_path):
    there = meeting()
    page = there.page
    far = tmp_path / "far.geojson"
    ring = [[100, 30], [100.01, 30], [100.01, 30.01], [100, 30]]
    far.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    bad = {"a.exe": b"MZ", "b.zip": b"PK\x03\x04", "c.geojson": b"{", "d.txt": b"hello"}
    for name, body in bad.items():
        (tmp_path / name).write_bytes(body)
    page.locator("#crs").select_option("lonlat")
    for path in [far, *(tmp_path / name for name in bad)]:
        page.evaluate("document.getElementById('said').className = ''")
        page.locator("#file").set_input_files(path)
        page.locator("#said.wrong").wait_for()
        assert "/" not in page.locator("#said").inner_text()
    huge = tmp_path / "huge.txt"
    with huge.open("wb") as stream:
        stream.truncate(45 << 20)
    before = len(there.asked)
    page.locator("#file").set_input_files(huge)
    page.locator("#said.wrong", has_text="20 MB").wait_for()
    assert len(there.asked) == before and page.locator(".candidate").count() == 0
    page.locator("#file").set_input_files(TEXT)
    page.locator(".answer .verdict").wait_for()


def test_hostile_words_stay_words(meeting, sites, tmp_path):
    there = meeting("en")
    page = there.page
    frame = sites.parcels[sites.parcels.project_id == "P02"][["geometry"]].to_crs(4490)
    frame["project_name"] = frame["project_id"] = HOSTILE
    path = tmp_path / "hostile.geojson"
    path.write_text(frame.to_json(), encoding="utf-8")
    page.locator("#crs").select_option("lonlat")
    page.locator("#file").set_input_files(path)
    page.locator(".answer .verdict").wait_for()
    assert HOSTILE in page.locator(".answer h2").inner_text()
    assert HOSTILE in page.locator(".candidate .name").inner_text()
    page.wait_for_timeout(300)
    assert page.evaluate("typeof window.hacked") == "undefined"
    assert "Pre-approval" in page.locator(".answer").inner_text()
    assert there.complaints == []


def test_a_click_on_the_map_tells_the_plans(meeting, town):
    there = meeting()
    row = town.faces.loc[town.faces[town.faces.face_id.isin(town.covers.face_id)].area_m2.idxmax()]
    point = gpd.GeoSeries([row.geometry.representative_point()], crs=town.crs).to_crs(4490).iloc[0]
    there.page.mouse.click(*there.screen(point.x, point.y))
    assert row.face_id in there.page.locator(".leaflet-popup-content").inner_text()
