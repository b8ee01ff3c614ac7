"""Code tables: one mapping per standard, codes as strings, one-to-many flagged."""

import csv

import pytest

from onemap.book.catalogue import load_catalogue
from onemap.book.location import layers_path


@pytest.fixture(scope="module")
def catalogue():
    return load_catalogue()


def test_one_reservoir_three_answers(catalogue):
    assert catalogue.codes["ydyh2023"].at["1703", "major_class"] == "agricultural"
    assert catalogue.codes["gbt21010"].at["1103", "major_class"] == "agricultural"
    assert catalogue.codes["ghdl"].at["2260", "major_class"] == "construction"
    assert catalogue.codes["erdiao_planning"].at["113", "major_class"] == "construction"
    assert catalogue.codes["gb50137"].at["E12", "major_class"] == "non_construction"


def test_the_same_code_means_different_things(catalogue):
    assert catalogue.codes["gzq"].at["030", "name_zh"] == "限制建设区"
    assert catalogue.codes["tdytq"].at["030", "name_zh"] == "城镇建设用地区"


@pytest.mark.parametrize("path", sorted((layers_path() / "codes").glob("*.csv")), ids=lambda p: p.stem)
def test_codes_are_the_strings_of_the_file(catalogue, path):
    if path.stem in ("crosswalks", "editions"):
        return
    with path.open(encoding="utf-8", newline="") as file:
        raw = [row["code"] for row in csv.DictReader(file)]
    assert catalogue.codes[path.stem].index.tolist() == raw


def test_leading_zeros_survive(catalogue):
    codes = catalogue.codes["ydyh2023"]
    assert codes.at["0701", "name_zh"] == "城镇住宅用地"
    assert "701" not in codes.index
    assert codes.at["070101", "parent"] == "0701"
    assert codes.at["0701", "parent"] == "07"


def test_the_deepest_codes_of_2023_have_a_major_class(catalogue):
    codes = catalogue.codes["ydyh2023"]
    parents = set(codes["parent"])
    assert all(codes.at[c, "major_class"] for c in codes.index if c not in parents)


def test_one_to_many_is_flagged(catalogue):
    walk = catalogue.crosswalks[catalogue.crosswalks["from_table"] == "gb50137"].set_index("from_code")
    assert {"A22", "H14", "H3", "H9", "E2", "S3"} == set(walk.index[walk["ambiguous"] == "Y"])
    assert walk.at["R2", "to_code"] == "070102"
    targets = set(catalogue.codes["ydyh2023"].index)
    assert set(walk["to_code"]) - {""} <= targets


def test_hectares_are_declared_where_they_are_handed_in(catalogue):
    fields = catalogue.fields.set_index(["layer", "field"])
    assert fields.at[("construction_control_zones", "area"), "unit"] == "ha"
    assert fields.at[("land_survey", "area"), "unit"] == "m2"
