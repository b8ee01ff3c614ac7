"""Compiled loops are kept and loaded without the compiler; what is damaged is compiled again; without a place GEOS does it."""

import logging
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import shapely

import onemap
import onemap as om
from onemap import compiled
from onemap.blueprint import noding, points
from onemap.blueprint.before import find_before
from onemap.blueprint.overlay import INSTEAD, STANDARD, overlay, overlay_by_geos
from onemap.blueprint.store import current
from onemap.review import pieces

BOUNDS = """
import sys
import numpy as np
from onemap.blueprint import points
assert points.bounds(np.array([[1.0, 2.0], [3.0, -4.0]])) == (1.0, -4.0, 3.0, 2.0)
print("numba" in sys.modules)
"""


@pytest.fixture
def house(tmp_path):
    """A copy of the package's blueprint with nothing compiled."""
    forget = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(onemap.__file__).parent, tmp_path / "onemap", ignore=forget)
    return tmp_path


def said(house: Path) -> str:
    out = subprocess.run(
        [sys.executable, "-c", BOUNDS], cwd=house, capture_output=True, text=True, check=True
    )
    return out.stdout.strip()


def test_the_compiler_is_loaded_once_and_again_when_the_source_or_the_object_changed(house):
    assert said(house) == "True"
    assert said(house) == "False"
    (kept,) = (house / "onemap" / "__pycache__").glob("points.*.o")
    kept.write_bytes(kept.read_bytes()[:-1] + b"?")
    assert said(house) == "True"
    assert said(house) == "False"
    source = house / "onemap" / "blueprint" / "exact.py"  # its functions are called by those of points
    source.write_text(source.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert said(house) == "True"
    assert len(list((house / "onemap" / "__pycache__").glob("points.*.o"))) == 1


@pytest.mark.parametrize(
    "given",
    [
        np.zeros((4, 2), dtype=np.float32),
        np.zeros(4),
        np.zeros((4, 4))[:, ::2],
        [[0.0, 0.0]],
    ],
    ids=["another kind", "another shape", "not contiguous", "no array"],
)
def test_what_does_not_fit_is_refused(given):
    with pytest.raises(TypeError, match="bounds: value 0"):
        points.bounds(given)


def test_several_numbers_a_truth_and_nothing_come_back():
    xy = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    assert noding.close_rings(xy, np.array([4], dtype=np.int32), np.empty(4, dtype=bool)) is True
    assert noding.close_rings(xy, np.array([3], dtype=np.int32), np.empty(4, dtype=bool)) is False
    assert points.quantise(xy, np.zeros(2), np.ones(2)) is None


def test_nowhere_to_keep_it_hands_over_to_geos(monkeypatch, caplog):
    def nowhere(module):
        raise compiled.NotCompiled("nowhere to keep what is compiled")

    monkeypatch.setattr(compiled, "_object_of", nowhere)
    monkeypatch.setattr(compiled, "_loaded", {})
    fresh = compiled.compiled("f8[][] -> f8 f8 f8 f8")(points.bounds.__wrapped__)
    monkeypatch.setattr(points, "bounds", fresh)
    monkeypatch.setattr("onemap.blueprint.arrangement.bounds", fresh)
    squares = np.array([shapely.box(x, 0, x + 2, 1) for x in range(5)])
    dense = shapely.segmentize(squares, 2e-4)
    with caplog.at_level(logging.WARNING):
        got = overlay(dense)
    assert "not available" in caplog.text
    assert len(got.faces) == len(overlay_by_geos(squares).faces)
    pieces._compiled.cache_clear()
    with caplog.at_level(logging.WARNING):
        assert pieces.way_for(10**6) is pieces.cut
    assert "areas are not available" in caplog.text
    pieces._compiled.cache_clear()


def test_a_machine_that_cannot_compile_builds_a_city_by_geos(
    layers, book, town, tmp_path, monkeypatch, caplog
):
    """Whatever the compiler stumbles over: GEOS does it, on its own grid, and area adds up."""

    def broken(code, names):
        raise RuntimeError("no such target")

    monkeypatch.setattr(compiled, "_load", broken)
    monkeypatch.setattr(compiled, "_loaded", {})
    fresh = compiled.compiled("f8[][] i4[] b1[] -> b1")(noding.close_rings.__wrapped__)
    monkeypatch.setattr(noding, "close_rings", fresh)
    with caplog.at_level(logging.WARNING):
        opened = om.build_city(layers, book, tmp_path, tile=6000)
    assert "RuntimeError: no such target" in caplog.text
    assert opened.balance["relative"].abs().max() < 1e-9
    assert np.isclose(opened.faces["area_m2"].sum(), town.faces["area_m2"].sum(), rtol=1e-9)
    assert opened.manifest["faces_by"] == INSTEAD and town.manifest["faces_by"] == STANDARD
    assert opened.version != town.version


def test_what_geos_did_instead_is_never_built_upon(layers, book, tmp_path):
    town = om.build_city(layers, book, tmp_path, tile=6000)
    asked = (town.manifest, layers.sources, layers.quarantine, book, 6000)
    assert find_before(tmp_path, *asked) is not None
    say_by_geos(tmp_path)
    assert find_before(tmp_path, *asked) is None


@pytest.mark.parametrize(("lang", "words"), [("zh", "图斑改由 GEOS"), ("en", "GEOS worked out the faces")])
def test_who_reads_what_geos_did_instead_is_told(layers, book, tmp_path, lang, words):
    om.build_city(layers, book, tmp_path / "town", tile=6000)
    command = [sys.executable, "-m", "onemap.cli", "check", str(om.sample_path() / "sites" / "P11.txt"), "-b"]
    command += [str(tmp_path / "town"), "--lang", lang]
    before = subprocess.run(command, capture_output=True, text=True, encoding="utf-8").stdout
    say_by_geos(tmp_path / "town")
    after = subprocess.run(command, capture_output=True, text=True, encoding="utf-8").stdout
    assert before and words not in before and words in after


def say_by_geos(folder: Path) -> None:
    """Let the current version of a store say that GEOS did what compiled steps do elsewhere."""
    path = folder / "versions" / f"{current(folder)['manifest']['version']}.json"
    text = path.read_text(encoding="utf-8")
    assert f'"{STANDARD}"' in text
    path.write_text(text.replace(f'"{STANDARD}"', f'"{INSTEAD}"'), encoding="utf-8")
