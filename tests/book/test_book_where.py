"""The where grammar in three values."""

import json
from datetime import date

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onemap.book.where import match, parse
from onemap.errors import InputError

DAY = date(2024, 3, 1)
T, F, U = 1, 0, -1


def one(where, **cells):
    return int(match(pd.DataFrame([cells]), where, DAY)[0])


@pytest.mark.parametrize(
    ("where", "cells", "expected"),
    [
        ("", {"class_code": ""}, T),
        ("class_code=030", {"class_code": "030"}, T),
        ("class_code=030|040", {"class_code": "040"}, T),
        ("class_code=030", {"class_code": "30"}, F),
        ("class_code=030", {"class_code": ""}, U),
        ("class_code=030", {"class_code": None}, U),
        ("class_code=030", {"class_code": float("nan")}, U),
        ("class_code=030", {"name": "x"}, U),
        ("class_code!=030", {"class_code": "010"}, T),
        ("class_code!=030|010", {"class_code": "010"}, F),
        ("class_code!=030", {"class_code": ""}, U),
        ("class_code^=07", {"class_code": "0701"}, T),
        ("class_code^=07", {"class_code": "7"}, F),
        ("class_code^=07", {"class_code": ""}, U),
        ("document_no?", {"document_no": "辽政地字〔2019〕1号"}, T),
        ("document_no?", {"document_no": ""}, U),
        ("document_no?", {"document_no": "  "}, U),
        ("class_code=030; authority?", {"class_code": "030", "authority": ""}, U),
        ("class_code=030; authority?", {"class_code": "010", "authority": ""}, F),
        ("class_code=030; authority?", {"class_code": "", "authority": "x"}, U),
        ("major_class=construction", {"major_class": "construction"}, T),
        ("major_class=construction", {"major_class": ""}, U),
        ("attributes.effect=replaced", {"attributes": json.dumps({"effect": "replaced"})}, T),
        ("attributes.effect=replaced", {"attributes": "{}"}, U),
        ("attributes.effect=replaced", {"attributes": "not json"}, U),
        ("attributes.effect=replaced", {"attributes": None}, U),
        ("", {"law_status": "revoked"}, F),
        ("", {"law_status": "draft"}, F),
        ("", {"law_status": ""}, T),
        ("document_no?", {"document_no": "", "law_status": "revoked"}, F),
        ("", {"valid_from": "2024-03-01"}, T),
        ("", {"valid_from": "2024-03-02"}, F),
        ("", {"valid_to": "2024-03-01"}, F),
        ("", {"valid_to": "2024-03-02"}, T),
        ("", {"valid_to": date(2024, 3, 1)}, F),
        ("", {"valid_to": pd.Timestamp("2024-03-02")}, T),
        ("", {"valid_from": "", "valid_to": None}, T),
        ("", {"valid_from": "around 2019"}, U),
        ("class_code=030", {"class_code": "010", "valid_from": "around 2019"}, F),
    ],
)
def test_three_values(where, cells, expected):
    assert one(where, **cells) == expected


def test_an_empty_frame_has_no_answers():
    assert match(pd.DataFrame({"class_code": []}), "class_code=1", DAY).tolist() == []


@pytest.mark.parametrize("where", ["class_code", "class_code=", "=1", "class_code=1|", "name?x", "a<1"])
def test_malformed(where):
    with pytest.raises(InputError):
        parse(where)


CODES = st.sampled_from(["", "030", "040", "010"])


@given(st.lists(st.tuples(CODES, CODES), min_size=1, max_size=20))
def test_terms_are_joined_by_the_kleene_and(rows):
    frame = pd.DataFrame(rows, columns=["class_code", "name"])
    first, second = match(frame, "class_code=030", DAY), match(frame, "name=040", DAY)
    both = match(frame, "class_code=030; name=040", DAY)
    rank = {F: 0, U: 1, T: 2}
    assert [rank[b] for b in both.tolist()] == [
        min(rank[x], rank[y]) for x, y in zip(first.tolist(), second.tolist(), strict=True)
    ]


@given(st.lists(CODES, min_size=1, max_size=20), st.data())
def test_blanking_a_cell_never_turns_no_into_yes_or_yes_into_no(codes, data):
    at = data.draw(st.integers(0, len(codes) - 1))
    poorer = [*codes[:at], "", *codes[at + 1 :]]
    before = match(pd.DataFrame({"class_code": codes}), "class_code=030|040", DAY)
    after = match(pd.DataFrame({"class_code": poorer}), "class_code=030|040", DAY)
    assert after[at] == U
    assert [a for i, a in enumerate(after) if i != at] == [b for i, b in enumerate(before) if i != at]


@given(st.lists(CODES, min_size=1, max_size=20))
def test_not_equal_is_the_opposite_and_unknown_stays(codes):
    frame = pd.DataFrame({"class_code": codes})
    yes, no = match(frame, "class_code=030", DAY), match(frame, "class_code!=030", DAY)
    assert all((a, b) in {(T, F), (F, T), (U, U)} for a, b in zip(yes.tolist(), no.tolist(), strict=True))
