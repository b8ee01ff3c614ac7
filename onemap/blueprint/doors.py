"""Where a blueprint lies: a store, a GeoPackage or a database, told by the path alone; GeoParquet is only handed on."""

from __future__ import annotations

from pathlib import Path

from onemap.blueprint import postgis, store
from onemap.blueprint.build import Blueprint
from onemap.blueprint.package import read_package, write_package, write_tables
from onemap.blueprint.postgis import open_postgis, write_postgis
from onemap.blueprint.store import CURRENT, NAME, open_store
from onemap.errors import InputError
from onemap.land.postgis import is_address


def read_blueprint(path, version: str | None = None) -> Blueprint:
    """Open a blueprint: the folder that a build wrote into, its store, a GeoPackage, or a database (``pg:…``).

    version : another one than the current, of a store or a database. These are opened at once and read where they are
    asked; a GeoPackage is read whole. Raises ``InputError`` when there is no blueprint or it is not whole.
    """
    if is_address(path):
        return open_postgis(path, version)
    path = Path(path)
    if path.suffix == ".gpkg":
        return read_package(path)
    if folder := store_at(path):
        return open_store(folder, version)
    if (path / f"{NAME}.gpkg").is_file():
        return read_package(path / f"{NAME}.gpkg")
    raise InputError("blueprint.missing", where=str(path))


def store_at(path: Path) -> Path | None:
    """The store at a path: the folder that a build wrote into, or the one in it."""
    return next((folder for folder in (path, path / NAME) if (folder / CURRENT).exists()), None)


def prune_blueprint(path, keep: int) -> list[str]:
    """Remove old versions from a store or a database (``pg:…``): the ``keep`` published last stay, and the current one.

    Returns the versions removed. Raises ``InputError`` where there are no versions, where a build is at work or was
    stopped half-way, and where others have built upon what would be removed.
    """
    if keep < 1:
        raise ValueError("at least the current version is kept")
    if is_address(path):
        return postgis.keep_newest(path, keep)
    folder = store_at(Path(path))
    if folder is None:
        raise InputError("blueprint.missing", where=str(path))
    return store.keep_newest(folder, keep)


def write_blueprint(blueprint: Blueprint, path) -> Path | str:
    """Hand a blueprint on: ``….gpkg`` for QGIS, ``pg:…`` for a database, else a folder of GeoParquet tables.

    Returns the path, or the address without its password.
    """
    if is_address(path):
        return write_postgis(blueprint, path)
    path = Path(path)
    return write_package(blueprint, path) if path.suffix == ".gpkg" else write_tables(blueprint, path)
