"""Which features a subject means: a small grammar, evaluated by column, in three values.

``class_code=030|040; authority?`` : terms joined by ``;`` are all required. A term is ``field=v|w``,
``field!=v|w``, ``field^=v|w`` (prefix) or ``field?`` (present). A blank field is unknown, never no.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pandas as pd

from onemap.book.dating import as_date
from onemap.errors import InputError
from onemap.frames import FALSE, TRUE, UNKNOWN

FIELDS = [
    "class_code",
    "class_name",
    "major_class",
    "name",
    "authority",
    "document_no",
    "valid_from",
    "valid_to",
    "law_status",
]
NEVER = ("revoked", "draft")
_TERM = re.compile(r"^\s*([A-Za-z_][\w.]*)\s*(\?|!=|\^=|=)\s*(.*)$")


@dataclass(frozen=True)
class Term:
    """One condition on one field of a feature."""

    field: str
    operator: str
    values: tuple[str, ...]


def parse(where: str, place: str = "") -> tuple[Term, ...]:
    """The terms of a ``where`` cell.

    >>> parse("class_code=030|040; authority?")[0].values
    ('030', '040')
    """
    terms = []
    for part in filter(None, (p.strip() for p in where.split(";"))):
        match = _TERM.match(part)
        if not match:
            raise InputError("book.where.malformed", where=place, part=part)
        name, operator, rest = match.groups()
        values = tuple(v.strip() for v in rest.split("|")) if rest else ()
        if operator == "?" and values:
            raise InputError("book.where.after_mark", where=place, part=part)
        if operator != "?" and (not values or not all(values)):
            raise InputError("book.where.no_value", where=place, part=part)
        terms.append(Term(name, operator, values))
    return tuple(terms)


def match(features: pd.DataFrame, where: str, as_of: date) -> np.ndarray:
    """Whether each feature is meant on a day: int8 of 1 true, 0 false, -1 unknown.

    Revoked features, drafts and features outside [valid_from, valid_to) never match. Blank fields and
    dates that cannot be read are unknown.

    >>> frame = pd.DataFrame({"class_code": ["030", "010", ""]})
    >>> match(frame, "class_code=030", date(2024, 3, 1)).tolist()
    [1, 0, -1]
    """
    result = _validity(features, as_of)
    for term in parse(where):
        result = _both(result, _evaluate(_column(features, term.field), term))
    return result


def _both(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    either_false = (a == FALSE) | (b == FALSE)
    either_unknown = (a == UNKNOWN) | (b == UNKNOWN)
    return np.where(either_false, FALSE, np.where(either_unknown, UNKNOWN, TRUE)).astype(np.int8)


def _evaluate(values: list[str], term: Term) -> np.ndarray:
    present = np.array([bool(v) for v in values], dtype=bool)
    if term.operator == "?":
        hit = present
    elif term.operator == "^=":
        hit = np.array([v.startswith(term.values) for v in values], dtype=bool)
    else:
        chosen = set(term.values)
        hit = np.array([(v in chosen) == (term.operator == "=") for v in values], dtype=bool)
    return np.where(present, hit.astype(np.int8), UNKNOWN).astype(np.int8)


def _column(features: pd.DataFrame, name: str) -> list[str]:
    if name.startswith("attributes."):
        key = name.split(".", 1)[1]
        if "attributes" not in features:
            return [""] * len(features)
        return [_text(_attributes(v).get(key)) for v in features["attributes"]]
    return [_text(v) for v in features[name]] if name in features else [""] * len(features)


def _attributes(value) -> dict:
    if isinstance(value, dict):
        return value
    if not isinstance(value, str) or not value.strip():
        return {}
    try:
        found = json.loads(value)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _text(value) -> str:
    if value is None or value is pd.NaT or (isinstance(value, float) and value != value) or value is pd.NA:
        return ""
    if isinstance(value, (datetime, pd.Timestamp)):
        return value.date().isoformat()
    return str(value).strip()


def _validity(features: pd.DataFrame, as_of: date) -> np.ndarray:
    result = np.full(len(features), TRUE, dtype=np.int8)
    if "law_status" in features:
        result[[v in NEVER for v in _column(features, "law_status")]] = FALSE
    for name in ("valid_from", "valid_to"):
        if name in features:
            result = _both(result, _limit(_column(features, name), as_of, name))
    return result


def _limit(values: list[str], as_of: date, name: str) -> np.ndarray:
    known: dict[str, int] = {"": TRUE}
    for value in set(values) - {""}:
        try:
            day = as_date(value)
        except InputError:
            known[value] = UNKNOWN
            continue
        known[value] = TRUE if (day <= as_of if name == "valid_from" else as_of < day) else FALSE
    return np.array([known[v] for v in values], dtype=np.int8)
