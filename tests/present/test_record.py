"""The record: valid by its schema, stable in order and bytes, readable by QGIS."""

import csv
import json
import math
import random
import sqlite3
import time
from xml.etree import ElementTree as xml

import geopandas as gpd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onemap.present import record
from onemap.present.record import (
    OPINION_COLUMNS,
    SCHEMA_FILE,
    opinion_rows,
    plain,
    report_names,
    review_record,
    write_geopackage,
    write_json,
    write_opinion_rows,
)
from onemap.present.write import write_review


def test_record_is_valid_by_the_published_schema(review, tmp_path):
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    record = json.loads(write_json(review, tmp_path / "review.json").read_text(encoding="utf-8"))
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(record, schema)
    record["decisions"][0]["verdict"] = "perhaps"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(record, schema)


def test_the_file_holds_the_whole_record_one_row_a_line(review, tmp_path, monkeypatch):
    monkeypatch.setattr(record, "ROWS_AT_ONCE", 2)
    text = write_json(review, tmp_path / "review.json").read_text(encoding="utf-8")
    assert json.loads(text) == review_record(review)
    assert len(json.loads(text)["findings"]) == len(review.findings)
    rows = sum(len(value) for value in json.loads(text).values() if isinstance(value, list))
    assert sum(line.startswith(" ") for line in text.splitlines()) == rows


def test_order_of_rows_does_not_matter(review, fresh_review):
    for name in ("parcels", "decisions", "findings", "facts", "overlaps", "preconditions"):
        table = getattr(fresh_review, name)
        setattr(fresh_review, name, table.sample(frac=1, random_state=random.Random(7).randrange(1000)))
    assert review_record(fresh_review) == review_record(review)


def test_lists_are_lists_and_unknown_is_null(review):
    record = review_record(review)
    third = next(row for row in record["decisions"] if row["project_id"] == "P3")
    assert third["consent"] == ["K21"] and third["missing_layers"] == ["ecological_redline"]
    assert third["reasons"][0]["conjuncts"][0]["low"] is None
    assert next(row for row in record["parcels"] if row["project_id"] == "P3")["declared_area_m2"] is None


@given(
    st.recursive(
        st.floats() | st.none() | st.booleans() | st.text(),
        lambda x: st.lists(x) | st.dictionaries(st.text(), x),
    )
)
def test_everything_plain_is_json(value):
    json.dumps(plain(value), allow_nan=False)


def test_geopackage_has_the_sites_with_their_answers_and_styles(review, tmp_path):
    path = write_geopackage(review, tmp_path / "review.gpkg")
    sites = gpd.read_file(path, layer="parcels").set_index("project_id")
    assert sites.at["P2", "verdict"] == "prohibited" and sites.crs.to_epsg() == 4529
    assert math.isclose(sites.geometry.area["P2"], 72_000, rel_tol=1e-9)
    assert set(gpd.read_file(path, layer="conflicts").conflict_id) == {"CF2"}
    assert set(gpd.read_file(path, layer="unknown").layers) == {"ecological_redline"}
    with sqlite3.connect(path) as database:
        styles = dict(database.execute("SELECT f_table_name, styleQML FROM layer_styles WHERE useAsDefault"))
        known = {name for (name,) in database.execute("SELECT table_name FROM gpkg_contents")}
        column = dict(database.execute("SELECT table_name, column_name FROM gpkg_geometry_columns"))
    assert set(styles) == {"parcels", "overlaps", "conflicts", "unknown"} <= known
    assert {"decisions", "findings", "preconditions", "facts", "issues", "sources", "layer_styles"} <= known
    assert set(column.values()) == {"geom"}
    values = [
        one.get("value") for one in xml.fromstring(styles["parcels"].split("\n", 1)[1]).iter("category")
    ]
    assert values == ["clear", "conditional", "prohibited", "incomplete"]


def test_geopackage_and_json_have_the_same_bytes_at_another_time(review, fresh_review, tmp_path):
    first = [
        write(review, tmp_path / name).read_bytes()
        for write, name in ((write_geopackage, "a.gpkg"), (write_json, "a"))
    ]
    time.sleep(1.2)
    again = [
        write(fresh_review, tmp_path / name).read_bytes()
        for write, name in ((write_geopackage, "b.gpkg"), (write_json, "b"))
    ]
    assert first == again


def test_draft_opinions_have_the_columns_of_the_exchange_table(review, tmp_path):
    path = write_opinion_rows(review, tmp_path / "opinions.csv")
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert list(rows[0]) == OPINION_COLUMNS
    assert len({row["DFSJZJ"] for row in rows}) == len(rows)
    second = next(row for row in rows if row["XMDM"] == "P2" and row["BLDWMC"] == "自然资源")
    assert "K01 不得占用永久基本农田" in second["QQYJ"] and second["QQYJ"].startswith("（草案）")
    third = next(row for row in rows if row["XMDM"] == "P3")
    assert "未能评估" in third["QQYJ"]
    assert {row["BLR"] + row["FKSJ"] + row["SJYXBS"] for row in rows} == {""}


def test_opinion_keys_stay_when_nothing_changed(review, fresh_review):
    assert opinion_rows(review) == opinion_rows(fresh_review)


@pytest.mark.parametrize(
    "project_id", ["../../etc/passwd", "a/b", "a\\b", "", "..", "CON", "P 1", "=1", "x" * 300]
)
def test_report_names_stay_inside_the_folder(project_id, tmp_path):
    name = report_names([project_id])[project_id]
    assert (tmp_path / name).resolve().parent == tmp_path.resolve()
    assert len(name) < 120 and name.endswith(".docx") and not name.startswith(".")


def test_report_names_do_not_collide():
    ids = ["a/b", "a:b", "a_b", "a b", "A_B", "x" * 300, "x" * 301, "项目一"]
    names = report_names(ids)
    assert len({name.lower() for name in names.values()}) == len(ids)
    assert names["项目一"] == "项目一.docx" and names["a_b"] == "a_b.docx"
    assert report_names(["CON"])["CON"] != "CON.docx"


def test_everything_is_written_and_the_same_twice(review, fresh_review, tmp_path):
    first = write_review(review, tmp_path / "one")
    again = write_review(fresh_review, tmp_path / "two")
    assert list(first) == [
        "review.json", "review.schema.json", "review.gpkg", "opinions.csv", "boundaries.csv", "summary.xlsx", "map.html",
        "reports/P1.docx", "reports/P2.docx", "reports/P3.docx",
    ]  # fmt: skip
    assert all(path.is_file() for path in first.values())
    assert {name: path.read_bytes() for name, path in first.items()} == {
        name: path.read_bytes() for name, path in again.items()
    }
    left = {
        path.relative_to(tmp_path / "one").as_posix()
        for path in (tmp_path / "one").rglob("*")
        if path.is_file()
    }
    assert left == set(first) | {f"boundaries/P{n}.txt" for n in (1, 2, 3)}
