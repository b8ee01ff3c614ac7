"""Base maps on disk: an image laid straight for the screen, and the tiles of an MBTiles file, both bounded in size."""

from __future__ import annotations

import base64
import io
import math
import sqlite3
import warnings
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyproj
import shapely
from PIL import Image

from onemap.errors import InputError
from onemap.land.crs import place
from onemap.land.workspace import BaseMap
from onemap.messages import Message

SCREEN_CRS = "EPSG:4490"
IMAGES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp")
MOST_SIDE = 4096
MOST_PIXELS = 120_000_000
MOST_BYTES = 30_000_000
CELLS = 16
RADIUS = 6378137.0
SIGNS = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"RIFF": "webp", b"GIF8": "gif"}


class Shown(NamedTuple):
    """A layer for the page, what had to be left out of it (empty: nothing), and what its place took for granted."""

    layer: dict[str, Any]
    cut: dict[str, Any]
    note: str = ""


def image_of(base: BaseMap, corners: Sequence[Sequence[float]], crs: Any) -> Shown:
    """An image with bounds or a world file, cut to the corners (degrees) and warped into web mercator.

    Its CRS is the one given, or that of a ``.prj`` beside it, and goes through the same doors as a layer's: never
    guessed, refused away from the land shown. One on another datum is refused even where a published transformation would
    carry it: a picture off by metres would be read as boundaries. Raises InputError.
    """
    path = Path(base.path)
    picture = _opened(path)
    forward = _affine(base, path, picture.size)
    source = base.crs or _beside(path, (".prj",))
    rows, columns = np.meshgrid(
        np.linspace(0, picture.height, 9), np.linspace(0, picture.width, 9), indexing="ij"
    )
    points = shapely.points(*_apply(forward, columns.ravel(), rows.ravel()))
    (south, west), (north, east) = corners
    placed = place(points, source, crs, town=(west, south, east, north), accept_wgs84=True, where=str(path))
    if placed.note == "datum_shift":
        raise InputError("present.image.datum", where=str(path), name=placed.crs.name, how=placed.detail)
    here = pyproj.CRS.from_user_input(crs)
    to_screen = pyproj.Transformer.from_crs(here, SCREEN_CRS, always_xy=True)
    back = pyproj.Transformer.from_crs(SCREEN_CRS, placed.crs, always_xy=True)
    lon, lat = to_screen.transform(*shapely.get_coordinates(placed.geoms).T)
    west, south = max(west, min(lon)), max(south, min(lat))
    east, north = min(east, max(lon)), min(north, max(lat))
    if west >= east or south >= north:
        raise InputError("present.image.away", where=str(path))

    inverse = _inverted(forward)

    def pixel(x, y):
        return _apply(inverse, *back.transform(*_degrees(x, y)))

    left, bottom = _mercator(west, south)
    right, top = _mercator(east, north)
    size = _size(pixel, (left, bottom, right, top))
    picture = picture.convert("RGBA").transform(
        size, Image.Transform.MESH, _mesh(pixel, (left, bottom, right, top), size), Image.Resampling.BILINEAR
    )
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=82)
    if out.tell() > MOST_BYTES:
        raise InputError("present.image.heavy", where=str(path), megabytes=out.tell() >> 20)
    layer = {
        "kind": "image",
        "url": f"data:image/webp;base64,{base64.b64encode(out.getvalue()).decode()}",
        "bounds": [[south, west], [north, east]],
    }
    return Shown(layer, {}, placed.note)


def tiles_of(path: Path, corners: Sequence[Sequence[float]]) -> Shown:
    """The tiles of an MBTiles file between two corners (degrees), from the coarsest level on while they fit.

    Raises InputError for a file that is none, vector tiles, or one without tiles there.
    """
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as file:
            levels = [int(z) for (z,) in file.execute("SELECT DISTINCT zoom_level FROM tiles ORDER BY 1")]
            levels = [z for z in levels if 0 <= z <= 24]
            tiles: dict[str, str] = {}
            shown, room, over = [], MOST_BYTES, 0
            for z in levels:
                if over := _weight(file, z, corners, room):
                    break
                found = _level(file, z, corners, path)
                tiles |= found
                room -= sum(map(len, found.values()))
                shown += [z] if found else []
    except sqlite3.Error as error:
        raise InputError("present.mbtiles.unreadable", where=str(path), mend=str(error)) from None
    if not shown:
        why = Message("present.mbtiles.too_large" if over else "present.mbtiles.no_tiles")
        raise InputError("present.mbtiles.unusable", where=str(path), why=why)
    layer = {"kind": "packed", "tiles": tiles, "minLevel": shown[0], "maxLevel": shown[-1]}
    cut = {"level": shown[-1], "deepest": levels[-1], "limit": MOST_BYTES // 1_000_000} if over else {}
    return Shown(layer, cut)


def _opened(path: Path) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            picture = Image.open(path)
            if picture.width * picture.height > MOST_PIXELS:
                raise Image.DecompressionBombError
            picture.load()
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            raise InputError("present.image.large", where=str(path), most=MOST_PIXELS // 1000000) from None
        except (OSError, ValueError, SyntaxError) as error:
            raise InputError("present.image.unreadable", where=str(path), error=error) from None
    return picture


def _affine(base: BaseMap, path: Path, size: tuple[int, int]) -> tuple[float, ...]:
    """a, b, c, d, e, f with x = a·column + b·row + c and y = d·column + e·row + f, from the image's corner."""
    if base.bounds is not None:
        west, south, east, north = base.bounds
        if not (west < east and south < north):
            raise InputError("present.image.bounds", where=base.at or str(path))
        return ((east - west) / size[0], 0.0, west, 0.0, (south - north) / size[1], north)
    ending = path.suffix.lower().lstrip(".")
    kinds = {f".{ending[0]}{ending[-1]}w", f".{ending}w", ".wld"}
    text = _beside(path, sorted(kinds))
    if text is None:
        raise InputError("present.image.no_place", where=str(path), kinds=sorted(kinds))
    try:
        a, d, b, e, c, f = (float(line) for line in text.split()[:6])
    except ValueError:
        raise InputError("present.image.world_file_numbers", where=str(path)) from None
    if not all(map(math.isfinite, (a, b, c, d, e, f))) or abs(a * e - b * d) == 0.0:
        raise InputError("present.image.world_file_area", where=str(path))
    return (a, b, c - (a + b) / 2, d, e, f - (d + e) / 2)


def _beside(path: Path, suffixes: Sequence[str]) -> str | None:
    for file in sorted(path.parent.iterdir()):
        if file.stem == path.stem and file.suffix.lower() in suffixes:
            return file.read_text(encoding="utf-8", errors="replace")
    return None


def _apply(affine: tuple[float, ...], x, y):
    a, b, c, d, e, f = affine
    return a * np.asarray(x) + b * np.asarray(y) + c, d * np.asarray(x) + e * np.asarray(y) + f


def _inverted(affine: tuple[float, ...]) -> tuple[float, ...]:
    a, b, c, d, e, f = affine
    area = a * e - b * d
    return (e / area, -b / area, (b * f - c * e) / area, -d / area, a / area, (c * d - a * f) / area)


def _mercator(lon: float, lat: float) -> tuple[float, float]:
    return RADIUS * math.radians(lon), RADIUS * math.asinh(math.tan(math.radians(lat)))


def _degrees(x, y):
    return np.degrees(np.asarray(x) / RADIUS), np.degrees(np.arctan(np.sinh(np.asarray(y) / RADIUS)))


def _size(pixel, box: tuple[float, float, float, float]) -> tuple[int, int]:
    """Width and height of the warped picture: the image's own fineness, up to the longest side allowed."""
    left, bottom, right, top = box
    middle_x, middle_y, step = (left + right) / 2, (bottom + top) / 2, (right - left) / 1000
    column, row = pixel([middle_x, middle_x + step], [middle_y, middle_y])
    fineness = math.hypot(column[1] - column[0], row[1] - row[0]) / step
    fineness = min(fineness, MOST_SIDE / max(right - left, top - bottom))
    return max(1, round((right - left) * fineness)), max(1, round((top - bottom) * fineness))


def _mesh(pixel, box: tuple[float, float, float, float], size: tuple[int, int]) -> list[tuple]:
    left, bottom, right, top = box
    columns = np.unique(np.linspace(0, size[0], CELLS + 1).round().astype(int))
    rows = np.unique(np.linspace(0, size[1], CELLS + 1).round().astype(int))

    def at(column, row):
        x = left + (right - left) * column / size[0]
        y = top - (top - bottom) * row / size[1]
        return [float(one) for one in pixel(x, y)]

    return [
        ((int(x0), int(y0), int(x1), int(y1)), (*at(x0, y0), *at(x0, y1), *at(x1, y1), *at(x1, y0)))
        for x0, x1 in zip(columns, columns[1:], strict=False)
        for y0, y1 in zip(rows, rows[1:], strict=False)
    ]


def _ranges(z: int, corners: Sequence[Sequence[float]]) -> tuple[int, int, int, int]:
    """First and last column, first and last row (from the south, as MBTiles counts) of a level."""
    (south, west), (north, east) = corners
    world, most = 2 * math.pi * RADIUS, 2**z - 1
    (left, bottom), (right, top) = _mercator(west, south), _mercator(east, north)
    return tuple(
        min(max(math.floor((value / world + 0.5) * 2**z), 0), most) for value in (left, right, bottom, top)
    )


_THERE = "FROM tiles WHERE zoom_level = ? AND tile_column BETWEEN ? AND ? AND tile_row BETWEEN ? AND ?"


def _weight(file: sqlite3.Connection, z: int, corners, room: int) -> int:
    """What a level weighs in the page (base64) if that is more than there is room, else 0."""
    (bytes_,) = file.execute(f"SELECT SUM(LENGTH(tile_data)) {_THERE}", (z, *_ranges(z, corners))).fetchone()
    needed = (bytes_ or 0) * 4 // 3
    return needed if needed > room else 0


def _level(file: sqlite3.Connection, z: int, corners, path: Path) -> dict[str, str]:
    tiles = {}
    rows = file.execute(
        f"SELECT tile_column, tile_row, tile_data {_THERE} ORDER BY 1, 2", (z, *_ranges(z, corners))
    )
    for column, row, data in rows:
        kind = next((name for sign, name in SIGNS.items() if bytes(data or b"").startswith(sign)), "")
        if not kind:
            raise InputError("present.mbtiles.vector", where=str(path))
        tiles[f"{z}/{int(column)}/{2**z - 1 - int(row)}"] = (
            f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
        )
    return tiles
