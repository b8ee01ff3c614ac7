"""The day before and the day after: what is in force is worked out here from the raw cells, apart from the loader."""

import csv
from datetime import date, timedelta
from functools import cache

import pytest
import yaml

from onemap.book.location import layers_path
from onemap.book.rulebook import load_rulebook

PLAN = "2024-10-28"
TABLES = {  # table: (frame, id column, cell that is blank in a declared gap, cells that tell rows apart)
    "parameters": ("parameters", "parameter_id", "value", "value"),
    "rules": ("rules", "rule_id", "predicate", "citations"),
    "conditions": ("conditions", "condition_id", "trigger", "citations"),
    "evaluations": ("evaluations", "item_code", "effect", "citations"),
    "conflicts": ("conflict_types", "kind", "relation", "citations"),
    "subjects": ("subjects", "subject_id", "layer", "where"),
}


def raw(table):
    with (layers_path() / f"{table}.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def cell(value):
    return value.replace("@plan_approval", PLAN)


def decisions():
    text = (layers_path() / "decisions.yaml").read_text(encoding="utf-8")
    return yaml.load(text, Loader=yaml.BaseLoader)


def boundaries():
    found = {PLAN}
    for table in TABLES:
        for row in raw(table):
            found |= {cell(row["valid_from"]), cell(row["valid_to"])}
    for rule in decisions():
        found |= {rule.get("valid_from", ""), rule.get("valid_to", "")}
    begins = date(2008, 1, 1)
    return sorted(d for d in found - {""} if date.fromisoformat(d) > begins)


@cache
def book(day):
    return load_rulebook(day, dates={"plan_approval": PLAN})


def held(first, last, day):
    return (not first or first <= day) and (not last or day < last)


@pytest.mark.parametrize("boundary", boundaries())
def test_the_day_before_and_the_day_itself(boundary):
    changed = False
    seen = []
    for day in (date.fromisoformat(boundary) - timedelta(days=1), date.fromisoformat(boundary)):
        iso, now, state = day.isoformat(), book(day), []
        for table, (frame, key, main, other) in TABLES.items():
            expected = sorted(
                (row[key], row[other])
                for row in raw(table)
                if row[main] and held(cell(row["valid_from"]), cell(row["valid_to"]), iso)
            )
            got = getattr(now, frame).reset_index()
            if table == "parameters":
                expected = [(k, float(v)) for k, v in expected]
            if table == "subjects":
                got = got[~got["subject_id"].isin(now.catalogue.layers.index)]
            assert sorted(zip(got[key], got[other], strict=True)) == sorted(expected), (table, iso)
            state.append(sorted(expected, key=str))
        rules = sorted(
            r["rule_id"] for r in decisions() if held(r.get("valid_from", ""), r.get("valid_to", ""), iso)
        )
        assert sorted(r.rule_id for r in now.decisions) == rules, iso
        seen.append((state, rules))
    changed = seen[0] != seen[1]
    assert changed, f"nothing changes on {boundary}"


ROUTES = {
    "2008-12-31": [],
    "2009-01-01": ["PX-2008"],
    "2016-12-31": ["PX-2008"],
    "2017-01-01": ["PX-2016-16", "PX-2016-ORD"],
    "2019-09-16": ["PX-2016-16", "PX-2016-ORD"],
    "2019-09-17": ["PX-2019-2", "PX-2016-ORD"],
    "2020-03-12": ["PX-2019-2", "PX-2016-ORD"],
    "2020-03-13": ["PX-2019-2", "PX-AS-2020", "PX-2016-ORD"],
    "2021-08-31": ["PX-2019-2", "PX-AS-2020", "PX-2016-ORD"],
    "2021-09-01": ["PX-2021-24", "PX-2019-2", "PX-AS-2020", "PX-2016-ORD"],
    "2022-08-01": ["PX-2021-24", "PX-2019-2", "PX-AS-2020", "PX-2016-ORD"],
    "2022-08-02": ["PX-2021-24", "PX-2022-129", "PX-2019-2", "PX-AS-2020", "PX-2016-ORD"],
    "2023-06-12": ["PX-2021-24", "PX-2022-129", "PX-2019-2", "PX-AS-2020", "PX-2016-ORD"],
    "2023-06-13": ["PX-2021-24", "PX-2023-89", "PX-2019-2", "PX-AS-2020", "PX-2016-ORD"],
    "2025-12-31": ["PX-2021-24", "PX-2023-89", "PX-2019-2", "PX-AS-2020", "PX-2016-ORD"],
    "2026-01-01": ["PX-2021-24", "PX-2019-2", "PX-AS-2020", "PX-2016-ORD"],
    "2026-03-16": ["PX-2021-24", "PX-2019-2", "PX-AS-2020", "PX-2016-ORD"],
    "2026-03-17": ["PX-2021-24", "PX-2026-03", "PX-2019-2", "PX-AS-2020", "PX-2016-ORD"],
}


@pytest.mark.parametrize("day", ROUTES)
def test_decision_rules_in_the_order_in_which_they_are_asked(day):
    assert [rule.rule_id for rule in load_rulebook(day).decisions] == ROUTES[day]


def layers_of(day, subject, dates=None):
    now = load_rulebook(day, dates=dates)
    rows = now.subjects[now.subjects["subject_id"] == subject]
    return sorted(rows["layer"]), subject in now.undetermined


def test_the_range_changes_its_layer_on_the_day_the_plan_is_approved():
    dates = {"plan_approval": PLAN}
    assert layers_of("2024-10-27", "town_range", dates) == (["land_use_zones"], False)
    assert layers_of("2024-10-28", "town_range", dates) == (["urban_development_boundary"], False)
    after = ["detailed_plan", "urban_development_boundary"]
    assert layers_of("2024-10-28", "town_village_range", dates) == (after, False)


def test_without_the_day_of_approval_the_range_is_undetermined():
    assert layers_of("2024-03-01", "town_range")[1]
    assert layers_of("2024-03-01", "town_village_range")[1]
    assert not layers_of("2024-03-01", "approved_land")[1]


def test_the_nature_reserve_regulations_change_on_2026_03_15():
    cited = [
        load_rulebook(day).rules.set_index("rule_id").at["K03", "citations"]
        for day in ("2026-03-14", "2026-03-15")
    ]
    assert cited == ["NRR-1994/whole", "NRR-2026/whole"]


def test_notice_89_runs_to_the_last_day_of_2025():
    assert "MNR-2023-89" in {rule.law for rule in load_rulebook("2025-12-31").decisions}
    assert "MNR-2023-89" not in {rule.law for rule in load_rulebook("2026-01-01").decisions}


def test_dates_are_days_or_none():
    now = book("2024-03-01")
    for frame in (now.parameters, now.rules, now.conditions, now.evaluations, now.conflict_types):
        for column in ("valid_from", "valid_to", "checked_on"):
            assert all(v is None or type(v) is date for v in frame[column])


def test_nothing_claims_to_have_been_checked():
    now = book("2024-03-01")
    for frame in (now.articles, now.laws, now.parameters, now.rules, now.conditions, now.evaluations):
        checked = set(frame["checked_on"])
        assert checked <= {None, ""}
    assert all(rule.checked_on is None for rule in now.decisions)
