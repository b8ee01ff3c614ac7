"""What lies in a folder, looked at file by file: which layer each table could be, and how sure that is."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import shapely

from onemap.errors import CRSError, InputError
from onemap.land.codes import CodeTable
from onemap.land.columns import FEATURE_FIELDS, PARCEL_FIELDS, map_columns
from onemap.land.crs import core_bounds, resolve, town_box
from onemap.land.files import files_in, read_raw, tables_of
from onemap.land.raw import Raw
from onemap.land.values import text
from onemap.messages import Message
from onemap.progress import progress

# How much each sign counts and how much makes a match: proposals only, the analyst settles them.
_NAME, _PART, _FIELD, _CODES, _ENOUGH, _AHEAD = 6.0, 4.0, 1.5, 2.0, 3.0, 1.0
_SITE_WORDS = ("项目", "选址", "地块", "勘测", "site", "parcel", "project")
_SAMPLE = 2000


class Seen(NamedTuple):
    """One table of one file: what it could be, in which CRS, and what could not be understood."""

    path: str
    table: str | None
    rows: int
    layer: str | None
    rivals: list[str]
    score: float
    site: bool
    fields: dict[str, str]
    guessed: dict[str, str]
    rest: list[str]
    crs: object
    crs_doubt: Message | str
    bounds: np.ndarray | None
    failure: Message | str


def look(folder: Path, catalogue) -> list[Seen]:
    """Every readable table below a folder, in order; tables that cannot be read have a failure."""
    found = []
    for file in progress(files_in(folder), Message("house.progress.look")):
        shown = file.relative_to(folder).as_posix()
        try:
            names = tables_of(file)
        except (InputError, OSError, ValueError) as error:
            found.append(_failed(shown, None, error))
            continue
        for name in names:
            try:
                for raw in read_raw(file, name):
                    found.append(_seen(shown, name, raw, catalogue))
            except InputError as error:
                found.append(_failed(shown, name, error))
    return found


def _failed(path: str, table: str | None, error: Exception) -> Seen:
    return Seen(
        path, table, 0, None, [], 0.0, False, {}, {}, [], None, "", None, getattr(error, "said", str(error))
    )


def _seen(path: str, table: str | None, raw: Raw, catalogue) -> Seen:
    crs, doubt = _crs(raw)
    scores = {layer: _score(layer, path, table, raw, catalogue) for layer in catalogue.layers.index}
    order = sorted(scores, key=lambda layer: -scores[layer])
    best = order[0] if scores[order[0]] >= _ENOUGH else None
    rivals = [layer for layer in order[1:4] if scores[layer] > max(1.0, scores[order[0]] - _AHEAD)]
    if best is None:
        rivals = [layer for layer in order[:3] if scores[layer] > 1]
    site = _is_site(path, table, raw, catalogue, scores[order[0]])
    fields, guessed, rest = _columns(best, raw, catalogue)
    return Seen(
        path, table, len(raw.columns), None if site else best, rivals, scores[order[0]], site, fields, guessed, rest,
        crs, doubt, core_bounds(raw.geometry), "",
    )  # fmt: skip


def _crs(raw: Raw) -> tuple[object, Message | str]:
    if raw.crs is None:
        return None, ""
    try:
        return resolve(raw.crs, raw.file), ""
    except CRSError as error:
        return None, error.said


def _score(layer: str, path: str, table: str | None, raw: Raw, catalogue) -> float:
    row = catalogue.layers.loc[layer]
    best = _named(table or Path(path).name.split(".")[0], layer, row)
    present = {str(c).strip().lower() for c in (*raw.columns.columns, *raw.aliases.values())}
    mine = catalogue.fields[catalogue.fields["layer"] == layer]
    own = 0.0
    for aliases in mine["aliases"]:
        hits = [a for a in str(aliases).lower().split("|") if a and (a in present or a[:10] in present)]
        own += _FIELD / _shared(hits[0], catalogue) if hits else 0.0
    return best + min(own, 3 * _FIELD) + _CODES * _known_share(layer, raw, catalogue)


def _named(name: str, layer: str, row) -> float:
    """How well a file or table name says a layer: its code or id as a word, its name as part of it."""
    plain = name.strip().lower()
    words = {w for w in re.split(r"[^a-z]+", plain) if w}
    code, name_zh = str(row["code"]).lower(), str(row["name_zh"])
    if plain in (code, layer, name_zh):
        return _NAME
    if code in words or layer in plain or code in re.split(r"[^a-z_]+", plain):
        return _PART + 1
    if len(name_zh) > 1 and (name_zh in plain or (len(plain) > 1 and plain in name_zh)):
        return _PART
    short = re.sub(r"(范围|用地|管理|保护)+$", "", name_zh)
    if len(short) > 1 and short in plain:
        return _PART - 1
    alike = difflib.SequenceMatcher(None, plain, name_zh).ratio()
    return _PART * alike if alike >= 0.75 else 0.0


def _shared(alias: str, catalogue) -> int:
    """How many layers know a field under a name."""
    lists = catalogue.fields.loc[catalogue.fields["layer"] != "*", "aliases"].str.lower().str.split("|")
    return max(1, sum(alias in words for words in lists))


def _known_share(layer: str, raw: Raw, catalogue) -> float:
    """The share of distinct class codes of a table that the layer's code table knows."""
    table = catalogue.codes.get(text(catalogue.layers.loc[layer].get("code_table")))
    column = map_columns(layer, list(raw.columns.columns), catalogue, aliases=raw.aliases).columns.get(
        "class_code"
    )
    if table is None or column is None:
        return 0.0
    return _fits(raw.columns[column], set(map(str, table.index)))


def _fits(column, codes: set[str]) -> float:
    values = {text(v) for v in column.head(_SAMPLE)} - {""}
    return sum(v in codes for v in values) / len(values) if values else 0.0


def _columns(layer: str | None, raw: Raw, catalogue) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Fields by the book's names, fields guessed by their contents, and columns nobody knows."""
    if layer is None:
        return {}, {}, [str(c) for c in raw.columns.columns]
    mapped = map_columns(
        layer, list(raw.columns.columns), catalogue, None, FEATURE_FIELDS, aliases=raw.aliases
    )
    guessed: dict[str, str] = {}
    table = text(catalogue.layers.loc[layer].get("code_table"))
    if table and "class_code" not in mapped.columns:
        codes = CodeTable(catalogue, table)
        known = set(codes.known) | {text(r.get("name_zh")) for r in codes.known.values()} - {""}
        for column in mapped.rest:
            if _fits(raw.columns[column], known) > 0.8:
                guessed["class_code"] = str(column)
                break
    rest = [str(c) for c in mapped.rest if str(c) not in guessed.values()]
    return {f: str(c) for f, c in mapped.columns.items()}, guessed, rest


def _is_site(path: str, table: str | None, raw: Raw, catalogue, score: float) -> bool:
    """Whether a table looks like proposed sites rather than a layer."""
    words = f"{path} {table or ''}".lower()
    fields = map_columns(
        "sites", list(raw.columns.columns), catalogue, None, PARCEL_FIELDS, aliases=raw.aliases
    ).columns
    telling = {"category", "supply_mode", "project_level", "approval_type", "project_id"} & set(fields)
    named = any(w in words for w in _SITE_WORDS)
    text_file = path.lower().endswith(".txt")
    return score < _NAME and (text_file or len(telling) >= 2 or (named and score < _ENOUGH))


def box_of(seen: list[Seen], target) -> tuple[float, float, float, float] | None:
    """(west, south, east, north) in degrees of the tables whose CRS is known: the town's where it is among them."""
    boxes = []
    for one in seen:
        if one.crs is None or one.bounds is None or not np.isfinite(one.bounds).all():
            continue
        boxes.append((one.layer == "admin_district", town_box(shapely.box(*one.bounds), one.crs)))
    chosen = [b for town, b in boxes if town] or [b for _, b in boxes]
    if not chosen:
        return None
    west, south, east, north = zip(*chosen, strict=True)
    return min(west), min(south), max(east), max(north)
