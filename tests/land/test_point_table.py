import openpyxl
import pytest
import shapely

from onemap.errors import InputError
from onemap.land.files import read_raw
from onemap.land.parcels import read_parcels

CX, CY = 41_500_000, 4_552_000
OUTER, INNER = [(0, 0), (0, 100), (100, 100), (100, 0)], [(20, 20), (20, 40), (40, 40), (40, 20)]


def rows(north_first=True, prefix=CX):
    for plot, shift in (("甲", 0), ("乙", 300)):
        for ring, points in ((1, OUTER), (2, INNER if plot == "甲" else [])):
            for k, (x, y) in enumerate(points, 1):
                north, east = CY + y, prefix + shift + x
                yield [plot, ring, f"J{k}", *((north, east) if north_first else (east, north)), "工业用地"]


HEAD = ["地块编号", "圈号", "点号", "X", "Y", "用途"]


def meant():
    return [
        shapely.Polygon([(CX + x, CY + y) for x, y in OUTER], [[(CX + x, CY + y) for x, y in INNER]]),
        shapely.Polygon([(CX + 300 + x, CY + y) for x, y in OUTER]),
    ]


@pytest.mark.parametrize("north_first", [True, False])
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_points_become_plots_whatever_is_called_x(tmp_path, kind, north_first):
    path = tmp_path / f"a.{kind}"
    table = [HEAD, *rows(north_first)]
    if kind == "csv":
        path.write_text("\n".join(",".join(map(str, r)) for r in table), encoding="gb18030")
    else:
        book = openpyxl.Workbook()
        for row in table:
            book.active.append(row)
        book.save(path)
    (raw,) = read_raw(path)
    assert [g.equals(m) for g, m in zip(raw.geometry, meant(), strict=True)] == [True, True]
    assert raw.columns["地块编号"].tolist() == ["甲", "乙"] and raw.crs is None and raw.promised == 2


def test_a_bad_row_costs_its_plot_and_nothing_is_guessed(town, catalogue, tmp_path):
    table = [HEAD, *rows()]
    table[3][3] = "约四百五十五万"
    path = tmp_path / "sites.csv"
    path.write_text("\n".join(",".join(map(str, r)) for r in table), encoding="utf-8")
    with pytest.raises(InputError, match="coordinate system"):
        read_parcels(path, "EPSG:4529", catalogue)
    space = town.write("", extra=f"sites: {{path: '{path}', crs: EPSG:4529}}\n")
    sites = read_parcels(path, "EPSG:4529", catalogue, workspace=space)
    assert len(sites.parcels) == 1 and "bad_coordinates" in set(sites.issues["issue"])
    (tmp_path / "b.csv").write_text("X,Y\n1,2\n3,4\n5,7\n")
    with pytest.raises(InputError, match="neither north and east"):
        read_raw(tmp_path / "b.csv")
    (tmp_path / "c.csv").write_text("甲,乙\n1,2\n")
    with pytest.raises(InputError, match="no column holds WKT or coordinates"):
        read_raw(tmp_path / "c.csv")
