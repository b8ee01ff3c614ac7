"""Whether a layer would be read as it was read before: a key of all that its reading depends on."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pyogrio
import pyproj
import shapely

from onemap.errors import InputError
from onemap.land.files import files_in
from onemap.land.postgis import is_address
from onemap.land.raw import sha256
from onemap.land.source import Known, files_of

STATED = ("town", "features")


def reading_key(space, layer: str, known: Known) -> str | None:
    """A word that is the same as long as reading a layer gives the same; None where only reading can tell.

    space, layer, known : as for :func:`onemap.land.layer.read_layer`. It goes by the content of files with their
    sidecars, the layer's entries in the workspace, the book, CRS, tolerances, datum parameters, town and software. A
    table of a database has no content that could be told without reading it, nor has a file that is not there.
    """
    entries = [source for source in space.sources if source.layer == layer]
    extents = [e.extent for e in entries if isinstance(e.extent, str) and e.extent not in STATED]
    if any(is_address(space.resolve(path)) for path in [*(e.path for e in entries), *extents]):
        return None
    files = [(shown, file) for entry in entries for file, shown in files_of(space, entry)]
    if not all(file.exists() for _, file in files):
        return None
    try:
        files = [(shown, sha256(file)) for shown, file in files]
        around = [sha256(f) for path in extents for f in files_in(space.resolve(path.partition("#")[0]))]
    except (OSError, InputError):
        return None
    town = known.town if layer != space.town else None
    told = {
        "entries": [entry.model_dump(mode="json") for entry in entries],
        "files": files,
        "extents": around,
        "is_town": layer == space.town,
        "town": None if town is None else hashlib.sha256(shapely.to_wkb(town)).hexdigest(),
        "stated": any(entry.layer == layer for entry in space.none),
        "datum": [entry.model_dump(mode="json") for entry in space.datum],
        "crs": known.crs.to_wkt(),
        "limits": list(known.limits),
        "book": known.catalogue.version,
        "software": _software(),
    }
    text = json.dumps([layer, told], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def _software() -> dict:
    """What reads: versions, and this room's own code."""
    own = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        own.update(path.name.encode() + b"\0" + path.read_bytes())
    names = ("onemap", "shapely", "pyproj", "pyogrio", "fiona", "geopandas", "pandas", "openpyxl")
    return {
        "versions": {name: version(name) for name in names},
        "gdal": pyogrio.__gdal_version_string__,
        "geos": shapely.geos_version_string,
        "proj": [pyproj.proj_version_str, *_grids()],
        "code": own.hexdigest(),
    }


def _grids() -> list[str]:
    """The grids of datum changes that PROJ finds, which may come and go without its version."""
    folders = [Path(pyproj.datadir.get_data_dir()), Path(pyproj.datadir.get_user_data_dir())]
    return sorted(path.name for folder in folders for path in folder.glob("*.tif"))
