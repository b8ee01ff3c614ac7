"""One progress bar for the whole package: silent where nobody watches, usable in notebooks."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

from onemap.messages import Message

T = TypeVar("T")


def progress(
    items: Iterable[T],
    what: Message,
    total: float | None = None,
    done: float = 0,
    size: Callable | None = None,
) -> Iterator[T]:
    """The items themselves, with a bar on stderr that estimates the rest.

    what : what is done, for who watches; size : how much of ``total`` an item is (default: 1); done : how much was done before,
    which says nothing of the speed.
    It stays silent where stderr is neither a terminal nor a notebook, or when ``ONEMAP_PROGRESS=0``;
    ``ONEMAP_PROGRESS=1`` forces it. In a notebook it is plain text, which leaves no trace once it is done.

    >>> sum(progress([1, 2, 3], Message("house.progress.review")))
    6
    """
    setting = os.environ.get("ONEMAP_PROGRESS")
    in_notebook = type(sys.stdout).__module__.startswith("ipykernel")
    disable = {"0": True, "1": False}.get(setting, False if in_notebook else None)
    said = "" if disable else what.text()
    shown = {"desc": said, "total": total, "disable": disable, "leave": False, "dynamic_ncols": True}
    if in_notebook:
        shown |= {"file": sys.stdout, "mininterval": 0.5, "delay": 0.5}
    if size is None:
        return iter(tqdm(items, **shown))
    return _sized(items, tqdm(initial=done, smoothing=0, **shown), size)


def _sized(items: Iterable[T], bar: tqdm, size: Callable) -> Iterator[T]:
    with bar:
        for item in items:
            yield item
            bar.update(size(item))
