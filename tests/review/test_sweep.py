"""Every quarter from 2008 to 2027: every probe site of the sample town gets a route, or falls into a declared gap."""

from dataclasses import replace
from datetime import date

import pytest

import onemap as om
from onemap.errors import InputError

QUARTERS = [date(year, month, 1) for year in range(2008, 2028) for month in (1, 4, 7, 10)]
# the book knows no pre-approval rule before order no. 42 took effect; it says so by having none in force
FIRST_RULE = date(2009, 1, 1)


@pytest.fixture(scope="module")
def town():
    book = om.load_rulebook("2024-03-01", dates={"plan_approval": "2024-10-28"})
    book = replace(book, conflict_types=book.conflict_types.iloc[:0])
    layers = om.read_features(om.sample_path(), book.catalogue)
    blueprint = om.build_blueprint(layers, book)
    sites = om.read_parcels(om.sample_path() / "sites", blueprint.crs, book.catalogue)
    return blueprint, sites.parcels


@pytest.mark.parametrize("year", sorted({day.year for day in QUARTERS}))
def test_every_site_has_a_route_every_quarter(town, year):
    blueprint, parcels = town
    for day in (d for d in QUARTERS if d.year == year):
        book = om.load_rulebook(day, dates={"plan_approval": "2024-10-28"})
        book = replace(book, conflict_types=book.conflict_types.iloc[:0])  # clashes of plans decide no route
        result = om.review(parcels, blueprint, book)
        decisions = result.decisions
        assert decisions["project_id"].tolist() == list(dict.fromkeys(parcels["project_id"])), day
        assert decisions["route"].isin(book.routes.index).all(), day
        if day < FIRST_RULE:
            assert not book.decisions
            assert (decisions["route"] == "needs_review").all() and (decisions["rule_id"] == "").all(), day
        else:
            assert (decisions["rule_id"] != "").all(), day
            in_force = {rule.rule_id for rule in book.decisions}
            assert set(decisions["rule_id"]) <= in_force, day
        rows = result.findings.groupby("parcel_id").size()
        assert (rows == len(book.rules)).all(), day
        skipped = decisions[decisions["route"].map(book.routes["skips"]) == "Y"]
        assert not skipped["verdict"].eq("prohibited").any(), day
        for citation in {c for cell in decisions["citations"] for c in cell.split("|") if c}:
            law = book.laws.loc[citation.split("/")[0]]
            assert law["valid_from"] is None or law["valid_from"] <= day, (day, citation)


@pytest.mark.parametrize("day", ["2006-12-31", "2007-12-31"])
def test_before_the_book_begins_nobody_answers(day):
    with pytest.raises(InputError, match="before the book begins"):
        om.load_rulebook(day)


def test_gaps_of_rules_are_declared():
    book = om.load_rulebook("2010-01-01")
    gone = set(book.timeline["rules"]["rule_id"]) - set(book.rules["rule_id"])
    later = {
        row["rule_id"]
        for row in book.timeline["rules"].to_dict("records")
        if row["valid_from"] is not None and row["valid_from"] > book.as_of
    }
    declared = set(book.gaps.loc[book.gaps["table"] == "rules", "id"])
    assert gone == declared | (later & gone)
    assert {"K30", "K37a", "K46", "K50"} <= declared
