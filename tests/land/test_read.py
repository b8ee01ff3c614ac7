import datetime
import json
import zipfile

import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely

from onemap.errors import InputError
from onemap.land.area import ellipsoidal_area
from onemap.land.issues import SEVERITY
from onemap.land.read import read_features
from onemap.messages import said

ZONES = "- {layer: land_use_zones, path: %s, extent: town%s}\n"


def zones(town, n=4, **columns):
    geoms = [town.square(300 * i) for i in range(n)]
    return town.frame(
        geoms, **{"TDYTQLXDM": ["030", "010", "020", "040"][:n], "MC": ["甲", "乙", "丙", "丁"][:n]} | columns
    )


def put(frame, path, **kwargs):
    pyogrio.write_dataframe(frame, path, **kwargs)
    return path


def of(layers, layer="land_use_zones"):
    return layers.features[layers.features["layer"] == layer]


def row_of(layers, layer="land_use_zones"):
    rows = layers.sources[layers.sources["layer"] == layer]
    assert len(rows) == 1
    return rows.iloc[0]


def issues_of(layers, code):
    return layers.issues[layers.issues["issue"] == code]


FORMATS = {
    "z.shp": lambda f, p: put(f, p, encoding="GB18030"),
    "z.gpkg": put,
    "z.geojson": lambda f, p: put(f.to_crs(4490), p),
    "z.fgb": put,
    "z.gdb": lambda f, p: put(f, p, driver="OpenFileGDB"),
    "z.parquet": lambda f, p: f.to_parquet(p),
}


@pytest.mark.parametrize("name", ["z.shp", "z.gpkg", "z.geojson", "z.fgb", "z.gdb", "z.parquet"])
def test_formats(town, catalogue, check, name):
    frame = zones(town)
    FORMATS[name](frame, town.path / name)
    layers = read_features(town.write(ZONES % (name, "")), catalogue)
    check(layers)
    got = of(layers)
    assert row_of(layers)["status"] == "found", row_of(layers)["message"]
    assert sorted(got["class_code"]) == ["010", "020", "030", "040"]
    assert sorted(got["name"]) == sorted(frame["MC"])
    assert dict(zip(got["class_code"], got["major_class"], strict=True))["030"] == "construction"
    assert got["area_m2"].to_numpy() == pytest.approx(ellipsoidal_area(frame.geometry, frame.crs), rel=1e-6)
    assert layers.features.crs == "EPSG:4529"


def test_zipped_shapefile_with_gbk_names(town, catalogue):
    put(zones(town), town.path / "区.shp", encoding="GB18030")
    with zipfile.ZipFile(town.path / "z.zip", "w") as bundle:
        for part in sorted(town.path.glob("区.*")):
            info = zipfile.ZipInfo("x" + part.suffix)
            info.filename = part.name
            bundle.writestr(info, part.read_bytes())
    layers = read_features(town.write(ZONES % ("z.zip", "")), catalogue)
    assert len(of(layers)) == 4 and row_of(layers)["encoding"] == "GB18030"


@pytest.mark.parametrize(
    ("encoding", "cpg", "ldid"),
    [
        ("GB18030", "GBK", 0), ("GB18030", None, 0), ("GB18030", "OEM", 0x57), ("GB18030", "UTF-8", 0),
        ("GB18030", "ANSI 936", 0), ("UTF-8", None, 0), ("UTF-8", "UTF-8", 0), ("GB18030", None, 0x4D), ("GB18030", "system", 0x57),
        ("GB18030", "gb2312", 0),
    ],
)  # fmt: skip
def test_encodings_of_shapefiles(town, catalogue, encoding, cpg, ldid):
    path = put(zones(town, MC=["镕基", "村庄", "城镇", "农田"]), town.path / "z.shp", encoding=encoding)
    path.with_suffix(".cpg").unlink(missing_ok=True)
    if cpg:
        path.with_suffix(".cpg").write_text(cpg)
    data = bytearray(path.with_suffix(".dbf").read_bytes())
    data[29] = ldid
    path.with_suffix(".dbf").write_bytes(data)
    layers = read_features(town.write(ZONES % ("z.shp", "")), catalogue)
    assert set(of(layers)["name"]) == {"镕基", "村庄", "城镇", "农田"}
    assert row_of(layers)["encoding"].upper() == encoding


@pytest.mark.parametrize(
    ("words", "encoding", "cpg", "used", "doubtful"),
    [
        (["都市計畫農業區", "保護區", "河川區", "道路用地"], "BIG5", "BIG5", "BIG5", False),
        (["都市計畫農業區", "保護區", "河川區", "道路用地"], "BIG5", None, "BIG5", True),
        (["都市計畫農業區", "保護區", "河川區", "道路用地"], "BIG5", "UTF-8", "BIG5", True),
        (["都市計畫農業區", "保護區", "河川區", "道路用地"], "BIG5", "GBK", "BIG5", True),
        (["都市計畫農業區", "保護區", "河川區", "道路用地"], "GB18030", None, "GB18030", True),
        (["耕地", "工业", "圪垯村", "旮旯屯"], "GB18030", None, "GB18030", False),
        (["耕地", "工业", "圪垯村", "旮旯屯"], "GB18030", "BIG5", "GB18030", False),
        (["耕地", "果园", "村庄", "坑塘"], "GB18030", "UTF-8", "GB18030", False),
        (["耕地", "工地", "基地", "菜地"], "GB18030", None, "GB18030", False),
    ],
)
def test_traditional_and_lying_code_pages(town, catalogue, words, encoding, cpg, used, doubtful):
    path = put(zones(town, MC=words), town.path / "z.shp", encoding=encoding)
    path.with_suffix(".cpg").unlink(missing_ok=True)
    if cpg:
        path.with_suffix(".cpg").write_text(cpg)
    data = bytearray(path.with_suffix(".dbf").read_bytes())
    data[29] = 0
    path.with_suffix(".dbf").write_bytes(data)
    layers = read_features(town.write(ZONES % ("z.shp", "")), catalogue)
    assert sorted(of(layers)["name"]) == sorted(words)
    assert row_of(layers)["encoding"] == used
    assert bool(len(issues_of(layers, "encoding_unknown"))) == doubtful


def test_chinese_prj_no_shx_short_dbf(town, catalogue, check):
    path = put(zones(town), town.path / "z.shp", encoding="GB18030")
    prj = path.with_suffix(".prj")
    prj.write_bytes(prj.read_text().replace("CGCS2000_3_Degree_GK_Zone_41", "国家2000三度带").encode("gbk"))
    shx = path.with_suffix(".shx").read_bytes()
    path.with_suffix(".shx").unlink()
    layers = read_features(town.write(ZONES % ("z.shp", "")), catalogue)
    check(layers)
    assert len(of(layers)) == 4 and len(issues_of(layers, "shx_missing")) == 1
    assert not path.with_suffix(".shx").exists(), "sources stay as they were"
    path.with_suffix(".shx").write_bytes(shx)
    dbf = bytearray(path.with_suffix(".dbf").read_bytes())
    dbf[4:8] = (3).to_bytes(4, "little")
    path.with_suffix(".dbf").write_bytes(dbf)
    layers = read_features(town.write(ZONES % ("z.shp", "")), catalogue)
    check(layers)
    row = row_of(layers)
    assert (row["rows_read"], row["rows_kept"], row["rows_quarantined"]) == (4, 3, 1)
    assert layers.quarantine.iloc[0]["reason"] == "no_attributes"
    assert layers.quarantine.geometry.iloc[0].equals(town.square(900))


def test_corrupt_shape_record_is_not_taken_for_an_empty_one(town, catalogue, check):
    path = put(zones(town), town.path / "z.shp", encoding="GB18030")
    data = bytearray(path.read_bytes())
    size = (len(data) - 100) // 4
    data[100 + 2 * size + 8 + 36 : 100 + 2 * size + 8 + 40] = (10**6).to_bytes(4, "little")
    path.write_bytes(data)
    layers = read_features(town.write(ZONES % ("z.shp", "")), catalogue)
    check(layers)
    row = row_of(layers)
    assert (row["rows_kept"], row["rows_quarantined"], row["rows_empty"]) == (3, 1, 0)
    assert layers.quarantine.geometry.isna().all()


def test_repairs_bow_ties_and_lines(town, catalogue, check):
    x, y = 41500000.0, 4552000.0
    bow = shapely.Polygon([(x, y), (x + 100, y + 100), (x + 100, y), (x, y + 100)])
    spike = shapely.Polygon(
        [
            (x + 300, y),
            (x + 400, y),
            (x + 400, y + 50),
            (x + 450, y + 50),
            (x + 400, y + 50),
            (x + 400, y + 100),
            (x + 300, y + 100),
        ]
    )
    nan = shapely.transform(town.square(600), lambda c: np.where(np.arange(len(c))[:, None] == 2, np.inf, c))
    line = shapely.LineString([(x, y), (x + 10, y + 10)])
    collapsed = shapely.Polygon([(x, y), (x + 10, y), (x + 20, y)])
    mixed = shapely.GeometryCollection([town.square(900), line])
    geoms = [bow, spike, line, collapsed, None, mixed, town.square(-500)]
    frame = town.frame(geoms, TDYTQLXDM=["030"] * 7)
    put(frame, town.path / "z.gpkg", geometry_type="Unknown")
    assert nan is not None
    layers = read_features(town.write(ZONES % ("z.gpkg", "")), catalogue)
    check(layers)
    row = row_of(layers)
    assert (row["rows_read"], row["rows_kept"], row["rows_quarantined"], row["rows_empty"]) == (7, 3, 2, 2)
    reasons = dict(zip(layers.quarantine["reason"], layers.quarantine.geometry, strict=True))
    assert set(reasons) == {"ambiguous_polygon", "not_a_polygon", "no_geometry"}
    assert reasons["not_a_polygon"] is None and reasons["no_geometry"] is None
    assert reasons["ambiguous_polygon"].equals(shapely.box(x, y, x + 100, y + 100))
    cards = layers.passports.set_index("source_fid")
    assert len(cards) == 2 and cards["area_change_m2"].abs().max() < 1e-6
    assert cards["max_move_m"].max() == pytest.approx(50) and set(cards["feature_id"]) <= set(
        layers.features["feature_id"]
    )
    assert set(issues_of(layers, "no_geometry")["severity"]) == {"warning"}


def test_bad_files_do_not_stop_the_rest(town, catalogue, check):
    put(zones(town), town.path / "good.gpkg")
    (town.path / "broken.gpkg").write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 8)
    (town.path / "empty.shp").write_bytes(b"")
    put(zones(town).iloc[:0], town.path / "norows.gpkg")
    put(zones(town).set_crs(None, allow_override=True), town.path / "nocrs.fgb")
    put(zones(town).to_crs(4528).set_crs(4529, allow_override=True), town.path / "wrongzone.gpkg")
    (town.path / "plan.dwg").write_bytes(b"AC1027")
    sources = "".join(
        f"- {{layer: {layer}, path: {path}, extent: town}}\n"
        for layer, path in (
            ("land_use_zones", "good.gpkg"), ("city_master_plan", "broken.gpkg"), ("detailed_plan", "empty.shp"),
            ("forest_land", "norows.gpkg"), ("land_survey", "nocrs.fgb"), ("black_soil", "wrongzone.gpkg"),
            ("mining_rights", "absent.shp"), ("highway_land", "plan.dwg"),
        )
    )  # fmt: skip
    layers = read_features(town.write(sources), catalogue)
    check(layers)
    status = dict(zip(layers.sources["layer"], layers.sources["status"], strict=True))
    assert status == {
        "admin_district": "found", "land_use_zones": "found", "city_master_plan": "unreadable", "detailed_plan": "unreadable",
        "forest_land": "empty", "land_survey": "no_crs", "black_soil": "no_crs", "mining_rights": "missing", "highway_land": "unreadable",
    }  # fmt: skip
    assert set(layers.extents["layer"]) == {"admin_district", "land_use_zones"}
    said = layers.sources.set_index("layer")["message"]
    assert (
        "EPSG:4528" in said["black_soil"] and "DXF" in said["highway_land"] and "none" in said["forest_land"]
    )


def test_empty_and_stated_absence(town, catalogue):
    put(zones(town).iloc[:0], town.path / "norows.gpkg")
    layers = read_features(
        town.write(
            "- {layer: forest_land, path: norows.gpkg}\n",
            "- {layer: forest_land, statement: 无林地}\n- {layer: black_soil, statement: 无, stated_on: 2024-01-10}\n",
        ),
        catalogue,
    )
    assert layers.sources["status"].tolist() == ["found", "empty", "none", "none"]
    extents = layers.extents.set_index("layer")
    assert extents.loc["black_soil", "known_from"] == datetime.date(2024, 1, 10)
    assert extents.loc["forest_land"].geometry.area == 16e6
    put(zones(town), town.path / "some.gpkg")
    layers = read_features(
        town.write(
            "- {layer: forest_land, path: some.gpkg}\n", "- {layer: forest_land, statement: 无林地}\n"
        ),
        catalogue,
    )
    assert (
        layers.sources["status"].tolist() == ["found", "found"]
        and len(issues_of(layers, "none_contradicted")) == 1
    )


def test_a_folder_with_one_bad_file_leaves_the_layer_open(town, catalogue, check):
    (town.path / "villages").mkdir()
    put(zones(town, 2), town.path / "villages/a.gpkg")
    put(zones(town, 2).set_geometry(zones(town, 2).translate(0, 500)), town.path / "villages/b.gpkg")
    layers = read_features(town.write(ZONES % ("villages", "")), catalogue)
    check(layers)
    assert len(of(layers)) == 4 and of(layers)["feature_id"].is_unique and not len(layers.quarantine)
    (town.path / "villages/c.shp").write_bytes(b"nothing")
    layers = read_features(town.write(ZONES % ("villages", "")), catalogue)
    check(layers)
    assert (
        layers.quarantine["reason"].tolist() == ["source_partial"] and layers.quarantine.geometry.isna().all()
    )


def test_extents(town, catalogue):
    put(zones(town), town.path / "z.gpkg", layer="zones")
    put(town.frame([town.square(-1000, -1000, 2500)]), town.path / "z.gpkg", layer="range", append=True)
    for extent, area in (
        ("features", 4e4),
        ("town", 16e6),
        ("z.gpkg#range", 2500**2),
        ("[41500000, 4552000, 41500010, 4552010]", 100),
    ):
        text = f"- {{layer: land_use_zones, path: z.gpkg, table: zones, extent: {extent}, data_date: 2020-01-01}}\n"
        layers = read_features(town.write(text), catalogue)
        row = layers.extents.set_index("layer").loc["land_use_zones"]
        assert row.geometry.area == pytest.approx(area) and row["known_from"] == datetime.date(2020, 1, 1)
    layers = read_features(
        town.write(text.replace("[41500000, 4552000, 41500010, 4552010]", "z.gpkg#nope")), catalogue
    )
    assert (
        "land_use_zones" not in set(layers.extents["layer"])
        and len(issues_of(layers, "extent_unreadable")) == 1
    )


def test_codes_dates_words_attributes(town, catalogue, check):
    frame = town.frame(
        [town.square(200 * i) for i in range(8)],
        用地代码=["R2", "中小学用地(A33)", "a33", "居住用地（R）", "ZZ9", None, "B1商业用地", "A33"],
        批准日期=["2020年3月1日", "20200301", "2020/3/1", "2020-03-01", "", None, "2020.3.1", "三月"],
        状态=["现行有效", "作废", "草案", "撤销", None, "有效", "有效", "有效"],
        RJL=[1.5, 2.0, np.nan, 1, 1, 1, 1, 1],
        备注=["x" * 600, "短", None, "", "", "", "", ""],
    )
    put(frame, town.path / "z.gpkg")
    layers = read_features(town.write("- {layer: city_master_plan, path: z.gpkg, extent: town}\n"), catalogue)
    check(layers)
    got = of(layers, "city_master_plan").sort_values("source_fid")
    assert got["class_code"].tolist() == ["R2", "A33", "A33", "R", "ZZ9", None, "B1"]
    assert got["major_class"].isna().tolist() == [False, False, False, False, True, True, False]
    assert got["law_status"].tolist() == [
        "in_force",
        "revoked",
        "draft",
        "revoked",
        None,
        "in_force",
        "in_force",
    ]
    assert set(got["valid_from"].dropna()) == {datetime.date(2020, 3, 1)}
    assert json.loads(got["attributes"].iloc[1]) == {"RJL": 2, "备注": "短"}
    assert layers.quarantine["reason"].tolist() == ["bad_date"]
    assert issues_of(layers, "unknown_code")["value"].tolist() == ["ZZ9"]
    assert issues_of(layers, "value_dropped")["field"].tolist() == ["备注"]


def test_padded_and_shortened_codes(town, catalogue):
    put(
        town.frame([town.square(200 * i) for i in range(4)], DLBM=["070100", "0701", "701", "0103"]),
        town.path / "z.gpkg",
    )
    layers = read_features(town.write("- {layer: land_survey, path: z.gpkg, extent: town}\n"), catalogue)
    assert of(layers, "land_survey")["class_code"].tolist() == ["0701", "0701", "0701", "0103"]
    assert issues_of(layers, "code_inferred")["value"].tolist() == ["701"]


def test_units_of_declared_areas(town, catalogue):
    boxes = [town.square(200 * i) for i in range(4)]
    put(town.frame(boxes, GZQLXDM=["010"] * 4, GZQMJ=[1.0, 1.0, 1.0, 1.0]), town.path / "ha.gpkg")
    put(town.frame(boxes, GZQLXDM=["010"] * 4, GZQMJ=[1e4, 1e4, 1e4, 1e4]), town.path / "m2.gpkg")
    put(town.frame(boxes, GZQLXDM=["010"] * 4, GZQMJ=[1.0, 1.02, 2.0, 15.0]), town.path / "odd.gpkg")
    for name, codes in (
        ("ha", []),
        ("m2", ["area_unit"]),
        ("odd", ["area_differs", "area_wrong", "area_unit"]),
    ):
        layers = read_features(
            town.write(f"- {{layer: construction_control_zones, path: {name}.gpkg, extent: town}}\n"),
            catalogue,
        )
        found = layers.issues.loc[layers.issues["field"] == "area", "issue"].tolist()
        assert found == codes


def test_split_items_and_excluded_categories(town, catalogue, check):
    put(
        town.frame(
            [town.square(), town.square(200)],
            SX=["RE01、RE05", "地质灾害危险性评估"],
            PCLX=["一般经营类、工业类", None],
        ),
        town.path / "z.gpkg",
    )
    text = "- {layer: evaluation_zones, path: z.gpkg, extent: town, split: {field: items, separator: 、}}\n"
    layers = read_features(town.write(text), catalogue)
    check(layers)
    got = of(layers, "evaluation_zones")
    assert (
        got["class_code"].tolist() == ["RE01", "RE05", "RE02"]
        and row_of(layers, "evaluation_zones")["rows_kept"] == 2
    )
    assert json.loads(got["attributes"].iloc[0])["excludes"] == "commercial|industrial"


def test_where_fields_and_constants(town, catalogue):
    put(zones(town, 年份=[2020, 2021, 2021, 2021], 代码=["030"] * 4), town.path / "z.gpkg")
    layers = read_features(
        town.write(
            ZONES
            % ("z.gpkg", ", where: {年份: 2021}, fields: {class_code: 代码}, constants: {authority: 某局}")
        ),
        catalogue,
    )
    row = row_of(layers)
    assert (row["rows_read"], row["rows_kept"]) == (3, 3) and set(of(layers)["authority"]) == {"某局"}
    layers = read_features(town.write(ZONES % ("z.gpkg", ", fields: {class_code: 代吗}")), catalogue)
    assert row_of(layers)["status"] == "unreadable" and "代码" in row_of(layers)["message"]
    layers = read_features(town.write(ZONES % ("z.gpkg", ", class_code: '090'")), catalogue)
    assert set(of(layers)["class_code"]) == {"090"}


def test_overlaps_and_gaps_are_reported_not_changed(town, catalogue):
    ring = town.square(size=100).difference(town.square(40, 40, 20))
    geoms = [ring, town.square(99, 0), town.square(-100, 0)]
    put(town.frame(geoms, TDYTQLXDM=["030"] * 3), town.path / "z.gpkg")
    layers = read_features(town.write("- {layer: land_use_zones, path: z.gpkg}\n"), catalogue)
    overlap, gap = issues_of(layers, "layer_overlap"), issues_of(layers, "layer_gap")
    assert len(overlap) == len(gap) == 1
    assert float(overlap["value"].iloc[0]) == pytest.approx(100, rel=1e-4) and float(
        gap["value"].iloc[0]
    ) == pytest.approx(400, rel=1e-4)
    assert "宽 0.99" in overlap["message"].iloc[0] and "width 0.99" in said(overlap.iloc[0], "en")
    assert of(layers).geometry.area.sum() == pytest.approx(9600 + 10000 + 10000)


def test_mistakes_in_the_workspace(town, catalogue):
    put(zones(town), town.path / "z.gpkg")
    for text, words in (
        ("- {layer: land_use_zone, path: z.gpkg}\n", "did you mean 'land_use_zones'"),
        ("- {layer: TDYTQ, path: z.gpkg}\n", "did you mean 'land_use_zones'"),
    ):
        with pytest.raises(InputError, match=words):
            read_features(town.write(text), catalogue)
    with pytest.raises(InputError, match="metres"):
        read_features(town.write("", crs="EPSG:4490"), catalogue)


def test_crs_of_file_against_workspace(town, catalogue):
    put(zones(town), town.path / "z.gpkg")
    put(zones(town).set_crs(None, allow_override=True), town.path / "n.fgb")
    for name, crs, status in (
        ("z.gpkg", "EPSG:4529", "found"),
        ("z.gpkg", "EPSG:4550", "no_crs"),
        ("n.fgb", "EPSG:4529", "found"),
        ("n.fgb", "EPSG:4550", "no_crs"),
    ):
        assert (
            row_of(read_features(town.write(ZONES % (name, f", crs: {crs}")), catalogue))["status"] == status
        )


def test_the_same_twice(town, catalogue):
    put(zones(town), town.path / "z.shp", encoding="GB18030")
    space = town.write(ZONES % ("z.shp", ""))
    one, two = read_features(space, catalogue), read_features(space, catalogue)
    for a, b in zip(one[:6], two[:6], strict=True):
        pd.testing.assert_frame_equal(pd.DataFrame(a), pd.DataFrame(b))


def test_every_issue_has_words(catalogue):
    own = pd.read_csv(catalogue.path / "texts/land.csv", dtype=str)["key"]
    assert {f"issue.{code}" for code in SEVERITY} == set(own[own.str.startswith("issue.")])
    for code in SEVERITY:
        for lang in ("zh", "en"):
            assert catalogue.texts(
                f"issue.{code}", lang, source_fid="1", field="f", value="v", message="m", layer="l"
            )


def test_geojson_in_degrees_with_and_without_crs_member(town, catalogue):
    lonlat = zones(town).to_crs(4490).set_crs(4326, allow_override=True)
    put(lonlat, town.path / "a.geojson")
    data = json.loads((town.path / "a.geojson").read_text(encoding="utf-8"))
    data["crs"] = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    (town.path / "b.geojson").write_text(json.dumps(data), encoding="utf-8")
    del data["crs"]
    (town.path / "c.geojson").write_text(json.dumps(data), encoding="utf-8")
    for name in "abc":
        layers = read_features(town.write(ZONES % (f"{name}.geojson", "")), catalogue)
        assert row_of(layers)["status"] == "found" and issues_of(layers, "wgs84_accepted")[
            "severity"
        ].tolist() == ["info"]
        assert of(layers).geometry.iloc[0].equals_exact(town.square(), 1e-3, normalize=True)
    put(lonlat, town.path / "d.gpkg")
    for option, status in (("", "no_crs"), (", accept_wgs84: true", "found")):
        assert row_of(read_features(town.write(ZONES % ("d.gpkg", option)), catalogue))["status"] == status
    for feature in data["features"]:
        feature["geometry"]["coordinates"] = [
            [[41500000 + 100 * x, 4552000 + 100 * y] for x, y in ((0, 0), (1, 0), (1, 1), (0, 0))]
        ]
        feature["geometry"]["type"] = "Polygon"
    (town.path / "e.geojson").write_text(json.dumps(data), encoding="utf-8")
    assert "EPSG:4529" in row_of(read_features(town.write(ZONES % ("e.geojson", "")), catalogue))["message"]
