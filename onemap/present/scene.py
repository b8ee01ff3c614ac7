"""What a map shows, before anyone draws it: overlays of pieces with their looks, labels and cards."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

import geopandas as gpd
import pandas as pd
import shapely

from onemap.blueprint.build import Blueprint
from onemap.book.words import (
    Words,
    class_table,
    day_of,
    label,
    layer_title,
    listed,
    say,
    text_of,
    words_of,
)
from onemap.frames import EFFECTS
from onemap.present import cards
from onemap.present.around import land_around
from onemap.present.legend import told_apart
from onemap.present.membership import asked_layers, effects, in_force, of_subject
from onemap.present.stock import Overlay, Stock
from onemap.present.styles import look
from onemap.present.window import open_window, sites_of

MOST_PIECES = 8000
SEVERITIES = ("data", "inform", "review", "consent", "prohibit")


class Scene(NamedTuple):
    """Overlays from bottom to top, the looks and cards they point to, and what the viewer must be told."""

    overlays: list[Overlay]
    looks: list[dict[str, Any]]
    cards: list[dict[str, Any]]
    plans: list[list[str]]
    window: tuple[float, float, float, float]
    notes: list[str]
    words: Words
    crs: Any


def compose(
    thing: Any,
    project_id: str | None = None,
    lang: str = "zh",
    most: int = MOST_PIECES,
    window: tuple[float, float, float, float] | None = None,
    told: bool = True,
) -> Scene:
    """The scene of a Review (one project or all) or of a Blueprint.

    At most ``most`` pieces per overlay, those nearest to the sites; what is left out is said in a note.
    ``window`` (left, bottom, right, top in the blueprint's metres) shows another place than the sites. ``told``: with
    what a click on a face or conflict tells, which a picture on paper does without.
    Raises InputError for a project that the review does not hold.
    """
    words = words_of(thing, lang)
    blueprint = getattr(thing, "blueprint", thing)
    sites = sites_of(thing, project_id)
    around = isinstance(blueprint, Blueprint) and (window is not None or len(sites) > 0)
    window = window or open_window(blueprint, sites, project_id)
    blueprint = land_around(blueprint, window) if around else blueprint
    stock = Stock(words, blueprint, sites, window, most)
    features = stock.near("features", blueprint.features.reset_index(drop=True), unlimited=True)
    features = features[in_force(features, day_of(thing))]
    overlays = [
        *_governing(stock, thing),
        *_plans(stock, words.rulebook, features),
        *_faces(stock, told),
        *_controls(stock, words.rulebook, features),
        *_conflicts(stock, told),
        *_unknown(stock, words.rulebook),
        *_sites_overlay(stock, thing, sites),
    ]
    notes = [*stock.notes, *_missing_sources(words, blueprint)]
    return Scene(
        [one for one in overlays if len(one.pieces)],
        stock.looks,
        stock.cards,
        stock.plans,
        window,
        notes,
        words,
        blueprint.crs,
    )


def marked(scene: Scene, geometry: Any, kind: str) -> Scene:
    """The scene with one more overlay on top that shows a single place; ``kind`` is its style and its text."""
    style, name = look(kind), say(scene.words, f"map.layer.{kind}")
    pieces = gpd.GeoDataFrame(
        {"look": [len(scene.looks)], "name": [name], "card": [-1]}, geometry=[geometry], crs=scene.crs
    )
    overlay = Overlay(kind, name, style["order"], True, pieces)
    return scene._replace(overlays=[*scene.overlays, overlay], looks=[*scene.looks, style])


def _governing(stock: Stock, thing: Any) -> list[Overlay]:
    drawn, layers = [], defaultdict(set)
    for face in stock.near("faces", stock.blueprint.faces, quiet=True).itertuples():
        layer, code = text_of(face.governing_layer), text_of(face.governing_class)
        if layer:
            number = stock.look("governing", layer=layer, class_code=code)
            look_and_name = number, _class_name(stock, layer, code, number)
            layers[look_and_name].add(layer)
            drawn.append((look_and_name, face.geometry))
    names = told_apart(stock.words, layers)
    rows = [(one[0], names[one], -1, shape) for one, shape in drawn]
    return [stock.overlay("governing", rows, shown=not hasattr(thing, "parcels"))] if rows else []


def _class_name(stock: Stock, layer: str, code: str, number: int) -> str:
    words = stock.words
    named = stock.looks[number][f"label_{words.lang}"]
    if named:
        return named
    table = class_table(words, layer)
    if table is not None and code in table.index:
        return f"{layer_title(words, layer)}: {table.at[code, f'name_{words.lang}'] or code}"
    return layer_title(words, layer)


def _plans(stock: Stock, rulebook: Any, features: gpd.GeoDataFrame) -> list[Overlay]:
    words, overlays = stock.words, []
    groups = features.layer.map(words.catalogue.layers["group"])
    masks = {"approved": (groups == "approval").to_numpy(), "evaluated": (groups == "evaluation").to_numpy()}
    if rulebook is not None:
        masks = {"range": of_subject(rulebook, stock.blueprint, "town_range")[features.index], **masks}
    for name, mask in masks.items():
        chosen = stock.near(name, features[mask])
        overlays.append(
            stock.overlay(
                name,
                [
                    (
                        stock.look(name, layer=row.layer, class_code=text_of(row.class_code)),
                        say(words, f"map.layer.{name}"),
                        -1,
                        row.geometry,
                    )
                    for row in chosen.itertuples()
                ],
            )
        )
    return overlays


def _faces(stock: Stock, told: bool) -> list[Overlay]:
    blueprint, words = stock.blueprint, stock.words
    faces = stock.near("faces", blueprint.faces)
    number, title = stock.look("faces"), say(words, "map.layer.faces")
    if not told:
        return [stock.overlay("faces", [(number, title, -1, shape) for shape in faces.geometry])]
    covers = blueprint.covers[blueprint.covers.face_id.isin(faces.face_id)]
    chosen = blueprint.features[blueprint.features.feature_id.isin(covers.feature_id)]
    numbers = {feature.feature_id: stock.plan(feature) for feature in chosen.itertuples()}
    plans = {
        face: sorted({numbers[one] for one in group if one in numbers}, key=lambda n: stock.plans[n])
        for face, group in covers.groupby("face_id")["feature_id"]
    }
    holes = dict(list(blueprint.unknowns[blueprint.unknowns.face_id.isin(faces.face_id)].groupby("face_id")))
    rows = [
        (
            number,
            title,
            stock.add(cards.face_card(words, face, plans.get(face.face_id, []), holes.get(face.face_id))),
            face.geometry,
        )
        for face in faces.itertuples()
    ]
    return [stock.overlay("faces", rows)]


def _controls(stock: Stock, rulebook: Any, features: gpd.GeoDataFrame) -> list[Overlay]:
    words = stock.words
    groups = features.layer.map(words.catalogue.layers["group"])
    lines = features[groups.isin(["control", "inform"])].copy()
    lines["effect"] = "" if rulebook is None else effects(rulebook, stock.blueprint)[lines.index]
    overlays = []
    for effect in ("", *reversed(EFFECTS)):
        name = f"control.{effect}" if effect else "control"
        rows = [
            (
                stock.look("control", layer=row.layer, class_code=text_of(row.class_code), effect=effect),
                layer_title(words, row.layer),
                -1,
                row.geometry,
            )
            for row in stock.near(name, lines[lines.effect == effect]).itertuples()
        ]
        overlays.append(stock.overlay(name, rows, base="control", shown=True))
    return overlays


def _conflicts(stock: Stock, told: bool) -> list[Overlay]:
    words, overlays = stock.words, []
    for severity in SEVERITIES:
        chosen = stock.near(
            f"conflict.{severity}", stock.blueprint.conflicts[stock.blueprint.conflicts.severity == severity]
        )
        rows = [
            (
                stock.look("conflict", severity=severity),
                say(words, f"map.layer.conflict.{severity}"),
                stock.add(cards.conflict_card(words, row)) if told else -1,
                row.geometry,
            )
            for row in chosen.itertuples()
        ]
        overlays.append(stock.overlay(f"conflict.{severity}", rows, base="conflict"))
    return overlays


def _unknown(stock: Stock, rulebook: Any) -> list[Overlay]:
    """Land where a layer that rules ask for is not known, and apart land that some other plan leaves out."""
    words, blueprint = stock.words, stock.blueprint
    unknowns = blueprint.unknowns
    asked = unknowns.layer.isin(asked_layers(rulebook)) if rulebook is not None else unknowns.layer.notna()
    overlays = []
    for kind, rows in (("unmapped", unknowns[~asked]), ("unknown", unknowns[asked])):
        number, name, drawn = stock.look(kind), say(words, f"map.layer.{kind}"), []
        chosen = stock.near(kind, blueprint.faces[blueprint.faces.face_id.isin(rows.face_id)], unlimited=True)
        if len(chosen):
            drawn.append((number, name, -1, shapely.union_all(chosen.geometry.to_numpy())))
            layers = sorted(set(rows.layer[rows.face_id.isin(chosen.face_id)]))
            names = listed(words, (layer_title(words, one) for one in layers))
            stock.notes.append(say(words, f"map.note.{kind}", layers=names))
        if kind == "unknown":
            for row in stock.near(kind, blueprint.quarantine).itertuples():
                drawn.append((number, name, stock.add(cards.quarantine_card(words, row)), row.geometry))
        overlays.append(stock.overlay(kind, drawn))
    return overlays


def _sites_overlay(stock: Stock, thing: Any, sites: gpd.GeoDataFrame) -> list[Overlay]:
    if not len(sites):
        return []
    decisions = {row.project_id: row for row in thing.decisions.itertuples()}
    rows = []
    for site in sites.itertuples():
        decision = decisions.get(site.project_id)
        verdict = "" if decision is None else text_of(decision.verdict)
        card = cards.site_card(stock.words, site, decision)
        card["project"] = text_of(site.project_id)
        name = label(stock.words, "verdict", verdict) if verdict else say(stock.words, "map.layer.sites")
        if site.geometry is not None and not site.geometry.is_empty:
            rows.append((stock.look("sites", verdict=verdict), name, stock.add(card), site.geometry))
    return [stock.overlay("sites", rows, shown=True)]


def _missing_sources(words: Words, blueprint: Any) -> list[str]:
    sources: pd.DataFrame = blueprint.sources
    usable = set(sources.layer[sources.status.isin(["found", "none", "empty"])])
    missing = sorted(set(sources.layer) - usable)
    if not missing:
        return []
    names = listed(words, (layer_title(words, one) for one in missing))
    return [say(words, "map.note.missing", layers=names)]
