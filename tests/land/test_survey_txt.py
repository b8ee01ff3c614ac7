import contextlib

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from onemap.errors import CRSError, InputError
from onemap.land.files import read_raw
from onemap.land.parcels import read_parcels
from onemap.land.survey_txt import read_survey_txt
from onemap.land.survey_write import survey_text, write_survey_txt

HEAD = """[属性描述]
格式版本号=1.01版本
数据产生单位=某测绘院
数据产生日期=2019-4-19
坐标系=2000国家大地坐标系
几度分带=3
投影类型=高斯克吕格
计量单位=米
带号=41
精度=0.001
转换参数=0,0,0,0,0,0,0
[地块坐标]
"""
N, E = 4552000.0, 41500000.0


def ring(points, number=1, first=1, close="same", prefix="J"):
    """Coordinate lines of (east, north) offsets; ``close``: same, next or no."""
    lines = [f"{prefix}{first + i},{number},{N + y:.3f},{E + x:.3f}" for i, (x, y) in enumerate(points)]
    x, y = points[0]
    if close == "same":
        lines.append(f"{prefix}{first},{number},{N + y:.3f},{E + x:.3f}")
    if close == "next":
        lines.append(f"{prefix}{first + len(points)},{number},{N + y:.3f},{E + x:.3f}")
    return lines


BOX = [(0, 0), (100, 0), (100, 100), (0, 100)]
HOLE = [(40, 40), (60, 40), (60, 60), (40, 60)]
FAR = [(300, 0), (350, 0), (350, 50), (300, 50)]
PLOT = "5,1.0000,D1,甲地块,面,,工业用地,0601,@"


def text(*blocks, head=HEAD):
    return (
        head
        + "\n".join(line for block in blocks for line in ([block] if isinstance(block, str) else block))
        + "\n"
    )


def save(tmp_path, content, name="a.txt", encoding="gbk"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def one(tmp_path, content, **kwargs):
    (raw,) = read_survey_txt(save(tmp_path, content, **kwargs))
    return raw


SHELL = shapely.box(E, N, E + 100, N + 100)
GOOD = text(PLOT, ring(BOX))


@pytest.mark.parametrize(
    "content",
    [
        GOOD.encode("gbk"),
        GOOD.encode("utf-8"),
        GOOD.encode("utf-8-sig"),
        GOOD.encode("utf-16"),
        GOOD.replace("\n", "\r\n").encode("gbk") + b"\x1a",
        GOOD.replace("\n", "\r").encode("gbk"),
        GOOD.replace("=", "＝").replace("[", "【").replace("]", "】").replace("@", "＠").encode("gbk"),
        text(PLOT, ring(BOX, close="next")).encode("gbk"),
        text(PLOT, ring(BOX, close="no")).encode("gbk"),
        text(PLOT, ring(BOX, prefix="")).encode("gbk"),
        text(PLOT, [line.replace(",", " , ") for line in ring(BOX)]).encode("gbk"),
        text(PLOT, [line.replace(",", "\t") for line in ring(BOX)]).encode("gbk"),
        text(PLOT, "\n\n", *ring(BOX), "").encode("gbk"),
        text(PLOT, [line + ",0.000" for line in ring(BOX)]).encode("gbk"),
        text(PLOT, [",".join(np.array(line.split(","))[[0, 2, 3]]) for line in ring(BOX)]).encode("gbk"),
        text(PLOT, [",".join(np.array(line.split(","))[[0, 1, 3, 2]]) for line in ring(BOX)]).encode("gbk"),
        text(PLOT, ring(BOX)).replace("带号=41", "带号=").encode("gbk"),
        text(PLOT, ring(BOX)).replace("带号=41", "带号=3").encode("gbk"),
        text(PLOT, ring(BOX)).replace("几度分带=3", "分带=3度带").encode("gbk"),
        text(PLOT, ring(BOX)).replace("0,0,0,0,0,0,0", ",,,,,,").encode("gbk"),
        text(
            PLOT,
            [line.translate(str.maketrans("0123456789,.", "０１２３４５６７８９，．")) for line in ring(BOX)],
        ).encode("gbk"),
    ],
)
def test_one_square_in_all_spellings(tmp_path, content):
    raw = one(tmp_path, content)
    assert raw.crs == "EPSG:4529"
    assert raw.geometry[0].equals(SHELL) and raw.promised == 1
    row = raw.columns.iloc[0]
    assert (row["地块编号"], row["地块名称"], row["地块面积"], row["地类编码"]) == (
        "D1",
        "甲地块",
        "1.0公顷",
        "0601",
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("66,5.7089,1,彭埠单元B/R-14地块,面,,,,@", {"地块编号": "1", "地块名称": "彭埠单元B/R-14地块"}),
        (
            "0,0,330106104,横桥村,D8-003,地块4,面,,,,@",
            {"地块编号": "D8-003", "地块名称": "地块4", "单位代码": "330106104"},
        ),
        ("5,甲地块,面,耕地,@ ", {"地块名称": "甲地块"}),
        ("5,1.0,D1,甲,乙,丙地块,面,,,,@", {"地块编号": "D1", "地块名称": "甲,乙,丙地块"}),
        ("0.7655公顷,D1,甲地块,面,,,@", {"地块编号": "D1", "地块面积": "0.7655公顷"}),
        ("63,,010031, 32,,,地块1,,@", {"地块编号": "010031", "地块用途": "地块1"}),
        ("5，1.0，D1，甲地块，面，，，，@", {"地块编号": "D1", "地块名称": "甲地块"}),
        ("5,1.0,D1,I－50-77-（22）,面,,,,@", {"地块名称": "I－50-77-（22）"}),
        ("5,10000,D1,甲,面,,,,@", {"地块面积": "10000.0平方米"}),
        ("5,15,D1,甲,面,,,,@", {"地块面积": "15.0亩"}),
        ("5,1.0,D1,甲,面,,住宅,0701,更多,@ 备注", {"地类编码": "0701", "附加1": "更多"}),
    ],
)
def test_parcel_lines(tmp_path, line, expected):
    row = one(tmp_path, text(line, ring(BOX))).columns.iloc[0]
    assert {k: row.get(k) for k in expected} == expected


@pytest.mark.parametrize(
    ("blocks", "area", "parts", "holes", "remark"),
    [
        ([ring(BOX), ring(HOLE, 2, 5)], 9600, 1, 1, False),
        ([ring(BOX), ring(FAR, 2, 5)], 12500, 2, 0, True),
        ([ring(HOLE, 1), ring(BOX, 2)], 9600, 1, 1, True),
        ([ring(BOX), ring(HOLE, -1, 5)], 9600, 1, 1, False),
        ([ring(BOX), ring(FAR, 1)], 12500, 2, 0, False),
        ([ring(BOX, close="no"), ring(HOLE, 2, 5, close="no")], 9600, 1, 1, False),
        ([ring(BOX), ring(HOLE, 2), ring([(45, 45), (55, 45), (55, 55), (45, 55)], 3)], 9700, 2, 1, False),
        ([ring(BOX)[:-1], f"J1,3,{N:.3f},{E:.3f}"], 10000, 1, 0, False),
        ([ring(BOX, close="no"), ring(FAR, 1, close="no")], 12500, 2, 0, True),
    ],
)
def test_rings_by_containment(tmp_path, blocks, area, parts, holes, remark):
    raw = one(tmp_path, text(PLOT, *blocks))
    geom = raw.geometry[0]
    assert geom.is_valid and geom.area == pytest.approx(area)
    found = shapely.get_parts(geom)
    assert len(found) == parts and sum(len(p.interiors) for p in found) == holes
    assert any(code == "txt_ring" for code, *_ in raw.notes) == remark


def test_bow_tie_stays_as_drawn_for_the_repair(tmp_path):
    raw = one(tmp_path, text(PLOT, ring([(0, 0), (100, 100), (100, 0), (0, 100)])))
    assert not raw.geometry[0].is_valid


@pytest.mark.parametrize(
    ("old", "new", "crs"),
    [
        ("2000国家大地坐标系", "CGCS2000", "EPSG:4529"),
        ("2000国家大地坐标系", "80国家大地坐标系", "EPSG:2365"),
        ("2000国家大地坐标系", "1980西安坐标系", "EPSG:2365"),
        ("2000国家大地坐标系", "1954北京坐标系", "EPSG:2417"),
        ("2000国家大地坐标系", "", None),
        ("2000国家大地坐标系", "地方独立坐标系", None),
    ],
)
def test_datum(tmp_path, old, new, crs):
    assert one(tmp_path, GOOD.replace(old, new)).crs == crs


def test_without_prefix(tmp_path):
    bare = GOOD.replace("41500", "500").replace("41499", "499")
    assert one(tmp_path, bare).crs == "EPSG:4550"
    assert one(tmp_path, bare.replace("带号=41", "带号=")).crs is None
    assert (
        one(tmp_path, bare.replace("带号=41", "带号=21").replace("几度分带=3", "几度分带=6")).crs
        == "EPSG:4510"
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("带号=41", "带号=40"),
        ("几度分带=3", "几度分带=6"),
        ("计量单位=米", "计量单位=公里"),
        ("=0,0,0,0,0,0,0", "=1,0,0,0,0,0,0"),
    ],
)
def test_head_against_numbers_is_refused(tmp_path, old, new):
    with pytest.raises(CRSError):
        read_survey_txt(save(tmp_path, GOOD.replace(old, new)))


def test_a_broken_line_spoils_its_parcel_only(tmp_path, catalogue):
    lines = ring(BOX)
    lines[2] = "J3,1,45521OO.000,415001OO.000"
    path = save(tmp_path, text(PLOT, lines, PLOT.replace("D1", "D2"), ring(FAR)))
    sites = read_parcels(path, "EPSG:4529", catalogue)
    assert sites.parcels["parcel_id"].str.contains("D2").tolist() == [True]
    assert {"txt_line", "bad_coordinates"} <= set(sites.issues["issue"])


def test_round_trip_to_the_last_digit(tmp_path, catalogue):
    rng = np.random.default_rng(7)
    plots = []
    for i in range(20):
        angle = np.sort(rng.random(12) * 2 * np.pi)
        r = rng.uniform(20, 90, 12)
        shell = np.round(np.c_[E + 250 * i + r * np.cos(angle), N + r * np.sin(angle)], 3)
        plots.append((f"D{i}", shell))
    blocks = []
    for name, shell in plots:
        blocks.append(f"{len(shell) + 1},0.5,{name},{name}号,面,,,,@")
        blocks.append([f"J{k + 1},1,{y:.3f},{x:.3f}" for k, (x, y) in enumerate([*shell, shell[0]])])
    path = save(tmp_path, text(*blocks))
    sites = read_parcels(path, "EPSG:4529", catalogue)
    kept = sites.parcels
    assert len(kept) + sites.issues["issue"].eq("ambiguous_polygon").sum() == 20
    by_id = {p.rpartition("-")[2]: g for p, g in zip(kept["parcel_id"], kept.geometry, strict=True)}
    for name, shell in plots:
        if name in by_id:
            assert (np.asarray(by_id[name].exterior.coords)[:-1] == shell).all()
    again = write_survey_txt(kept, tmp_path / "b.txt")
    back = read_parcels(again, "EPSG:4529", catalogue).parcels
    assert [g.wkb for g in back.geometry] == [g.wkb for g in kept.geometry]
    assert (
        survey_text(back).split("[地块坐标]")[1].split("J1,")[1]
        == survey_text(kept).split("[地块坐标]")[1].split("J1,")[1]
    )


def test_holes_and_parts_round_trip(tmp_path, catalogue):
    raw = one(tmp_path, text(PLOT, ring(BOX), ring(HOLE, 2, 5), ring(FAR, 3, 9)))
    sites = read_parcels(tmp_path / "a.txt", "EPSG:4529", catalogue)
    assert sites.parcels.geometry.iloc[0].equals(raw.geometry[0])
    back = read_parcels(write_survey_txt(sites.parcels, tmp_path / "b.txt"), "EPSG:4529", catalogue).parcels
    assert back.geometry.iloc[0].equals(raw.geometry[0]) and back.geometry.iloc[0].area == 12100


def test_project_section_names_the_site(tmp_path, catalogue):
    head = HEAD.replace("[地块坐标]", "[项目信息]\n项目编号=P11\n项目名称=中学\n项目类别=划拨类\n[地块坐标]")
    sites = read_parcels(save(tmp_path, text(PLOT, ring(BOX), head=head)), "EPSG:4529", catalogue)
    row = sites.parcels.iloc[0]
    assert (row["project_id"], row["project_name"], row["category"], row["use"]) == (
        "P11",
        "中学",
        "allocation",
        "industrial",
    )
    assert row["declared_area_m2"] == 10000


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                [
                    PLOT,
                    *ring(BOX),
                    *ring(HOLE, 2),
                    "[地块坐标]",
                    "带号=99999",
                    "几度分带=x",
                    "@",
                    "J1,1,,",
                    "坐标系=",
                    "=",
                    "，，，@",
                ]
            ),
            st.text(max_size=30),
            st.builds(lambda a, b, c: f"J{a},{b},{c},{c}", st.integers(), st.integers(), st.floats()),
        ),
        max_size=25,
    ),
    st.booleans(),
)
def test_any_text_is_read_or_refused(tmp_path_factory, lines, with_head):
    path = tmp_path_factory.mktemp("fuzz") / "a.txt"
    path.write_bytes(((HEAD if with_head else "") + "\n".join(lines)).encode("utf-8", "surrogatepass"))
    with contextlib.suppress(InputError):
        for raw in read_raw(path):
            assert len(raw.geometry) == len(raw.columns) == raw.promised


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("fuzz") / "a.txt"
    path.write_bytes(data)
    with contextlib.suppress(InputError):
        read_raw(path)
