"""The rules that decide the pre-approval route, ranked and dated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from onemap.book.catalogue import inherited
from onemap.book.dating import UNRESOLVED, as_date, in_force, resolve
from onemap.book.duties import need_thresholds
from onemap.book.laws import check_citations
from onemap.book.reading import Row, nearest, read_yaml, unique
from onemap.book.tables import Book, check_tree, read_table_rows

KEYS = [
    "rule_id",
    "law",
    "citations",
    "valid_from",
    "valid_to",
    "confirmed_to",
    "route",
    "when",
    "base",
    "basis",
    "checked_on",
    "note",
]
NEEDED = ("rule_id", "law", "citations", "route", "when", "basis")


@dataclass(frozen=True)
class DecisionRule:
    """One dated rule of the route: satisfied when its tree of predicates is true.

    A ``base`` rule is the general duty: it stands last, after every special rule, whatever its rank.
    """

    rule_id: str
    law: str
    rank: int
    citations: tuple[str, ...]
    valid_from: date | None
    valid_to: date | None
    confirmed_to: date | None
    route: str
    when: dict | str
    basis: str
    checked_on: date | None
    base: bool = False
    note: str = ""
    line: str = ""


def read_routes(book: Book) -> list[Row]:
    """Routes with their severity (smaller is milder) and whether they skip pre-approval."""
    rows = read_table_rows(book, "routes", inherited(book.folder, "routes.csv"))
    unique(rows, "route")
    for row in rows:
        if not row["severity"].isdigit():
            raise row.fail("book.severity.not_whole", severity=row["severity"])
        if row["skips"] not in ("Y", "N"):
            raise row.fail("book.skips.not_a_flag", skips=row["skips"])
        if f"route.{row['route']}" not in book.catalogue.texts:
            raise row.fail("book.route.no_text", route=row["route"])
    book.rows["routes"] = rows
    return rows


def read_decisions(book: Book) -> list[DecisionRule]:
    """``decisions.yaml``, checked, in the order in which the rules are asked: rank, then newest; base rules last."""
    path = book.folder / "decisions.yaml"
    if not path.is_file():
        return []
    document = read_yaml(path)
    if not isinstance(document.data, list):
        raise document.fail("book.decisions.not_a_list")
    rules: dict[str, DecisionRule] = {}
    for i, item in enumerate(document.data):
        rule = _rule(book, document, i, item)
        if rule.rule_id in rules:
            raise document.fail("book.rule.twice", i, "rule_id", rule_id=rule.rule_id)
        rules[rule.rule_id] = rule
    newest = sorted(rules.values(), key=lambda r: (r.valid_from or date.min, r.rule_id), reverse=True)
    return sorted(newest, key=lambda r: (r.base, r.rank))


def decisions_in_force(rules: list[DecisionRule], as_of: date) -> tuple[DecisionRule, ...]:
    """The rules in force on a day, in order."""
    return tuple(rule for rule in rules if in_force(rule.valid_from, rule.valid_to, as_of))


def _rule(book: Book, document, i: int, item) -> DecisionRule:
    if not isinstance(item, dict):
        raise document.fail("book.rule.not_a_mapping", i)
    for key in item:
        if key not in KEYS:
            raise document.fail("book.key.unknown", i, key, mend=nearest(key, KEYS), key=key)
    for key in NEEDED:
        if not item.get(key) and not (key == "when" and item.get("when") == {"all": []}):
            raise document.fail("book.key.missing", i, key=key)
    if item["law"] not in book.laws:
        raise document.fail(
            "book.law.unknown", i, "law", mend=nearest(item["law"], book.laws), law=item["law"]
        )
    routes = [row["route"] for row in book.rows["routes"]]
    if item["route"] not in routes:
        raise document.fail(
            "book.route.unknown", i, "route", mend=nearest(item["route"], routes), route=item["route"]
        )
    if item.get("base", "false") not in ("true", "false"):
        raise document.fail("book.base.not_a_flag", i, "base")
    check_tree(document, item["when"], set(book.predicates) | set(book.compounds), (i, "when"))
    days = {k: _day(book, document, i, item, k) for k in ("valid_from", "valid_to", "confirmed_to")}
    if days["valid_from"] and days["valid_to"] and days["valid_from"] >= days["valid_to"]:
        raise document.fail("book.interval.not_before", i, "valid_from")
    row = Row(citations=item["citations"])
    row.where, row.interval = document.where(i, "citations"), (days["valid_from"], days["valid_to"])
    cited = check_citations(row, book.laws, book.articles, book.begins)
    if not any(c.startswith(item["law"] + "/") for c in cited):
        raise document.fail("book.rule.foreign_law", i, "citations", law=item["law"])
    need_thresholds(book, row, item["when"], lambda key, **values: document.fail(key, i, **values))
    checked = item.get("checked_on", "")
    return DecisionRule(
        rule_id=item["rule_id"],
        law=item["law"],
        rank=int(book.laws[item["law"]]["rank"]),
        citations=cited,
        route=item["route"],
        when=item["when"],
        basis=item["basis"],
        checked_on=as_date(checked, document.where(i, "checked_on")) if checked else None,
        base=item.get("base") == "true",
        note=item.get("note", ""),
        line=document.where(i),
        **days,
    )


def _day(book: Book, document, i: int, item: dict, key: str) -> date | None:
    found = resolve(item.get(key, ""), book.dates, document.where(i, key))
    if found == UNRESOLVED:
        raise document.fail("book.date.named_not_known", i, key, key=key)
    return found
