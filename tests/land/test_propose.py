import shutil

import pandas as pd
import pyogrio
import pytest
import yaml

from onemap.book.location import sample_path
from onemap.errors import InputError
from onemap.land.parcels import read_parcels
from onemap.land.propose import propose, write_proposal
from onemap.land.read import read_features
from onemap.land.workspace import load_workspace

NOT_SHOWN = {"heritage_protection", "evaluation_zones"}


@pytest.fixture(scope="module")
def proposed(tmp_path_factory, catalogue):
    """The sample town's files without its workspace file, and the file proposed for them."""
    folder = tmp_path_factory.mktemp("init") / "样例镇 资料"
    shutil.copytree(
        sample_path(), folder, ignore=shutil.ignore_patterns("onemap.yaml", "*.py", "__pycache__")
    )
    return folder, write_proposal(folder, catalogue)


def test_the_sample_town_is_recognised(proposed, catalogue):
    folder, path = proposed
    space, meant = load_workspace(path), load_workspace(sample_path())
    assert (space.crs, space.town, space.sites.path) == ("EPSG:4529", "admin_district", "sites")
    got = {(s.layer, s.path, s.table) for s in space.sources}
    want = {(s.layer, s.path, s.table) for s in meant.sources}
    assert got == want, got ^ want
    assert len(read_parcels(folder / "sites", space.crs, catalogue, workspace=space).parcels) > 5


def test_what_it_proposes_reads_like_the_real_workspace(proposed, catalogue):
    mine, meant = read_features(proposed[0], catalogue), read_features(sample_path(), catalogue)
    a = mine.sources.set_index("layer")
    b = meant.sources[meant.sources["status"] == "found"].set_index("layer")
    pd.testing.assert_series_equal(a["rows_kept"].sort_index(), b["rows_kept"].sort_index())
    for layer in set(b.index) - NOT_SHOWN:
        codes = [
            f[f["layer"] == layer]["class_code"].value_counts().to_dict()
            for f in (mine.features, meant.features)
        ]
        assert codes[0] == codes[1], layer
    known = dict(mine.extents.groupby("layer").size())
    assert set(known) == set(a.index)


def test_doubts_are_comments_and_nothing_is_guessed(town, catalogue):
    folder = town.path
    frame = town.frame([town.square(300 * i) for i in range(3)], TDYTQLXDM=["030", "010", "020"])
    pyogrio.write_dataframe(frame.set_crs(None, allow_override=True), folder / "TDYTQ.fgb")
    pyogrio.write_dataframe(frame.rename(columns={"TDYTQLXDM": "甲"}), folder / "什么.gpkg")
    pyogrio.write_dataframe(frame, folder / "DLTB 2020.gpkg")
    (folder / "图.dwg").write_bytes(b"AC1027")
    text = propose(folder, catalogue)
    plain = yaml.safe_load(text)
    zones = next(s for s in plain["sources"] if s["layer"] == "land_use_zones")
    assert "crs" not in zones and "# crs:" not in text and "EPSG:4529（或 Xian 1980" in text
    assert [s["layer"] for s in plain["sources"]] == ["land_survey", "land_use_zones", "admin_district"]
    comments = "\n".join(line for line in text.splitlines() if line.lstrip().startswith("#"))
    assert "什么.gpkg" in comments and "图.dwg" in comments and "DXF" in comments
    assert "permanent_basic_farmland" in comments and "none:" not in plain
    (folder / "onemap.yaml").write_text(text, encoding="utf-8")
    layers = read_features(folder, catalogue)
    assert layers.sources.set_index("layer").loc["land_use_zones", "status"] == "no_crs"


def test_never_over_an_existing_file(town, catalogue):
    town.write("")
    before = (town.path / "onemap.yaml").read_bytes()
    with pytest.raises(InputError, match="already"):
        write_proposal(town.path, catalogue)
    assert (town.path / "onemap.yaml").read_bytes() == before


def test_folders_without_files(tmp_path, catalogue):
    with pytest.raises(InputError, match="no readable file"):
        propose(tmp_path, catalogue)
    with pytest.raises(InputError, match="no such folder"):
        propose(tmp_path / "x", catalogue)
    (tmp_path / "a.shp").write_bytes(b"nothing")
    assert yaml.safe_load(propose(tmp_path, catalogue, "en"))["sources"] == []


@pytest.mark.parametrize("name", ["null", "030", "a: b", "甲 #乙", '"q"', "on'e", "-x", "1e5", "{}", "x\ny"])
def test_odd_names_are_quoted(name):
    from onemap.land.propose import _word

    assert yaml.safe_load(f"a: {_word(name)} # c") == {"a": name}
