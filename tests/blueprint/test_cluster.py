"""The same jobs on a dask cluster, started as its users start it: a worker killed half-way leaves no trace."""

import operator
import os
import signal
import subprocess
import sys
import time
from threading import Thread

import pytest

import onemap as om
from onemap.blueprint import errands
from onemap.engine import run
from onemap.errors import InputError

pytest.importorskip("distributed", reason="the package distributed is not installed")


@pytest.fixture(scope="module")
def cluster():
    """A scheduler and two worker processes of their own; yields its address and the workers."""
    bin_ = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    scheduler = subprocess.Popen(
        [*bin_, "--no-dashboard"], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    address = None
    for line in scheduler.stderr:
        if "Scheduler at:" in line:
            address = line.split("Scheduler at:")[1].strip()
            break
    assert address, "the scheduler did not start"
    Thread(target=scheduler.stderr.read, daemon=True).start()
    workers = [start_worker(address) for _ in range(2)]
    yield address, workers
    for process in [*workers, scheduler]:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def start_worker(address: str):
    options = ["--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1"]
    return subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_worker", address, *options],
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def test_a_worker_killed_half_way_leaves_no_trace(cluster, layers, book, tmp_path, monkeypatch):
    address, workers = cluster
    monkeypatch.setattr(errands, "TASK", 4000)
    om.build_city(layers, book, tmp_path / "alone", tile=3000)

    def kill_when_half_done():
        while len(list((tmp_path / "cluster").glob(".building-*/tiles-*"))) < 4:
            time.sleep(0.01)
        os.killpg(workers[0].pid, signal.SIGKILL)

    killer = Thread(target=kill_when_half_done, daemon=True)
    killer.start()
    om.build_city(layers, book, tmp_path / "cluster", tile=3000, scheduler=address)
    killer.join(timeout=1)
    assert workers[0].wait(timeout=10) == -signal.SIGKILL
    files = [
        {p.relative_to(f): p.read_bytes() for p in f.rglob("*") if p.is_file()}
        for f in (tmp_path / "alone", tmp_path / "cluster")
    ]
    assert files[0] == files[1]


def test_a_task_that_always_fails_is_named_while_the_others_finish(cluster):
    outcomes = {o.task: o for o in run(operator.truediv, range(4), context=6, scheduler=cluster[0])}
    assert {t: o.result for t, o in outcomes.items() if t} == {1: 6.0, 2: 3.0, 3: 2.0}
    assert isinstance(outcomes[0].error, ZeroDivisionError) and outcomes[0].result is None


def test_no_scheduler_there():
    with pytest.raises(InputError, match="no scheduler answers.*dask scheduler"):
        list(run(operator.truediv, range(2), context=2, scheduler="tcp://127.0.0.1:9"))


def test_a_batch_on_a_cluster_is_the_same_bytes(cluster, town, sites, book, tmp_path):
    files = [
        om.review_batch(sites.parcels, town, book, tmp_path / str(n), chunk=chunk, **how)
        for n, (chunk, how) in enumerate([(9, {}), (2, {"scheduler": cluster[0]})])
    ]
    assert len(list((tmp_path / "1" / "parts").glob("0*"))) > 3
    for name, path in files[0].items():
        assert path.read_bytes() == files[1][name].read_bytes(), name
