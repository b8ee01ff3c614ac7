import textwrap
from types import SimpleNamespace

import geopandas as gpd
import pytest
import shapely

from onemap.book.catalogue import load_catalogue

CX, CY = 41_500_000.0, 4_552_000.0


@pytest.fixture(scope="session")
def catalogue():
    return load_catalogue()


def square(x=0.0, y=0.0, size=100.0):
    """A square in EPSG:4529, placed from the middle of the test town."""
    return shapely.box(CX + x, CY + y, CX + x + size, CY + y + size)


def frame(geoms, crs="EPSG:4529", **columns):
    return gpd.GeoDataFrame(columns, geometry=list(geoms), crs="EPSG:4529").to_crs(crs) if crs != "EPSG:4529" else (
        gpd.GeoDataFrame(columns, geometry=list(geoms), crs=crs)
    )  # fmt: skip


@pytest.fixture
def town(tmp_path):
    """A workspace with a square town of 4 km; ``town.write(sources, …)`` adds its yaml."""
    frame([shapely.box(CX - 2000, CY - 2000, CX + 2000, CY + 2000)], XZQDM=["990102"]).to_file(
        tmp_path / "xzq.gpkg", layer="xzq", engine="pyogrio"
    )

    def write(sources="", none="", extra="", crs="EPSG:4529"):
        text = f"name: 试\ncrs: {crs}\nas_of: 2024-03-01\ntown: admin_district\nsources:\n"
        text += "  - {layer: admin_district, path: xzq.gpkg, extent: town}\n"
        text += textwrap.indent(textwrap.dedent(sources), "  ")
        if none:
            text += "none:\n" + textwrap.indent(textwrap.dedent(none), "  ")
        (tmp_path / "onemap.yaml").write_text(text + extra, encoding="utf-8")
        return tmp_path

    return SimpleNamespace(path=tmp_path, write=write, square=square, frame=frame)


def ledger_holds(layers):
    s = layers.sources
    assert (s["rows_read"] == s["rows_kept"] + s["rows_quarantined"] + s["rows_empty"]).all(), s
    assert layers.features["feature_id"].is_unique
    assert layers.features.geometry.is_valid.all()
    for row in s[s["status"].isin(["missing", "unreadable", "no_crs"])].itertuples():
        assert row.message and (layers.issues["value"] == row.path).any()


@pytest.fixture
def check():
    return ledger_holds
