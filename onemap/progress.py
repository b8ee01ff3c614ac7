"""One progress bar for the whole package: silent where nobody watches, usable in notebooks."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")


def progress(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """The items themselves, with a bar on stderr that estimates the rest.

    It stays silent when stderr is no terminal, or when ``ONEMAP_PROGRESS=0``; ``ONEMAP_PROGRESS=1`` forces it.

    >>> sum(progress([1, 2, 3], "adding"))
    6
    """
    setting = os.environ.get("ONEMAP_PROGRESS")
    disable = {"0": True, "1": False}.get(setting)
    return iter(tqdm(items, desc=what, total=total, disable=disable, leave=False, dynamic_ncols=True))
