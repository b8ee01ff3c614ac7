"""The browser files that an offline map carries: read from installed wheels, never from the network."""

from __future__ import annotations

import base64
import json
import mimetypes
import re
from functools import cache
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path, PurePosixPath

from onemap.errors import InputError

STATIC = Path(__file__).parent / "static"
WHEELS = {
    "leaflet.js": ("XStatic-Leaflet", "leaflet.js"),
    "leaflet.css": ("XStatic-Leaflet", "leaflet.css"),
    "jquery-3.7.1.min.js": ("XStatic-jQuery", "jquery.min.js"),
}
DROPPED = frozenset(
    [
        "bootstrap.bundle.min.js",
        "bootstrap.min.css",
        "bootstrap-glyphicons.css",
        "all.min.css",
        "leaflet.awesome-markers.js",
        "leaflet.awesome-markers.css",
        "leaflet.awesome.rotate.min.css",
    ]
)
SOURCE_MAP = re.compile(r"^//# sourceMappingURL=.*$", re.M)
CSS_URL = re.compile(r"""url\(\s*['"]?([^'")]+)['"]?\s*\)""")


@cache
def static(name: str) -> str:
    """One of the package's own script, style or licence files as text.

    >>> "Leaflet" in static("licences.txt")
    True
    """
    return (STATIC / name).read_text(encoding="utf-8")


@cache
def wheel_file(distribution: str, name: str) -> Path:
    """Where an installed distribution keeps the file of that name.

    Raises InputError when the distribution or the file is not installed.

    >>> wheel_file("XStatic-Leaflet", "leaflet.js").name
    'leaflet.js'
    """
    try:
        listed = files(distribution) or []
    except PackageNotFoundError:
        listed = []
    for entry in listed:
        if entry.name == name:
            return Path(entry.locate())
    raise InputError("present.asset.not_installed", where=distribution, name=name, distribution=distribution)


def data_uri(path: Path) -> str:
    """A file as a ``data:`` address.

    >>> data_uri(wheel_file("XStatic-Leaflet", "layers.png"))[:22]
    'data:image/png;base64,'
    """
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


@cache
def asset(address: str) -> str | None:
    """The text to put in place of a script or style address of folium; None for one the map does without.

    Raises InputError for an address that is neither known nor dispensable.

    >>> asset("https://example.invalid/bootstrap.min.css") is None
    True
    """
    name = PurePosixPath(address.split("?")[0]).name
    if name in DROPPED:
        return None
    if name not in WHEELS:
        raise InputError("present.asset.not_carried", address=address)
    distribution, file = WHEELS[name]
    path = wheel_file(distribution, file)
    text = path.read_text(encoding="utf-8").replace("\r\n", "\n")
    if file.endswith(".css"):
        return CSS_URL.sub(lambda found: _css_url(found, distribution), text)
    text = SOURCE_MAP.sub("", text)
    return text + "\n" + _leaflet_offline() if file == "leaflet.js" else text


def _css_url(found: re.Match, distribution: str) -> str:
    address = found[1]
    if address.startswith(("data:", "#")):
        return found[0]
    return f"url({data_uri(wheel_file(distribution, PurePosixPath(address).name))})"


def _leaflet_offline() -> str:
    pictures = {
        "iconUrl": "marker-icon.png",
        "iconRetinaUrl": "marker-icon-2x.png",
        "shadowUrl": "marker-shadow.png",
    }
    uris = {key: data_uri(wheel_file("XStatic-Leaflet", name)) for key, name in pictures.items()}
    return f"var onemapIcons = {json.dumps(uris)};\n" + static("leaflet_offline.js")
