"""Conditions that ask the same are one row; the law side of regional evaluation as data."""

import numpy as np
import pandas as pd
import pytest

from onemap.book.rulebook import load_rulebook
from onemap.frames import PRECONDITIONS, frame
from onemap.review.preconditions import STRICTNESS, merged


@pytest.fixture(scope="module")
def book():
    return load_rulebook("2024-03-01")


def row(condition, text, status="required", project="P", **more):
    given = {
        "project_id": project,
        "condition_id": condition,
        "kind": "condition",
        "stage": "planning",
        "department": "水利",
        "text": text,
        "status": status,
        "replaceable_by": "",
        "trigger": f"hits_{condition}",
        "feature_ids": f"layer:{condition}",
        "area_m2": 5.0,
        "citations": f"LAW/{condition}",
        "note": "",
    }
    return given | more


def merge(table, book):
    columns = merged({name: table[name].to_numpy(dtype=object) for name in table}, book)
    return pd.DataFrame(columns)


def test_two_conditions_that_ask_the_same_are_one_row(book):
    same = "condition.C17.text"
    table = frame(
        [
            row("C17", same, area_m2=5.0),
            row("C01", "condition.C01.text"),
            row("C18", same, area_m2=7.0, citations="LAW/C17|LAW/C18"),
        ],
        PRECONDITIONS,
    )
    out = merge(table, book)
    assert out["condition_id"].tolist() == ["C17|C18", "C01"]
    first = out.iloc[0]
    assert first["trigger"] == "hits_C17|hits_C18"
    assert first["citations"] == "LAW/C17|LAW/C18"
    assert first["feature_ids"] == "layer:C17|layer:C18"
    assert first["area_m2"] == 7.0
    assert out.columns.tolist() == PRECONDITIONS


@pytest.mark.parametrize(
    "column, value",
    [("department", "文物"), ("stage", "construction"), ("kind", "evaluation"), ("project_id", "Q")],
)
def test_what_differs_stays_apart(book, column, value):
    same = "condition.C17.text"
    table = frame([row("C17", same), row("C18", same) | {column: value}], PRECONDITIONS)
    assert len(merge(table, book)) == 2


def test_the_status_that_asks_most_is_kept(book):
    same = "condition.C17.text"
    for worse, better in zip(STRICTNESS, STRICTNESS[1:], strict=False):
        for order in ((worse, better), (better, worse)):
            rows = [row(f"C{i}", same, status=s, note=f"note.{s}") for i, s in enumerate(order)]
            out = merge(frame(rows, PRECONDITIONS), book)
            assert out["status"].tolist() == [worse]
            assert out["note"].tolist() == [f"note.{worse}"]


def test_order_of_rows_does_not_matter_to_what_is_kept(book):
    same = "condition.C17.text"
    rows = [row(f"C{i}", same, area_m2=float(i)) for i in range(5)]
    rng = np.random.default_rng(7)
    wanted = {"C0", "C1", "C2", "C3", "C4"}
    for _ in range(5):
        out = merge(frame([rows[i] for i in rng.permutation(5)], PRECONDITIONS), book)
        assert set(out["condition_id"].item().split("|")) == wanted
        assert out["area_m2"].item() == 4.0


def test_no_regional_evaluation_waives_the_environment(book):
    conditions = book.conditions[book.conditions["replaceable_by"] == "RE03"]
    assert set(conditions["effect_of_replacement"]) == {"simplified"}
    assert set(book.evaluations.set_index("item_code").loc[["RE03"], "effect"]) == {"simplified"}


def test_seismic_waiver_is_for_buildings_and_city_infrastructure_only(book):
    scope = book.evaluations.set_index("item_code").at["RE08", "applies_when"]
    words = set(book.predicates.at[scope, "value"].split("|"))
    assert {"residential", "industrial", "municipal", "road"} <= words
    assert not words & {"bridge", "reservoir", "nuclear", "hazardous", "railway", "wind_solar"}


def test_commitment_is_for_enterprises_only(book):
    evaluations = book.evaluations.set_index("item_code")
    offered = evaluations[evaluations["effect"] == "by_commitment"]
    assert set(offered.index) == {"RE04", "RE07"}
    assert set(offered["applies_when"]) == {"commitment_energy", "enterprise_project"}
    assert set(book.predicates.at["enterprise_project", "value"].split("|")) == {"industrial", "commercial"}


def test_doubts_are_written_down(book):
    conditions = pd.read_csv(book.path / "conditions.csv", dtype=str, keep_default_na=False)
    for condition in ("C14", "C20", "C24", "C36"):
        own = conditions[conditions["condition_id"] == condition]
        assert own["note"].str.contains("一律列出").all(), condition
    ordinance = next(rule for rule in book.decisions if rule.rule_id == "PX-2021-24")
    assert "N2" in ordinance.note and "核对" in ordinance.note


def test_villages_are_not_counted_outside_the_boundary(book):
    assert book.conflict_types.set_index("kind").at["X03", "subject_a"] == "master_plan_town"
    where = book.subjects.set_index("subject_id").at["master_plan_town", "where"]
    assert "class_code!=H14" in where
