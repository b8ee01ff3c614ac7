"""A blueprint brought up to date is the same, byte for byte, as one raised from nothing, and costs what the change costs."""

import hashlib
import shutil

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from shapely.affinity import translate

import onemap as om
from onemap.blueprint import city, errands, jobs, store, update, whole
from onemap.blueprint.change import edge_boxes
from onemap.blueprint.edges import NotCertified
from onemap.blueprint.objects import object_path
from onemap.land.area import ellipsoidal_area

TILE = 900


@pytest.fixture
def worked(monkeypatch):
    """The tiles that are worked out, as a growing list; ``whole`` is in it for a build from nothing."""
    done = []
    tile, whole = jobs.arrange_tile, city.work_out_whole
    monkeypatch.setattr(jobs, "arrange_tile", lambda given, one: done.append(one) or tile(given, one))
    monkeypatch.setattr(city, "work_out_whole", lambda *a: done.append("whole") or whole(*a))
    return done


@pytest.fixture(scope="module")
def built(layers, book, tmp_path_factory):
    """The sample town in a store, which no test may touch."""
    folder = tmp_path_factory.mktemp("built")
    om.build_city(layers, book, folder, tile=TILE)
    return folder


@pytest.fixture
def chain(built, tmp_path):
    """A store of its own that holds the sample town."""
    return shutil.copytree(built, tmp_path / "chain")


def content(folder) -> dict[str, str]:
    """Every file of a store by its path, as hash of its bytes."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def version_of(folder) -> str:
    """The list of the current version, whose names are hashes of all that it holds."""
    return (folder / "versions" / f"{store.current(folder)['manifest']['version']}.json").read_text("utf-8")


def with_features(layers, features, mark: str):
    """The same reading with other features; its sources say so."""
    crs = layers.features.crs
    own = gpd.GeoDataFrame(features, geometry="geometry", crs=crs).reset_index(drop=True)
    own["area_m2"] = ellipsoidal_area(own.geometry.to_numpy(), crs)
    return layers._replace(features=own, sources=layers.sources.assign(sha256=mark))


def nudged(rng, layers):
    """One corner of some feature moved."""
    f = layers.features.copy()
    k = int(rng.integers(len(f)))
    shape = f.geometry.iloc[k]
    xy = shapely.get_coordinates(shape)
    at = int(rng.integers(1, len(xy) - 1))
    xy[at] += rng.normal(0, 3.0, 2)
    xy[np.all(shapely.get_coordinates(shape) == shapely.get_coordinates(shape)[at], axis=1)] = xy[at]
    new = shapely.set_coordinates(shapely.from_wkb(shapely.to_wkb(shape)), xy)
    f.loc[f.index[k], "geometry"] = new if new.is_valid and new.area > 0 else shape.buffer(-0.01)
    return f[~f.geometry.is_empty]


def without(rng, layers):
    """Some feature gone."""
    return layers.features.drop(layers.features.index[int(rng.integers(len(layers.features)))])


def another(rng, layers):
    """A feature more: a copy of one, moved."""
    f = layers.features
    new = f.iloc[[int(rng.integers(len(f)))]].copy()
    new["feature_id"] = [f"{new['layer'].iloc[0]}:new{rng.integers(1e9)}"]
    new["geometry"] = [translate(new.geometry.iloc[0], *rng.normal(0, 40.0, 2))]
    return pd.concat([f, new], ignore_index=True)


def reworded(rng, layers):
    """A feature of another class."""
    f = layers.features.copy()
    k = f.index[int(rng.integers(len(f)))]
    others = f.loc[f["layer"] == f.at[k, "layer"], "class_code"].dropna().unique()
    f.loc[k, "class_code"] = rng.choice(others) if len(others) else None
    return f


def dissolved(rng, layers):
    """Two neighbours of a layer made one."""
    f = layers.features.copy()
    k = int(rng.integers(len(f)))
    own = f[(f["layer"] == f["layer"].iloc[k]) & f.touches(f.geometry.iloc[k])]
    if own.empty:
        return nudged(rng, layers)
    f.loc[f.index[k], "geometry"] = shapely.union(f.geometry.iloc[k], own.geometry.iloc[0])
    return f.drop(own.index[0])


CHANGES = (nudged, without, another, reworded, dissolved)


@pytest.mark.parametrize("seed", range(4))
def test_a_chain_of_changes_leaves_no_trace(layers, book, tmp_path, chain, worked, seed):
    """Changes one after the other, each built over the one before: the same version as from nothing."""
    rng, now = np.random.default_rng(seed), layers
    for turn, change in enumerate(rng.permutation(np.array(CHANGES, dtype=object))):
        now = with_features(now, change(rng, now), f"{seed}-{turn}")
        worked.clear()
        om.build_city(now, book, chain, tile=TILE)
        assert "whole" not in worked, change.__name__
        om.build_city(now, book, tmp_path / f"once-{turn}", tile=TILE)
        assert version_of(chain) == version_of(tmp_path / f"once-{turn}"), change.__name__


def odd_shape(rng):
    """A box, a ring, a triangle or a frame on a coarse lattice, so that edges and corners meet all the time."""
    x, y = rng.integers(-40, 40, 2) * 10.0
    w, h = rng.integers(1, 12, 2) * 10.0
    kind = rng.integers(5)
    if kind == 0:
        return shapely.Polygon([(x, y), (x + w, y + 3), (x + 4, y + h)])
    if kind == 1:
        return shapely.box(x - 5 * w, y - 5 * h, x + 5 * w, y + 5 * h) - shapely.box(
            x - 4 * w, y - 4 * h, x + 4 * w, y + 4 * h
        )
    if kind == 2:
        return shapely.box(x, y, x + w + 20, y + h + 20) - shapely.box(x + 10, y + 10, x + w + 10, y + h + 10)
    if kind == 3:  # a hole that touches the shell, and an island in it
        shell = shapely.box(x, y, x + 90, y + 90) - shapely.Polygon(
            [(x, y + 40), (x + 60, y + 10), (x + 60, y + 80)]
        )
        return shapely.union(shell, shapely.box(x + 40, y + 40, x + 50, y + 50))
    return shapely.box(x, y, x + w, y + h)


def with_words(given):
    return {name: [(shape, {}) for shape in shapes] for name, shapes in given.items()}


def odd_town(rng, boxed, was=None):
    """Layers of odd shapes; with ``was``, the same but for a few, perhaps with another place that nobody can read."""
    names = ("forest_land", "black_soil", "detailed_plan", "ecological_redline")
    if was is None:
        given = {name: [odd_shape(rng) for _ in range(12)] for name in names}
        return given, boxed(with_words(given))
    given = {name: list(shapes) for name, shapes in was.items()}
    for name in rng.choice(names, rng.integers(1, 3), replace=False):
        for _ in range(rng.integers(1, 3)):
            given[name][rng.integers(12)] = odd_shape(rng)
    x, y = rng.integers(-30, 30, 2) * 10.0
    aside = {"ecological_redline": (x, y, x + 70, y + 50)} if rng.random() < 0.4 else None
    extents = {"black_soil": (-5000, -5000, x, 5000)} if rng.random() < 0.3 else None
    layers = boxed(with_words(given), quarantined=aside, extents=extents)
    return given, layers._replace(sources=layers.sources.assign(sha256=str(rng.integers(1e9))))


@pytest.mark.parametrize("seed", range(1, 11))
def test_odd_shapes_leave_no_trace(boxed, book, tmp_path, worked, monkeypatch, seed):
    """Rings in rings, holes that touch their shells, shared corners, land set aside and land unmapped, tile by tile."""
    monkeypatch.setattr(whole, "COMPILED_FROM", 0)
    monkeypatch.setattr(update, "HALF", 1.0)
    rng = np.random.default_rng(seed)
    given, now = odd_town(rng, boxed)
    patched = 0
    om.build_city(now, book, tmp_path / "chain", tile=40)
    for turn in range(3):
        given, now = odd_town(rng, boxed, given)
        worked.clear()
        om.build_city(now, book, tmp_path / "chain", tile=40)
        patched += "whole" not in worked
        om.build_city(now, book, tmp_path / f"once-{turn}", tile=40)
        assert version_of(tmp_path / "chain") == version_of(tmp_path / f"once-{turn}"), turn
    assert patched, "a small change was worked out on its own at least once"


def test_a_small_change_redoes_little(layers, book, tmp_path, worked):
    """One feature's class: the tiles that it lies in and their neighbours, of hundreds."""
    om.build_city(layers, book, tmp_path, tile=TILE)
    everything = len(set(worked) - {"whole"})
    before = content(tmp_path)
    f = layers.features.copy()
    small = f.index[f["layer"] == "land_survey"][np.argmin(f.loc[f["layer"] == "land_survey", "area_m2"])]
    f.loc[small, "name"] = "another name"
    worked.clear()
    om.build_city(with_features(layers, f, "new"), book, tmp_path, tile=TILE)
    assert 0 < len(worked) < everything / 20 and "whole" not in worked
    written = set(content(tmp_path)) - set(before)
    assert len(written) < len(before) / 10


def test_the_same_again_redoes_nothing(layers, book, chain, worked):
    om.build_city(layers._replace(sources=layers.sources.assign(sha256="new")), book, chain, tile=TILE)
    assert worked == []
    assert len(store.versions(chain)) == 2


@pytest.mark.parametrize("what", ["law", "bounds", "all", "tile", "layer", "writing"])
def test_what_concerns_everything_is_raised_from_nothing(layers, book, tmp_path, chain, worked, what):
    """Another law, wider bounds, a change everywhere, other tiles, a layer less, tables written another way: never patched
    onto the old version."""
    law, now, tile, f = book, layers, TILE, layers.features
    if what == "law":
        law = om.load_rulebook("2024-03-02")
    elif what == "bounds":
        far = f.iloc[[0]].assign(
            geometry=[translate(f.geometry.iloc[0], 60_000, 0)], feature_id=["admin_district:far"]
        )
        now = with_features(layers, pd.concat([f, far], ignore_index=True), "far")
    elif what == "all":
        now = with_features(layers, f.assign(name="renamed"), "all")
    elif what == "tile":
        tile = 2 * TILE
        now = layers._replace(sources=layers.sources.assign(sha256="new"))
    elif what == "writing":
        now = layers._replace(sources=layers.sources.assign(sha256="new"))
        (path,) = (chain / "versions").glob("*.json")
        path.write_text(path.read_text("utf-8").replace('"writing": 2', '"writing": 1'), "utf-8")
    else:
        nowhere = layers.sources.loc[layers.sources["status"] == "none", "layer"].iloc[0]
        rest = {name: getattr(layers, name) for name in ("sources", "extents")}
        now = layers._replace(**{name: part[part["layer"] != nowhere] for name, part in rest.items()})
    worked.clear()
    om.build_city(now, law, chain, tile=tile)
    assert "whole" in worked
    om.build_city(now, law, tmp_path / "once", tile=tile)
    assert version_of(chain) == version_of(tmp_path / "once")


def test_a_damaged_old_version_is_not_built_upon(layers, book, tmp_path, chain):
    """What the new version would rest on is cut off on the disk: all is worked out again, and the new version is whole."""
    for row in store.tiles_of(chain, store.current(chain)):
        object_path(chain, row.faces).write_bytes(b"PAR1 no longer")
    f = layers.features.copy()
    f.loc[f.index[:3], "name"] = "renamed"
    now = with_features(layers, f, "new")
    om.build_city(now, book, chain, tile=TILE)
    om.build_city(now, book, tmp_path / "once", tile=TILE)
    assert version_of(chain) == version_of(tmp_path / "once")
    assert len(store.open_store(chain).faces)


def test_what_cannot_be_proven_is_raised_from_nothing(
    layers, book, tmp_path, chain, worked, monkeypatch, caplog
):
    """A change that fails its proof after tiles were worked out: nothing of that attempt reaches the full build."""
    now = with_features(layers, dissolved(np.random.default_rng(5), layers), "new")

    def refused(*given):
        raise NotCertified("tiles do not agree")

    monkeypatch.setattr(update, "walk_on", refused)
    worked.clear()
    om.build_city(now, book, chain, tile=TILE)
    assert worked[0] != "whole" and "whole" in worked and "all is worked out instead" in caplog.text
    om.build_city(now, book, tmp_path / "once", tile=TILE)
    assert version_of(chain) == version_of(tmp_path / "once")
    assert not list((chain).glob(".building*"))


def test_what_another_build_has_begun_stays(layers, book, tmp_path, chain):
    """The same version in tiles of another size, stopped half-way: it can still go on after this build has ended."""
    now = with_features(layers, dissolved(np.random.default_rng(5), layers), "new")
    version = om.build_city(now, book, tmp_path / "once", tile=TILE).version
    begun = chain / f".building-{version}-{TILE}0"
    begun.mkdir()
    om.build_city(now, book, chain, tile=TILE)
    assert [path.name for path in chain.glob(".building*")] == [begun.name]


def test_workers_update_to_the_same_bytes(layers, book, tmp_path, monkeypatch):
    monkeypatch.setattr(errands, "TASK", 500)
    rng = np.random.default_rng(5)
    now = with_features(layers, dissolved(rng, layers), "new")
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        om.build_city(layers, book, folder, tile=TILE, workers=2)
        om.build_city(now, book, folder, tile=TILE, workers=workers)
    assert content(tmp_path / "1") == content(tmp_path / "2")


def test_where_edges_differ():
    old = shapely.box(0, 0, 9, 9)
    new = shapely.Polygon([(0, 0), (9, 0), (9, 9), (5, 9), (4, 8), (3, 9), (0, 9)])
    assert edge_boxes(np.array([old, old]), np.array([old, new])).tolist() == [[0.0, 8.0, 9.0, 9.0]]
    turned = shapely.Polygon([(9, 9), (0, 9), (0, 0), (9, 0)])
    assert len(edge_boxes(np.array([old]), np.array([turned]))) == 0
