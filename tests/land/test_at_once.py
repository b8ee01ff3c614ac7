"""Reading whole columns at once gives what reading row by row gives, and leaves to it whatever is odd."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely

from onemap.land import ogr
from onemap.land.files import files_in, read_raw

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
FOLDERS = (
    "cambridge_ma",
    "geopandas_overlay",
    "pyogrio_fixtures",
    "gdal_autotest/filegdb",
    "gdal_autotest/shp",
)


def both(path: Path, monkeypatch) -> bool:
    """Read a file both ways and compare; whether the columns came at once."""
    used = []
    at_once = ogr._at_once
    monkeypatch.setattr(ogr, "_at_once", lambda *said: used.append(at_once(*said)) or used[-1])
    one = read_raw(path)
    monkeypatch.setattr(ogr, "_at_once", lambda *said: None)
    other = read_raw(path)
    for a, b in zip(one, other, strict=True):
        pd.testing.assert_frame_equal(a.columns, b.columns)
        assert shapely.to_wkb(a.geometry).tolist() == shapely.to_wkb(b.geometry).tolist()
        assert (a.notes, a.promised, a.encoding, a.table) == (b.notes, b.promised, b.encoding, b.table)
    monkeypatch.setattr(ogr, "_at_once", at_once)
    return any(frame is not None for frame in used)


@pytest.mark.parametrize("suffix", ["shp", "gpkg", "gdb", "fgb"])
@pytest.mark.parametrize("odd", ["", "null", "open", "date"])
def test_at_once_or_with_care(tmp_path, monkeypatch, suffix, odd):
    geoms = shapely.box([41_500_000, 41_500_100], 4_552_000, [41_500_050, 41_500_150], 4_552_050)
    frame = gpd.GeoDataFrame(
        {"名称": ["甲\"乙", None], "空": [None, "丙"], "NR": [1, 2], "MJ": [1.5, np.nan], "ALL": [None, None]},
        geometry=geoms, crs="EPSG:4529",
    )  # fmt: skip
    if odd == "null":
        frame.loc[1, "geometry"] = None
    if odd == "open":
        frame.loc[1, "geometry"] = shapely.LineString([(41_500_000, 4_552_000), (41_500_010, 4_552_010)])
    if odd == "date":
        frame["RQ"] = pd.to_datetime(["2024-03-01", None])
    more = {"shp": {"encoding": "GB18030"}, "gdb": {"driver": "OpenFileGDB"}}.get(suffix, {})
    path = tmp_path / f"a.{suffix}"
    try:
        pyogrio.write_dataframe(frame, path, **more)
    except pyogrio.errors.DataLayerError:
        pytest.skip("the format holds one kind of geometry")
    # in a shapefile it becomes a text
    assert both(path, monkeypatch) == (odd == "" or (odd == "date" and suffix != "fgb"))


@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared/data")
def test_real_files_are_the_same_both_ways(monkeypatch):
    files = [
        f for folder in FOLDERS for f in files_in(SHARED / folder)
        if f.suffix in (".shp", ".geojson", ".zip", ".gpkg", ".gdb")
    ]  # fmt: skip
    count = 0
    for file in files:
        try:
            count += both(file, monkeypatch)
        except ogr.InputError:
            continue
    assert count > 30
