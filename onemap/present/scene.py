"""What a map shows, before anyone draws it: overlays of pieces with their looks, labels and cards."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from onemap.blueprint.build import Blueprint
from onemap.frames import EFFECTS
from onemap.present import cards
from onemap.present.around import land_around
from onemap.present.membership import asked_layers, effects, in_force, of_subject
from onemap.present.styles import look
from onemap.present.window import open_window, sites_of
from onemap.present.words import Words, class_table, label, layer_title, listed, say, text_of, words_of

MOST_PIECES = 8000
SEVERITIES = ("data", "inform", "review", "consent", "prohibit")


class Overlay(NamedTuple):
    """One switchable part of a map; ``pieces`` has columns look, name, card (-1: none), geometry."""

    id: str
    title: str
    order: float
    shown: bool
    pieces: gpd.GeoDataFrame


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
) -> Scene:
    """The scene of a Review (one project or all) or of a Blueprint.

    At most ``most`` pieces per overlay, those nearest to the sites; what is left out is said in a note.
    ``window`` (left, bottom, right, top in the blueprint's metres) shows another place than the sites.
    Raises InputError for a project that the review does not hold.
    """
    words = words_of(thing, lang)
    blueprint = getattr(thing, "blueprint", thing)
    sites = sites_of(thing, project_id)
    around = isinstance(blueprint, Blueprint) and (window is not None or project_id is not None)
    window = window or open_window(blueprint, sites, project_id)
    blueprint = land_around(blueprint, window) if around else blueprint
    desk = _Desk(words, blueprint, sites, window, most)
    features = desk.near("features", blueprint.features, unlimited=True)
    features = features[in_force(features, _as_of(thing))].reset_index(drop=True)
    overlays = [
        *_governing(desk, thing),
        *_plans(desk, words.rulebook, features),
        *_faces(desk),
        *_controls(desk, words.rulebook, features),
        *_conflicts(desk),
        *_unknown(desk, words.rulebook),
        *_sites_overlay(desk, thing, sites),
    ]
    notes = [*desk.notes, *_missing_sources(words, blueprint)]
    return Scene(
        [one for one in overlays if len(one.pieces)],
        desk.looks,
        desk.cards,
        desk.plans,
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


class _Desk:
    """The tables that a scene grows while it is composed: looks, cards and plan lines, each kept once."""

    def __init__(self, words: Words, blueprint: Any, sites: gpd.GeoDataFrame, window, most: int):
        self.words, self.blueprint, self.sites, self.window, self.most = words, blueprint, sites, window, most
        self.looks: list[dict] = []
        self.cards: list[dict] = []
        self.plans: list[list[str]] = []
        self.notes: list[str] = []
        self._known: dict[tuple, int] = {}
        self._plan_numbers: dict[str, int] = {}

    def near(
        self, what: str, frame: gpd.GeoDataFrame, unlimited: bool = False, quiet: bool = False
    ) -> gpd.GeoDataFrame:
        """The rows whose geometry meets the window, the nearest first cut at the limit, in input order."""
        geometry = frame.geometry.to_numpy()
        usable = ~(shapely.is_missing(geometry) | shapely.is_empty(geometry))
        inside = np.flatnonzero(usable & shapely.intersects(geometry, shapely.box(*self.window)))
        if unlimited or len(inside) <= self.most:
            return frame.iloc[inside]
        centre = self.sites.union_all() if len(self.sites) else shapely.box(*self.window).centroid
        distance = np.round(shapely.distance(geometry[inside], centre), 3)
        kept = np.sort(inside[np.lexsort((inside, distance))[: self.most]])
        if quiet:
            return frame.iloc[kept]
        self.notes.append(
            say(
                self.words,
                "map.note.limited",
                what=say(self.words, f"map.layer.{what}"),
                shown=len(kept),
                total=len(inside),
            )
        )
        return frame.iloc[kept]

    def look(self, overlay: str, **piece: str) -> int:
        key = (overlay, *sorted(piece.items()))
        if key not in self._known:
            found = look(overlay, **piece)
            layer = piece.get("layer", "")
            if layer in self.words.catalogue.layers.index:
                layers = self.words.catalogue.layers
                found = look(
                    overlay,
                    **piece,
                    group=layers.at[layer, "group"],
                    code_table=layers.at[layer, "code_table"],
                )
            if found not in self.looks:
                self.looks.append(found)
            self._known[key] = self.looks.index(found)
        return self._known[key]

    def add(self, card: dict) -> int:
        self.cards.append(card)
        return len(self.cards) - 1

    def plan(self, feature: Any) -> int:
        if feature.feature_id not in self._plan_numbers:
            line = cards.plan_line(self.words, feature)
            if line not in self.plans:
                self.plans.append(line)
            self._plan_numbers[feature.feature_id] = self.plans.index(line)
        return self._plan_numbers[feature.feature_id]

    def overlay(self, name: str, rows: Iterable[tuple], base: str = "", shown: bool | None = None) -> Overlay:
        """An overlay from rows of (look, name, card, geometry); equal rows are drawn once."""
        rows = list({(row[0], row[1], row[2], shapely.to_wkb(row[3])): row for row in rows}.values())
        kind = base or name
        order = self.looks[rows[0][0]]["order"] if rows else 0.0
        pieces = gpd.GeoDataFrame(
            {
                "look": [row[0] for row in rows],
                "name": [row[1] for row in rows],
                "card": [row[2] for row in rows],
            },
            geometry=[row[3] for row in rows],
            crs=self.blueprint.crs,
        )
        if shown is None:
            shown = look(kind).get("shown") == "yes" if not rows else self.looks[rows[0][0]]["shown"] == "yes"
        return Overlay(name, say(self.words, f"map.layer.{name}"), order, shown, pieces)


def _as_of(thing: Any) -> date:
    day = getattr(thing, "as_of", None) or getattr(thing, "manifest", {}).get("as_of")
    if isinstance(day, str):
        return date.fromisoformat(day[:10])
    return day or date.max


def _governing(desk: _Desk, thing: Any) -> list[Overlay]:
    rows = []
    for face in desk.near("faces", desk.blueprint.faces, quiet=True).itertuples():
        layer, code = text_of(face.governing_layer), text_of(face.governing_class)
        if layer:
            number = desk.look("governing", layer=layer, class_code=code)
            rows.append((number, _class_name(desk, layer, code, number), -1, face.geometry))
    return [desk.overlay("governing", rows, shown=not hasattr(thing, "parcels"))] if rows else []


def _class_name(desk: _Desk, layer: str, code: str, number: int) -> str:
    words = desk.words
    named = desk.looks[number][f"label_{words.lang}"]
    if named:
        return named
    table = class_table(words, layer)
    if table is not None and code in table.index:
        return f"{layer_title(words, layer)}: {table.at[code, f'name_{words.lang}'] or code}"
    return layer_title(words, layer)


def _plans(desk: _Desk, rulebook: Any, features: gpd.GeoDataFrame) -> list[Overlay]:
    words, overlays = desk.words, []
    groups = features.layer.map(words.catalogue.layers["group"])
    masks = {"approved": (groups == "approval").to_numpy(), "evaluated": (groups == "evaluation").to_numpy()}
    if rulebook is not None:
        masks = {"range": of_subject(rulebook, features, "town_range"), **masks}
    for name, mask in masks.items():
        chosen = desk.near(name, features[mask])
        overlays.append(
            desk.overlay(
                name,
                [
                    (
                        desk.look(name, layer=row.layer, class_code=text_of(row.class_code)),
                        say(words, f"map.layer.{name}"),
                        -1,
                        row.geometry,
                    )
                    for row in chosen.itertuples()
                ],
            )
        )
    return overlays


def _faces(desk: _Desk) -> list[Overlay]:
    blueprint, words = desk.blueprint, desk.words
    faces = desk.near("faces", blueprint.faces)
    covers = blueprint.covers[blueprint.covers.face_id.isin(faces.face_id)]
    chosen = blueprint.features[blueprint.features.feature_id.isin(covers.feature_id)]
    numbers = {feature.feature_id: desk.plan(feature) for feature in chosen.itertuples()}
    plans = {
        face: sorted({numbers[one] for one in group if one in numbers}, key=lambda n: desk.plans[n])
        for face, group in covers.groupby("face_id")["feature_id"]
    }
    holes = dict(list(blueprint.unknowns[blueprint.unknowns.face_id.isin(faces.face_id)].groupby("face_id")))
    number = desk.look("faces")
    rows = [
        (
            number,
            say(words, "map.layer.faces"),
            desk.add(cards.face_card(words, face, plans.get(face.face_id, []), holes.get(face.face_id))),
            face.geometry,
        )
        for face in faces.itertuples()
    ]
    return [desk.overlay("faces", rows)]


def _controls(desk: _Desk, rulebook: Any, features: gpd.GeoDataFrame) -> list[Overlay]:
    words = desk.words
    groups = features.layer.map(words.catalogue.layers["group"])
    lines = features[groups.isin(["control", "inform"])].copy()
    lines["effect"] = "" if rulebook is None else effects(rulebook, lines)
    overlays = []
    for effect in ("", *reversed(EFFECTS)):
        name = f"control.{effect}" if effect else "control"
        rows = [
            (
                desk.look("control", layer=row.layer, class_code=text_of(row.class_code), effect=effect),
                layer_title(words, row.layer),
                -1,
                row.geometry,
            )
            for row in desk.near(name, lines[lines.effect == effect]).itertuples()
        ]
        overlays.append(desk.overlay(name, rows, base="control", shown=True))
    return overlays


def _conflicts(desk: _Desk) -> list[Overlay]:
    words, overlays = desk.words, []
    for severity in SEVERITIES:
        chosen = desk.near(
            f"conflict.{severity}", desk.blueprint.conflicts[desk.blueprint.conflicts.severity == severity]
        )
        rows = [
            (
                desk.look("conflict", severity=severity),
                say(words, f"map.layer.conflict.{severity}"),
                desk.add(cards.conflict_card(words, row)),
                row.geometry,
            )
            for row in chosen.itertuples()
        ]
        overlays.append(desk.overlay(f"conflict.{severity}", rows, base="conflict"))
    return overlays


def _unknown(desk: _Desk, rulebook: Any) -> list[Overlay]:
    """Land where a layer that rules ask for is not known, and apart land that some other plan leaves out."""
    words, blueprint = desk.words, desk.blueprint
    unknowns = blueprint.unknowns
    asked = unknowns.layer.isin(asked_layers(rulebook)) if rulebook is not None else unknowns.layer.notna()
    overlays = []
    for kind, rows in (("unmapped", unknowns[~asked]), ("unknown", unknowns[asked])):
        number, name, drawn = desk.look(kind), say(words, f"map.layer.{kind}"), []
        chosen = desk.near(kind, blueprint.faces[blueprint.faces.face_id.isin(rows.face_id)], unlimited=True)
        if len(chosen):
            drawn.append((number, name, -1, shapely.union_all(chosen.geometry.to_numpy())))
            layers = sorted(set(rows.layer[rows.face_id.isin(chosen.face_id)]))
            names = listed(words, (layer_title(words, one) for one in layers))
            desk.notes.append(say(words, f"map.note.{kind}", layers=names))
        if kind == "unknown":
            for row in desk.near(kind, blueprint.quarantine).itertuples():
                drawn.append((number, name, desk.add(cards.quarantine_card(words, row)), row.geometry))
        overlays.append(desk.overlay(kind, drawn))
    return overlays


def _sites_overlay(desk: _Desk, thing: Any, sites: gpd.GeoDataFrame) -> list[Overlay]:
    if not len(sites):
        return []
    decisions = {row.project_id: row for row in thing.decisions.itertuples()}
    rows = []
    for site in sites.itertuples():
        decision = decisions.get(site.project_id)
        verdict = "" if decision is None else text_of(decision.verdict)
        card = cards.site_card(desk.words, site, decision)
        card["project"] = text_of(site.project_id)
        name = label(desk.words, "verdict", verdict) if verdict else say(desk.words, "map.layer.sites")
        if site.geometry is not None and not site.geometry.is_empty:
            rows.append((desk.look("sites", verdict=verdict), name, desk.add(card), site.geometry))
    return [desk.overlay("sites", rows, shown=True)]


def _missing_sources(words: Words, blueprint: Any) -> list[str]:
    sources: pd.DataFrame = blueprint.sources
    usable = set(sources.layer[sources.status.isin(["found", "none", "empty"])])
    missing = sorted(set(sources.layer) - usable)
    if not missing:
        return []
    names = listed(words, (layer_title(words, one) for one in missing))
    return [say(words, "map.note.missing", layers=names)]
