"""Whole columns at once: the same answers as ``values`` gives cell by cell, asked once per distinct cell."""

from __future__ import annotations

import json
import math
import numbers
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from onemap.land.values import MISSING, is_missing, text

_LONGEST = 500
_SAMPLE = 4096  # cells that show whether most of a column are repeated
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


def words(values: pd.Series, blank: str | None = "") -> np.ndarray:
    """``text`` of every cell: ``blank`` where nothing stands.

    >>> words(pd.Series([" Ａ33 ", "null", None, "0101"])).tolist()
    ['A33', '', '', '0101']
    """
    column = _strings(values)
    if column is None:
        found = each(values, text)
    else:
        distinct, place = _distinct(column)
        found = _plain_text(distinct).to_numpy(zero_copy_only=False)
        if place is not None:
            return (found if blank == "" else _or(found, blank))[place]
    return found if blank == "" else _or(found, blank)


def _or(found: np.ndarray, blank: str | None) -> np.ndarray:
    nothing = found == ""
    return np.where(nothing, blank, found) if nothing.any() else found


def all_differ(values: np.ndarray) -> bool:
    """Whether no two of an array of texts are the same."""
    return len(set(values.tolist())) == len(values)


def words_differ(values: pd.Series) -> bool:
    """Whether no two cells in which something stands have the same text."""
    column = _strings(values)
    if column is None:
        found = words(values)
    else:
        found = _plain_text(pc.fill_null(column, "")).to_numpy(zero_copy_only=False)
    return all_differ(found[found != ""])


def _distinct(column: pa.Array) -> tuple[pa.Array, np.ndarray | None]:
    """The different cells of a column ("" for null) and the place among them of each; the column itself, and None, where
    few are repeated."""
    column = pc.fill_null(column, "") if column.null_count else column
    if 2 * pc.count_distinct(column[:_SAMPLE]).as_py() > min(len(column), _SAMPLE):
        return column, None
    coded = column.dictionary_encode()
    if 4 * len(coded.dictionary) > len(column):
        return column, None
    return coded.dictionary, coded.indices.to_numpy()


def _signs_only(column: pa.Array) -> bool:
    """Whether nothing but ASCII signs stands in a column without nulls: no blank, no quotation mark, no backslash."""
    _, _, data = column.buffers()
    if data is None or column.null_count or column.type != pa.string():
        return False
    offsets = np.frombuffer(column.buffers()[1], np.int32)[column.offset : column.offset + len(column) + 1]
    signs = np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]] if len(column) else np.empty(0, np.uint8)
    return bool(_SIGN_OF[signs].all())


_SIGN_OF = np.array([0x21 <= i <= 0x7E and chr(i) not in '"\\' for i in range(256)])


def _plain_text(column: pa.Array) -> pa.Array:
    short = pc.less_equal(pc.utf8_length(column), _LONGEST_NOTHING)
    if _signs_only(column) and not pc.any(short).as_py():
        return column
    odd = pc.or_(
        pc.invert(pc.match_substring_regex(column, _PLAIN)), pc.is_in(pc.utf8_lower(column), _NOTHING)
    )
    if not pc.any(odd).as_py():
        return column
    cells = pd.Series(column.filter(odd).to_numpy(zero_copy_only=False), dtype=object)
    return pc.replace_with_mask(column, odd, pa.array(each(cells, text), pa.string()))


_NOTHING = pa.array(sorted(MISSING))
_LONGEST_NOTHING = max(map(len, MISSING))


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


class _Json(NamedTuple):
    """Cells of a column as JSON: what stands before each, the cells (None: nothing varies), and what stands behind."""

    before: str
    cells: pa.Array | None
    behind: str = ""

    @property
    def gaps(self) -> bool:
        return self.cells is not None and self.cells.null_count > 0


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
        if found.cells is None or found.cells.null_count < len(found.cells):
            pieces.append(found._replace(before=f"{json.dumps(name, ensure_ascii=False)}:{found.before}"))
    if not pieces or not count:
        return np.full(count, "{}", dtype=object), dropped
    # commas stand before what follows a piece that every row has, and behind what precedes it
    sure = next((i for i, piece in enumerate(pieces) if not piece.gaps), None)
    parts: list = ["" if sure is None else "{"]
    for i, (before, cells, behind) in enumerate(pieces):
        before = f",{before}" if sure is None or i > sure else before
        behind = f"{behind}," if sure is not None and i < sure else behind
        if pieces[i].gaps:
            parts += [pc.fill_null(_join(before, cells, behind), "")]
        else:
            parts += [before] if cells is None else [before, cells, behind]
    if sure is None:
        return _join("{", pc.utf8_slice_codeunits(_join(*parts), 1), "}").to_numpy(
            zero_copy_only=False
        ), dropped
    found = _join(*_merged([*parts, "}"]))
    if isinstance(found, pa.Scalar):
        return np.full(count, found.as_py(), dtype=object), dropped
    return found.to_numpy(zero_copy_only=False), dropped


def _merged(parts: list) -> list:
    """The same with texts that follow each other as one."""
    found: list = []
    for part in parts:
        if isinstance(part, str) and found and isinstance(found[-1], str):
            found[-1] += part
        else:
            found.append(part)
    return found


def _join(*pieces) -> pa.Array:
    """Texts joined row by row; null where one is null."""
    return pc.binary_join_element_wise(*pieces, pa.scalar("", pa.string()))


def _fragments(values: pd.Series) -> tuple[_Json, int]:
    """Every cell as JSON, null where there is nothing to say, and how many were too long or nested."""
    if values.dtype == bool:
        return _Json("", pc.if_else(pa.array(values), "true", "false")), 0
    if values.dtype.kind in "iu" and isinstance(values.dtype, np.dtype):
        return _Json("", pa.array(values.to_numpy()).cast(pa.string())), 0
    if values.dtype.kind == "f" and isinstance(values.dtype, np.dtype):
        return _Json("", _numbers(values.to_numpy(np.float64))), 0
    column = _strings(values)
    if column is None:
        made = each(values, _scalar)
        lost = sum(v is _DROPPED for v in made)
        cells = [None if v is None or v is _DROPPED else _dumps(v) for v in made]
        return _Json("", pa.array(cells, pa.string())), lost
    distinct, place = _distinct(column)
    said = _plain_text(distinct)
    found = _quoted(said)
    lost = 0
    if found.gaps:
        out = pc.and_(pc.is_null(found.cells), pc.not_equal(said, "")).to_numpy(zero_copy_only=False)
        lost = int((out if place is None else out[place]).sum())
    if place is None:
        return found, lost
    if len(distinct) == 1 and not found.gaps:
        return _Json(f"{found.before}{found.cells[0].as_py()}{found.behind}", None), lost
    return found._replace(cells=found.cells.take(pa.array(place))), lost


def _quoted(column: pa.Array) -> _Json:
    """Texts as JSON; null for blank and for too long ones."""
    length = pc.utf8_length(column)
    unsaid = pc.or_(pc.greater(length, _LONGEST), pc.equal(length, 0))
    if not pc.any(unsaid).as_py() and _signs_only(column):
        return _Json('"', column, '"')
    odd = pc.match_substring_regex(column, _ESCAPED)
    if not pc.any(pc.or_(unsaid, odd)).as_py():
        return _Json('"', column, '"')
    column = pc.if_else(unsaid, pa.scalar(None, pa.string()), column)
    found = _join('"', column, '"')
    odd = pc.and_(odd, pc.invert(unsaid))
    if pc.any(odd).as_py():
        cells = pd.Series(column.filter(odd).to_numpy(zero_copy_only=False), dtype=object)
        found = pc.replace_with_mask(found, odd, pa.array(each(cells, _dumps), pa.string()))
    return _Json("", found)


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
