"""Runs one pure function over many tasks: in this process or in several, with the same results."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

from onemap.errors import InputError
from onemap.messages import Message

TRIES = 2


class Outcome(NamedTuple):
    """What became of a task: its result, or the error that it ended with."""

    task: Any
    result: Any
    error: Exception | None


def run(
    job: Callable, tasks: Iterable, *, context: Any = None, workers: int = 1, scheduler: str | None = None
) -> Iterator[Outcome]:
    """Call ``job(context, task)`` for every task, as each one finishes; an error ends its own task only.

    With ``workers`` above 1 the tasks go to that many processes, each of which receives ``context`` once. A
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
    if workers <= 1 or len(tasks) <= 1:
        for task in tasks:
            yield _attempt(job, context, task)
        return
    suspects = []
    waiting = tasks
    while waiting:
        waiting, broken = yield from _pooled(job, context, waiting, workers)
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


def _pooled(job, context, tasks, workers):
    """Run tasks in a pool; returns (tasks still to run, tasks under way when the pool broke)."""
    # spawn everywhere: the same start on Linux and Windows, and no lock of a parent's thread is inherited
    spawn = multiprocessing.get_context("spawn")
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        # a worker that is just being started runs the caller's script again
        raise InputError("house.workers.unguarded")
    started = spawn.Event()
    given = (job, context, started)
    with ProcessPoolExecutor(workers, mp_context=spawn, initializer=_receive, initargs=given) as pool:
        queue = iter(tasks)
        under_way: dict[Future, Any] = {}
        for task in queue:
            try:
                under_way[pool.submit(_work, task)] = task
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
        _, broken = yield from _pooled(job, context, [task], 1)
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


_given: tuple = ()


def _receive(job, context, started) -> None:
    global _given
    Thread(target=_end_with, args=(multiprocessing.parent_process(),), daemon=True).start()
    _given = (job, context)
    started.set()


def _end_with(parent) -> None:
    """A worker whose parent was killed would wait for its next task for ever, and keep its memory."""
    parent.join()
    os._exit(1)


def _work(task):
    job, context = _given
    return job(context, task)
