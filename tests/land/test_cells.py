"""Whole columns give what each cell gives on its own."""

import datetime
import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onemap.land.cells import as_json, each, words
from onemap.land.values import text

WORDS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", "null", " NULL ", "—", "Ａ３３", "0101", "a\u3000", "\u3000", 'q"\\', "\t", "\x00", "长" * 501]
    ),
)
CELLS = st.one_of(
    st.none(), WORDS, st.booleans(), st.integers(-(10**20), 10**20), st.floats(), st.dates(), st.just([1, 2]),
    st.just(pd.NaT), st.just(np.float32(2.5)),
)  # fmt: skip
COLUMNS = st.one_of(
    st.lists(CELLS, max_size=8).map(lambda v: pd.Series(v, dtype=object)),
    st.lists(st.one_of(WORDS, st.none()), max_size=8).map(lambda v: pd.Series(v, dtype="str")),
    st.lists(st.floats(), max_size=8).map(lambda v: pd.Series(v, dtype=float)),
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=8).map(lambda v: pd.Series(v, dtype="int64")),
    st.lists(st.booleans(), max_size=8).map(lambda v: pd.Series(v, dtype=bool)),
    st.lists(st.one_of(st.none(), st.integers(0, 9)), max_size=8).map(lambda v: pd.Series(v, dtype="Int64")),
)


@settings(max_examples=300, deadline=None)
@given(COLUMNS)
def test_words_are_the_text_of_each_cell(column):
    assert words(column).tolist() == [text(value) for value in column]


@settings(max_examples=300, deadline=None)
@given(COLUMNS, st.sampled_from(["a", 'n"q', "地类"]))
def test_json_is_that_of_each_row(column, name):
    rows, dropped = as_json({name: column, "z": pd.Series(["x"] * len(column))}, len(column))
    lost = 0
    for row, value in zip(rows, column, strict=True):
        expected = {"z": "x"}
        if isinstance(value, list) or len(text(value)) > 500:
            lost += 1
        elif isinstance(value, (bool, np.bool_)):
            expected[name] = bool(value)
        elif isinstance(value, (int, float, np.number)):
            if not isinstance(value, int) and not math.isfinite(value):
                pass
            elif float(value).is_integer() and abs(value) < 1e15 or isinstance(value, (int, np.integer)):
                expected[name] = int(value)
            else:
                expected[name] = float(value)
        elif text(value):
            expected[name] = text(value)
        assert row == json.dumps(expected, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert dropped == ({name: lost} if lost else {})


def test_cells_of_different_types_are_not_taken_for_each_other():
    column = pd.Series([1, True, 1.0, "1"], dtype=object)
    assert each(column, lambda v: type(v).__name__).tolist() == ["int", "bool", "float", "str"]
    days = pd.Series(pd.to_datetime(["2024-03-01", None]))
    assert words(days).tolist() == ["2024-03-01T00:00:00", ""]
    assert words(pd.Series([datetime.date(2024, 3, 1)])).tolist() == ["2024-03-01"]


@pytest.mark.parametrize(
    "empty", [pd.Series([], dtype=object), pd.Series([], dtype="str"), pd.Series([], dtype=float)]
)
def test_columns_without_rows(empty):
    assert words(empty).tolist() == [] and as_json({"a": empty}, 0)[0].tolist() == []
