"""Tables of a real PostgreSQL with PostGIS, which the tests start and stop themselves."""

import os

import pytest
import shapely

from onemap.errors import InputError
from onemap.land.parcels import read_parcels
from onemap.land.postgis import read_postgis, without_password
from onemap.land.read import read_features
from onemap.land.workspace import load_workspace

psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'onemap[postgis]'")


@pytest.fixture(scope="module")
def filled(server):
    square = "POLYGON(({0} {1},{2} {1},{2} {3},{0} {3},{0} {1}))"
    x, y = 41_500_000, 4_552_000
    with psycopg.connect(server) as link:
        link.execute("CREATE SCHEMA 规划")
        link.execute(
            'CREATE TABLE 规划.tdytq (bsm int PRIMARY KEY, "TDYTQLXDM" text, "MC" varchar(20), mj numeric(15,2),'
            " pzrq date, geom geometry(MultiPolygon, 4529))"
        )
        for i, code in enumerate(["030", "010", "020"]):
            wkt = square.format(x + 200 * i, y, x + 200 * i + 100, y + 100)
            link.execute(
                "INSERT INTO 规划.tdytq VALUES (%s, %s, %s, 10000.5, '2020-03-01', ST_Multi(ST_GeomFromText(%s, 4529)))",
                (30 - i, code, "镕基村", wkt),
            )
        link.execute("INSERT INTO 规划.tdytq VALUES (99, '010', NULL, NULL, NULL, NULL)")
        link.execute("CREATE TABLE arcs (id serial, geom geometry(CurvePolygon, 4550))")
        link.execute(
            "INSERT INTO arcs (geom) VALUES (ST_GeomFromText('CURVEPOLYGON(CIRCULARSTRING(500050 4552000,"
            " 500000 4552050, 499950 4552000, 500000 4551950, 500050 4552000))', 4550))"
        )
        link.execute("CREATE VIEW 现行 AS SELECT * FROM 规划.tdytq WHERE bsm < 30")
        link.execute("CREATE TABLE nowhere (geom geometry)")
        link.execute("INSERT INTO nowhere VALUES ('POINT(1 2)')")
    return server


def test_a_table_as_a_source(town, catalogue, check, filled):
    text = f"- {{layer: land_use_zones, path: '{filled}', table: 规划.tdytq, extent: town}}\n"
    layers = read_features(town.write(text), catalogue)
    check(layers)
    row = layers.sources.set_index("layer").loc["land_use_zones"]
    assert (row["status"], row["rows_read"], row["rows_kept"], row["rows_empty"]) == ("found", 4, 3, 1)
    assert row["crs"] == "EPSG:4529" and row["table"] == "规划.tdytq" and len(row["sha256"]) == 64
    got = layers.features[layers.features["layer"] == "land_use_zones"]
    assert got["source_fid"].tolist() == ["28", "29", "30"] and got["class_code"].tolist() == [
        "020",
        "010",
        "030",
    ]
    assert set(got["name"]) == {"镕基村"} and str(got["valid_from"].iloc[0]) == "2020-03-01"
    assert got.geometry.iloc[2].equals(town.square())
    assert ":" not in row["path"].removeprefix("postgresql://").partition("@")[0]
    again = read_features(town.path, catalogue)
    assert again.sources["sha256"].tolist() == layers.sources["sha256"].tolist()


def test_views_services_and_arcs(filled, tmp_path, monkeypatch):
    assert sorted(read_postgis(filled, "现行").columns["bsm"]) == [28, 29]
    raw = read_postgis(filled, "arcs")
    assert raw.crs == "EPSG:4550" and raw.geometry[0].area == pytest.approx(3.14159265 * 2500, abs=0.5)
    assert read_postgis(filled, "nowhere").crs is None
    parts = psycopg.conninfo.conninfo_to_dict(filled)
    lines = [f"{k}={v}" for k, v in parts.items()]
    (tmp_path / "services.conf").write_text("[bureau]\n" + "\n".join(lines))
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services.conf"))
    assert len(read_postgis("pg:service=bureau", "规划.tdytq").columns) == 4


def test_reading_never_writes(filled):
    before = read_postgis(filled, "规划.tdytq").fingerprint
    with psycopg.connect(filled) as link:
        link.execute("UPDATE 规划.tdytq SET \"MC\" = '别村' WHERE bsm = 30")
    assert read_postgis(filled, "规划.tdytq").fingerprint != before
    with psycopg.connect(filled) as link:
        link.execute("UPDATE 规划.tdytq SET \"MC\" = '镕基村' WHERE bsm = 30")


def test_refusals(town, catalogue, filled):
    with pytest.raises(InputError, match="规划.tdytq"):
        read_postgis(filled, "absent")
    with pytest.raises(InputError, match="tables with geometry"):
        read_postgis(filled)
    wrong = filled.replace("/plans", "/none")
    with pytest.raises(InputError) as caught:
        read_postgis(wrong, "x")
    password = psycopg.conninfo.conninfo_to_dict(filled)["password"]
    assert password not in str(caught.value)
    text = f"- {{layer: land_use_zones, path: '{wrong}', table: x, extent: town}}\n"
    layers = read_features(town.write(text), catalogue)
    assert layers.sources["status"].tolist() == ["found", "unreadable"]
    assert password not in layers.sources.to_csv() + layers.issues.to_csv()
    assert os.environ.get("PGPASSWORD") != password


def test_extents_and_sites_from_tables(town, catalogue, check, filled):
    password = psycopg.conninfo.conninfo_to_dict(filled)["password"]
    put = "CREATE TABLE {0} AS SELECT {1}, ST_GeomFromText('{2}', 4529)::geometry(Polygon, 4529) AS geom"
    with psycopg.connect(filled) as link:
        link.execute("DROP TABLE IF EXISTS mapped, plots")
        link.execute(put.format("mapped", "1 AS id", town.square(size=1000).wkt))
        link.execute(put.format("plots", "'甲' AS 项目名称", town.square(50).wkt))
        link.execute("INSERT INTO plots VALUES ('乙', NULL)")
    text = f"- {{layer: land_use_zones, path: '{filled}#规划.tdytq', extent: '{filled}#public.mapped'}}\n"
    none = f"- {{layer: forest_land, statement: 无, extent: '{filled}#mapped'}}\n"
    space = load_workspace(town.write(text, none, f"sites: {{path: '{filled}', table: plots}}\n"))
    layers = read_features(space, catalogue)
    check(layers)
    assert layers.extents.set_index("layer").geometry["land_use_zones"].equals(town.square(size=1000))
    assert layers.extents.set_index("layer").geometry["forest_land"].equals(town.square(size=1000))
    sites = read_parcels(space.resolve(space.sites.path), "EPSG:4529", catalogue, workspace=space)
    assert sites.parcels["project_name"].tolist() == ["甲"] and sites.issues["issue"].tolist() == [
        "no_geometry"
    ]
    assert sites.parcels["area_m2"].iloc[0] == pytest.approx(10_000, abs=5)
    alone = read_parcels(f"{filled}#plots", "EPSG:4529", catalogue)
    assert alone.parcels["area_m2"].tolist() == sites.parcels["area_m2"].tolist()
    text = f"- {{layer: land_use_zones, path: '{filled}#规划.tdytq', extent: '{filled}#absent'}}\n"
    broken = read_features(town.write(text), catalogue)
    assert "extent_unreadable" in set(broken.issues["issue"]) and "land_use_zones" not in set(
        broken.extents["layer"]
    )
    with pytest.raises(InputError) as caught:
        read_parcels(f"{filled}#absent", "EPSG:4529", catalogue)
    shown = [
        layers.sources,
        layers.issues,
        sites.parcels.drop(columns="geometry"),
        sites.issues,
        broken.issues,
    ]
    assert password not in str(caught.value) + "".join(frame.to_csv() for frame in shown)


def test_a_password_with_a_hash(filled):
    with psycopg.connect(filled) as link:
        link.execute("DROP ROLE IF EXISTS hash")
        link.execute("CREATE ROLE hash LOGIN SUPERUSER PASSWORD 'a#b''c'")
    parts = psycopg.conninfo.conninfo_to_dict(filled) | {"user": "hash", "password": r"'a#b\'c'"}
    address = "pg:" + " ".join(f"{k}={v}" for k, v in parts.items())
    assert len(read_postgis(f"{address}#规划.tdytq").columns) == 4
    assert len(read_postgis(address, "规划.tdytq").columns) == 4
    with pytest.raises(InputError) as caught:
        read_postgis(f"{address}#absent")
    assert "a#b" not in str(caught.value)
    bare = address.replace(r"password='a#b\'c'", r"password=a#b\'c")
    assert bare != address and len(read_postgis(bare, "规划.tdytq").columns) == 4


@pytest.mark.parametrize("address", [
    "postgresql://anna:se@cr/et@host/plans", "postgresql://host/plans?user=anna&password=se@cr/et",
    "pg:host=a password='se@ cr/et' user=anna", "pg:user=anna password=se@#cr/et#t", "postgresql://anna:se@#et@host/plans#t",
    'invalid URI "postgresql://anna:se@cr/et@host/plans"',
])  # fmt: skip
def test_no_piece_of_a_password_is_shown(address):
    shown = without_password(address)
    assert "anna" in shown and "se@" not in shown and "et" not in shown.replace("invalid", "")


def test_shapes_are_plain(filled):
    raw = read_postgis(filled, "规划.tdytq")
    assert {type(v).__name__ for v in raw.columns["mj"].dropna()} == {"float"}
    assert shapely.get_coordinate_dimension(raw.geometry[0]) == 2
