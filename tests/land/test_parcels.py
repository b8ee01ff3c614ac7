import shutil

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely

from onemap.book.words import issue_words
from onemap.errors import CRSError, InputError
from onemap.land.parcels import read_parcels


def put(frame, path, **kwargs):
    pyogrio.write_dataframe(frame, path, **kwargs)
    return path


def sites(town, **columns):
    return town.frame([town.square(0), town.square(300), town.square(600)], **columns)


def test_parcels(town, catalogue):
    frame = sites(
        town, 项目编号=["P1", "P1", "P2"], 地块编号=["1", "1", "1"], 项目名称=["甲", "甲", "乙"], 项目类别=["划拨类", "industrial", "别的"],
        申报面积=[10000, 15, 5000.0],
    )  # fmt: skip
    put(frame, town.path / "s.gpkg")
    parcels, issues, _ = read_parcels(town.path / "s.gpkg", "EPSG:4529", catalogue, workspace=town.write())
    assert parcels["parcel_id"].tolist() == ["P1-1", "P1-1#2", "P2-1"]
    assert parcels["category"].tolist() == ["allocation", "industrial", None]
    assert parcels["area_m2"].to_numpy() == pytest.approx([1e4] * 3, rel=1e-6) and parcels.crs == "EPSG:4529"
    assert sorted(issues["issue"]) == ["area_unit", "area_wrong", "duplicate_id", "unknown_word"]
    for row in issues[issues["field"] == "area"].to_dict("records"):
        words = issue_words(row, catalogue.texts, "zh")
        assert "10000.00 平方米（精确椭球面积）、10000.00 平方米（勘测面积）" in words


def test_parcels_from_a_folder(town, catalogue):
    folder = town.path / "in"
    folder.mkdir()
    put(sites(town).iloc[[0]], folder / "a.geojson")
    put(sites(town).iloc[[1]].to_crs(4550), folder / "b.shp")
    (folder / "c.gpkg").write_bytes(b"junk")
    far = sites(town)
    put(far.set_geometry(far.translate(0, 500_000)), folder / "d.gpkg")
    shutil.copy(folder / "a.geojson", folder / "readme.md")
    parcels, issues, _ = read_parcels(folder, "EPSG:4529", catalogue, workspace=town.write())
    assert parcels["parcel_id"].tolist() == ["a", "b"]
    assert issues[issues["issue"] == "source_unreadable"]["source"].tolist() == ["c.gpkg", "d.gpkg"]
    with pytest.raises(InputError, match="do not lie in the town"):
        read_parcels(folder / "d.gpkg", "EPSG:4529", catalogue, workspace=town.write())
    with pytest.raises(InputError, match="no such file"):
        read_parcels(town.path / "nope.shp", "EPSG:4529", catalogue)


def test_one_site_far_away_is_named(town, catalogue):
    geoms = [town.square(0), town.square(100), town.square(0, 400_000)]
    many = geoms[:2] * 100 + geoms[2:]
    put(town.frame(many, XMBH=[f"P{i}" for i in range(201)]), town.path / "s.gpkg")
    parcels, issues, _ = read_parcels(town.path / "s.gpkg", "EPSG:4529", catalogue, workspace=town.write())
    assert len(parcels) == 200 and issues[issues["issue"] == "outside_town"]["source_fid"].tolist() == ["201"]


def test_sites_that_overlap_or_have_no_shape(town, catalogue):
    frame = town.frame(
        [town.square(), town.square(50), None], 项目编号=["P1", "P1", "P3"], 项目名称=["甲", "甲", "丙"]
    )
    put(frame, town.path / "s.gpkg", geometry_type="Polygon")
    parcels, issues, _ = read_parcels(
        town.path / "s.gpkg", "EPSG:4529", catalogue, fields={"project_name": "项目名称"}
    )
    assert len(parcels) == 2 and set(issues["issue"]) == {"parcel_overlap", "no_geometry"}
    row = issues.set_index("issue").loc["no_geometry"]
    assert (row["value"], row["severity"]) == ("丙", "error")


def test_tables_of_wkt_kml_dxf(town, catalogue, tmp_path):
    box = town.square()
    (tmp_path / "a.csv").write_bytes(f'地块编号,WKT\n01,"{box.wkt}"\n02,POLYGON((1\n'.encode("gbk"))
    pd.DataFrame({"地块编号": ["01"], "WKT": [box.wkt]}).to_excel(tmp_path / "b.xlsx", index=False)
    lonlat = gpd.GeoSeries([box], crs=4529).to_crs(4490).iloc[0]
    ring = " ".join(f"{x},{y},0" for x, y in lonlat.exterior.coords)
    (tmp_path / "c.kml").write_text(
        '<?xml version="1.0" encoding="UTF-8"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document><Folder><name>夹</name><Placemark><name>甲</name>'
        "<ExtendedData><Data name='用途'><value>住宅</value></Data><Data name='面积'><value>1</value></Data></ExtendedData>"
        f"<Polygon><outerBoundaryIs><LinearRing><coordinates>{ring}</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>"
        "<Placemark><name>标注</name><Point><coordinates>123,41</coordinates></Point></Placemark></Folder></Document></kml>",
        encoding="utf-8",
    )
    space = town.write(extra="sites: {path: x, crs: EPSG:4529}\n")
    for name in ("a.csv", "b.xlsx", "c.kml"):
        parcels, issues, _ = read_parcels(
            tmp_path / name, "EPSG:4529", catalogue, workspace=town.write() if name == "c.kml" else space
        )
        assert len(parcels) == 1 and parcels["area_m2"].iloc[0] == pytest.approx(1e4, rel=1e-5)
    assert parcels["use"].iloc[0] == "residential" and "annotation" in set(issues["issue"])
    with pytest.raises(InputError, match="does not say"):
        read_parcels(tmp_path / "a.csv", "EPSG:4529", catalogue, workspace=town.write())


def test_fields_that_no_file_has(town, catalogue):
    put(sites(town, 代号=["a", "b", "c"]), town.path / "s.gpkg")
    got = read_parcels(town.path / "s.gpkg", "EPSG:4529", catalogue, fields={"project_id": "代号"}).parcels
    assert got["project_id"].tolist() == ["a", "b", "c"]
    with pytest.raises(InputError, match="no file has a column '代吗'"):
        read_parcels(town.path / "s.gpkg", "EPSG:4529", catalogue, fields={"project_id": "代吗"})


def test_rows_of_sites_are_accounted_for_file_by_file(town, catalogue):
    folder = town.path / "s"
    folder.mkdir()
    corners = np.array(town.square(150).exterior.coords)
    bow = shapely.Polygon(corners[[0, 2, 1, 3]])
    frame = town.frame([town.square(), bow, None, town.square(300)], 项目名称=list("甲乙丙丁"))
    pyogrio.write_dataframe(frame, folder / "a.gpkg")
    (folder / "b.csv").write_text(
        f'项目名称,WKT\n戊,"POLYGON ((0 0, 1 1"\n己,\n庚,"{town.square(600).wkt}"\n', encoding="utf-8"
    )
    sites = read_parcels(
        folder, "EPSG:4529", catalogue, workspace=town.write(extra="sites: {path: s, crs: EPSG:4529}\n")
    )
    assert sites.sources.values.tolist() == [["a.gpkg", 4, 2, 1, 1], ["b.csv", 3, 1, 1, 1]]
    assert len(sites.parcels) == sites.sources["rows_kept"].sum()
    refused = sites.issues[sites.issues["severity"] == "error"]
    assert len(refused) == sites.sources[["rows_quarantined", "rows_empty"]].sum().sum()


def test_a_stated_crs_counts_for_files_that_say_none(catalogue, tmp_path):
    """A table and a shapefile of the same place: the shapefile's own word stands, whatever was stated for the other."""
    box = shapely.box(500_000, 4_550_000, 500_100, 4_550_100)
    (tmp_path / "a.csv").write_text(f'项目编号,WKT\nA,"{box.wkt}"\n', encoding="utf-8")
    own = gpd.GeoDataFrame(
        {"项目编号": ["B"]}, geometry=[shapely.transform(box, lambda c: c + [41e6, 0])], crs="EPSG:4529"
    )
    own.to_file(tmp_path / "b.shp", encoding="gbk")
    read = read_parcels(tmp_path, "EPSG:4529", catalogue, stated="EPSG:4550").parcels
    assert sorted(read["project_id"]) == ["A", "B"]
    one, other = shapely.normalize(read.geometry.to_numpy())
    assert one.equals_exact(other, 1e-6)
    with pytest.raises(CRSError, match="--crs"):
        read_parcels(tmp_path / "a.csv", "EPSG:4529", catalogue)
