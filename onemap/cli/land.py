"""Commands about files that come in: what is there, what is wrong with it, how large plots are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import onemap as om
from onemap.cli.options import AsOf, Book, Lang, Sites, SitesCrs, Workspace, commands
from onemap.cli.steps import day, say_files, say_ledger
from onemap.cli.words import LANG, t
from onemap.land.area_statement import area_statement
from onemap.land.workspace import load_workspace
from onemap.present import console as tables

app = commands()


@app.command(help=t("layers"))
def layers(
    workspace: Workspace,
    as_of: AsOf = None,
    book: Book = None,
    map: Annotated[Path | None, typer.Option("--map", help=t("opt.map"))] = None,
    lang: Lang = LANG,
) -> None:
    place = load_workspace(workspace)
    catalogue = om.load_catalogue(book)
    read = om.read_features(place, catalogue)
    tables.show(tables.layer_table(read, catalogue, day(as_of, place.as_of), lang, t))
    say_ledger(read)
    tables.show(tables.issue_table(read.issues, catalogue.texts, lang, t, tables.SEVERITIES))
    if map:
        from onemap.present.issue_map import draw_issues

        say_files({"map": draw_issues(read, catalogue, lang).save(map)})


@app.command(help=t("area"))
def area(
    sites: Sites, workspace: Workspace, book: Book = None, crs: SitesCrs = None, lang: Lang = LANG
) -> None:
    place, catalogue = load_workspace(workspace), om.load_catalogue(book)
    read = om.read_parcels(sites, place.crs, catalogue, workspace=place, stated=crs)
    tables.show(tables.ledger_table(read.sources, t))
    tables.show(tables.issue_table(read.issues, catalogue.texts, lang, t))
    tables.show(tables.area_table(area_statement(read.parcels), t))
    typer.echo(t("area_methods"))


@app.command(help=t("init"))
def init(
    folder: Annotated[Path, typer.Argument(help=t("arg.folder"))], book: Book = None, lang: Lang = LANG
) -> None:
    from onemap.land.propose import write_proposal

    say_files({"onemap.yaml": write_proposal(folder, om.load_catalogue(book), lang)})
