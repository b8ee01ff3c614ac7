"""What is remembered of a blueprint under its rules changes nothing of an answer."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import onemap as om
from onemap.blueprint.memory import covers_at, remembered

FRAMES = ("overlaps", "facts", "findings", "preconditions", "decisions", "conflicts")


@pytest.mark.parametrize("project", ["P02", "P06", "P09"])
def test_asked_first_or_after_others_the_answer_is_the_same(town, book, sites, project):
    one = sites.parcels[sites.parcels.project_id == project]
    om.review(sites.parcels, town, book)
    later = om.review(one, town, book)
    fresh = om.review(one, replace(town), replace(book))
    for name in FRAMES:
        a, b = (
            pd.DataFrame(getattr(r, name)).drop(columns="geometry", errors="ignore") for r in (later, fresh)
        )
        pd.testing.assert_frame_equal(a, b)


def test_other_rules_are_not_taken_for_these(town, book):
    other = replace(book)
    assert remembered(town, book, "test", lambda: 1) == 1
    assert remembered(town, other, "test", lambda: 2) == 2
    assert remembered(town, book, "test", lambda: 3) == 1


@pytest.mark.parametrize("faces", [[], [0], [5, 5, 2], list(range(100, 160))])
def test_covers_of_some_faces_are_those_of_a_walk(town, faces):
    ids = town.faces.face_id.iloc[sorted(set(faces))]
    walked = town.covers[town.covers.face_id.isin(ids)]
    pd.testing.assert_frame_equal(covers_at(town, np.array(faces, dtype=int)), walked)
