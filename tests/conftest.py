"""What the tests share: where the real files lie, and the sample town, built once."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real files beside the checkout."""
    if not (SHARED / "data").is_dir():
        pytest.skip(f"the real files are not here: {SHARED}/data")
    return SHARED
