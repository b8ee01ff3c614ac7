"""Whatever bytes stand in a file: rows, or an InputError; never another exception."""

import contextlib
import json

import pyogrio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onemap.errors import InputError
from onemap.land.files import read_raw

KINDS = [
    ".shp",
    ".gpkg",
    ".geojson",
    ".kml",
    ".kmz",
    ".csv",
    ".xlsx",
    ".dxf",
    ".zip",
    ".parquet",
    ".fgb",
    ".tab",
    ".txt",
    ".topojson",
]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(min_size=1, max_size=200))
def test_noise(tmp_path, kind, data):
    path = tmp_path / f"a{kind}"
    path.write_bytes(data)
    with contextlib.suppress(InputError):
        read_raw(path)


@pytest.mark.parametrize("kind", [".shp", ".gpkg", ".geojson", ".fgb", ".parquet"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.floats(0, 1), at=st.floats(0, 1), byte=st.integers(0, 255))
def test_damage(town, tmp_path, kind, cut, at, byte):
    path = tmp_path / f"a{kind}"
    frame = town.frame([town.square(300 * i) for i in range(5)], MC=list("甲乙丙丁戊"))
    if kind == ".parquet":
        frame.to_parquet(path)
    else:
        pyogrio.write_dataframe(frame, path, **({"encoding": "GB18030"} if kind == ".shp" else {}))
    data = bytearray(path.read_bytes())
    data[int(at * (len(data) - 1))] = byte
    path.write_bytes(data[: max(1, int(len(data) * cut))] if cut < 0.5 else data)
    with contextlib.suppress(InputError):
        for raw in read_raw(path):
            assert len(raw.columns) == len(raw.geometry) <= raw.promised
    for part in tmp_path.glob("a.*"):
        part.unlink()


@pytest.mark.parametrize(
    "data",
    [
        {},
        [],
        {"type": "FeatureCollection", "features": []},
        {"type": "Feature", "geometry": None, "properties": {}},
        {"type": "Topology"},
    ],
)
def test_odd_json(tmp_path, data):
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps(data))
    with contextlib.suppress(InputError):
        read_raw(path)
