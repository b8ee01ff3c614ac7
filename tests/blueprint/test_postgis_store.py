"""A blueprint published in a real PostGIS: the same frames, the same review read near, whole whatever is killed."""

import subprocess
import sys
import time
from dataclasses import fields, replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely

import onemap as om
from onemap.blueprint import near, postgis
from onemap.blueprint.doors import prune_blueprint
from onemap.blueprint.near import part_near
from onemap.blueprint.postgis import open_postgis, write_postgis
from onemap.blueprint.restated import with_conflicts
from onemap.errors import InputError
from onemap.present.meeting.desk import ask, lay, open_desk

psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'onemap[postgis]'")
CITY = {"faces", "covers", "unknowns", "conflict_faces", "features", "conflicts"}


@pytest.fixture(scope="module")
def address(server, town):
    write_postgis(town, server)
    return server


def same_frames(one, other):
    for field in fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if field.name in ("crs", "manifest"):
            assert a == b
            continue
        assert list(a.columns) == list(b.columns) and len(a) == len(b), field.name
        if "geometry" in a.columns:
            assert (shapely.to_wkb(a.geometry.to_numpy()) == shapely.to_wkb(b.geometry.to_numpy())).all()
            assert a.crs == b.crs
            a, b = a.drop(columns="geometry"), b.drop(columns="geometry")
        pd.testing.assert_frame_equal(pd.DataFrame(a), pd.DataFrame(b), check_dtype=False, check_exact=True)


def other_version(town, version: str):
    """The town with another version and one conflict fewer."""
    return replace(
        town, manifest=town.manifest | {"version": version}, conflicts=town.conflicts.iloc[:-1].copy()
    )


def test_the_same_frames_come_back(town, address):
    same_frames(town, om.read_blueprint(address))


def test_ids_are_text_and_places_are_indexed(town, address):
    with psycopg.connect(address) as link:
        kinds = link.execute(
            "SELECT DISTINCT data_type FROM information_schema.columns"
            " WHERE table_schema = 'onemap' AND column_name LIKE '%%_id'"
        ).fetchall()
        assert kinds == [("text",)]
        indexes = link.execute(
            "SELECT indexdef FROM pg_indexes WHERE schemaname = 'onemap_objects' AND tablename LIKE 'faces_%'"
        ).fetchall()
        assert any("USING gist (geometry)" in one for (one,) in indexes)
        seen = "SELECT count(*), min(ST_SRID(geometry)), bool_and(ST_IsValid(geometry)) FROM onemap.faces"
        assert link.execute(seen).fetchone() == (len(town.faces), 4529, True)


def test_a_review_reads_only_what_lies_near(sites, town, address, book):
    for project in sites.parcels["project_id"].unique():
        plots = sites.parcels[sites.parcels["project_id"] == project]
        opened = om.read_blueprint(address)
        part, whole = om.review(plots, opened, book), om.review(plots, town, book)
        for name in ("facts", "findings", "preconditions", "decisions", "conflicts", "issues"):
            pd.testing.assert_frame_equal(
                pd.DataFrame(getattr(part, name)), pd.DataFrame(getattr(whole, name)), check_exact=True
            )
        assert not CITY & set(vars(opened))
    few = opened.stored.near(plots.geometry.bounds.to_numpy(), ["evaluation_zones"])
    assert 0 < len(few["faces"]) < len(town.faces) / 4


def test_conflicts_that_stand_on_another_day_are_not_found_again(address, town, book):
    other = om.load_rulebook(book.as_of + timedelta(1), dates=book.dates)
    found = with_conflicts(om.read_blueprint(address), other)
    assert not CITY & set(vars(found)) and found.manifest["conflicts"]["as_of"] == other.as_of.isoformat()
    limits = found.stored.feature_columns(["conversion_approvals"], ["valid_from"])["valid_from"]
    assert (
        limits.tolist() == town.features.query("layer == 'conversion_approvals'")["valid_from"].tolist() != []
    )


def test_a_review_of_another_day_reads_only_what_lies_near(sites, town, address, monkeypatch):
    monkeypatch.setattr(near, "SHARE", 9.0)
    other, met = om.load_rulebook("2026-06-01", dates=town.manifest["dates"]), 0
    for project in ("P02", "P06", "P12"):
        plots = sites.parcels[sites.parcels["project_id"] == project]
        opened = om.read_blueprint(address)
        part, whole = om.review(plots, opened, other), om.review(plots, town, other)
        for name in ("facts", "findings", "decisions", "conflicts"):
            pd.testing.assert_frame_equal(
                pd.DataFrame(getattr(part, name)), pd.DataFrame(getattr(whole, name)), check_exact=True
            )
        assert not CITY & set(vars(opened)) and not CITY & set(vars(part.blueprint))
        met += len(whole.conflicts)
    assert met


def test_what_is_drawn_comes_with_its_shapes(town, address):
    opened, place = om.read_blueprint(address), town.conflicts.bounds.to_numpy()[:3]
    part = part_near(opened, place, drawn=True)
    assert not CITY & set(vars(opened)) and len(part.conflicts)
    for name, key in (("conflicts", "conflict_id"), ("features", "feature_id")):
        own, whole = getattr(part, name), getattr(town, name)
        met = whole[whole[key].isin(own[key])]
        assert list(own[key]) == list(met[key])
        assert (shapely.to_wkb(own.geometry.to_numpy()) == shapely.to_wkb(met.geometry.to_numpy())).all()
    assert set(part.features["feature_id"]) == set(part.covers["feature_id"])
    assert set(part.conflicts["conflict_id"]) == set(part.conflict_faces["conflict_id"])


def test_faces_in_several_boxes_come_once(town, address):
    west, south, east, north = town.faces.total_bounds
    corners = np.array(
        [
            [west, south, west + 90, south + 90],
            [west, south, west + 60, south + 60],
            [east, north, east, north],
        ]
    )
    stored = om.read_blueprint(address).stored
    few, none = (stored.near(bounds, [])["faces"]["face_id"].tolist() for bounds in (corners, corners[:0]))
    met = (town.faces.sindex.query(shapely.box(*box)) for box in corners)
    assert few == town.faces["face_id"].iloc[sorted(set(np.concatenate(list(met))))].tolist() and not none


def test_two_versions_stand_side_by_side(town, address):
    other = other_version(town, "0123456789ab")
    write_postgis(other, f"{address}#pair")
    write_postgis(town, f"{address}#pair")
    assert om.read_blueprint(f"{address}#pair").version == town.version
    same_frames(other, open_postgis(f"{address}#pair", "0123456789ab"))
    write_postgis(other, f"{address}#pair")
    assert om.read_blueprint(f"{address}#pair").version == "0123456789ab"
    with psycopg.connect(address) as link:
        assert link.execute("SELECT count(*) FROM pair.conflicts").fetchone() == (len(town.conflicts) - 1,)


def rows_kept(link, schema: str) -> dict[str, int]:
    """How many rows the tables hold that the versions of a schema share, by frame."""
    listed = "SELECT tablename FROM pg_tables WHERE schemaname = %s AND tablename != 'pieces'"
    names = [name for (name,) in link.execute(listed, [f"{schema}_objects"]).fetchall()]
    return {
        name.rpartition("_")[0]: link.execute(f"SELECT count(*) FROM {schema}_objects.{name}").fetchone()[0]
        for name in names
    }


def test_only_what_is_missing_is_written(layers, book, town, address):
    """Another version whose land differs in one place, then the same land under another name."""
    link = psycopg.connect(address, autocommit=True)
    write_postgis(town, f"{address}#few")
    first = rows_kept(link, "few")
    assert first["faces"] == len(town.faces) and first["covers"] == len(town.covers)
    own = layers.features.index[layers.features["layer"] == "permanent_basic_farmland"]
    features = layers.features.drop(index=own[:1]).reset_index(drop=True)
    changed = om.build_blueprint(layers._replace(features=features), book)
    changed = replace(changed, manifest=changed.manifest | {"version": "4" * 12})
    write_postgis(changed, f"{address}#few")
    second = rows_kept(link, "few")
    same_frames(changed, om.read_blueprint(f"{address}#few"))
    same_frames(town, open_postgis(f"{address}#few", town.version))
    for name in ("faces", "covers", "features"):
        assert 0 < second[name] - first[name] < first[name] / 4, name
    write_postgis(other_version(changed, "5" * 12), f"{address}#few")
    third = rows_kept(link, "few")
    assert {name for name in third if third[name] != second[name]} <= {"conflicts"}
    assert prune_blueprint(f"{address}#few", 1) == sorted(["4" * 12, town.version])
    left = rows_kept(link, "few")
    assert left["faces"] == len(changed.faces) and left["conflicts"] == len(changed.conflicts) - 1
    same_frames(other_version(changed, "5" * 12), om.read_blueprint(f"{address}#few"))
    link.close()


def test_versions_that_are_tables_stay_readable_and_go(town, address):
    """As they were published before rows were shared."""
    schema = f"{address}#before"
    write_postgis(town, schema)
    with psycopg.connect(address, autocommit=True) as link:
        for name in postgis.FRAMES:
            link.execute(f"CREATE TABLE before_{town.version}.copied AS SELECT * FROM before.{name}")
            link.execute(f"DROP VIEW before.{name}")
            link.execute(f"DROP VIEW before_{town.version}.{name}")
            link.execute(f"ALTER TABLE before_{town.version}.copied RENAME TO {name}")
            link.execute(f"CREATE VIEW before.{name} AS SELECT * FROM before_{town.version}.{name}")
        link.execute("DROP SCHEMA before_objects CASCADE")
    same_frames(town, om.read_blueprint(schema))
    write_postgis(other_version(town, "6" * 12), schema)
    same_frames(town, open_postgis(schema, town.version))
    assert prune_blueprint(schema, 1) == [town.version]
    same_frames(other_version(town, "6" * 12), om.read_blueprint(schema))


def test_old_versions_go_and_the_current_one_stays(town, address):
    """Published 1, 2, 3 and 1 again: 1 counts, and with it the newest of the others stays."""
    many = [other_version(town, f"{n}" * 12) for n in (1, 2, 3, 1)]
    for one in many:
        write_postgis(one, f"{address}#many")
    assert prune_blueprint(f"{address}#many", 2) == ["2" * 12]
    same_frames(many[0], om.read_blueprint(f"{address}#many"))
    same_frames(many[2], open_postgis(f"{address}#many", "3" * 12))
    with psycopg.connect(address) as link:
        link.execute(f"CREATE VIEW theirs AS SELECT * FROM many_{'3' * 12}.faces")
    with pytest.raises(InputError, match="theirs|depend"):
        prune_blueprint(f"{address}#many", 1)
    same_frames(many[2], open_postgis(f"{address}#many", "3" * 12))
    with psycopg.connect(address, autocommit=True) as link:
        link.execute("DROP VIEW theirs")
        assert prune_blueprint(f"{address}#many", 1) == ["3" * 12]
        assert link.execute("SELECT to_regnamespace(%s)", [f"many_{'3' * 12}"]).fetchone() == (None,)
        assert link.execute("SELECT count(*) FROM many.faces").fetchone() == (len(town.faces),)
    with pytest.raises(InputError, match="no blueprint in schema nowhere"):
        prune_blueprint(f"{address}#nowhere", 1)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_batch_over_the_database_is_the_same_bytes(sites, town, address, book, tmp_path, workers):
    files = [
        om.review_batch(sites.parcels, blueprint, book, tmp_path / name, chunk=9, **how)
        for name, blueprint, how in (
            ("memory", town, {}),
            ("database", om.read_blueprint(address), {"workers": workers}),
        )
    ]
    for name, path in files[0].items():
        assert path.read_bytes() == files[1][name].read_bytes(), name


def test_a_meeting_over_the_database_gives_the_same_answers(sites, town, address, book):
    asked = sites._replace(parcels=sites.parcels.iloc[:3])
    one, other = (ask(desk, asked, {}) for desk in (lay(town), open_desk(address)))
    assert len(one) and [answer["verdict"] for answer in one] == [answer["verdict"] for answer in other]


PUBLISH = """
import sys
from dataclasses import replace
import onemap as om
from onemap.blueprint.postgis import open_postgis, write_postgis
town = open_postgis(sys.argv[1])
write_postgis(replace(town, manifest=town.manifest | {"version": "ffffffffffff"}), sys.argv[1])
"""


def waiting(link) -> bool:
    asked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND state = 'active'"
    return link.execute(asked).fetchone()[0] > 0


def test_a_killed_publication_leaves_the_old_version_whole(town, address):
    """The one that publishes has written all tables and waits to let the version count, when it is killed."""
    with psycopg.connect(address, autocommit=True) as eye, psycopg.connect(address) as hold:
        hold.execute("LOCK TABLE onemap.current IN SHARE ROW EXCLUSIVE MODE")
        process = subprocess.Popen([sys.executable, "-c", PUBLISH, address])
        try:
            until = time.monotonic() + 120
            while not waiting(eye):
                assert process.poll() is None and time.monotonic() < until
                time.sleep(0.1)
        finally:
            process.kill()
            process.wait()
        hold.rollback()
        ends = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid != pg_backend_pid() AND state != 'idle' AND query LIKE '%%onemap%%'"
        while eye.execute(ends).fetchone()[0]:
            assert time.monotonic() < until
            time.sleep(0.1)
        left = eye.execute("SELECT to_regnamespace('onemap_ffffffffffff')").fetchone()
    assert left == (None,)
    same_frames(town, om.read_blueprint(address))
    subprocess.run([sys.executable, "-c", PUBLISH, address], check=True)
    assert om.read_blueprint(address).version == "ffffffffffff"
    write_postgis(town, address)


def test_a_crs_without_a_code_is_registered_once(address):
    local = pyproj.CRS.from_proj4("+proj=tmerc +lat_0=0 +lon_0=123.4 +k=1 +x_0=500000 +ellps=GRS80 +units=m")
    assert local.to_epsg() is None
    with psycopg.connect(address) as link:
        one, two = postgis._srid(link, local), postgis._srid(link, local)
        assert one == two and one >= postgis.OWN_SRIDS
        there = "SELECT ST_X(ST_Transform(ST_SetSRID(ST_MakePoint(500000, 4552000), %s), 4490))"
        assert np.isclose(link.execute(there, [one]).fetchone()[0], 123.4)


def test_refusals(address):
    with pytest.raises(InputError, match="no blueprint in schema nothing_here"):
        om.read_blueprint(f"{address}#nothing_here")
    with pytest.raises(InputError, match="no blueprint"):
        open_postgis(address, "absent")
    with pytest.raises(InputError, match="no name for a schema"):
        om.read_blueprint(f"{address}#a-b")
