"""Where the packaged book lies: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

from onemap.errors import InputError
from onemap.messages import BOOKS

# without the book there is no table of messages either
NOT_INSTALLED = "随软件附带的规则库缺失，请重新安装 onemap (the packaged book is missing: reinstall onemap)"


def layers_path() -> Path:
    """The folder of the packaged book.

    >>> (layers_path() / "book.yaml").is_file()
    True
    """
    for folder in BOOKS:
        if (folder / "book.yaml").is_file():
            return folder
    raise InputError(NOT_INSTALLED, where=BOOKS[0])


def sample_path() -> Path:
    """The folder of the sample town, a complete workspace that ships with the package.

    >>> sample_path().name
    'sample'
    """
    return layers_path() / "sample"


def label(path: Path) -> str:
    """A path as errors name it: relative to the working folder where it lies inside it.

    >>> label(Path("rules.csv"))
    'rules.csv'
    """
    try:
        return Path(path).resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return Path(path).as_posix()
