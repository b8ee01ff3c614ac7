"""The command that shows everything on the sample town."""

from __future__ import annotations

from pathlib import Path

import onemap as om
from onemap.cli.options import Lang, Out, commands
from onemap.cli.steps import build_town, hand_on, review_sites, say_files
from onemap.cli.words import LANG, t
from onemap.land.workspace import load_workspace
from onemap.present import console as tables

OTHER_DAYS = ("2019-06-01", "2026-06-01")
app = commands()


@app.command(help=t("demo"))
def demo(out: Out = Path("out/demo"), lang: Lang = LANG) -> None:
    place = load_workspace(om.sample_path())
    rulebook = om.load_rulebook(place.as_of, dates=place.dates)
    town = build_town(place, rulebook, out)
    for a, b in tables.compared_plans(rulebook):
        tables.show(tables.split_table(town, rulebook, a, b, lang, t))
    read = om.read_parcels(place.resolve(place.sites.path), town.crs, rulebook.catalogue, workspace=place)
    result = review_sites(read, town, rulebook)
    days = {day: om.load_rulebook(day, dates=place.dates) for day in OTHER_DAYS}
    others = {place.as_of.isoformat(): result} | {
        day: om.review(read.parcels, town, then) for day, then in days.items()
    }
    tables.show(tables.route_table(others, lang, t))
    files = {"blueprint": hand_on(town, out / "blueprint.gpkg", lang)}
    say_files(files | om.write_review(result, out, lang=lang))
