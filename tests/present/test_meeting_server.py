"""The meeting page's server as anyone could talk to it: real sockets, good and bad manners."""

import concurrent.futures
import hashlib
import http.client
import io
import json
import socket
import threading
import zipfile

import geopandas as gpd
import pytest
import shapely
from starlette.requests import Request

import onemap as om
from onemap.book.words import words_of
from onemap.errors import InputError
from onemap.present.meeting import app as meeting
from onemap.present.meeting import door
from onemap.present.meeting.desk import lay, open_desk
from onemap.present.record import review_record

TOKEN = "a-long-enough-token-1234"
MANNERS = {"X-Onemap": "1", "Content-Type": "application/json"}


class Server:
    """A server in a thread, on a free port."""

    def __init__(self, app):
        self.server = door.server_of(app, "127.0.0.1", 0)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        while not self.server.started:
            self.thread.join(0.02)
            assert self.thread.is_alive()
        self.port = self.server.servers[0].sockets[0].getsockname()[1]

    def ask(self, method, path, body=None, headers=None, host=None):
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = dict(headers or {})
        if host:
            sent["Host"] = host
        link.request(method, path, body, sent)
        answer = link.getresponse()
        data = answer.read()
        link.close()
        return answer, data

    def check(self, sent):
        answer, data = self.ask("POST", "/check", json.dumps(sent), MANNERS)
        return answer.status, json.loads(data)

    def stop(self):
        self.server.should_exit = True
        self.thread.join(10)


@pytest.fixture(scope="module")
def desk(town):
    return lay(town)


@pytest.fixture(scope="module")
def server(desk):
    made = Server(meeting.make_app(desk, ["127.0.0.1", "localhost"]))
    yield made
    made.stop()


@pytest.fixture(scope="module")
def guarded(desk):
    made = Server(meeting.make_app(desk, ["127.0.0.1"], TOKEN))
    yield made
    made.stop()


def degrees(sites, project):
    own = sites.parcels[sites.parcels.project_id == project]
    return json.loads(shapely.to_geojson(own.to_crs(4490).geometry.union_all()))


def form(sites, project):
    row = sites.parcels[sites.parcels.project_id == project].iloc[0]
    names = ("category", "use", "supply_mode", "project_level", "approval_type", "siting", "project_name")
    return {name: row[name] for name in names if row[name]}


@pytest.mark.parametrize("project", ["P02", "P05", "P06", "P07", "P09"])
def test_the_answer_is_that_of_review(server, sites, reviewed, project):
    status, said = server.check({"geometry": degrees(sites, project), "form": form(sites, project)})
    assert status == 200
    answer, truth = said["answers"][0], reviewed.decisions.set_index("project_id").loc[project]
    assert (answer["verdict"]["code"], answer["route"]["code"]) == (truth.verdict, truth.route)
    assert answer["route"]["rule"] == truth.rule_id
    assert answer["area_m2"] == pytest.approx(truth.area_m2, rel=1e-8)
    ids = [one.split()[0] for one in answer["prohibited"]]
    assert ids == [one for one in truth.prohibited.split("|") if one]
    assert len(answer["conflicts"]) == (reviewed.conflicts.project_id == project).sum()
    duties = {one["text"] for stage in answer["duties"] for one in stage["items"]}
    assert bool(duties) == bool((reviewed.preconditions.project_id == project).any())


def test_an_uploaded_file_gives_the_record_that_review_gives(server, town, book):
    path = om.sample_path() / "sites" / "P11.txt"
    answer, data = server.ask("POST", "/upload?kind=.txt", path.read_bytes(), {"X-Onemap": "1"})
    key = json.loads(data)["answers"][0]["id"]
    taken, record = server.ask("GET", f"/take/{key}/review.json")
    assert taken.getheader("Content-Disposition") == 'attachment; filename="review.json"'
    read = om.read_parcels(path, town.crs, book.catalogue)
    truth = json.loads(json.dumps(review_record(om.review(read.parcels, town, book, read.issues))))
    record = json.loads(record)
    for part in (record, truth):
        for row in [*part["parcels"], *part["issues"]]:
            row["source"] = ""
    assert record == truth


def test_the_report_can_be_taken_away(server, sites):
    _, said = server.check({"geometry": degrees(sites, "P02"), "form": form(sites, "P02")})
    answer, data = server.ask("GET", f"/take/{said['answers'][0]['id']}/report.docx")
    assert answer.status == 200
    assert "word/document.xml" in zipfile.ZipFile(io.BytesIO(data)).namelist()


def test_every_answer_carries_the_policy(server):
    for path in ("/", "/meeting.js", "/faces", "/nothing"):
        answer, _ = server.ask("GET", path)
        policy = answer.getheader("Content-Security-Policy")
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert answer.getheader("X-Content-Type-Options") == "nosniff"
        assert answer.getheader("Cache-Control") == "no-store"


@pytest.mark.parametrize(
    "path",
    ["/../onemap/errors.py", "/..%2f..%2fetc/passwd", "/%2e%2e/pyproject.toml", "//etc/passwd", "/take/../../x/report.docx",
     "/take/" + "0" * 32 + "/report.docx", "/take/" + "a" * 32 + "/..%2fx", "/index.html%00.js", "/docs", "/openapi.json"],
)  # fmt: skip
def test_paths_never_come_from_the_request(server, path):
    answer, data = server.ask("GET", path)
    assert answer.status == 404 and data in (b"404", b"Not Found")


def test_other_hosts_and_unmannered_posts_are_turned_away(server):
    for name in ("evil.example", "127.0.0.1.evil.example", "[::1", "evil.example:80@127.0.0.1"):
        answer, data = server.ask("GET", "/", host=name)
        assert answer.status == 400 and "请用启动时显示的地址" in data.decode()
    assert server.ask("POST", "/check", "{}", {"Content-Type": "text/plain"})[0].status == 403
    assert server.ask("PUT", "/", "x", {"X-Onemap": "1"})[0].status == 405
    assert server.ask("DELETE", "/index.html", headers={"X-Onemap": "1"})[0].status == 405


def test_posts_from_another_page_are_turned_away_even_with_good_manners(server, sites):
    sent = json.dumps({"geometry": degrees(sites, "P02"), "form": {}})
    own = f"http://127.0.0.1:{server.port}"
    for origin, status in ((own, 200), ("http://evil.example", 403), ("null", 403), (f"{own}9", 403)):
        assert server.ask("POST", "/check", sent, MANNERS | {"Origin": origin})[0].status == status


def test_a_page_on_the_sixth_protocol_answers_to_its_name(desk):
    guard = door.Guard(None, words_of(desk), meeting.hosts_of("::1"), None)
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b""}
    assert guard.answer(Request(scope | {"headers": [(b"host", b"[::1]:8765")]})) is None
    assert guard.answer(Request(scope | {"headers": [(b"host", b"[::2]:8765")]})).status_code == 400


@pytest.mark.parametrize(
    "begun", ["GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ",
              "POST /upload?kind=.txt HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Onemap: 1\r\nContent-Length: 9\r\n\r\na"]
)  # fmt: skip
def test_who_never_finishes_asking_keeps_nobody_out(server, sites, begun):
    slow = []
    try:
        for _ in range(3 * door.MOST_CONNECTIONS):
            slow.append(socket.create_connection(("127.0.0.1", server.port), timeout=10))
            slow[-1].sendall(begun.encode())
        assert server.ask("GET", "/")[0].status == 200
        assert server.check({"geometry": degrees(sites, "P02"), "form": form(sites, "P02")})[0] == 200
    finally:
        for link in slow:
            link.close()


def test_a_token_opens_the_page_and_nothing_else_does(guarded):
    for path in ("/", "/faces", "/?token=", "/?token=wrong", "/?token=%00"):
        answer, data = guarded.ask("GET", path)
        assert answer.status == 403 and "口令" in data.decode()
    assert guarded.ask("POST", f"/check?token={TOKEN}", "{}", MANNERS)[0].status == 403
    answer, _ = guarded.ask("GET", f"/?token={TOKEN}")
    cookie = answer.getheader("Set-Cookie")
    assert answer.status == 303 and answer.getheader("Location") == "/"
    assert "HttpOnly" in cookie and "samesite=strict" in cookie.lower() and TOKEN not in cookie
    assert guarded.ask("GET", "/", headers={"Cookie": cookie.split(";")[0]})[0].status == 200


@pytest.mark.parametrize(
    ("host", "token"),
    [("0.0.0.0", None), ("10.0.0.5", None), ("a.example", None), ("127.0.0.1", "short"), ("::", None)],
)
def test_a_server_that_others_reach_needs_a_good_token(host, token):
    with pytest.raises(InputError):
        meeting.check_token(host, token)
    meeting.check_token(host, TOKEN)


def test_200_megabytes_are_refused_before_they_come(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as link:
        head = f"POST /upload?kind=.zip HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Onemap: 1\r\nContent-Length: {200 << 20}\r\n\r\n"
        link.sendall(head.encode())
        assert link.recv(100).startswith(b"HTTP/1.1 413")


def test_a_body_of_unknown_length_is_cut_off_at_the_limit(server):
    piece = b"10000\r\n" + bytes(65536) + b"\r\n"
    sent = 0
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as link:
        head = "POST /upload?kind=.zip HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Onemap: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
        link.sendall(head.encode())
        try:
            while sent < 200 << 20:
                link.sendall(piece)
                sent += 65536
        except OSError:
            pass
    assert sent < 100 << 20
    assert server.ask("GET", "/")[0].status == 200


@pytest.mark.parametrize(
    "body",
    ["", "[]", "7", "{", '{"text": 5}', '{"geometry": {"type": "Polygon"}}', '{"form": 1}', "[" * 99999],
)
def test_malformed_requests_get_a_sentence(server, body):
    answer, data = server.ask("POST", "/check", body, MANNERS)
    assert answer.status in (400, 422)
    said = json.loads(data)["error"]
    assert said and "Traceback" not in said and "/tmp" not in said and "Error" not in said


def test_a_site_far_away_and_one_that_crosses_itself(server):
    for lon, lat, word in ((124.2, 41.1, "公里"), (100, 30, "远离"), (-60, -30, "远离")):
        ring = [[lon, lat], [lon + 0.01, lat], [lon + 0.01, lat + 0.01], [lon, lat]]
        status, said = server.check({"geometry": {"type": "Polygon", "coordinates": [ring]}})
        assert status == 422 and word in said["error"]
    bow = {
        "type": "Polygon",
        "coordinates": [[[123, 41.1], [123.01, 41.11], [123.01, 41.1], [123, 41.11], [123, 41.1]]],
    }
    status, said = server.check({"geometry": bow})
    assert status == 422 and "自相交" in said["error"]


def test_a_failure_inside_says_nothing_of_itself(desk, sites, monkeypatch):
    def broken(*_):
        raise RuntimeError("secret /srv/path")

    made = Server(meeting.make_app(desk, ["127.0.0.1"]))
    monkeypatch.setattr(meeting, "ask", broken)
    status, said = made.check({"geometry": degrees(sites, "P02")})
    made.stop()
    assert status == 500 and "secret" not in json.dumps(said)


def test_forms_hold_only_words_of_the_book(server, sites):
    sent = {
        "category": "<script>",
        "use": 5,
        "supply_mode": "grant",
        "evil": "x",
        "project_name": "甲\x00\n<b>" * 40,
    }
    status, said = server.check({"geometry": degrees(sites, "P02"), "form": sent})
    assert status == 200
    name = said["answers"][0]["name"]
    assert len(name) <= 60 and "\x00" not in name and "\n" not in name


def test_two_at_once_get_each_their_own_answer(server, sites, reviewed):
    truth = reviewed.decisions.set_index("project_id")
    projects = ["P02", "P06"] * 3
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        asked = [
            pool.submit(server.check, {"geometry": degrees(sites, p), "form": form(sites, p)})
            for p in projects
        ]
        for project, one in zip(projects, asked, strict=True):
            status, said = one.result()
            assert status == 200
            assert said["answers"][0]["verdict"]["code"] == truth.verdict[project]
            assert said["answers"][0]["area_m2"] == pytest.approx(truth.area_m2[project], rel=1e-8)


def test_the_blueprint_file_stays_as_it_is(town, tmp_path):
    path = om.write_blueprint(town, tmp_path / "b.gpkg")
    path.chmod(0o444)
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    desk = open_desk(path, "2026-06-01", "en")
    made = Server(meeting.make_app(desk, ["127.0.0.1"]))
    square = gpd.GeoSeries(
        [town.faces.geometry.iloc[100].representative_point().buffer(80)], crs=town.crs
    ).to_crs(4490)
    status, said = made.check({"geometry": json.loads(shapely.to_geojson(square.iloc[0]))})
    made.stop()
    assert status == 200 and said["answers"][0]["verdict"]["text"].isascii()
    assert desk.rulebook.as_of.isoformat() == "2026-06-01"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b.gpkg"]
