"""The map in a real browser without a network: nothing asked, nothing wrong, hostile data stays text."""

import re

import folium
import pytest

from onemap.present.inline import inline
from onemap.present.map import draw_map

HOSTILE = '<img src=x onerror="window.hacked=1">'


class Visit:
    """A page with everything it asked for and complained about."""

    def __init__(self, browser, path):
        self.asked, self.complaints = [], []
        self.page = browser.new_page(viewport={"width": 1300, "height": 850})
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on(
            "console", lambda said: self.complaints.append(said.text) if said.type == "error" else None
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.route(
            "**/*",
            lambda route: route.continue_() if route.request.url.startswith("file:") else route.abort(),
        )
        self.page.goto(path.as_uri())

    def ready(self):
        self.page.locator("html[data-ready=yes]").wait_for(state="attached", timeout=15_000)
        self.page.wait_for_timeout(400)
        return self.page

    def click_at(self, x, y):
        """Click the map where a projected point (CGCS2000 longitude, latitude) lies."""
        at = self.page.evaluate(
            "([x, y]) => { const p = onemap.map.latLngToContainerPoint([y, x]); return [p.x, p.y]; }", [x, y]
        )
        box = self.page.locator(".folium-map").bounding_box()
        self.page.mouse.click(box["x"] + at[0], box["y"] + at[1])
        self.page.wait_for_timeout(500)


def lonlat(review, project):
    sites = review.parcels[review.parcels.project_id == project].to_crs(4490)
    point = sites.geometry.iloc[0].representative_point()
    return point.x, point.y


@pytest.fixture()
def visit(browser, tmp_path):
    visits = []

    def go(page):
        path = tmp_path / f"{len(visits)}.html"
        path.write_text(page if isinstance(page, str) else page.html(), encoding="utf-8")
        visits.append(Visit(browser, path))
        return visits[-1]

    yield go
    for one in visits:
        one.page.close()


def test_the_map_asks_for_nothing_but_itself_and_complains_of_nothing(visit, review):
    there = visit(draw_map(review))
    page = there.ready()
    assert len(there.asked) == 1
    assert there.complaints == []
    assert page.locator("path.leaflet-interactive, .leaflet-pane svg path").count() >= 8
    assert page.locator(".leaflet-control-scale-line").count() == 1
    assert page.locator("#legend input[type=checkbox]").count() >= 8
    assert page.locator("#legend .swatch:visible").count() >= 8
    assert page.locator("canvas").count() >= 1
    assert page.locator(".leaflet-control-attribution").count() == 0


def test_a_click_on_a_site_tells_the_answer_in_three_units(visit, review):
    there = visit(draw_map(review))
    there.ready()
    there.click_at(*lonlat(review, "P2"))
    said = there.page.locator(".leaflet-popup-content").inner_text()
    for word in (
        "东环工业园",
        "涉及禁止",
        "72,000.00",
        "7.2000 公顷",
        "108.00 亩",
        "K01",
        "第三十五条",
        "永农一号",
    ):
        assert word in said
    assert there.complaints == []


def test_hostile_attributes_are_text(visit, review):
    there = visit(draw_map(review))
    page = there.ready()
    there.click_at(*lonlat(review, "P3"))
    assert HOSTILE in page.locator(".leaflet-popup-content h3").first.inner_text()
    assert HOSTILE in page.locator("#projects").inner_text()
    page.wait_for_timeout(300)
    assert page.evaluate("typeof window.hacked") == "undefined"
    assert len(there.asked) == 1 and there.complaints == []


def test_if_the_escaping_failed_the_policy_would_still_hold(visit, review):
    there = visit(draw_map(review))
    page = there.ready()
    page.evaluate("html => { document.getElementById('panel').innerHTML = html; }", HOSTILE)
    page.evaluate(
        """() => { const script = document.createElement('script');
        script.textContent = 'window.hacked = 1'; document.body.append(script); }"""
    )
    page.wait_for_timeout(300)
    assert page.evaluate("typeof window.hacked") == "undefined"
    assert any("Content Security Policy" in said for said in there.complaints)


def test_markup_in_a_folium_popup_does_not_run(visit):
    figure = folium.Map([41, 123], zoom_start=12, tiles=None)
    folium.Marker([41, 123], popup=f"{HOSTILE}</script><script>window.hacked=1</script>").add_to(figure)
    there = visit(inline(figure))
    there.page.wait_for_timeout(500)
    there.page.locator(".leaflet-marker-icon").click(force=True)
    there.page.wait_for_timeout(500)
    assert there.page.evaluate("typeof window.hacked") == "undefined"
    assert all(url.startswith(("file:", "data:")) or url.endswith("/x") for url in there.asked)


def test_layers_can_be_switched_and_the_legend_follows(visit, review):
    there = visit(draw_map(review))
    page = there.ready()
    section = page.locator("#legend section", has_text="控制线：禁止")
    paths, rows = page.locator(".leaflet-pane svg path").count(), section.locator(".legend-row:visible")
    assert rows.count() == 1
    section.locator("input").uncheck()
    assert rows.count() == 0 and page.locator(".leaflet-pane svg path").count() < paths
    section.locator("input").check()
    assert rows.count() == 1 and page.locator(".leaflet-pane svg path").count() == paths
    hidden = page.locator("#legend section.off")
    assert hidden.count() > 0 and hidden.locator("input:checked").count() == 0
    assert there.complaints == []


@pytest.mark.parametrize("size", [(1024, 768), (1400, 900), (1920, 1080)])
def test_nothing_but_small_tools_lies_on_the_land(visit, review, size):
    page = visit(draw_map(review)).ready()
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.wait_for_timeout(300)
    covered = page.evaluate(
        """() => { const all = document.querySelector('.folium-map').getBoundingClientRect();
        const parts = [...document.querySelectorAll('.leaflet-control, #panel')].map(e => e.getBoundingClientRect());
        const common = (b) => Math.max(0, Math.min(b.right, all.right) - Math.max(b.left, all.left))
          * Math.max(0, Math.min(b.bottom, all.bottom) - Math.max(b.top, all.top));
        return parts.map(common).reduce((a, b) => a + b, 0) / (all.width * all.height); }"""
    )
    assert 0 < covered < 0.04


def test_search_finds_by_name_number_and_answer(visit, review):
    page = visit(draw_map(review)).ready()
    for wanted, found in (("滨河", 1), ("p2", 1), ("数据不全", 1), ("", 3), ("没有这个", 0)):
        page.locator("#search").fill(wanted)
        assert page.locator(".project:visible").count() == found
    page.locator("#search").fill("滨河")
    page.locator("#search").press("Enter")
    page.wait_for_timeout(600)
    x, y = lonlat(review, "P1")
    assert page.evaluate("([x, y]) => onemap.map.getBounds().contains([y, x])", [x, y])


def test_measuring_agrees_with_the_ellipsoid(visit, review):
    page = visit(draw_map(review)).ready()
    corners = review.parcels.to_crs(4490).geometry.iloc[0].exterior.coords[:-1]
    points = [{"lng": x, "lat": y} for x, y in corners]
    measured = page.evaluate("points => [onemap.area(points), onemap.length(points.slice(0, 2))]", points)
    assert measured[0] == pytest.approx(180 * 180, rel=1e-4)
    assert measured[1] == pytest.approx(180, rel=1e-4)


def test_measuring_by_clicks(visit, review):
    there = visit(draw_map(review, "P1"))
    page = there.ready()
    page.get_by_role("button", name="测面").click()
    box = page.locator(".folium-map").bounding_box()
    for dx, dy in ((300, 300), (500, 300), (500, 500)):
        page.mouse.click(box["x"] + dx, box["y"] + dy)
        page.wait_for_timeout(350)
    assert "亩" in page.locator(".measured").inner_text()
    assert page.locator(".leaflet-popup-content").count() == 0
    page.keyboard.press("Escape")
    assert page.locator(".measured").inner_text() == ""
    assert there.complaints == []


def test_english_map(visit, review):
    there = visit(draw_map(review, "P2", lang="en"))
    page = there.ready()
    assert page.locator("html").get_attribute("lang") == "en"
    assert "Land for town building" in page.locator("#legend").inner_text()
    assert there.complaints == []


def test_notebook_frame_draws(visit, review):
    there = visit(f"<!DOCTYPE html><meta charset=utf-8><body>{draw_map(review)._repr_html_()}</body>")
    there.page.wait_for_timeout(1500)
    frame = there.page.frames[1]
    assert frame.locator(".leaflet-pane svg path").count() >= 8
    assert there.complaints == []


def test_a_frame_further_down_a_notebook_is_fitted_when_it_is_reached(visit, review):
    frame = draw_map(review, "P1")._repr_html_()
    there = visit(f"<!DOCTYPE html><meta charset=utf-8><body><p style='height:9000px'></p>{frame}</body>")
    there.page.wait_for_timeout(1000)
    there.page.locator("iframe").scroll_into_view_if_needed()
    there.page.wait_for_timeout(1500)
    assert there.page.frames[1].evaluate("onemap.map.getZoom()") > 14


MM_PT = 72 / 25.4
PAPERS = {"A4": (297, 210, 277, 188), "A3": (420, 297, 400, 275)}


@pytest.mark.parametrize("paper", PAPERS)
def test_a_print_is_one_page_of_the_chosen_paper(visit, review, paper):
    there = visit(draw_map(review, "P2"))
    page = there.ready()
    page.get_by_label("纸张").select_option(paper)
    printed = page.pdf(prefer_css_page_size=True, print_background=True)
    assert re.findall(rb"/Type /Pages\s+/Count (\d+)", printed) == [b"1"]
    box = [float(side) for side in re.search(rb"/MediaBox \[([\d. ]+)\]", printed)[1].split()]
    assert box[2:] == pytest.approx([PAPERS[paper][0] * MM_PT, PAPERS[paper][1] * MM_PT], abs=1.5)
    assert there.complaints == []


def test_the_button_prints_one_sharp_picture_in_place_of_hatched_shapes(visit, review):
    page = visit(draw_map(review).html()).page
    page.evaluate("window.prints = 0; window.print = () => window.prints++")
    page.get_by_label("纸张").select_option("A3")
    page.locator(".print button").click()
    page.locator("img.sheet").wait_for(state="attached")
    wide = page.evaluate("onemap.map.getSize().x")
    assert page.evaluate("document.querySelector('img.sheet').naturalWidth") >= 2 * wide
    ink = """() => { const sheet = document.createElement('canvas'); const one = document.querySelector('img.sheet');
        [sheet.width, sheet.height] = [one.naturalWidth, one.naturalHeight]; const pen = sheet.getContext('2d');
        pen.drawImage(one, 0, 0); return pen.getImageData(0, 0, sheet.width, sheet.height).data.filter((v, i) => i % 4 === 3 && v).length }"""
    assert page.evaluate(ink) > 100_000
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("img.sheet").is_visible()
    hidden = "() => [...document.querySelectorAll('svg.leaflet-zoom-animated')].every(s => getComputedStyle(s).visibility === 'hidden')"
    assert page.evaluate(hidden)
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("img.sheet").count() == 0 and not page.evaluate(hidden)


def test_the_print_button_waits_until_all_is_painted(visit, review):
    page = visit(draw_map(review, "P2", lang="en")).ready()
    page.evaluate(
        "window.prints = 0; window.print = () => window.prints++; onemap.busy = () => !window.over;"
    )
    page.get_by_role("button", name="Print").click()
    page.wait_for_timeout(300)
    assert page.evaluate("window.prints") == 0
    assert page.get_by_role("button", name="Drawing…").is_disabled()
    page.evaluate("window.over = true")
    page.get_by_role("button", name="Print").wait_for()
    assert page.evaluate("window.prints") == 1


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("width", [1024, 1920])
def test_paper_holds_the_whole_map_and_the_whole_legend(visit, review, width, paper):
    page = visit(draw_map(review)).ready()
    page.set_viewport_size({"width": width, "height": 900})
    page.get_by_label("纸张").select_option(paper)
    page.wait_for_timeout(300)
    seen = page.evaluate("onemap.map.getBounds().toBBoxString()")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    boxes = page.evaluate(
        """() => ['.folium-map', '#panel', '#legend section:not(.off)', '.note'].map(s => {
        const b = [...document.querySelectorAll(s)].at(-1).getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom]; })"""
    )
    mm = 96 / 25.4
    for left, top, right, bottom in boxes:
        assert -1 <= left < right <= PAPERS[paper][2] * mm + 1
        assert -1 <= top < bottom <= PAPERS[paper][3] * mm + 1
    mapped = boxes[0]
    assert mapped[2] - mapped[0] > 0.65 * PAPERS[paper][2] * mm or mapped[3] > 0.9 * PAPERS[paper][3] * mm
    assert boxes[1][2] <= boxes[0][0]
    page.emulate_media(media="screen")
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    page.wait_for_timeout(300)
    assert page.evaluate("onemap.map.getBounds().toBBoxString()") == seen


def test_same_review_same_map(fresh_review, review):
    assert draw_map(fresh_review).html() == draw_map(review).html()
