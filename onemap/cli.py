"""The command line: thin wrappers over the functions of the rooms."""

from __future__ import annotations

import os
import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

import onemap as om
from onemap.blueprint.build import with_conflicts
from onemap.blueprint.overlay import INSTEAD
from onemap.blueprint.store import NAME
from onemap.book.card import rule_card
from onemap.book.location import layers_path
from onemap.book.texts import load_texts
from onemap.errors import InputError, set_language
from onemap.land.area_statement import area_statement
from onemap.land.propose import write_proposal
from onemap.land.workspace import load_workspace
from onemap.messages import LANGUAGES
from onemap.present import console as tables
from onemap.review.cases import failures, run_cases

MANY_REPORTS = 40  # from here on, reports are worth the start of a second process
OTHER_DAYS = ("2019-06-01", "2026-06-01")


def _language() -> str:
    given = sys.argv[sys.argv.index("--lang") + 1 :][:1] if "--lang" in sys.argv else []
    given += [a.removeprefix("--lang=") for a in sys.argv if a.startswith("--lang=")]
    wanted = (given or [os.environ.get("ONEMAP_LANG", LANGUAGES[0])])[0]
    return wanted if wanted in LANGUAGES else LANGUAGES[0]


LANG = _language()
set_language(LANG)
try:
    TEXTS = load_texts(layers_path() / "texts")
except InputError as error:  # the texts are the bureau's to edit: a mistake there is told like any other
    raise SystemExit(f"layers/texts: {error}") from None


def _t(key: str, **values) -> str:
    return TEXTS(f"cli.{key}", LANG, **values)


def _speak(lang: str) -> str:
    set_language(lang)
    return lang


app = typer.Typer(help=_t("app"), no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
Workspace = Annotated[str, typer.Argument(help=_t("arg.workspace"))]
Sites = Annotated[str, typer.Argument(help=_t("arg.sites"))]
Out = Annotated[Path, typer.Option("-o", "--out", help=_t("opt.out"))]
BlueprintFile = Annotated[str, typer.Option("-b", "--blueprint", help=_t("opt.blueprint"))]
AsOf = Annotated[str | None, typer.Option("--as-of", help=_t("opt.as_of"))]
Book = Annotated[Path | None, typer.Option("--book", help=_t("opt.book"))]
Scheduler = Annotated[str | None, typer.Option(help=_t("opt.scheduler"))]
Workers = Annotated[int, typer.Option(help=_t("opt.workers"), min=1)]
BaseMap = Annotated[Path | None, typer.Option("--base-map", help=_t("opt.base_map"))]
Lang = Annotated[str, typer.Option("--lang", help=_t("opt.lang"), callback=_speak)]


@app.command(help=_t("layers"))
def layers(
    workspace: Workspace,
    as_of: AsOf = None,
    book: Book = None,
    map: Annotated[Path | None, typer.Option("--map", help=_t("opt.map"))] = None,
    lang: Lang = LANG,
) -> None:
    place = load_workspace(workspace)
    catalogue = om.load_catalogue(book)
    read = om.read_features(place, catalogue)
    day = _day(as_of, place.as_of)
    tables.show(tables.layer_table(read, catalogue, day, lang, _t))
    _say_ledger(read)
    tables.show(tables.issue_table(read.issues, catalogue.texts, lang, _t, tables.SEVERITIES))
    if map:
        from onemap.present.issue_map import draw_issues

        _files({"map": draw_issues(read, catalogue, lang).save(map)})


@app.command(help=_t("area"))
def area(sites: Sites, workspace: Workspace, book: Book = None, lang: Lang = LANG) -> None:
    place, catalogue = load_workspace(workspace), om.load_catalogue(book)
    read = om.read_parcels(sites, place.crs, catalogue, workspace=place)
    tables.show(tables.ledger_table(read.sources, _t))
    tables.show(tables.issue_table(read.issues, catalogue.texts, lang, _t))
    tables.show(tables.area_table(area_statement(read.parcels), _t))
    typer.echo(_t("area_methods"))


@app.command(help=_t("init"))
def init(
    folder: Annotated[Path, typer.Argument(help=_t("arg.folder"))], book: Book = None, lang: Lang = LANG
) -> None:
    _files({"onemap.yaml": write_proposal(folder, om.load_catalogue(book), lang)})


@app.command(help=_t("build"))
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
    rulebook = om.load_rulebook(_day(as_of, place.as_of), book, place.dates)
    blueprint = _build(place, rulebook, out, workers=workers, scheduler=scheduler)
    _files({f"blueprint {blueprint.version}": out / NAME})
    typer.echo(_t("export_hint", out=out))


@app.command(help=_t("export"))
def export(
    blueprint: BlueprintFile,
    target: Annotated[str, typer.Argument(help=_t("arg.target"))],
    version: Annotated[str | None, typer.Option("--version", help=_t("opt.version"))] = None,
    lang: Lang = LANG,
) -> None:
    _files({"blueprint": _handed_on(om.read_blueprint(blueprint, version), target, lang)})


@app.command(help=_t("prune"))
def prune(
    blueprint: BlueprintFile,
    keep: Annotated[int, typer.Option("--keep", help=_t("opt.keep"), min=1)],
    lang: Lang = LANG,
) -> None:
    from onemap.blueprint.doors import prune_blueprint

    removed = prune_blueprint(blueprint, keep)
    typer.echo(_t("pruned", n=len(removed), versions=" ".join(removed)))


@app.command("map", help=_t("map"))
def city_map(
    blueprint: BlueprintFile,
    out: Out,
    base_map: BaseMap = None,
    lang: Lang = LANG,
) -> None:
    from onemap.present.facelayer import draw_city

    if out.suffix.lower() != ".html":
        raise InputError("house.map.name", where=str(out))
    _files({"map": draw_city(om.read_blueprint(blueprint), lang, base_map).save(out)})


@app.command(help=_t("review"))
def review(
    sites: Sites,
    blueprint: BlueprintFile,
    out: Out,
    as_of: AsOf = None,
    book: Book = None,
    template: Annotated[Path | None, typer.Option("--template", help=_t("opt.template"))] = None,
    pdf: Annotated[bool, typer.Option("--pdf", help=_t("opt.pdf"))] = False,
    workers: Annotated[int, typer.Option(help=_t("opt.report_workers"), min=0)] = 0,
    base_map: BaseMap = None,
    lang: Lang = LANG,
) -> None:
    if template:
        from onemap.present.template import load_template

        load_template(template)  # a mistake in it is told before the work, not after
    town, rulebook, read = _opened(sites, blueprint, as_of, book)
    result = _review(read, town, rulebook)
    many = len(result.decisions) >= MANY_REPORTS
    workers = workers or (os.cpu_count() or 1 if many else 1)
    how = {"template": template, "pdf": pdf, "workers": workers, "base_map": base_map}
    _files(om.write_review(result, out, lang=lang, **how))


@app.command(help=_t("template"))
def template(
    out: Annotated[Path | None, typer.Option("-o", "--out", help=_t("opt.template_out"))] = None,
    fields: Annotated[bool, typer.Option("--fields", help=_t("opt.fields"))] = False,
    lang: Lang = LANG,
) -> None:
    from onemap.present.fields import known_fields
    from onemap.present.files import write_bytes
    from onemap.present.template import standard_template
    from onemap.present.words import words_of

    if fields or out is None:
        tables.show(tables.field_table(known_fields(), lang, _t))
    if out is not None:
        if out.suffix.lower() != ".docx":
            raise InputError("house.template.name", where=str(out))
        _files({"template": write_bytes(out, standard_template(words_of(None, lang)).data)})


@app.command(help=_t("check"))
def check(
    sites: Sites,
    blueprint: BlueprintFile,
    as_of: AsOf = None,
    book: Book = None,
    lang: Lang = LANG,
) -> None:
    town, rulebook, read = _opened(sites, blueprint, as_of, book)
    tables.show(tables.finding_table(_review(read, town, rulebook), LANG, _t))


@app.command(help=_t("pack"))
def conflicts(
    blueprint: BlueprintFile,
    out: Out,
    top: Annotated[int, typer.Option(help=_t("opt.top"), min=1)] = 5,
    sites: Annotated[str | None, typer.Option("--sites", help=_t("opt.sites"))] = None,
    as_of: AsOf = None,
    book: Book = None,
    lang: Lang = LANG,
) -> None:
    from onemap.present.pack import write_conflict_pack

    town, rulebook = _town(blueprint, as_of, book)
    tables.show(tables.conflict_table(town, rulebook, lang, _t))
    read = om.read_parcels(sites, town.crs, rulebook.catalogue) if sites else None
    reviewed = _review(read, town, rulebook) if read else town
    _files(write_conflict_pack(reviewed, out, lang, top, rulebook))


@app.command(help=_t("batch"))
def batch(
    sites: Sites,
    blueprint: BlueprintFile,
    out: Out,
    as_of: AsOf = None,
    book: Book = None,
    workers: Workers = 1,
    scheduler: Scheduler = None,
    chunk: Annotated[int, typer.Option(help=_t("opt.chunk"), min=1)] = 500,
    lang: Lang = LANG,
) -> None:
    town, rulebook, read = _opened(sites, blueprint, as_of, book)
    _say_reviewing(read.parcels, rulebook)
    how = {"chunk": chunk, "workers": workers, "scheduler": scheduler}
    files = om.review_batch(read.parcels, town, rulebook, out, issues=read.issues, **how)
    decided = pd.read_csv(files["decisions"], dtype=str, usecols=["verdict", "route"])
    tables.show(tables.outcome_table(decided, rulebook, lang, _t))
    _files(files)


@app.command(help=_t("explain"))
def explain(
    review: Annotated[Path, typer.Argument(help=_t("arg.review"))],
    rule: Annotated[str, typer.Argument(help=_t("arg.rule"))],
    project: Annotated[str | None, typer.Option("--project", help=_t("opt.project"))] = None,
    book: Book = None,
    lang: Lang = LANG,
) -> None:
    typer.echo(om.explain(om.read_review(review, book), rule, project, lang))


@app.command(help=_t("rule"))
def rule(
    rule: Annotated[str, typer.Argument(help=_t("arg.rule"))],
    as_of: AsOf = None,
    book: Book = None,
    lang: Lang = LANG,
) -> None:
    typer.echo(rule_card(rule, om.load_rulebook(_day(as_of, None), book), lang))


@app.command(help=_t("test"))
def test(
    cases: Annotated[Path, typer.Argument(help=_t("arg.cases"))] = Path("tests/cases"),
    book: Book = None,
    lang: Lang = LANG,
) -> None:
    verdicts = run_cases(cases, book)
    failed = failures(verdicts)
    if len(failed):
        tables.show(tables.frame_table(failed))
    typer.echo(_t("cases", n=len(verdicts), failed=len(failed)))
    if len(failed):
        raise SystemExit(1)


@app.command(help=_t("serve"))
def serve(
    blueprint: Annotated[str, typer.Argument(help=_t("opt.blueprint"))],
    host: Annotated[str, typer.Option(help=_t("opt.host"))] = "127.0.0.1",
    port: Annotated[int, typer.Option(help=_t("opt.port"))] = 8765,
    token: Annotated[str | None, typer.Option(help=_t("opt.token"), envvar="ONEMAP_TOKEN")] = None,
    as_of: AsOf = None,
    base_map: BaseMap = None,
    lang: Lang = LANG,
) -> None:
    from onemap.present.meeting.app import serve as serve_page

    serve_page(blueprint, host, port, token, as_of, lang, base_map)


@app.command(help=_t("demo"))
def demo(out: Out = Path("out/demo"), lang: Lang = LANG) -> None:
    place = load_workspace(om.sample_path())
    rulebook = om.load_rulebook(place.as_of, dates=place.dates)
    town = _build(place, rulebook, Path(out))
    for a, b in tables.compared_plans(rulebook):
        tables.show(tables.split_table(town, rulebook, a, b, lang, _t))
    read = om.read_parcels(place.resolve(place.sites.path), town.crs, rulebook.catalogue, workspace=place)
    result = _review(read, town, rulebook)
    days = {day: om.load_rulebook(day, dates=place.dates) for day in OTHER_DAYS}
    others = {place.as_of.isoformat(): result} | {
        day: om.review(read.parcels, town, then) for day, then in days.items()
    }
    tables.show(tables.route_table(others, lang, _t))
    files = {"blueprint": _handed_on(town, Path(out) / "blueprint.gpkg", lang)}
    _files(files | om.write_review(result, out, lang=lang))


def main() -> None:
    """Run the command line: exit code 0 when the run worked, 2 for bad input."""
    try:
        app()
    except InputError as error:
        typer.echo(_t("bad_input", error=error), err=True)
        raise SystemExit(2) from None


def _day(given: str | None, default: date | None) -> str | date:
    return given or default or date.today()


def _build(place, rulebook, out: Path, **how):
    typer.echo(_t("building", name=place.name, as_of=rulebook.as_of))
    read = om.read_into(out / NAME, place, rulebook.catalogue)
    if read.recalled:
        typer.echo(_t("recalled", n=len(read.recalled)))
    tables.show(tables.ledger_table(read.layers.sources, _t))
    _say_ledger(read.layers)
    tables.show(tables.issue_table(read.layers.issues, rulebook.texts, LANG, _t, ("error",)))
    blueprint = om.build_city(read, rulebook, out / NAME, **how)
    tables.show(tables.balance_table(blueprint, rulebook.catalogue, LANG, _t))
    tables.show(tables.conflict_table(blueprint, rulebook, LANG, _t))
    _say_faces(blueprint)
    return blueprint


def _say_faces(blueprint) -> None:
    if blueprint.manifest.get("faces_by") == INSTEAD:
        typer.echo(_t("faces_instead"))


def _handed_on(town, target: str | Path, lang: str) -> Path | str:
    from onemap.present.qgis import style_blueprint

    written = om.write_blueprint(town, target)
    return written if isinstance(written, str) else style_blueprint(written, town, lang)


def _town(blueprint: str, as_of: str | None, book: Path | None):
    town = om.read_blueprint(blueprint)
    _say_faces(town)
    rulebook = om.load_rulebook(as_of or town.manifest["as_of"], book, town.manifest["dates"])
    return with_conflicts(town, rulebook), rulebook


def _opened(sites: str, blueprint: str, as_of: str | None, book: Path | None):
    town, rulebook = _town(blueprint, as_of, book)
    read = om.read_parcels(sites, town.crs, rulebook.catalogue)
    return town, rulebook, read


def _review(read, town, rulebook):
    tables.show(tables.ledger_table(read.sources, _t))
    _say_reviewing(read.parcels, rulebook)
    tables.show(tables.issue_table(read.issues, rulebook.texts, LANG, _t))
    result = om.review(read.parcels, town, rulebook, read.issues)
    tables.show(tables.summary_table(result, LANG, _t))
    return result


def _say_reviewing(parcels, rulebook) -> None:
    if not len(parcels):
        raise InputError("house.sites.none")
    count = {"sites": len(parcels), "projects": parcels["project_id"].nunique()}
    typer.echo(_t("reviewing", as_of=rulebook.as_of, **count))


def _say_ledger(read) -> None:
    severity = read.issues["severity"].value_counts()
    typer.echo(_t("issues", **{s: int(severity.get(s, 0)) for s in ("error", "warning", "info")}))
    bad = (~read.sources["status"].isin(("found", "none"))).sum()
    if bad:
        typer.echo(_t("partly", n=int(bad)))


def _files(files: dict[str, Path]) -> None:
    typer.echo(_t("written"))
    folders = {}
    for name, path in files.items():
        folders.setdefault(path.parent if "/" in name else path, []).append(name)
    for path, names in folders.items():
        typer.echo(f"  {names[0] if len(names) == 1 else _t('count', n=len(names)):<18} {path}")


if __name__ == "__main__":
    main()
