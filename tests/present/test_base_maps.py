"""Base maps: none unless asked for, at the right place, from one host only, or from disk without any request."""

import io
import math
import sqlite3
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pyproj
import pytest
import uvicorn
from PIL import Image

from onemap.errors import InputError
from onemap.land.workspace import BaseMap, load_workspace
from onemap.present import basemap_files
from onemap.present.basemap import load_base_map
from onemap.present.basemap_files import image_of
from onemap.present.facelayer import draw_city
from onemap.present.map import draw_map
from onemap.present.meeting import app as meeting
from onemap.present.meeting.desk import lay

MARK = np.array([255, 0, 255])
FIRST = {"c": 1, "crs84": 0}


def middle_of(town):
    """A box of land (west, south, east, north in degrees) that every base map of these tests paints magenta."""
    left, bottom, right, top = town.faces.total_bounds
    to = pyproj.Transformer.from_crs(town.crs, 4490, always_xy=True)
    x, y = to.transform((left + right) / 2, (bottom + top) / 2)
    return (x - 0.002, y - 0.001, x + 0.003, y + 0.003)


@pytest.fixture(scope="module")
def mark(review):
    return middle_of(review.blueprint)


def picture(lon, lat, mark):
    """Land painted grey, the mark magenta."""
    west, south, east, north = mark
    inside = (west <= lon) & (lon <= east) & (south <= lat) & (lat <= north)
    return Image.fromarray(np.where(inside[..., None], MARK, 200).astype(np.uint8))


def encoded(image, kind="PNG"):
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def mercator_tile(z, x, y, mark):
    at = (np.arange(256) + 0.5) / 256
    lon = (x + at) / 2**z * 360 - 180
    lat = np.degrees(np.arctan(np.sinh(math.pi * (1 - 2 * (y + at) / 2**z))))
    return picture(*np.meshgrid(lon, lat), mark)


def geographic_tile(z, x, y, mark, first):
    width, at = 180 / 2 ** (z - first), (np.arange(256) + 0.5) / 256
    return picture(*np.meshgrid((x + at) * width - 180, 90 - (y + at) * width), mark)


@pytest.fixture(scope="module")
def service(mark):
    """A tile service on this machine that speaks as 天地图 does, and keeps what it was asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            parts = urlsplit(self.path)
            query = {key.lower(): one[0] for key, one in parse_qs(parts.query).items()}
            z, y, x = (int(query[key]) for key in ("tilematrix", "tilerow", "tilecol"))
            if query["layer"].startswith("c"):
                body = encoded(Image.new("RGBA", (256, 256), (0, 0, 0, 0)))
            elif query["tilematrixset"] == "w":
                body = encoded(mercator_tile(z, x, y, mark))
            else:
                body = encoded(geographic_tile(z, x, y, mark, FIRST[query["tilematrixset"]]))
            self.send_response(200)
            self.send_header("Content-Type", "image/png")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()


@pytest.fixture()
def look(browser, tmp_path, mark):
    """Open a page; says what it asked for, what it complained of, and by how many pixels the mark is off."""
    pages = []

    def go(html=None, url=None):
        page = browser.new_page(viewport={"width": 1200, "height": 850})
        pages.append(page)
        page.set_default_timeout(90_000)
        page.asked, page.complaints = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("console", lambda said: page.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        if html is not None:
            path = tmp_path / "map.html"
            path.write_text(html, encoding="utf-8")
            url = path.as_uri()
        page.goto(url)
        page.locator("html[data-ready=yes]").wait_for(state="attached")
        page.wait_for_timeout(700)
        return page

    yield go
    for page in pages:
        page.close()


def off(page, mark):
    """The largest distance in pixels of the painted mark's sides from where the map says they are."""
    page.evaluate(
        """() => { for (const pane of document.querySelectorAll('.leaflet-pane'))
        if (/onemap-|overlay|marker|tooltip/.test(pane.className)) pane.style.display = 'none';
        for (const tile of document.querySelectorAll('canvas.leaflet-tile')) tile.style.display = 'none'; }"""
    )
    west, south, east, north = mark
    place = page.evaluate(
        """([w, s, e, n]) => { const box = onemap.map.getContainer().getBoundingClientRect();
        const a = onemap.map.latLngToContainerPoint([n, w]), b = onemap.map.latLngToContainerPoint([s, e]);
        return [a.x + box.x, a.y + box.y, b.x + box.x, b.y + box.y]; }""",
        [west, south, east, north],
    )
    seen = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB")).astype(int)
    rows, columns = np.nonzero(np.abs(seen - MARK).max(axis=2) < 60)
    assert len(rows) > 200
    found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    return float(np.abs(np.subtract(found, place)).max())


def tianditu(service, matrix="w", **more):
    return {"kind": "tianditu", "key": "abc123", "host": service[0], "matrix": matrix, "opacity": 1, **more}


@pytest.mark.parametrize("matrix", ["w", "c"])
def test_tianditu_lies_where_it_belongs_and_only_its_host_is_asked(look, service, review, mark, matrix):
    drawn = draw_map(review, base_map=tianditu(service, matrix)).html()
    service[1].clear()
    page = look(drawn)
    assert off(page, mark) < 3
    assert {urlsplit(url).netloc for url in page.asked[1:] if not url.startswith("data:")} == {
        urlsplit(service[0]).netloc
    }
    assert min(int(parse_qs(urlsplit(one).query)["TILEMATRIX"][0]) for one in service[1]) >= 13
    assert all("tk=abc123" in one and f"TILEMATRIXSET={matrix}" in one for one in service[1])
    assert {parse_qs(urlsplit(one).query)["LAYER"][0] for one in service[1]} == {"vec", "cva"}
    assert page.complaints == []
    assert "天地图" in page.locator(".leaflet-control-attribution").inner_text()
    assert urlsplit(service[0]).netloc in page.locator("#panel").inner_text()
    other = service[0].replace("127.0.0.1", "localhost")
    page.evaluate("address => { const one = new Image(); one.src = address; }", f"{other}/x")
    page.wait_for_timeout(300)
    assert any("Content Security Policy" in said for said in page.complaints)
    assert "/x" not in service[1]


def test_a_wmts_in_degrees_with_its_own_first_level(look, service, review, mark):
    url = f"{service[0]}/wmts?layer=img&TileMatrixSet=crs84&TileMatrix={{TileMatrix}}&TileRow={{TileRow}}&TileCol={{TileCol}}"
    page = look(
        draw_map(review, base_map={"kind": "wmts", "url": url, "crs": "EPSG:4490", "opacity": 1}).html()
    )
    assert off(page, mark) < 3 and page.complaints == []


def test_the_base_map_is_switched_off_like_any_layer(look, service, review):
    page = look(draw_map(review, base_map=tianditu(service)).html())
    box = page.locator("#legend label", has_text="底图").locator("input")
    assert box.is_checked() and page.locator(".leaflet-tile-pane img").count() > 0
    box.uncheck()
    assert page.locator(".leaflet-tile-pane img").count() == 0


def test_the_whole_town_and_the_meeting_page_have_it_too(look, service, town):
    page = look(draw_city(town, base_map=tianditu(service)).html())
    assert page.locator(".leaflet-tile-pane img").count() > 0 and page.complaints == []
    assert {urlsplit(url).netloc for url in page.asked[1:] if not url.startswith("data:")} == {
        urlsplit(service[0]).netloc
    }
    app = meeting.make_app(lay(town), ["127.0.0.1"], base_map=tianditu(service, "c"))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.05)
    address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    try:
        with urllib.request.urlopen(address) as answer:
            assert f"img-src 'self' data: {service[0]};" in answer.headers["Content-Security-Policy"]
        page = look(url=address)
        assert page.locator(".leaflet-tile-pane img").count() > 0 and page.complaints == []
        assert page.locator("#legend label", has_text="底图").count() == 1
    finally:
        server.should_exit = True
        thread.join(10)


def mbtiles(path, mark, levels=range(13, 17), tile=mercator_tile):
    with sqlite3.connect(path) as file:
        file.execute("CREATE TABLE metadata (name text, value text)")
        file.execute(
            "CREATE TABLE tiles (zoom_level integer, tile_column integer, tile_row integer, tile_data blob)"
        )
        for z in levels:
            middle = (mark[0] + mark[2]) / 2, (mark[1] + mark[3]) / 2
            x = math.floor((middle[0] + 180) / 360 * 2**z)
            y = math.floor((1 - math.asinh(math.tan(math.radians(middle[1]))) / math.pi) / 2 * 2**z)
            for column in range(x - 1, x + 2):
                for row in range(y - 1, y + 2):
                    data = tile(z, column, row, mark)
                    data = data if isinstance(data, bytes) else encoded(data)
                    file.execute("INSERT INTO tiles VALUES (?,?,?,?)", (z, column, 2**z - 1 - row, data))
    return path


def image_in(path, crs, town, mark, turn=0.0):
    """A picture of the town in the grid of another zone (and turned), with a world file."""
    left, bottom, right, top = town.faces.total_bounds
    to = pyproj.Transformer.from_crs(town.crs, crs, always_xy=True)
    x, y = to.transform((left + right) / 2, (bottom + top) / 2)
    side, size = 1.8 * max(right - left, top - bottom), 1000
    cos, sin, step = math.cos(turn), math.sin(turn), side / size
    a, b, d, e = step * cos, step * sin, step * sin, -step * cos
    c, f = x - (a + b) * (size - 1) / 2, y - (d + e) * (size - 1) / 2
    columns, rows = np.meshgrid(np.arange(size), np.arange(size))
    degrees = pyproj.Transformer.from_crs(crs, 4490, always_xy=True)
    lon, lat = degrees.transform(a * columns + b * rows + c, d * columns + e * rows + f)
    picture(lon, lat, mark).save(path)
    numbers = "\n".join(f"{one:.9f}" for one in (a, d, b, e, c, f))
    path.with_suffix(".pgw").write_text(numbers, encoding="ascii")
    return path


def test_mbtiles_travel_inside_the_page(look, review, mark, tmp_path):
    file = mbtiles(tmp_path / "town.mbtiles", mark)
    page = look(draw_map(review, base_map={"kind": "mbtiles", "path": str(file), "opacity": 1}).html())
    assert off(page, mark) < 3 and page.complaints == []
    assert [url for url in page.asked if not url.startswith("data:")] == page.asked[:1]
    assert "town.mbtiles" in page.locator("#panel").inner_text()
    page.evaluate("onemap.map.setZoom(3, { animate: false })")
    assert page.locator(".leaflet-tile-pane img").count() < 100


@pytest.mark.parametrize("turn", [0.0, 0.4])
def test_an_image_of_another_zone_is_laid_straight(look, review, mark, tmp_path, turn):
    file = image_in(tmp_path / "town.png", "EPSG:4530", review.blueprint, mark, turn)
    base = {"kind": "image", "path": str(file), "crs": "EPSG:4530", "opacity": 1}
    page = look(draw_map(review, base_map=base).html())
    assert off(page, mark) < 3 and page.complaints == []
    assert [url for url in page.asked if not url.startswith("data:")] == page.asked[:1]


def test_an_image_with_bounds_in_degrees(look, review, mark, tmp_path):
    west, south, east, north = box = [mark[0] - 0.03, mark[1] - 0.02, mark[2] + 0.03, mark[3] + 0.02]
    lon = west + (np.arange(900) + 0.5) / 900 * (east - west)
    lat = north - (np.arange(700) + 0.5) / 700 * (north - south)
    picture(*np.meshgrid(lon, lat), mark).save(tmp_path / "town.jpg", quality=95)
    base = {"kind": "image", "path": str(tmp_path / "town.jpg"), "crs": "EPSG:4490", "bounds": box}
    assert off(look(draw_map(review, base_map=base | {"opacity": 1}).html()), mark) < 3


def test_an_image_in_wgs84_is_shown_and_the_page_says_so(review, mark, tmp_path):
    """Taken as it is, but said aloud; one in the blueprint's own datum needs no such words."""
    west, south, east, north = mark
    box = [west - 0.01, south - 0.01, east + 0.01, north + 0.01]
    Image.new("RGB", (200, 200), tuple(MARK)).save(tmp_path / "town.png")
    pages = {}
    for crs in ("EPSG:4326", "EPSG:4490"):
        base = {"kind": "image", "path": str(tmp_path / "town.png"), "crs": crs, "bounds": box}
        pages[crs] = draw_map(review, base_map=base).html()
    assert "底图坐标为 WGS84" in pages["EPSG:4326"] and "底图坐标为 WGS84" not in pages["EPSG:4490"]


def test_an_image_on_another_datum_is_refused_even_where_a_transformation_is_published(tmp_path):
    """No datum has one to CGCS2000 in EPSG's data; a blueprint on NAD83 has, with 4 m, from WGS84."""
    Image.new("RGB", (200, 200), tuple(MARK)).save(tmp_path / "town.png")
    box = [-71.12, 42.35, -71.06, 42.40]
    base = BaseMap(kind="image", path=str(tmp_path / "town.png"), crs="EPSG:4326", bounds=box)
    corners = [[42.35, -71.12], [42.40, -71.06]]
    with pytest.raises(InputError, match="datum") as refused:
        image_of(base, corners, "EPSG:26986")
    assert "accuracy 4 m" in str(refused.value)
    assert image_of(base.model_copy(update={"crs": "EPSG:4269"}), corners, "EPSG:26986").note == ""


def test_files_that_do_not_say_where_they_lie_or_lie_elsewhere_are_refused(review, mark, tmp_path):
    file = image_in(tmp_path / "town.png", "EPSG:4530", review.blueprint, mark)

    def drawn(**base):
        draw_map(review, base_map={"kind": "image", "path": str(file), **base})

    with pytest.raises(InputError, match="does not say its coordinate system"):
        drawn()
    with pytest.raises(InputError, match="do not lie in"):
        drawn(crs="EPSG:4526")
    with pytest.raises(InputError, match="Beijing|Xian|parameters|datum"):
        drawn(crs="EPSG:2437")
    (tmp_path / "town.pgw").unlink()
    with pytest.raises(InputError, match="world file"):
        drawn(crs="EPSG:4530")
    far = mbtiles(tmp_path / "far.mbtiles", [one + 5 for one in mark])
    with pytest.raises(InputError, match="no tiles at the land shown"):
        draw_map(review, base_map=far)


def test_hostile_and_wrong_files_are_told(review, mark, tmp_path, monkeypatch):
    wrong = tmp_path / "wrong.mbtiles"
    wrong.write_bytes(b"no database")
    with pytest.raises(InputError, match="not an MBTiles file"):
        draw_map(review, base_map=wrong)
    vector = mbtiles(tmp_path / "pbf.mbtiles", mark, tile=lambda *_: b"\x1f\x8b\x08 vector")
    with pytest.raises(InputError, match="no pictures"):
        draw_map(review, base_map=vector)
    with pytest.raises(InputError, match="no file"):
        draw_map(review, base_map=tmp_path / "absent.mbtiles")
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n broken")
    with pytest.raises(InputError, match="not an image"):
        draw_map(review, base_map=broken)
    monkeypatch.setattr(basemap_files, "MOST_PIXELS", 1000)
    Image.new("RGB", (100, 100)).save(tmp_path / "large.png")
    with pytest.raises(InputError, match="million pixels"):
        draw_map(review, base_map=tmp_path / "large.png")


def test_a_heavy_file_is_cut_and_the_page_says_so(review, mark, tmp_path, monkeypatch):
    file = mbtiles(tmp_path / "town.mbtiles", mark)
    whole = draw_map(review, base_map=file).html()
    assert "底图只带到" not in whole
    monkeypatch.setattr(basemap_files, "MOST_BYTES", 20_000)
    page = draw_map(review, base_map=file).html()
    assert "底图只带到第" in page and len(page) < len(whole)
    monkeypatch.setattr(basemap_files, "MOST_BYTES", 10)
    with pytest.raises(InputError, match="too large"):
        draw_map(review, base_map=file)


@pytest.mark.parametrize(
    ("base", "told"),
    [
        ({"kind": "tianditu"}, "needs key"),
        ({"kind": "tianditu", "key": "a&b"}, "key"),
        ({"kind": "tianditu", "key": "abc", "crs": "EPSG:4490"}, "does not know crs"),
        ({"kind": "wmts", "url": "https://a.invalid/{z}/{x}/{y}"}, "needs crs"),
        ({"kind": "wmts", "url": "https://a.invalid/{z}/{x}/{y}", "crs": "EPSG:4529"}, "web mercator"),
        ({"kind": "wmts", "url": "https://a.invalid/{z}/{x}", "crs": "EPSG:3857"}, "TileRow"),
        ({"kind": "wmts", "url": "https://a.invalid/{s}/{z}/{x}/{y}", "crs": "EPSG:3857"}, "in full"),
        ({"kind": "wmts", "url": "ftp://a.invalid/{z}/{x}/{y}", "crs": "EPSG:3857"}, "https://"),
        ({"kind": "wmts", "url": "https://a.invalid; script-src *;/{z}/{x}/{y}", "crs": "EPSG:3857"}, "one host"),
        ({"kind": "wmts", "url": "https://*/{z}/{x}/{y}", "crs": "EPSG:3857"}, "one host"),
        ({"kind": "wmts", "url": "https://u:p@a.invalid/{z}/{x}/{y}", "crs": "EPSG:3857"}, "one host"),
        ({"kind": "wmts", "url": "https://wprd01.is.autonavi.com/{z}/{x}/{y}", "crs": "EPSG:3857"}, "GCJ-02"),
    ],
)  # fmt: skip
def test_settings_that_cannot_work_or_would_open_the_page_are_refused(review, base, told):
    with pytest.raises(InputError, match=told):
        draw_map(review, base_map=base)


def test_the_workspace_names_it(tmp_path):
    file = tmp_path / "onemap.yaml"
    head = "name: a\ncrs: EPSG:4529\n"
    file.write_text(head + "base_map: {kind: mbtiles, path: town.mbtiles}\n", encoding="utf-8")
    assert Path(load_base_map(tmp_path).path) == tmp_path / "town.mbtiles"
    file.write_text(head + "base_map: {kind: tianditu, kee: abc}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"onemap\.yaml:3.*kee.*did you mean 'key'"):
        load_workspace(tmp_path)
    file.write_text(head + "base_map:\n  kind: wmts\n  url: x\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"onemap\.yaml:3.*needs crs"):
        load_workspace(tmp_path)
    file.write_text(head, encoding="utf-8")
    with pytest.raises(InputError, match="no 'base_map'"):
        load_base_map(tmp_path)
