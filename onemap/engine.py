"""Runs one pure function over many tasks: in this process or in several, with the same results."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any, NamedTuple

TRIES = 2


class Outcome(NamedTuple):
    """What became of a task: its result, or the error that it ended with."""

    task: Any
    result: Any
    error: Exception | None


def run(job: Callable, tasks: Iterable, *, context: Any = None, workers: int = 1) -> Iterator[Outcome]:
    """Call ``job(context, task)`` for every task, as each one finishes; an error ends its own task only.

    With ``workers`` above 1 the tasks go to that many processes, each of which receives ``context`` once. A
    worker that dies costs no task: what was under way is tried again alone, and a task that kills its worker
    every time comes back with the error. job must be a function of a module, not a lambda.

    >>> [(o.task, o.result) for o in run(lambda context, task: context + task, [1, 2], context=10)]
    [(1, 11), (2, 12)]
    """
    tasks = list(tasks)
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


def _pooled(job, context, tasks, workers):
    """Run tasks in a pool; returns (tasks still to run, tasks under way when the pool broke)."""
    # spawn everywhere: the same start on Linux and Windows, and no lock of a parent's thread is inherited
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        workers, mp_context=spawn, initializer=_receive, initargs=(job, context)
    ) as pool:
        queue = iter(tasks)
        under_way: dict[Future, Any] = {}
        for task in queue:
            try:
                under_way[pool.submit(_work, task)] = task
            except BrokenProcessPool:  # it broke between two looks: this task, too, was about to be under way
                return list(queue), [*under_way.values(), task]
            if len(under_way) < 2 * workers:
                continue
            done = next(as_completed(under_way))
            if isinstance(done.exception(), BrokenProcessPool):
                return list(queue), list(under_way.values())
            yield Outcome(under_way.pop(done), *_settled(done))
        while under_way:
            done = next(as_completed(under_way))
            if isinstance(done.exception(), BrokenProcessPool):
                return [], list(under_way.values())
            yield Outcome(under_way.pop(done), *_settled(done))
    return [], []


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


def _receive(job, context) -> None:
    global _given
    _given = (job, context)


def _work(task):
    job, context = _given
    return job(context, task)
