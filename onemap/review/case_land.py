"""The land of jurists' cases: boxes on a grid in metres, every case in a town of its own far from the next."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import geopandas as gpd
import shapely

from onemap.book.reading import Document, nearest
from onemap.errors import InputError
from onemap.frames import EXTENTS, FEATURES, ISSUES, PARCELS, PASSPORTS, QUARANTINE, SOURCES, empty, frame
from onemap.land.area import ellipsoidal_area
from onemap.land.read import Layers
from onemap.land.values import parse_date
from onemap.land.workspace import Workspace

CRS = "EPSG:4529"
ORIGIN = (41_500_000.0, 3_000_000.0)
TOWN = (-3_000.0, -3_000.0, 3_000.0, 3_000.0)
PITCH = 8_000.0  # from town to town: farther apart than any distance that a rule of the book asks for
PARCEL = ("0", "0", "100", "100")
KEYS = ("case", "as_of", "dates", "project", "parcel", "layers", "expect")
FACETS = ("features", "extent", "quarantined")
FEATURE_KEYS = ("box", *(c for c in FEATURES if c not in ("feature_id", "layer", "area_m2", "geometry")))
PROJECT_KEYS = [c for c in PARCELS if c not in ("parcel_id", "project_id", "area_m2", "geometry")]


class Case(NamedTuple):
    """One case as written: its words, and how to say where a word of it stands."""

    document: Document
    path: tuple
    data: dict

    @property
    def name(self) -> str:
        return self.data["case"]

    def where(self, *below) -> str:
        """``file:line`` of a word of the case."""
        return self.document.where(*self.path, *below)

    def fail(self, key: str, /, *below, **values) -> InputError:
        """The error that a word of the case causes."""
        where = f"{self.where(*below)} {self.data.get('case', '')}".rstrip()
        return InputError(key, where=where, **values)

    def only(self, given: dict, allowed: Iterable[str], *below) -> None:
        """Refuse words that the format does not know."""
        if not isinstance(given, dict):
            raise self.fail("review.case.not_a_mapping", *below, given=given)
        for key in given:
            if key not in allowed:
                raise self.fail("review.case.word_unknown", *below, key, mend=nearest(key, allowed), word=key)


class Town(NamedTuple):
    """Where one case lies: its number decides its place on the central meridian."""

    case: Case
    number: int

    @property
    def id(self) -> str:
        return f"case-{self.number + 1:04d}"

    def box(self, bounds, *below) -> shapely.Polygon:
        """A box ``[west, south, east, north]`` in metres from the town's middle as a polygon of the grid."""
        try:
            west, south, east, north = (float(b) for b in bounds)
        except (TypeError, ValueError):
            raise self.case.fail("review.case.not_a_box", *below, box=bounds) from None
        if west >= east or south >= north:
            raise self.case.fail("review.case.box_empty", *below, box=bounds)
        if west < TOWN[0] or south < TOWN[1] or east > TOWN[2] or north > TOWN[3]:
            raise self.case.fail("review.case.box_outside", *below, box=bounds, town=TOWN)
        x, y = ORIGIN[0], ORIGIN[1] + self.number * PITCH
        return shapely.box(west + x, south + y, east + x, north + y)


def stated(case: Case, catalogue) -> dict[str, object]:
    """What a case says of each layer; ``others: none`` is said of all that it does not name, save ``unknown``."""
    given = dict(case.data.get("layers") or {})
    others = given.pop("others", None)
    for layer in given:
        if layer not in catalogue.layers.index:
            mend = nearest(layer, catalogue.layers.index)
            raise case.fail("review.case.layer_unknown", "layers", layer, mend=mend, layer=layer)
    if others not in (None, "none"):
        raise case.fail("review.case.others", "layers", "others", others=others)
    rest = dict.fromkeys(catalogue.layers.index, "none") if others else {}
    return {layer: said for layer, said in (rest | given).items() if said != "unknown"}


def layers_of(towns: list[Town], catalogue) -> Layers:
    """The layers of several cases as if they had been read from files."""
    features, extents, quarantine, sources = [], [], [], []
    for town in towns:
        for layer, given in stated(town.case, catalogue).items():
            facets = given if isinstance(given, dict) and "box" not in given else {"features": given}
            town.case.only(facets, FACETS, "layers", layer)
            rows = [
                _feature(town, layer, i, given, catalogue)
                for i, given in enumerate(_boxes(facets.get("features")))
            ]
            features += rows
            extent = town.box(facets.get("extent", TOWN), "layers", layer)
            extents.append({"layer": layer, "geometry": extent})
            damaged = [town.box(b, "layers", layer) for b in _boxes(facets.get("quarantined"))]
            quarantine += [
                {"layer": layer, "source": town.id, "source_fid": "q", "reason": "case", "geometry": shape}
                for shape in damaged
            ]
            status = "found" if rows or damaged else "none"
            sources.append({"layer": layer, "path": town.id, "status": status, "sha256": ""})
    table = frame(features, FEATURES, CRS)
    table["area_m2"] = ellipsoidal_area(table.geometry.to_numpy(), table.crs) if len(table) else []
    return Layers(
        features=table,
        extents=frame(extents, EXTENTS, CRS),
        quarantine=frame(quarantine, QUARANTINE, CRS),
        passports=empty(PASSPORTS),
        issues=empty(ISSUES),
        sources=frame(sources, SOURCES),
        workspace=Workspace(name="cases", crs=CRS),
    )


def parcels_of(towns: list[Town], catalogue) -> gpd.GeoDataFrame:
    """The parcels of the cases: one project a case, one plot a box."""
    rows = []
    for town in towns:
        given = town.case.data.get("parcel", PARCEL)
        attributes = town.case.data.get("project") or {}
        town.case.only(attributes, PROJECT_KEYS, "project")
        for key, value in attributes.items():
            known = catalogue.enumerations.loc[catalogue.enumerations["field"] == key, "value"]
            if len(known) and value not in set(known):
                mend = nearest(value, known)
                raise town.case.fail(
                    "review.case.value_unknown", "project", key, mend=mend, word=key, value=value
                )
        common = dict.fromkeys(PARCELS) | {"project_name": town.case.name, "source": "case"} | attributes
        rows += [
            common
            | {
                "parcel_id": f"{town.id}-{i + 1}",
                "project_id": town.id,
                "source_fid": str(i + 1),
                "geometry": town.box(plot, "parcel"),
            }
            for i, plot in enumerate(_boxes(given))
        ]
    parcels = frame(rows, PARCELS, CRS)
    parcels["area_m2"] = ellipsoidal_area(parcels.geometry.to_numpy(), parcels.crs)
    return parcels


def companies(cases: list[Case], catalogue) -> list[list[Town]]:
    """Cases that can share one blueprint, so that a day is reviewed in one pass.

    A layer that must fill its extent is either stated absent or mapped in all cases of a company: next to a
    mapped one, "stated absent" would read as a hole.
    """
    completeness = catalogue.layers["completeness"]
    groups: list[tuple[dict[str, bool], list[Town]]] = []
    for case in cases:
        says = {
            layer: given == "none"
            for layer, given in stated(case, catalogue).items()
            if completeness[layer] == "partition"
        }
        fitting = (g for g in groups if all(g[0].get(layer, none) == none for layer, none in says.items()))
        agreed, towns = next(fitting, None) or ({}, [])
        if not towns:
            groups.append((agreed, towns))
        agreed.update(says)
        towns.append(Town(case, len(towns)))
    return [towns for _, towns in groups]


def _boxes(given) -> list:
    if not given or given == "none":
        return []
    single = isinstance(given, dict) or not isinstance(given[0], (list, dict, tuple))
    return [given] if single else given


def _feature(town: Town, layer: str, i: int, given, catalogue) -> dict:
    row = {"box": given} if not isinstance(given, dict) else dict(given)
    town.case.only(row, FEATURE_KEYS, "layers", layer)
    if "box" not in row:
        raise town.case.fail("review.case.no_box", "layers", layer)
    shape = town.box(row.pop("box"), "layers", layer)
    dates = {k: parse_date(row[k]) for k in ("valid_from", "valid_to") if k in row}
    facts = catalogue.layers.loc[layer]
    code = row.get("class_code") or facts["default_class"]
    words = {"class_code": code} if code else {}
    table = catalogue.codes.get(facts["code_table"])
    if table is not None and code and code in table.index:
        words |= {"class_name": table.at[code, "name_zh"], "major_class": table.at[code, "major_class"]}
    elif table is not None and code:
        raise town.case.fail(
            "review.case.class_unknown",
            "layers",
            layer,
            mend=nearest(code, table.index),
            layer=layer,
            code=code,
        )
    ids = {"feature_id": f"{layer}:{town.id}:{i + 1}", "layer": layer}
    origin = {"source": town.id, "source_fid": str(i + 1)}
    return {"attributes": "{}"} | words | row | dates | ids | origin | {"geometry": shape}
