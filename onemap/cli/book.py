"""Commands about the rule book: the card of a rule, the jurists' cases."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import onemap as om
from onemap.book.card import rule_card
from onemap.cli.options import AsOf, Book, Lang, commands
from onemap.cli.steps import day
from onemap.cli.words import LANG, t

app = commands()


@app.command(help=t("rule"))
def rule(
    rule: Annotated[str, typer.Argument(help=t("arg.rule"))],
    as_of: AsOf = None,
    book: Book = None,
    lang: Lang = LANG,
) -> None:
    typer.echo(rule_card(rule, om.load_rulebook(day(as_of, None), book), lang))


@app.command(help=t("test"))
def test(
    cases: Annotated[Path, typer.Argument(help=t("arg.cases"))] = Path("tests/cases"),
    book: Book = None,
    lang: Lang = LANG,
) -> None:
    from onemap.present import console as tables
    from onemap.review.cases import failures, run_cases

    verdicts = run_cases(cases, book)
    failed = failures(verdicts)
    if len(failed):
        tables.show(tables.frame_table(failed))
    typer.echo(t("cases", n=len(verdicts), failed=len(failed)))
    if len(failed):
        raise SystemExit(1)
