"""Commands about the blueprint: build it, hand it on, remove old versions."""

from __future__ import annotations

from typing import Annotated

import typer

import onemap as om
from onemap.blueprint.store import NAME
from onemap.cli.options import AsOf, BlueprintFile, Book, Lang, Out, Scheduler, Workers, Workspace, commands
from onemap.cli.steps import build_town, day, hand_on, say_files
from onemap.cli.words import LANG, t
from onemap.land.workspace import load_workspace

app = commands()


@app.command(help=t("build"))
def build(
    workspace: Workspace,
    out: Out,
    as_of: AsOf = None,
    book: Book = None,
    workers: Workers = 1,
    scheduler: Scheduler = None,
    lang: Lang = LANG,
) -> None:
    place = load_workspace(workspace)
    rulebook = om.load_rulebook(day(as_of, place.as_of), book, place.dates)
    blueprint = build_town(place, rulebook, out, workers=workers, scheduler=scheduler)
    say_files({f"blueprint {blueprint.version}": out / NAME})
    typer.echo(t("export_hint", out=out))


@app.command(help=t("export"))
def export(
    blueprint: BlueprintFile,
    target: Annotated[str, typer.Argument(help=t("arg.target"))],
    version: Annotated[str | None, typer.Option("--version", help=t("opt.version"))] = None,
    lang: Lang = LANG,
) -> None:
    say_files({"blueprint": hand_on(om.read_blueprint(blueprint, version), target, lang)})


@app.command(help=t("prune"))
def prune(
    blueprint: BlueprintFile,
    keep: Annotated[int, typer.Option("--keep", help=t("opt.keep"), min=1)],
    lang: Lang = LANG,
) -> None:
    from onemap.blueprint.doors import prune_blueprint

    removed = prune_blueprint(blueprint, keep)
    typer.echo(t("pruned", n=len(removed), versions=" ".join(removed)))
