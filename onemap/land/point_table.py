"""Tables of boundary points, one row per point, as polygons."""

from __future__ import annotations

import numpy as np
import pandas as pd

from onemap.errors import InputError
from onemap.land.raw import Note, Raw
from onemap.land.survey_txt import Plot, order_of, shape_of
from onemap.land.values import parse_number, text
from onemap.messages import Message

_FIRST = ("x", "x坐标", "纵坐标", "北坐标", "north", "northing", "纬度", "lat", "latitude")
_SECOND = ("y", "y坐标", "横坐标", "东坐标", "east", "easting", "经度", "lon", "lng", "longitude")
_PLOT = (
    "地块编号",
    "地块号",
    "宗地编号",
    "dkbh",
    "地块名称",
    "dkmc",
    "parcel_id",
    "parcel",
    "plot",
    "项目名称",
)
_RING = ("圈号", "环号", "ring", "地块圈号")
_POINT = ("点号", "界址点号", "jzdh", "point", "point_id", "序号", "点序")


def points_table(
    head: list[str], body: list[list], numbers: list[int], name: str, encoding: str
) -> Raw | None:
    """Plots of a table with two coordinate columns; None where there are none. numbers : of the rows in the file

    Which number is north is told by their size, as in survey texts, not by the column's name. A plot's other columns
    come from its first row; a row whose coordinates are no numbers costs its plot. The CRS is for the workspace to say.
    """
    plain = [h.strip().lower().replace("(m)", "").replace("（m）", "") for h in head]
    at = [
        next((plain.index(w) for w in words if w in plain), None)
        for words in (_FIRST, _SECOND, _PLOT, _RING, _POINT)
    ]
    first, second, plot, ring, point = at
    if first is None or second is None:
        return None
    groups: dict[str, list[tuple[int, list]]] = {}
    last = ""
    for number, row in zip(numbers, body, strict=True):
        word = text(row[plot]) if plot is not None else ""
        last = word or last
        groups.setdefault(last, []).append((number, row))
    notes: list[Note] = []
    shapes = np.full(len(groups), None, dtype=object)
    rows = []
    for i, members in enumerate(groups.values()):
        fid = str(i)
        lines, broken = [], []
        for number, row in members:
            pair = parse_number(row[first]), parse_number(row[second])
            if None in pair:
                broken.append((number, ""))
                notes.append(
                    (
                        "bad_coordinates",
                        fid,
                        Message(
                            "land.points.row",
                            row=number,
                            words=[text(row[first])[:30], text(row[second])[:30]],
                        ),
                    )
                )
                continue
            turn = parse_number(row[ring]) if ring is not None else None
            label = text(row[point]) if point is not None else ""
            lines.append((label, int(turn) if turn is not None and abs(turn) < 1e6 else None, *pair))
        drawn = Plot(members[0][0], {}, "polygon", lines, broken, None)
        if lines and not order_of(drawn):
            raise InputError("land.points.order", where=name, row=members[0][0])  # fmt: skip
        shapes[i] = shape_of(fid, drawn, notes)
        rows.append([members[0][1][k] for k in range(len(head))])
    used = {k for k in (first, second, ring, point) if k is not None}
    data = {h: [r[k] for r in rows] for k, h in reversed(list(enumerate(head))) if k not in used and h}
    columns = pd.DataFrame(data, index=[str(i) for i in range(len(rows))], dtype=object)[
        [h for h in dict.fromkeys(head) if h in data]
    ]
    return Raw(columns, shapes, name, encoding=encoding, promised=len(rows), notes=notes)
