"""Sites from outside as parcels: drawn, pasted or uploaded, all through :func:`onemap.read_parcels`.

What comes in is stored under made-up names in a folder that is gone afterwards; archives are unpacked by counting
bytes; text that a GDAL driver could take for a pointer to other files is refused.
"""

from __future__ import annotations

import io
import json
import logging
import re
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Any

import geopandas as gpd
import numpy as np
import pyproj
import shapely

from onemap.errors import CRSError, InputError
from onemap.land.parcels import Sites, read_parcels
from onemap.present.meeting.refusal import Refusal

log = logging.getLogger(__name__)

LONLAT = "EPSG:4490"
MOST_BYTES = 20 << 20
MOST_TEXT = 2 << 20
MOST_UNPACKED = 100 << 20
MOST_MEMBERS = 64
MOST_PROJECTS = 20
MOST_PLOTS = 200
MOST_VERTICES = 50_000
KINDS = (".txt", ".zip", ".dxf", ".geojson", ".json")
INSIDE = (".shp", ".shx", ".dbf", ".prj", ".cpg", ".txt", ".dxf", ".geojson", ".json")
NEEDED = (".dbf", ".shx")
PARTS = (".shx", ".dbf", ".prj", ".cpg")
SHAPE = bytes.fromhex("0000270a")
POINTERS = re.compile(rb"<\s*(OGRVRT|VRTDataset|\?xml|!DOCTYPE)|/vsi[a-z0-9_]+/", re.I)
NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
SRID = re.compile(r"^\s*SRID\s*=\s*(\d{4,6})\s*;", re.I)


def read_upload(data: bytes, kind: str, crs: Any, catalogue: Any, stated: Any = None) -> Sites:
    """The sites of an uploaded file; ``kind`` is its suffix, ``stated`` the CRS the sender names for a file without.

    Raises Refusal for what is too large, of another kind, dangerous, or without a usable polygon.
    """
    if kind not in KINDS:
        raise Refusal("kind")
    if not data:
        raise Refusal("empty")
    if len(data) > MOST_BYTES:
        raise Refusal("large", 413, limit=str(MOST_BYTES >> 20))
    with tempfile.TemporaryDirectory(prefix="onemap-") as folder:
        place = Path(folder)
        if kind == ".zip":
            unpack(data, place)
        else:
            stow(data, kind, place / f"site{kind}")
        path = place if kind == ".zip" else place / f"site{kind}"
        return read(path, crs, catalogue, stated)


def read_text(text: str, crs: Any, catalogue: Any, stated: Any = None) -> Sites:
    """The sites of a pasted text: GeoJSON, WKT, boundary points of a survey, or plain coordinates line by line.

    Coordinates and WKT need a stated CRS (or SRID=…;). Raises Refusal.
    """
    if len(text) > MOST_TEXT:
        raise Refusal("large", 413, limit=str(MOST_TEXT >> 20))
    start = text.lstrip("\ufeff \t\r\n")
    if not start:
        raise Refusal("empty")
    if start[0] == "{":
        return read_upload(start.encode(), ".geojson", crs, catalogue, stated)
    if start[0] in "[［【" or "@" in start:
        return read_upload(start.encode(), ".txt", crs, catalogue, stated)
    if re.match(r"(SRID\s*=|(MULTI)?POLYGON|GEOMETRYCOLLECTION)", start, re.I):
        return read_shape(*_wkt(start, stated), crs, catalogue, {})
    if stated is None:
        raise Refusal("crs_needed")
    return read_shape(_points(start, pyproj.CRS(stated), crs), stated, crs, catalogue, {})


def read_drawn(geometry: Any, crs: Any, catalogue: Any, project: dict[str, str]) -> Sites:
    """The site drawn on the page, a GeoJSON polygon in CGCS2000 degrees, with the words of the form."""
    if not isinstance(geometry, dict) or geometry.get("type") not in ("Polygon", "MultiPolygon"):
        raise Refusal("shape")
    try:
        shape = shapely.from_geojson(json.dumps(geometry))
    except (shapely.errors.GEOSException, TypeError, ValueError) as error:
        raise Refusal("shape") from error
    if shape is None or shape.geom_type not in ("Polygon", "MultiPolygon") or shape.is_empty:
        raise Refusal("shape")
    return read_shape(shape, LONLAT, crs, catalogue, project)


def read_shape(shape: Any, shape_crs: Any, crs: Any, catalogue: Any, project: dict[str, str]) -> Sites:
    """One polygon in a known CRS as sites, by way of a file as every other."""
    if not np.isfinite(shapely.get_coordinates(shape)).all():
        raise Refusal("shape")
    table = gpd.GeoDataFrame({k: [v] for k, v in project.items() if v}, geometry=[shape], crs=shape_crs)
    with tempfile.TemporaryDirectory(prefix="onemap-") as folder:
        path = Path(folder) / "site.parquet"
        table.to_parquet(path)
        try:
            return read(path, crs, catalogue)
        except Refusal as refusal:
            raise (Refusal("outside") if refusal.key == Refusal("crs").key else refusal) from None


def read(path: Path, crs: Any, catalogue: Any, stated: Any = None) -> Sites:
    """Sites of a stored file, within the limits; the stated CRS counts where the file has none."""
    sites = _read(path, crs, catalogue, stated)
    parcels = sites.parcels
    if len(parcels) > MOST_PLOTS or parcels["project_id"].nunique() > MOST_PROJECTS:
        raise Refusal("many", 413, plots=str(MOST_PLOTS), projects=str(MOST_PROJECTS))
    if shapely.get_num_coordinates(parcels.geometry.to_numpy()).sum() > MOST_VERTICES:
        raise Refusal("vertices", 413, limit=f"{MOST_VERTICES:,}")
    return sites


def _read(path: Path, crs: Any, catalogue: Any, stated: Any) -> Sites:
    try:
        try:
            return read_parcels(path, crs, catalogue)
        except CRSError:
            if stated is None:
                raise
            return read_parcels(path, crs, catalogue, stated=pyproj.CRS(stated).to_string())
    except CRSError as error:
        log.info("refused: %s", error)
        raise Refusal("crs") from error
    except InputError as error:
        log.info("refused: %s", error)
        raise Refusal("unreadable") from error
    except Exception as error:  # noqa: BLE001  whatever a reader makes of hostile bytes, the sender reads one sentence
        log.warning("refused after %s", type(error).__name__, exc_info=True)
        raise Refusal("unreadable") from error


def stow(data: bytes, kind: str, path: Path) -> None:
    """Write one file under its new name once it is what it says it is."""
    if kind == ".shp":
        if not data.startswith(SHAPE):
            raise Refusal("unreadable")
    elif kind not in PARTS and POINTERS.search(data):
        raise Refusal("unsafe")
    if kind in (".geojson", ".json"):
        data = plain_json(data)
    if kind == ".dxf" and not re.match(rb"\s*(0|999)\s*[\r\n]", data.lstrip(b"\xef\xbb\xbf")):
        raise Refusal("unreadable")
    path.write_bytes(data)


def plain_json(data: bytes) -> bytes:
    """GeoJSON written anew, so that no driver finds anything else in it."""
    try:
        found = json.loads(data.decode("utf-8-sig"))
        if not isinstance(found, dict) or "type" not in found:
            raise Refusal("unreadable")
        return json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Refusal("unreadable") from error


def unpack(data: bytes, folder: Path) -> None:
    """Unpack the parts of a zip that could be a site under made-up names, counting what really comes out.

    Raises Refusal for too many members, too many bytes, a password, an archive in the archive, a shapefile without its parts, or nothing usable.
    """
    stems: dict[str, str] = {}
    left = MOST_UNPACKED
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [m for m in archive.infolist() if not m.is_dir()]
            if len(archive.infolist()) > MOST_MEMBERS or sum(m.file_size for m in members) > MOST_UNPACKED:
                raise Refusal("bomb", 413, limit=str(MOST_UNPACKED >> 20))
            for member in members:
                path = PurePosixPath(member.filename.replace("\\", "/"))
                suffix = path.suffix.lower()
                if (
                    suffix not in INSIDE
                    or path.name.startswith((".", "__MACOSX"))
                    or "__MACOSX" in path.parts
                ):
                    continue
                if member.flag_bits & 1:
                    raise Refusal("locked")
                with archive.open(member) as stream:
                    body = stream.read(left + 1)
                left -= len(body)
                if left < 0:
                    raise Refusal("bomb", 413, limit=str(MOST_UNPACKED >> 20))
                stem = stems.setdefault(str(path.with_suffix("")).lower(), f"site{len(stems) + 1}")
                stow(body, suffix, folder / f"{stem}{suffix}")
    except (
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,
        EOFError,
        OSError,
        RuntimeError,
        ValueError,
    ) as error:
        raise Refusal("unreadable") from error
    if not any(p.suffix not in PARTS for p in folder.iterdir()):
        raise Refusal("nothing")
    missing = {end for p in folder.glob("*.shp") for end in NEEDED if not p.with_suffix(end).exists()}
    if missing:
        raise Refusal("parts", missing=", ".join(sorted(missing)))


def _wkt(text: str, stated: Any) -> tuple[Any, Any]:
    said = SRID.match(text)
    if said:
        try:
            stated = pyproj.CRS.from_epsg(int(said[1]))
        except pyproj.exceptions.CRSError as error:
            raise Refusal("crs") from error
    if stated is None:
        raise Refusal("crs_needed")
    try:
        shape = shapely.from_wkt(SRID.sub("", text))
    except (shapely.errors.GEOSException, ValueError) as error:
        raise Refusal("shape") from error
    if shape is None or shape.geom_type not in ("Polygon", "MultiPolygon") or shape.is_empty:
        raise Refusal("shape")
    return shape, stated


def _points(text: str, stated: pyproj.CRS, crs: Any) -> Any:
    """Lines of two numbers as one polygon; which is east and which north follows from where they lie."""
    pairs = [[float(n) for n in NUMBER.findall(line)][-2:] for line in text.splitlines() if line.strip()]
    pairs = np.array([pair for pair in pairs if len(pair) == 2])
    if len(pairs) < 3 or not np.isfinite(pairs).all():
        raise Refusal("shape")
    west, south, east, north = stated.area_of_use.bounds if stated.area_of_use else (-180, -90, 180, 90)
    box = shapely.box(west, south, east, north)
    if not stated.is_geographic:
        box = gpd.GeoSeries([box], crs=4326).to_crs(stated).union_all()
    fits = [
        bool(shapely.contains_xy(shapely.box(*box.bounds), *order.T).all())
        for order in (pairs, pairs[:, ::-1])
    ]
    if fits == [True, True] or not any(fits):
        raise Refusal("order" if any(fits) else "crs")
    return shapely.Polygon(pairs if fits[0] else pairs[:, ::-1])
