"""A table as it stands in a file, before anything is understood."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from onemap.messages import Message

Note = tuple[str, str | None, Message | str]


UNREADABLE_PRJ = "unreadable .prj"  # stands for a CRS that a file states in words nobody reads


@dataclass
class Raw:
    """Rows of one file: columns (index: source_fid as text), geometry, and what the file says about itself.

    ``promised`` is how many rows the file claims to hold; ``by_format`` says that WGS84 is only what the format
    prescribes; ``loose`` that points and lines that can enclose nothing are mere annotation there.
    ``notes`` are (issue, fid, value or message); ``fingerprint`` is of the content where there
    is no file. ``aliases`` are the other names of columns, ``coded`` the words for the codes of a column.
    """

    columns: pd.DataFrame
    geometry: np.ndarray
    file: str
    crs: object = None
    by_format: bool = False
    encoding: str = ""
    promised: int | None = None
    loose: bool = False
    table: str = ""
    notes: list[Note] = field(default_factory=list)
    fingerprint: str = ""
    aliases: dict[str, str] = field(default_factory=dict)
    coded: dict[str, dict[str, str]] = field(default_factory=dict)


def texts_of(index: pd.Index) -> np.ndarray:
    """The entries of an index as texts."""
    entries = index.to_numpy(object)
    if pd.api.types.infer_dtype(entries, skipna=False) == "string":
        return entries
    return np.array([str(one) for one in entries], dtype=object)


def in_texts(index: pd.Index) -> pd.Index:
    """The same index of texts, which are made once."""
    return pd.Index(texts_of(index), dtype=object)


def sha256(path: Path) -> str:
    """Fingerprint of a file with its sidecars, or of all files in a folder, by name and content.

    Among the sidecars is the journal of a GeoPackage that another program holds open: readers see what stands in it.
    """
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.is_file() and p.suffix.lower() != ".lock")
    elif path.suffix.lower() in (".shp", ".dbf", ".tab", ".mif"):
        kin = (".shp", ".shx", ".dbf", ".prj", ".cpg", ".tab", ".dat", ".map", ".id", ".mif", ".mid")
        files = sorted(p for p in path.parent.iterdir() if p.stem == path.stem and p.suffix.lower() in kin)
    else:
        files = [path, *(p for p in [path.with_name(f"{path.name}-wal")] if p.exists() and p.stat().st_size)]
    digest = hashlib.sha256()
    for file in files:
        if len(files) > 1:
            digest.update(
                file.relative_to(path if path.is_dir() else path.parent).as_posix().encode() + b"\0"
            )
        with file.open("rb") as stream:
            for block in iter(lambda stream=stream: stream.read(1 << 20), b""):
                digest.update(block)
    return digest.hexdigest()
