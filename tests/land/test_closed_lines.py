"""Closed lines mean areas in whatever file they stand; open ones, lines or rings, are told with their gap, never snapped."""

import json
import sqlite3
import struct

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely

from onemap.land.parcels import read_parcels
from onemap.land.read import read_features

CX, CY = 41_500_000.0, 4_552_000.0
GAP_M = 0.0005
DEGREES = ("geojson", "kml", "kmz", "topojson")


def line(x, size=100.0, gap=0.0):
    ring = np.array(shapely.box(CX + x, CY, CX + x + size, CY + size).exterior.coords)
    ring[-1, 1] += gap
    return shapely.LineString(ring)


def drawn():
    """Closed; closed around a hole; open by half a millimetre; too short to enclose anything."""
    hole = shapely.LineString(shapely.box(CX + 340, CY + 40, CX + 360, CY + 60).exterior.coords)
    stroke = shapely.LineString([(CX + 900, CY), (CX + 950, CY)])
    return [line(0), shapely.MultiLineString([line(300), hole]), line(600, gap=GAP_M), stroke]


def coordinates(geom):
    if hasattr(geom, "geoms"):
        return [coordinates(part) for part in geom.geoms]
    return [list(point) for point in geom.coords]


def kml_lines(geom):
    return "".join(
        f"<LineString><coordinates>{' '.join(f'{x!r},{y!r}' for x, y in part.coords)}</coordinates></LineString>"
        for part in shapely.get_parts(geom)
    )


def kml(path, shapes):
    marks = "".join(f"<Placemark><MultiGeometry>{s}</MultiGeometry></Placemark>" for s in shapes)
    path.write_text(f'<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{marks}</Document></kml>')


def write(path, kind, frame):
    """The lines as one file of a kind."""
    plain = frame.to_crs(4490) if kind in DEGREES else frame
    if kind == "kml":
        kml(path, map(kml_lines, plain.geometry))
    elif kind == "geojson":
        rows = [
            {"type": "Feature", "properties": {}, "geometry": {"type": g.geom_type, "coordinates": coordinates(g)}}
            for g in plain.geometry
        ]  # fmt: skip
        path.write_text(json.dumps({"type": "FeatureCollection", "features": rows}))
    elif kind == "topojson":
        arcs, shapes = [], []
        for geom in plain.geometry:
            at = len(arcs)
            arcs += [coordinates(part) for part in shapely.get_parts(geom)]
            own = [[k] for k in range(at, len(arcs))]
            many = geom.geom_type == "MultiLineString"
            shapes.append({"type": geom.geom_type, "arcs": own if many else own[0]})
        objects = {"z": {"type": "GeometryCollection", "geometries": shapes}}
        path.write_text(json.dumps({"type": "Topology", "arcs": arcs, "objects": objects}))
    elif kind == "csv":
        pd.DataFrame({"WKT": shapely.to_wkt(plain.geometry, rounding_precision=-1)}).to_csv(path, index=False)
    elif kind == "xlsx":
        book = openpyxl.Workbook()
        book.active.append(["WKT"])
        for word in shapely.to_wkt(plain.geometry, rounding_precision=-1):
            book.active.append([word])
        book.save(path)
    elif kind == "parquet":
        plain.to_parquet(path)
    else:
        options = {"gdb": {"driver": "OpenFileGDB", "promote_to_multi": True}}.get(kind, {})
        if kind == "dxf":
            plain = plain[["geometry"]].explode()
        pyogrio.write_dataframe(plain, path, **options)


@pytest.mark.parametrize("kind", [
    "shp", "gpkg", "gdb", "geojson", "topojson", "fgb", "parquet", "kml", "csv", "xlsx", "dxf",
])  # fmt: skip
def test_lines(town, catalogue, check, kind):
    frame = town.frame(drawn(), N=[1, 2, 3, 4])
    write(town.path / f"z.{kind}", kind, frame)
    crs = ", crs: 'EPSG:4529'" if kind in ("csv", "xlsx", "dxf") else ""
    layers = read_features(
        town.write(f"- {{layer: forest_land, path: z.{kind}{crs}, extent: town}}\n"), catalogue
    )
    check(layers)
    found = layers.features[layers.features["layer"] == "forest_land"]
    # a drawing keeps the hole as a line of its own
    areas = [10_000, 9_600] if kind != "dxf" else [400, 10_000, 10_000]
    assert sorted(found["area_m2"]) == pytest.approx(sorted(areas), abs=5), layers.sources["message"].tolist()
    cards = layers.passports
    assert len(cards) == len(areas) and cards["method"].str.contains("line_to_area").all()
    assert cards["area_after_m2"].tolist() == pytest.approx(found["area_m2"].tolist())
    assert (cards["area_before_m2"] == 0).all() and (cards["max_move_m"] < 1e-6).all()
    told = layers.issues[layers.issues["layer"] == "forest_land"].set_index("issue")
    assert told.loc["line_to_area", "value"] == str(len(areas))
    opened = told.loc["line_open"]
    assert float(opened["value"]) == pytest.approx(GAP_M, abs=1e-4) and opened["severity"] == "error"
    x, y = map(float, opened["place"].split(","))
    assert (x, y) == pytest.approx((CX + 700, CY), abs=0.1), "the place of the gap"
    assert ("annotation" if kind in ("kml", "dxf") else "not_a_polygon") in told.index
    aside = layers.quarantine[layers.quarantine["layer"] == "forest_land"]
    assert "line_open" in set(aside["reason"]), "unknown there, not empty"


def polygon_wkb(ring):
    return b"\x01" + struct.pack("<III", 3, 1, len(ring)) + np.array(ring, "<f8").tobytes()


def open_rings(town):
    """A closed ring and one that ends half a millimetre beside its start, in metres and in degrees."""
    lines = [line(0), line(600, gap=GAP_M)]
    return lines, list(town.frame(lines).to_crs(4490).geometry)


def ring_geojson(path, metres, degrees):
    rows = [
        {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [coordinates(g)]}}
        for g in degrees
    ]  # fmt: skip
    path.write_text(json.dumps({"type": "FeatureCollection", "features": rows}))


def ring_kml(path, metres, degrees):
    kml(path, (
        f"<Polygon><outerBoundaryIs><LinearRing><coordinates>{' '.join(f'{x!r},{y!r}' for x, y in g.coords)}"
        "</coordinates></LinearRing></outerBoundaryIs></Polygon>" for g in degrees
    ))  # fmt: skip


def ring_csv(path, metres, degrees):
    words = [f"POLYGON (({', '.join(f'{x!r} {y!r}' for x, y in g.coords)}))" for g in metres]
    pd.DataFrame({"WKT": words}).to_csv(path, index=False)


def ring_gpkg(path, metres, degrees):
    closed = shapely.polygons([metres[0].coords, metres[0].coords])
    pyogrio.write_dataframe(pd.DataFrame({"N": [1, 2]}).pipe(_placed, closed), path, layer="z")
    with sqlite3.connect(path) as base:
        for name in [n for (n,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]:
            base.execute(f'DROP TRIGGER "{name}"')
        blob = b"GP\0\1" + struct.pack("<i", 4529) + polygon_wkb(coordinates(metres[1]))
        base.execute("UPDATE z SET geom = ? WHERE fid = 2", (blob,))
    base.close()


def _placed(frame, geoms):
    return gpd.GeoDataFrame(frame, geometry=list(geoms), crs=4529)


def ring_parquet(path, metres, degrees):
    _placed(pd.DataFrame({"N": [1, 2]}), shapely.polygons([metres[0].coords, metres[0].coords])).to_parquet(
        path
    )
    table = pq.read_table(path)
    blobs = pa.array([polygon_wkb(coordinates(g)) for g in metres], pa.binary())
    at = table.schema.get_field_index("geometry")
    pq.write_table(table.set_column(at, table.schema.field(at), blobs), path)


RINGS = {
    "geojson": ring_geojson, "kml": ring_kml, "csv": ring_csv, "gpkg": ring_gpkg, "parquet": ring_parquet,
}  # fmt: skip


@pytest.mark.parametrize("kind", RINGS)
def test_rings_left_open(town, catalogue, check, kind):
    RINGS[kind](town.path / f"z.{kind}", *open_rings(town))
    crs = ", crs: 'EPSG:4529'" if kind == "csv" else ""
    space = town.write(f"- {{layer: forest_land, path: z.{kind}{crs}, extent: town}}\n")
    layers = read_features(space, catalogue)
    check(layers)
    found = layers.features[layers.features["layer"] == "forest_land"]
    assert found["area_m2"].tolist() == pytest.approx([10_000], abs=5), layers.sources["message"].tolist()
    row = layers.issues.set_index("issue").loc["ring_open"]
    assert float(row["value"]) == pytest.approx(GAP_M, abs=1e-4) and row["severity"] == "error"
    assert list(map(float, row["place"].split(","))) == pytest.approx([CX + 700, CY], abs=0.1)
    aside = layers.quarantine.set_index("reason").loc["ring_open"]
    assert aside["geometry"].area == pytest.approx(10_000, abs=5), "unknown where it was drawn"


def test_a_ring_alone_in_a_placemark_is_a_closed_line(town, catalogue):
    _, (closed, _) = open_rings(town)
    words = " ".join(f"{x!r},{y!r}" for x, y in closed.coords)
    kml(town.path / "z.kml", [f"<LinearRing><coordinates>{words}</coordinates></LinearRing>"])
    layers = read_features(town.write("- {layer: forest_land, path: z.kml, extent: town}\n"), catalogue)
    assert (layers.features["layer"] == "forest_land").sum() == 1
    assert "line_to_area" in set(layers.issues["issue"])


def test_sites_drawn_as_lines(town, catalogue):
    write(town.path / "s.gpkg", "gpkg", town.frame(drawn()[:3], 项目编号=["P1", "P2", "P3"]))
    parcels, issues, _ = read_parcels(town.path / "s.gpkg", "EPSG:4529", catalogue)
    assert parcels["project_id"].tolist() == ["P1", "P2"]
    row = issues.set_index("issue").loc["line_open"]
    assert row["severity"] == "error" and row["source_fid"] == "3"
    assert "line_to_area" in set(issues["issue"])
