"""Geometry of a VCT: lines, and polygons drawn by themselves or put together from lines."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import shapely

from onemap.land.survey_rings import assemble
from onemap.messages import Message

# Ends of consecutive lines at most so far apart are one node; arcs are drawn as chords of 0.1 degrees.
_NODE_M = 0.001
_CHORD = math.radians(0.1)


class Found(NamedTuple):
    """Objects of one class as (id, shape or None, why not), how many more there must be, and remarks."""

    objects: list[tuple[str, object, str]]
    lost: int
    remarks: list[Message]


class Broken(ValueError):
    """An object that does not follow the format; ``said`` is why."""

    def __init__(self, key: str, /, **values):
        self.said = Message(key, **values)
        super().__init__(key)


class _Cursor:
    """The lines of a section and where reading stands."""

    def __init__(self, lines: list[tuple[int, str]], separator: str):
        self.lines, self.separator, self.at = lines, separator, 0

    def more(self) -> bool:
        return self.at < len(self.lines)

    def peek(self) -> str:
        return self.lines[self.at][1] if self.more() else ""

    def take(self) -> str:
        if not self.more():
            raise Broken("land.vct.section_ends")
        self.at += 1
        return self.lines[self.at - 1][1]

    def number(self) -> int:
        line = self.take()
        try:
            return int(line)
        except ValueError:
            raise Broken("land.vct.no_count", line=self.lines[self.at - 1][0], word=line[:30]) from None

    def points(self, count: int) -> np.ndarray:
        if not 0 < count <= len(self.lines) - self.at:
            raise Broken("land.vct.points_missing", count=count, left=len(self.lines) - self.at)
        block = self.lines[self.at : self.at + count]
        self.at += count
        try:
            return np.array(
                [[float(c) for c in line.split(self.separator)[:2]] for _, line in block]
            ).reshape(count, 2)
        except ValueError:
            raise Broken("land.vct.no_coordinates", line=block[0][0]) from None

    def is_pair(self) -> bool:
        return self.peek().count(self.separator) in (1, 2)

    def skip_object(self) -> None:
        while self.more() and self.take() != "0":
            pass


def shapes_of(document, separator: str, codes: set[str], code: str, kind: str) -> Found:
    """All objects of one class, in the order of the file, east first whatever the axes of the head."""
    remarks: list[Message] = []
    read = {"polygon": _polygon, "line": _line, "point": _point}.get(kind)
    if read is None:
        return Found([], 0, [f"class {code} has the geometry '{kind}', which is not read"])
    head = document.head
    swap = head.get("xaxisdirection", "E").upper().startswith("N")
    rows = _objects(document.sections.get(kind, []), separator, codes, read)
    lines: dict[str, np.ndarray] = {}
    if kind == "polygon" and any(isinstance(r[2], list) and r[2] and isinstance(r[2][0], int) for r in rows):
        for fid, _, made, _ in _objects(document.sections.get("line", []), separator, codes, _line):
            if isinstance(made, np.ndarray):
                lines[fid] = made
    found, lost = [], 0
    for fid, own, made, why in rows:
        if own is None:
            lost += 1
            remarks.append(why)
        elif own == code:
            shape, why = (None, why) if why else _shape(made, kind, lines)
            found.append((fid, _turned(shape) if swap and shape is not None else shape, why))
    return Found(found, lost, remarks)


def _turned(shape):
    return shapely.transform(shape, lambda c: c[:, ::-1])


def _objects(lines: list, separator: str, codes: set[str], read) -> list[tuple]:
    """(id, class code or None, what was read or None, why not) of every object of a section."""
    cursor = _Cursor(lines, separator)
    rows = []
    while cursor.more():
        if cursor.peek() == "0":
            cursor.at += 1
            continue
        start, fid, code = cursor.lines[cursor.at][0], cursor.take(), None
        try:
            words = (cursor.take(), cursor.take())
            code = next((w for w in words if w in codes), words[0])
            if not fid.lstrip("-").isdigit() or (
                code == words[0] and code not in codes and read is not _line
            ):
                code = None
                raise Broken("land.vct.no_object", word=fid[:30])
            rows.append((fid, code, read(cursor), ""))
        except Broken as error:
            rows.append((fid, code, None, Message("land.vct.object", line=start, why=error.said)))
            cursor.skip_object()
    return rows


def _point(cursor: _Cursor) -> np.ndarray:
    cursor.number()
    return cursor.points(1)


def _line(cursor: _Cursor) -> np.ndarray:
    """All points of a line: a type, then segments."""
    kind = cursor.number()
    if kind == 100:
        raise Broken("land.vct.lines_of_lines")
    pieces = [_segment(cursor) for _ in range(_few(cursor.number(), cursor))]
    if not pieces:
        raise Broken("land.vct.no_segments")
    points, pieces = pieces[0], pieces[1:]
    for piece in pieces:
        points = _chain(points, piece, Message("land.vct.segment"))
    return points


def _few(count: int, cursor: _Cursor) -> int:
    if not 0 < count <= len(cursor.lines):
        raise Broken("land.vct.odd_count", count=count)
    return count


def _segment(cursor: _Cursor) -> np.ndarray:
    kind = cursor.number()
    if kind == 11:
        return cursor.points(cursor.number())
    if kind == 12:
        if not cursor.is_pair():
            cursor.number()
        return arc(cursor.points(3))
    raise Broken("land.vct.curve_kind", kind=kind)


def _polygon(cursor: _Cursor) -> list:
    """Rings as arrays, or the signed numbers of lines with 0 between rings."""
    kind = cursor.number()
    if cursor.is_pair() and kind in (1, 100):
        cursor.points(1)
    if kind == 1:
        return [_ring(cursor) for _ in range(_few(cursor.number(), cursor))]
    if kind != 100:
        raise Broken("land.vct.polygon_kind", kind=kind)
    count = cursor.number()
    if count in (21, 22) and cursor.separator not in cursor.peek():
        if count == 22:
            raise Broken("land.vct.polygons_of_polygons")
        count = cursor.number()
    ids: list[int] = []
    while len(ids) < _few(count, cursor):
        line = cursor.take()
        try:
            ids += [int(c) for c in line.split(cursor.separator) if c.strip()]
        except ValueError:
            raise Broken("land.vct.no_list", line=cursor.lines[cursor.at - 1][0]) from None
    if len(ids) != count:
        raise Broken("land.vct.lines_differ", count=count, listed=len(ids))
    return ids


def _ring(cursor: _Cursor) -> np.ndarray:
    points = _segment(cursor) if not cursor.is_pair() else None
    if points is None or len(points) < 3:
        raise Broken("land.vct.ring_short")
    return points


def _shape(made, kind: str, lines: dict[str, np.ndarray]) -> tuple[object, Message | str]:
    try:
        if kind == "point":
            return shapely.Point(made[0]), ""
        if kind == "line":
            return shapely.LineString(made) if len(made) > 1 else None, "" if len(made) > 1 else Message(
                "land.vct.one_point"
            )
        rings = made if isinstance(made[0], np.ndarray) else _rings(made, lines)
        return assemble([(None, _opened(r)) for r in rings])[0], ""
    except (Broken, shapely.errors.ShapelyError, ValueError) as error:
        return None, getattr(error, "said", str(error))


def _opened(points: np.ndarray) -> list[tuple[float, float]]:
    if not np.isfinite(points).all():
        raise Broken("land.vct.not_numbers")
    if len(points) > 3 and (points[0] == points[-1]).all():
        points = points[:-1]
    if len(points) < 3:
        raise Broken("land.vct.ring_short")
    return [tuple(p) for p in points]


def _rings(ids: list[int], lines: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Closed rings from signed line numbers, 0 between rings; Broken where the chain breaks."""
    rings: list[np.ndarray] = []
    current = None
    for number in [*ids, 0]:
        if number == 0:
            if current is not None:
                if (gap := math.dist(current[0], current[-1])) > _NODE_M:
                    raise Broken("land.vct.ring_open", gap=round(gap, 3))
                current[-1] = current[0]
                rings.append(current)
            current = None
            continue
        if (points := lines.get(str(abs(number)))) is None:
            raise Broken("land.vct.line_missing", number=abs(number))
        points = points[::-1] if number < 0 else points
        current = (
            points.copy()
            if current is None
            else _chain(current, points, Message("land.vct.line", number=number))
        )
    if not rings:
        raise Broken("land.vct.no_lines")
    return rings


def _chain(first: np.ndarray, then: np.ndarray, what: Message) -> np.ndarray:
    if not (gap := math.dist(first[-1], then[0])) <= _NODE_M:
        raise Broken("land.vct.chain_broken", what=what, gap=round(gap, 3))
    return np.concatenate([first, then[1:]])


def arc(points: np.ndarray) -> np.ndarray:
    """Chords of the circular arc through three points.

    >>> arc(np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]))[900].round(6).tolist()
    [0.0, 1.0]
    """
    (ax, ay), (bx, by), (cx, cy) = points
    turn = 2 * ((bx - ax) * (cy - ay) - (by - ay) * (cx - ax))
    if not math.isfinite(turn) or abs(turn) < 1e-9:
        return points
    u, v = (bx - ax) ** 2 + (by - ay) ** 2, (cx - ax) ** 2 + (cy - ay) ** 2
    x, y = ax + ((cy - ay) * u - (by - ay) * v) / turn, ay + ((bx - ax) * v - (cx - ax) * u) / turn
    start, end = math.atan2(ay - y, ax - x), math.atan2(cy - y, cx - x)
    sweep = (end - start) % math.tau if turn > 0 else -((start - end) % math.tau)
    steps = max(2, 2 * math.ceil(abs(sweep) / _CHORD / 2))
    angle = start + sweep * np.linspace(0, 1, steps + 1)
    drawn = np.column_stack([x + math.hypot(ax - x, ay - y) * f(angle) for f in (np.cos, np.sin)])
    drawn[0], drawn[-1] = points[0], points[2]
    return drawn
