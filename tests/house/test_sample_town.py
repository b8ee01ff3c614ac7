"""The sample town is what its generator makes, and its quirks are really in the files."""

import csv
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely
from shapely import Polygon

SAMPLE = Path(__file__).resolve().parents[2] / "layers" / "sample"
SHAPEFILES = {"tdytq.shp": "GB18030", "jsydgzq.shp": "GB18030", "csztgh.shp": None, "nzypf.shp": None}
CONTAINERS = ("dltb.gpkg", "kgyd.gpkg", "special.gpkg", "sanxian.gdb.zip", "sites/sites.gpkg")


def tables(folder):
    """Every table of the town by (file, table name), read as it lies there."""
    found = {}
    for name, encoding in SHAPEFILES.items():
        found[name, ""] = gpd.read_file(folder / name, encoding=encoding)
    for name in CONTAINERS:
        for table in sorted(pyogrio.list_layers(folder / name)[:, 0]):
            found[name, table] = gpd.read_file(folder / name, layer=table)
    return found


@pytest.fixture(scope="module")
def town():
    return tables(SAMPLE)


def pieces(frame):
    return shapely.get_parts(frame.geometry.values)


def test_making_it_again_gives_the_same_town(tmp_path, town):
    subprocess.run([sys.executable, str(SAMPLE / "make_town.py"), str(tmp_path)], check=True)
    again = tables(tmp_path)
    assert again.keys() == town.keys()
    for key, committed in town.items():
        made = again[key]
        assert made.crs == committed.crs, key
        left, right = (f.drop(columns="geometry") for f in (made, committed))
        assert left.astype(str).equals(right.astype(str)), key
        tolerance = 1e-6 if committed.crs.is_projected else 1e-11
        old, new = committed.geometry.values, made.geometry.values
        here = shapely.is_missing(old)
        assert (here == shapely.is_missing(new)).all(), key
        assert shapely.equals_exact(new[~here], old[~here], tolerance).all(), key
    assert (tmp_path / "sites" / "P11.txt").read_bytes() == (SAMPLE / "sites" / "P11.txt").read_bytes()


def test_two_makings_write_the_same_bytes_where_the_format_allows(tmp_path):
    for name in ("one", "two"):
        subprocess.run([sys.executable, str(SAMPLE / "make_town.py"), str(tmp_path / name)], check=True)
    for file in sorted((tmp_path / "one").rglob("*")):
        if file.is_file() and not file.name.endswith(".gdb.zip"):  # a FileGDB carries random identifiers
            assert (
                file.read_bytes() == (tmp_path / "two" / file.relative_to(tmp_path / "one")).read_bytes()
            ), file.name


def test_it_stays_small():
    assert (
        sum(f.stat().st_size for f in SAMPLE.rglob("*") if f.is_file() and "__pycache__" not in f.parts) < 8e6
    )


def test_nothing_tells_the_encoding_of_the_land_use_zones():
    assert not (SAMPLE / "tdytq.cpg").exists()
    dbf = (SAMPLE / "tdytq.dbf").read_bytes()
    assert dbf[29] == 0
    assert "城镇建设用地区".encode("gbk") in dbf
    with pytest.raises(UnicodeDecodeError):
        dbf.decode("utf-8")


@pytest.mark.parametrize(
    ("file", "table", "epsg"),
    [
        ("tdytq.shp", "", 4529), ("jsydgzq.shp", "", 4529), ("csztgh.shp", "", 4550), ("nzypf.shp", "", 4529),
        ("dltb.gpkg", "现状地类图斑", 4529), ("kgyd.gpkg", "控规用地", 4529), ("special.gpkg", "公路用地", 4529),
        ("sanxian.gdb.zip", "永久基本农田", 4529), ("sanxian.gdb.zip", "生态保护红线", 4490), ("sites/sites.gpkg", "项目用地", 4529),
    ],
)  # fmt: skip
def test_every_file_is_in_the_crs_it_should_be_in(town, file, table, epsg):
    frame = town[file, table]
    assert frame.crs.to_epsg() == epsg
    west, south, east, north = frame.total_bounds
    if epsg == 4490:
        assert 122.9 < west < east < 123.1 and 41.0 < south < north < 41.2
    else:
        start = 41_000_000 if epsg == 4529 else 0
        assert start + 490_000 < west < east < start + 510_000
        assert 4_540_000 < south < north < 4_560_000


def test_partitions_are_coverages_of_the_town_but_for_one_hole(town):
    whole = shapely.union_all(town["special.gpkg", "行政区"].geometry.values)
    for key in (("tdytq.shp", ""), ("jsydgzq.shp", ""), ("csztgh.shp", ""), ("dltb.gpkg", "现状地类图斑")):
        parts = pieces(town[key])
        assert shapely.is_valid(parts).all(), key
        if key[0] != "csztgh.shp":
            assert shapely.coverage_is_valid(parts), key
            missing = whole.area - shapely.area(parts).sum()
            assert (1e4 < missing < 2e5) if key[0] == "tdytq.shp" else abs(missing) < 1e-3, key
    gap = whole.difference(shapely.union_all(town["tdytq.shp", ""].geometry.values))
    assert len([g for g in shapely.get_parts(gap) if g.area > 1]) == 1


def test_the_master_plan_follows_the_land_use_zones_only_roughly(town):
    plan = town["csztgh.shp", ""].to_crs(4529)
    zones = shapely.get_coordinates(town["dltb.gpkg", "现状地类图斑"].geometry.values)
    tree = shapely.STRtree(shapely.points(zones))
    corners = shapely.points(shapely.get_coordinates(plan.geometry.values))
    _, distance = tree.query_nearest(corners, return_distance=True, all_matches=False)
    assert 0.3 < np.median(distance) < 2.0
    assert distance.max() < 2.1
    labels = set(plan["YDXZ"])
    assert "中小学用地(A33)" in labels and "S1" in labels


def test_one_farmland_patch_is_a_bow_tie_and_one_wood_touches_itself(town):
    farmland = pieces(town["sanxian.gdb.zip", "永久基本农田"])
    broken = farmland[~shapely.is_valid(farmland)]
    assert len(broken) == 1
    assert "Self-intersection" in shapely.is_valid_reason(broken[0])
    assert shapely.make_valid(broken[0], method="structure").geom_type == "MultiPolygon"
    woods = pieces(town["special.gpkg", "林地"])
    touching = woods[~shapely.is_valid(woods)]
    assert len(touching) == 1
    assert "Ring Self-intersection" in shapely.is_valid_reason(touching[0])
    mended = shapely.make_valid(touching[0], method="structure", keep_collapsed=False)
    assert mended.area == pytest.approx(touching[0].area, abs=1e-6)
    corners = {tuple(c) for c in shapely.get_coordinates(touching[0])}
    assert {tuple(c) for c in shapely.get_coordinates(mended)} == corners


@pytest.mark.parametrize("table", ["区域评估", "矿业权"])
def test_some_layers_overlap_themselves(town, table):
    parts = pieces(town["special.gpkg", table])
    assert shapely.area(parts).sum() - shapely.union_all(parts).area > 1000


def test_geohazards_and_detailed_plans_are_mapped_in_part_only(town):
    whole = shapely.union_all(town["special.gpkg", "行政区"].geometry.values).area
    west = town["special.gpkg", "地灾调查范围"]
    assert 0.4 < west.area.sum() / whole < 0.65
    assert west.total_bounds[2] == pytest.approx(41_500_450)
    assert 0.2 < town["kgyd.gpkg", "控规编制范围"].area.sum() / whole < 0.4
    assert {len(c) for c in town["kgyd.gpkg", "控规用地"]["YDYHFLDM"]} == {4, 6}


def site(town, number, plot="1"):
    frame = town["sites/sites.gpkg", "项目用地"]
    return frame.loc[(frame["项目编号"] == number) & (frame["地块编号"] == plot), "geometry"].iloc[0]


def share(town, number, file, table, column=None, values=None):
    frame = town[file, table].to_crs(4529)
    frame = frame[frame.is_valid]
    if column:
        frame = frame[frame[column].isin(values)]
    shape = site(town, number)
    return shape.intersection(shapely.union_all(frame.geometry.values)).area / shape.area


RANGE = ("tdytq.shp", "", "TDYTQLXDM", ["030"])


def test_sites_lie_as_they_were_meant_to(town):
    shape = site(town, "P02")
    outside = shape.difference(
        shapely.union_all(town["tdytq.shp", ""].query("TDYTQLXDM == '030'").geometry.values)
    )
    assert outside.area == pytest.approx(30.0, abs=0.02)
    assert 2 * outside.area / outside.length == pytest.approx(0.3, abs=0.002)
    assert share(town, "P03", *RANGE) == pytest.approx(0.5, abs=1e-3)
    assert share(town, "P04", "tdytq.shp", "") == 0
    assert share(town, "P01", *RANGE) == pytest.approx(1, abs=1e-9)
    assert share(town, "P06", "sanxian.gdb.zip", "永久基本农田") == pytest.approx(1)
    assert 0.2 < share(town, "P07", "sanxian.gdb.zip", "生态保护红线") < 0.8
    assert share(town, "P23", "special.gpkg", "地灾调查范围") == 0
    assert share(town, "P24", "special.gpkg", "行政区") == 0
    for district in ("990102", "990103"):
        assert share(town, "P10", "special.gpkg", "行政区", "XZQDM", [district]) == pytest.approx(
            0.5, abs=0.01
        )
    road = shapely.union_all(town["special.gpkg", "公路用地"].query("DJDM == 'S'").geometry.values)
    assert site(town, "P12").distance(road) == pytest.approx(10, abs=0.005)


def test_the_bad_patch_covers_its_site_and_the_farmland_only_touches_its_neighbour(town):
    farmland = pieces(town["sanxian.gdb.zip", "永久基本农田"])
    bow = farmland[~shapely.is_valid(farmland)][0]
    assert bow.convex_hull.contains(site(town, "P05"))
    good = shapely.union_all(farmland[shapely.is_valid(farmland)])
    shape = site(town, "P13")
    assert shape.intersection(good).area < 0.005
    assert shape.buffer(0.01).intersection(good).length > 200


def test_the_survey_text_is_north_first_with_a_hole():
    text = (SAMPLE / "sites" / "P11.txt").read_bytes().decode("gbk")
    assert "带号=41" in text and "坐标系=2000国家大地坐标系" in text
    rings = {}
    for line in text.split("[地块坐标]")[1].split()[1:]:
        _, ring, north, east = line.split(",")
        assert 4e6 < float(north) < 5e6 and 41e6 < float(east) < 42e6
        rings.setdefault(ring, []).append((float(east), float(north)))
    shell, hole = (Polygon(rings[k]) for k in ("1", "2"))
    assert shell.contains(hole)
    declared = float(text.split("[地块坐标]")[1].split()[0].split(",")[1])
    assert declared == pytest.approx((shell.area - hole.area) / 1e4, abs=1e-4)


def test_every_project_has_an_expectation(town):
    with (SAMPLE / "expected.csv").open(encoding="utf-8", newline="") as file:
        expected = {row["project_id"]: row for row in csv.DictReader(file)}
    projects = set(town["sites/sites.gpkg", "项目用地"]["项目编号"]) | {"P11"}
    assert expected.keys() == projects
    verdicts = {row["verdict_2024-03-01"] for row in expected.values()}
    assert verdicts >= {"clear", "conditional", "prohibited", "incomplete"}
    routes = {
        row[f"route_{day}"] for row in expected.values() for day in ("2019-06-01", "2024-03-01", "2026-06-01")
    }
    assert routes >= {
        "may_skip",
        "not_required",
        "convert_directly",
        "provincial_opinion",
        "required",
        "needs_review",
    }
