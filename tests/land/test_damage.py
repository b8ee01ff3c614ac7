"""What is broken in a file costs what is broken, no more, and is counted; what a format cuts off is found again."""

import sqlite3

import numpy as np
import pyogrio
import pytest
import shapely

from onemap.errors import InputError
from onemap.land.files import read_raw
from onemap.land.read import read_features

COUNT = 400
SOURCE = "- {layer: land_use_zones, path: %s, extent: town%s}\n"


def many(town):
    geoms = [town.square(-1900 + 150 * (i % 20), -1900 + 150 * (i // 20)) for i in range(COUNT)]
    return town.frame(geoms, TDYTQLXDM=["010"] * COUNT, MC=[f"甲{i}" for i in range(COUNT)])


def cut_geodatabase(frame, folder):
    """The last records of the table are gone from the disk."""
    pyogrio.write_dataframe(frame, folder / "z.gdb", driver="OpenFileGDB")
    table = max((folder / "z.gdb").glob("*.gdbtable"), key=lambda p: p.stat().st_size)
    table.write_bytes(table.read_bytes()[:-500])
    return "z.gdb", 8


def overwritten_package(frame, folder):
    """Every hundredth geometry is two letters."""
    pyogrio.write_dataframe(frame, folder / "z.gpkg", layer="z")
    with sqlite3.connect(folder / "z.gpkg") as base:
        for (name,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            base.execute(f'DROP TRIGGER "{name}"')
        base.executemany("UPDATE z SET geom = x'4750' WHERE fid = ?", [(i,) for i in range(1, COUNT, 100)])
    return "z.gpkg", 4


def overwritten_shapefile(frame, folder):
    """The number of parts of one record is nonsense."""
    pyogrio.write_dataframe(frame, folder / "z.shp", encoding="GB18030")
    data = bytearray((folder / "z.shp").read_bytes())
    size = (len(data) - 100) // COUNT
    data[100 + 7 * size + 44 : 100 + 7 * size + 48] = (10**6).to_bytes(4, "little")
    (folder / "z.shp").write_bytes(data)
    return "z.shp", 1


def cut_shapefile(frame, folder):
    """The end of the geometries is missing; the attributes are all there."""
    pyogrio.write_dataframe(frame, folder / "z.shp", encoding="GB18030")
    data = (folder / "z.shp").read_bytes()
    (folder / "z.shp").write_bytes(data[: len(data) // 2])
    return "z.shp", COUNT // 2 + 1


@pytest.mark.parametrize(
    "damage", [cut_geodatabase, overwritten_package, overwritten_shapefile, cut_shapefile]
)
def test_a_bad_record_costs_itself(town, catalogue, check, damage):
    frame = many(town)
    name, lost = damage(frame, town.path)
    layers = read_features(town.write(SOURCE % (name, "")), catalogue)
    check(layers)
    row = layers.sources.set_index("layer").loc["land_use_zones"]
    assert row["rows_read"] == COUNT
    assert row["rows_quarantined"] == lost and row["rows_kept"] == COUNT - lost
    aside = layers.quarantine
    assert len(aside) == row["rows_quarantined"] and aside.geometry.isna().all()
    kept = layers.features[layers.features["layer"] == "land_use_zones"].set_index("name")
    for i in {f"甲{i}" for i in (5, 198, COUNT - lost - 1)} & set(kept.index):
        assert kept.geometry[i].symmetric_difference(frame.set_index("MC").geometry[i]).area < 0.1
    told = layers.issues[layers.issues["issue"].isin(["row_unreadable", "geometry_unreadable"])]
    assert len(told) == row["rows_quarantined"] and (told["severity"] == "error").all()


def test_names_cut_within_a_character(town, catalogue, check):
    columns = {"土地用途区类型代码": ["010"], "权属单位名称": ["镕基村"]}
    pyogrio.write_dataframe(town.frame([town.square()], **columns), town.path / "z.shp", encoding="UTF-8")
    with pytest.raises(UnicodeDecodeError):
        pyogrio.read_dataframe(town.path / "z.shp")
    layers = read_features(town.write(SOURCE % ("z.shp", ", fields: {class_code: 土地用}")), catalogue)
    check(layers)
    assert layers.features["class_code"].tolist()[1:] == ["010"]
    assert "镕基村" in layers.features["attributes"].iloc[1]
    assert (layers.issues["issue"] == "text_damaged").sum() == 1


def test_names_cut_to_ten_bytes(town, catalogue, check):
    frame = town.frame([town.square()], 用途区类型代码=["010"], responsible_authority=["某局"])
    pyogrio.write_dataframe(frame, town.path / "z.shp", encoding="GB18030")
    assert "用途区类型" in pyogrio.read_info(town.path / "z.shp")["fields"]
    given = ", fields: {class_code: 用途区类型代码, authority: responsible_authority}"
    layers = read_features(town.write(SOURCE % ("z.shp", given)), catalogue)
    check(layers)
    assert layers.features[["class_code", "authority"]].values.tolist()[1:] == [["010", "某局"]]


DRAWING = """0
SECTION
2
HEADER
9
$ACADVER
1
{version}
9
$DWGCODEPAGE
3
ANSI_936
0
ENDSEC
0
SECTION
2
ENTITIES
{entities}0
ENDSEC
0
EOF
"""


def polyline(layer, points, closed, handle):
    """A light polyline; a third number is the bulge of the edge that begins there."""
    lines = ["0", "LWPOLYLINE", "5", handle, "100", "AcDbEntity", "8", layer, "100", "AcDbPolyline"]
    lines += ["90", str(len(points)), "70", str(int(closed))]
    for x, y, *bulge in points:
        lines += ["10", repr(x), "20", repr(y), *(["42", repr(bulge[0])] if bulge else [])]
    return "\n".join(lines) + "\n"


X, Y = 41_500_000.0, 4_552_000.0
RING = [(X, Y), (X + 100, Y), (X + 100, Y + 100), (X, Y + 100)]


@pytest.mark.parametrize(
    ("version", "encoding"), [("AC1015", "gb18030"), ("AC1021", "utf-8"), ("AC1032", "utf-8")]
)
def test_layers_of_a_drawing(town, catalogue, check, version, encoding):
    half = [(X + 300, Y, 1.0), (X + 400, Y, 1.0)]
    entities = (
        polyline("界址点", RING, True, "10")
        + polyline("界址点", [(x, y + 300) for x, y in [*RING, RING[0]]], False, "11")
        + polyline("界址点", half, True, "12")
        + polyline("图框", [(x - 700, y) for x, y in RING], True, "13")
        + polyline("JZD", [(x, y + 600) for x, y in RING], True, "14")
    )
    text = DRAWING.format(version=version, entities=entities)
    (town.path / "z.dxf").write_bytes(text.encode(encoding))
    for layer, areas in (("界址点", [7853.98, 10_000, 10_000]), ("jzd", [10_000])):
        source = f"- {{layer: forest_land, path: z.dxf, table: {layer}, crs: 'EPSG:4529', extent: town}}\n"
        layers = read_features(town.write(source), catalogue)
        check(layers)
        row = layers.sources.set_index("layer").loc["forest_land"]
        assert (row["status"], row["rows_read"], row["rows_kept"]) == ("found", len(areas), len(areas)), row[
            "message"
        ]
        got = layers.features[layers.features["layer"] == "forest_land"].geometry.area
        assert np.sort(got) == pytest.approx(areas, abs=0.02)
    (raw,) = read_raw(town.path / "z.dxf")
    assert len(raw.columns) == 5
    ((_, _, told),) = [note for note in raw.notes if note[0] == "curves_straightened"]
    assert told.values["count"] == 2
    with pytest.raises(InputError, match="界址点"):
        read_raw(town.path / "z.dxf", "absent")


def test_a_spline_does_not_take_the_drawing_with_it(town):
    spline = "0\nSPLINE\n5\n20\n8\n图框\n100\nAcDbSpline\n70\n8\n71\n3\n72\n0\n73\n0\n74\n3\n"
    spline += "".join(f"11\n{X + dx}\n21\n{Y + dy}\n31\n0.0\n" for dx, dy in ((0, 0), (50, 20), (90, 0)))
    text = DRAWING.format(version="AC1021", entities=polyline("界址点", RING, True, "10") + spline)
    (town.path / "z.dxf").write_bytes(text.encode())
    (raw,) = read_raw(town.path / "z.dxf", "界址点")
    assert shapely.area(raw.geometry).tolist() == [10_000]
