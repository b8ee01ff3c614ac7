"""Whole columns at once: the same answers as ``values`` gives cell by cell, asked once per distinct cell."""

from __future__ import annotations

import json
import math
import numbers
from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from onemap.land.values import MISSING, is_missing, text

_LONGEST = 500
# Cells that are their own text: printable ASCII and Chinese, no outer blank.
_SIGN = r"[\x21-\x7e\x{3400}-\x{9fff}]"
_PLAIN = rf"^{_SIGN}(?:[\x20-\x7e\x{{3400}}-\x{{9fff}}]*{_SIGN})?$"
_ESCAPED = r"[\"\\\x00-\x1f]"


def each(values: pd.Series, change: Callable) -> np.ndarray:
    """A function of every cell, called once per distinct cell of a type; results keep their Python types."""
    found = np.empty(len(values), dtype=object)
    if values.dtype != object or pd.api.types.infer_dtype(values, skipna=True) in ("string", "empty"):
        codes, distinct = pd.factorize(values)
        made = np.empty(len(distinct) + 1, dtype=object)
        for i, value in enumerate(distinct):
            made[i] = change(value)
        if (codes < 0).any():
            made[-1] = change(None)
        found[:] = made[codes]
        return found
    memo: dict = {}
    for i, value in enumerate(values.array):
        try:
            key = (type(value), value)
            if key not in memo:
                memo[key] = change(value)
            found[i] = memo[key]
        except TypeError:
            found[i] = change(value)
    return found


def words(values: pd.Series) -> np.ndarray:
    """``text`` of every cell: '' where nothing stands.

    >>> words(pd.Series([" Ａ33 ", "null", None, "0101"])).tolist()
    ['A33', '', '', '0101']
    """
    column = _strings(values)
    return each(values, text) if column is None else _said(column).to_numpy(zero_copy_only=False)


def all_differ(values: np.ndarray) -> bool:
    """Whether no two of an array of texts are the same."""
    return len(set(values.tolist())) == len(values)


def _said(column: pa.Array) -> pa.Array:
    return _by_distinct(pc.fill_null(column, ""), _plain_text)


def _by_distinct(column: pa.Array, change: Callable) -> pa.Array:
    """A change of every cell, made once per distinct cell where most are repeated."""
    coded = column.dictionary_encode()
    if 4 * len(coded.dictionary) > len(column):
        return change(column)
    return change(coded.dictionary).take(coded.indices)


def _plain_text(column: pa.Array) -> pa.Array:
    odd = pc.or_(
        pc.invert(pc.match_substring_regex(column, _PLAIN)), pc.is_in(pc.utf8_lower(column), _NOTHING)
    )
    if not pc.any(odd).as_py():
        return column
    cells = pd.Series(column.filter(odd).to_numpy(zero_copy_only=False), dtype=object)
    return pc.replace_with_mask(column, odd, pa.array(each(cells, text), pa.string()))


_NOTHING = pa.array(sorted(MISSING))


def _strings(values: pd.Series) -> pa.Array | None:
    """A column that holds nothing but texts and blanks as an arrow array; None for any other."""
    if values.dtype != object and not isinstance(values.dtype, pd.StringDtype):
        return None
    if values.dtype == object and pd.api.types.infer_dtype(values, skipna=True) not in ("string", "empty"):
        return None
    try:
        found = pa.array(values, type=pa.string(), from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
        return None
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def as_json(columns: dict[str, pd.Series], count: int) -> tuple[np.ndarray, dict[str, int]]:
    """Rows as JSON objects of small scalars, keys sorted, blanks left out; and how many values were left out by key.

    >>> as_json({"b": pd.Series([1.0, None]), "a": pd.Series(['x"', "y"])}, 2)[0].tolist()
    ['{"a":"x\\\\"","b":1}', '{"a":"y"}']
    """
    pieces, dropped = [], {}
    for name in sorted(columns):
        found, lost = _fragments(columns[name])
        if lost:
            dropped[name] = lost
        if found.null_count < len(found):
            key = pa.scalar(f",{json.dumps(name, ensure_ascii=False)}:", pa.string())
            pieces.append(pc.fill_null(_join(key, found), ""))
    if not pieces:
        return np.full(count, "{}", dtype=object), dropped
    inner = pc.utf8_slice_codeunits(_join(*pieces), 1)
    return _join("{", inner, "}").to_numpy(zero_copy_only=False), dropped


def _join(*pieces) -> pa.Array:
    """Texts joined row by row; null where one is null."""
    return pc.binary_join_element_wise(*pieces, pa.scalar("", pa.string()))


def _fragments(values: pd.Series) -> tuple[pa.Array, int]:
    """Every cell as JSON, null where there is nothing to say, and how many were too long or nested."""
    if values.dtype == bool:
        return pc.if_else(pa.array(values), "true", "false"), 0
    if values.dtype.kind in "iu" and isinstance(values.dtype, np.dtype):
        return pa.array(values.to_numpy()).cast(pa.string()), 0
    if values.dtype.kind == "f" and isinstance(values.dtype, np.dtype):
        return _numbers(values.to_numpy(np.float64)), 0
    column = _strings(values)
    if column is None:
        made = each(values, _scalar)
        lost = sum(v is _DROPPED for v in made)
        return pa.array([None if v is None or v is _DROPPED else _dumps(v) for v in made], pa.string()), lost
    column = _said(column)
    found = _by_distinct(column, _quoted)
    lost = pc.sum(pc.and_(pc.is_null(found), pc.not_equal(column, ""))).as_py() if found.null_count else 0
    return found, lost or 0


def _quoted(column: pa.Array) -> pa.Array:
    """Texts as JSON; null for blank and for too long ones."""
    unsaid = pc.or_(pc.greater(pc.utf8_length(column), _LONGEST), pc.equal(column, ""))
    column = pc.if_else(unsaid, pa.scalar(None, pa.string()), column)
    odd = pc.fill_null(pc.match_substring_regex(column, _ESCAPED), False).to_numpy(zero_copy_only=False)
    found = _join('"', column, '"')
    if odd.any():
        cells = pd.Series(column.to_numpy(zero_copy_only=False)[odd], dtype=object)
        found = pc.replace_with_mask(found, pa.array(odd), pa.array(each(cells, _dumps), pa.string()))
    return found


def _numbers(values: np.ndarray) -> pa.Array:
    finite = np.isfinite(values)
    whole = finite & (np.abs(values) < 1e15) & (np.floor(values) == values)
    found = pa.array(np.where(whole, values, 0).astype(np.int64)).cast(pa.string())
    broken = finite & ~whole
    if broken.any():
        found = pc.replace_with_mask(
            found, pa.array(broken), pa.array([repr(v) for v in values[broken].tolist()], pa.string())
        )
    return pc.if_else(pa.array(finite), found, pa.scalar(None, pa.string()))


_DROPPED = object()


def _dumps(value) -> str:
    return json.dumps(value, ensure_ascii=False)


def _scalar(value):
    if is_missing(value):
        return None
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        number = float(value)
        if not math.isfinite(number):
            return None
        return int(number) if number.is_integer() and abs(number) < 1e15 else number
    if isinstance(value, (list, tuple, dict, set, np.ndarray)):
        return _DROPPED
    word = text(value)
    return _DROPPED if len(word) > _LONGEST else word or None
