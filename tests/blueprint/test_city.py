"""A blueprint raised by tiles into a store: the same as in memory, whatever the tiles and workers, and safe on disk."""

import hashlib
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

import onemap as om
from onemap.blueprint import chunks, errands, jobs, store, tiles
from onemap.blueprint.doors import prune_blueprint
from onemap.blueprint.edges import NotCertified, fit_grid
from onemap.blueprint.objects import object_path
from onemap.blueprint.store import current, open_store, prune, tiles_of, versions
from onemap.engine import alone_in
from onemap.errors import InputError

FRAMES = (
    "faces", "covers", "unknowns", "features", "extents", "quarantine", "conflicts", "conflict_faces",
    "sources", "issues", "passports",
)  # fmt: skip


@pytest.fixture(scope="module")
def built(layers, book, tmp_path_factory):
    folder = tmp_path_factory.mktemp("city")
    om.build_city(layers, book, folder, tile=6000)
    return folder


def content(folder) -> dict[str, str]:
    """Every file of a store by its path, as hash of its bytes."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def same(one, other) -> None:
    for name in FRAMES:
        ours, theirs = getattr(one, name), getattr(other, name)
        if name == "features":
            ours, theirs = (f.sort_values("feature_id", ignore_index=True) for f in (ours, theirs))
        if "geometry" in ours:
            assert (ours.geometry.to_wkb() == theirs.geometry.to_wkb()).all(), name
            ours, theirs = ours.drop(columns="geometry"), theirs.drop(columns="geometry")
        pd.testing.assert_frame_equal(pd.DataFrame(ours), pd.DataFrame(theirs), check_dtype=False, obj=name)
    balance = [b.balance.set_index("layer") for b in (one, other)]
    pd.testing.assert_frame_equal(*balance, check_exact=False, rtol=1e-12, atol=1e-5, check_index_type=False)
    assert one.manifest == other.manifest and one.crs == other.crs


def test_by_tiles_as_in_memory(built, town):
    assert len({row.key for row in tiles_of(built, current(built))}) > 5
    opened = open_store(built)
    assert opened.version == town.version
    same(opened, town)
    assert opened.balance["relative"].abs().max() < 1e-9


def test_the_size_of_tiles_leaves_no_trace(layers, book, town, tmp_path):
    same(om.build_city(layers, book, tmp_path, tile=900), town)


def test_workers_leave_no_trace(layers, book, built, tmp_path, monkeypatch):
    monkeypatch.setattr(errands, "TASK", 9000)
    om.build_city(layers, book, tmp_path, tile=6000, workers=2)
    assert content(tmp_path) == content(built)


def test_a_review_of_the_opened_blueprint_says_the_same(built, sites, book, reviewed):
    result = om.review(sites.parcels, open_store(built), book, sites.issues)
    for name in ("decisions", "findings", "preconditions", "conflicts", "facts"):
        pd.testing.assert_frame_equal(getattr(result, name), getattr(reviewed, name), check_dtype=False)


def test_opening_reads_no_faces(built, monkeypatch):
    read = []
    monkeypatch.setattr(
        store, "get", lambda folder, name, columns=None: read.append(name) or _get(folder, name, columns)
    )
    opened = open_store(built)
    assert len(read) == 1 and opened.version
    assert len(opened.balance) and len(read) == 2


_get = store.get


def test_few_corners_are_overlaid_at_once(boxed, book, tmp_path):
    layers = boxed({"forest_land": [(0, 0, 100, 100)], "black_soil": [(40, 40, 150, 50)]})
    same(om.build_city(layers, book, tmp_path), om.build_blueprint(layers, book))


def test_what_tiles_cannot_prove_is_overlaid_at_once(layers, book, town, tmp_path, monkeypatch, caplog):
    def refused(folder, tiles):
        raise NotCertified("edges still cross")

    monkeypatch.setattr(jobs, "tile_job", refused)
    opened = om.build_city(layers, book, tmp_path, tile=6000)
    assert "overlaid at once instead" in caplog.text
    same(opened, town)


def test_a_tile_that_fails_is_named_and_the_rest_is_kept(layers, book, built, tmp_path, monkeypatch):
    monkeypatch.setattr(errands, "TASK", 1)
    whole, done = jobs.arrange_tile, []

    def fails_on_the_fourth(given, tile):
        if len(done) == 3 and not bad:
            bad.add(tile)
        if tile in bad:
            raise ArithmeticError("a bad day")
        done.append(tile)
        return whole(given, tile)

    bad: set = set()
    monkeypatch.setattr(jobs, "arrange_tile", fails_on_the_fourth)
    with pytest.raises(InputError, match=r"tile \d+ \(41.* 45.*\).*ArithmeticError: a bad day"):
        om.build_city(layers, book, tmp_path, tile=6000)
    assert current(tmp_path) is None
    once = set(done)
    assert len(once) > 3

    again = []
    monkeypatch.setattr(jobs, "arrange_tile", lambda given, tile: again.append(tile) or whole(given, tile))
    om.build_city(layers, book, tmp_path, tile=6000)
    assert set(again) & once == set() and bad <= set(again)
    assert content(tmp_path) == content(built)


KILLED = """
import sys
import onemap as om
from onemap.land.workspace import load_workspace

place = load_workspace(om.sample_path())
book = om.load_rulebook(place.as_of, dates=place.dates)
layers = om.read_features(place, book.catalogue)
print("reading done", flush=True)
om.build_city(layers, book, sys.argv[1], tile=6000)
"""


@pytest.mark.parametrize("delay", [0.3, 1.2, 2.5])
def test_killed_while_building_the_old_version_is_whole(layers, book, built, tmp_path, delay):
    """A build over another version is killed at any moment: what was there opens, and building again ends the same."""
    older = layers._replace(
        features=layers.features.iloc[:-40], sources=layers.sources.assign(sha256="older")
    )
    before = om.build_city(older, book, tmp_path, tile=6000)
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "reading done\n"
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.wait()
    opened = open_store(tmp_path)
    assert opened.version in (before.version, open_store(built).version)
    assert len(opened.faces) and (opened.faces["area_m2"] > 0).all()
    om.build_city(layers, book, tmp_path, tile=6000)
    prune(tmp_path, [])
    ours, theirs = content(tmp_path), content(built)
    assert {k: v for k, v in ours.items() if "/." not in k and not k.startswith(".")} == theirs


def test_versions_share_objects_and_can_be_pruned(layers, book, built, tmp_path):
    shutil.copytree(built, tmp_path / "s")
    folder = tmp_path / "s"
    first = current(folder)["manifest"]["version"]
    newer = layers._replace(sources=layers.sources.assign(sha256="another"))
    second = om.build_city(newer, book, folder, tile=6000).version
    assert versions(folder) == sorted([first, second]) and first != second
    assert open_store(folder, first).version == first
    assert prune(folder, [first]) == 0
    assert prune(folder, []) > 0
    assert versions(folder) == [second]
    assert len(open_store(folder).faces)
    with pytest.raises(InputError, match="cannot be read"):
        open_store(folder, first)


def test_the_newest_versions_stay_and_what_a_stopped_build_has_written(layers, book, built, tmp_path):
    folder = tmp_path / "s"
    shutil.copytree(built, folder)
    first = current(folder)["manifest"]["version"]
    built_after = [
        om.build_city(layers._replace(sources=layers.sources.assign(sha256=word)), book, folder, tile=6000)
        for word in ("second", "third")
    ]
    stopped = folder / ".building-stopped-6000"
    stopped.mkdir()
    with pytest.raises(InputError, match="a build is at work or was stopped"):
        prune_blueprint(folder, 1)
    stopped.rmdir()
    with alone_in(folder), pytest.raises(InputError, match="another process"):
        prune_blueprint(folder, 1)
    assert prune_blueprint(folder, 2) == [first]
    assert prune_blueprint(folder, 1) == [built_after[0].version]
    assert len(open_store(folder).faces) == len(open_store(built).faces)


@pytest.mark.parametrize("what", ["object", "list", "format", "current"])
def test_damage_is_said_not_read(built, tmp_path, what):
    folder = tmp_path / "s"
    shutil.copytree(built, folder)
    listed = current(folder)
    path = folder / "versions" / f"{listed['manifest']['version']}.json"
    if what == "object":
        object_path(folder, tiles_of(folder, listed)[0].faces).write_bytes(b"PAR1 no longer")
    elif what == "list":
        path.write_text("{", encoding="utf-8")
    elif what == "format":
        path.write_text(
            path.read_text(encoding="utf-8").replace(f'"format": {store.FORMAT}', '"format": 99'),
            encoding="utf-8",
        )
    else:
        (folder / "CURRENT").write_text("nothing\n", encoding="utf-8")
    with pytest.raises(InputError, match="build it again"):
        open_store(folder).faces  # noqa: B018


def test_a_folder_without_a_blueprint(tmp_path):
    with pytest.raises(InputError, match="onemap build"):
        open_store(tmp_path)


def test_tables_open_with_geopandas(built):
    """A tile's faces and a layer's features are GeoParquet."""
    import geopandas as gpd

    listed = current(built)
    faces = gpd.read_parquet(object_path(built, tiles_of(built, listed)[0].faces))
    assert faces.crs.to_epsg() == 4529 and (faces.area > 0).all()
    layer = gpd.read_parquet(object_path(built, listed["features"]["land_survey"][0]))
    assert layer.crs.to_epsg() == 4529 and layer["feature_id"].is_unique


def test_number_of_tasks_follows_the_corners(layers, monkeypatch, tmp_path):
    polygons = layers.features.geometry.to_numpy()
    bounds = layers.features.total_bounds
    grid = fit_grid(bounds)
    given, _ = tiles.spread(tiles.each_of(tiles.in_chunks(polygons), grid), grid, bounds, tmp_path, 3000)
    corners = np.diff(given.starts, axis=1).sum(axis=0)
    monkeypatch.setattr(errands, "TASK", 10_000)
    tasks = errands.batches(given)
    assert sorted(t for task in tasks for t in task) == np.flatnonzero(corners).tolist()
    assert max(corners[list(task)].sum() for task in tasks) <= 10_000 + corners.max()


def test_chunks_leave_no_trace(layers, book, built, tmp_path, monkeypatch):
    monkeypatch.setattr(tiles, "CHUNK", 997)
    read, lines = set(), chunks.lines_of_part
    monkeypatch.setattr(
        chunks, "lines_of_part", lambda folder, number: read.add(number) or lines(folder, number)
    )
    om.build_city(layers, book, tmp_path, tile=6000)
    assert len(read) > 20 and content(tmp_path) == content(built)


def test_chunks_that_were_done_before_a_kill_are_not_done_again(layers, book, built, tmp_path, monkeypatch):
    monkeypatch.setattr(tiles, "CHUNK", 997)
    done, lines = [], chunks.lines_of_part

    def failing(folder, number):
        done.append(number)
        if len(done) == 40:
            raise KeyboardInterrupt
        return lines(folder, number)

    monkeypatch.setattr(chunks, "lines_of_part", failing)
    with pytest.raises(KeyboardInterrupt):
        om.build_city(layers, book, tmp_path, tile=6000)
    om.build_city(layers, book, tmp_path, tile=6000)
    assert len(done) == 3 * len(set(done)) + 1 and content(tmp_path) == content(built)


def test_what_a_killed_process_left_half_written_is_cleared_away(layers, book, tmp_path):
    left = tmp_path / "objects" / "28" / ".writing-left"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"PAR1")
    om.build_city(layers, book, tmp_path)
    assert not left.exists()
