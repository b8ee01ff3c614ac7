"""The sample town on the screen and on paper: every project, both languages, no bare key, no guess."""

import re
from dataclasses import replace

import docx
import pytest

import onemap as om
from onemap.book.words import words_of
from onemap.present.map import draw_map
from onemap.present.opinion import case_of
from onemap.present.report import blocks, report_bytes
from onemap.present.workbook import sheets

BARE_KEY = re.compile(
    r"\b(?:rule|condition|conflict|note|issue|route|verdict|effect|explain|report|map)\.[A-Za-z0-9_.]*[A-Za-z_]"
)
FILES = ("map.html", "review.gpkg")


@pytest.fixture(scope="module")
def sample():
    book = om.load_rulebook("2024-03-01")
    town = om.build_blueprint(om.read_features(om.sample_path(), book.catalogue), book)
    sites = om.read_parcels(om.sample_path() / "sites", town.crs, book.catalogue)
    return om.review(sites.parcels, town, book, sites.issues)


def words_in(case):
    for block in blocks(case):
        yield from (*block.lines, *block.notes)
        for table in block.tables:
            yield from (cell for row in table.rows for cell in row)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_no_report_shows_a_bare_key(sample, lang):
    words = words_of(sample, lang)
    for project_id in sample.decisions.project_id:
        for text in words_in(case_of(sample, project_id, words)):
            found = BARE_KEY.findall(text)
            assert not [key for key in found if key not in FILES], (project_id, text)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_no_sheet_shows_a_bare_key(sample, lang):
    for _, _, rows in sheets(sample, words_of(sample, lang)):
        for row in rows:
            assert not [cell for cell in row if isinstance(cell, str) and BARE_KEY.search(cell)], row


def test_a_report_of_every_verdict_and_its_picture(sample, tmp_path):
    for _, rows in sample.decisions.groupby("verdict"):
        path = om.write_report(sample, rows.project_id.iloc[0], tmp_path / "one.docx")
        document = docx.Document(str(path))
        assert len(document.inline_shapes) >= 2  # the map and what every plan says
        assert len(document.tables) >= 10


def test_the_site_outside_every_map_is_unknown_and_never_nothing(sample):
    (project,) = sample.decisions.project_id[sample.decisions.project_name.str.contains("镇外")]
    case = case_of(sample, project, words_of(sample))
    by_letter = {block.letter: block for block in blocks(case)}
    for letter in "CEFG":
        rows = by_letter[letter].tables[0].rows
        assert rows and all(row[1] == row[2] == "未知" for row in rows)
    assert all(row[3] == "未知" for row in by_letter["H"].tables[0].rows)


def test_every_threshold_of_engineers_is_marked_as_theirs(sample):
    case = case_of(sample, sample.decisions.project_id.iloc[0], words_of(sample))
    route = next(block for block in blocks(case) if block.letter == "L")
    tolerances = [row for row in route.tables[-1].rows if "≤" in row[4]]
    assert tolerances and all("工程约定" in row[4] for row in tolerances)


def test_the_report_says_which_layers_are_missing(sample):
    sources = sample.sources.copy()
    sources.loc[sources.layer == "ecological_redline", "status"] = "missing"
    poorer = replace(sample, sources=sources, blueprint=replace(sample.blueprint, sources=sources))
    project = sample.decisions.project_id.iloc[0]
    assert report_bytes(poorer, project) != report_bytes(sample, project)
    assert "生态保护红线" in draw_map(poorer, project).html().split("</aside>")[0]


def test_maps_of_town_and_blueprint(sample):
    town, plan = draw_map(sample).html(), draw_map(sample.blueprint).html()
    assert len(town) < 12_000_000 and len(plan) < 12_000_000
    assert town == draw_map(sample).html()


def test_the_town_map_works_in_the_browser(sample, browser, tmp_path):
    path = draw_map(sample).save(tmp_path / "map.html")
    asked, complaints = [], []
    page = browser.new_page(viewport={"width": 1300, "height": 850})
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(path.as_uri())
    page.locator("html[data-ready=yes]").wait_for(state="attached", timeout=30_000)
    page.locator("#search").fill("柳树村加工厂")
    page.locator("#search").press("Enter")
    page.wait_for_timeout(1200)
    box = page.locator(".folium-map").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_timeout(500)
    said = page.locator(".leaflet-popup-content").inner_text()
    page.close()
    assert len(asked) == 1 and complaints == []
    assert "柳树村加工厂" in said and "K01" in said and "地类图斑" in said
