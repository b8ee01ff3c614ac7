"""KML, read as XML: GDAL loses Chinese names of extended data."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pandas as pd
import shapely

from onemap.errors import InputError
from onemap.land.raw import Raw
from onemap.land.text import decode


def read_kml(path: Path) -> Raw:
    """The placemarks of a KML with name, folder, description and extended data; WGS84 by definition.

    Raises InputError for text that is no XML, and for a file without placemarks.
    """
    data = path.read_bytes()
    declared = re.match(rb"^[\s\xef\xbb\xbf]*<\?xml[^>]*encoding=[\"']([\w-]+)", data)
    wanted = declared.group(1).decode("ascii", "ignore").lower() if declared else ""
    text, encoding = decode(data, "GB18030" if wanted in ("gb2312", "gbk", "gb18030") else None, path.name)
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", text.lstrip("\ufeff"))
    if "<!ENTITY" in text:
        raise InputError("XML entities are not read", where=path.name)
    try:
        root = ET.fromstring(text)
    except (ET.ParseError, ValueError, RecursionError) as error:
        raise InputError(f"no XML: {error}", where=path.name) from None
    rows, geometry, notes = [], [], []
    for mark, folder in _placemarks(root):
        row, shape = {"folder": folder} if folder else {}, None
        for child in mark:
            tag = _tag(child)
            if tag in ("name", "description") and (child.text or "").strip():
                row[tag] = child.text.strip()
            elif tag == "ExtendedData":
                row |= _extended(child)
        try:
            shape = _geometry(mark)
        except (ValueError, shapely.errors.ShapelyError) as error:
            notes.append(("bad_coordinates", str(len(rows)), str(error)[:120]))
        rows.append(row)
        geometry.append(shape)
    if not rows:
        raise InputError("no placemark in this KML", where=path.name)
    index = [str(i) for i in range(len(rows))]
    shapes = np.full(len(rows), None, dtype=object)
    shapes[:] = geometry
    columns = pd.DataFrame(rows, index=index, dtype=object)
    return Raw(columns, shapes, path.name, "EPSG:4326", True, encoding, len(rows), loose=True, notes=notes)


def _tag(node: ET.Element) -> str:
    return node.tag.rpartition("}")[2] if isinstance(node.tag, str) else ""


def _placemarks(root: ET.Element):
    stack = [(root, "")]
    while stack:
        node, folder = stack.pop()
        if _tag(node) == "Placemark":
            yield node, folder
            continue
        if _tag(node) == "Folder":
            own = next(((c.text or "").strip() for c in node if _tag(c) == "name"), "")
            folder = "/".join(part for part in (folder, own) if part)
        stack.extend((child, folder) for child in reversed(list(node)))


def _extended(node: ET.Element) -> dict[str, str]:
    found = {}
    for item in node.iter():
        if _tag(item) == "Data" and item.get("name"):
            value = next((c.text for c in item if _tag(c) == "value"), None)
            found[item.get("name")] = (value or "").strip()
        elif _tag(item) == "SimpleData" and item.get("name"):
            found[item.get("name")] = (item.text or "").strip()
    return found


def _geometry(mark: ET.Element):
    parts = []
    for node in mark.iter():
        if _tag(node) == "Polygon":
            rings = {"outerBoundaryIs": [], "innerBoundaryIs": []}
            for side in node:
                if _tag(side) in rings:
                    rings[_tag(side)] += [_points(c) for c in side.iter() if _tag(c) == "coordinates"]
            shells, holes = rings["outerBoundaryIs"], rings["innerBoundaryIs"]
            if shells and len(shells[0]) >= 3:
                parts.append(shapely.Polygon(_closed(shells[0]), [_closed(h) for h in holes if len(h) >= 3]))
        elif _tag(node) in ("LineString", "LinearRing", "Track", "Point"):
            points = [p for c in node.iter() if _tag(c) == "coordinates" for p in _points(c)]
            if _tag(node) == "LinearRing":
                continue
            if points:
                parts.append(shapely.LineString(points) if len(points) > 1 else shapely.Point(points[0]))
    if not parts:
        return None
    if len(parts) == 1:
        return parts[0]
    if all(p.geom_type == "Polygon" for p in parts):
        return shapely.MultiPolygon(parts)
    return shapely.GeometryCollection(parts)


def _closed(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return points if points[0] == points[-1] and len(points) > 3 else [*points, points[0]]


def _points(node: ET.Element) -> list[tuple[float, float]]:
    found = []
    for word in (node.text or "").split():
        numbers = [float(n) for n in word.split(",") if n]
        if len(numbers) < 2:
            raise ValueError(f"not a coordinate: {word[:40]}")
        found.append((numbers[0], numbers[1]))
    return found
