"""The projects of the sample town: each site is built to show one thing."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from shapely import Polygon
from town_classes import HOLE, place
from town_ground import CENTRE, block_bounds, grid_box, grid_xy

FIELDS = (
    "项目编号",
    "项目名称",
    "地块编号",
    "项目类别",
    "供地方式",
    "项目层级",
    "审批方式",
    "选址类型",
    "用途",
    "申报面积",
)
HOMES = ("一般经营类", "出让", "市县", "备案", "批次", "住宅")
SHOPS = ("一般经营类", "出让", "市县", "备案", "批次", "商业")
HOTEL = ("一般经营类", "出让", "市县", "备案", "批次", "旅馆")
MARKET = ("一般经营类", "出让", "市县", "备案", "批次", "市场")
PARKING = ("一般经营类", "出让", "市县", "备案", "批次", "其他")
WORKS = ("工业类", "出让", "市县", "备案", "批次", "工业")
STORE = ("工业类", "出让", "市县", "备案", "批次", "仓储")
QUARRY = ("工业类", "出让", "省", "核准", "单独选址", "工业")
SCHOOL = ("划拨类", "划拨", "市县", "审批", "批次", "学校")
SERVICE = ("划拨类", "划拨", "市县", "审批", "批次", "公共服务")
NATIONAL = ("划拨类", "划拨", "国家", "审批", "单独选址已落图", "市政设施")


def in_block(i, j, inset=12.0):
    """A rectangle inside a block, clear of its edges."""
    s0, s1, t0, t1 = block_bounds(i, j)
    return grid_box(s0 + inset, s1 - inset, t0 + inset, t1 - inset)


def inside(shape, width, height):
    """An upright rectangle in the middle of a shape's widest place."""
    c = shapely.maximum_inscribed_circle(shape, tolerance=0.5).coords[0]
    x, y = np.round(c, 1)
    box = shapely.box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    assert shape.contains(box), "the place is too small for the site"
    return box


def build(ground, layers):
    """Rows of sites.gpkg as a GeoDataFrame in EPSG:4529, and the site handed in as a survey TXT."""
    unit = lambda x, y: ground.polygons[ground.at(x, y)]  # noqa: E731
    redline = shapely.union_all(layers["STBHHX"].geometry.values)
    fringe = _boundary_point(redline, ground.town, (-930, 1925))
    south = ground.join(ground.block(-2, -4))
    rows = []

    def site(number, name, shape, kind, plot="1", declared=None):
        category, supply, level, approval, siting, use = kind
        area = None if shape is None else round(shape.area if declared is None else declared, 2)
        rows.append(
            dict(
                zip(
                    FIELDS,
                    (number, name, plot, category, supply, level, approval, siting, use, area),
                    strict=True,
                )
            )
            | {"geometry": shape}
        )

    site("P01", "样例家园(全部合格)", in_block(-3, 1), HOMES)
    site("P02", "西环厂房(一侧出界0.3米)", grid_box(-1220.3, -1100, -50, 50), WORKS)
    site("P03", "西门商场(一半在范围外)", grid_box(-1290, -1150, 110, 210), SHOPS)
    site("P04", "南坡仓库(规划图有空洞)", _grid_inside(unit(*HOLE), 90, 60), STORE)
    site("P05", "西园标准厂房(坏图斑之上)", grid_box(-980, -880, -400, -290), WORKS)
    site("P06", "柳树村加工厂(压占永久基本农田)", inside(unit(-640, -1755), 90, 60), WORKS)
    site(
        "P07",
        "北山休闲营地(部分压占生态红线)",
        shapely.box(fringe[0] - 40, fringe[1] - 30, fringe[0] + 40, fringe[1] + 30),
        SHOPS,
    )
    site("P08", "城北小区(两规冲突)", grid_box(-300, -200, 780, 880), HOMES)
    site("P09", "两地块小区(一块合格一块不合格)", in_block(-2, 2), HOMES, "1")
    site("P09", "两地块小区(一块合格一块不合格)", grid_box(-560, -480, 800, 860), HOMES, "2")
    site("P10", "界河路商住楼(跨两个区)", in_block(2, -1), SHOPS)
    site("P12", "省道边修理厂(距公路用地10米)", grid_box(-1675, -1600, 10, 80), WORKS)
    site("P13", "城南花园(与基本农田仅共边)", _lower_half(south), HOMES, declared=south.area * 0.56)
    site("P14", "塔下会馆(建设控制地带)", grid_box(225, 315, 105, 195), SHOPS)
    site("P15", "沙河纸箱厂(水源二级保护区)", shapely.box(-2160, -1040, -2060, -960), WORKS)
    site("P16", "柳树村粮库(黑土地)", inside(unit(-330, -2135), 80, 60), STORE)
    site("P17", "北山石材厂(压覆矿业权)", shapely.box(-770, 1980, -660, 2060), QUARRY)
    site("P18", "城西小学(批复已撤销)", in_block(-4, 2), SCHOOL)
    site("P19", "河滨公寓(批复无文号)", in_block(-2, -1), HOMES)
    site("P20", "开发区电子厂(区域评估有效)", in_block(-4, -1), WORKS)
    site("P21", "开发区商场(区域评估排除类型)", grid_box(-984, -808, -63, 12), SHOPS)
    site("P22", "城南印刷厂(区域评估过期)", in_block(0, -3), WORKS)
    site("P23", "东门公寓(地灾未调查)", in_block(5, 1), HOMES)
    site("P24", "镇外物流园(全在图外)", shapely.box(-5260, -60, -5140, 40), STORE)
    site("P25", "城北汽修(范围外占农用地)", grid_box(-60, 20, 800, 860), WORKS)
    site("P26", "城北新居(范围内未批)", in_block(0, 3), HOMES)
    site("P27", "国家引水泵站(单独选址占未利用地)", inside(unit(-2440, -130), 80, 60), NATIONAL)
    site("P28", "老城旅馆(仅有现状建设用地)", in_block(-1, -1), HOTEL)
    site("P29", "资料待补(无图形)", None, HOMES)
    site("P30", "河滩停车场(河道管理范围)", shapely.box(-890, -1430, -780, -1385), PARKING)
    site("P31", "城北二小(2022年批复)", grid_box(358, 440, 447, 573), SCHOOL)
    site("P32", "柳树村服务站(村镇建设用地区)", _village(ground, "柳树村"), SERVICE)
    site("P33", "东坡护林站(林地)", inside(unit(200, 2050), 60, 50), SERVICE)
    site("P34", "河东新村(旧范围内新边界外)", grid_box(582, 660, -740, -650), HOMES)
    site("P35", "城南农贸市场(城区中的基本农田)", grid_box(-300, -170, -720, -640), MARKET)
    site("P36", "国家引水闸站(单独选址占农用地)", inside(unit(-2650, -480), 80, 60), NATIONAL)
    frame = place(gpd.GeoDataFrame(rows, geometry="geometry"))
    return frame, _survey_text(in_block(1, 3), grid_box(212, 236, 500, 520))


def _boundary_point(redline, town, near):
    """A rounded point of the redline's edge, away from the edge of the town."""
    edge = redline.boundary.difference(town.exterior.buffer(60))
    p = edge.interpolate(edge.project(shapely.Point(near)))
    return round(p.x, 1), round(p.y, 1)


def _grid_inside(shape, width, height):
    """A rectangle along the turned grid in the middle of a shape's widest place."""
    x, y = shapely.maximum_inscribed_circle(shape, tolerance=0.5).coords[0]
    s, t = 0.96 * (x - -450) + 0.28 * (y - 150), -0.28 * (x - -450) + 0.96 * (y - 150)
    s, t = round(s), round(t)
    box = grid_box(s - width / 2, s + width / 2, t - height / 2, t + height / 2)
    assert shape.contains(box), "the place is too small for the site"
    return box


def _lower_half(block):
    """The part of a block up to 80 m from its lower edge, with every vertex of that edge."""
    s0, s1, t0, _ = block_bounds(-2, -4)
    cut = block.intersection(grid_box(s0 - 50, s1 + 50, t0 - 50, t0 + 80))
    keep = {tuple(c) for c in block.exterior.coords}
    return Polygon([c if tuple(c) in keep else np.round(c, 3) for c in cut.exterior.coords])


def _village(ground, name):
    parts = [ground.polygons[n] for n in ground.where(lambda k: k[0] == "village" and k[1] == name)]
    return inside(max(parts, key=lambda p: shapely.maximum_inscribed_circle(p, tolerance=0.5).length), 50, 40)


def _survey_text(outer, hole):
    """A 勘测定界 TXT: north first, zone prefix 41, ring 2 is a hole; GBK bytes with CRLF."""
    area = (outer.area - hole.area) / 1e4
    lines = [
        "[属性描述]", "格式版本号=1.01版本", "数据产生单位=样例市测绘院", "数据产生日期=2024-01-15",
        "坐标系=2000国家大地坐标系", "几度分带=3", "投影类型=高斯克吕格", "计量单位=米", "带号=41", "精度=0.001",
        "转换参数=0,0,0,0,0,0,0", "[项目信息]", "项目编号=P11", "项目名称=城北中学(勘测定界TXT)", "项目类别=划拨类",
        "供地方式=划拨", "项目层级=市县", "审批方式=审批", "选址类型=批次", "[地块坐标]",
        f"10,{area:.4f},1,城北中学(勘测定界TXT),面,,学校,080403,@",
    ]  # fmt: skip
    number = 0
    for ring, shape in enumerate((outer, hole), 1):
        first = number + 1
        points = np.round(np.array(shape.exterior.coords) + CENTRE, 3)
        for n, (east, north) in enumerate(points):
            number += n < len(points) - 1
            name = first if n == len(points) - 1 else number
            lines.append(f"J{name},{ring},{north:.3f},{east:.3f}")
    return ("\r\n".join(lines) + "\r\n").encode("gbk")


__all__ = ["build", "grid_xy"]
