"""What is sent to the meeting page cannot hang it or use it up: a real process that is ended, and the next that reads."""

import json
import math
from pathlib import Path

import pytest

import onemap as om
from onemap.present.meeting import reader as reading
from onemap.present.meeting.reader import Reader
from onemap.present.meeting.refusal import Refusal

GOOD = (om.sample_path() / "sites" / "P11.txt").read_bytes()


@pytest.fixture
def reader(town, book):
    made = []

    def make(**limits):
        made.append(Reader(town.crs, book.catalogue, **limits))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def star(points, town, turns=None):
    """A closed line that crosses itself about points² / 2 times: small to send, endless to mend. turns : 1 for a circle"""
    centre = town.faces.geometry.iloc[0].representative_point()
    step = 2 * math.pi * (turns or points // 2) / points
    ring = [[centre.x + 900 * math.cos(step * n), centre.y + 900 * math.sin(step * n)] for n in range(points)]
    crs = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{town.crs.to_epsg()}"}}
    shape = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    feature = {"type": "Feature", "properties": {}, "geometry": shape}
    return json.dumps({"type": "FeatureCollection", "crs": crs, "features": [feature]}).encode()


def refusal(act):
    with pytest.raises(Refusal) as told:
        act()
    return told.value


def test_what_takes_too_long_is_stopped_and_the_next_is_read(reader, town):
    mine = reader(seconds=4, megabytes=8192)
    assert len(mine.read("upload", GOOD, ".txt", None).parcels) == 1
    first, folder = mine._process, Path(mine._folder.name)
    assert refusal(lambda: mine.read("upload", star(9001, town), ".geojson", None)).word == "long"
    assert not first.is_alive() and not folder.exists()
    assert len(mine.read("upload", GOOD, ".txt", None).parcels) == 1


def test_what_needs_too_much_memory_is_refused_and_the_next_is_read(reader, town):
    pytest.importorskip("resource", reason="this system bounds no memory")
    mine = reader(seconds=60, megabytes=96)
    told = refusal(lambda: mine.read("upload", star(9001, town), ".geojson", None))
    assert told.word in ("heavy", "unreadable")
    assert len(mine.read("upload", GOOD, ".txt", None).parcels) == 1


def test_what_every_reading_needs_does_not_count_against_the_first_file(reader):
    pytest.importorskip("resource", reason="this system bounds no memory")
    assert len(reader(megabytes=24).read("upload", GOOD, ".txt", None).parcels) == 1


def test_a_process_that_earlier_files_have_used_up_costs_the_next_file_nothing(reader, town):
    """Memory that an earlier file took and left in pieces: the next file is read by a fresh process."""
    resource = pytest.importorskip("resource", reason="this system bounds no memory")
    if not hasattr(resource, "prlimit"):
        pytest.skip("this system bounds no other process")
    mine = reader()
    assert len(mine.read("upload", GOOD, ".txt", None).parcels) == 1
    first = mine._process
    resource.prlimit(first.pid, resource.RLIMIT_AS, (1 << 20, 1 << 20))
    assert len(mine.read("upload", star(20_000, town, turns=1), ".geojson", None).parcels) == 1
    assert mine._process is not first


def test_what_kills_the_process_costs_one_refusal(reader):
    mine = reader()
    nested = "GEOMETRYCOLLECTION(" * 100_000
    assert refusal(lambda: mine.read("text", nested, "EPSG:4490")).word in ("heavy", "shape")
    assert len(mine.read("upload", GOOD, ".txt", None).parcels) == 1
    mine._process.kill()
    mine._process.join()
    assert len(mine.read("upload", GOOD, ".txt", None).parcels) == 1


def test_what_the_reading_refuses_is_told_in_its_own_words(reader):
    mine = reader()
    large = refusal(lambda: mine.read("text", "1" * (reading.intake.MOST_TEXT + 1), None))
    assert (large.key, large.status, large.values) == ("meeting.error.large", 413, {"limit": "2"})
    assert refusal(lambda: mine.read("upload", b"MZ" + bytes(99), ".dxf", None)).word == "unreadable"
    assert mine._process.is_alive()
