"""One progress bar for the whole package: silent where nobody watches, usable in notebooks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")


def progress(
    items: Iterable[T], what: str, total: float | None = None, done: float = 0, size: Callable | None = None
) -> Iterator[T]:
    """The items themselves, with a bar on stderr that estimates the rest.

    size : how much of ``total`` an item is (default: 1); done : how much was done before, which says nothing of the speed.
    It stays silent when stderr is no terminal, or when ``ONEMAP_PROGRESS=0``; ``ONEMAP_PROGRESS=1`` forces it.

    >>> sum(progress([1, 2, 3], "adding"))
    6
    """
    setting = os.environ.get("ONEMAP_PROGRESS")
    disable = {"0": True, "1": False}.get(setting)
    shown = {"desc": what, "total": total, "disable": disable, "leave": False, "dynamic_ncols": True}
    if size is None:
        return iter(tqdm(items, **shown))
    return _sized(items, tqdm(initial=done, smoothing=0, **shown), size)


def _sized(items: Iterable[T], bar: tqdm, size: Callable) -> Iterator[T]:
    with bar:
        for item in items:
            yield item
            bar.update(size(item))
