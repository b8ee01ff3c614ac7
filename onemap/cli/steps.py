"""What several commands do on their way, and say while they do it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import typer

import onemap as om
from onemap.blueprint.conflict_days import conflicts_stand
from onemap.blueprint.overlay import INSTEAD
from onemap.blueprint.restated import with_conflicts
from onemap.blueprint.store import NAME
from onemap.book.words import day_of
from onemap.cli.words import LANG, t
from onemap.engine import hire
from onemap.errors import InputError
from onemap.present import console as tables


def day(given: str | None, default: date | None) -> str | date:
    """The day that is asked about: as given, else the workspace's, else today."""
    return given or default or date.today()


def build_town(place, rulebook, out: Path, workers: int = 1, scheduler: str | None = None):
    """Read a workspace into a store, build its blueprint there, and print ledger, balance sheet and conflicts."""
    typer.echo(t("building", name=place.name, as_of=rulebook.as_of))
    with hire(workers) as crew:
        read = om.read_into(out / NAME, place, rulebook.catalogue, workers=crew)
        if read.recalled:
            typer.echo(t("recalled", n=len(read.recalled)))
        tables.show(tables.ledger_table(read.layers.sources, t))
        say_ledger(read.layers)
        tables.show(tables.issue_table(read.layers.issues, rulebook.texts, LANG, t, ("error",)))
        blueprint = om.build_city(read, rulebook, out / NAME, workers=crew, scheduler=scheduler)
    tables.show(tables.balance_table(blueprint, rulebook.catalogue, LANG, t))
    tables.show(tables.conflict_table(blueprint, rulebook, LANG, t))
    _say_faces(blueprint)
    return blueprint


def hand_on(town, target: str | Path, lang: str) -> Path | str:
    """Write a blueprint as a file, with styles for QGIS, or into a database."""
    from onemap.present.qgis import style_blueprint

    written = om.write_blueprint(town, target)
    return written if isinstance(written, str) else style_blueprint(written, town, lang)


def open_town(blueprint: str, as_of: str | None, book: Path | None):
    """The blueprint with its conflicts of the day, and the rule book of the day."""
    town = om.read_blueprint(blueprint)
    _say_faces(town)
    rulebook = om.load_rulebook(as_of or town.manifest["as_of"], book, town.manifest["dates"])
    if not conflicts_stand(town, rulebook):
        typer.echo(t("refinding", held=day_of(town), as_of=rulebook.as_of))
    return with_conflicts(town, rulebook), rulebook


def open_sites(sites: str, blueprint: str, as_of: str | None, book: Path | None, crs: str | None):
    """Blueprint, rule book and the sites in the blueprint's CRS. crs : of files that do not say theirs"""
    town, rulebook = open_town(blueprint, as_of, book)
    return town, rulebook, om.read_parcels(sites, town.crs, rulebook.catalogue, stated=crs)


def review_sites(read, town, rulebook):
    """Review the sites and print ledger, data problems and a line for each project."""
    tables.show(tables.ledger_table(read.sources, t))
    say_reviewing(read.parcels, rulebook)
    tables.show(tables.issue_table(read.issues, rulebook.texts, LANG, t))
    result = om.review(read.parcels, town, rulebook, read.issues)
    tables.show(tables.summary_table(result, LANG, t))
    return result


def say_reviewing(parcels, rulebook) -> None:
    """Say how many sites are reviewed; InputError where there are none."""
    if not len(parcels):
        raise InputError("house.sites.none")
    count = {"sites": len(parcels), "projects": parcels["project_id"].nunique()}
    typer.echo(t("reviewing", as_of=rulebook.as_of, **count))


def say_ledger(read) -> None:
    """Say how many issues of each severity there are, and how many sources cannot be used."""
    severity = read.issues["severity"].value_counts()
    typer.echo(t("issues", **{s: int(severity.get(s, 0)) for s in ("error", "warning", "info")}))
    bad = (~read.sources["status"].isin(("found", "none"))).sum()
    if bad:
        typer.echo(t("partly", n=int(bad)))


def say_files(files: dict[str, Path | str]) -> None:
    """List what was written, files of one folder in one line."""
    typer.echo(t("written"))
    folders = {}
    for name, path in files.items():
        folders.setdefault(path.parent if "/" in name else path, []).append(name)
    for path, names in folders.items():
        typer.echo(f"  {names[0] if len(names) == 1 else t('count', n=len(names)):<18} {path}")


def _say_faces(blueprint) -> None:
    if blueprint.manifest.get("faces_by") == INSTEAD:
        typer.echo(t("faces_instead"))
