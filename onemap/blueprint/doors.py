"""Where a blueprint lies: a store or a GeoPackage, told by the path alone; GeoParquet tables are only handed on."""

from __future__ import annotations

from pathlib import Path

from onemap.blueprint.build import Blueprint
from onemap.blueprint.package import read_package, write_package, write_tables
from onemap.blueprint.store import CURRENT, NAME, open_store
from onemap.errors import InputError


def read_blueprint(path, version: str | None = None) -> Blueprint:
    """Open a blueprint: the folder that a build wrote into, its store, or a GeoPackage.

    version : another one than the current, of a store. A store is opened at once and read where it is asked; a GeoPackage
    is read whole. Raises ``InputError`` when there is no blueprint or it is not whole.
    """
    path = Path(path)
    if path.suffix == ".gpkg":
        return read_package(path)
    for folder in (path, path / NAME):
        if (folder / CURRENT).exists():
            return open_store(folder, version)
    if (path / f"{NAME}.gpkg").is_file():
        return read_package(path / f"{NAME}.gpkg")
    raise InputError("no blueprint", where=str(path), mend="make one with: onemap build WORKSPACE -o OUT")


def write_blueprint(blueprint: Blueprint, path) -> Path:
    """Hand a blueprint on: ``….gpkg`` for QGIS, else a folder of GeoParquet tables. Returns the path."""
    path = Path(path)
    return write_package(blueprint, path) if path.suffix == ".gpkg" else write_tables(blueprint, path)
