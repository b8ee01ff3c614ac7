"""KML, read as XML: GDAL loses Chinese names of extended data."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pandas as pd
import shapely

from onemap.errors import InputError
from onemap.land.blobs import as_lines
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
        raise InputError("land.kml.entities", where=path.name)
    try:
        root = ET.fromstring(text)
    except (ET.ParseError, ValueError, RecursionError) as error:
        raise InputError("land.kml.not_xml", where=path.name, error=error) from None
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
            shape, unclosed = _geometry(mark)
            if unclosed:
                notes.append(("ring_open", str(len(rows)), ""))
        except (ValueError, shapely.errors.ShapelyError) as error:
            notes.append(("bad_coordinates", str(len(rows)), str(error)[:120]))
        rows.append(row)
        geometry.append(shape)
    if not rows:
        raise InputError("land.kml.no_placemark", where=path.name)
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
    """The shape of a placemark, and whether a ring of its polygons is open (then their rings are lines)."""
    parts, rings = [], []
    drawn = {id(ring) for node in mark.iter() if _tag(node) == "Polygon" for ring in node.iter()}
    for node in mark.iter():
        if _tag(node) == "Polygon":
            sides = {"outerBoundaryIs": [], "innerBoundaryIs": []}
            for side in node:
                if _tag(side) in sides:
                    sides[_tag(side)] += [_points(c) for c in side.iter() if _tag(c) == "coordinates"]
            own = [
                np.array(points, dtype=float)
                for points in sides["outerBoundaryIs"] + sides["innerBoundaryIs"]
            ]
            if not sides["outerBoundaryIs"] or any(len(ring) < 2 for ring in own):
                raise ValueError("a polygon without a boundary")
            rings += own
            if as_lines(own) is None:
                parts.append(shapely.Polygon(own[0], own[1:]))
        elif _tag(node) in ("LineString", "LinearRing", "Track", "Point") and id(node) not in drawn:
            points = [p for c in node.iter() if _tag(c) == "coordinates" for p in _points(c)]
            if points:
                parts.append(shapely.LineString(points) if len(points) > 1 else shapely.Point(points[0]))
    lines = as_lines(rings)
    if lines is not None:
        return lines, True
    if not parts:
        return None, False
    if len(parts) == 1:
        return parts[0], False
    if all(p.geom_type == "Polygon" for p in parts):
        return shapely.MultiPolygon(parts), False
    if all(p.geom_type == "LineString" for p in parts):
        return shapely.MultiLineString(parts), False
    return shapely.GeometryCollection(parts), False


def _points(node: ET.Element) -> list[tuple[float, float]]:
    found = []
    for word in (node.text or "").split():
        numbers = [float(n) for n in word.split(",") if n]
        if len(numbers) < 2:
            raise ValueError(f"not a coordinate: {word[:40]}")
        found.append((numbers[0], numbers[1]))
    return found
