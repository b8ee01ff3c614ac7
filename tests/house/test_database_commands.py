"""The commands as they are typed, over a blueprint in a real PostGIS."""

import http.client
import json
import socket
import subprocess
import sys
import time

import pytest
import shapely

import onemap as om
from onemap.blueprint.postgis import write_postgis

COMMAND = [sys.executable, "-m", "onemap.cli"]


@pytest.fixture(scope="module")
def address(server, town):
    write_postgis(town, f"{server}#bureau")
    return f"{server}#bureau"


def test_a_list_is_reviewed_from_the_database(address, town, book, tmp_path):
    place = om.sample_path() / "sites"
    command = [
        *COMMAND,
        "batch",
        place,
        "-b",
        address,
        "-o",
        tmp_path / "typed",
        "--chunk",
        "9",
        "--workers",
        "2",
    ]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    read = om.read_parcels(place, town.crs, book.catalogue)
    files = om.review_batch(read.parcels, town, book, tmp_path / "called", issues=read.issues)
    for name, path in files.items():
        assert path.read_bytes() == (tmp_path / "typed" / path.name).read_bytes(), name


def test_the_page_is_served_from_the_database(address, sites, reviewed):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([*COMMAND, "serve", address, "--port", str(port)])
    try:
        plot = sites.parcels[sites.parcels["project_id"] == "P02"]
        row = plot.iloc[0]
        names = ("category", "use", "supply_mode", "project_level", "approval_type", "siting", "project_name")
        sent = {
            "geometry": json.loads(shapely.to_geojson(plot.to_crs(4490).geometry.union_all())),
            "form": {name: row[name] for name in names if row[name]},
        }
        status, said = asked(process, port, json.dumps(sent))
        truth = reviewed.decisions.set_index("project_id").loc["P02"]
        assert status == 200, said
        assert said["answers"][0]["verdict"]["code"] == truth["verdict"]
        assert said["answers"][0]["route"]["code"] == truth["route"]
    finally:
        process.terminate()
        process.wait(60)


def asked(process, port: int, sent: str) -> tuple[int, dict]:
    """What the page answers, as soon as there is one."""
    until = time.monotonic() + 300
    while True:
        assert process.poll() is None and time.monotonic() < until
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        try:
            link.request("POST", "/check", sent, {"X-Onemap": "1", "Content-Type": "application/json"})
        except ConnectionRefusedError:
            time.sleep(0.2)
            continue
        answer = link.getresponse()
        return answer.status, json.loads(answer.read())
