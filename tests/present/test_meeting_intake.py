"""What the meeting page takes in: good files as om.read_parcels reads them, bad and hostile ones refused."""

import io
import json
import re
import zipfile

import geopandas as gpd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import onemap as om
from onemap.present.meeting import intake
from onemap.present.meeting.refusal import Refusal

CRS = "EPSG:4529"
X, Y = 41_500_000.0, 4_552_000.0
SQUARE = shapely.box(X, Y, X + 100, Y + 100)
DXF = "0\nSECTION\n2\nENTITIES\n0\nLWPOLYLINE\n8\n0\n90\n4\n70\n1\n{points}0\nENDSEC\n0\nEOF\n"


@pytest.fixture(scope="module")
def crs(town):
    return town.crs


def refused(key, act, *args):
    with pytest.raises(Refusal) as told:
        act(*args)
    assert told.value.key == f"meeting.error.{key}"


def zipped(parts, **options):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in parts.items():
            archive.writestr(name, body)
    return out.getvalue()


def shape_zip(tmp_path, stem="site", prj=True):
    frame = gpd.GeoDataFrame({"name": ["甲"]}, geometry=[SQUARE], crs=CRS)
    frame.to_file(tmp_path / "a.shp", encoding="UTF-8")
    ends = ("shp", "shx", "dbf", "cpg") + (("prj",) if prj else ())
    return zipped({f"{stem}.{end}": (tmp_path / f"a.{end}").read_bytes() for end in ends})


def test_a_survey_text_is_read_as_read_parcels_does(book, crs):
    path = om.sample_path() / "sites" / "P11.txt"
    mine = intake.read_upload(path.read_bytes(), ".txt", crs, book.catalogue).parcels
    theirs = om.read_parcels(path, crs, book.catalogue).parcels
    assert shapely.equals(mine.geometry.to_numpy(), theirs.geometry.to_numpy()).all()
    assert mine.area_m2.tolist() == theirs.area_m2.tolist()


@pytest.mark.parametrize(
    "stem", ["site", "../../etc/evil", "/abs/evil", "..\\..\\evil", "规划/用地", "a" * 180]
)
def test_a_zipped_shapefile_under_any_name(tmp_path, book, crs, stem):
    parcels = intake.read_upload(shape_zip(tmp_path, stem), ".zip", crs, book.catalogue).parcels
    assert shapely.equals_exact(parcels.geometry.iloc[0].normalize(), SQUARE.normalize(), 1e-6)


@pytest.mark.parametrize("ends", [("shp", "prj"), ("shp", "shx", "prj"), ("shp", "dbf", "prj")])
def test_a_shapefile_without_its_parts_says_which(tmp_path, book, crs, ends):
    whole = zipfile.ZipFile(io.BytesIO(shape_zip(tmp_path, "site")))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as part:
        for end in ends:
            part.writestr(f"site.{end}", whole.read(f"site.{end}"))
    with pytest.raises(Refusal) as refused:
        intake.read_upload(out.getvalue(), ".zip", crs, book.catalogue)
    assert refused.value.word == "parts"
    assert refused.value.values["missing"] == ", ".join(sorted({".dbf", ".shx"} - {f".{e}" for e in ends}))


def test_nothing_is_written_outside_the_folder(tmp_path, book):
    folder = tmp_path / "in"
    folder.mkdir()
    intake.unpack(shape_zip(tmp_path, "../../../../out/evil"), folder)
    assert {p.name for p in folder.iterdir()} == {
        f"site1.{end}" for end in ("shp", "shx", "dbf", "cpg", "prj")
    }


def test_a_drawing_needs_its_coordinate_system(book, crs):
    points = "".join(f"10\n{x}\n20\n{y}\n" for x, y in SQUARE.exterior.coords[:-1])
    drawing = DXF.format(points=points).encode()
    refused("crs", intake.read_upload, drawing, ".dxf", crs, book.catalogue)
    parcels = intake.read_upload(drawing, ".dxf", crs, book.catalogue, crs).parcels
    assert parcels.geometry.iloc[0].equals(SQUARE)


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("join", [", ", "\t", " "])
def test_pasted_coordinates_in_either_order(book, crs, swap, join):
    text = "\n".join(join.join(map(str, (y, x) if swap else (x, y))) for x, y in SQUARE.exterior.coords[:-1])
    refused("crs_needed", intake.read_text, text, crs, book.catalogue)
    parcels = intake.read_text(text, crs, book.catalogue, crs).parcels
    assert parcels.geometry.iloc[0].equals(SQUARE)


def test_pasted_degrees_land_where_they_belong(book, crs):
    degrees = gpd.GeoSeries([SQUARE], crs=CRS).to_crs(4490).iloc[0]
    text = "\n".join(f"J{i},{y:.9f},{x:.9f}" for i, (x, y) in enumerate(degrees.exterior.coords[:-1], 1))
    parcels = intake.read_text(text, crs, book.catalogue, intake.LONLAT).parcels
    assert shapely.hausdorff_distance(parcels.geometry.iloc[0], SQUARE) < 1e-3


def test_pasted_wkt_with_and_without_a_number(book, crs):
    assert (
        intake.read_text(f"SRID=4529;{SQUARE.wkt}", crs, book.catalogue)
        .parcels.geometry.iloc[0]
        .equals(SQUARE)
    )
    assert intake.read_text(SQUARE.wkt, crs, book.catalogue, crs).parcels.geometry.iloc[0].equals(SQUARE)
    refused("crs_needed", intake.read_text, SQUARE.wkt, crs, book.catalogue)
    refused("crs", intake.read_text, f"SRID=999999;{SQUARE.wkt}", crs, book.catalogue)
    refused("shape", intake.read_text, "POLYGON((0 0, 1 1", crs, book.catalogue, crs)
    refused("shape", intake.read_text, "MULTIPOLYGON EMPTY", crs, book.catalogue, crs)


def test_pasted_geojson_with_a_stated_system(book, crs):
    degrees = gpd.GeoSeries([SQUARE], crs=CRS).to_crs(4490)
    parcels = intake.read_text(degrees.to_json(), crs, book.catalogue, intake.LONLAT).parcels
    assert shapely.hausdorff_distance(parcels.geometry.iloc[0], SQUARE) < 1e-3


@pytest.mark.parametrize(
    ("kind", "data", "key"),
    [
        (".exe", b"MZ", "kind"),
        (".gpkg", b"SQLite format 3\0", "kind"),
        (".txt", b"", "empty"),
        (".txt", b"\x00\xff\xfe" * 50, "unreadable"),
        (".zip", b"PK\x03\x04 not an archive", "unreadable"),
        (".geojson", b"[1, 2]", "unreadable"),
        (".geojson", b'{"type": "FeatureCollection", "features": [', "unreadable"),
        (".geojson", b'{"a":' * 100_000, "unreadable"),
        (".geojson", b'{"type": "FeatureCollection", "features": []}', "unreadable"),
        (".geojson", b'<OGRVRTDataSource><OGRVRTLayer name="passwd"/></OGRVRTDataSource>', "unsafe"),
        (".dxf", b"0\nSECTION\n<OGRVRTDataSource></OGRVRTDataSource>", "unsafe"),
        (".txt", b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]>', "unsafe"),
        (".geojson", b'{"type": "FeatureCollection", "x": "/vsicurl/http://example.invalid/a"}', "unsafe"),
        (".dxf", b"AutoCAD Binary DXF\r\n\x1a\x00", "unreadable"),
        (".dxf", b"0\nSECTION\n2\nENTITIES\n", "unreadable"),
    ],
)
def test_hostile_and_malformed_files_are_refused(book, crs, kind, data, key):
    with pytest.raises(Refusal) as told:
        found = intake.read_upload(data, kind, crs, book.catalogue)
        assert not len(found.parcels)
        raise Refusal(key)
    assert told.value.key == f"meeting.error.{key}"


def test_archives_that_grow_or_hide_are_refused(tmp_path, book, crs):
    refused("bomb", intake.read_upload, zipped({"a.txt": bytes(101 << 20)}), ".zip", crs, book.catalogue)
    refused(
        "bomb", intake.read_upload, zipped({f"{i}.txt": b"" for i in range(65)}), ".zip", crs, book.catalogue
    )
    refused(
        "nothing", intake.read_upload, zipped({"a.zip": zipped({"b.txt": b"x"})}), ".zip", crs, book.catalogue
    )
    refused("nothing", intake.read_upload, zipped({"run.py": b"import os"}), ".zip", crs, book.catalogue)
    refused(
        "unreadable", intake.read_upload, zipped({"a.shp": b"not a shapefile"}), ".zip", crs, book.catalogue
    )


def test_a_bomb_that_lies_about_its_size(book, crs):
    honest = bytearray(zipped({"a.txt": bytes(5 << 20)}))
    for size in (m.start() for m in re.finditer((5 << 20).to_bytes(4, "little"), bytes(honest))):
        honest[size : size + 4] = (10).to_bytes(4, "little")
    refused("unreadable", intake.read_upload, bytes(honest), ".zip", crs, book.catalogue)


def test_too_large_by_one_byte(book, crs):
    refused("large", intake.read_upload, bytes(intake.MOST_BYTES + 1), ".txt", crs, book.catalogue)


def test_too_many_vertices_and_projects(book, crs):
    ring = SQUARE.buffer(10, quad_segs=13_000)
    refused("vertices", intake.read_shape, ring, crs, crs, book.catalogue, {})
    boxes = [shapely.box(X + 20 * i, Y, X + 20 * i + 10, Y + 10) for i in range(intake.MOST_PROJECTS + 1)]
    frame = gpd.GeoDataFrame({"project_id": [f"P{i}" for i in range(len(boxes))]}, geometry=boxes, crs=CRS)
    text = json.loads(frame.to_crs(4490).to_json())
    refused("many", intake.read_text, json.dumps(text), crs, book.catalogue, intake.LONLAT)


@pytest.mark.parametrize(
    "geometry",
    [None, 7, "x", [], {}, {"type": "Point", "coordinates": [123, 41]}, {"type": "Polygon", "coordinates": []},
     {"type": "Polygon", "coordinates": [[[123, 41], [123.1, 41]]]}, {"type": "Polygon", "coordinates": "a"}],
)  # fmt: skip
def test_drawn_things_that_are_no_polygon(book, crs, geometry):
    refused("shape", intake.read_drawn, geometry, crs, book.catalogue, {})


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=400), kind=st.sampled_from(intake.KINDS))
def test_any_bytes_are_sites_or_a_refusal(data, kind):
    book = om.load_catalogue()
    try:
        intake.read_upload(data, kind, gpd.GeoSeries([], crs=CRS).crs, book)
    except Refusal as refusal:
        assert refusal.key in book.texts
