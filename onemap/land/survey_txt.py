"""The 勘测定界 / 界址点 text: one file of boundary points in the variants that exporters write."""

from __future__ import annotations

import math
import re
import unicodedata
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely

from onemap.errors import CRSError, InputError
from onemap.land.raw import Note, Raw
from onemap.land.survey_rings import Line, assemble, rings_of
from onemap.land.text import decode
from onemap.land.values import parse_number, unit_in
from onemap.messages import Message

_SECTION = re.compile(r"^\s*[\[［【]\s*(.+?)\s*[\]］】]\s*$")
_KINDS = {"面": "polygon", "线": "line", "点": "point"}
# First EPSG codes by datum: 3-degree with prefix, 3-degree without, 6-degree with prefix, 6-degree without.
_EPSG = {
    "CGCS2000": (4513, 4534, 4491, 4502),
    "Xian 1980": (2349, 2370, 2327, 2338),
    "Beijing 1954": (2401, 2422, 21413, 21453),
}
_FIRST = {3: 25, 6: 13}
_LAST = {3: 45, 6: 23}
_MOST_LINES = 5_000_000


class Plot(NamedTuple):
    """One parcel as written: line number, its fields, its points, and what could not be understood."""

    at: int
    fields: dict[str, str]
    kind: str
    lines: list[tuple[str, int | None, float, float]]
    broken: list[tuple[int, str]]
    declared: int | None


def read_survey_txt(path: Path, encoding: str | None = None) -> list[Raw]:
    """The parcels of a survey text, one table per coordinate system; X is north, Y is east, whatever the order.

    Columns: 地块编号 地块名称 地块用途 地类编码 图幅号 地块面积 and whatever the project section says. Rings are
    told apart by number and closing point, shells and holes by containment. The CRS comes from datum, width and
    zone of the head and the prefix of the eastings; None where they do not say. Raises InputError for a text
    without any parcel and for coordinates whose order cannot be told, CRSError where head and numbers disagree.
    """
    text, used = decode(path.read_bytes(), encoding, path.name)
    head, extra, plots, notes = _parse(text, path.name)
    if not plots:
        raise InputError("land.txt.no_points", where=path.name)
    groups: dict[object, list] = {}
    for n, plot in enumerate(plots, 1):
        groups.setdefault(_crs(head, plot, path.name, notes), []).append((str(n), plot))
    return [
        _raw(path.name, used, crs, rows, extra, notes if i == 0 else [])
        for i, (crs, rows) in enumerate(groups.items())
    ]


def _raw(name: str, encoding: str, crs, rows: list, extra: dict[str, str], notes: list) -> Raw:
    notes = list(notes)
    table, shapes = [], np.full(len(rows), None, dtype=object)
    for i, (fid, plot) in enumerate(rows):
        for at, line in plot.broken:
            notes.append(("txt_line", None, f"{at}"))
            notes.append(("bad_coordinates", fid, Message("land.txt.line", line=at, words=line[:40])))
        shapes[i] = shape_of(fid, plot, notes)
        row = extra | {k: v for k, v in plot.fields.items() if v}
        row["地块面积"] = _area(plot.fields.get("地块面积", ""), shapes[i])
        table.append(row)
    columns = pd.DataFrame(table, index=[fid for fid, _ in rows], dtype=object)
    return Raw(columns, shapes, name, crs, encoding=encoding, promised=len(rows), notes=notes)


def _parse(text: str, name: str):
    """Head, project fields, plots, notes."""
    head: dict[str, str] = {}
    extra: dict[str, str] = {}
    plots: list[Plot] = []
    notes: list[Note] = []
    section = ""
    lines = re.split(r"\r\n|\r|\n", text.replace("\x1a", "").replace("\ufeff", ""))
    if len(lines) > _MOST_LINES:
        raise InputError("land.txt.too_long", where=name, most=_MOST_LINES)
    for at, line in enumerate(lines, 1):
        line = line.strip()
        if not line:
            continue
        found = _SECTION.match(line)
        if found:
            section = found.group(1)
            continue
        if "@" in line or "＠" in line:
            plots.append(_plot(at, line, notes, str(len(plots) + 1)))
            continue
        point = _point(line)
        pair = re.match(r"^([^=＝,，]+)\s*[=＝]\s*(.*)$", line)
        if pair and point is None:
            key, value = pair.group(1).strip(), pair.group(2).strip()
            if section in ("", "属性描述"):
                head[key] = value
            elif value:
                extra[key] = value
        elif point is not None:
            if not plots:
                notes.append(("txt_head", None, Message("land.txt.points_first", line=at)))
                plots.append(Plot(at, {}, "polygon", [], [], None))
            plots[-1].lines.append(point)
        elif plots:
            plots[-1].broken.append((at, line))
        elif section == "地块坐标" or re.search(r"\d{6}", line):
            notes.append(("txt_line", None, f"{at}"))
    return head, extra, [p for p in plots if p.lines or p.broken or p.fields], notes


def _plot(at: int, line: str, notes: list, fid: str) -> Plot:
    line = line.replace("＠", "@")
    body, _, after = line.partition("@")
    if after.strip(" ,，"):
        notes.append(("txt_text", fid, Message("land.txt.after_mark", words=after.strip()[:40])))
    if body.count(",") < 3:
        body = body.replace("，", ",")
    cells = [cell.strip() for cell in body.split(",")]
    anchor = next((i for i, cell in enumerate(cells) if cell in _KINDS), None)
    kind = _KINDS[cells[anchor]] if anchor is not None else "polygon"
    counted = bool(re.fullmatch(r"\d*", unicodedata.normalize("NFKC", cells[0])))
    before = cells[: anchor if anchor is not None else 4]
    count = before.pop(0) if counted and before else ""
    fields: dict[str, str] = {}
    if anchor is not None and len(before) == 1:
        fields["地块名称"] = before[0]
    elif before:
        fields["地块面积"] = before.pop(0)
        if len(before) == 4 and re.fullmatch(r"\d{9,}", before[0]):
            fields["单位代码"], fields["单位名称"] = before.pop(0), before.pop(0)
        if before:
            fields["地块编号"] = before.pop(0)
        if before:
            fields["地块名称"] = ",".join(before)
            if len(before) > 1:
                notes.append(("txt_text", fid, Message("land.txt.commas", name=fields["地块名称"][:40])))
    after_kind = cells[(anchor if anchor is not None else 4) + 1 :]
    for label, cell in zip(("图幅号", "地块用途", "地类编码"), after_kind, strict=False):
        fields[label] = cell
    for i, cell in enumerate(after_kind[3:], 1):
        if cell:
            fields[f"附加{i}"] = cell
    declared = parse_number(count)
    return Plot(at, fields, kind, [], [], int(declared) if declared and declared < 1e9 else None)


def _point(line: str) -> tuple[str, int | None, float, float] | None:
    """(name, ring, first number, second number) of a coordinate line, else None."""
    plain = unicodedata.normalize("NFKC", line).replace("、", ",")
    cells = [c for c in re.split(r"[,;\s]+", plain.strip(" ,;")) if c]
    if len(cells) < 2:
        return None
    numbers = [_number(c) for c in cells]
    if len(cells) == 2:
        name, ring, pair = "", None, numbers
    elif len(cells) == 3:
        name, ring, pair = cells[0], None, numbers[1:]
    else:
        name, ring, pair = cells[0], _ring(cells[1]), numbers[2:4]
        if ring is None:
            return None
    if pair[0] is None or pair[1] is None or len(cells) > 6:
        return None
    return name, ring, pair[0], pair[1]


def _number(cell: str) -> float | None:
    if not re.fullmatch(r"[-+]?\d{1,12}(\.\d*)?", cell):
        return None
    return float(cell)


def _ring(cell: str) -> int | None:
    return int(cell) if re.fullmatch(r"-?\d{1,6}", cell) else None


def _is_north(value: float) -> bool:
    return 1.9e6 <= value <= 6.0e6


def _is_east(value: float) -> bool:
    return 1e5 <= value <= 9e5 or 13e6 <= value < 24e6 or 25e6 <= value < 46e6


def order_of(plot: Plot) -> str:
    """'north' or 'east' for what stands first, 'lat' or 'lon' for degrees, '' for neither."""
    pairs = [(a, b) for _, _, a, b in plot.lines]
    if pairs and all(_is_north(a) and _is_east(b) for a, b in pairs):
        return "north"
    if pairs and all(_is_east(a) and _is_north(b) for a, b in pairs):
        return "east"
    if pairs and all(3 <= a <= 54 and 73 <= b <= 136 for a, b in pairs):
        return "lat"
    if pairs and all(73 <= a <= 136 and 3 <= b <= 54 for a, b in pairs):
        return "lon"
    return ""


def shape_of(fid: str, plot: Plot, notes: list):
    order = order_of(plot)
    if order in ("east", "lon"):
        notes.append(("txt_head", fid, Message("land.txt.east_first")))
    flip = order in ("north", "lat")
    lines = [Line(name, ring, b, a) if flip else Line(name, ring, a, b) for name, ring, a, b in plot.lines]
    if any("弧" in line.name for line in lines):
        notes.append(("txt_text", fid, Message("land.txt.arcs")))
    if plot.kind != "polygon":
        points = [(line.east, line.north) for line in lines]
        return (
            None
            if not points
            else shapely.LineString(points)
            if len(points) > 1
            else shapely.Point(points[0])
        )
    rings, remarks = rings_of(lines)
    shape, more = assemble(rings)
    notes.extend(("txt_ring", fid, remark) for remark in remarks + more)
    drawn = sum(len(points) for _, points in rings)
    if plot.declared and plot.declared not in (len(lines), drawn, drawn + len(rings)):
        notes.append(("txt_count", fid, Message("land.txt.counts", declared=plot.declared, lines=len(lines))))
    return shape


def _area(written: str, shape) -> str | None:
    """The declared area with its unit: as written, else the unit that comes nearest to the drawn area."""
    number = parse_number(written)
    if number is None or number <= 0:
        return None
    if unit_in(written):
        return written
    drawn = shape.area if shape is not None else 0.0
    if drawn <= 0 or not math.isfinite(drawn):
        return f"{number!r}公顷"
    units = {"公顷": 10_000.0, "平方米": 1.0, "亩": 2000 / 3}
    best = min(units, key=lambda unit: abs(math.log(number * units[unit] / drawn)))
    return f"{number!r}{best if abs(math.log(number * units[best] / drawn)) < math.log(1.5) else '公顷'}"


def _crs(head: dict[str, str], plot: Plot, name: str, notes: list) -> str | None:
    """EPSG code by datum, zone width, zone and prefix; None where the file does not say."""
    if not plot.lines:
        return None
    order = order_of(plot)
    if not order:
        raise InputError("land.txt.order", where=name, line=plot.at)  # fmt: skip
    datum = _datum(head)
    if any(parse_number(v) for v in re.split(r"[,，;\s]+", head.get("转换参数", "")) if v):
        raise CRSError("land.txt.parameters", where=name)
    unit = head.get("计量单位", "").strip()
    if order in ("lat", "lon"):
        return {"CGCS2000": "EPSG:4490", "WGS84": "EPSG:4326"}.get(datum)
    if unit not in ("", "米", "m", "M", "meter", "公尺"):
        raise CRSError("land.txt.unit", where=name, unit=unit)
    width, zone = _written_zone(head)
    east = [b if order == "north" else a for _, _, a, b in plot.lines]
    prefixes = {int(e // 1e6) for e in east}
    if len(prefixes) > 1:
        raise CRSError("land.txt.several_zones", where=name, line=plot.at, zones=sorted(prefixes))
    prefix = prefixes.pop()
    if prefix:
        own = 3 if prefix >= 25 else 6
        if (zone and zone != prefix) or (width and width != own):
            raise CRSError("land.txt.zone_differs", where=name, zone=zone or '—', width=width or '—', prefix=prefix)  # fmt: skip
        width, zone = own, prefix
    if not zone or datum not in _EPSG:
        return None
    width = width or (3 if zone >= 25 else 6)
    if not _FIRST[width] <= zone <= _LAST[width]:
        raise CRSError("land.txt.zone_unknown", where=name, width=width, zone=zone)
    first = _EPSG[datum][(0 if prefix else 1) + (0 if width == 3 else 2)]
    return f"EPSG:{first + zone - _FIRST[width]}"


def _datum(head: dict[str, str]) -> str | None:
    word = unicodedata.normalize("NFKC", head.get("坐标系", "")).upper().replace(" ", "")
    for mark, datum in (("WGS", "WGS84"), ("CGCS", "CGCS2000"), ("2000", "CGCS2000"), ("1980", "Xian 1980"),
                        ("80", "Xian 1980"), ("西安", "Xian 1980"), ("1954", "Beijing 1954"), ("54", "Beijing 1954"),
                        ("北京", "Beijing 1954")):  # fmt: skip
        if mark in word:
            return datum
    return None


def _written_zone(head: dict[str, str]) -> tuple[int | None, int | None]:
    """Width (3 or 6) and zone of the head; a zone that merely repeats the width is none."""
    width = parse_number(head.get("几度分带") or head.get("分带"))
    zone = parse_number(head.get("带号"))
    width = int(width) if width in (3, 6) else None
    zone = int(zone) if zone is not None and zone >= 10 and float(zone).is_integer() else None
    return width, zone
