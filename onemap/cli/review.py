"""Commands about sites: the answer at once, with reports, for a long list, and why."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

import onemap as om
from onemap.cli.options import (
    AsOf,
    BaseMap,
    BlueprintFile,
    Book,
    Lang,
    Out,
    Scheduler,
    Sites,
    SitesCrs,
    Workers,
    commands,
)
from onemap.cli.steps import open_sites, review_sites, say_files, say_reviewing
from onemap.cli.words import LANG, t
from onemap.present import console as tables

MANY_REPORTS = 40  # from here on, reports are worth the start of a second process
app = commands()


@app.command(help=t("review"))
def review(
    sites: Sites,
    blueprint: BlueprintFile,
    out: Out,
    as_of: AsOf = None,
    book: Book = None,
    crs: SitesCrs = None,
    template: Annotated[Path | None, typer.Option("--template", help=t("opt.template"))] = None,
    pdf: Annotated[bool, typer.Option("--pdf", help=t("opt.pdf"))] = False,
    workers: Annotated[int, typer.Option(help=t("opt.report_workers"), min=0)] = 0,
    base_map: BaseMap = None,
    lang: Lang = LANG,
) -> None:
    if template:
        from onemap.present.template import load_template

        load_template(template)  # a mistake in it is told before the work, not after
    town, rulebook, read = open_sites(sites, blueprint, as_of, book, crs)
    result = review_sites(read, town, rulebook)
    many = len(result.decisions) >= MANY_REPORTS
    workers = workers or (os.cpu_count() or 1 if many else 1)
    how = {"template": template, "pdf": pdf, "workers": workers, "base_map": base_map}
    say_files(om.write_review(result, out, lang=lang, **how))


@app.command(help=t("check"))
def check(
    sites: Sites,
    blueprint: BlueprintFile,
    as_of: AsOf = None,
    book: Book = None,
    crs: SitesCrs = None,
    lang: Lang = LANG,
) -> None:
    town, rulebook, read = open_sites(sites, blueprint, as_of, book, crs)
    tables.show(tables.finding_table(review_sites(read, town, rulebook), LANG, t))


@app.command(help=t("batch"))
def batch(
    sites: Sites,
    blueprint: BlueprintFile,
    out: Out,
    as_of: AsOf = None,
    book: Book = None,
    crs: SitesCrs = None,
    workers: Workers = 1,
    scheduler: Scheduler = None,
    chunk: Annotated[int, typer.Option(help=t("opt.chunk"), min=1)] = 500,
    lang: Lang = LANG,
) -> None:
    town, rulebook, read = open_sites(sites, blueprint, as_of, book, crs)
    say_reviewing(read.parcels, rulebook)
    how = {"chunk": chunk, "workers": workers, "scheduler": scheduler}
    files = om.review_batch(read.parcels, town, rulebook, out, issues=read.issues, **how)
    decided = pd.read_csv(files["decisions"], dtype=str, usecols=["verdict", "route"])
    tables.show(tables.outcome_table(decided, rulebook, lang, t))
    say_files(files)


@app.command(help=t("explain"))
def explain(
    review: Annotated[Path, typer.Argument(help=t("arg.review"))],
    rule: Annotated[str, typer.Argument(help=t("arg.rule"))],
    project: Annotated[str | None, typer.Option("--project", help=t("opt.project"))] = None,
    book: Book = None,
    lang: Lang = LANG,
) -> None:
    typer.echo(om.explain(om.read_review(review, book), rule, project, lang))
