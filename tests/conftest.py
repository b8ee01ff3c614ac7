"""What the tests share: where the real files lie, and the sample town, built once."""

from pathlib import Path

import pytest

import onemap as om
from onemap.land.workspace import load_workspace

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real files beside the checkout."""
    if not (SHARED / "data").is_dir():
        pytest.skip(f"the real files are not here: {SHARED}/data")
    return SHARED


@pytest.fixture(scope="session")
def book():
    """The packaged rule book as of the sample town's day."""
    workspace = load_workspace(om.sample_path())
    return om.load_rulebook(workspace.as_of, dates=workspace.dates)


@pytest.fixture(scope="session")
def layers(book):
    """The sample town's layers as read from its files."""
    return om.read_features(om.sample_path(), book.catalogue)


@pytest.fixture(scope="session")
def town(layers, book):
    """The sample town's blueprint."""
    return om.build_blueprint(layers, book)


@pytest.fixture(scope="session")
def sites(town, book):
    """The sample town's sites, with what reading them reported."""
    return om.read_parcels(om.sample_path() / "sites", town.crs, book.catalogue, workspace=om.sample_path())


@pytest.fixture(scope="session")
def reviewed(sites, town, book):
    """The review of the sample town's sites."""
    return om.review(sites.parcels, town, book, sites.issues)
