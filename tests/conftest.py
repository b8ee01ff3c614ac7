"""What the tests share: where the real files lie, and the sample town, built once."""

import contextlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import shapely

import onemap as om
from onemap.frames import EXTENTS, FEATURES, ISSUES, PARCELS, PASSPORTS, QUARANTINE, SOURCES, empty, frame
from onemap.land.area import ellipsoidal_area
from onemap.land.read import Layers
from onemap.land.workspace import Workspace, load_workspace

CRS = "EPSG:4529"
ORIGIN = np.array([41_500_000.0, 4_552_000.0])

HOLD = "import json, os, sys; print(json.dumps(dict(os.environ)), flush=True); sys.stdin.read()"


@pytest.fixture(autouse=True)
def english():
    """Tests that match the words of an error match the English ones; ``test_messages`` asks for Chinese by name."""
    om.set_language("en")
    yield
    om.set_language("zh")


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


@pytest.fixture(scope="session")
def boxed(book):
    """A maker of layers from boxes in metres: ``boxed({layer: [bounds | (bounds, attributes)]}, none=[...])``."""

    def make(given, none=(), quarantined=None, extents=None) -> Layers:
        features, quarantine, mapped, sources = [], [], [], []
        town = shapely.box(-5000, -5000, 5000, 5000)
        for layer, boxes in given.items():
            for i, one in enumerate(boxes):
                bounds, attributes = one if isinstance(one[-1], dict) else (one, {})
                shape = bounds if isinstance(bounds, shapely.Geometry) else shapely.box(*bounds)
                features.append(
                    {
                        "feature_id": f"{layer}:{i}",
                        "layer": layer,
                        "source": "boxes",
                        "source_fid": str(i),
                        "attributes": "{}",
                    }
                    | attributes
                    | {"geometry": shape}
                )
        for layer, bounds in (quarantined or {}).items():
            quarantine.append(
                {
                    "layer": layer,
                    "source": "boxes",
                    "source_fid": "q",
                    "reason": "test",
                    "geometry": shapely.box(*bounds),
                }
            )
        for layer in [*given, *none]:
            shape = shapely.box(*extents[layer]) if extents and layer in extents else town
            mapped.append({"layer": layer, "geometry": shape})
            status = "none" if layer in none else "found"
            sources.append({"layer": layer, "path": "boxes", "status": status, "sha256": "0"})
        parts = {
            "features": frame(features, FEATURES, CRS),
            "extents": frame(mapped, EXTENTS, CRS),
            "quarantine": frame(quarantine, QUARANTINE, CRS),
        }
        for part in parts.values():
            part["geometry"] = shapely.transform(part.geometry.to_numpy(), lambda xy: xy + ORIGIN)
        parts["features"]["area_m2"] = ellipsoidal_area(
            parts["features"].geometry.to_numpy(), parts["features"].crs
        )
        return Layers(
            **parts,
            passports=empty(PASSPORTS),
            issues=empty(ISSUES),
            sources=frame(sources, SOURCES),
            workspace=Workspace(name="boxes", crs=CRS),
        )

    return make


@pytest.fixture(scope="session")
def plots():
    """A maker of parcels from boxes in metres: one project each, unless ``project`` names one for all."""

    def make(*boxes, project=None, **attributes):
        shapes = [b if isinstance(b, shapely.Geometry) else shapely.box(*b) for b in boxes]
        shapes = shapely.transform(np.array(shapes, dtype=object), lambda xy: xy + ORIGIN)
        rows = [
            {"parcel_id": f"p{i}", "project_id": project or f"p{i}", "source": "boxes", "source_fid": str(i)}
            | attributes
            | {"geometry": shape}
            for i, shape in enumerate(shapes)
        ]
        parcels = frame(rows, PARCELS, CRS)
        return parcels.assign(area_m2=ellipsoidal_area(shapes, parcels.crs))

    return make


def _absent() -> str:
    if shutil.which("pg_virtualenv") is None:
        return "no pg_virtualenv: install postgresql-common and postgresql"
    if not list(Path("/usr/share/postgresql").glob("*/extension/postgis.control")):
        return "no PostGIS for this PostgreSQL: install postgresql-15-postgis-3"
    return ""


@pytest.fixture(scope="module")
def server():
    """Address of a fresh database with PostGIS, of Debian's packages; the server ends with the tests."""
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'onemap[postgis]'")
    if reason := _absent():
        pytest.skip(reason)
    process = subprocess.Popen(
        ["pg_virtualenv", "-t", sys.executable, "-c", HOLD],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    said = ""
    for line in process.stdout:
        said = line
        if line.startswith("{"):
            break
    else:
        pytest.skip(f"the server did not start: {process.stderr.read()[-300:] or said}")
    env = json.loads(said)
    port, user, word = (env[f"PG{k}"] for k in ("PORT", "USER", "PASSWORD"))
    address = f"postgresql://{user}:{word}@localhost:{port}/plans"
    try:
        with psycopg.connect(address.replace("/plans", "/postgres"), autocommit=True) as link:
            link.execute("CREATE DATABASE plans ENCODING 'UTF8' TEMPLATE template0")
        with psycopg.connect(address) as link:
            link.execute("CREATE EXTENSION postgis")
        yield address
    finally:
        with contextlib.suppress(BrokenPipeError):
            process.communicate(timeout=60)
