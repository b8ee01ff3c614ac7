"""Runs one pure function over many tasks: in this process or in several, with the same results."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager, suppress
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

from onemap.errors import InputError
from onemap.messages import Message

TRIES = 2
# what workers of every kind load first: pandas, geopandas, pyarrow, the steps of a build and of reading, over a second of CPU
PRELOADED = ("onemap.blueprint.jobs", "onemap.blueprint.readings")


class Outcome(NamedTuple):
    """What became of a task: its result, or the error that it ended with."""

    task: Any
    result: Any
    error: Exception | None


class Crew:
    """Processes that stay while several runs give them work; those that die are replaced at the next run.

    They start at once and beside the caller, who need not wait for them. 2026-11: chosen against a pool for each run,
    whose start took a second of every run with two workers.
    """

    def __init__(self, workers: int):
        self.workers = workers
        self.first: Future | None = None
        self.aside = ThreadPoolExecutor(1)
        if workers > 1:
            _must_be_guarded()
            self.first = self.aside.submit(_started_pool, workers)

    @contextmanager
    def pool(self) -> Iterator[tuple[ProcessPoolExecutor, Any]]:
        first = self.first or self.aside.submit(_started_pool, self.workers)
        self.first = None
        pool, started = first.result()
        try:
            yield pool, started
        finally:
            try:
                pool.submit(_load)
                self.first = first
            except BrokenProcessPool:
                pool.shutdown()

    def beside(self, function: Callable, *given) -> Callable[[], Any]:
        """Call a function while workers work, or at once where there are none; returns what waits for its result."""
        if self.workers > 1:
            return self.aside.submit(function, *given).result
        result = function(*given)
        return lambda: result

    def dismiss(self) -> None:
        if self.first is not None:
            self.first.result()[0].shutdown(cancel_futures=True)
        self.aside.shutdown()


@contextmanager
def hire(workers: int | Crew = 1) -> Iterator[Crew]:
    """Workers for several runs, dismissed at the end: what :func:`run` takes as ``crew``. A crew given stays hired."""
    if isinstance(workers, Crew):
        yield workers
        return
    crew = Crew(workers)
    try:
        yield crew
    finally:
        crew.dismiss()


def run(
    job: Callable,
    tasks: Iterable,
    *,
    context: Any = None,
    workers: int = 1,
    scheduler: str | None = None,
    crew: Crew | None = None,
) -> Iterator[Outcome]:
    """Call ``job(context, task)`` for every task, as each one finishes; an error ends its own task only.

    With ``workers`` above 1 the tasks go to that many processes, each of which receives ``context`` once; with a
    ``crew`` they go to its processes, and the context, which should be small, with every task. A
    worker that dies costs no task: what was under way is tried again alone, and a task that kills its worker
    every time comes back with the error. job must be a function of a module, not a lambda. With ``scheduler``, the
    address of a dask scheduler, its workers do the work instead; they need this package and see the same files.

    >>> [(o.task, o.result) for o in run(lambda context, task: context + task, [1, 2], context=10)]
    [(1, 11), (2, 12)]
    """
    tasks = list(tasks)
    if scheduler:
        yield from _on_cluster(job, context, tasks, scheduler)
        return
    workers = crew.workers if crew else workers
    if workers <= 1 or len(tasks) <= 1:
        for task in tasks:
            yield _attempt(job, context, task)
        return
    suspects = []
    waiting = tasks
    while waiting:
        hired = crew.pool() if crew else _own_pool(job, context, workers)
        waiting, broken = yield from _pooled((job, context) if crew else None, waiting, workers, hired)
        suspects += broken
    for task in suspects:
        yield from _alone(job, context, task)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold a folder for this process alone; the hold ends with the process, however that ends.

    Raises ``InputError`` when another process holds it.
    """
    with open(folder / ".lock", "ab") as lock:
        try:
            if os.name == "nt":
                import msvcrt

                msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as held:
            raise InputError("house.folder.in_use", where=str(folder)) from held
        yield


def _on_cluster(job, context, tasks, scheduler):
    try:
        from distributed import Client, as_completed
    except ImportError as missing:
        raise InputError("house.scheduler.not_installed", where=scheduler) from missing
    try:
        client = Client(scheduler, timeout="10s", set_as_default=False)
    except (OSError, ValueError, TimeoutError) as lost:
        raise InputError("house.scheduler.silent", where=scheduler, lost=lost) from lost
    with client:
        given = client.scatter(context, broadcast=True, hash=False)
        futures = {
            client.submit(job, given, task, pure=False, retries=0, key=f"{job.__name__}-{n}"): task
            for n, task in enumerate(tasks)
        }
        for future in as_completed(futures, loop=client.loop, raise_errors=False):
            error = future.exception() if future.status != "finished" else None
            yield Outcome(futures.pop(future), None if error else future.result(), error)
            future.release()


def _must_be_guarded() -> None:
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        # a worker that is just being started runs the caller's script again
        raise InputError("house.workers.unguarded")


def _new_pool(workers: int, order: tuple | None) -> tuple[ProcessPoolExecutor, Any]:
    # Never a plain fork, which would inherit the locks of a parent's threads. On Linux workers are forked from a process
    # that has loaded the packages and done nothing else; elsewhere each starts anew and loads them itself.
    way = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
    if sys.platform == "linux":
        way.set_forkserver_preload(list(PRELOADED))
    started = way.Event()
    return ProcessPoolExecutor(
        workers, mp_context=way, initializer=_receive, initargs=(order, started)
    ), started


def _started_pool(workers: int) -> tuple[ProcessPoolExecutor, Any]:
    """A pool whose processes are on their way."""
    pool, started = _new_pool(workers, None)
    with suppress(BrokenProcessPool):  # who then hands out work is told
        for _ in range(workers):
            pool.submit(_load)
    return pool, started


@contextmanager
def _own_pool(job, context, workers: int) -> Iterator[tuple[ProcessPoolExecutor, Any]]:
    _must_be_guarded()
    pool, started = _new_pool(workers, (job, context))
    with pool:
        yield pool, started


def _pooled(order: tuple | None, tasks, workers: int, hired: AbstractContextManager):
    """Run tasks in a pool; returns (tasks still to run, tasks under way when the pool broke).

    order : job and context, where the workers of the pool have not received them
    """
    with hired as (pool, started):
        queue = iter(tasks)
        under_way: dict[Future, Any] = {}
        for task in queue:
            try:
                under_way[pool.submit(_work, order, task)] = task
            except BrokenProcessPool:  # it broke between two looks: this task, too, was about to be under way
                _must_have_started(started)
                return list(queue), [*under_way.values(), task]
            if len(under_way) < 2 * workers:
                continue
            done = next(as_completed(under_way))
            if isinstance(done.exception(), BrokenProcessPool):
                _must_have_started(started)
                return list(queue), list(under_way.values())
            yield Outcome(under_way.pop(done), *_settled(done))
        while under_way:
            done = next(as_completed(under_way))
            if isinstance(done.exception(), BrokenProcessPool):
                _must_have_started(started)
                return [], list(under_way.values())
            yield Outcome(under_way.pop(done), *_settled(done))
    return [], []


def _must_have_started(started) -> None:
    if not started.is_set():
        raise InputError("house.workers.none_started", mend=Message("house.workers.unguarded"))


def _alone(job, context, task):
    for left in reversed(range(TRIES)):
        _, broken = yield from _pooled(None, [task], 1, _own_pool(job, context, 1))
        if not broken:
            return
        if not left:
            yield Outcome(task, None, BrokenProcessPool("the worker died on this task every time"))


def _settled(done: Future) -> tuple[Any, Exception | None]:
    error = done.exception()
    return (None, error) if error else (done.result(), None)


def _attempt(job, context, task) -> Outcome:
    try:
        return Outcome(task, job(context, task), None)
    except Exception as error:  # noqa: BLE001  one bad task must not end the others
        return Outcome(task, None, error)


_given: tuple | None = None


def _receive(order, started) -> None:
    global _given
    Thread(target=_end_with, args=(multiprocessing.parent_process(),), daemon=True).start()
    _given = order
    started.set()


def _end_with(parent) -> None:
    """A worker whose parent was killed would wait for its next task for ever, and keep its memory."""
    parent.join()
    os._exit(1)


def _load() -> None:
    for name in PRELOADED:
        import_module(name)


def _work(order, task):
    job, context = order or _given
    return job(context, task)
