"""What is remembered of a blueprint under its rules changes nothing of an answer."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import onemap as om
from onemap.blueprint.conflict_days import conflict_day
from onemap.blueprint.memory import ground_of, remembered
from onemap.present.meeting.desk import lay

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
def test_what_stands_at_some_faces_is_what_a_walk_finds(town, faces):
    ground = ground_of(town)
    which, feature = ground.covers.at(np.array(faces, dtype=int))
    at, layer = ground.unknowns.at(np.array(faces, dtype=int))
    for i, face_id in enumerate(town.faces.face_id.iloc[faces]):
        walked = town.covers[town.covers.face_id == face_id].sort_values(["layer", "feature_id"])
        assert town.features.feature_id.iloc[feature[which == i]].tolist() == walked.feature_id.tolist()
        unknown = town.unknowns.layer[town.unknowns.face_id == face_id]
        assert sorted(ground.layers[n] for n in layer[at == i]) == sorted(unknown)


def test_a_desk_of_another_day_has_the_conflicts_of_that_day_once(town):
    desk = lay(town, "2026-06-01")
    assert desk.blueprint.manifest["conflicts"] == conflict_day(desk.rulebook)
    assert desk.blueprint.manifest["as_of"] == "2026-06-01" and desk.manifest == town.manifest
