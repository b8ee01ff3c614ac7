"""The map of a whole city in Chromium without a network: opening, panning, zooming, and the card behind a click.

Usage: ``python -m benchmarks.city_map`` (``--size M``, or ``--store OUT`` for a blueprint that was built). Promised: opens
within 5 s and pans smoothly at 100,000 faces and more. The peer is the same number of faces drawn by folium.GeoJson on
canvas, which is asked for with ``--peer`` only: it takes minutes. What dominates: unpacking the faces, then painting tiles.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import folium
from playwright.sync_api import Page, sync_playwright

import onemap as om
from benchmarks.measured import city
from benchmarks.one_site import AS_OF, REACH_M, layers_of
from onemap.present.facelayer import draw_city
from onemap.present.inline import inline

CHROMIUM = "/usr/bin/chromium"
QUIET = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
PROMISED_S, PATIENCE_MS = 5.0, 600_000
PAINTED = """() => document.querySelector('.leaflet-tile-loaded, .leaflet-overlay-pane canvas')
  && !document.querySelector('.leaflet-tile:not(.leaflet-tile-loaded)')"""
COUNT_GAPS = """() => { window.gaps = []; let last = performance.now();
  const tick = (now) => { gaps.push(now - last); last = now; requestAnimationFrame(tick); }; requestAnimationFrame(tick); }"""
MIDDLE = """() => { const box = onemap.map.getContainer().getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2]; }"""


def main() -> None:
    """Print what was measured beside what was promised."""
    options = argparse.ArgumentParser(description=main.__doc__)
    options.add_argument("--size", default="M", choices=list(REACH_M))
    options.add_argument("--data", help="folder of the city, {size} is filled in; made when not given")
    options.add_argument("--store", type=Path)
    options.add_argument("--peer", action="store_true")
    chosen = options.parse_args()
    town = om.read_blueprint(chosen.store) if chosen.store else _built(chosen.size, chosen.data)
    with tempfile.TemporaryDirectory() as place:
        start = time.process_time()
        path = draw_city(town).save(Path(place) / "city.html")
        drawn = time.process_time() - start
        print(f"{len(town.faces):,} faces, {path.stat().st_size / 1e6:.1f} MB, drawn in {drawn:.1f} CPU s")
        visit(path, True)
        if chosen.peer:
            visit(_peer(town, Path(place) / "peer.html"), False)


def visit(path: Path, ours: bool) -> None:
    """Open a page and print how long it takes and how it moves; every request beyond the page itself is counted."""
    asked: list[str] = []
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(PATIENCE_MS)
        page.on("request", lambda request: asked.append(request.url))
        page.route("http*://**", lambda route: route.abort())
        start = time.perf_counter()
        page.goto(path.as_uri(), timeout=PATIENCE_MS)
        if ours:
            page.locator("html[data-faces]").wait_for(state="attached")
        while not page.evaluate(PAINTED):
            page.wait_for_timeout(20)
        took = time.perf_counter() - start
        print(
            f"{'onemap' if ours else 'folium.GeoJson'}: painted after {took:.2f} s (promised {PROMISED_S:g}), ",
            end="",
        )
        print(f"{len(asked) - 1} requests to a network")
        _move(page, ours)
        browser.close()


def _move(page: Page, ours: bool) -> None:
    x, y = page.evaluate(MIDDLE) if ours else (700, 450)
    page.evaluate(COUNT_GAPS)
    _print_gaps(page, "panning the whole", lambda: _drag(page, x, y))
    if ours:
        start = time.perf_counter()
        page.mouse.click(x, y)
        page.locator(".leaflet-popup-content").wait_for()
        plans = page.locator(".leaflet-popup-content .plans tr").count()
        print(f"  a click tells {plans} plans after {time.perf_counter() - start:.2f} s")
        page.keyboard.press("Escape")
    page.mouse.move(x, y)
    _print_gaps(
        page,
        "zooming in",
        lambda: [(page.mouse.wheel(0, -300), page.wait_for_timeout(700)) for _ in range(3)],
    )
    _print_gaps(page, "panning close up", lambda: _drag(page, x, y))


def _drag(page: Page, x: float, y: float) -> None:
    for way in (1, -1, 1, -1):
        page.mouse.move(x, y)
        page.mouse.down()
        for step in range(30):
            page.mouse.move(x + way * step * 10, y + way * step * 4)
            page.wait_for_timeout(16)
        page.mouse.up()
        page.wait_for_timeout(200)


def _print_gaps(page: Page, what: str, act: Any) -> None:
    page.evaluate("() => { gaps.length = 0; }")
    act()
    gaps = sorted(page.evaluate("gaps"))
    middle, most = gaps[len(gaps) // 2], gaps[int(len(gaps) * 0.95)]
    print(
        f"  {what}: {len(gaps)} frames, median {middle:.0f} ms, 95 % {most:.0f} ms, worst {gaps[-1]:.0f} ms"
    )


def _peer(town: Any, path: Path) -> Path:
    figure = folium.Map(tiles=None, prefer_canvas=True)
    folium.GeoJson(town.faces[["geometry"]].to_crs(4490).to_json()).add_to(figure)
    west, south, east, north = town.faces.to_crs(4490).total_bounds
    figure.fit_bounds([[south, west], [north, east]])
    path.write_text(inline(figure), encoding="utf-8")
    return path


def _built(size: str, folder: str | None) -> Any:
    book = om.load_rulebook(AS_OF)
    return om.build_blueprint(layers_of(city(size, folder).resolve(), size, book), book)


if __name__ == "__main__":
    main()
