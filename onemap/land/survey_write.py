"""Parcels written as 勘测定界 text in the ministry's layout."""

from __future__ import annotations

import datetime
from pathlib import Path

import pyproj
import shapely

from onemap.errors import CRSError, InputError
from onemap.land.rounding import hectares
from onemap.land.survey import survey_area

_WIDTHS = {3: range(4513, 4555), 6: range(4491, 4513)}


def survey_text(
    parcels,
    *,
    unit: str = "",
    date: datetime.date | None = None,
    decimals: int = 3,
    head: dict[str, str] | None = None,
) -> str:
    """The text of a parcels frame in a CGCS2000 Gauss-Krüger CRS; lines end in CRLF, X is north.

    ``head`` becomes the section 项目信息. Coordinates are rounded to ``decimals`` (metres), areas stand in 公顷, by the
    survey's procedure.
    Raises CRSError for any other CRS, InputError for a parcel without a polygon.
    """
    zone, width = _zone(parcels.crs)
    lines = [
        "[属性描述]", "格式版本号=1.01版本", f"数据产生单位={unit}", f"数据产生日期={date.isoformat() if date else ''}",
        "坐标系=2000国家大地坐标系", f"几度分带={width}", "投影类型=高斯克吕格", "计量单位=米", f"带号={zone}",
        f"精度={10.0 ** -decimals:.{decimals}f}", "转换参数=0,0,0,0,0,0,0",
    ]  # fmt: skip
    if head:
        lines += ["[项目信息]", *(f"{key}={value}" for key, value in head.items())]
    lines.append("[地块坐标]")
    for row in parcels.to_dict("records"):
        lines += _parcel(row, decimals, parcels.crs)
    return "\r\n".join(lines) + "\r\n"


def write_survey_txt(parcels, path: str | Path, encoding: str = "GB18030", **options) -> Path:
    """Write ``survey_text(parcels, **options)`` to a file."""
    path = Path(path)
    path.write_bytes(survey_text(parcels, **options).encode(encoding))
    return path


def _zone(crs) -> tuple[int, int]:
    code = pyproj.CRS.from_user_input(crs).to_epsg() if crs is not None else None
    for width, codes in _WIDTHS.items():
        if code in codes:
            at = codes.index(code)
            half = len(codes) // 2
            return (25 if width == 3 else 13) + at % half, width
    raise CRSError("land.txt.crs")


def _parcel(row: dict, decimals: int, crs) -> list[str]:
    geom = row.get("geometry")
    if geom is None or geom.is_empty or geom.geom_type not in ("Polygon", "MultiPolygon"):
        raise InputError("land.txt.no_polygon", parcel=row.get("parcel_id"))
    rings = []
    for part in shapely.get_parts(geom):
        rings += [part.exterior, *part.interiors]
    body, number = [], 0
    for ring_number, ring in enumerate(rings, 1):
        first = number + 1
        points = list(ring.coords)
        for k, (east, north, *_) in enumerate(points):
            number += k < len(points) - 1
            name = first if k == len(points) - 1 else number
            body.append(f"J{name},{ring_number},{north:.{decimals}f},{east:.{decimals}f}")
    words = [_word(row.get(c)) for c in ("parcel_id", "project_name", "use")]
    area = f"{hectares(survey_area(geom, crs)):.4f}"
    return [f"{len(body)},{area},{words[0]},{words[1]},面,,{words[2]},,@", *body]


def _word(value) -> str:
    return (
        ""
        if value is None or value != value
        else str(value).replace(",", "，").replace("@", "＠").replace("\n", " ")
    )
