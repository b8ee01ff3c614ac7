import datetime

import pytest

from onemap.errors import InputError
from onemap.land.workspace import load_workspace

GOOD = """\
name: 样例镇
crs: EPSG:4529
as_of: 2024-03-01
dates: {plan_approval: 2024年10月28日}
town: admin_district
sources:
  - layer: admin_district
    path: xzq.shp
  - layer: land_use_zones
    path: tdytq.gpkg
    table: 土地用途区
    class_code: 030
    where: {YSDM: 2003}
    fields: {class_code: TDYTQLXDM}
    split: {field: items, separator: "、"}
    extent: [0, 0, 10.5, 10]
    valid_until: 2026/12/31
    accept_wgs84: true
none:
  - {layer: railway_land, statement: 无铁路, stated_on: 2024-01-10, extent: town}
sites: sites
"""


def write(tmp_path, text):
    (tmp_path / "onemap.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def test_everything_is_read_and_codes_keep_their_zeros(tmp_path):
    space = load_workspace(write(tmp_path, GOOD))
    zones = space.sources[1]
    assert (space.name, space.crs, space.town, space.path) == (
        "样例镇",
        "EPSG:4529",
        "admin_district",
        tmp_path,
    )
    assert space.as_of == datetime.date(2024, 3, 1)
    assert space.dates["plan_approval"] == datetime.date(2024, 10, 28)
    assert (zones.class_code, zones.where, zones.extent) == ("030", {"YSDM": "2003"}, [0, 0, 10.5, 10])
    assert zones.valid_until == datetime.date(2026, 12, 31) and zones.accept_wgs84
    assert space.none[0].layer == "railway_land" and space.sites.path == "sites"
    assert zones.at.endswith("onemap.yaml:9")
    assert load_workspace(tmp_path / "onemap.yaml") == space


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (("path: xzq.shp", "pth: xzq.shp"), 8, ["pth", "did you mean 'path'"]),
        (("town: admin", "twon: admin"), 5, ["twon", "did you mean 'town'"]),
        (("name: 样例镇", "name: 样例镇\nname: 又一个"), 2, ["twice"]),
        (("    table: 土地用途区", "    table: 甲\n    table: 乙"), 12, ["twice"]),
        (("as_of: 2024-03-01", "as_of: 三月一日"), 3, ["as_of", "not a date"]),
        (("crs: EPSG:4529\n", ""), 1, ["crs", "missing"]),
        (("[0, 0, 10.5, 10]", "[0, 0, 10.5]"), 16, ["extent"]),
        (("separator:", "seperator:"), 15, ["seperator", "did you mean 'separator'"]),
        (("statement: 无铁路", "staetment: 无铁路"), 20, ["staetment", "did you mean 'statement'"]),
        (("accept_wgs84: true", "accept_wgs84: perhaps"), 18, ["accept_wgs84"]),
        (("town: admin_district", "town: [unclosed"), 6, ["YAML"]),
        (("name: 样例镇", "name: 样例镇\npath: /tmp"), 2, ["unknown key 'path'"]),
    ],
)
def test_mistakes_are_named_with_their_line(tmp_path, change, line, words):
    with pytest.raises(InputError) as caught:
        load_workspace(write(tmp_path, GOOD.replace(*change)))
    assert f"onemap.yaml:{line}:" in str(caught.value)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "- a\n- b\n", "just words", "[" * 3000, "a: &x [*x]", "{[1]: 2}", "\x00", "a: !!python/x 1"]
)
def test_nonsense_is_refused_and_never_crashes(tmp_path, text):
    with pytest.raises(InputError):
        load_workspace(write(tmp_path, text))


def test_no_file(tmp_path):
    with pytest.raises(InputError, match="no workspace file"):
        load_workspace(tmp_path)


def test_gbk_workspace(tmp_path):
    (tmp_path / "onemap.yaml").write_bytes(GOOD.encode("gbk"))
    assert load_workspace(tmp_path).name == "样例镇"
