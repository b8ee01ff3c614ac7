"""The blueprint handed on: what was written is read, in one step, and says what is wrong with it."""

import signal
import subprocess
import sys
import time

import pandas as pd
import pyogrio
import pytest

import onemap as om
from onemap.blueprint.package import TABLES
from onemap.errors import InputError


@pytest.fixture(scope="module")
def written(town, tmp_path_factory):
    return om.write_blueprint(town, tmp_path_factory.mktemp("store") / "town.gpkg")


def test_round_trip(town, written, sites, book, reviewed):
    again = om.read_blueprint(written)
    assert again.version == town.version and again.crs == town.crs
    for name in TABLES:
        ours, theirs = getattr(town, name), getattr(again, name)
        assert len(ours) == len(theirs), name
        assert list(theirs.columns) == list(ours.columns[: len(theirs.columns)]) or set(
            theirs.columns
        ) <= set(ours.columns)
    assert again.faces["area_m2"].tolist() == town.faces["area_m2"].tolist()
    assert (again.faces.geometry.to_wkb() == town.faces.geometry.to_wkb()).all()
    result = om.review(sites.parcels, again, book, sites.issues)
    pd.testing.assert_frame_equal(result.decisions, reviewed.decisions, check_dtype=False)
    columns = ["parcel_id", "rule_id", "status", "feature_ids"]
    pd.testing.assert_frame_equal(result.findings[columns], reviewed.findings[columns], check_dtype=False)


def test_same_blueprint_same_bytes(town, written, tmp_path):
    assert om.write_blueprint(town, tmp_path / "again.gpkg").read_bytes() == written.read_bytes()


def test_faces_say_what_every_plan_says(written):
    faces = pyogrio.read_dataframe(written, layer="faces", max_features=2000)
    assert faces["plans"].str.contains("land_use_zones=030").any()
    assert "4529" in str(faces.crs.to_epsg())


@pytest.mark.parametrize("content", [None, b"", b"not a package", b"SQLite format 3\0" + b"\0" * 200])
def test_what_is_no_blueprint_is_refused(tmp_path, content):
    path = tmp_path / "x.gpkg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match="x.gpkg"):
        om.read_blueprint(path)


def test_another_geopackage_is_refused(sites, tmp_path):
    sites.parcels[["parcel_id", "geometry"]].to_file(tmp_path / "sites.gpkg")
    with pytest.raises(InputError, match="not a blueprint: no table"):
        om.read_blueprint(tmp_path / "sites.gpkg")


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is not known to Windows")
def test_killed_while_writing_leaves_the_old_one_whole(written, tmp_path):
    path = tmp_path / "town.gpkg"
    path.write_bytes(written.read_bytes())
    code = (
        "import sys, onemap as om\n"
        f"town = om.read_blueprint(r'{written}')\n"
        "print('ready', flush=True)\n"
        f"[om.write_blueprint(town, r'{path}') for _ in range(50)]\n"
    )
    for delay in (0.05, 0.3):
        worker = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert worker.stdout.readline().strip() == "ready"
        time.sleep(delay)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        assert om.read_blueprint(path).version == om.read_blueprint(written).version


def test_folder_of_geoparquet(town, tmp_path):
    """Every frame as a file that other tools open: faces with their CRS and what each plan says there."""
    import geopandas as gpd

    folder = om.write_blueprint(town, tmp_path / "tables")
    assert {p.stem for p in folder.glob("*.parquet")} == set(TABLES)
    faces = gpd.read_parquet(folder / "faces.parquet")
    assert faces.crs == town.crs and (faces.geometry.to_wkb() == town.faces.geometry.to_wkb()).all()
    assert faces["plans"].str.contains("land_use_zones=030").any()
    assert len(pd.read_parquet(folder / "covers.parquet")) == len(town.covers)


def test_the_path_tells_the_form(town, tmp_path, layers, book):
    om.build_city(layers, book, tmp_path / "out" / "blueprint", tile=9000)
    for path in (tmp_path / "out", tmp_path / "out" / "blueprint"):
        assert om.read_blueprint(path).version == town.version
    om.write_blueprint(town, tmp_path / "other" / "blueprint.gpkg")
    assert om.read_blueprint(tmp_path / "other").version == town.version
    with pytest.raises(InputError, match="no blueprint"):
        om.read_blueprint(tmp_path)
