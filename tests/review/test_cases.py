"""The jurists' cases: all come true, every rule has one on each side, and bad words are refused with their line."""

from functools import cache
from pathlib import Path

import pytest

from onemap.book.rulebook import load_rulebook
from onemap.errors import InputError
from onemap.review.cases import failures, read_cases, run_cases

CASES = Path(__file__).parents[1] / "cases"
FILES = sorted(CASES.glob("*.yaml"))


@cache
def verdicts_of(file):
    return run_cases(file)


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_every_expectation_comes_true(file):
    wrong = failures(verdicts_of(file))
    assert wrong.empty, "\n" + wrong.to_string(index=False)


@cache
def expectations():
    """(id, status) that the cases expect, all of which are tested to come true above."""
    found = set()
    for file in FILES:
        for case in read_cases(file):
            for what, wanted in case.data["expect"].items():
                statuses = wanted.get("status", "any") if isinstance(wanted, dict) else wanted
                for status in statuses if isinstance(statuses, list) else [statuses]:
                    found.add((what, status))
    return found


def ids(table, key):
    timeline = load_rulebook("2026-04-01").timeline[table]
    return sorted(set(timeline[key]))


@pytest.mark.parametrize("status", ["triggered", "clear", "not_assessed"])
def test_every_control_rule_is_seen_from_each_side(status):
    missing = [rule for rule in ids("rules", "rule_id") if (rule, status) not in expectations()]
    assert not missing


def test_every_condition_is_asked_for_and_left_out():
    book = load_rulebook("2026-04-01")
    always = set(book.conditions.loc[book.conditions["trigger"] == "always", "condition_id"])
    for condition in ids("conditions", "condition_id"):
        assert (condition, "required") in expectations(), condition
        if condition not in always:
            assert (condition, "absent") in expectations(), condition
            assert (condition, "unknown") in expectations(), condition


def test_every_route_rule_holds_and_fails():
    book = load_rulebook("2026-04-01")
    for rule in book.timeline["decisions"].to_dict("records"):
        assert (rule["rule_id"], "satisfied") in expectations(), rule["rule_id"]
        unconditional = rule["when"] == {"all": []}
        other = ("absent",) if unconditional and rule["rule_id"] == "PX-2008" else ("not", "unknown")
        if not unconditional or rule["rule_id"] == "PX-2008":
            assert all((rule["rule_id"], word) in expectations() for word in other), rule["rule_id"]


def test_every_conflict_type_is_found_and_absent():
    for kind in ids("conflicts", "kind"):
        assert (kind, "found") in expectations(), kind
        assert (kind, "absent") in expectations(), kind


def test_every_replacement_is_met():
    book = load_rulebook("2024-03-01")
    for row in book.conditions.itertuples():
        if row.replaceable_by and row.effect_of_replacement != "none":
            assert (row.condition_id, row.effect_of_replacement) in expectations(), row.condition_id


def test_every_change_of_a_rule_has_the_day_before_and_the_day():
    book = load_rulebook("2026-04-01")
    days = {}
    for case in (c for f in FILES for c in read_cases(f)):
        for what in case.data["expect"]:
            days.setdefault(what, set()).add(case.data["as_of"])
    for table, key in (("rules", "rule_id"), ("conditions", "condition_id"), ("conflicts", "kind")):
        for row in book.timeline[table].to_dict("records"):
            start = row["valid_from"]
            if start is None:
                continue
            before = start.fromordinal(start.toordinal() - 1)
            for day in (before, start):
                assert day.isoformat() in days[row[key]], (row[key], day)


ONE = "- case: 甲\n  as_of: 2024-03-01\n  layers: {others: none}\n  expect: {K01: clear}\n"
BAD = {
    "a rule that is not": (ONE.replace("K01", "K99"), ":4 甲: unknown id 'K99'"),
    "a layer that is not": (
        ONE.replace("others", "forest_lnd"),
        ":3 甲: no layer 'forest_lnd'; did you mean",
    ),
    "a word that is not": (
        ONE.replace("layers", "layer"),
        ":3 甲: unknown word 'layer'; did you mean 'layers'",
    ),
    "no expectation": (ONE.replace("  expect: {K01: clear}\n", ""), ":1 甲: 'expect' is missing"),
    "no day": (ONE.replace("  as_of: 2024-03-01\n", ""), ":1 甲: 'as_of' is missing"),
    "a day that is not": (ONE.replace("2024-03-01", "2024-13-01"), "'2024-13-01' is not a date"),
    "a box without area": (ONE.replace("{others", "{black_soil: [5, 0, 5, 9], others"), "has no area"),
    "a box of three": (ONE.replace("{others", "{black_soil: [5, 0, 9], others"), "is not a box"),
    "a box too far": (ONE.replace("{others", "{black_soil: [0, 0, 9000, 9], others"), "leaves the town"),
    "a class that is not": (
        ONE.replace("{others", "{water_source_protection: {box: [0, 0, 9, 9], class_code: '9'}, others"),
        "water_source_protection has no class '9'",
    ),
    "an attribute that is not": (ONE + "  project: {use: castle}\n", ":5 甲: unknown use 'castle'"),
    "a project word that is not": (ONE + "  project: {usage: industrial}\n", "unknown word 'usage'"),
    "a facet that is not": (ONE.replace("K01: clear", "K01: {sattus: clear}"), "unknown word 'sattus'"),
    "two of a name": (ONE + ONE, ":5 甲: two cases of this name"),
    "not a list": ("case: 甲\n", "a file of cases is a list"),
    "not yaml": ("- case: [\n", "not valid YAML"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_cases_are_refused(tmp_path, name):
    text, message = BAD[name]
    path = tmp_path / "bad.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as error:
        run_cases(path)
    assert message in str(error.value)


def test_no_cases_here(tmp_path):
    with pytest.raises(InputError, match="no cases here"):
        run_cases(tmp_path)


def test_a_failure_says_where_and_what(tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text(ONE.replace("K01: clear", "K01: triggered, verdict: prohibited"), encoding="utf-8")
    wrong = failures(run_cases(path))
    assert wrong["what"].tolist() == ["K01", "verdict"]
    assert wrong["where"].str.endswith("wrong.yaml:4").all()
    assert wrong["got"].tolist()[0] == "status clear, measured 0, known_share 1"
    assert wrong["expected"].tolist() == ["triggered", "prohibited"]


def test_a_case_alone_says_the_same_as_among_others(tmp_path):
    file = CASES / "special.yaml"
    together = {(v.case, v.what): v.got for v in verdicts_of(file)}
    blocks = file.read_text(encoding="utf-8").split("\n- case: ")[1:]
    for block in blocks[::7]:
        path = tmp_path / "one.yaml"
        path.write_text("- case: " + block, encoding="utf-8")
        for verdict in run_cases(path):
            assert verdict.got == together[verdict.case, verdict.what], verdict
