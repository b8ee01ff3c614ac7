import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onemap.errors import CRSError, InputError
from onemap.land.read import read_features
from onemap.land.vct import read_vct
from onemap.land.vct_shapes import arc
from onemap.messages import said

_spec = importlib.util.spec_from_file_location("vct_writer", Path(__file__).with_name("vct_writer.py"))
writer = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(writer)

FIELDS = {"BSM": ("Char", 18), "DLBM": ("Char", 5), "DLMC": ("Char", 60), "TBMJ": ("Float", "15,2")}


def plots(town):
    holed = town.square(0, 0, 100).difference(town.square(20, 20, 30)).difference(town.square(60, 60, 10))
    two = shapely.MultiPolygon([town.square(300), town.square(500)])
    geoms = [holed, town.square(100, 0, 100), two, town.square(20, 20, 30)]
    codes = ["0103", "0301", "1101", "0103"]
    return town.frame(
        geoms, BSM=[f"00{i}" for i in range(4)], DLBM=codes, DLMC=["旱地", "乔木林地", "河流,水面", "旱地"],
        TBMJ=[g.area for g in geoms],
    )  # fmt: skip


def write(path, text):
    path.write_bytes(text.encode("gbk"))
    return path


@pytest.mark.parametrize("indirect", [True, False])
def test_reads_what_was_written(town, tmp_path, indirect):
    frame = plots(town)
    (raw,) = read_vct(write(tmp_path / "a.vct", writer.vct(frame, FIELDS, indirect=indirect)))
    assert raw.crs == "EPSG:4529" and raw.encoding == "GB18030" and raw.table == "DLTB" and not raw.notes
    assert raw.columns["DLBM"].tolist() == frame["DLBM"].tolist() and raw.columns["BSM"].iloc[0] == "000"
    assert raw.columns["DLMC"].iloc[2] == "河流，水面" and raw.columns["TBMJ"].iloc[1] == 10000
    for got, meant in zip(raw.geometry, frame.geometry, strict=True):
        assert got.is_valid and shapely.symmetric_difference(got, meant).area == 0


def test_dialect_of_2007_and_its_datum(town, tmp_path):
    frame = plots(town)
    moved = frame.set_geometry(frame.translate(-41_000_000, 0))
    text = writer.vct(moved, FIELDS, head=writer.HEAD_2007, style="unkown")
    (raw,) = read_vct(write(tmp_path / "a.vct", text), "地类图斑")
    assert raw.crs.geodetic_crs.to_epsg() == 4610 and len(raw.columns) == 4
    swapped = moved.set_geometry(shapely.transform(moved.geometry.to_numpy(), lambda c: c[:, ::-1]), crs=None)
    head = writer.HEAD_2007.replace("XYUnit", "XAxisDirection:N\nYAxisDirection:E\nXYUnit")
    (turned,) = read_vct(write(tmp_path / "b.vct", writer.vct(swapped, FIELDS, head=head)), "DLTB")
    assert np.allclose(turned.geometry[1].bounds, raw.geometry[1].bounds)


def test_one_bad_object_costs_one_row(town, catalogue, check):
    text = writer.vct(plots(town), FIELDS)
    lines = text.split("\r\n")
    at = lines.index("PolygonBegin")
    refs = next(i for i in range(at, len(lines)) if lines[i] == "21") + 2
    lines[refs] = lines[refs].replace("101", "999", 1)
    row = next(i for i, line in enumerate(lines) if line.startswith("2,001"))
    lines[row] = "2,001,0301"
    write(town.path / "d.vct", "\r\n".join(lines))
    layers = read_features(town.write("- {layer: land_survey, path: d.vct, extent: town}\n"), catalogue)
    check(layers)
    row = layers.sources.set_index("layer").loc["land_survey"]
    assert (row["rows_read"], row["rows_kept"], row["rows_quarantined"], row["rows_empty"]) == (4, 2, 2, 0)
    assert dict(zip(layers.quarantine["source_fid"], layers.quarantine["reason"], strict=True)) == {
        "1": "bad_coordinates", "2": "no_attributes",
    }  # fmt: skip
    told = [said(row, "en") for row in layers.issues.to_dict("records")]
    assert "line 999 is not in the file" in " ".join(told)
    assert layers.issues["message"].str.contains("文件中没有线 999").any()


def test_rows_without_objects_and_objects_twice(town, tmp_path):
    lines = writer.vct(plots(town), FIELDS).split("\r\n")
    lines.insert(lines.index("TableEnd"), "77,x,0103,旱地,1")
    end = lines.index("PolygonEnd")
    lines[end:end] = lines[lines.index("PolygonBegin") + 1 : end][:9]
    (raw,) = read_vct(write(tmp_path / "a.vct", "\r\n".join(lines)))
    assert raw.columns.index.tolist() == ["1", "2", "3", "4", "1#2", "77"] and raw.geometry[-1] is None
    assert ("duplicate_key", "1#2", "1") in raw.notes


def test_broken_value_and_truncated_file(town, tmp_path):
    text = writer.vct(plots(town), FIELDS)
    (raw,) = read_vct(write(tmp_path / "a.vct", text.replace("3,002,1101,河流，", "3,002,1101,河流\r\n")))
    assert raw.columns["DLMC"].iloc[2] == "河流 水面"
    cut = text[: text.index("PolygonEnd") - 40]
    (raw,) = read_vct(write(tmp_path / "b.vct", cut))
    assert raw.promised > len(raw.columns) and {c for c, *_ in raw.notes} >= {"no_attributes", "vct_head"}


def test_open_rings_are_refused_not_snapped(town, tmp_path):
    lines = writer.vct(plots(town).iloc[1:2], FIELDS).split("\r\n")
    start = lines.index("LineBegin")
    second = [i for i in range(start, len(lines)) if lines[i] == "11"][1]
    east, north = lines[second + 2].split(",")
    lines[second + 2] = f"{float(east) + 0.5!r},{north}"
    (raw,) = read_vct(write(tmp_path / "a.vct", "\r\n".join(lines)))
    assert raw.geometry[0] is None and "0.500 m" in raw.notes[0][2].text("en")


def test_arcs():
    half = arc(np.array([[50.0, 0.0], [0.0, 50.0], [-50.0, 0.0]]))
    assert shapely.Polygon(half).area == pytest.approx(np.pi * 50**2 / 2, abs=0.01)
    assert half[0].tolist() == [50, 0] and half[-1].tolist() == [-50, 0]
    down = arc(np.array([[50.0, 0.0], [0.0, -50.0], [-50.0, 0.0]]))
    assert down[:, 1].min() == pytest.approx(-50)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("Version:3.0", "Version:1.0", None),
        ("LANDUSE-VCT", "CNSDTF-VCT", "1999"),
        ("Offset:0,0", "Offset:100,0", "shifts"),
        ("41500000,0,3,41", "41500000,0,3,40", "zone 40"),
        ("41500000,0,3,41", "500000,0,3,41", "false easting"),
        ("地类图斑,Polygon", "地类图斑,Line", "no polygons|classes of polygons|geometry"),
    ],
)
def test_heads(town, tmp_path, old, new, words):
    path = write(tmp_path / "a.vct", writer.vct(plots(town), FIELDS).replace(old, new))
    if words is None:
        assert read_vct(path)[0].crs == "EPSG:4529"
        return
    try:
        (raw,) = read_vct(path)
    except InputError as error:
        assert re.search(words, str(error))
    else:
        assert not len(raw.columns)


def test_unknown_head_gives_no_crs(town, tmp_path):
    text = writer.vct(plots(town), FIELDS)
    for old, new in (("CGCS2000,6378137.0,298.257222101", "Mars,1,2"), ("123,1,41500000,0,3,41", "")):
        (raw,) = read_vct(write(tmp_path / "a.vct", text.replace(old, new)))
        assert raw.crs is None and any(c == "vct_head" for c, *_ in raw.notes)
    with pytest.raises(CRSError):
        read_vct(write(tmp_path / "a.vct", text.replace("41500000,0,3,41", "40500000,0,3,41")))


def test_tables_are_named(town, tmp_path):
    path = write(tmp_path / "a.vct", writer.vct(plots(town), FIELDS))
    with pytest.raises(InputError, match="DLTB .地类图斑., XZQ"):
        read_vct(path, "ABC")
    assert read_vct(path, "XZQ")[0].promised == 0


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage(town, tmp_path, data):
    lines = writer.vct(plots(town), FIELDS).split("\r\n")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        what = data.draw(st.sampled_from(["cut", "drop", "twice", "swap", "text", "number"]))
        if what == "cut":
            lines = lines[: max(at, 1)]
        elif what == "drop":
            del lines[at]
        elif what == "twice":
            lines.insert(at, lines[at])
        elif what == "swap":
            other = data.draw(st.integers(0, len(lines) - 1))
            lines[at], lines[other] = lines[other], lines[at]
        elif what == "text":
            lines[at] = data.draw(st.text(max_size=12))
        else:
            lines[at] = str(data.draw(st.integers(-(10**18), 10**18)))
        lines = lines or ["x"]
    path = tmp_path / "a.vct"
    path.write_bytes("\r\n".join(lines).encode("gb18030", "ignore"))
    try:
        (raw,) = read_vct(path)
    except InputError:
        return
    assert len(raw.columns) == len(raw.geometry) <= raw.promised
    assert raw.columns.index.is_unique
