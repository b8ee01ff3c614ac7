"""The ground of the sample town: one noded coverage of small units from which every layer is cut.

All coordinates here are metres from `CENTRE` in EPSG:4529, on a grid of 0.001 m. The urban grid is turned
by the 7-24-25 triangle, so that its corners are exact decimals and plots share edges exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from shapely import LineString, MultiPoint, Point, Polygon, STRtree

CENTRE = (41_500_000.0, 4_552_000.0)
GRID = 0.001
CORE = (-450.0, 150.0)
BLOCK = (200.0, 150.0)
STREET = (24.0, 20.0)
GEOHAZARD_EDGE = 450.0
VILLAGES = {
    "张家屯": (-2450, -350, 150), "李家屯": (-2420, 900, 140), "北沟村": (-900, 1690, 135),
    "石桥子": (400, 1720, 140), "东岭村": (1700, 720, 160), "沙河沿": (2370, -150, 140),
    "小营子": (1900, -960, 150), "河南村": (820, -1900, 150), "柳树村": (-500, -1930, 160),
    "靠山屯": (-1190, -1900, 140),
}  # fmt: skip
PLANNED_VILLAGES = {"柳树村": 490.0, "张家屯": 330.0}
TRACKS = [
    [(-2450, -350), (-2300, -330), (-2085, -380)], [(-900, 1690), (-920, 1560), (-880, 1400)], [(400, 1720), (380, 1600), (420, 1490)],
    [(1700, 720), (1400, 560), (1150, 680), (640, 770)], [(2370, -150), (2260, -320), (2300, -530)], [(1900, -960), (1760, -700), (1790, -380)],
    [(820, -1900), (700, -1600), (780, -1300), (620, -800), (436, -386)], [(-500, -1930), (-400, -1600), (-560, -1200), (-400, -900), (-346, -608)],
    [(-1190, -1900), (-1400, -1780), (-1640, -1800)], [(1700, 720), (2000, 400), (2200, 150), (2370, -150)], [(820, -1900), (1200, -1700), (1500, -1500)],
]  # fmt: skip
PONDS = [
    (-2560, 620, 70, 45),
    (-1950, 560, 60, 80),
    (1150, 1180, 75, 50),
    (2080, 250, 60, 60),
    (1420, -1750, 95, 60),
    (1050, -700, 50, 65),
    (-1620, -1150, 70, 45),
    (-60, -1850, 55, 40),
    (-1450, 1130, 65, 50),
    (2250, -1150, 70, 55),
]
S101 = (-1715.0, -1685.0)
PLOTS_GRID = {
    "roadside_works": (-1685, -1580, 0, 90),
    "plan_gap_north": (-324, -124, 755, 985),
    "plan_gap_small": (-1290, -1220, -300, -225),
    "plan_gap_east": (1220, 1420, -100, 150),
    "plan_gap_south": (348, 548, -875, -755),
    "half_block": (-772, -572, 605, 680),
}
PLOTS = {
    "waterside_works": (-2170, -1050, -2050, -950),
    "quarry": (-790, 1960, -640, 2080),
    "bank_yard": (-900, -1445, -770, -1375),
}


def grid_xy(s, t):
    """Grid coordinates (along, across) as local metres."""
    return np.round(CORE[0] + 0.96 * s - 0.28 * t, 6), np.round(CORE[1] + 0.28 * s + 0.96 * t, 6)


def grid_box(s0, s1, t0, t1):
    """A rectangle of the turned grid."""
    return Polygon([grid_xy(s, t) for s, t in ((s0, t0), (s1, t0), (s1, t1), (s0, t1))])


def block_bounds(i, j):
    """The (s0, s1, t0, t1) of block i, j."""
    s, t = i * (BLOCK[0] + STREET[0]), j * (BLOCK[1] + STREET[1])
    return s - BLOCK[0] / 2, s + BLOCK[0] / 2, t - BLOCK[1] / 2, t + BLOCK[1] / 2


def core_blocks():
    """Indices of the blocks of the town core: a rounded rectangle."""
    size = BLOCK[0] + STREET[0], BLOCK[1] + STREET[1]
    return [
        (i, j)
        for i in range(-5, 6)
        for j in range(-4, 5)
        if (abs(i) * size[0] / 1180) ** 4 + (abs(j) * size[1] / 740) ** 4 < 1
    ]


def street_boxes(blocks):
    """Street rectangles between neighbouring blocks, and crossings with at least three blocks around."""
    have, boxes = set(blocks), {}
    for i, j in blocks:
        s0, s1, t0, t1 = block_bounds(i, j)
        right, up, corner = (i + 1, j) in have, (i, j + 1) in have, (i + 1, j + 1) in have
        if right:
            boxes["v", i, j] = grid_box(s1, s1 + STREET[0], t0, t1)
        if up:
            boxes["h", i, j] = grid_box(s0, s1, t1, t1 + STREET[1])
        if right and up and corner:
            boxes["x", i, j] = grid_box(s1, s1 + STREET[0], t1, t1 + STREET[1])
    return boxes


def ring(rng, rx, ry, count, waves):
    """A closed organic outline around the origin."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    radius = np.ones(count)
    for k, size in waves:
        radius += size * np.sin(k * angle + rng.uniform(0, 2 * np.pi))
    x, y = rx * radius * np.cos(angle), ry * radius * np.sin(angle)
    return np.column_stack([x, y]).round(3)


def ribbon(x, y, half):
    """A band along a centre line with half width `half` (metres, scalar or per point)."""
    dx, dy = np.gradient(x), np.gradient(y)
    length = np.hypot(dx, dy)
    nx, ny = -dy / length * half, dx / length * half
    left, right = np.column_stack([x + nx, y + ny]), np.column_stack([x - nx, y - ny])
    return Polygon(np.vstack([left, right[::-1]]).round(3))


def river_line():
    x = np.arange(-3300, 3301, 40.0)
    return x, -1380 + 130 * np.sin(x / 560) + 45 * np.sin(x / 190 + 1) - 0.03 * x


def river(extra=0.0):
    """The water of the river, widened on each side by `extra` metres."""
    x, y = river_line()
    return ribbon(x, y, 30 + 9 * np.sin(x / 310 + 2) + extra)


def smooth(points, rounds=3):
    """Corner-cut a polyline until it looks like a road."""
    p = np.array(points, float)
    for _ in range(rounds):
        q, r = 0.75 * p[:-1] + 0.25 * p[1:], 0.25 * p[:-1] + 0.75 * p[1:]
        p = np.vstack([p[:1], np.column_stack([q, r]).reshape(-1, 2), p[-1:]])
    return p


def roads():
    """Road land by road number; S101 has one straight reach parallel to the grid."""
    x = np.arange(-3300, 3301, 60.0)
    y = 1440 + 60 * np.sin(x / 900) + 25 * np.sin(x / 310)
    s = sum(S101) / 2
    north = smooth(
        [grid_xy(s, 600), grid_xy(s, 900), (-2270, 900), (-2150, 1500), (-1950, 1900), (-1900, 2600)]
    )
    south = smooth(
        [grid_xy(s, -600), grid_xy(s, -900), (-1760, -1300), (-1650, -1800), (-1350, -2100), (-1300, -2700)]
    )
    bands = {"G1": ribbon(x, y, 18.0)}
    reach = grid_box(*S101, -640, 640)
    bands["S101"] = shapely.union_all([ribbon(*north.T, 15.0), ribbon(*south.T, 15.0), reach], grid_size=GRID)
    east = smooth([grid_xy(1210, -20), (1050, 60), (1500, -250), (2100, -480), (3200, -600)])
    west = smooth([grid_xy(-1690, 330), (-2350, 90), (-2700, 180), (-3300, 260)])
    bands["X001"], bands["X002"] = ribbon(*east.T, 8.0), ribbon(*west.T, 7.0)
    bands["X001"] = bands["X001"].difference(grid_box(-1300, 1221, -800, 800))
    bands["X002"] = bands["X002"].difference(bands["S101"])
    return {k: max(shapely.get_parts(b), key=lambda g: g.area) for k, b in bands.items()}


def wiggly(rng, a, b):
    """A line from a to b that wanders a little, without moving its ends."""
    length = np.hypot(*(b - a))
    count = max(2, int(length // 24))
    f = np.linspace(0, 1, count + 1)
    swing = sum(rng.normal(0, 0.030 / k) * np.sin(np.pi * k * f) for k in (1, 2, 3, 5)) * length
    normal = np.array([a[1] - b[1], b[0] - a[0]]) / max(length, 1e-9)
    return LineString((a + f[:, None] * (b - a) + np.clip(swing, -22, 22)[:, None] * normal).round(3))


def country_edges(rng, keep_out):
    """Cell edges of the country: a jittered lattice's Voronoi diagram with wiggly edges."""
    points, step = [], 285.0
    for row, y in enumerate(np.arange(-2900, 2901, step * 0.87)):
        for x in np.arange(-3500, 3501, step) + (row % 2) * step / 2:
            points.append((x + rng.uniform(-0.36, 0.36) * step, y + rng.uniform(-0.36, 0.36) * step))
    points = [p for p in points if not keep_out.buffer(60).contains(Point(p))]
    cells = shapely.get_parts(shapely.voronoi_polygons(MultiPoint(np.round(points, 3))))
    edges = set()
    for cell in cells:
        c = np.round(np.asarray(cell.exterior.coords), 2)
        for p, q in zip(map(tuple, c[:-1]), map(tuple, c[1:]), strict=True):
            if p != q:
                edges.add((min(p, q), max(p, q)))
    return [wiggly(rng, np.array(p), np.array(q)) for p, q in sorted(edges)]


@dataclass
class Ground:
    """Units of the ground: parallel lists of keys and polygons, with the shapes they were cut from."""

    keys: list
    polygons: np.ndarray
    town: Polygon
    region: Polygon
    blocks: list
    water: Polygon
    roads: dict
    villages: dict
    tree: STRtree = None

    def at(self, x, y):
        """Index of the unit that contains a point."""
        return int(self.tree.query(Point(x, y), predicate="within")[0])

    def where(self, test):
        """Indices of the units whose key passes `test`."""
        return [n for n, key in enumerate(self.keys) if test(key)]

    def join(self, indices):
        """The union of units, exact because they are one coverage."""
        return shapely.coverage_union_all(self.polygons[list(indices)])

    def block(self, i, j):
        """All units of a block (two if a district line cuts it)."""
        return self.where(lambda k: k[0] == "block" and k[1:3] == (i, j))


def build(seed=20240301):
    """Cut the town into units: road, river, village, block, street, plot and country cell, by district."""
    rng = np.random.default_rng(seed)
    waves = [(2, 0.03), (3, 0.03), (5, 0.022), (9, 0.012), (17, 0.008), (31, 0.005), (47, 0.003)]
    town = Polygon(ring(rng, 2950, 2450, 260, waves))
    blocks = core_blocks()
    shapes = {("block", i, j): grid_box(*block_bounds(i, j)) for i, j in blocks}
    streets = street_boxes(blocks)
    region = shapely.union_all([*shapes.values(), *streets.values()], grid_size=GRID)
    plots = {("plot", n): grid_box(*b) for n, b in PLOTS_GRID.items()}
    plots |= {("plot", n): shapely.box(*b) for n, b in PLOTS.items()}
    villages = {}
    for name, (x, y, r) in VILLAGES.items():
        outline = ring(rng, r * 1.15, r, 26, [(2, 0.12), (3, 0.08), (5, 0.05)]) + (x, y)
        villages[name] = Polygon(outline.round(3))
    bands, water = roads(), river()
    tracks = {("track", n): ribbon(*smooth(line).T, 3.0) for n, line in enumerate(TRACKS)}
    ponds = {}
    for n, (x, y, rx, ry) in enumerate(PONDS):
        ponds["pond", n] = Polygon(
            (ring(rng, rx, ry, 18, [(2, 0.12), (3, 0.10), (5, 0.05)]) + (x, y)).round(3)
        )
    top, low = grid_xy(448, 760), grid_xy(448, -760)
    split = [(60, 2900), (-80, 2300), (30, 1900), (-150, 1500), (-230, 1200), top]
    below = [low, (190, -1000), (330, -1350), (260, -1700), (420, -2100), (380, -2900)]
    district = [LineString([top, low])]
    for chain in (split, below):
        district += [
            wiggly(rng, np.array(p), np.array(q)) for p, q in zip(chain[:-1], chain[1:], strict=True)
        ]

    country = country_edges(rng, region)
    lines = [town.exterior, *district, *country]
    for group in (shapes, streets, plots, villages, bands):
        lines += [p.exterior for p in group.values()]
    for group in (tracks, ponds):
        lines += [p.exterior for p in group.values()]
    lines.append(water.exterior)
    for name, (x, y, r) in VILLAGES.items():
        turn = rng.uniform(0, np.pi / 2)
        for a in (turn, turn + np.pi / 2):
            d = np.array([np.cos(a), np.sin(a)]) * r * 1.6
            cut = LineString([np.round((x, y) - d, 3), np.round((x, y) + d, 3)])
            lines.append(cut.intersection(villages[name].buffer(0.5)))
    noded = shapely.union_all(shapely.set_precision(lines, GRID), grid_size=GRID)
    faces = shapely.get_parts(shapely.polygonize([noded]))
    faces = faces[shapely.contains(town, shapely.point_on_surface(faces))]
    inner = shapely.point_on_surface(faces)

    halves = shapely.get_parts(
        shapely.polygonize([shapely.union_all([town.exterior, *district], grid_size=GRID)])
    )
    west = max((w for w in halves if w.representative_point().x < 150), key=lambda g: g.area)
    side = np.where(shapely.contains(west, inner), "西区", "东区")
    frame = shapely.box(-4000, -4000, 4000, 4000).exterior
    cells = shapely.get_parts(shapely.polygonize([shapely.union_all([frame, *country], grid_size=GRID)]))
    cell_tree = STRtree(cells)
    keys = []
    for point, d in zip(inner, side, strict=True):
        keys.append((*_kind(point, bands, water, plots | shapes, streets, villages, tracks | ponds), d))
    for n, point in enumerate(inner):
        if keys[n][0] == "cell":
            keys[n] = ("cell", int(cell_tree.query(point, predicate="within")[0]), keys[n][-1])
    groups = {}
    for n, key in enumerate(keys):
        groups.setdefault(key, []).append(n)
    keys, polygons = [], []
    for key in sorted(groups, key=str):
        for part in shapely.get_parts(shapely.coverage_union_all(faces[groups[key]])):
            keys.append(key)
            polygons.append(part)
    keys, polygons = _absorb(keys, polygons)
    polygons = np.array(polygons, dtype=object)
    return Ground(
        keys,
        polygons,
        shapely.coverage_union_all(polygons),
        region,
        blocks,
        water,
        bands,
        villages,
        STRtree(polygons),
    )


def _kind(point, bands, water, shapes, streets, villages, small):
    for name, band in bands.items():
        if band.contains(point):
            return ("road", name)
    if water.contains(point):
        return ("river",)
    for key, shape in shapes.items():
        if shape.contains(point):
            return key
    for (_, i, j), shape in streets.items():
        if shape.contains(point):
            return ("street", i // 3, j // 3)
    for name, shape in villages.items():
        if shape.contains(point):
            c = np.array(VILLAGES[name][:2])
            return ("village", name, int(np.arctan2(point.y - c[1], point.x - c[0]) // (np.pi / 2)))
    for key, shape in small.items():
        if shape.contains(point):
            return key
    return ("cell",)


def _absorb(keys, polygons, smallest=900.0):
    """Give cell scraps to the neighbouring cell of the same district with the longest common edge."""
    order = sorted(
        (n for n, k in enumerate(keys) if k[0] == "cell" and polygons[n].area < smallest),
        key=lambda n: polygons[n].area,
    )
    gone, tree = set(), STRtree(polygons)
    for n in order:
        best, longest = None, 0.0
        for m in tree.query(polygons[n], predicate="touches"):
            m = int(m)
            if m in gone or m == n or keys[m][0] != "cell" or keys[m][-1] != keys[n][-1]:
                continue
            shared = polygons[n].intersection(polygons[m]).length
            if shared > longest:
                best, longest = m, shared
        if best is not None:
            merged = shapely.coverage_union_all([polygons[best], polygons[n]])
            if merged.geom_type == "Polygon":
                polygons[best] = merged
                gone.add(n)
    kept = [n for n in range(len(keys)) if n not in gone]
    return [keys[n] for n in kept], [polygons[n] for n in kept]
