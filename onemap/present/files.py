"""Files that appear whole or not at all, and zipped formats whose bytes do not depend on the clock."""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

ZIP_DAY = (1980, 1, 1, 0, 0, 0)


def write_bytes(path: Path, data: bytes) -> Path:
    """Write a file by way of a temporary neighbour that then takes its place."""
    return replace_with(path, lambda temporary: temporary.write_bytes(data))


def replace_with(path: Path, write: Callable[[Path], object]) -> Path:
    """Let ``write`` fill a temporary neighbour, then put it in place of ``path`` in one step."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".onemap-") as folder:
        temporary = Path(folder) / path.name
        write(temporary)
        os.replace(temporary, path)
    return path


def repack(data: bytes, mend: Callable[[str, bytes], bytes] = lambda name, body: body) -> bytes:
    """A zip archive (docx, xlsx) with fixed times, its parts passed through ``mend``.

    >>> made = io.BytesIO()
    >>> with zipfile.ZipFile(made, "w") as archive:
    ...     archive.writestr("a.txt", "hello")
    >>> repack(made.getvalue()) == repack(made.getvalue())
    True
    """
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            entry = zipfile.ZipInfo(name, ZIP_DAY)
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(".png") else zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            entry.create_system = 3
            new.writestr(entry, mend(name, old.read(name)))
    return out.getvalue()
