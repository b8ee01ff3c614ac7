"""The record of a review for machines and for QGIS: JSON, GeoPackage, rows for the approval system."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely

from onemap.blueprint.near import part_near
from onemap.book.words import Words, blank, label, listed, say, sentences, split, text_of, words_of
from onemap.frames import PARCELS
from onemap.present.cards import rule_names
from onemap.present.files import replace_with, write_bytes
from onemap.present.qgis import add_styles, styles_of

SCHEMA = "onemap-review/1"
SCHEMA_FILE = Path(__file__).parent / "review.schema.json"
FRAMES = [
    "parcels",
    "decisions",
    "findings",
    "preconditions",
    "conflicts",
    "facts",
    "overlaps",
    "issues",
    "sources",
    "features",
]
SORT_KEYS = [
    "project_id",
    "parcel_id",
    "rule_id",
    "condition_id",
    "conflict_id",
    "subject",
    "layer",
    "feature_id",
    "source",
    "source_fid",
    "issue",
    "field",
    "value",
]
LISTS = ("prohibited", "consent", "unknown", "missing_layers", "citations", "feature_ids", "stage")
PARSED = ("reasons", "attributes")
OPINION_COLUMNS = [
    "DFSJZJ",
    "XZQHDM",
    "XMDM",
    "QQYJSLBM",
    "BLDWDM",
    "BLDWMC",
    "FKSJ",
    "BLR",
    "QQYJ",
    "FJMC",
    "FJID",
    "SJYXBS",
    "SJWXYY",
]
LONGEST_NAME = 60
ROWS_AT_ONCE = 20_000
RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in range(10))}
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def review_record(review: Any) -> dict[str, Any]:
    """A review as plain data: frames as lists of rows, sorted, without geometry; see ``review.schema.json``."""
    return _head(review) | {name: list(_rows(getattr(review, name))) for name in FRAMES}


def write_json(review: Any, path: str | Path) -> Path:
    """Write the record of a review as JSON, one row a line, the same bytes for the same review.

    All rows of a long list are written as they are made: 10,000 sites have 1.4 million.
    """
    return replace_with(Path(path), lambda draft: _write_record(review, draft))


def _head(review: Any) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "as_of": review.as_of.isoformat(),
        "manifest": plain(review.manifest),
        "rulebook": {"name": plain(review.rulebook.name), "version": review.rulebook.version},
    }


def _write_record(review: Any, draft: Path) -> None:
    dump = json.JSONEncoder(ensure_ascii=False, sort_keys=True, allow_nan=False).encode
    head = _head(review)
    with draft.open("w", encoding="utf-8", newline="\n") as file:
        for number, name in enumerate(sorted([*head, *FRAMES])):
            file.write(f"{',' if number else '{'}\n{dump(name)}: ")
            if name in head:
                file.write(dump(head[name]))
                continue
            file.write("[")
            for at, row in enumerate(_rows(getattr(review, name))):
                file.write(f"{',' if at else ''}\n {dump(row)}")
            file.write("\n]")
        file.write("\n}\n")


def plain(value: Any) -> Any:
    """A value as JSON knows it: no NaN, no infinities, dates as ISO text, numpy numbers as numbers.

    >>> plain([float("nan"), np.float64(1.5), dt.date(2024, 3, 1), float("inf")])
    [None, 1.5, '2024-03-01', None]
    """
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(one) for one in (sorted(value) if isinstance(value, (set, frozenset)) else value)]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float)):
        return value if math.isfinite(value) else None
    if value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, (dt.date, dt.datetime)):
        return text_of(value)
    return str(value)


def _rows(frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    table = pd.DataFrame(frame.drop(columns="geometry", errors="ignore"))
    keys = [[_sorting(one) for one in table[key].tolist()] for key in SORT_KEYS if key in table.columns]
    order = (
        sorted(range(len(table)), key=list(zip(*keys, strict=True)).__getitem__)
        if keys
        else range(len(table))
    )
    table = table.iloc[list(order)]
    for start in range(0, len(table), ROWS_AT_ONCE):
        part = table.iloc[start : start + ROWS_AT_ONCE]
        cells = [[_cell(name, value) for value in part[name].tolist()] for name in part.columns]
        yield from (dict(zip(part.columns, row, strict=True)) for row in zip(*cells, strict=True))


def _sorting(value: Any) -> str:
    found = plain(value)
    return "" if found is None else str(found)


def _cell(name: str, value: Any) -> Any:
    if name in PARSED and isinstance(value, str):
        try:
            return plain(json.loads(value)) if value.strip() else None
        except ValueError:
            return value
    if name in LISTS and not isinstance(value, list):
        return split(value)
    return plain(value)


def write_geopackage(review: Any, path: str | Path, lang: str = "zh") -> Path:
    """Write sites, overlaps, conflicts, unknown land and all tables as one GeoPackage with QGIS styles.

    Geometries are in the blueprint's reference system; text keys are left as keys, sizes are ellipsoidal.
    """
    words = words_of(review, lang)
    return replace_with(Path(path), lambda draft: _geopackage(review, words, draft))


def _geopackage(review: Any, words: Words, draft: Path) -> None:
    stamp = f"{review.as_of.isoformat()}T00:00:00.000Z"
    before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": stamp})
    try:
        for name, table in _spatial(review).items():
            pyogrio.write_dataframe(
                _typed(table),
                draft,
                layer=name,
                driver="GPKG",
                geometry_type="MultiPolygon",
                promote_to_multi=True,
                append=False,
            )
        for name in ("decisions", "findings", "preconditions", "facts", "issues", "sources", "features"):
            pyogrio.write_dataframe(
                _typed(pd.DataFrame(getattr(review, name))), draft, layer=name, driver="GPKG"
            )
        pyogrio.write_dataframe(_typed(review.conflicts), draft, layer="project_conflicts", driver="GPKG")
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})
    add_styles(draft, styles_of(words, review.overlaps.layer.dropna()), stamp)


def _spatial(review: Any) -> dict[str, gpd.GeoDataFrame]:
    blueprint = part_near(review.blueprint, shapely.bounds(review.parcels.geometry.to_numpy()), drawn=True)
    answers = review.decisions.set_index("project_id")
    parcels = review.parcels[[name for name in PARCELS if name in review.parcels]].copy()
    for name in ("verdict", "route"):
        parcels[name] = parcels.project_id.map(answers[name])
    touched = blueprint.conflicts[blueprint.conflicts.conflict_id.isin(review.conflicts.conflict_id)]
    open_faces = blueprint.faces[blueprint.faces.face_id.isin(blueprint.unknowns.face_id)]
    gaps = blueprint.unknowns.groupby("face_id").layer.agg(lambda layers: "|".join(sorted(set(layers))))
    unknown = open_faces[["face_id", "area_m2", "geometry"]].copy()
    unknown.insert(2, "layers", unknown.face_id.map(gaps))
    met = unknown.sindex.query(review.parcels.geometry, predicate="intersects")[1] if len(unknown) else []
    return {
        "parcels": _polygons(parcels),
        "overlaps": _polygons(review.overlaps),
        "conflicts": _polygons(touched),
        "unknown": _polygons(unknown.iloc[np.unique(met)] if len(unknown) else unknown),
    }


def _polygons(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    kinds = table.geometry.geom_type
    return table[table.geometry.isna() | kinds.isin(["Polygon", "MultiPolygon"])]


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    made = table.copy()
    for name in made.columns:
        if name == "geometry" or made[name].dtype.kind in "biuf":
            continue
        known = [value for value in made[name] if not blank(value)]
        if known and all(isinstance(value, (bool, np.bool_)) for value in known):
            made[name] = made[name].fillna(False).astype(bool)
        elif known and all(isinstance(value, (int, float, np.number)) for value in known):
            made[name] = pd.to_numeric(made[name])
        else:
            texts = [None if blank(value) else text_of(value) for value in made[name]]
            made[name] = pd.Series(texts, index=made.index, dtype="str" if not known else object)
    return made.reset_index(drop=True)


def opinion_rows(review: Any, lang: str = "zh") -> list[dict[str, str]]:
    """One draft opinion per project and department, in the columns of table SPGL_XMQQYJXXB.

    Columns that only the department can fill (person, time, validity) stay empty.
    """
    words = words_of(review, lang)
    districts, names = districts_of(review), report_names(map(text_of, review.decisions.project_id))
    rows = []
    for decision in review.decisions.sort_values("project_id", kind="stable").itertuples():
        mine = review.findings[review.findings.project_id == decision.project_id]
        for department in sorted({one for cell in mine.authority for one in split(cell)}):
            own = mine[[department in split(cell) for cell in mine.authority]]
            key = "|".join(
                [
                    text_of(decision.project_id),
                    department,
                    decision.blueprint_version,
                    decision.rulebook_version,
                ]
            )
            row = dict.fromkeys(OPINION_COLUMNS, "")
            row["DFSJZJ"] = hashlib.sha256(key.encode()).hexdigest()[:32]
            row["XZQHDM"] = districts.get(decision.project_id, "")
            row["XMDM"] = text_of(decision.project_id)
            row["BLDWMC"] = label(words, "department", department)
            row["QQYJ"] = _opinion(words, decision, own)
            row["FJMC"] = names[text_of(decision.project_id)]
            rows.append(row)
    return rows


def write_opinion_rows(review: Any, path: str | Path, lang: str = "zh") -> Path:
    """Write the draft opinions as CSV (UTF-8 with mark) in the columns of table SPGL_XMQQYJXXB."""
    out = io.StringIO()
    writer = csv.DictWriter(out, OPINION_COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for row in opinion_rows(review, lang):
        writer.writerow({k: f"'{v}" if v.startswith(FORMULA_STARTS) else v for k, v in row.items()})
    return write_bytes(Path(path), out.getvalue().encode("utf-8-sig"))


def _opinion(words: Words, decision: Any, findings: pd.DataFrame) -> str:
    route = label(words, "route", decision.route)
    ids = {
        status: "|".join(sorted(set(findings.rule_id[findings.status == status])))
        for status in ("triggered", "not_assessed")
    }
    names = {status: listed(words, rule_names(words, cell)) for status, cell in ids.items()}
    parts = []
    if names["triggered"]:
        parts.append(say(words, "record.opinion.hits", names=names["triggered"], route=route))
    if names["not_assessed"]:
        parts.append(say(words, "record.opinion.unknown", names=names["not_assessed"]))
    opinion = sentences(words, parts) or say(words, "record.opinion.clear", route=route)
    return say(words, "record.opinion.draft", opinion=opinion)


def districts_of(review: Any) -> dict[str, str]:
    """The code of the district in which most of each project lies."""
    groups = review.rulebook.catalogue.layers["group"]
    on = review.overlaps[review.overlaps.layer.map(groups) == "boundary"]
    if on.empty:
        return {}
    project = review.parcels.set_index("parcel_id").project_id
    sums = on.assign(project_id=on.parcel_id.map(project)).groupby(["project_id", "class_code"]).area_m2.sum()
    sums = sums.reset_index().sort_values(
        ["project_id", "area_m2", "class_code"], ascending=[True, False, True]
    )
    return {
        row.project_id: text_of(row.class_code) for row in sums.drop_duplicates("project_id").itertuples()
    }


def report_names(project_ids: Iterable[str]) -> dict[str, str]:
    """File name of every project's report: its id where that is safe on every file system, else id and hash.

    >>> report_names(["P01", "p01", "a/b"])["P01"]
    'P01.docx'
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for project_id in project_ids:
        safe = "".join(sign if sign.isalnum() or sign in "-_()" else "_" for sign in project_id)[
            :LONGEST_NAME
        ]
        stem = safe.upper()
        if safe != project_id or not safe or stem in taken or stem in RESERVED:
            safe = f"{safe}-{hashlib.sha256(project_id.encode()).hexdigest()[:8]}"
        taken.add(safe.upper())
        names[project_id] = f"{safe}.docx"
    return names
