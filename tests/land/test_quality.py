import datetime
import importlib.util
import warnings
from dataclasses import replace
from pathlib import Path

import fiona
import numpy as np
import pandas as pd
import pyogrio
import pyproj
import pytest
import shapely

from onemap.errors import InputError
from onemap.frames import ISSUES
from onemap.land.limits import limits
from onemap.land.parcels import read_parcels
from onemap.land.places import issue_places
from onemap.land.quality import spikes, stray
from onemap.land.read import read_features
from onemap.land.write import write_table

_spec = importlib.util.spec_from_file_location("gdal_writer", Path(__file__).with_name("gdal_writer.py"))
writer = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(writer)
ZONES = "- {layer: land_use_zones, path: z.gpkg, extent: town}\n"
CX, CY = 41_500_000.0, 4_552_000.0


def put(town, geoms, **columns):
    frame = town.frame(geoms, **({"TDYTQLXDM": ["030"] * len(geoms)} | columns))
    pyogrio.write_dataframe(frame, town.path / "z.gpkg")
    return frame


def read(town, catalogue, sources=ZONES):
    return read_features(town.write(sources), catalogue)


def of(layers, code):
    return layers.issues[layers.issues["issue"] == code]


def with_vertex(geom, *points):
    ring = list(geom.exterior.coords)
    return shapely.Polygon([*ring[:2], *points, *ring[2:]])


def test_spikes_and_repeated_points(town, catalogue, check):
    spike = with_vertex(town.square(), (CX + 50.1, CY + 100), (CX + 50, CY + 150), (CX + 49.9, CY + 100))
    geoms = [
        spike,
        with_vertex(town.square(300), (CX + 400, CY + 100)),
        town.square(600),
        town.square(900, 0, 50),
    ]
    put(town, geoms)
    layers = read(town, catalogue)
    check(layers)
    assert of(layers, "repeated_points")["value"].tolist() == ["1"]
    found = of(layers, "spike")
    assert found["source_fid"].tolist() == ["1"] and found["value"].tolist() == ["1"]
    assert len(layers.features) == 5, "reported, not changed"


@pytest.mark.parametrize(
    ("degrees", "least", "count"), [(0.5, 2.0, 1), (1.0, 2.0, 0), (0.5, 80.0, 0), (90, 2, 0)]
)
def test_a_spike_is_sharp_and_long(degrees, least, count):
    half = np.radians(degrees / 2)
    apex, width = 50 / np.cos(half), 50 * np.tan(half)
    kite = shapely.Polygon([(0, 0), (50, width), (3000, 3000), (50 + 3000, -width - 5000), (50, -width)])
    assert apex > 0 and spikes(np.array([kite]), 0.02, least)[0][0] == count


def test_stray_vertices_make_a_place_unknown(town, catalogue, check):
    geoms = [
        town.square(),
        with_vertex(town.square(300), (0.0, 0.0)),
        with_vertex(town.square(600), (1e20, 5.0)),
    ]
    put(town, geoms)
    layers = read(town, catalogue)
    check(layers)
    aside = layers.quarantine
    assert aside["reason"].tolist() == ["absurd_coordinates"] * 2 and aside.geometry.isna().all()
    assert len(of(layers, "absurd_coordinates")) == 2
    sites = read_parcels(town.path / "z.gpkg", "EPSG:4529", catalogue)
    assert len(sites.parcels) == 1 and (sites.issues["issue"] == "absurd_coordinates").sum() == 2


def test_far_but_real_places_are_not_stray():
    crs = pyproj.CRS("EPSG:4529")
    to = pyproj.Transformer.from_crs(4490, 4529, always_xy=True)
    province = shapely.box(118, 38, 126, 43)
    west = shapely.box(80, 40, 80.5, 40.5)
    moved = shapely.transform(
        np.array([shapely.segmentize(g, 0.2) for g in (province, west)]), to.transform, interleaved=False
    )
    assert not stray(moved, crs, 0.02).any()
    unprefixed = with_vertex(shapely.box(5e5, 4.55e6, 5.001e5, 4.5501e6), (0.0, 0.0))
    assert stray(np.array([unprefixed]), pyproj.CRS("EPSG:4550"), 0.02).all()


SLIVERS = {
    # shape from the middle of the town, whether it is a sliver: less than 200 m2, thinner than 2 m, compactness under 0.02
    "plot": (shapely.box(0, 0, 100, 100), False),
    "just large enough": (shapely.box(0, 0, 10, 20.01), False),
    "too small": (shapely.box(0, 0, 10, 19.99), True),
    "just wide enough": (shapely.box(0, 0, 100, 2.1), False),
    "too thin": (shapely.box(0, 0, 110, 1.99), True),
    "too ragged": (shapely.box(0, 0, 3000, 3), True),
}


@pytest.mark.parametrize("case", SLIVERS)
def test_slivers_are_told_and_kept(town, catalogue, check, case):
    shape, thin = SLIVERS[case]
    put(town, [shapely.transform(shape, lambda c: c + [CX, CY]), town.square(-1500)])
    layers = read(town, catalogue)
    check(layers)
    told = of(layers, "sliver")
    assert told["source_fid"].tolist() == (["1"] if thin else [])
    assert (layers.features["layer"] == "land_use_zones").sum() == 2, "told, never dropped"
    if thin:
        assert float(told["value"].iloc[0]) == pytest.approx(shape.area, abs=0.01)


def test_hundreds_of_slivers_are_one_line_more(town, catalogue):
    put(town, [town.square(10 * (i % 20), 10 * (i // 20), 5) for i in range(120)])
    layers = read(town, catalogue)
    assert len(of(layers, "sliver")) == 100
    rest = of(layers, "slivers_more").iloc[0]
    assert rest["value"] == "20" and float(rest["message"]) == pytest.approx(20 * 25, rel=1e-3)


DRIVERS = {
    "gpkg": "GPKG",
    "gdb": "OpenFileGDB",
    "shp": "ESRI Shapefile",
    "fgb": "FlatGeobuf",
    "geojson": "GeoJSON",
}
WITH_MEASURES = {"Z": 0x80000003, "M": 2003, "ZM": 3003}


@pytest.mark.parametrize("more", ["Z", "M", "ZM"])
@pytest.mark.parametrize("kind", [*DRIVERS, "parquet", "csv"])
@pytest.mark.filterwarnings("ignore")
def test_heights_and_measures_are_left_behind(town, catalogue, check, kind, more):
    ring = ", ".join(f"{x} {y}{' 5' * len(more)}" for x, y in town.square().exterior.coords)
    words, path = f"POLYGON {more} (({ring}))", town.path / f"z.{kind}"
    if kind == "csv":
        path.write_text(f'TDYTQLXDM,WKT\n030,"{words}"\n', encoding="utf-8")
    elif kind == "parquet":
        town.frame([shapely.from_wkt(words)], TDYTQLXDM=["030"]).to_parquet(path)
    else:
        fields = {"TDYTQLXDM": (None, None)}
        writer.write(path, DRIVERS[kind], "z", fields, [(words, ("030",))], kind=WITH_MEASURES[more])
    crs = ", crs: 'EPSG:4529'" if kind in ("csv", "geojson") else ""
    layers = read(town, catalogue, f"- {{layer: land_use_zones, path: z.{kind}{crs}, extent: town}}\n")
    check(layers)
    assert layers.sources["status"].tolist() == ["found", "found"], layers.sources["message"].tolist()
    (got,) = layers.features.geometry[layers.features["layer"] == "land_use_zones"]
    assert shapely.get_coordinate_dimension(got) == 2 and got.area == pytest.approx(10_000, abs=0.1)


def test_duplicates(town, catalogue):
    turned = shapely.Polygon(
        list(town.square().exterior.coords)[2:-1] + list(town.square().exterior.coords)[:3]
    )
    put(town, [town.square(), turned, town.square(300)], BSM=["7", "7", "8"])
    layers = read(town, catalogue)
    assert of(layers, "duplicate_feature")["source_fid"].tolist() == ["1|2"]
    assert of(layers, "duplicate_key")[["value", "field"]].values.tolist() == [["7", "BSM"]]
    put(town, [town.square(), turned], TDYTQLXDM=["030", "010"])
    assert not len(of(read(town, catalogue), "duplicate_feature")), (
        "two classes at one place are no duplicate"
    )


def test_mixed_code_versions(town, catalogue):
    geoms = [town.square(200 * i) for i in range(5)]
    put(town, geoms, YDXZDM=["R2", "A33", "070102", "080403", "R2"], YDXZ=["", "", "", "", "中小学用地"])
    layers = read(town, catalogue, "- {layer: city_master_plan, path: z.gpkg, extent: town}\n")
    (mixed,) = of(layers, "mixed_codes")["value"]
    assert mixed == "GB 50137-2011: A33 R2; 自然资发〔2023〕234号: 070102 080403"
    assert of(layers, "unknown_code")["value"].tolist() == ["070102", "080403"]
    differs = of(layers, "code_name_differs")
    assert differs["value"].tolist() == ["R2 中小学用地"] and "A33" in differs["message"].iloc[0]
    assert not len(of(layers, "class_unsure"))


EDITIONS = {
    # codes, names, issue, the editions it names, codes whose class counts as unknown
    "one edition": (["0101", "0601", "1003"], ["水田", "农村道路", "盐田"], None, [], []),
    "without names": (["0101", "0601", "1003"], ["", "", ""], None, [], []),
    "names of one's own": (["0101", "0703", "0601"], ["稻田", "宅基", "村道"], None, [], []),
    "too few to be all of it": (
        ["0101"] * 200 + ["0601", "05H1"], [""] * 202, "other_codes", ["三调工作分类: 05H1"], ["0601"],
    ),
    "two of them": (
        ["070102", "0601", "0601", "1006"], ["", "农村道路", "工业用地", "农村道路"],
        "mixed_codes", ["自然资发〔2023〕234号: 0601 070102", "三调工作分类: 0601 1006"], ["0601"],
    ),
    "three of them": (
        ["070102", "0802", "05H1", "R2"], ["", "新闻出版用地", "", ""], "mixed_codes",
        ["234号", "GB/T 21010-2017: 0802", "三调工作分类: 05H1", "GB 50137-2011: R2"], [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", EDITIONS)
def test_editions_of_land_use_codes(town, catalogue, case):
    codes, names, issue, said, unsure = EDITIONS[case]
    put(town, [town.square(200 * i) for i in range(len(codes))], DLBM=codes, DLMC=names)
    layers = read(town, catalogue, "- {layer: land_survey, path: z.gpkg, extent: town}\n")
    found = layers.issues[layers.issues["issue"].isin(["mixed_codes", "other_codes"])]
    assert found["issue"].tolist() == ([issue] if issue else [])
    for words in said:
        assert words in found["value"].iloc[0]
    assert of(layers, "class_unsure")["value"].tolist() == ([" ".join(unsure)] if unsure else [])
    features = layers.features[layers.features["layer"] == "land_survey"].set_index("source_fid")
    for i, (code, name) in enumerate(zip(codes, names, strict=True), 1):
        row = features.loc[str(i)]
        doubted = code in unsure and (code, name) != ("0601", "农村道路")
        assert (
            (row["class_code"], row["major_class"]) == (None, None) if doubted else row["class_code"] == code
        )


@pytest.mark.parametrize("named", [True, False])
def test_a_layer_of_the_third_survey_is_read_as_one(town, catalogue, check, named):
    said = {
        "0101": "水田",
        "0601": "工业用地",
        "1006": "农村道路",
        "05H1": "商业服务业设施用地",
        "1103": "水库水面",
    }
    meant = [  # by hand: the class of the same name in the guide of 2023, and the three classes of the survey
        ("0101", "agricultural"), ("1001", "construction"), ("0601", "agricultural"), (None, "construction"),
        ("1703", "agricultural"),
    ]  # fmt: skip
    put(
        town,
        [town.square(200 * i) for i in range(5)],
        DLBM=list(said),
        DLMC=[*said.values()] if named else [""] * 5,
    )
    layers = read(town, catalogue, "- {layer: land_survey, path: z.gpkg, extent: town}\n")
    check(layers)
    got = layers.features[layers.features["layer"] == "land_survey"]
    assert got["class_name"].tolist() == list(said.values())
    assert list(zip(got["class_code"], got["major_class"], strict=True)) == meant
    (whole,) = of(layers, "read_by_edition").to_dict("records")
    assert (
        "三调工作分类" in whole["value"] and "三调工作分类" in whole["message"]
    )  # named, and as not checked
    assert of(layers, "no_twin")["message"].tolist() == ["1"]
    assert not len(of(layers, "class_unsure"))


@pytest.mark.parametrize(("own", "strays"), [(150, False), (99, True)])
def test_a_stray_code_does_not_make_a_layer_doubtful(town, catalogue, own, strays):
    codes = ["070102"] * own + ["0601", "05H1"]
    put(town, [town.square(i) for i in range(len(codes))], DLBM=codes)
    layers = read(town, catalogue, "- {layer: land_survey, path: z.gpkg, extent: town}\n")
    got = layers.features[layers.features["layer"] == "land_survey"].set_index("class_code")["major_class"]
    assert got["05H1"] is None
    if strays:
        assert "0601" not in got.index and len(of(layers, "mixed_codes")) == 1
    else:
        assert got["0601"] == "agricultural"
        assert of(layers, "stray_codes")[["value", "message"]].values.tolist() == [
            ["三调工作分类: 05H1", "1.0%"]
        ]


def test_the_share_from_which_an_edition_counts_is_that_of_the_day(catalogue, tmp_path):
    dated = replace(catalogue, path=tmp_path)
    rows = (catalogue.path / "parameters.csv").read_text("utf-8").splitlines()
    rows = [row.replace("edition_share,,", "edition_share,2024-07-01,2025-07-01", 1) for row in rows]
    (tmp_path / "parameters.csv").write_text("\n".join(rows), "utf-8")
    days = [
        datetime.date(2024, 6, 30),
        datetime.date(2024, 7, 1),
        datetime.date(2025, 6, 30),
        datetime.date(2025, 7, 1),
    ]
    assert [limits(dated, day).edition_share for day in days] == [0.0, 0.01, 0.01, 0.0]


def test_tables_nobody_checked_are_said_to_be_unchecked(town, catalogue):
    put(town, [town.square(), town.square(200)], DLBM=["070102", "05H1"])
    (said,) = of(
        read(town, catalogue, "- {layer: land_survey, path: z.gpkg, extent: town}\n"), "mixed_codes"
    )["message"]
    blank = catalogue.editions.index[catalogue.editions["checked_on"] == ""]
    assert said == ", ".join(
        catalogue.editions.at[t, "standard"] for t in ("ydyh2023", "sandiao") if t in blank
    )


def test_open_lines_of_a_drawing_are_refused_not_snapped(town, catalogue, check):
    pyogrio.write_dataframe(
        town.frame(
            [
                shapely.LineString(town.square().exterior.coords),
                shapely.LineString([*list(town.square(300).exterior.coords)[:-1], (CX + 400.0, CY + 0.4)]),
            ]
        )[["geometry"]],
        town.path / "z.dxf", driver="DXF",
    )  # fmt: skip
    layers = read(town, catalogue, "- {layer: forest_land, path: z.dxf, crs: 'EPSG:4529', extent: town}\n")
    check(layers)
    assert of(layers, "line_open")["value"].tolist() == ["0.4000"]
    assert (layers.features["layer"] == "forest_land").sum() == 1


def test_places_of_issues(town, catalogue):
    bow = shapely.Polygon([(CX, CY), (CX + 100, CY + 100), (CX + 100, CY), (CX, CY + 100)])
    geoms = [bow, town.square(300), town.square(600), None, town.square(699)]
    put(town, geoms, 批准日期=["", "三月", "", "", ""])
    layers = read(town, catalogue)
    places = issue_places(layers)
    assert places.crs == "EPSG:4529" and list(places.columns) == [*ISSUES, "geometry"]
    by = places.set_index("issue").geometry
    assert by["ambiguous_polygon"].distance(shapely.box(CX, CY, CX + 100, CY + 100)) == 0
    assert by["layer_overlap"].within(shapely.box(CX + 698.9, CY, CX + 700.1, CY + 100))
    assert by["bad_date"].within(town.square(300)), "from the quarantined footprint"
    assert "no_geometry" not in by.index and len(places) < len(layers.issues)
    assert not len(issue_places(layers._replace(issues=layers.issues.iloc[:0])))
    sites = read_parcels(town.path / "z.gpkg", "EPSG:4529", catalogue)
    assert set(issue_places(sites)["issue"]) <= set(sites.issues["issue"])


@pytest.mark.parametrize("name", ["a.gpkg", "a.gdb", "a.shp"])
def test_tables_are_written_with_widths(town, tmp_path, name):
    frame = town.frame(
        [town.square(200 * i) for i in range(3)],
        MC=["镕基村", "乙", None], N=[1, 2, 3], MJ=[1.5, np.nan, 2.25],
        RQ=[datetime.date(2020, 3, 1), None, datetime.date(2021, 1, 1)], OK=[True, False, True],
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = write_table(frame, tmp_path / name, "规划" if name != "a.shp" else None, {"MC": 30})
    with fiona.open(path, layer=None if name == "a.shp" else "规划") as opened:
        assert opened.schema["properties"]["MC"] == "str:30", opened.schema
    back = pyogrio.read_dataframe(path)
    assert back["MC"].fillna("").tolist() == ["镕基村", "乙", ""]
    assert back["N"].tolist() == [1, 2, 3] and back["N"].dtype.kind == "i" and back.crs == frame.crs
    assert (
        pd.to_datetime(back["RQ"]).dt.date.iloc[0] == datetime.date(2020, 3, 1) and back["MJ"].iloc[2] == 2.25
    )
    for one, other in zip(back.geometry, frame.geometry, strict=True):
        assert shapely.symmetric_difference(one, other).area < 0.05
    with pytest.raises(InputError, match="already"):
        write_table(frame, path, "规划" if name != "a.shp" else None)


def test_what_does_not_fit_is_refused_before_anything_is_written(town, tmp_path):
    frame = town.frame([town.square()], MC=["一二三四五六"])
    with pytest.raises(InputError, match="text of 6 characters"):
        write_table(frame, tmp_path / "a.gdb", "x", {"MC": 5})
    with pytest.raises(InputError, match="column name"):
        write_table(frame.rename(columns={"MC": "用地名称"}), tmp_path / "a.shp")
    with pytest.raises(InputError, match="cannot write"):
        write_table(frame, tmp_path / "a.mdb")
    assert not list(tmp_path.glob("a.*"))
    write_table(frame, tmp_path / "a.gpkg", "x")
    write_table(frame, tmp_path / "a.gpkg", "y")
    assert {n for n, _ in pyogrio.list_layers(tmp_path / "a.gpkg")} == {"x", "y"}


def test_old_excel_is_refused_with_advice(town, catalogue):
    (town.path / "a.xls").write_bytes(b"\xd0\xcf\x11\xe0")
    layers = read(town, catalogue, "- {layer: forest_land, path: a.xls}\n")
    assert ".xlsx" in layers.sources["message"].iloc[1]


def test_without_an_area_of_use_what_lies_beyond_the_earth_is_absurd():
    crs = pyproj.CRS("+proj=tmerc +lat_0=0 +lon_0=123 +x_0=500000 +ellps=GRS80 +units=m +type=crs")
    assert crs.area_of_use is None
    corners = [(5e5, 4.5e6), (4.15e7, 4.5e6), (2e8, 4.5e6), (5e5, -1e300)]
    boxes = [shapely.box(x, y, x + abs(x) / 1e4, y + abs(y) / 1e4) for x, y in corners]
    assert stray(np.array([*boxes, None, shapely.Polygon()]), crs, 0.02).tolist() == [
        False,
        False,
        True,
        True,
        False,
        False,
    ]
