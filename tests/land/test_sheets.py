"""Tables as bureaus keep them: titles above the head, columns named twice or not at all, sums at the end."""

import openpyxl
import pytest
import shapely

from onemap.book.words import issue_words
from onemap.errors import InputError
from onemap.land.files import read_raw
from onemap.land.read import read_features

BOX = shapely.box(41_500_000, 4_550_000, 41_500_100, 4_550_100)


def workbook(path, rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    if len(rows[0]) == 1:
        book.active.merge_cells("A1:C1")
    book.save(path)
    return path


def table(path, rows):
    path.write_text("".join(",".join(f'"{c or ""}"' for c in row) + "\n" for row in rows), encoding="gbk")
    return path


@pytest.fixture(params=["xlsx", "csv"])
def read(request, tmp_path):
    """A reader of rows that were written as a workbook or as a CSV."""
    write = workbook if request.param == "xlsx" else table
    return lambda rows: read_raw(write(tmp_path / f"永久基本农田.{request.param}", rows))[0]


def test_titles_may_stand_above_the_head(read):
    raw = read([["永久基本农田一览表"], ["单位：公顷"], ["编号", "面积", "WKT"], ["N1", "25", BOX.wkt]])
    assert raw.columns.to_dict("records") == [{"编号": "N1", "面积": "25"}]
    assert raw.geometry[0].equals(BOX) and raw.promised == 1


def test_titles_above_boundary_points(read):
    rows = [["界址点成果表"], ["地块编号", "点号", "X", "Y"]]
    rows += [["甲", f"J{i}", str(y), str(x)] for i, (x, y) in enumerate(BOX.exterior.coords[:-1], 1)]
    raw = read(rows)
    assert raw.columns.to_dict("records") == [{"地块编号": "甲"}] and raw.geometry[0].equals(BOX)


def test_a_head_of_two_rows(read):
    rows = [["界址点成果表"], ["地块编号", "点号", "坐标", None], [None, None, "X", "Y"]]
    for plot, shift in (("甲", 0), ("乙", 500)):
        corners = list(BOX.exterior.coords[:-1])
        rows += [[plot, f"J{i}", str(y), str(x + shift)] for i, (x, y) in enumerate(corners, 1)]
    raw = read(rows)
    assert raw.columns["地块编号"].tolist() == ["甲", "乙"] and [g.area for g in raw.geometry] == [1e4, 1e4]


def test_a_bad_point_is_told_by_its_row_in_the_file(read):
    rows = [["界址点成果表"], ["地块编号", "点号", "X", "Y"]]
    rows += [["甲", f"J{i}", str(y), str(x)] for i, (x, y) in enumerate(BOX.exterior.coords[:-1], 1)]
    rows[4][2] = "不详"
    (note,) = (one for one in read(rows).notes if one[0] == "bad_coordinates")
    assert note[2].values["row"] == 5


def test_no_column_is_lost_for_its_name(read):
    raw = read([["备注", "备注", None, None, "WKT"], ["甲", "乙", "丙", None, BOX.wkt]])
    assert raw.columns.to_dict("records") == [{"备注": "甲", "备注_2": "乙", "column_3": "丙"}]


def test_a_row_longer_than_the_head_loses_nothing(read):
    raw = read([["编号", "WKT"], ["N1", BOX.wkt, "多出一格"]])
    assert raw.columns.to_dict("records") == [{"编号": "N1", "column_3": "多出一格"}]


def test_a_row_of_sums_is_a_row_without_a_place(read):
    raw = read([["编号", "面积", "WKT"], ["N1", "25", BOX.wkt], ["合计", "25", None]])
    assert len(raw.columns) == 2 and raw.geometry[1] is None


def test_without_a_place_the_fullest_row_tells_what_there_is(read):
    with pytest.raises(InputError) as refused:
        read([["一览表"], ["编号", "面积", "备注"], ["N1", "25", "甲"]])
    assert "编号、面积、备注" in refused.value.text("zh")


def test_a_row_without_a_place_is_told_with_what_follows(tmp_path, catalogue):
    """The row of sums makes its whole layer unknown: the analyst is told so, and how to mend it."""
    workbook(tmp_path / "基本农田.xlsx", [["编号", "WKT"], ["N1", BOX.wkt], ["合计", None]])
    (tmp_path / "onemap.yaml").write_text(
        "name: t\ncrs: EPSG:4529\nsources:\n  - {layer: permanent_basic_farmland, path: 基本农田.xlsx, crs: EPSG:4529}\n",
        encoding="utf-8",
    )
    issues = read_features(tmp_path, catalogue).issues
    (row,) = issues[issues["issue"] == "layer_unplaced"].to_dict("records")
    assert row["severity"] == "error" and row["source_fid"] == "1" and row["value"] == "1"
    told = issue_words(row, catalogue.texts, "zh")
    assert "整个图层因此按未知处理" in told and "合计行" in told
