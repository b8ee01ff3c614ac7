"""The tables that a scene grows while it is composed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import shapely

from onemap.book.words import Words, say
from onemap.present import cards
from onemap.present.styles import look


class Overlay(NamedTuple):
    """One switchable part of a map; ``pieces`` has columns look, name, card (-1: none), geometry."""

    id: str
    title: str
    order: float
    shown: bool
    pieces: gpd.GeoDataFrame


class Stock:
    """Looks, cards and plan lines, each kept once, and notes."""

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
