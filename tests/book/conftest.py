"""A copy of the packaged book that a test may spoil."""

import shutil
from pathlib import Path

import pytest

from onemap.book.location import layers_path


@pytest.fixture
def book(tmp_path) -> Path:
    folder = tmp_path / "layers"
    shutil.copytree(layers_path(), folder, ignore=shutil.ignore_patterns("sample", "present"))
    return folder
