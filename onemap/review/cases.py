"""Jurists' cases: a parcel and layers as boxes on a grid, a day, and the answer that the law gives."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from onemap.blueprint.build import build_blueprint
from onemap.book.reading import nearest, read_yaml
from onemap.book.rulebook import load_rulebook
from onemap.errors import InputError
from onemap.frames import EXTENTS, FEATURES, ISSUES, PARCELS, PASSPORTS, QUARANTINE, SOURCES, empty, frame
from onemap.land.area import ellipsoidal_area
from onemap.land.read import Layers
from onemap.land.values import parse_date
from onemap.land.workspace import Workspace
from onemap.review.review import review

CRS = "EPSG:4529"
ORIGIN = (41_500_000.0, 4_552_000.0)
TOWN = (-5_000.0, -5_000.0, 5_000.0, 5_000.0)
KEYS = ("case", "as_of", "dates", "project", "parcel", "layers", "expect")
FACETS = ("box", "extent", "quarantined", "features")
RELATIVE = 1e-6  # a box on the central meridian and its ellipsoidal area


class Verdict(NamedTuple):
    """How one expectation of a case came out."""

    case: str
    what: str
    expected: str
    got: str
    passed: bool


def run_cases(path: Path, book: Path | None = None) -> list[Verdict]:
    """Run every case of a YAML file, or of a folder of them, against the rule book.

    A case gives ``parcel`` (a box ``[west, south, east, north]`` in metres, or a list of boxes), ``as_of``,
    ``project`` attributes and ``layers``: each a list of boxes (or of ``{box, class_code, document_no, …}``),
    ``none`` (assessed, nothing there), or left out (not assessed); ``others: none`` states it for all the rest.
    A layer may also be ``{features, extent, quarantined}``. ``expect`` names verdict, route, or rule and
    condition ids with their status, or with ``{status, measured, area_m2}``.
    Raises ``InputError`` for words that the format or the book does not know.
    """
    path = Path(path)
    files = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    if not files or not all(f.is_file() for f in files):
        raise InputError("no cases here", where=str(path), mend="give a .yaml file or a folder of them")
    return [
        verdict
        for file in files
        for case in read_yaml(file).data
        for verdict in run_case(case, file.name, book)
    ]


def run_case(case: dict, where: str, book: Path | None = None) -> list[Verdict]:
    """Run one case; see :func:`run_cases`."""
    _only(case, KEYS, f"{where}: {case.get('case', '?')}")
    name = f"{where}: {case['case']}"
    rulebook = load_rulebook(case["as_of"], book, case.get("dates"))
    result = review(
        parcels_of(case), build_blueprint(layers_of(case, rulebook.catalogue, name), rulebook), rulebook
    )
    return [_compare(name, what, wanted, result) for what, wanted in case["expect"].items()]


def layers_of(case: dict, catalogue, name: str) -> Layers:
    """The layers of a case as if they had been read from files."""
    wanted = dict(case.get("layers") or {})
    others = wanted.pop("others", None)
    unknown = set(wanted) - set(catalogue.layers.index)
    if unknown:
        layer = sorted(unknown)[0]
        raise InputError(f"no layer '{layer}'", where=name, mend=nearest(layer, catalogue.layers.index))
    if others == "none":
        wanted |= {layer: "none" for layer in catalogue.layers.index if layer not in wanted}
    features, extents, quarantine, sources = [], [], [], []
    for layer, given in wanted.items():
        facets = given if isinstance(given, dict) else {"features": [] if given == "none" else given}
        _only(facets, FACETS, f"{name}: {layer}")
        rows = [_feature(layer, i, f, catalogue, name) for i, f in enumerate(_boxes(facets.get("features")))]
        features += rows
        extents.append({"layer": layer, "geometry": box(facets.get("extent", TOWN))})
        for b in _boxes(facets.get("quarantined")):
            quarantine.append(
                {"layer": layer, "source": name, "source_fid": "q", "reason": "case", "geometry": box(b)}
            )
        status = "found" if rows or facets.get("quarantined") else "none"
        sources.append({"layer": layer, "path": name, "status": status, "rows_read": len(rows), "sha256": ""})
    table = frame(features, FEATURES, CRS)
    table["area_m2"] = ellipsoidal_area(table.geometry.to_numpy(), table.crs) if len(table) else []
    return Layers(
        features=table,
        extents=frame(extents, EXTENTS, CRS),
        quarantine=frame(quarantine, QUARANTINE, CRS),
        passports=empty(PASSPORTS),
        issues=empty(ISSUES),
        sources=frame(sources, SOURCES),
        workspace=Workspace(name=name, crs=CRS),
    )


def parcels_of(case: dict) -> gpd.GeoDataFrame:
    """The parcels of a case: one project, one plot per box."""
    given = case["parcel"]
    plots = [given] if not isinstance(given[0], list) else given
    shapes = np.array([box(p) for p in plots], dtype=object)
    attributes = dict.fromkeys(PARCELS) | {"project_name": case["case"], "source": "case"}
    _only(case.get("project") or {}, PARCELS, case["case"])
    rows = [
        attributes
        | (case.get("project") or {})
        | {"parcel_id": f"P-{i + 1}", "project_id": "P", "source_fid": str(i), "geometry": shape}
        for i, shape in enumerate(shapes)
    ]
    parcels = frame(rows, PARCELS, CRS)
    parcels["area_m2"] = ellipsoidal_area(shapes, parcels.crs)
    return parcels


def box(bounds) -> shapely.Polygon:
    """A box in metres from the case's origin as a polygon in the grid of the case."""
    west, south, east, north = (float(b) for b in bounds)
    return shapely.box(west + ORIGIN[0], south + ORIGIN[1], east + ORIGIN[0], north + ORIGIN[1])


def _boxes(given) -> list:
    if not given:
        return []
    single = isinstance(given, list) and not isinstance(given[0], (list, dict))
    return [given] if single else given


def _feature(layer: str, i: int, given, catalogue, name: str) -> dict:
    row = {"box": given} if isinstance(given, list) else dict(given)
    _only(row, ("box", *FEATURES), f"{name}: {layer}")
    shape = box(row.pop("box"))
    dates = {k: parse_date(row[k]) for k in ("valid_from", "valid_to") if k in row}
    table = catalogue.codes.get(catalogue.layers.at[layer, "code_table"])
    code = row.get("class_code")
    known = table is not None and code in table.index
    words = (
        {"class_name": table.at[code, "name_zh"], "major_class": table.at[code, "major_class"]}
        if known
        else {}
    )
    ids = {"feature_id": f"{layer}:{i + 1}", "layer": layer, "source": name, "source_fid": str(i + 1)}
    return {"attributes": "{}"} | words | row | dates | ids | {"geometry": shape}


def _compare(name: str, what: str, wanted, result) -> Verdict:
    decision = result.decisions.iloc[0]
    if what in ("verdict", "route", "rule_id"):
        return Verdict(name, what, wanted, decision[what], wanted == decision[what])
    if what == "qualifying_m2":
        return _numbers(name, what, wanted, decision[what])
    own = result.findings[result.findings["rule_id"] == what]
    if own.empty:
        own = result.preconditions[result.preconditions["condition_id"] == what]
    facets = wanted if isinstance(wanted, dict) else {"status": wanted}
    if own.empty:
        return Verdict(name, what, str(wanted), "absent", facets.get("status") == "absent")
    for facet, value in facets.items():
        got = sorted(set(own[facet]))
        if facet == "status":
            if [value] != got:
                return Verdict(name, f"{what}.{facet}", value, "|".join(got), False)
        else:
            verdict = _numbers(name, f"{what}.{facet}", value, own[facet].sum())
            if not verdict.passed:
                return verdict
    return Verdict(name, what, str(wanted), str(wanted), True)


def _numbers(name: str, what: str, wanted, got) -> Verdict:
    close = bool(np.isclose(float(wanted), float(got), rtol=RELATIVE, atol=1e-6))
    return Verdict(name, what, str(wanted), f"{got:.3f}", close)


def _only(given: dict, allowed, where: str) -> None:
    for key in given:
        if key not in allowed:
            raise InputError(f"unknown word '{key}'", where=where, mend=nearest(key, allowed))


def failures(verdicts: list[Verdict]) -> pd.DataFrame:
    """The expectations that did not come true, as a table."""
    return pd.DataFrame([v for v in verdicts if not v.passed], columns=list(Verdict._fields))
