"""Rows of any file as rows of the features frame: fields, codes, dates, words, items."""

from __future__ import annotations

import json
import math
import numbers
import re
from collections import Counter

import numpy as np
import pandas as pd

from onemap.errors import InputError
from onemap.land.codes import CodeTable
from onemap.land.columns import FEATURE_FIELDS, Mapped, map_columns
from onemap.land.issues import Issues
from onemap.land.raw import Raw
from onemap.land.values import (
    is_missing,
    parse_date,
    parse_law_status,
    parse_number,
    says_no_date,
    text,
    unit_in,
    unit_m2,
)

_TEXT_FIELDS = ("class_name", "name", "authority", "document_no")
_STALE = {"shape_area", "shape_length", "shape_leng", "objectid", "fid", "ogc_fid", "shape_le_1"}
_LONGEST = 500
_LIST = re.compile(r"[|;；、,，/]+")


def harmonise(raw: Raw, source, catalogue, issues: Issues) -> tuple[pd.DataFrame, pd.Series]:
    """Features columns (without ids, areas and geometry) per row of the file, and why a row is unusable ('' if not).

    Index: source_fid, repeated for the items of a split list. Unknown words become issues; a row whose validity
    cannot be read is unusable. Raises InputError when the workspace names a column that the file has not.
    """
    columns = raw.columns
    mapped = map_columns(
        source.layer, list(columns.columns), catalogue, source.fields, FEATURE_FIELDS, raw.file
    )
    out = pd.DataFrame(index=columns.index)
    bad = pd.Series("", index=columns.index, dtype=object)
    for field in _TEXT_FIELDS:
        out[field] = _texts(columns, mapped, field, source)
    for field in ("valid_from", "valid_to"):
        out[field] = _dates(columns, mapped, field, source, issues, bad)
    out["law_status"] = _statuses(columns, mapped, source, issues, bad)
    out["declared_m2"] = _areas(columns, mapped, issues)
    out["attributes"] = _attributes(columns, mapped, catalogue, issues)
    codes = _texts(columns, mapped, "class_code", source)
    if source.class_code is not None:
        codes[:] = source.class_code
    out["class_code"] = codes
    if source.split is not None:
        out = _split(out, columns, mapped, source)
    _classify(out, source.layer, catalogue, issues)
    return out, bad


def keep_rows(raw: Raw, where: dict, at: str) -> int:
    """Leave only the rows whose columns hold the wanted words, and say how many went.

    Raises InputError for a column that the file has not.
    """
    if not where:
        return 0
    mapped = map_columns("", list(raw.columns.columns), _NO_BOOK, {k: k for k in where}, where=at)
    keep = np.ones(len(raw.columns), dtype=bool)
    for column, wanted in where.items():
        words = {text(w) for w in ([wanted] if isinstance(wanted, str) else wanted)}
        keep &= raw.columns[mapped.columns[column]].map(text).isin(words).to_numpy()
    gone = int((~keep).sum())
    raw.columns, raw.geometry = raw.columns[keep], raw.geometry[keep]
    if raw.promised is not None:
        raw.promised -= gone
    return gone


class _NO_BOOK:
    fields = pd.DataFrame(columns=["layer", "field", "aliases", "unit"])
    texts = None


def _column(columns: pd.DataFrame, mapped: Mapped, field: str) -> pd.Series | None:
    name = mapped.columns.get(field)
    if name is None:
        return None
    found = columns[name]
    return found.iloc[:, 0] if isinstance(found, pd.DataFrame) else found


def _each(values: pd.Series, change) -> pd.Series:
    """A function over the distinct values of a column; results keep their Python types."""
    memo: dict = {}
    found = np.empty(len(values), dtype=object)
    for i, value in enumerate(values.array):
        try:
            key = (type(value), value)
            if key not in memo:
                memo[key] = change(value)
            found[i] = memo[key]
        except TypeError:
            found[i] = change(value)
    return pd.Series(found, index=values.index, dtype=object)


def _texts(columns: pd.DataFrame, mapped: Mapped, field: str, source) -> pd.Series:
    if field in source.constants:
        return pd.Series([source.constants[field]] * len(columns), index=columns.index, dtype=object)
    column = _column(columns, mapped, field)
    if column is None:
        return pd.Series([None] * len(columns), index=columns.index, dtype=object)
    return _each(column, lambda value: text(value) or None)


def _dates(columns, mapped, field, source, issues: Issues, bad: pd.Series) -> pd.Series:
    if field in source.constants:
        day = parse_date(source.constants[field])
        if day is None:
            raise InputError(
                f"'{source.constants[field]}' is no date", where=source.at, mend="write 2024-03-01"
            )
        return pd.Series([day] * len(columns), index=columns.index, dtype=object)
    column = _column(columns, mapped, field)
    if column is None:
        return pd.Series([None] * len(columns), index=columns.index, dtype=object)
    days = _each(column, parse_date)
    wrong = days.isna().to_numpy() & ~column.map(says_no_date).to_numpy(dtype=bool)
    for fid, value in column[wrong].items():
        issues.add("bad_date", fid, field=field, value=text(value))
    bad[wrong] = "bad_date"
    return days


def _statuses(columns, mapped, source, issues: Issues, bad: pd.Series) -> pd.Series:
    words = _texts(columns, mapped, "law_status", source)
    found = _each(words, parse_law_status)
    wrong = found.isna().to_numpy() & words.notna().to_numpy()
    for fid, value in words[wrong].items():
        issues.add("bad_law_status", fid, field="law_status", value=value)
    bad[wrong] = "bad_law_status"
    return found


def _areas(columns, mapped, issues: Issues) -> pd.Series:
    column = _column(columns, mapped, "area")
    if column is None:
        return pd.Series(math.nan, index=columns.index, dtype=float)
    return declared_m2(column, mapped.units.get("area") or "m2", issues)


def declared_m2(column: pd.Series, unit: str, issues: Issues) -> pd.Series:
    """Declared areas in m²; a unit written behind the number wins; NaN where there is no number."""
    factor = unit_m2(unit) or 1.0
    found = []
    for fid, value in column.items():
        number = parse_number(value)
        if number is None and not is_missing(value):
            issues.add("bad_number", fid, field="area", value=text(value))
        found.append(math.nan if number is None else number * (unit_in(value) or factor))
    return pd.Series(found, index=column.index, dtype=float)


def _attributes(columns: pd.DataFrame, mapped: Mapped, catalogue, issues: Issues) -> list[str]:
    """The rest of each row as JSON: extra fields under their canonical names, small scalars only."""
    extra = {f: c for f, c in mapped.columns.items() if f not in FEATURE_FIELDS}
    names = list(extra.items()) + [(str(c), c) for c in mapped.rest if str(c).strip().lower() not in _STALE]
    rows: list[dict] = [{} for _ in range(len(columns))]
    dropped: Counter = Counter()
    for name, column in dict(reversed(names)).items():
        values = columns[column]
        values = values.iloc[:, 0] if isinstance(values, pd.DataFrame) else values
        if name == "excludes":
            values = _excludes(values, catalogue, issues)
        scalars = _each(values, _scalar)
        for row, value in zip(rows, scalars.array, strict=True):
            if value is _DROPPED:
                dropped[name] += 1
            elif value is not None:
                row[name] = value
    for name, count in dropped.items():
        issues.add("value_dropped", field=name, value=count)
    memo: dict[tuple, str] = {}
    return [_json(row, memo) for row in rows]


_DROPPED = object()


def _json(row: dict, memo: dict) -> str:
    return json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":")) if row else "{}"


def _scalar(value):
    if is_missing(value):
        return None
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        number = float(value)
        return (
            None
            if not math.isfinite(number)
            else int(number)
            if number.is_integer() and abs(number) < 1e15
            else number
        )
    if isinstance(value, (list, tuple, dict, set, np.ndarray)):
        return _DROPPED
    word = text(value)
    return _DROPPED if len(word) > _LONGEST else word or None


def enumeration(catalogue, field: str) -> dict[str, str]:
    """Label, lower case → value, of an enumerated field."""
    frame = catalogue.enumerations
    found: dict[str, str] = {}
    for row in frame[frame["field"] == field].to_dict("records") if len(frame) else ():
        for word in (row["value"], *str(row["labels"]).split("|")):
            if word.strip():
                found.setdefault(text(word).lower(), row["value"])
    return found


def _excludes(values: pd.Series, catalogue, issues: Issues) -> pd.Series:
    labels = enumeration(catalogue, "category")

    def change(value):
        words = [w.strip() for w in _LIST.split(text(value)) if w.strip()]
        return "|".join(labels.get(w.lower(), w) for w in words) or None

    for fid, value in values.items():
        for word in _LIST.split(text(value)):
            if word.strip() and labels and word.strip().lower() not in labels:
                issues.add("unknown_word", fid, field="excludes", value=word.strip())
    return _each(values, change)


def _split(out: pd.DataFrame, columns: pd.DataFrame, mapped: Mapped, source) -> pd.DataFrame:
    name = mapped.columns.get(source.split.field)
    if name is None:
        name = map_columns(
            "", list(columns.columns), _NO_BOOK, {"x": source.split.field}, where=source.at
        ).columns["x"]
    lists = columns[name].map(
        lambda v: [w.strip() for w in text(v).split(source.split.separator) if w.strip()] or [None]
    )
    out = out.assign(class_code=lists.to_numpy(), class_name=None)
    return out.explode("class_code")


def _classify(out: pd.DataFrame, layer: str, catalogue, issues: Issues) -> None:
    """Fill class_code, class_name and major_class from the layer's code table, in place."""
    row = catalogue.layers.loc[layer]
    table = CodeTable(catalogue, text(row.get("code_table")))
    default = text(row.get("default_class"))
    codes, names = out["class_code"].fillna("").tolist(), out["class_name"].fillna("").tolist()
    if default and not any(codes) and not any(names):
        codes = [default] * len(codes)
    found = [table.look_up(text(c), text(n)) for c, n in zip(codes, names, strict=True)]
    out["class_code"] = pd.Series([f.code for f in found], index=out.index, dtype=object)
    out["class_name"] = pd.Series([f.name for f in found], index=out.index, dtype=object)
    out["major_class"] = pd.Series([f.major for f in found], index=out.index, dtype=object)
    if not table.known:
        return
    _versions(found, codes, names, table, catalogue, issues)
    seen = Counter(
        (f.how, c, f.code, n) for f, c, n in zip(found, codes, names, strict=True) if f.how != "exact"
    )
    blank = sum(count for (how, *_), count in seen.items() if how == "blank")
    if blank:
        issues.add("no_code", field="class_code", value=blank)
    for (how, code, became, name), count in sorted(seen.items(), key=str):
        if how == "":
            issues.add("unknown_code", field="class_code", value=code or name, message=f"{count} features")
        elif how in ("lost_zero", "by_name"):
            issues.add(
                "code_inferred",
                field="class_code",
                value=code or name,
                message=f"{became} ({count} features)",
            )


def _versions(found, codes, names, table: CodeTable, catalogue, issues: Issues) -> None:
    """Signs of another version of the code table: codes that only other tables know, codes under another's name."""
    alien = {text(c) for f, c in zip(found, codes, strict=True) if f.how == "" and text(c)}
    for name, other in sorted(catalogue.codes.items()):
        shared = alien & set(map(str, other.index))
        if other is not table.frame and shared and len(shared) >= len(alien) / 2:
            issues.add("mixed_codes", field="class_code", value=", ".join(sorted(shared)[:20]), message=name)
    odd: Counter = Counter()
    pairs = Counter((f.how, f.code, name) for f, name in zip(found, names, strict=True) if name)
    for (how, code, name), count in pairs.items():
        meant = table.by_name(text(name)) if how in ("exact", "padded") else None
        if meant is not None and meant != code:
            odd[code, text(name), meant] += count
    for (code, name, meant), count in sorted(odd.items())[:100]:
        issues.add(
            "code_name_differs", field="class_code", value=f"{code} {name}",
            message=f"{name} = {meant} ({count} features)",
        )  # fmt: skip
