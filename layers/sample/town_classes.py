"""What lies on each unit of the sample town, and helpers that the layers share."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from town_ground import CENTRE

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


def frame(rows):
    """Rows as a GeoDataFrame."""
    return gpd.GeoDataFrame(rows, geometry="geometry")


def classes(ground, rng):
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
            z, d = "030", VACANT.get(key[1:3], built[use(*key[1:3])[0]])
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


def use(i, j):
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


def grouped(ground, groups):
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


def sheet(n, ground, size):
    """Which square of a `size` metre grid a unit lies in."""
    p = ground.polygons[n].representative_point()
    return int((p.x + 4000) // size), int((p.y + 4000) // size)


def redline_units(ground, units):
    """Units of the ecological redline."""
    red = set()
    for n, polygon in enumerate(ground.polygons):
        p = polygon.representative_point()
        if units["hill"][n] and (p.x < -930 and p.y > 1500 or p.x > 1350 and p.y > 1150):
            red.add(n)
    return red


def place(frame):
    """Local metres as EPSG:4529."""
    moved = shapely.transform(frame.geometry.values, lambda c: np.round(c + CENTRE, 3))
    return frame.set_geometry(gpd.GeoSeries(moved, index=frame.index, crs=4529))
