import contextlib
import json
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import geopandas as gpd
import pytest
import shapely

from onemap.book.catalogue import load_catalogue

CX, CY = 41_500_000.0, 4_552_000.0
HOLD = "import json, os, sys; print(json.dumps(dict(os.environ)), flush=True); sys.stdin.read()"


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


def _absent() -> str:
    if shutil.which("pg_virtualenv") is None:
        return "no pg_virtualenv: install postgresql-common and postgresql"
    if not list(Path("/usr/share/postgresql").glob("*/extension/postgis.control")):
        return "no PostGIS for this PostgreSQL: install postgresql-15-postgis-3"
    return ""


@pytest.fixture(scope="module")
def server():
    """Address of a fresh database with PostGIS, of Debian's packages; the server ends with the tests."""
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'onemap[postgis]'")
    if reason := _absent():
        pytest.skip(reason)
    process = subprocess.Popen(
        ["pg_virtualenv", "-t", sys.executable, "-c", HOLD],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    said = ""
    for line in process.stdout:
        said = line
        if line.startswith("{"):
            break
    else:
        pytest.skip(f"the server did not start: {process.stderr.read()[-300:] or said}")
    env = json.loads(said)
    port, user, word = (env[f"PG{k}"] for k in ("PORT", "USER", "PASSWORD"))
    address = f"postgresql://{user}:{word}@localhost:{port}/plans"
    try:
        with psycopg.connect(address.replace("/plans", "/postgres"), autocommit=True) as link:
            link.execute("CREATE DATABASE plans ENCODING 'UTF8' TEMPLATE template0")
        with psycopg.connect(address) as link:
            link.execute("CREATE EXTENSION postgis")
        yield address
    finally:
        with contextlib.suppress(BrokenPipeError):
            process.communicate(timeout=60)
