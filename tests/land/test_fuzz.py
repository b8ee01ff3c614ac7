"""Damaged text files: rows or an InputError, the ledger held.

A round is 40 examples. ``make fuzz K=survey_text SECONDS=600`` goes on with rounds of 500 until so many seconds have
passed, for each test of that name, and prints how many rounds there were.
"""

import functools
import importlib.util
import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onemap.errors import InputError
from onemap.land.files import read_raw
from onemap.land.read import read_features
from onemap.land.workspace import load_workspace

_spec = importlib.util.spec_from_file_location("vct_writer", Path(__file__).with_name("vct_writer.py"))
writer = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(writer)

SECONDS = float(os.environ.get("ONEMAP_FUZZ_SECONDS", "0"))
ON_AND_ON = {"max_examples": 500, "derandomize": False, "database": None}
BOUNDED = settings(
    deadline=None, suppress_health_check=list(HealthCheck), **(ON_AND_ON if SECONDS else {"max_examples": 40})
)


def in_rounds(test):
    """One round of a test of hypothesis or, where seconds are given, rounds until they have passed."""

    @functools.wraps(test)
    def rounds(*arguments, **named):
        start, count = time.monotonic(), 0
        while not count or time.monotonic() - start < SECONDS:
            test(*arguments, **named)
            count += 1
        if SECONDS:
            print(f"\n{test.__name__}: {count} rounds, {time.monotonic() - start:.0f} s")

    return rounds


TXT = """[属性描述]
格式版本号=1.01版本
坐标系=2000国家大地坐标系
几度分带=3
投影类型=高斯克吕格
计量单位=米
带号=41
精度=0.001
转换参数=0,0,0,0,0,0,0
[地块坐标]
5,1.0000,甲,宗地,面,I-50,工业,0601,@
J1,1,4552000.000,41500000.000
J2,1,4552100.000,41500000.000
J3,1,4552100.000,41500100.000
J4,1,4552000.000,41500100.000
J1,1,4552000.000,41500000.000
J5,2,4552020.000,41500020.000
J6,2,4552040.000,41500020.000
J7,2,4552040.000,41500040.000
J5,2,4552020.000,41500020.000
"""
CSV = """TDYTQLXDM,MC,PZRQ,TDYTQMJ,WKT
030,甲,2020-03-01,10000,"POLYGON ((41500000 4552000, 41500100 4552000, 41500100 4552100, 41500000 4552000))"
010,"乙,丙",2020年3月1日,1公顷,"MULTIPOLYGON (((41500200 4552000, 41500300 4552000, 41500300 4552100, 41500200 4552000)))"
020,,,,
"""
POINTS = """地块编号,圈号,点号,X,Y,用途
甲,1,J1,4552000,41500000,工业
甲,1,J2,4552100,41500000,
甲,1,J3,4552100,41500100,
乙,1,J1,4552000,41500300,工业
乙,1,J2,4552100,41500300,
乙,1,J3,4552100,41500400,
"""
YAML = """name: 试
crs: EPSG:4529
as_of: 2024-03-01
dates: {plan_approval: 2024-10-28}
town: admin_district
datum:
  - {from: Xian 1980, kind: 4, parameters: {de_m: 1, dn_m: 1, rotation_sec: 0, scale_ppm: 0}, convention: clockwise,
     crs: EPSG:2365, source: x, date: 2019-01-01, limit_m: 2, check_points: [{from: [41500000, 4552000], to: [41500001, 4552001]}]}
sources:
  - {layer: admin_district, path: xzq.gpkg, extent: town}
  - layer: land_use_zones
    path: z.csv
    crs: EPSG:4529
    where: {MC: 甲}
    fields: {class_code: TDYTQLXDM}
    split: {field: items, separator: "、"}
    extent: [41500000, 4552000, 41500010, 4552010]
    data_date: 2022-12-31
none:
  - {layer: railway_land, statement: 无, stated_on: 2024-01-10, extent: town}
sites: sites
"""
PLAIN = """name: 试
crs: EPSG:4529
town: admin_district
sources:
  - {layer: admin_district, path: xzq.gpkg, extent: town}
  - {layer: land_use_zones, path: z.csv, crs: "EPSG:4529", extent: town}
"""
ODD = [
    "", ",", "@", "0", "-1", "1e400", "nan", "NaN", "inf", "9" * 30, "\0", "\ufeff", "=", "[", "]", "{", "}", ":", "- ", "&a", "*a",
    "!!python/object:os.system", "<<", "|", ">", "\t", "\r", "\n", "，", "；", "J1,1,1,1", "POLYGON", "POLYGON EMPTY", "((", "EMPTY",
    "SRID=4529;", "面", "线", "null", "~", "true", "2024-02-30", "圈", "\udcff",
]  # fmt: skip


@st.composite
def damaged(draw, text):
    """A text with a few places cut, doubled, exchanged or overwritten."""
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(len(text) - 1, 0)))
        size = draw(st.integers(0, 30))
        what = draw(st.sampled_from(["cut", "double", "odd", "text", "digits", "end"]))
        piece = text[at : at + size]
        new = {
            "cut": "", "double": piece * 2, "odd": draw(st.sampled_from(ODD)), "text": draw(st.text(max_size=8)),
            "digits": str(draw(st.integers(-(10**20), 10**20))), "end": None,
        }[what]  # fmt: skip
        text = text[:at] if new is None else text[:at] + new + text[at + size :]
    encoding = draw(st.sampled_from(["utf-8", "gb18030", "utf-16", "utf-8-sig"]))
    return text.encode(encoding, "surrogatepass" if encoding == "utf-16" else "replace")


def holds(path):
    try:
        raws = read_raw(path)
    except InputError as error:
        assert str(error)
        return
    for raw in raws:
        assert len(raw.columns) == len(raw.geometry) <= raw.promised
        assert raw.columns.index.is_unique


@in_rounds
@BOUNDED
@given(data=damaged(TXT))
def test_survey_text(tmp_path, data):
    (tmp_path / "a.txt").write_bytes(data)
    holds(tmp_path / "a.txt")


@in_rounds
@BOUNDED
@given(data=st.one_of(damaged(CSV), damaged(POINTS)))
def test_csv(tmp_path, data):
    (tmp_path / "a.csv").write_bytes(data)
    holds(tmp_path / "a.csv")


@in_rounds
@BOUNDED
@given(data=st.data())
def test_vct(town, tmp_path, data):
    frame = town.frame([town.square(), town.square(100)], BSM=["1", "2"], DLBM=["0103", "0301"])
    text = writer.vct(frame, {"BSM": ("Char", 18), "DLBM": ("Char", 5)}).replace("\r\n", "\n")
    (tmp_path / "a.vct").write_bytes(data.draw(damaged(text)))
    holds(tmp_path / "a.vct")


@in_rounds
@BOUNDED
@given(data=damaged(YAML))
def test_workspace(tmp_path, data):
    (tmp_path / "onemap.yaml").write_bytes(data)
    try:
        load_workspace(tmp_path)
    except InputError as error:
        assert "onemap.yaml" in str(error) or str(error)


@in_rounds
@settings(BOUNDED, max_examples=max(10, BOUNDED.max_examples // 4))
@given(yaml=st.one_of(st.just(PLAIN.encode()), damaged(PLAIN)), table=damaged(CSV))
def test_workspace_and_table_together(town, catalogue, check, yaml, table):
    (town.path / "z.csv").write_bytes(table)
    (town.path / "onemap.yaml").write_bytes(yaml)
    try:
        layers = read_features(town.path, catalogue)
    except InputError:
        return
    check(layers)


@pytest.mark.parametrize("rows", [0, 1])
def test_a_table_of_a_head_alone_is_read_as_no_rows(town, catalogue, check, rows):
    (town.path / "z.csv").write_text("".join(CSV.splitlines(keepends=True)[: 1 + rows]), encoding="utf-8")
    (town.path / "onemap.yaml").write_text(PLAIN, encoding="utf-8")
    layers = read_features(town.path, catalogue)
    check(layers)
    assert (layers.sources.set_index("layer")["rows_read"]["land_use_zones"]) == rows
