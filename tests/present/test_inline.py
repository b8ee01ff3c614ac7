"""One file, nothing fetched, nothing run but what is ours."""

import hashlib
import re

import folium
import geopandas as gpd
import pytest
from folium.plugins import MarkerCluster
from shapely import box

from onemap.errors import InputError
from onemap.present.assets import asset, wheel_file
from onemap.present.inline import inline

KNOWN = {
    ("XStatic-Leaflet", "leaflet.js"): "5819285cec137b229c94e1ee5ad73e8b6b84345a4367d60f75fe477fe0fb7b03",
    ("XStatic-jQuery", "jquery.min.js"): "fc9a93dd241f6b045cbff0481cf4e1901becd0e12fb45166a8f17f95823f0b1a",
}
LOADED = re.compile(r"""<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)\s*=\s*["'](?!data:)([^"']+)""")


def made(**options):
    figure = folium.Map(tiles=None, **options)
    shape = {"type": "Polygon", "coordinates": [[[123, 41], [123.1, 41], [123.1, 41.1], [123, 41]]]}
    folium.GeoJson({"type": "Feature", "properties": {}, "geometry": shape}).add_to(figure)
    folium.LayerControl().add_to(figure)
    return figure


def test_the_libraries_are_the_ones_that_were_looked_at():
    for (distribution, name), digest in KNOWN.items():
        assert hashlib.sha256(wheel_file(distribution, name).read_bytes()).hexdigest() == digest


def test_nothing_is_loaded_by_address():
    page = inline(made())
    markup = re.sub(r"(<script\b[^>]*>).*?(</script>)", r"\1\2", page, flags=re.S)
    assert LOADED.findall(markup) == []
    assert "url(images/" not in page
    assert "sourceMappingURL" not in page


def test_same_map_same_bytes_and_rendering_leaves_the_map_as_it_was():
    figure = made()
    first = inline(figure)
    assert inline(figure) == first == inline(made())


def test_every_script_has_its_hash_and_there_is_no_unsafe_script_source():
    page = inline(made())
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1]
    sources = next(part for part in policy.split("; ") if part.startswith("script-src"))
    scripts = re.findall(r"<script>(.*?)</script>", page, re.S)
    assert len(set(re.findall(r"'sha256-[^']+'", sources))) == len(set(scripts)) >= 3
    assert "unsafe" not in sources
    assert policy.startswith("default-src 'none'")


def test_licences_stay():
    page = inline(made())
    assert "Volodymyr Agafonkin" in page
    assert "Redistributions in binary form" in page
    assert "jQuery v3.7.1" in page


def test_a_plugin_is_refused_by_name():
    figure = made()
    MarkerCluster().add_to(figure)
    with pytest.raises(InputError, match="not carried offline"):
        inline(figure)


def test_tiles_are_refused_unless_their_host_is_allowed():
    figure = made()
    folium.TileLayer(tiles="https://tiles.example.invalid/{z}/{x}/{y}.png", attr="x").add_to(figure)
    with pytest.raises(InputError, match="tiles.example.invalid"):
        inline(figure)
    page = inline(figure, allow_hosts=["https://tiles.example.invalid"])
    assert "img-src data: https://tiles.example.invalid;" in page


def test_default_tiles_of_explore_are_refused_and_explore_without_tiles_works():
    pytest.importorskip(
        "mapclassify", reason="GeoDataFrame.explore needs mapclassify, which is not installed"
    )
    frame = gpd.GeoDataFrame({"n": [1]}, geometry=[box(123, 41, 123.1, 41.1)], crs=4490)
    with pytest.raises(InputError, match="would fetch"):
        inline(frame.explore())
    assert "default-src 'none'" in inline(frame.explore(tiles=None))


def test_awesome_icons_are_refused():
    figure = made()
    folium.Marker([41, 123], icon=folium.Icon()).add_to(figure)
    with pytest.raises(InputError, match="Icon"):
        inline(figure)


def test_unknown_asset_is_refused():
    with pytest.raises(InputError, match="d3"):
        asset("https://cdn.example.invalid/d3.min.js")
