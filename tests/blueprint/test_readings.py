"""A layer whose files did not change is not read again, and nobody can tell from what comes out."""

import contextlib
import os
import shutil
import sqlite3
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import yaml

import onemap as om
from onemap.blueprint import readings, store, update
from onemap.blueprint.notes import NOTES, get_notes
from onemap.blueprint.objects import object_path
from onemap.blueprint.slices import boxes_of, features_of, neighbours_together, put_features
from onemap.engine import alone_in, hire
from onemap.errors import InputError
from onemap.frames import FEATURES
from onemap.land.read import known_of, with_town
from onemap.land.unchanged import reading_key
from onemap.land.webmap import gcj02
from onemap.land.workspace import load_workspace

TILE = 900


@pytest.fixture
def space(tmp_path):
    """The sample town's workspace in a folder of its own."""
    folder = tmp_path / "town"
    shutil.copytree(om.sample_path(), folder)
    return folder


def edited(space: Path, change) -> None:
    """The workspace file after a change of what it says."""
    file = space / "onemap.yaml"
    told = yaml.load(file.read_text("utf-8"), yaml.BaseLoader)
    change(told)
    file.write_text(yaml.safe_dump(told, allow_unicode=True), "utf-8")


def drawn_in(space: Path, name: str) -> str:
    """One polygon of a Shapefile drawn in by a metre; returns the layer."""
    frame = gpd.read_file(space / f"{name}.shp")
    biggest = frame.geometry.area.idxmax()
    frame.loc[biggest, "geometry"] = frame.geometry[biggest].buffer(-1.0, join_style="mitre")
    encoding = (
        "gb18030" if not (space / f"{name}.cpg").exists() else (space / f"{name}.cpg").read_text().strip()
    )
    frame.to_file(space / f"{name}.shp", encoding=encoding)
    sources = load_workspace(space).sources
    return next(source.layer for source in sources if source.path == f"{name}.shp")


def version_of(folder) -> bytes:
    """The list of the current version, whose names are hashes of all that it holds."""
    return (folder / "versions" / f"{store.current(folder)['manifest']['version']}.json").read_bytes()


def alike(one, other) -> None:
    """The same frames, to the type of every word."""
    for name in ("extents", "quarantine", "passports", "issues", "sources"):
        ours, theirs = (pd.DataFrame(getattr(layers, name)) for layers in (one, other))
        pd.testing.assert_frame_equal(ours, theirs, check_dtype=False, obj=name)
        said = [frame.drop(columns="geometry", errors="ignore").map(type) for frame in (ours, theirs)]
        pd.testing.assert_frame_equal(*said, obj=f"types of {name}")


def test_what_was_read_before_comes_back_as_it_was(space, layers, book, tmp_path):
    first = om.read_into(tmp_path / "store", space, book.catalogue)
    second = om.read_into(tmp_path / "store", space, book.catalogue)
    assert sorted(first.again) == sorted({source.layer for source in load_workspace(space).sources})
    assert second.again == [] and second.slices == first.slices
    pd.testing.assert_frame_equal(second.weights, first.weights)
    for read in (first, second):
        alike(read.layers, layers)
        whole = [one.name for slices in read.slices.values() for one in slices]
        features = features_of(tmp_path / "store", whole, layers.features.crs)
        ours, theirs = (
            pd.DataFrame(frame[FEATURES]).sort_values("feature_id", ignore_index=True)
            for frame in (features, layers.features)
        )
        pd.testing.assert_frame_equal(ours, theirs, check_dtype=False)


def test_layers_read_by_workers_are_the_same_bytes(space, book, tmp_path):
    with hire(2) as crew:
        om.read_into(tmp_path / "two", space, book.catalogue, workers=crew)
        assert crew.first is not None, "the crew stays for the build"
    om.read_into(tmp_path / "one", space, book.catalogue)
    files = [
        {p.relative_to(f): p.read_bytes() for p in f.rglob("*") if p.is_file() and p.name != ".lock"}
        for f in (tmp_path / "one", tmp_path / "two")
    ]
    assert len(files[0]) > 10 and files[0] == files[1]


def test_a_layer_that_cannot_be_read_ends_the_reading(space, book, tmp_path, monkeypatch):
    whole = readings.read_layer

    def failing(space, layer, known):
        if layer == "land_survey":
            raise MemoryError(layer)
        return whole(space, layer, known)

    monkeypatch.setattr(readings, "read_layer", failing)
    with pytest.raises(MemoryError, match="land_survey"):
        om.read_into(tmp_path / "store", space, book.catalogue)
    assert get_notes(tmp_path / "store") == {}


def test_slices_that_went_between_reading_and_building_are_missed(space, book, tmp_path):
    read = om.read_into(tmp_path / "store", space, book.catalogue)
    gone = object_path(tmp_path / "store", read.slices["land_survey"][0].name)
    gone.unlink()
    with pytest.raises(InputError, match=gone.name):
        om.build_city(read, book, tmp_path / "store", tile=TILE)
    assert store.current(tmp_path / "store") is None


def test_a_build_over_it_is_the_one_from_nothing(space, book, tmp_path, monkeypatch):
    over, once, plain = (tmp_path / name for name in ("over", "once", "plain"))
    om.build_city(om.read_into(over, space, book.catalogue), book, over, tile=TILE)
    changed = drawn_in(space, "csztgh")
    read = om.read_into(over, space, book.catalogue)
    assert read.again == [changed]
    ways = []
    worked = update.worked_out
    monkeypatch.setattr(update, "worked_out", lambda *a: ways.append(worked(*a)) or ways[-1])
    om.build_city(read, book, over, tile=TILE)
    assert len(ways) == 1 and ways[0] is not None, "worked out from nothing after all"
    om.build_city(om.read_into(once, space, book.catalogue), book, once, tile=TILE)
    om.build_city(om.read_features(space, book.catalogue), book, plain, tile=TILE)
    assert version_of(over) == version_of(once) == version_of(plain)


def test_slices_hold_neighbours_in_whatever_order_rows_come(layers, tmp_path):
    rng, crs = np.random.default_rng(4), layers.features.crs
    many = [shapely.box(x, y, x + 8, y + 8) for x in range(0, 800, 10) for y in range(0, 800, 10)]
    frame = layers.features.iloc[np.zeros(len(many), dtype=int)].reset_index(drop=True)
    frame = frame.assign(
        geometry=shapely.transform(np.array(many), lambda xy: xy + [41_500_000.0, 4_550_000.0])
    )
    frame["feature_id"] = [f"land_survey:{n}" for n in range(len(frame))]
    frame["layer"] = "land_survey"
    one = put_features(tmp_path, frame, crs)
    other = put_features(tmp_path, frame.iloc[rng.permutation(len(frame))], crs)
    assert one == other and len(one["land_survey"]) > 3
    boxes = boxes_of(one["land_survey"])
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    assert areas.sum() < 3 * 800 * 800  # and not as many times the whole as there are slices
    moved = frame.copy()
    moved.loc[1234, "geometry"] = moved.geometry[1234].buffer(-1)
    after = put_features(tmp_path, moved, crs)
    assert len(set(one["land_survey"]) - set(after["land_survey"])) <= 2


def test_corners_at_the_same_place_stand_by_id(layers):
    frame = layers.features.iloc[[0, 0, 0]].assign(feature_id=["c", "a", "b"])
    assert neighbours_together(frame).tolist() == [1, 2, 0]


def test_the_town_moves_all_that_is_held_against_it(space, book, tmp_path):
    om.read_into(tmp_path / "store", space, book.catalogue)
    edited(space, lambda told: told.update(town="land_survey"))
    read = om.read_into(tmp_path / "store", space, book.catalogue)
    alike(read.layers, om.read_features(space, book.catalogue))
    assert len(read.again) > 1


def keys_of(space: Path, catalogue) -> dict[str, str | None]:
    """The key of every layer of a workspace."""
    place = load_workspace(space)
    known = known_of(place, catalogue)
    if place.town:
        known = with_town(known, readings.read_layer(place, place.town, known))
    return {layer: reading_key(place, layer, known) for layer in {s.layer for s in place.sources}}


def entry(told: dict, layer: str) -> dict:
    return next(source for source in told["sources"] if source["layer"] == layer)


MOVES_ALL = {"another CRS": lambda told, layer: told.update(crs="EPSG:4528")}
CHANGES = {
    "the date of the data": lambda told, layer: entry(told, layer).update(data_date="2020-02-02"),
    "a field named otherwise": lambda told, layer: (
        entry(told, layer).setdefault("fields", {}).update(name="BZ")
    ),
    "an extent of bounds": lambda told, layer: entry(told, layer).update(extent=[1, 2, 3, 4]),
    "a statement of absence": lambda told, layer: told.setdefault("none", []).append(
        {"layer": layer, "statement": "there is none"}
    ),
}


@pytest.mark.parametrize("what", [*CHANGES, *MOVES_ALL])
def test_the_key_of_a_layer_follows_its_workspace(space, book, what):
    layer = next(s.layer for s in load_workspace(space).sources if s.path == "csztgh.shp")
    before = keys_of(space, book.catalogue)
    assert keys_of(space, book.catalogue) == before and all(before.values())
    edited(space, lambda told: (CHANGES | MOVES_ALL)[what](told, layer))
    after = keys_of(space, book.catalogue)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == (set(before) if what in MOVES_ALL else {layer})


@pytest.mark.parametrize("suffix", ["shp", "dbf", "prj", "cpg", "shx"])
def test_the_key_of_a_layer_follows_its_files(space, book, suffix):
    layer = next(s.layer for s in load_workspace(space).sources if s.path == "csztgh.shp")
    before = keys_of(space, book.catalogue)[layer]
    file = space / f"csztgh.{suffix}"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    place = load_workspace(space)
    assert reading_key(place, layer, known_of(place, book.catalogue)) not in (None, before)


def test_the_key_of_a_layer_follows_edits_that_a_geopackage_holds_aside(space, book):
    """A program that has a GeoPackage open may leave its edits in a journal beside it, where reading sees them."""
    before, was = keys_of(space, book.catalogue), om.read_features(space, book.catalogue).features
    with contextlib.closing(sqlite3.connect(space / "dltb.gpkg")) as link:
        link.execute("PRAGMA journal_mode=WAL")
        link.execute("PRAGMA wal_autocheckpoint=0")
        settled = keys_of(space, book.catalogue)
        link.execute("UPDATE 现状地类图斑 SET DLBM = '0702' WHERE rowid = 1")
        link.commit()
        now = om.read_features(space, book.catalogue).features
        after = keys_of(space, book.catalogue)
    codes = [f[f["layer"] == "land_survey"].set_index("feature_id")["class_code"] for f in (was, now)]
    assert (codes[0].sort_index() != codes[1].sort_index()).sum() == 1
    assert before["land_survey"] != after["land_survey"] != settled["land_survey"]
    assert {k: v for k, v in settled.items() if k != "land_survey"} == {
        k: v for k, v in after.items() if k != "land_survey"
    }


def test_the_key_of_a_layer_follows_the_book(space, book, tmp_path):
    shutil.copytree(Path(om.__file__).parents[1] / "layers", tmp_path / "book")
    one = om.load_catalogue(tmp_path / "book")
    codes = next(iter(sorted((tmp_path / "book" / "codes").glob("*.csv"))))
    codes.write_text(codes.read_text("utf-8") + "\n", "utf-8")
    other = om.load_catalogue(tmp_path / "book")
    before, after = (keys_of(space, catalogue) for catalogue in (one, other))
    assert not set(before.values()) & set(after.values())


def test_files_that_are_not_there_and_tables_of_databases_are_always_read(space, book):
    edited(space, lambda told: told["sources"][0].update(path="pg:service=nowhere#t"))
    place = load_workspace(space)
    layer = place.sources[0].layer
    assert reading_key(place, layer, known_of(place, book.catalogue)) is None
    edited(space, lambda told: told["sources"][0].update(path="gone.shp"))
    place = load_workspace(space)
    assert reading_key(place, layer, known_of(place, book.catalogue)) is None


@pytest.mark.parametrize("what", ["slice", "aside", "gone", "bit", "notes"])
def test_what_is_damaged_is_read_again(space, book, tmp_path, what):
    folder = tmp_path / "store"
    first = om.read_into(folder, space, book.catalogue)
    layer = max(first.slices, key=lambda name: len(first.slices[name]))
    note = get_notes(folder)[layer]
    name = note.slices[0].name if what != "aside" else note.aside["sources"]
    path = object_path(folder, name)
    good = path.read_bytes()
    if what == "gone":
        path.unlink()
    elif what == "bit":
        path.write_bytes(good[:99] + bytes([good[99] ^ 1]) + good[100:])
    elif what == "notes":
        (folder / NOTES).write_text("{", "utf-8")
    else:
        os.truncate(path, len(good) // 2)
    read = om.read_into(folder, space, book.catalogue)
    assert layer in read.again and path.read_bytes() == good
    assert (what == "notes") == (len(read.again) == len(first.again))
    assert read.slices == first.slices


def test_pruning_leaves_what_the_next_reading_needs(space, book, tmp_path):
    folder = tmp_path / "store"
    om.build_city(om.read_into(folder, space, book.catalogue), book, folder, tile=TILE)
    drawn_in(space, "csztgh")
    om.build_city(om.read_into(folder, space, book.catalogue), book, folder, tile=TILE)
    assert store.prune(folder, []) > 0
    assert om.read_into(folder, space, book.catalogue).again == []


def test_pruning_leaves_what_a_build_of_always_read_layers_is_about_to_use(
    space, book, tmp_path, monkeypatch
):
    monkeypatch.setattr(readings, "reading_key", lambda *given: None)
    folder = tmp_path / "store"
    om.build_city(om.read_into(folder, space, book.catalogue), book, folder, tile=TILE)
    drawn_in(space, "csztgh")
    read = om.read_into(folder, space, book.catalogue)
    assert len(read.again) == len(get_notes(folder))
    store.prune(folder, [])
    om.build_city(read, book, folder, tile=TILE)
    assert om.read_blueprint(folder).balance["relative"].abs().max() < 1e-9


def test_a_folder_that_another_process_builds_into_is_not_read_into(space, book, tmp_path):
    with alone_in(tmp_path), pytest.raises(om.InputError, match="another"):
        om.read_into(tmp_path, space, book.catalogue)


def test_web_maps_are_held_against_layers_that_were_not_read_again(space, book, tmp_path):
    """The offset of web maps is found in a layer that changed although the others were only recalled."""
    place = load_workspace(space)
    layer = next(s.layer for s in place.sources if s.path == "csztgh.shp")
    om.read_into(tmp_path / "store", space, book.catalogue)
    frame = gpd.read_file(space / "csztgh.shp").to_crs("EPSG:4490")
    frame.geometry = shapely.transform(frame.geometry.to_numpy(), lambda xy: np.column_stack(gcj02(*xy.T)))
    frame.set_crs("EPSG:4326", allow_override=True).to_file(space / "csztgh.geojson", driver="GeoJSON")
    edited(space, lambda told: entry(told, layer).update(path="csztgh.geojson", accept_wgs84="true"))
    read = om.read_into(tmp_path / "store", space, book.catalogue)
    assert read.again == [layer]
    fresh = om.read_features(space, book.catalogue)
    assert "web_map_offset" in set(fresh.issues["issue"])
    alike(read.layers, fresh)
