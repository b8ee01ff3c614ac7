"""Plans, survey and the three lines of the sample town."""

from __future__ import annotations

import numpy as np
import shapely
from shapely import Point, Polygon
from town_classes import DISTRICTS, HOLE, frame, grouped, redline_units, sheet, use
from town_ground import GRID, PLANNED_VILLAGES, VILLAGES, block_bounds, grid_box, grid_xy, river

LEFT_OUT = ((3, -4), (5, -2))  # in the old range, not in the new boundary
PLAN_GIVES_UP = {(3, -4): "E2", (4, 2): "E2"}
LABELS = {
    "R2": "二类居住用地(R2)", "M1": "M1", "M2": "M2", "B1": "商业用地(B1)", "A33": "中小学用地(A33)", "G1": "公园绿地(G1)",
    "S1": "S1", "E1": "E1", "E2": "E2", "H14": "H14", "H5": "采矿用地(H5)",
}  # fmt: skip
NAMES = {
    "0101": "水田", "0102": "水浇地", "0103": "旱地", "0201": "果园", "0301": "乔木林地", "0303": "灌木林地", "0403": "其他草地",
    "060101": "村道用地", "060201": "种植设施建设用地", "070102": "二类城镇住宅用地", "070301": "一类农村宅基地", "0704": "农村社区服务设施用地",
    "080403": "中小学用地", "090101": "零售商业用地", "100101": "一类工业用地", "1002": "采矿用地", "1202": "公路用地",
    "1207": "城镇村道路用地", "1401": "公园绿地", "1701": "河流水面", "1704": "坑塘水面",
}  # fmt: skip


def districts(ground):
    """The two districts of the town."""
    rows = []
    for name, code in DISTRICTS.items():
        rows.append(
            {
                "XZQDM": code,
                "XZQMC": f"样例市样例镇{name}",
                "geometry": ground.join(ground.where(lambda k, d=name: k[-1] == d)),
            }
        )
    return frame(rows)


def zones(ground, units):
    """土地用途区: a partition of the town but for one hole."""
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
            groups.append((z, key[-1], *sheet(n, ground, 700)))
        elif key[0] == "village":
            groups.append((z, key[-1], key[1]))
        elif key[0] in ("road", "river"):
            groups.append((z, key[-1], key[0], key[1]))
        else:
            groups.append((z, key[-1], *sheet(n, ground, 430)))
    rows = []
    for n, (group, part) in enumerate(grouped(ground, groups), 1):
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
    return frame(rows)


def control_zones(ground, units):
    """建设用地管制区: area in hectares."""
    names = {"010": "允许建设区", "020": "有条件建设区", "030": "限制建设区", "040": "禁止建设区"}
    red = redline_units(ground, units)
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
        groups.append((g, key[-1], *sheet(n, ground, 1000)))
    rows = []
    for n, (group, part) in enumerate(grouped(ground, groups), 1):
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
    return frame(rows)


def survey(ground, units):
    """现状地类: two written areas are 13 % too large."""
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
    return frame(rows)


def _nearest(part):
    p = part.representative_point()
    return min(VILLAGES, key=lambda v: p.distance(Point(VILLAGES[v][:2])))


def master_plan(ground):
    """城市总体规划: GB 50137 labels, edges that follow the other plans only roughly."""
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
            g = PLAN_GIVES_UP.get(key[1:3]) or use(*key[1:3])
            groups.append((g, "block", *key[1:3]))
        elif key[0] == "plot":
            groups.append((ahead.get(key[1], "E2"), key[1]))
        elif key[0] == "street":
            groups.append(("S1", *key[1:3]))
        elif key[0] == "village":
            groups.append(("H14", key[1]))
        elif key[0] == "river":
            groups.append(("E1",))
        else:
            groups.append(("E2", *sheet(n, ground, 900)))
    edge = ground.town.exterior
    rows = []
    for n, (group, part) in enumerate(grouped(ground, groups), 1):
        shape = shapely.transform(part, lambda c: _jitter(c, edge))
        rows.append(
            {
                "DKBH": f"CG-{n:03d}",
                "YDXZ": LABELS[group[0]],
                "MJ": round(shape.area, 2),
                "geometry": shape,
            }
        )
    assert shapely.is_valid([row["geometry"] for row in rows]).all()
    return frame(rows)


def _jitter(c, edge):
    """Move every vertex 0.05 to 2 m, the same everywhere it occurs; the edge of the town stays."""
    x, y = c[:, 0], c[:, 1]
    size = 0.05 + 1.95 * (0.5 + 0.5 * np.sin(x / 170 + 1.3) * np.cos(y / 210)) ** 2
    turn = 4 * np.sin(x / 90) + 3 * np.cos(y / 75)
    moved = np.column_stack([x + size * np.cos(turn), y + size * np.sin(turn)]).round(3)
    still = shapely.distance(shapely.points(c), edge) < 3
    return np.where(still[:, None], c, moved)


def detailed_plan(ground, rng):
    """控规用地 and the areas for which a detailed plan was made."""
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
        code, far, density, green, height = codes[use(i, j)]
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
    for _, part in grouped(ground, [key[1:3] if key[0] == "street" else None for key in ground.keys]):
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
    return {"KGYD": frame(rows), "KGFW": frame([{"GHMC": n, "geometry": g} for n, g in areas])}


def three_lines(ground, units):
    """永久基本农田 (one bow-tie, one clash with the town), 生态保护红线, 城镇开发边界."""
    keep = [n for n in range(len(ground.keys)) if units["farmland"][n]]
    groups = [
        (ground.keys[n][-1], *sheet(n, ground, 520)) if n in set(keep) else None
        for n in range(len(ground.keys))
    ]
    rows = []
    for group, part in grouped(ground, groups):
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
    red = redline_units(ground, units)
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
        river(170)
        .intersection(shapely.box(500, -1900, 1250, -900))
        .difference(shapely.union_all([ground.water, ground.join(keep)])),
        GRID,
    )
    boundary += [{"GHFQDM": "03", "GHFQMC": "特别用途区", "geometry": g} for g in shapely.get_parts(park)]
    for n, r in enumerate(boundary, 1):
        r["BSM"], r["MJ"] = f"{n:018d}", round(r["geometry"].area, 2)
    return {"YJJBNT": frame(farmland), "STBHHX": frame(redline), "CZKFBJ": frame(boundary)}
