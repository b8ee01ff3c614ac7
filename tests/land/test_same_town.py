"""The sample town written in each format and CRS: the same blueprint, the same review."""

import importlib.util
import json
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyogrio
import pytest
import shapely
import yaml

import onemap as om
from onemap.land.area import ellipsoidal_area
from onemap.land.crs import place
from onemap.land.source import establish, raws_of
from onemap.land.survey_write import write_survey_txt
from onemap.land.workspace import load_workspace

_spec = importlib.util.spec_from_file_location("vct_writer", Path(__file__).with_name("vct_writer.py"))
writer = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(writer)
EXACT = ("gpkg", "fgb", "parquet", "shp", "shp.zip", "csv", "xlsx")
ROUGH = {
    "gdb": None,
    "gdb.zip": None,
    "geojson": 4490,
    "topojson": 4490,
    "kml": 4490,
    "kmz": 4490,
    "vct": 4529,
}
KINDS = {"i": "bigint", "f": "double precision", "b": "boolean", "M": "timestamp"}
SYSTEMS = {"4550": 4550, "4528": 4528, "4499": 4499, "4490": 4490}
# The file geodatabase keeps 0.05 mm; reprojection costs less.
NEAR_M = 1e-4


@pytest.fixture(scope="module")
def town():
    """Sources of the sample town as frames in their own CRS, its rulebook, its blueprint and its review."""
    space = load_workspace(om.sample_path())
    rulebook = om.load_rulebook(space.as_of, dates=space.dates)
    raws = {}
    for source in space.sources:
        (raw,) = raws_of(space.resolve(source.path), source.table, source.encoding)
        said, _ = establish(raw, source.crs, source.at)
        raws[source.layer] = gpd.GeoDataFrame(
            raw.columns.reset_index(drop=True), geometry=raw.geometry, crs=said
        )
    extents = {s.layer: s.extent for s in space.sources if isinstance(s.extent, str) and "#" in s.extent}
    drawn = {}
    for layer, text in extents.items():
        path, _, table = text.partition("#")
        (raw,) = raws_of(space.resolve(path), table, None)
        drawn[layer] = place(raw.geometry, raw.crs, space.crs).geoms
    return space, rulebook, raws, drawn, reviewed(space, rulebook)


def reviewed(space, rulebook):
    blueprint = om.build_blueprint(om.read_features(space, rulebook.catalogue), rulebook)
    sites = om.read_parcels(
        space.resolve(space.sites.path), blueprint.crs, rulebook.catalogue, workspace=space
    )
    return blueprint, om.review(sites.parcels, blueprint, rulebook, sites.issues)


def put(frame, folder, layer, kind):
    """One layer as one file; its path and table."""
    path = folder / f"{layer}.{kind}"
    frame = frame.astype({c: object for c in frame.columns if c != "geometry" and frame[c].dtype == "str"})
    if kind == "parquet":
        frame.to_parquet(path)
    elif kind == "csv":
        words = pd.DataFrame(frame.drop(columns="geometry")).assign(
            WKT=shapely.to_wkt(frame.geometry, rounding_precision=-1)
        )
        words.to_csv(path, index=False, encoding="gb18030")
    elif kind == "xlsx":
        book = openpyxl.Workbook()
        book.active.append([*frame.columns.drop("geometry"), "WKT"])
        for row in frame.to_dict("records"):
            geom = row.pop("geometry")
            cells = [v if v == v else None for v in row.values()]
            book.active.append([*cells, shapely.to_wkt(geom, rounding_precision=-1)])
        book.save(path)
    elif kind in ("kml", "kmz"):
        path.write_bytes(kml(frame))
        if kind == "kmz":
            return zipped(path, "doc.kml")
    elif kind == "topojson":
        path.write_text(topojson(frame), encoding="utf-8")
    elif kind.endswith(".zip"):
        return zipped(put(frame, folder, layer, kind.removesuffix(".zip")))
    elif kind == "vct":
        fields = {c: ("Char", 60) for c in frame.columns if c != "geometry"}
        head = writer.HEAD_30
        if frame.crs.to_epsg() == 4550:
            head = head.replace("123,1,41500000", "123,1,500000")
        elif frame.crs.to_epsg() == 4490:
            head = head.replace("CoordinateSystemType:P", "CoordinateSystemType:D").replace(
                "XYUnit:M", "XYUnit:D"
            )
        plain = frame.where(frame.notna(), None)
        path.write_bytes(writer.vct(plain, fields, head=head, indirect=False).encode("gb18030"))
    else:
        options = {"gdb": {"driver": "OpenFileGDB"}, "shp": {"encoding": "GB18030"}}.get(kind, {})
        if kind == "geojson":
            options = {"COORDINATE_PRECISION": 12, "RFC7946": "NO"}
        pyogrio.write_dataframe(frame, path, **options)
    return path


def zipped(path, inside=None):
    """The archive of a file or folder with all that belongs to it."""
    kin = sorted(path.rglob("*")) if path.is_dir() else sorted(path.parent.glob(f"{path.stem}.*"))
    packed = path if path.suffix == ".kmz" else path.with_name(path.name + ".zip")
    data = {inside or file.relative_to(path.parent).as_posix(): file.read_bytes() for file in kin}
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in data.items():
            bundle.writestr(name, content)
    return packed


def present(row):
    """The cells of a row that hold something."""
    return {k: v for k, v in row.items() if k != "geometry" and v is not None and v == v}


def kml(frame):
    """Placemarks with extended data; degrees to 1e-12."""

    def ring(line):
        return f"<LinearRing><coordinates>{' '.join(f'{x:.12f},{y:.12f}' for x, y in line.coords)}</coordinates></LinearRing>"

    def polygon(part):
        inner = "".join(f"<innerBoundaryIs>{ring(hole)}</innerBoundaryIs>" for hole in part.interiors)
        return f"<Polygon><outerBoundaryIs>{ring(part.exterior)}</outerBoundaryIs>{inner}</Polygon>"

    marks = []
    for row in frame.to_dict("records"):
        data = "".join(
            f'<Data name="{escape(k)}"><value>{escape(str(v))}</value></Data>'
            for k, v in present(row).items()
        )
        shape = "".join(polygon(part) for part in shapely.get_parts(row["geometry"]))
        marks.append(
            f"<Placemark><ExtendedData>{data}</ExtendedData><MultiGeometry>{shape}</MultiGeometry></Placemark>"
        )
    return f'<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>{"".join(marks)}</Document></kml>'.encode()


def topojson(frame):
    """One arc a ring, every second one stored backwards and used by its complement; no quantising."""
    arcs, shapes = [], []

    def use(line):
        arcs.append([list(point) for point in line.coords])
        if len(arcs) % 2:
            return [len(arcs) - 1]
        arcs[-1].reverse()
        return [~(len(arcs) - 1)]

    for row in frame.to_dict("records"):
        drawn = [
            [use(line) for line in (p.exterior, *p.interiors)] for p in shapely.get_parts(row["geometry"])
        ]
        shapes.append({"type": "MultiPolygon", "arcs": drawn, "properties": present(row)})
    collection = {"type": "GeometryCollection", "geometries": shapes}
    return json.dumps({"type": "Topology", "objects": {"layer": collection}, "arcs": arcs}, default=str)


def rewritten(town, folder, kind, crs=None):
    """The workspace with every source written anew."""
    space, _, raws, drawn, _ = town
    says = yaml.load((om.sample_path() / "onemap.yaml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    for source in says["sources"]:
        frame = raws[source["layer"]]
        if crs is not None:
            moved = place(frame.geometry.to_numpy(), frame.crs, space.crs).geoms
            frame = frame.set_geometry(gpd.GeoSeries(moved, crs=space.crs)).to_crs(crs)
        source["path"] = put(frame, folder, source["layer"], kind).name
        source.pop("table", None)
        source.pop("encoding", None)
        if kind in ("csv", "xlsx"):
            source["crs"] = f"EPSG:{frame.crs.to_epsg()}"
        if source["layer"] in drawn:
            edge = gpd.GeoDataFrame(geometry=list(drawn[source["layer"]]), crs=space.crs)
            pyogrio.write_dataframe(edge, folder / "edges.gpkg", layer=source["layer"])
            source["extent"] = f"edges.gpkg#{source['layer']}"
    says["sites"] = str(space.resolve(space.sites.path))
    (folder / "onemap.yaml").write_text(yaml.safe_dump(says, allow_unicode=True), encoding="utf-8")
    return load_workspace(folder)


def same_decisions(one, other):
    keys = ["project_id", "verdict", "route", "rule_id", "prohibited", "consent", "missing_layers"]
    pd.testing.assert_frame_equal(one.decisions[keys], other.decisions[keys])
    keys = ["parcel_id", "rule_id", "status", "effect"]
    pd.testing.assert_frame_equal(one.findings[keys], other.findings[keys])
    keys = ["project_id", "condition_id", "status"]
    pd.testing.assert_frame_equal(one.preconditions[keys], other.preconditions[keys])
    for column in ("overlap_area_m2", "unknown_area_m2"):
        a, b = (r.facts[column].astype(float).to_numpy() for r in (one, other))
        assert np.allclose(a, b, atol=0.01, rtol=0, equal_nan=True), column


def in_database(town, folder, address):
    """The workspace with every source as a table of a database."""
    psycopg = pytest.importorskip("psycopg")
    space = rewritten(town, folder, "gpkg")
    says = yaml.load(space.file.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    with psycopg.connect(address) as link:
        for source in says["sources"]:
            frame = town[2][source["layer"]]
            columns, kinds = list(frame.columns.drop("geometry")), frame.dtypes
            typed = [f'"{c}" {KINDS.get(kinds[c].kind, "text")}' for c in columns]
            shape = f"geometry(Geometry, {frame.crs.to_epsg()})"
            link.execute(
                f'CREATE TABLE "{source["layer"]}" (row serial PRIMARY KEY, {", ".join([*typed, f"shape {shape}"])})'
            )
            names = ", ".join(f'"{c}"' for c in [*columns, "shape"])
            marks = ", ".join(["%s"] * len(columns) + [f"ST_GeomFromWKB(%s, {frame.crs.to_epsg()})"])
            with link.cursor() as cursor:
                cursor.executemany(
                    f'INSERT INTO "{source["layer"]}" ({names}) VALUES ({marks})',
                    [
                        [*(v if v == v else None for v in row[:-1]), shapely.to_wkb(row[-1])]
                        for row in frame[[*columns, "geometry"]]
                        .astype(object)
                        .itertuples(index=False, name=None)
                    ],
                )
            source["path"] = f"{address}#{source['layer']}"
    space.file.write_text(yaml.safe_dump(says, allow_unicode=True), encoding="utf-8")
    return load_workspace(folder)


def layer_areas(blueprint):
    area = blueprint.faces.set_index("face_id")["area_m2"]
    rows = blueprint.covers.merge(blueprint.features[["feature_id", "class_code"]], on="feature_id")
    return (
        area.reindex(rows["face_id"]).groupby([rows["layer"].to_numpy(), rows["class_code"].to_numpy()]).sum()
    )


def same_ground(one, other, crs):
    """Each large face of one blueprint is found in the other, within the width of a rounding."""
    a, b = one.faces.geometry.to_numpy(), other.faces.geometry.to_numpy()
    large = np.flatnonzero(ellipsoidal_area(a, crs) > 1.0)
    at, hit = shapely.STRtree(b).query(shapely.point_on_surface(a[large]), predicate="intersects")
    assert len(np.unique(at)) == len(large)
    wide = 4 * NEAR_M * shapely.length(a[large[at]]) + 0.01
    assert (shapely.area(shapely.symmetric_difference(a[large[at]], b[hit])) <= wide).all()


@pytest.mark.parametrize("kind", EXACT)
def test_formats_that_keep_every_digit(town, tmp_path, kind):
    before, result = town[-1]
    after, again = reviewed(rewritten(town, tmp_path, kind), town[1])
    assert (after.sources["status"].isin(["found", "none"])).all(), after.sources["message"].tolist()
    assert len(after.faces) == len(before.faces)
    assert set(shapely.to_wkb(shapely.normalize(after.faces.geometry.to_numpy()))) == set(
        shapely.to_wkb(shapely.normalize(before.faces.geometry.to_numpy()))
    )
    same_decisions(result, again)


def test_tables_of_a_database(town, tmp_path, server):
    _compare(town, in_database(town, tmp_path, server))


@pytest.mark.parametrize("kind", ROUGH)
def test_formats_that_round(town, tmp_path, kind):
    _compare(town, rewritten(town, tmp_path, kind, ROUGH[kind]))


@pytest.mark.parametrize("name", list(SYSTEMS))
def test_systems(town, tmp_path, name):
    _compare(town, rewritten(town, tmp_path, "gpkg", SYSTEMS[name]))


def _compare(town, space):
    before, result = town[-1]
    after, again = reviewed(space, town[1])
    assert (after.sources["status"].isin(["found", "none"])).all(), after.sources["message"].tolist()
    same_decisions(result, again)
    one, other = layer_areas(before), layer_areas(after)
    assert one.index.equals(other.index)
    assert np.allclose(one, other, atol=1.0, rtol=1e-6)
    same_ground(before, after, before.crs)


def test_sites_as_survey_text(town, tmp_path):
    space, rulebook, _, _, (blueprint, result) = town
    for name, group in result.parcels.groupby("project_id"):
        write_survey_txt(group, tmp_path / f"{name}.txt", decimals=4)
    sites = om.read_parcels(tmp_path, blueprint.crs, rulebook.catalogue, workspace=space)
    assert sorted(sites.parcels["project_name"]) == sorted(result.parcels["project_name"])
    one = result.parcels.sort_values(["project_name", "area_m2"])["area_m2"].to_numpy()
    other = sites.parcels.sort_values(["project_name", "area_m2"])["area_m2"].to_numpy()
    assert np.allclose(one, other, atol=0.2)
    assert json.dumps(sites.issues["issue"].tolist()).count("error") == 0
