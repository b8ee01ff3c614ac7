"""Rows of any file as rows of the features frame: fields, codes, dates, words, items."""

from __future__ import annotations

import math
import re
from collections import Counter

import numpy as np
import pandas as pd

from onemap.errors import InputError
from onemap.land.cells import as_json, each, words
from onemap.land.codes import Coded, CodeTable
from onemap.land.columns import FEATURE_FIELDS, Mapped, in_words, map_columns
from onemap.land.editions import Said, told_apart
from onemap.land.issues import Issues
from onemap.land.limits import Limits
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
from onemap.messages import Message

_TEXT_FIELDS = ("class_name", "name", "authority", "document_no")
_STALE = {"shape_area", "shape_length", "shape_leng", "objectid", "fid", "ogc_fid", "shape_le_1"}
_LIST = re.compile(r"[|;；、,，/]+")


def harmonise(raw: Raw, source, catalogue, limits: Limits, issues: Issues) -> tuple[pd.DataFrame, pd.Series]:
    """Features columns (without ids, areas and geometry) per row of the file, and why a row is unusable ('' if not).

    Index: source_fid, repeated for the items of a split list. Unknown words become issues; a row whose validity
    cannot be read is unusable. Raises InputError when the workspace names a column that the file has not.
    """
    mapped = map_columns(
        source.layer,
        list(raw.columns.columns),
        catalogue,
        source.fields,
        FEATURE_FIELDS,
        raw.file,
        raw.aliases,
    )
    table = CodeTable(catalogue, text(catalogue.layers.loc[source.layer].get("code_table")))
    columns, told = in_words(raw, mapped, table.known)
    for field in told:
        issues.add("domain_used", field=field, value=mapped.columns[field])
    out = pd.DataFrame(index=columns.index)
    bad = pd.Series("", index=columns.index, dtype=object)
    for field in _TEXT_FIELDS:
        out[field] = _texts(columns, mapped, field, source)
    for field in ("valid_from", "valid_to"):
        out[field] = _dates(columns, mapped, field, source, issues, bad)
    out["law_status"] = _statuses(columns, mapped, source, issues, bad)
    out["declared_m2"] = _areas(columns, mapped, issues)
    out["attributes"] = pd.Series(
        _attributes(columns, mapped, catalogue, issues), index=columns.index, dtype=object
    )
    codes = _texts(columns, mapped, "class_code", source)
    if source.class_code is not None:
        codes[:] = source.class_code
    out["class_code"] = codes
    if source.split is not None:
        out = _split(out, columns, mapped, source)
    _classify(out, source.layer, table, catalogue, limits, issues)
    return out, bad


def keep_rows(raw: Raw, where: dict, at: str) -> int:
    """Leave only the rows whose columns hold the wanted words, and say how many went.

    Raises InputError for a column that the file has not.
    """
    if not where:
        return 0
    mapped = map_columns(
        "", list(raw.columns.columns), _NO_BOOK, {k: k for k in where}, where=at, aliases=raw.aliases
    )
    keep = np.ones(len(raw.columns), dtype=bool)
    for column, wanted in where.items():
        said = {text(w) for w in ([wanted] if isinstance(wanted, str) else wanted)}
        keep &= np.isin(words(raw.columns[mapped.columns[column]]), list(said))
    gone = int((~keep).sum())
    away = set(raw.columns.index[~keep].map(str))
    raw.notes = [note for note in raw.notes if note[1] not in away]
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


def _same(columns: pd.DataFrame, value=None) -> pd.Series:
    return pd.Series([value] * len(columns), index=columns.index, dtype=object)


def _texts(columns: pd.DataFrame, mapped: Mapped, field: str, source) -> pd.Series:
    if field in source.constants:
        return _same(columns, source.constants[field])
    column = _column(columns, mapped, field)
    if column is None:
        return _same(columns)
    return pd.Series(words(column, blank=None), index=columns.index, dtype=object)


def _dates(columns, mapped, field, source, issues: Issues, bad: pd.Series) -> pd.Series:
    if field in source.constants:
        day = parse_date(source.constants[field])
        if day is None:
            raise InputError("land.constant.not_a_date", where=source.at, value=source.constants[field])
        return _same(columns, day)
    column = _column(columns, mapped, field)
    if column is None:
        return _same(columns)
    days = pd.Series(each(column, parse_date), index=columns.index, dtype=object)
    wrong = days.isna().to_numpy(copy=True)
    wrong[wrong] = ~each(column[wrong], says_no_date).astype(bool)
    for fid, value in column[wrong].items():
        issues.add("bad_date", fid, field=field, value=text(value))
    bad[wrong] = "bad_date"
    return days


def _statuses(columns, mapped, source, issues: Issues, bad: pd.Series) -> pd.Series:
    said = _texts(columns, mapped, "law_status", source)
    found = pd.Series(each(said, parse_law_status), index=columns.index, dtype=object)
    wrong = found.isna().to_numpy() & said.notna().to_numpy()
    for fid, value in said[wrong].items():
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
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iuf":
        number = column.to_numpy(np.float64)
        found = np.where(np.isfinite(number), number * factor, math.nan)
        wrong = np.isinf(number)
    else:
        read = each(column, parse_number)
        wrong = np.array([number is None for number in read], dtype=bool)
        found = np.full(len(column), math.nan)
        units = each(column[~wrong], unit_in)
        found[~wrong] = [number * (own or factor) for number, own in zip(read[~wrong], units, strict=True)]
        wrong[wrong] = ~each(column[wrong], is_missing).astype(bool)
    for fid, value in column[wrong].items():
        issues.add("bad_number", fid, field="area", value=text(value))
    return pd.Series(found, index=column.index, dtype=float)


def _attributes(columns: pd.DataFrame, mapped: Mapped, catalogue, issues: Issues) -> np.ndarray:
    """The rest of each row as JSON: extra fields under their canonical names, small scalars only."""
    extra = {f: c for f, c in mapped.columns.items() if f not in FEATURE_FIELDS}
    names = list(extra.items()) + [(str(c), c) for c in mapped.rest if str(c).strip().lower() not in _STALE]
    chosen: dict[str, pd.Series] = {}
    for name, column in dict(reversed(names)).items():
        values = columns[column]
        values = values.iloc[:, 0] if isinstance(values, pd.DataFrame) else values
        chosen[name] = _excludes(values, catalogue, issues) if name == "excludes" else values
    rows, dropped = as_json(chosen, len(columns))
    for name in chosen:
        if name in dropped:
            issues.add("value_dropped", field=name, value=dropped[name])
    return rows


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
        said = [w.strip() for w in _LIST.split(text(value)) if w.strip()]
        return "|".join(labels.get(w.lower(), w) for w in said) or None

    for fid, value in values.items():
        for word in _LIST.split(text(value)):
            if word.strip() and labels and word.strip().lower() not in labels:
                issues.add("unknown_word", fid, field="excludes", value=word.strip())
    return pd.Series(each(values, change), index=values.index, dtype=object)


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


def _classify(
    out: pd.DataFrame, layer: str, table: CodeTable, catalogue, limits: Limits, issues: Issues
) -> None:
    """Fill class_code, class_name and major_class from the layer's code table, in place."""
    default = text(catalogue.layers.loc[layer].get("default_class"))
    codes, names = out["class_code"].fillna(""), out["class_name"].fillna("")
    if default and not codes.any() and not names.any():
        codes[:] = default
    # codes are looked up once per distinct pair of code and name
    code_of, (name_of, name_words) = pd.factorize(codes)[0], pd.factorize(names)
    pair, first, counts = np.unique(
        code_of * (len(name_words) + 1) + name_of, return_index=True, return_counts=True
    )
    at = np.searchsorted(pair, code_of * (len(name_words) + 1) + name_of)
    said = [Said(text(codes.iat[i]), text(names.iat[i])) for i in first]
    found = [table.look_up(c, n) for c, n in said]
    unsure, read = told_apart(
        Counter(dict(zip(said, counts.tolist(), strict=True))), table, catalogue, limits, issues
    )
    found = [read.get(s, f) for s, f in zip(said, found, strict=True)]
    meant = [
        Coded(None, s.name or None, None, "") if s in unsure else f for s, f in zip(said, found, strict=True)
    ]
    for field in ("code", "name", "major"):
        values = np.empty(len(meant), dtype=object)
        values[:] = [getattr(f, field) for f in meant]
        column = {"code": "class_code", "name": "class_name", "major": "major_class"}[field]
        out[column] = pd.Series(values[at] if len(at) else [], index=out.index, dtype=object)
    if not table.known:
        return
    seen: Counter = Counter()
    for f, (code, name), count in zip(found, said, counts.tolist(), strict=True):
        seen[f, code, name] += count
    _names_differ(seen, table, issues)
    blank = sum(count for (f, _, _), count in seen.items() if f.how == "blank")
    if blank:
        issues.add("no_code", field="class_code", value=blank)
    told = {
        (f.how, code, f.code, name): n
        for (f, code, name), n in seen.items()
        if f.how not in ("exact", "edition")
    }
    for (how, code, became, name), count in sorted(told.items(), key=str):
        if how == "":
            issues.add(
                "unknown_code",
                field="class_code",
                value=code or name,
                message=Message("land.code.count", count=count),
            )
        elif how in ("lost_zero", "by_name"):
            issues.add(
                "code_inferred",
                field="class_code",
                value=code or name,
                message=Message("land.code.became", code=became, count=count),
            )


def _names_differ(seen: Counter, table: CodeTable, issues: Issues) -> None:
    """Codes under the name of another code of the same table."""
    odd: Counter = Counter()
    for (f, _, name), count in seen.items():
        meant = table.by_name(text(name)) if name and f.how in ("exact", "padded") else None
        if meant is not None and meant != f.code:
            odd[f.code, text(name), meant] += count
    for (code, name, meant), count in sorted(odd.items())[:100]:
        issues.add(
            "code_name_differs", field="class_code", value=f"{code} {name}",
            message=Message("land.code.named", name=name, code=meant, count=count),
        )  # fmt: skip
