"""Conflicts asked of another day or book: those of the store where they are the same, found again where they may not be."""

import shutil
from datetime import date, timedelta

import pandas as pd
import pytest
import shapely

import onemap as om
from onemap.blueprint.conflict_days import conflict_day, conflicts_stand
from onemap.blueprint.restated import with_conflicts
from onemap.blueprint.store import open_store
from onemap.book.location import layers_path

BUILT = date(2024, 3, 1)
CITY = {"faces", "covers", "unknowns", "conflict_faces", "features", "conflicts"}
APART = (-2, -1, 0, 1, 2)  # days


def conflicts_of(blueprint):
    """All that the conflicts say, and at which faces they are, to the last bit."""
    table = pd.DataFrame(blueprint.conflicts).reset_index(drop=True)
    table["geometry"] = shapely.to_wkb(table["geometry"].to_numpy(dtype=object), hex=True)
    return table, blueprint.conflict_faces.reset_index(drop=True), blueprint.faces["conflict_id"].tolist()


def same(one, other):
    for a, b in zip(conflicts_of(one), conflicts_of(other), strict=True):
        if isinstance(a, list):
            assert a == b
        else:
            pd.testing.assert_frame_equal(a, b, check_exact=True, check_dtype=False)


@pytest.mark.parametrize("limit", ["valid_from", "valid_to", "valid_until"])
@pytest.mark.parametrize("turn", APART)
@pytest.mark.parametrize("apart", APART)
def test_conflicts_of_another_day_are_those_of_a_blueprint_built_on_it(boxed, limit, turn, apart):
    """Farmland, or a source, that begins or ceases to count on the day before, on, or after one of the two days."""
    day, other = BUILT + timedelta(turn), BUILT + timedelta(apart)
    attributes = {} if limit == "valid_until" else {limit: day}
    farmland = [(0, 0, 600, 500), ((900, 0, 1500, 500), attributes)]
    layers = boxed({"permanent_basic_farmland": farmland, "urban_development_boundary": [(0, 0, 3000, 300)]})
    if limit == "valid_until":
        layers.sources["valid_until"] = day
    built, asked = om.load_rulebook(BUILT), om.load_rulebook(other)
    town = om.build_blueprint(layers, built)
    found = with_conflicts(town, asked)
    same(found, om.build_blueprint(layers, asked))
    assert found.manifest["conflicts"] == conflict_day(asked)
    assert (found.conflicts is town.conflicts) == (not min(BUILT, other) < day <= max(BUILT, other))


@pytest.fixture(scope="module")
def folder(layers, book, tmp_path_factory):
    place = tmp_path_factory.mktemp("store")
    om.build_city(layers, book, place)
    return place


def test_a_day_on_which_nothing_turns_leaves_the_city_unread(folder, layers, book, sites):
    other = om.load_rulebook(book.as_of + timedelta(1), dates=book.dates)
    found = with_conflicts(open_store(folder), other)
    assert not CITY & set(vars(found)) and found.manifest["conflicts"]["as_of"] == "2024-03-02"
    same(found, om.build_blueprint(layers, other))


def edited(tmp_path, table, old, new):
    """The packaged book with one cell changed."""
    folder = tmp_path / "book"
    shutil.copytree(layers_path(), folder, ignore=shutil.ignore_patterns("sample"))
    text = (folder / table).read_text(encoding="utf-8")
    assert old in text
    (folder / table).write_text(text.replace(old, new), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "table, old, new, stand",
    [
        ("parameters.csv", "margin_limit,,,10,", "margin_limit,,,20,", True),
        ("parameters.csv", "sliver_width,,,2,", "sliver_width,,,40,", False),
        (
            "conflicts.csv",
            "urban_development_boundary,both,data,",
            "urban_development_boundary,both,review,",
            False,
        ),
        ("subjects.csv", "land_use_zones,class_code=030|040|050|060", "land_use_zones,class_code=030", False),
    ],
)
def test_another_book(folder, tmp_path, layers, book, table, old, new, stand):
    other = om.load_rulebook(book.as_of, edited(tmp_path, table, old, new), dates=book.dates)
    assert other.version != book.version
    found, town = with_conflicts(open_store(folder), other), om.build_blueprint(layers, other)
    assert conflicts_stand(open_store(folder), other) == stand
    same(found, town)
    assert stand or not conflicts_of(town)[0].equals(conflicts_of(om.build_blueprint(layers, book))[0])
