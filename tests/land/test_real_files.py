"""Files that nobody here made: each is read or refused with a reason; none crashes, none loses rows silently."""

import struct
import warnings
from collections import Counter

import numpy as np
import pytest
import shapely

from onemap.errors import InputError
from onemap.land.area import ellipsoidal_area
from onemap.land.files import read_raw, tables_of
from onemap.land.limits import limits
from onemap.land.read import read_features
from onemap.land.repair import EMPTY_REASONS, repair
from onemap.land.shapefile import _dbf, _encoding

LAEA = "+proj=laea +lat_0=0 +lon_0=0 +ellps=GRS80"
FOLDERS = ("mapshaper", "pyogrio_fixtures", "gdal_autotest", "jts_overlay")
KIN = {".shp": ".dbf .shx .prj .cpg .sbn .sbx .qix .idm .ind", ".mif": ".mid", ".tab": ".dat .map .id .ind"}


def real(shared, folder):
    """The files of a folder of the shared data, geodatabases as one, without what belongs to another file and the words about them."""
    base = shared / "data" / folder
    if not base.is_dir():
        pytest.skip(f"not here: {base}")
    found = []
    for path in sorted(base.rglob("*")):
        inside = any(p.suffix == ".gdb" for p in path.parents)
        of_another = any(
            path.suffix.lower() in kin.split() and path.with_suffix(main).exists()
            for main, kin in KIN.items()
        )
        words = path.suffix.lower() == ".md" or path.stem.upper().startswith(("LICENSE", "README", "COPYING"))
        if not (inside or of_another or words) and (path.is_file() or path.suffix == ".gdb"):
            found.append(path)
    return found


def shx_count(path):
    side = path.with_suffix(".shx")
    return (side.stat().st_size - 100) // 8 if side.exists() else None


def tables_in(path):
    """Each table of a file by name, None for the only one."""
    try:
        return tables_of(path) or [None]
    except InputError:
        return [None]


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_is_read_or_refused_with_a_reason(shared, catalogue, folder, capsys):
    count = Counter(files=0, tables=0, refused=0, rows=0, kept=0, aside=0, empty=0)
    for path in real(shared, folder):
        count["files"] += 1
        for table in tables_in(path):
            count["tables"] += 1
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    raws = read_raw(path, table)
                except InputError as error:
                    assert len(str(error)) > len(path.name) + 5, path
                    count["refused"] += 1
                    continue
            for raw in raws:
                assert len(raw.columns) == len(raw.geometry) <= raw.promised
                if path.suffix == ".shp" and shx_count(path) is not None:
                    assert raw.promised >= shx_count(path)
                done = repair(_within_100_km(raw.geometry), LAEA, limits(catalogue), raw.loose)
                assert len(done.geoms) == len(raw.geometry)
                count["rows"] += raw.promised
                count["kept"] += int((done.reason == "").sum())
                count["empty"] += int(np.isin(done.reason, EMPTY_REASONS).sum())
                count["aside"] += int((~np.isin(done.reason, ("", *EMPTY_REASONS))).sum())
                count["lost"] += raw.promised - len(raw.columns)
    with capsys.disabled():
        print(f"\n{folder}: " + ", ".join(f"{n} {what}" for what, n in count.items()))
    assert count["rows"] == count["kept"] + count["aside"] + count["empty"] + count["lost"]
    assert count["files"] > 5 and count["tables"] >= count["files"]
    assert folder == "jts_overlay" or count["refused"] < count["tables"] / 2


def test_arcs_of_a_real_geodatabase(shared):
    (raw,) = read_raw(shared / "data/gdal_autotest/filegdb/curves.gdb", "polygon")
    assert len(raw.columns) and not shapely.is_missing(raw.geometry).any()
    assert {g.geom_type for g in raw.geometry} <= {"Polygon", "MultiPolygon"}
    assert shapely.get_num_coordinates(raw.geometry).max() > 360


def _within_100_km(geoms):
    coords = shapely.get_coordinates(geoms)
    coords = coords[np.isfinite(coords).all(axis=1)]
    largest = np.abs(coords).max() if len(coords) else 0.0
    return shapely.transform(geoms, lambda c: c * (1e5 / largest)) if largest > 1e5 else geoms


@pytest.mark.parametrize(
    ("name", "sample"),
    [("gbk", "GB18030"), ("gb2312", "GB18030"), ("utf8", "UTF-8"), ("big5", "BIG5")],
)
def test_encodings_of_real_dbf(shared, name, sample):
    path = shared / "data/mapshaper/dbf" / f"{name}.dbf"
    used, doubt = _encoding(_dbf(path), None, None)
    assert used == sample and bool(doubt) == (name == "big5")
    text = [c.decode(used, "ignore") for c in _dbf(path)["cells"]]
    assert text and all("\ufffd" not in t for t in text)


def test_declared_code_pages_are_honoured(shared):
    folder = shared / "data/mapshaper/dbf_cpg"
    for name in ("big5", "euckr", "koi8r", "latin2", "win1251", "win874"):
        used, doubt = _encoding(_dbf(folder / f"{name}.dbf"), folder / f"{name}.cpg", None)
        assert not doubt and used not in ("GB18030",), (name, used)


def test_latin_text_is_not_taken_for_chinese(shared):
    (raw,) = read_raw(shared / "data/pyogrio_fixtures/naturalearth_lowres/naturalearth_lowres.shp")
    assert "Côte d'Ivoire" in set(raw.columns["name"]) and raw.encoding == "ISO-8859-1"


def test_closed_lines_of_drawings(shared):
    folder = shared / "data/gdal_autotest/dxf"
    (raw,) = read_raw(folder / "closed_polyline_with_bulge.dxf")
    assert [g.geom_type for g in raw.geometry] == ["Polygon"] and raw.crs is None


def test_dbf_header_against_gdal(shared):
    for path in sorted((shared / "data/gdal_autotest/shp").rglob("*.dbf")):
        head = _dbf(path)
        if head is not None:
            assert head["rows"] == struct.unpack("<I", path.read_bytes()[4:8])[0]


def test_a_real_city(shared, catalogue, tmp_path):
    folder = shared / "data/cambridge_ma"
    if not folder.is_dir():
        pytest.skip(f"not here: {folder}")
    layers = {
        "admin_district": "BOUNDARY_CityBoundary", "city_master_plan": "CDD_ZoningDistricts", "wetland": "HYDRO_Wetlands",
        "flood_detention": "FEMA_FloodPlains100Year", "historic_district": "HISTORICAL_NhoodConservationDist",
        "green_line": "RECREATION_OpenSpace", "conversion_approvals": "HISTORICAL_NationalRegisterHistoricPlaces",
    }  # fmt: skip
    sources = "".join(
        f"  - {{layer: {k}, path: '{folder / v}.geojson', extent: town}}\n" for k, v in layers.items()
    )
    (tmp_path / "onemap.yaml").write_text(
        f"name: c\ncrs: EPSG:26986\ntown: admin_district\nsources:\n{sources}"
    )
    got = read_features(tmp_path, catalogue)
    table = got.sources.set_index("layer")
    assert (table["status"] == "found").all(), table["message"].tolist()
    assert (table["rows_read"] == table["rows_kept"] + table["rows_quarantined"] + table["rows_empty"]).all()
    assert table["rows_read"].to_dict() == {
        "admin_district": table["rows_read"]["admin_district"], "city_master_plan": 261, "wetland": 31, "flood_detention": 21,
        "historic_district": 4, "green_line": 276, "conversion_approvals": 226,
    }  # fmt: skip
    zoning = got.features[got.features["layer"] == "city_master_plan"]
    assert zoning["area_m2"].sum() / 1e4 == pytest.approx(1845.9, rel=2e-3)
    assert zoning["area_m2"].to_numpy() == pytest.approx(ellipsoidal_area(zoning.geometry, "EPSG:26986"))
    print("\n", table[["rows_read", "rows_kept", "rows_quarantined", "rows_empty"]].to_string())
    print(got.issues.groupby(["layer", "issue"], dropna=False).size().to_string())
