"""Boundary points to polygons: rings by number and closing point, shells and holes by containment."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import shapely

from onemap.messages import Message

Point = tuple[float, float]


class Line(NamedTuple):
    """One boundary point: its name, ring number (None if not written), east, north."""

    name: str
    ring: int | None
    east: float
    north: float


def rings_of(lines: list[Line]) -> tuple[list[tuple[int | None, list[Point]]], list[Message]]:
    """Rings as (number, open list of points), split where the number changes or a ring closes, and remarks.

    A line that repeats a ring's first point closes it whatever number it carries; a name that starts again at 1
    begins a new ring.

    >>> rings_of([Line("J1", 1, 0, 0), Line("J2", 1, 1, 0), Line("J3", 1, 1, 1), Line("J1", 1, 0, 0)])[0]
    [(1, [(0, 0), (1, 0), (1, 1)])]
    """
    rings: list[tuple[int | None, list[Point]]] = []
    remarks: list[Message] = []
    current: list[Point] = []
    number: int | None = None

    def close() -> None:
        if len(current) >= 3:
            rings.append((number, list(current)))
        elif current:
            remarks.append(Message("land.ring.few_points", ring=number or 1, count=len(current)))
        current.clear()

    for line in lines:
        point = (line.east, line.north)
        if len(current) >= 3 and point == current[0]:
            close()
            continue
        if current and line.ring != number:
            close()
        elif len(current) >= 3 and re.fullmatch(r"\D*0*1", line.name):
            remarks.append(Message("land.ring.starts_again", ring=number or 1))
            close()
        if not current:
            number = line.ring
        if current and point == current[-1]:
            remarks.append(Message("land.ring.point_twice", point=line.name))
            continue
        current.append(point)
    close()
    return rings, remarks


def assemble(rings: list[tuple[int | None, list[Point]]]) -> tuple[object, list[Message]]:
    """A polygon or multipolygon by even-odd containment, and remarks where ring numbers say otherwise.

    Rings that cross each other or themselves give an invalid geometry, for the repair to judge.
    """
    if not rings:
        return None, []
    shapes = np.array([shapely.Polygon(points) for _, points in rings], dtype=object)
    if len(shapes) == 1:
        return shapes[0], []
    if not shapely.is_valid(shapes).all():
        return _as_written(rings), []
    inside = np.zeros((len(shapes), len(shapes)), dtype=bool)
    tree = shapely.STRtree(shapes)
    inside[tuple(tree.query(shapes, predicate="within"))] = True
    np.fill_diagonal(inside, False)
    i, j = tree.query(shapes, predicate="intersects")
    apart = (i > j) & ~inside[i, j] & ~inside[j, i]
    crossing = shapely.relate_pattern(shapes[i[apart]], shapes[j[apart]], "T********").any()
    if crossing or (inside & inside.T).any():
        return shapely.MultiPolygon(list(shapes)), [Message("land.ring.cross")]
    depth = inside.sum(axis=1)
    area = shapely.area(shapes)
    holes: dict[int, list[int]] = {int(i): [] for i in np.flatnonzero(depth % 2 == 0)}
    for i in np.flatnonzero(depth % 2 == 1):
        around = [j for j in np.flatnonzero(inside[i]) if depth[j] == depth[i] - 1]
        holes[int(min(around, key=lambda j: area[j]))].append(int(i))
    remarks = []
    for i, (number, _) in enumerate(rings):
        if number is not None and number < 0 and depth[i] % 2 == 0:
            remarks.append(Message("land.ring.hole_alone", ring=number))
        elif number is not None and abs(number) > 1 and i and depth[i] == 0:
            side = Message("land.ring.encloses") if inside[0, i] else Message("land.ring.outside")
            remarks.append(Message("land.ring.shell", ring=number, side=side, first=rings[0][0]))
    parts = [shapely.Polygon(rings[i][1], [rings[j][1] for j in inner]) for i, inner in holes.items()]
    return (parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)), remarks


def _as_written(rings):
    first, rest = rings[0][1], [points for _, points in rings[1:]]
    return shapely.Polygon(first, rest)
