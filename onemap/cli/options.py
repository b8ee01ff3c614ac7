"""Arguments and options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onemap.cli.words import t
from onemap.errors import set_language


def _speak(lang: str) -> str:
    set_language(lang)
    return lang


def commands() -> typer.Typer:
    """Where a module registers its commands."""
    return typer.Typer(add_completion=False, pretty_exceptions_enable=False)


Workspace = Annotated[str, typer.Argument(help=t("arg.workspace"))]
Sites = Annotated[str, typer.Argument(help=t("arg.sites"))]
Out = Annotated[Path, typer.Option("-o", "--out", help=t("opt.out"))]
BlueprintFile = Annotated[str, typer.Option("-b", "--blueprint", help=t("opt.blueprint"))]
SitesCrs = Annotated[str | None, typer.Option("--crs", help=t("opt.crs"))]
AsOf = Annotated[str | None, typer.Option("--as-of", help=t("opt.as_of"))]
Book = Annotated[Path | None, typer.Option("--book", help=t("opt.book"))]
Scheduler = Annotated[str | None, typer.Option(help=t("opt.scheduler"))]
Workers = Annotated[int, typer.Option(help=t("opt.workers"), min=1)]
BaseMap = Annotated[Path | None, typer.Option("--base-map", help=t("opt.base_map"))]
Lang = Annotated[str, typer.Option("--lang", help=t("opt.lang"), callback=_speak)]
