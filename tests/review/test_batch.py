"""Batches: the same bytes however they are run, resumed after a kill, one bad site one issue row."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import shapely

import onemap as om
from onemap.blueprint import near, store
from onemap.engine import run
from onemap.errors import InputError
from onemap.review import batch, pieces
from onemap.review.batch import TABLES, in_chunks


@pytest.fixture(scope="module")
def many(town, sites):
    """Four hundred candidate sites strewn over the town."""
    rng = np.random.default_rng(7)
    west, south, east, north = town.features.total_bounds
    x, y = rng.uniform(west, east - 200, 400), rng.uniform(south, north - 200, 400)
    shapes = shapely.box(x, y, x + rng.uniform(20, 200, 400), y + rng.uniform(20, 200, 400))
    parcels = pd.concat([sites.parcels.iloc[[0]]] * 400, ignore_index=True).set_geometry(shapes, crs=town.crs)
    parcels["parcel_id"] = [f"c{i:04d}" for i in range(400)]
    parcels["project_id"] = [f"j{i // 2:04d}" for i in range(400)]
    parcels["area_m2"] = om.land.area.ellipsoidal_area(shapes, town.crs)
    return parcels


@pytest.fixture(scope="module")
def serial(many, town, book, tmp_path_factory):
    return om.review_batch(many, town, book, tmp_path_factory.mktemp("serial"), chunk=90)


def content(files):
    return {name: path.read_bytes() for name, path in files.items()}


def test_a_batch_says_what_single_reviews_say(serial, many, town, book):
    decisions = pd.read_csv(serial["decisions"], dtype=str, keep_default_na=False)
    alone = om.review(many, town, book).decisions
    columns = ["project_id", "verdict", "route", "prohibited", "consent", "unknown"]
    pd.testing.assert_frame_equal(decisions[columns], alone[columns].astype(str), check_dtype=False)


def test_every_rule_answers_for_every_site_in_one_of_two_tables(serial, many, town, book):
    told, quiet = (
        pd.read_csv(serial[name], dtype=str, keep_default_na=False) for name in ("findings", "clear")
    )
    assert set(told["status"]) <= {"triggered", "not_assessed"} and set(quiet["status"]) <= {
        "clear",
        "not_applicable",
    }
    keys = ["parcel_id", "rule_id", "status", "measured"]
    alone = om.review(many, town, book).findings[keys].to_csv(index=False)
    alone = pd.read_csv(io.StringIO(alone), dtype=str, keep_default_na=False)
    both = pd.concat([told, quiet])[keys].sort_values(keys, ignore_index=True)
    pd.testing.assert_frame_equal(both, alone.sort_values(keys, ignore_index=True))


@pytest.mark.parametrize(("chunk", "workers"), [(37, 1), (90, 2), (1000, 1)])
def test_chunks_and_workers_leave_no_trace(serial, many, town, book, tmp_path, chunk, workers):
    again = om.review_batch(many, town, book, tmp_path, chunk=chunk, workers=workers)
    assert content(again) == content(serial)


@pytest.mark.parametrize("chunk", [37, 1000])
def test_chunks_leave_no_trace_in_a_long_list(many, town, book, tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(pieces, "WEIGHED_FROM", 100)
    both = [om.review_batch(many, town, book, tmp_path / str(n), chunk=n) for n in (chunk, 90)]
    assert content(both[0]) == content(both[1])
    assert '"areas": "weigh"' in (tmp_path / "90" / "batch.json").read_text()


def test_plots_of_a_project_stay_together(many, town):
    chunks = in_chunks(many, 3, town)
    homes = (
        pd.concat([c.sites.assign(chunk=i) for i, c in enumerate(chunks)])
        .groupby("project_id")["chunk"]
        .nunique()
    )
    assert (homes == 1).all() and sum(len(c.sites) for c in chunks) == len(many)
    assert all(len(c.sites) <= 3 for c in chunks)


@pytest.fixture(scope="module")
def tiled(layers, book, tmp_path_factory):
    """The town in a store of some seventy tiles."""
    folder = tmp_path_factory.mktemp("tiled")
    om.build_city(layers, book, folder, tile=600)
    return folder


def test_chunks_lie_among_few_faces_of_a_store(serial, many, tiled, book, tmp_path, monkeypatch):
    """Sites in any order, each chunk reads what lies near them, and little stays in memory from one to the next."""
    monkeypatch.setattr(batch, "FACES", 1500)
    monkeypatch.setattr(near, "WHOLE", 0)
    monkeypatch.setattr(store, "KEPT_BYTES", 100_000)
    opened, read = om.read_blueprint(tiled), []
    frames_at = store.Stored.frames_at

    def watched(self, chosen, bounds=None):
        read.append(self.counts[chosen].sum())
        return frames_at(self, chosen, bounds)

    monkeypatch.setattr(store.Stored, "frames_at", watched)
    assert content(om.review_batch(many, opened, book, tmp_path, chunk=90)) == content(serial)
    assert (
        len(read) == len(in_chunks(many, 90, opened)) > 5
        and max(read) <= 1500 < opened.stored.counts.sum() / 2
    )
    assert sum(table.nbytes for table in opened.stored.kept.values()) == opened.stored.held <= 100_000
    assert "faces" not in vars(opened)


def test_a_site_as_large_as_the_town_is_a_chunk_of_its_own(many, town, tiled, book, tmp_path, monkeypatch):
    monkeypatch.setattr(batch, "FACES", 1500)
    monkeypatch.setattr(near, "WHOLE", 0)
    wide = many.iloc[:41].copy()
    wide.loc[17, "geometry"] = shapely.box(*town.faces.total_bounds)
    wide["project_id"] = [f"w{i}" for i in range(41)]
    wide["area_m2"] = om.land.area.ellipsoidal_area(wide.geometry.to_numpy(), town.crs)
    opened = om.read_blueprint(tiled)
    assert [c.projects.tolist() for c in in_chunks(wide, 90, opened) if 17 in c.projects] == [[17]]
    one, other = (
        om.review_batch(wide, b, book, tmp_path / n) for b, n in ((opened, "tiled"), (town, "town"))
    )
    assert content(one) == content(other)


def test_rows_stand_in_the_order_of_the_list(many, town, book, tmp_path, monkeypatch):
    """Names of several lines, files whose rows have the same numbers, and few bytes put into order at a time."""
    monkeypatch.setattr(batch, "WINDOW", 5000)
    odd = many.iloc[:120].copy()
    odd["project_name"] = [f'line\n"{i}"\r\n' for i in range(120)]
    odd["source"], odd["source_fid"] = "two tables.gpkg", [str(i % 40) for i in range(120)]
    odd["geometry"] = odd.geometry.where(odd.index % 3 > 0, odd.translate(xoff=3e4))
    files = [om.review_batch(odd, town, book, tmp_path / str(chunk), chunk=chunk) for chunk in (7, 400)]
    assert content(files[0]) == content(files[1])
    decisions = pd.read_csv(files[0]["decisions"], dtype=str)
    assert decisions["project_id"].tolist() == odd["project_id"].unique().tolist()
    findings = pd.read_csv(files[0]["clear"], dtype=str)
    assert findings["parcel_id"].unique().tolist() == odd["parcel_id"].tolist()
    places = pd.read_csv(files[0]["issues"], dtype=str)["place"].tolist()
    assert places == [shape.representative_point().wkt for shape in odd.geometry[odd.index % 3 == 0]]


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_and_resumed(serial, many, town, book, tmp_path, workers):
    om.write_blueprint(town, tmp_path / "town.gpkg")
    many.to_parquet(tmp_path / "many.parquet")
    out = tmp_path / "out"
    code = (
        "import sys, geopandas, onemap as om\n"
        f"town = om.read_blueprint(r'{tmp_path / 'town.gpkg'}')\n"
        "book = om.load_rulebook(town.manifest['as_of'], dates=town.manifest['dates'])\n"
        f"many = geopandas.read_parquet(r'{tmp_path / 'many.parquet'}')\n"
        f"om.review_batch(many, town, book, r'{out}', chunk=10, workers={workers})\n"
    )
    again = om.read_blueprint(tmp_path / "town.gpkg")
    run = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    deadline = time.time() + 180
    while len(list(out.glob("parts/0*"))) < 3:
        assert time.time() < deadline and run.poll() is None
        time.sleep(0.02)
    if sys.platform != "win32":
        run.send_signal(signal.SIGSTOP)  # so that it cannot end before it is asked for the folder
    with pytest.raises(InputError, match="another process"):
        om.review_batch(many, again, book, out, chunk=10)
    run.send_signal(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
    run.wait()
    if sys.platform != "win32":
        nobody_is_left(run.pid, deadline)
    done = {p: p.stat().st_mtime_ns for p in out.glob("parts/0*/decisions.csv")}
    assert 3 <= len(done) < 40 and not (out / "decisions.csv").exists()
    files = om.review_batch(many, again, book, out, chunk=10)
    assert content(files) == content(serial)
    assert all(p.stat().st_mtime_ns == then for p, then in done.items())


def nobody_is_left(session: int, deadline: float) -> None:
    """No worker outlives the run that started it."""
    while True:
        try:
            os.killpg(session, 0)
        except ProcessLookupError:
            return
        assert time.time() < deadline, "workers are left over"
        time.sleep(0.05)


def test_another_batch_does_not_go_on_in_this_folder(serial, many, town, book):
    with pytest.raises(InputError, match="another batch"):
        om.review_batch(many.iloc[:10], town, book, serial["decisions"].parent, chunk=90)


def test_it_goes_on_with_other_chunks_and_what_never_reached_the_disk_is_done_again(
    serial, many, town, book, tmp_path
):
    om.review_batch(many, town, book, tmp_path, chunk=50)
    parts = sorted((tmp_path / "parts").glob("0*"))
    for part in parts[::2]:
        shutil.rmtree(part)
    (parts[1] / "clear.csv").write_bytes((parts[1] / "clear.csv").read_bytes()[:-1])
    (parts[3] / "lengths.npy").write_bytes(b"")
    kept = {part / "clear.csv" for part in parts[5::2]}
    then = {path: path.stat().st_mtime_ns for path in kept}
    assert len(then) > 1
    again = om.review_batch(many, town, book, tmp_path, chunk=33, workers=2)
    assert content(again) == content(serial)
    assert {path: path.stat().st_mtime_ns for path in kept} == then


def test_a_part_of_other_chunks_that_came_meanwhile_costs_no_site(
    serial, many, town, book, tmp_path, monkeypatch
):
    """A worker of a run that was stopped writes its part after the new run has cut its chunks."""
    om.review_batch(many, town, book, tmp_path / "old", chunk=10)
    late = sorted((tmp_path / "old" / "parts").glob("0*"))[0]
    review_chunk = batch._review_chunk

    def outrun(context, task):
        if not (tmp_path / "new" / "parts" / late.name).exists():
            shutil.copytree(late, tmp_path / "new" / "parts" / late.name)
        review_chunk(context, task)

    monkeypatch.setattr(batch, "_review_chunk", outrun)
    assert content(om.review_batch(many, town, book, tmp_path / "new", chunk=90)) == content(serial)


def test_a_batch_of_an_earlier_onemap_is_refused(many, town, book, tmp_path):
    om.review_batch(many.iloc[:4], town, book, tmp_path)
    key = json.loads((tmp_path / "batch.json").read_text())
    (tmp_path / "batch.json").write_text(json.dumps(key | {"chunk": 500}))
    with pytest.raises(InputError, match="begun by an earlier onemap"):
        om.review_batch(many.iloc[:4], town, book, tmp_path)


def test_one_bad_site_is_one_issue_row(many, town, book, tmp_path):
    bad = many.copy()
    bad.loc[[4, 5], "geometry"] = None
    files = om.review_batch(bad, town, book, tmp_path, chunk=50)
    decisions = pd.read_csv(files["decisions"], dtype=str).set_index("project_id")
    assert len(decisions) == 200
    assert decisions.loc["j0002", ["verdict", "route"]].tolist() == ["incomplete", "needs_review"]
    issues = pd.read_csv(files["issues"], dtype=str)
    assert (issues["severity"] == "error").sum() == 1


def test_sites_far_away_cost_nobody_else_anything(many, town, book, tmp_path):
    far = many.copy()
    far["geometry"] = far.geometry.where(~far.index.isin(range(20, 40)), far.translate(xoff=9e4))
    files = [om.review_batch(far, town, book, tmp_path / str(chunk), chunk=chunk) for chunk in (10, 400)]
    assert content(files[0]) == content(files[1])
    issues = pd.read_csv(files[0]["issues"], dtype=str)
    assert (issues["issue"] == "far_from_blueprint").sum() == 20 and "not_reviewed" not in set(
        issues["issue"]
    )
    far["geometry"] = far.translate(xoff=9e4)
    with pytest.raises(InputError, match="km from the blueprint"):
        om.review_batch(far, town, book, tmp_path / "all")
    with pytest.raises(InputError, match="the blueprint in"):
        om.review_batch(many.to_crs("EPSG:4550"), town, book, tmp_path / "other")


class Deadly(str):
    """A name that kills every worker which receives it."""

    def __reduce__(self):
        import os

        return os._exit, (9,)


def test_a_site_that_kills_its_worker_is_named_and_the_others_reviewed(many, town, book, tmp_path):
    plots, deadly = many.iloc[:8], ["j0001"]
    names = [Deadly("x") if project in deadly else "x" for project in plots["project_id"]]
    ill = plots.assign(project_name=pd.Series(names, dtype=object))
    files = om.review_batch(ill, town, book, tmp_path / "ill", chunk=4, workers=2)
    issues = pd.read_csv(files["issues"], dtype=str)
    unreviewed = issues[issues["issue"] == "not_reviewed"]
    assert unreviewed["value"].tolist() == deadly and unreviewed["message"].str.contains("died").all()
    well = om.review_batch(plots.assign(project_name="x"), town, book, tmp_path / "well", chunk=8)
    for name in ("decisions", "findings", "preconditions"):
        found, wanted = (pd.read_csv(f[name], dtype=str) for f in (files, well))
        kept = [t[~t["project_id"].isin(deadly)].reset_index(drop=True) for t in (found, wanted)]
        pd.testing.assert_frame_equal(*kept)


def test_what_a_kill_left_half_written_is_swept_up(many, town, book, tmp_path):
    half = tmp_path / "parts" / ".writing-abc"
    half.mkdir(parents=True)
    (half / "decisions.csv").write_text("half a line")
    om.review_batch(many.iloc[:4], town, book, tmp_path)
    assert not half.exists()


def test_the_estimate_counts_sites_and_only_those_of_this_run(
    many, town, book, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("ONEMAP_PROGRESS", "1")
    om.review_batch(many.iloc[:40], town, book, tmp_path, chunk=10)
    shutil.rmtree(max((tmp_path / "parts").glob("0*")))
    capsys.readouterr()
    om.review_batch(many.iloc[:40], town, book, tmp_path, chunk=10)
    shown = capsys.readouterr().err
    assert "30/40" in shown and " 0/40" not in shown


def test_tables_open_in_excel(serial):
    for name, path in serial.items():
        assert path.read_bytes().startswith(b"\xef\xbb\xbf"), name
        assert list(pd.read_csv(path, nrows=1).columns) == list(TABLES[name])


def die_on_three(context, task):
    if task == 3:
        import os

        os._exit(9)
    return context * task


def test_a_task_that_kills_its_worker_is_named_while_the_others_finish():
    outcomes = {o.task: o for o in run(die_on_three, range(8), context=10, workers=2)}
    assert {t: o.result for t, o in outcomes.items() if t != 3} == {t: 10 * t for t in range(8) if t != 3}
    assert outcomes[3].result is None and "died" in str(outcomes[3].error)


class Poison:
    """Kills every process that unpickles it."""

    def __reduce__(self):
        import os

        return os._exit, (7,)


def test_when_no_worker_can_start_it_says_so_at_once():
    with pytest.raises(InputError, match="no worker process could start.*__main__"):
        list(run(die_on_three, range(5), context=Poison(), workers=2))


def test_a_script_without_a_guard_is_told_so(tmp_path):
    script = tmp_path / "unguarded.py"
    script.write_text(
        "from onemap.engine import run\nprint(list(run(pow, range(5), context=2, workers=2)))\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120)
    assert done.returncode != 0 and "__name__ == '__main__'" in done.stderr
