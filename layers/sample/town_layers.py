"""The layers of the sample town: classes and attributes laid on the units of the ground."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from shapely import Point, Polygon
from town_ground import (
    CENTRE,
    GEOHAZARD_EDGE,
    GRID,
    PLANNED_VILLAGES,
    VILLAGES,
    block_bounds,
    grid_box,
    grid_xy,
    river,
)

DISTRICTS = {"西区": "990102", "东区": "990103"}
OVERRIDES = {  # point inside a country unit -> class of its land-use zone, its survey class, is it basic farmland
    (-1660, -640): ("020", "0103", False),
    (-640, -1755): ("010", "0103", True),
    (-330, -2135): ("020", "0103", False),
    (-2440, -130): ("020", "0403", False),
    (-2650, -480): ("020", "0103", False),
    (200, 2050): ("090", "0301", False),
    (-1130, 2080): ("090", "0301", False),
}
HOLE = (-1660, -640)
VACANT = {
    (0, 3): "0103",
    (1, 3): "0103",
    (-4, 2): "0102",
    (2, 3): "0103",
    (-1, -4): "0103",
    (3, -4): "0103",
    (-3, -3): "0103",
}
LEFT_OUT = ((3, -4), (5, -2))  # in the old range, not in the new boundary
PLAN_GIVES_UP = {(3, -4): "E2", (4, 2): "E2"}
APPROVALS = [  # block, document number, date
    ((-3, 1), "样政地〔2018〕12号", "2018-05-10"), ((-5, 0), "样政地〔2018〕15号", "2018-06-21"),
    ((-4, -2), "样政地〔2018〕21号", "2018-08-30"), ((-2, 2), "样政地〔2018〕27号", "2018-10-12"),
    ((2, -1), "样政地〔2018〕30号", "2018-11-05"), ((1, 1), "样政地〔2017〕8号", "2017-04-18"),
    ((-4, -1), "样政地〔2018〕33号", "2018-12-20"), ((-4, 0), "样政地〔2018〕34号", "2018-12-20"),
    ((0, -3), "样政地〔2017〕19号", "2017-09-07"), ((5, 1), "样政地〔2018〕6号", "2018-03-15"),
    ((2, 3), "样政地〔2022〕5号", "2022-03-28"), ((-1, 1), "样政地〔2016〕40号", "2016-11-02"),
    ((3, 2), "样政地〔2015〕11号", "2015-07-09"), ((-2, -4), "样政地〔2018〕9号", "2018-04-16"),
    ((3, -4), "样政地〔2018〕11号", "2018-05-02"), ((0, 0), "样政地〔2014〕3号", "2014-02-24"),
]  # fmt: skip
REVOKED, UNNUMBERED = (-4, 2), (-2, -1)
APPROVED_PLOTS = {
    "roadside_works": ("样政地〔2017〕22号", "2017-10-16"),
    "waterside_works": ("样政地〔2016〕9号", "2016-03-30"),
}


def build(ground, rng):
    """All layers as GeoDataFrames in local metres, by table name."""
    units = _classes(ground, rng)
    layers = {
        "XZQ": _districts(ground),
        "TDYTQ": _zones(ground, units),
        "JSYDGZQ": _control_zones(ground, units),
    }
    layers["DLTB"] = _survey(ground, units)
    layers["CSZTGH"] = _master_plan(ground, units, rng)
    layers |= _detailed_plan(ground, rng) | _three_lines(ground, units) | _special(ground, units)
    layers["NZYPF"] = _approvals(ground)
    return layers


def _frame(rows):
    return gpd.GeoDataFrame(rows, geometry="geometry")


def _classes(ground, rng):
    """Per unit: land-use zone, survey class, basic farmland or not; and whether it lies in the hills."""
    zone, survey, farmland, hill = [], [], [], []
    chance = rng.random((len(ground.keys), 3))
    cell_chance = {}
    fringe = ground.region.buffer(300)
    built = {"R": "070102", "M": "100101", "B": "090101", "A": "080403", "G": "1401"}
    for n, key in enumerate(ground.keys):
        p = ground.polygons[n].representative_point()
        c = cell_chance.setdefault(key[1], chance[n]) if key[0] == "cell" else chance[n]
        kind, high = key[0], key[0] == "cell" and _hilly(p)
        basic = False
        if kind == "road":
            z, d = "990", "1202"
        elif kind == "river":
            z, d = "990", "1701"
        elif kind == "village":
            z, d = "040", "070301" if c[0] < 0.85 else "0704"
        elif kind == "street":
            z, d = "030", "1207"
        elif kind == "block":
            z, d = "030", VACANT.get(key[1:3], built[_use(*key[1:3])[0]])
        elif kind == "plot":
            z, d = _plot_class(key[1])
        elif kind == "track":
            z, d = "020", "060101"
        elif kind == "pond":
            z, d = "020", "1704"
        elif high:
            z, d = "090", "0301" if c[0] < 0.7 else ("0303" if c[0] < 0.9 else "0403")
        else:
            near_water = ground.water.distance(ground.polygons[n]) < 15
            d = (
                "0101"
                if near_water and c[0] < 0.6
                else (
                    "0103"
                    if c[0] < 0.72
                    else "0102"
                    if c[0] < 0.82
                    else "0201"
                    if c[0] < 0.9
                    else "0301"
                    if c[0] < 0.94
                    else "060201"
                    if c[0] < 0.96
                    else "0103"
                )
            )
            inner = fringe.intersects(p)
            if inner and d == "0301":
                d = "0103"
            z = "020" if inner or c[1] < 0.22 else "010"
            basic = z == "010" and d in ("0101", "0102", "0103") and c[2] < 0.93
        zone.append(z), survey.append(d), farmland.append(basic), hill.append(high)
    south = ground.join(ground.block(-2, -4))
    for n, key in enumerate(ground.keys):
        if key[0] == "cell" and ground.polygons[n].touches(south):
            zone[n], survey[n], farmland[n] = "010", "0103", True
    for point, (z, d, basic) in OVERRIDES.items():
        n = ground.at(*point)
        assert ground.keys[n][0] == "cell", (point, ground.keys[n])
        zone[n], survey[n], farmland[n] = z, d, basic
    return {
        "zone": np.array(zone),
        "survey": np.array(survey),
        "farmland": np.array(farmland),
        "hill": np.array(hill),
    }


def _hilly(p):
    return p.y > 1790 + 90 * np.sin(p.x / 380) or (p.x > 1150 and p.y > 900 + 0.35 * (2400 - p.x))


def _plot_class(name):
    if name in ("roadside_works", "waterside_works"):
        return "050", "100101"
    if name == "quarry":
        return "050", "1002"
    if name == "half_block":
        return "030", "070102"
    if name == "bank_yard":
        return "020", "0103"
    return "020", "0103"


def _use(i, j):
    """The master-plan use of a block: works in the west, a centre, homes elsewhere."""
    if (i, j) in ((-1, 0), (2, 2), (-2, -2), (3, -2)):
        return "G1"
    if (i, j) in ((1, 2), (-1, -2), (3, 0)):
        return "A33"
    if i <= -4 or (i <= -3 and j < -1):
        return "M1" if i < -4 else "M2"
    if abs(i) <= 1 and abs(j) <= 1:
        return "B1"
    return "R2"


LABELS = {
    "R2": "二类居住用地(R2)", "M1": "M1", "M2": "M2", "B1": "商业用地(B1)", "A33": "中小学用地(A33)", "G1": "公园绿地(G1)",
    "S1": "S1", "E1": "E1", "E2": "E2", "H14": "H14", "H22": "H22", "H5": "采矿用地(H5)",
}  # fmt: skip


def _districts(ground):
    rows = []
    for name, code in DISTRICTS.items():
        rows.append(
            {
                "XZQDM": code,
                "XZQMC": f"样例市样例镇{name}",
                "geometry": ground.join(ground.where(lambda k, d=name: k[-1] == d)),
            }
        )
    return _frame(rows)


def _grouped(ground, groups):
    """Join units by group key; one row per connected part, in a stable order."""
    members = {}
    for n, group in enumerate(groups):
        if group is not None:
            members.setdefault(group, []).append(n)
    rows = []
    for group in sorted(members, key=str):
        parts = shapely.get_parts(ground.join(members[group]))
        rows += [(group, part) for part in sorted(parts, key=lambda g: g.bounds)]
    return rows


def _sheet(n, ground, size):
    p = ground.polygons[n].representative_point()
    return int((p.x + 4000) // size), int((p.y + 4000) // size)


def _zones(ground, units):
    names = {
        "010": "基本农田保护区",
        "020": "一般农地区",
        "030": "城镇建设用地区",
        "040": "村镇建设用地区",
        "050": "独立工矿用地区",
        "090": "林业用地区",
        "990": "其他用地区",
    }
    hole = ground.at(*HOLE)
    groups = []
    for n, key in enumerate(ground.keys):
        z = units["zone"][n]
        if n == hole:
            groups.append(None)
        elif key[0] in ("block", "street") or z == "030":
            groups.append((z, key[-1], *_sheet(n, ground, 700)))
        elif key[0] == "village":
            groups.append((z, key[-1], key[1]))
        elif key[0] in ("road", "river"):
            groups.append((z, key[-1], key[0], key[1]))
        else:
            groups.append((z, key[-1], *_sheet(n, ground, 430)))
    rows = []
    for n, (group, part) in enumerate(_grouped(ground, groups), 1):
        rows.append(
            {
                "BSM": f"{n:018d}",
                "YSDM": "2003020110",
                "XZQDM": DISTRICTS[group[1]],
                "TDYTQLXDM": group[0],
                "TDYTQMC": names[group[0]],
                "TDYTQBH": f"T{n:04d}",
                "TDYTQMJ": round(part.area, 2),
                "geometry": part,
            }
        )
    return _frame(rows)


def _control_zones(ground, units):
    names = {"010": "允许建设区", "020": "有条件建设区", "030": "限制建设区", "040": "禁止建设区"}
    red = _redline_units(ground, units)
    groups = []
    for n, key in enumerate(ground.keys):
        p = ground.polygons[n].representative_point()
        if units["zone"][n] in ("030", "040", "050"):
            g = "010"
        elif n in red:
            g = "040"
        elif units["zone"][n] == "020" and key[0] in ("cell", "plot") and ground.region.distance(p) < 260:
            g = "020"
        else:
            g = "030"
        groups.append((g, key[-1], *_sheet(n, ground, 1000)))
    rows = []
    for n, (group, part) in enumerate(_grouped(ground, groups), 1):
        rows.append(
            {
                "BSM": f"{n:018d}",
                "XZQDM": DISTRICTS[group[1]],
                "GZQLXDM": group[0],
                "GZQLXMC": names[group[0]],
                "GZQMJ": round(part.area / 1e4, 4),
                "geometry": part,
            }
        )
    return _frame(rows)


NAMES = {
    "0101": "水田", "0102": "水浇地", "0103": "旱地", "0201": "果园", "0301": "乔木林地", "0303": "灌木林地", "0403": "其他草地",
    "060101": "村道用地", "060201": "种植设施建设用地", "070102": "二类城镇住宅用地", "070301": "一类农村宅基地", "0704": "农村社区服务设施用地",
    "080403": "中小学用地", "090101": "零售商业用地", "100101": "一类工业用地", "1002": "采矿用地", "1202": "公路用地",
    "1207": "城镇村道路用地", "1401": "公园绿地", "1701": "河流水面", "1704": "坑塘水面",
}  # fmt: skip


def _survey(ground, units):
    rows = []
    state = ("07", "08", "09", "10", "12", "14", "17")
    order = sorted(range(len(ground.keys)), key=lambda n: ground.polygons[n].bounds)
    for n in order:
        key, part, code = ground.keys[n], ground.polygons[n], units["survey"][n]
        owned = code.startswith(state) and key[0] not in ("village",)
        number = len(rows) + 1
        area = round(part.area * (1.13 if number in (57, 211) else 1), 2)
        rows.append(
            {
                "BSM": f"9901{number:014d}",
                "YSDM": "2001010100",
                "TBBH": f"{number:06d}",
                "DLBM": code,
                "DLMC": NAMES[code],
                "QSXZ": "20" if owned else "30",
                "QSDWMC": "样例镇国有" if owned else f"样例镇{_nearest(part)}村民委员会",
                "TBMJ": area,
                "SJNF": 2022,
                "geometry": part,
            }
        )
    return _frame(rows)


def _nearest(part):
    p = part.representative_point()
    return min(VILLAGES, key=lambda v: p.distance(Point(VILLAGES[v][:2])))


def _master_plan(ground, units, rng):
    ahead = {
        "plan_gap_north": "R2",
        "plan_gap_small": "M1",
        "plan_gap_east": "M2",
        "plan_gap_south": "B1",
        "half_block": "E2",
        "quarry": "H5",
        "roadside_works": "M1",
        "waterside_works": "M1",
    }
    groups = []
    for n, key in enumerate(ground.keys):
        if key[0] == "block":
            g = PLAN_GIVES_UP.get(key[1:3]) or _use(*key[1:3])
            groups.append((g, "block", *key[1:3]))
        elif key[0] == "plot":
            groups.append((ahead.get(key[1], "E2"), key[1]))
        elif key[0] == "street":
            groups.append(("S1", *key[1:3]))
        elif key[0] == "village":
            groups.append(("H14", key[1]))
        elif key[0] == "road":
            groups.append(("H22", key[1]))
        elif key[0] == "river":
            groups.append(("E1",))
        else:
            groups.append(("E2", *_sheet(n, ground, 900)))
    edge = ground.town.exterior
    rows = []
    for n, (group, part) in enumerate(_grouped(ground, groups), 1):
        shape = shapely.transform(part, lambda c: _jitter(c, edge))
        rows.append(
            {
                "编号": f"CG-{n:03d}",
                "用地代码": LABELS[group[0]],
                "地块面积": round(part.area, 1),
                "geometry": shape,
            }
        )
    frame = _frame(rows).rename(columns={"编号": "DKBH", "用地代码": "YDXZ", "地块面积": "MJ"})
    assert frame.is_valid.all()
    return frame


def _jitter(c, edge):
    """Move every vertex 0.05 to 2 m, the same everywhere it occurs; the edge of the town stays."""
    x, y = c[:, 0], c[:, 1]
    size = 0.05 + 1.95 * (0.5 + 0.5 * np.sin(x / 170 + 1.3) * np.cos(y / 210)) ** 2
    turn = 4 * np.sin(x / 90) + 3 * np.cos(y / 75)
    moved = np.column_stack([x + size * np.cos(turn), y + size * np.sin(turn)]).round(3)
    still = shapely.distance(shapely.points(c), edge) < 3
    return np.where(still[:, None], c, moved)


def _detailed_plan(ground, rng):
    codes = {
        "R2": ("070102", 1.8, 25, 35, 54),
        "M1": ("100101", 1.2, 45, 15, 24),
        "M2": ("100102", 1.1, 50, 15, 24),
        "B1": ("0901", 3.0, 45, 20, 80),
        "A33": ("080403", 0.8, 30, 35, 24),
        "G1": ("1401", 0.1, 5, 75, 9),
    }
    names = {
        "070102": "二类城镇住宅用地",
        "070100": "城镇住宅用地",
        "100101": "一类工业用地",
        "100102": "二类工业用地",
        "0901": "商业用地",
        "080403": "中小学用地",
        "1401": "公园绿地",
        "120700": "城镇村道路用地",
        "0703": "农村宅基地",
    }
    rows = []

    def row(code, part, far=None, density=None, green=None, height=None):
        rows.append(
            {
                "DKBH": f"KG-{len(rows) + 1:03d}",
                "YDYHFLDM": code,
                "YDYHFLMC": names[code],
                "RJL": far,
                "JZMD": density,
                "LDL": green,
                "JZXG": height,
                "YDMJ": round(part.area, 2),
                "geometry": part,
            }
        )

    for i, j in ground.blocks:
        if (i, j) in LEFT_OUT:
            continue
        code, far, density, green, height = codes[_use(i, j)]
        far = round(far + 0.1 * rng.integers(-2, 3), 1) if far > 0.3 else far
        if code == "070102" and (i + j) % 3 == 0:
            code = "070100"
        row(
            code,
            ground.join(ground.block(i, j)) if (i, j) != (-3, 4) else grid_box(*block_bounds(-3, 4)),
            far,
            density,
            green,
            height,
        )
    for _, part in _grouped(ground, [key[1:3] if key[0] == "street" else None for key in ground.keys]):
        row("120700", part)
    for name in PLANNED_VILLAGES:
        row(
            "0703",
            ground.join(ground.where(lambda k, v=name: k[0] == "village" and k[1] == v)),
            0.7,
            35,
            20,
            12,
        )
    areas = [("中心城区控制性详细规划", shapely.set_precision(grid_box(-1560, 1450, -1000, 1000), GRID))]
    for name, radius in PLANNED_VILLAGES.items():
        areas.append(
            (
                f"{name}村庄规划",
                shapely.set_precision(Point(VILLAGES[name][:2]).buffer(radius, 24), GRID).intersection(
                    ground.town, grid_size=GRID
                ),
            )
        )
    return {"KGYD": _frame(rows), "KGFW": _frame([{"GHMC": n, "geometry": g} for n, g in areas])}


def _redline_units(ground, units):
    red = set()
    for n, polygon in enumerate(ground.polygons):
        p = polygon.representative_point()
        if units["hill"][n] and (p.x < -930 and p.y > 1500 or p.x > 1350 and p.y > 1150):
            red.add(n)
    return red


def _three_lines(ground, units):
    keep = [n for n in range(len(ground.keys)) if units["farmland"][n]]
    groups = [
        (ground.keys[n][-1], *_sheet(n, ground, 520)) if n in set(keep) else None
        for n in range(len(ground.keys))
    ]
    rows = []
    for group, part in _grouped(ground, groups):
        rows.append((group[0], part))
    rows.append(("西区", grid_box(-310, -150, -700, -632)))  # the deliberate clash with block (-1, -4)
    s, t = -1040, -425
    bow = Polygon(
        [grid_xy(s, t), grid_xy(s + 190, t + 150), grid_xy(s + 190, t + 10), grid_xy(s + 5, t + 160)]
    )
    rows.append(("西区", bow))
    farmland = [
        {"YJJBNTTBBH": f"YN{n:04d}", "XZQMC": d, "DLBM": "0103", "YJJBNTMJ": round(g.area, 2), "geometry": g}
        for n, (d, g) in enumerate(rows, 1)
    ]
    red = _redline_units(ground, units)
    redline = []
    for n, part in enumerate(shapely.get_parts(ground.join(red)), 1):
        redline.append(
            {
                "BSM": f"{n:018d}",
                "MC": "北山水源涵养红线" if part.centroid.x < 450 else "东山生物多样性红线",
                "LHLX": "水源涵养",
                "MJ": round(part.area, 2),
                "geometry": part,
            }
        )
    redline.sort(key=lambda r: r["geometry"].bounds)
    inside = ground.where(
        lambda k: (
            k[0] in ("block", "street")
            and k[1:3] not in LEFT_OUT
            or k[0] == "plot"
            and k[1] in ("half_block", "plan_gap_north", "plan_gap_east")
        )
    )
    boundary = [
        {"GHFQDM": "01", "GHFQMC": "城镇集中建设区", "geometry": part}
        for part in shapely.get_parts(ground.join(inside))
    ]
    flexible = ground.where(lambda k: k[0] == "plot" and k[1] in ("plan_gap_small", "plan_gap_south"))
    boundary += [
        {"GHFQDM": "02", "GHFQMC": "城镇弹性发展区", "geometry": g}
        for g in shapely.get_parts(ground.join(flexible))
    ]
    park = shapely.set_precision(
        river(170).intersection(shapely.box(500, -1900, 1250, -900)).difference(ground.water), GRID
    )
    boundary += [{"GHFQDM": "03", "GHFQMC": "特别用途区", "geometry": g} for g in shapely.get_parts(park)]
    for n, r in enumerate(boundary, 1):
        r["BSM"], r["MJ"] = f"{n:018d}", round(r["geometry"].area, 2)
    return {"YJJBNT": _frame(farmland), "STBHHX": _frame(redline), "CZKFBJ": _frame(boundary)}


def _approvals(ground):
    province, city = "样例省人民政府", "样例市人民政府"
    rows = []

    def row(name, shape, number, date, status="有效"):
        rows.append(
            {
                "DKBH": f"NZ{len(rows) + 1:03d}",
                "DKMC": name,
                "PZWH": number,
                "PZRQ": date,
                "PZJG": province if len(rows) % 2 else city,
                "ZT": status,
                "DKMJ": round(shape.area, 2),
                "geometry": shape,
            }
        )

    for (i, j), number, date in APPROVALS:
        row(f"城区{i + 6}-{j + 5}地块", ground.join(ground.block(i, j)), number, date)
    row("城区已撤销地块", ground.join(ground.block(*REVOKED)), "样政地〔2018〕18号", "2018-07-19", "已撤销")
    row("城区无文号地块", ground.join(ground.block(*UNNUMBERED)), "", "2018-09-03")
    for name, (number, date) in APPROVED_PLOTS.items():
        row(
            "独立工矿地块",
            ground.join(ground.where(lambda k, v=name: k[0] == "plot" and k[1] == v)),
            number,
            date,
        )
    return _frame(rows)


def _special(ground, units):
    cut = lambda g: shapely.set_precision(shapely.intersection(g, ground.town, grid_size=GRID), GRID)  # noqa: E731
    polygons = lambda g: [p for p in shapely.get_parts(g) if p.geom_type == "Polygon"]  # noqa: E731
    out = {}
    out["HHGLFW"] = _frame(
        [{"HHMC": "样河", "GLDW": "样例市水利局", "geometry": p} for p in polygons(cut(river(42)))]
    )
    out["WWBHFW"] = _frame([{"WBDWMC": "样例塔", "BHJB": "省级", "geometry": grid_box(150, 215, 205, 255)}])
    out["JSKZDD"] = _frame(
        [
            {
                "WBDWMC": "样例塔",
                "KZDDLB": "一类",
                "geometry": shapely.difference(grid_box(110, 330, 92, 300), grid_box(150, 215, 205, 255)),
            }
        ]
    )
    well = Point(-2330, -1000)
    rings = [shapely.set_precision(well.buffer(r, 32), GRID) for r in (95, 310, 520)]
    kinds = [
        ("1", "一级保护区", rings[0]),
        ("2", "二级保护区", rings[1] - rings[0]),
        ("3", "准保护区", rings[2] - rings[1]),
    ]
    out["YYSSYBHQ"] = _frame(
        [
            {"SYDMC": "沙河水源地", "BHQJB": k, "BHQMC": n, "geometry": p}
            for k, n, g in kinds
            for p in polygons(cut(g))
        ]
    )
    grades = {"G1": ("G1", "国道"), "S101": ("S", "省道"), "X001": ("X", "县道"), "X002": ("X", "县道")}
    out["GLYD"] = _frame(
        [
            {"LXBH": k, "DJDM": grades[k][0], "JSDJ": grades[k][1], "geometry": p}
            for k in ground.roads
            for p in polygons(ground.join(ground.where(lambda u, k=k: u[0] == "road" and u[1] == k)))
        ]
    )
    wood = [n for n in range(len(ground.keys)) if units["survey"][n] in ("0301", "0303")]
    groups = [(_sheet(n, ground, 900)) if n in set(wood) else None for n in range(len(ground.keys))]
    red = ground.join(_redline_units(ground, units)).buffer(-1)
    forest = [
        {"XBH": f"L{n:03d}", "SLLB": "1" if p.intersects(red) else "2", "LYSZ": "乔木", "geometry": p}
        for n, (_, p) in enumerate(_grouped(ground, groups), 1)
    ]
    forest.append({"XBH": "L900", "SLLB": "2", "LYSZ": "乔木", "geometry": _self_touch(-1900, 780)})
    out["LD"] = _frame(forest)
    zones = [
        ("高易发区", "崩塌滑坡", (-1450, 1960, 260, 190)),
        ("中易发区", "崩塌", (-180, 2130, 240, 150)),
        ("低易发区", "地面塌陷", (-1750, 1560, 210, 120)),
    ]
    out["DZZHYFQ"] = _frame(
        [
            {"YFCD": a, "ZHLX": b, "geometry": p}
            for a, b, (x, y, rx, ry) in zones
            for p in polygons(cut(_blob(x, y, rx, ry)))
        ]
    )
    sinking = [(-1008, -788, -264, 84), (-108, 108, -594, -426)]
    out["DZZHYFQ"] = _frame(
        out["DZZHYFQ"].to_dict("records")
        + [{"YFCD": "低易发区", "ZHLX": "地面塌陷", "geometry": _cut_corners(*b)} for b in sinking]
    )
    out["DZZHDC"] = _frame(
        [{"DCMC": "西部图幅地质灾害调查", "geometry": cut(shapely.box(-4000, -4000, GEOHAZARD_EDGE, 4000))}]
    )
    mines = [
        ("样例铁矿采矿权", "1", "C9900002012", _blob(-560, 2130, 190, 120)),
        ("北山石灰石矿采矿权", "2", "C9900002016", _blob(-720, 2020, 170, 130)),
        ("东岭菱镁矿探矿权", "1", "T9900002019", _blob(1900, 1350, 300, 200)),
    ]
    out["KYQ"] = _frame(
        [{"KYQMC": a, "KCZL": b, "XKZH": c, "YXQZ": "2035-12-31", "geometry": cut(g)} for a, b, c, g in mines]
    )
    black = shapely.box(-900, -2600, 1500, -1560)
    dark = [
        n
        for n in range(len(ground.keys))
        if units["survey"][n].startswith("01") and black.contains(ground.polygons[n].representative_point())
    ]
    groups = [(ground.keys[n][-1],) if n in set(dark) else None for n in range(len(ground.keys))]
    out["HTD"] = _frame(
        [{"HTDLX": "典型黑土", "TCHD": 45, "geometry": p} for _, p in _grouped(ground, groups)]
    )
    out["QYPG"] = _evaluations()
    return out


def _cut_corners(s0, s1, t0, t1, c=9):
    """A rectangle of the turned grid with its corners cut off."""
    p = [
        (s0 + c, t0),
        (s1 - c, t0),
        (s1, t0 + c),
        (s1, t1 - c),
        (s1 - c, t1),
        (s0 + c, t1),
        (s0, t1 - c),
        (s0, t0 + c),
    ]
    return Polygon([grid_xy(s, t) for s, t in p])


def _blob(x, y, rx, ry):
    a = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    r = 1 + 0.10 * np.sin(2 * a + x) + 0.06 * np.sin(3 * a + y) + 0.03 * np.sin(7 * a)
    return Polygon(np.column_stack([x + rx * r * np.cos(a), y + ry * r * np.sin(a)]).round(3))


def _self_touch(x, y):
    """A wood around a clearing, drawn as one ring that meets itself in a point: mended without moving a vertex."""
    points = [
        (0, 0),
        (60, -10),
        (120, 0),
        (130, 70),
        (60, 95),
        (-10, 70),
        (0, 0),
        (30, 60),
        (85, 55),
        (80, 20),
    ]
    return Polygon([(x + a, y + b) for a, b in points])


def _evaluations():
    park = grid_box(-1232, -560, -425, 85)
    north = grid_box(-1008, -348, 20, 330)
    old = grid_box(-336, 336, -670, -255)
    return _frame([
        {"QYMC": "样例经济开发区一期", "PGSX": "RE01、RE02、RE03、RE05、RE07", "YXQQ": "2022-05-01", "YXQZ": "2027-04-30", "PCLX": "一般经营类", "PZWJ": "样区评〔2022〕3号", "geometry": park},
        {"QYMC": "样例经济开发区二期", "PGSX": "RE03、RE10", "YXQQ": "2023-01-01", "YXQZ": "2027-12-31", "PCLX": "", "PZWJ": "样区评〔2023〕1号", "geometry": north},
        {"QYMC": "城南旧区", "PGSX": "RE01、RE02、RE03、RE05、RE07", "YXQQ": "2020-01-01", "YXQZ": "2022-12-31", "PCLX": "", "PZWJ": "样区评〔2020〕2号", "geometry": old},
    ])  # fmt: skip


def place(frame):
    """Local metres as EPSG:4529."""
    moved = shapely.transform(frame.geometry.values, lambda c: np.round(c + CENTRE, 3))
    return frame.set_geometry(gpd.GeoSeries(moved, index=frame.index, crs=4529))
