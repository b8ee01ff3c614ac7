"""Commands about what people look at and take away: the town's map, the report's template, the pack, the meeting page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import onemap as om
from onemap.cli.options import AsOf, BaseMap, BlueprintFile, Book, Lang, Out, SitesCrs, commands
from onemap.cli.steps import open_town, review_sites, say_files
from onemap.cli.words import LANG, t
from onemap.errors import InputError
from onemap.present import console as tables

app = commands()


@app.command("map", help=t("map"))
def city_map(
    blueprint: BlueprintFile,
    out: Out,
    base_map: BaseMap = None,
    lang: Lang = LANG,
) -> None:
    from onemap.present.facelayer import draw_city

    if out.suffix.lower() != ".html":
        raise InputError("house.map.name", where=str(out))
    say_files({"map": draw_city(om.read_blueprint(blueprint), lang, base_map).save(out)})


@app.command(help=t("template"))
def template(
    out: Annotated[Path | None, typer.Option("-o", "--out", help=t("opt.template_out"))] = None,
    fields: Annotated[bool, typer.Option("--fields", help=t("opt.fields"))] = False,
    lang: Lang = LANG,
) -> None:
    from onemap.book.words import words_of
    from onemap.present.fields import known_fields
    from onemap.present.files import write_bytes
    from onemap.present.template import standard_template

    if fields or out is None:
        tables.show(tables.field_table(known_fields(), lang, t))
    if out is not None:
        if out.suffix.lower() != ".docx":
            raise InputError("house.template.name", where=str(out))
        say_files({"template": write_bytes(out, standard_template(words_of(None, lang)).data)})


@app.command(help=t("pack"))
def conflicts(
    blueprint: BlueprintFile,
    out: Out,
    top: Annotated[int, typer.Option(help=t("opt.top"), min=1)] = 5,
    sites: Annotated[str | None, typer.Option("--sites", help=t("opt.sites"))] = None,
    as_of: AsOf = None,
    book: Book = None,
    crs: SitesCrs = None,
    lang: Lang = LANG,
) -> None:
    from onemap.present.pack import write_conflict_pack

    town, rulebook = open_town(blueprint, as_of, book)
    tables.show(tables.conflict_table(town, rulebook, lang, t))
    read = om.read_parcels(sites, town.crs, rulebook.catalogue, stated=crs) if sites else None
    reviewed = review_sites(read, town, rulebook) if read else town
    say_files(write_conflict_pack(reviewed, out, lang, top, rulebook))


@app.command(help=t("serve"))
def serve(
    blueprint: Annotated[str, typer.Argument(help=t("opt.blueprint"))],
    host: Annotated[str, typer.Option(help=t("opt.host"))] = "127.0.0.1",
    port: Annotated[int, typer.Option(help=t("opt.port"))] = 8765,
    token: Annotated[str | None, typer.Option(help=t("opt.token"), envvar="ONEMAP_TOKEN")] = None,
    as_of: AsOf = None,
    base_map: BaseMap = None,
    lang: Lang = LANG,
) -> None:
    from onemap.present.meeting.app import serve as serve_page

    serve_page(blueprint, host, port, token, as_of, lang, base_map)
