"""Approvals, control layers and evaluated zones of the sample town."""

from __future__ import annotations

import numpy as np
import shapely
from shapely import Point, Polygon
from town_classes import frame, grouped, redline_units, sheet
from town_ground import GEOHAZARD_EDGE, GRID, grid_box, grid_xy, river

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


def approvals(ground):
    """农用地转用批复: one revoked, one without a number."""
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
    return frame(rows)


def special(ground, units):
    """The control layers, the geohazard survey and the evaluated zones."""
    cut = lambda g: shapely.set_precision(shapely.intersection(g, ground.town, grid_size=GRID), GRID)  # noqa: E731
    polygons = lambda g: [p for p in shapely.get_parts(g) if p.geom_type == "Polygon"]  # noqa: E731
    out = {}
    out["HHGLFW"] = frame(
        [{"HHMC": "样河", "GLDW": "样例市水利局", "geometry": p} for p in polygons(cut(river(42)))]
    )
    out["WWBHFW"] = frame([{"WBDWMC": "样例塔", "BHJB": "省级", "geometry": grid_box(150, 215, 205, 255)}])
    out["JSKZDD"] = frame(
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
    out["YYSSYBHQ"] = frame(
        [
            {"SYDMC": "沙河水源地", "BHQJB": k, "BHQMC": n, "geometry": p}
            for k, n, g in kinds
            for p in polygons(cut(g))
        ]
    )
    grades = {"G1": ("G1", "国道"), "S101": ("S", "省道"), "X001": ("X", "县道"), "X002": ("X", "县道")}
    out["GLYD"] = frame(
        [
            {"LXBH": k, "DJDM": grades[k][0], "JSDJ": grades[k][1], "geometry": p}
            for k in ground.roads
            for p in polygons(ground.join(ground.where(lambda u, k=k: u[0] == "road" and u[1] == k)))
        ]
    )
    wood = [n for n in range(len(ground.keys)) if units["survey"][n] in ("0301", "0303")]
    groups = [(sheet(n, ground, 900)) if n in set(wood) else None for n in range(len(ground.keys))]
    red = ground.join(redline_units(ground, units)).buffer(-1)
    forest = [
        {"XBH": f"L{n:03d}", "SLLB": "1" if p.intersects(red) else "2", "LYSZ": "乔木", "geometry": p}
        for n, (_, p) in enumerate(grouped(ground, groups), 1)
    ]
    forest.append({"XBH": "L900", "SLLB": "2", "LYSZ": "乔木", "geometry": _self_touch(-1900, 780)})
    out["LD"] = frame(forest)
    zones = [
        ("高易发区", "崩塌滑坡", (-1450, 1960, 260, 190)),
        ("中易发区", "崩塌", (-180, 2130, 240, 150)),
        ("低易发区", "地面塌陷", (-1750, 1560, 210, 120)),
    ]
    out["DZZHYFQ"] = frame(
        [
            {"YFCD": a, "ZHLX": b, "geometry": p}
            for a, b, (x, y, rx, ry) in zones
            for p in polygons(cut(_blob(x, y, rx, ry)))
        ]
    )
    sinking = [(-1008, -788, -264, 84), (-108, 108, -594, -426)]
    out["DZZHYFQ"] = frame(
        out["DZZHYFQ"].to_dict("records")
        + [{"YFCD": "低易发区", "ZHLX": "地面塌陷", "geometry": _cut_corners(*b)} for b in sinking]
    )
    out["DZZHDC"] = frame(
        [{"DCMC": "西部图幅地质灾害调查", "geometry": cut(shapely.box(-4000, -4000, GEOHAZARD_EDGE, 4000))}]
    )
    mines = [
        ("样例铁矿采矿权", "1", "C9900002012", _blob(-560, 2130, 190, 120)),
        ("北山石灰石矿采矿权", "2", "C9900002016", _blob(-720, 2020, 170, 130)),
        ("东岭菱镁矿探矿权", "1", "T9900002019", _blob(1900, 1350, 300, 200)),
    ]
    out["KYQ"] = frame(
        [{"KYQMC": a, "KCZL": b, "XKZH": c, "YXQZ": "2035-12-31", "geometry": cut(g)} for a, b, c, g in mines]
    )
    black = shapely.box(-900, -2600, 1500, -1560)
    dark = [
        n
        for n in range(len(ground.keys))
        if units["survey"][n].startswith("01") and black.contains(ground.polygons[n].representative_point())
    ]
    groups = [(ground.keys[n][-1],) if n in set(dark) else None for n in range(len(ground.keys))]
    out["HTD"] = frame([{"HTDLX": "典型黑土", "TCHD": 45, "geometry": p} for _, p in grouped(ground, groups)])
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
    return frame([
        {"QYMC": "样例经济开发区一期", "PGSX": "RE01、RE02、RE03、RE05、RE07", "YXQQ": "2022-05-01", "YXQZ": "2027-04-30", "PCLX": "一般经营类", "PZWJ": "样区评〔2022〕3号", "geometry": park},
        {"QYMC": "样例经济开发区二期", "PGSX": "RE03、RE10", "YXQQ": "2023-01-01", "YXQZ": "2027-12-31", "PCLX": "", "PZWJ": "样区评〔2023〕1号", "geometry": north},
        {"QYMC": "城南旧区", "PGSX": "RE01、RE02、RE03、RE05、RE07", "YXQQ": "2020-01-01", "YXQZ": "2022-12-31", "PCLX": "", "PZWJ": "样区评〔2020〕2号", "geometry": old},
    ])  # fmt: skip
