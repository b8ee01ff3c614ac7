"""File geodatabases as ArcGIS leaves them: aliases, coded values, arcs."""

import csv
import importlib.util
import json
import math
import zipfile
from pathlib import Path

import pytest

from onemap.book.words import issue_words
from onemap.land.files import read_raw
from onemap.land.parcels import read_parcels
from onemap.land.propose import propose
from onemap.land.read import read_features

_spec = importlib.util.spec_from_file_location("gdal_writer", Path(__file__).with_name("gdal_writer.py"))
writer = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(writer)

X, Y = 41_500_000, 4_552_000
ARC = f"CURVEPOLYGON(CIRCULARSTRING({X + 50} {Y},{X} {Y + 50},{X - 50} {Y},{X} {Y - 50},{X + 50} {Y}))"
SOURCE = "- {layer: land_use_zones, path: %s, extent: town%s}\n"


def square(at):
    a, b = X + at, X + at + 100
    return f"MULTIPOLYGON((({a} {Y},{b} {Y},{b} {Y + 100},{a} {Y + 100},{a} {Y})))"


FIELDS = {"F1": ("TDYTQLXDM", "用途区"), "F2": ("名称", None), "F3": ("状态", "状态"), "SL": (None, "水利")}
DOMAINS = {
    "用途区": {"1": "城镇建设用地区", "2": "一般农地区", "030": "别的名称"},
    "状态": {"1": "现行有效", "2": "草案"},
    "水利": {"1": "是"},
}
ROWS = [
    (square(0), ("1", "甲", "1", "1")),
    (square(200), ("2", "乙", "2", "7")),
    (square(400), ("030", "丙", "1", "1")),
    (square(600), ("9", "丁", "1", "1")),
]


@pytest.fixture(params=["folder", "zip"])
def zones(town, request):
    path = writer.write(town.path / "库.gdb", "OpenFileGDB", "ZONES", FIELDS, ROWS, DOMAINS)
    if request.param == "folder":
        return path.name
    with zipfile.ZipFile(town.path / "库.zip", "w") as bundle:
        for file in path.iterdir():
            bundle.write(file, f"库.gdb/{file.name}")
    return "库.zip"


def test_aliases_and_coded_values(town, catalogue, check, zones):
    layers = read_features(town.write(SOURCE % (zones, "")), catalogue)
    check(layers)
    got = layers.features[layers.features["layer"] == "land_use_zones"]
    assert got["name"].tolist() == ["甲", "乙", "丙", "丁"]
    assert got["class_code"].tolist() == ["030", "020", "030", "9"], (
        "codes of the book keep their own meaning"
    )
    assert got["law_status"].tolist() == ["in_force", "draft", "in_force", "in_force"]
    assert json.loads(got["attributes"].iloc[1]) == {"SL": "7"}, "no field of the book: as it stands"
    used = layers.issues[layers.issues["issue"] == "domain_used"]
    assert dict(zip(used["field"], used["value"], strict=True)) == {"class_code": "F1", "law_status": "F3"}
    assert layers.issues.loc[layers.issues["issue"] == "unknown_code", "value"].tolist() == ["9"]


def test_an_alias_serves_in_the_workspace_and_in_the_proposal(town, catalogue, zones):
    layers = read_features(
        town.write(SOURCE % (zones, ", fields: {authority: 名称}, where: {名称: [甲, 乙]}")), catalogue
    )
    got = layers.features[layers.features["layer"] == "land_use_zones"]
    assert got["authority"].tolist() == ["甲", "乙"]
    (town.path / "onemap.yaml").unlink()
    assert "land_use_zones" in propose(town.path, catalogue)


def test_sites_of_a_geodatabase(town, catalogue):
    fields = {"F1": ("项目名称", None), "F2": ("供地方式", "供地")}
    path = writer.write(
        town.path / "s.gdb",
        "OpenFileGDB",
        "SITES",
        fields,
        [(square(0), ("厂", "1"))],
        {"供地": {"1": "划拨"}},
    )
    sites = read_parcels(path, "EPSG:4529", catalogue).parcels
    assert sites[["project_name", "supply_mode"]].values.tolist() == [["厂", "allocation"]]


@pytest.mark.parametrize(("name", "driver"), [("a.gdb", "OpenFileGDB"), ("a.gpkg", "GPKG")])
def test_arcs_become_chords_of_a_tenth_of_a_degree(tmp_path, name, driver):
    shape = f"MULTISURFACE({ARC})"
    (raw,) = read_raw(writer.write(tmp_path / name, driver, "Z", {"MC": (None, None)}, [(shape, ("圆",))]))
    step = math.radians(0.1)
    inscribed = 2500 / 2 * (2 * math.pi / step) * math.sin(step)
    assert raw.geometry[0].area == pytest.approx(inscribed, abs=0.003)


def test_the_tolerance_of_arcs_is_told_by_file():
    curves = (
        Path(__file__).resolve().parents[3] / "shared" / "data" / "gdal_autotest" / "filegdb" / "curves.gdb"
    )
    if not curves.is_dir():
        pytest.skip("no ../shared/data")
    for table in ("polygon", "line"):
        with curves.with_name(f"curves_{table}.csv").open(encoding="utf-8") as file:
            bent = ["CIRCULARSTRING" in row["WKT"] for row in csv.DictReader(file)]
        (raw,) = read_raw(curves, table)
        ((_, fids, told),) = [note for note in raw.notes if note[0] == "curves_straightened"]
        assert fids.split("|") == raw.columns.index[bent].tolist()
        assert (told.values["count"], told.values["degrees"]) == (sum(bent), 0.1)
    radius, angle = 100_000, math.radians(0.1)  # mm
    assert 0 <= told.values["off_mm"] - radius * (1 - math.cos(angle / 2)) < 0.01


def test_a_layer_says_how_its_arcs_were_made_straight(town, catalogue):
    shape = f"MULTISURFACE({ARC})"
    rows = [(shape, ("030",)), (square(400), ("030",))]
    path = writer.write(town.path / "弧.gpkg", "GPKG", "Z", {"TDYTQLXDM": (None, None)}, rows)
    issues = read_features(town.write(SOURCE % (path.name, "")), catalogue).issues
    (row,) = issues[issues["issue"] == "curves_straightened"].to_dict("records")
    assert row["severity"] == "info" and row["source_fid"] == "1"
    words = issue_words(row, catalogue.texts, "zh")
    assert "1 处有弧线" in words and "0.1°" in words and "0.04 毫米" in words
