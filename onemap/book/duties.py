"""Rules, conditions, evaluations and conflict types: words, references, texts and law, checked."""

from __future__ import annotations

from collections.abc import Iterable

from onemap.book.catalogue import expect
from onemap.book.dating import covers
from onemap.book.laws import check_citations
from onemap.book.reading import Row, nearest
from onemap.book.tables import CONFLICT_SEVERITIES, RELATIONS, REPLACEMENTS, Book, leaves, read_dated
from onemap.frames import EFFECTS, KINDS, STAGES
from onemap.messages import Message


def check_duties(book: Book) -> None:
    """All four tables; what they hold is then in ``book.rows``."""
    _check_rules(book)
    _check_evaluations(book)
    _check_conditions(book)
    _check_conflicts(book)


def _check_rules(book: Book) -> None:
    for row in read_dated(book, "rules", "rule_id", "predicate"):
        if row["predicate"] in book.compounds:
            raise row.fail("book.rule.compound", predicate=row["predicate"])
        expect(row, "predicate", book.predicates)
        if not book.predicates[row["predicate"]]["subject"]:
            raise row.fail("book.rule.no_land", predicate=row["predicate"])
        _check_common(book, row, ("predicate", "applies_when"), ("authority",))
        expect(row, "effect", EFFECTS)
        for column, ending in (("text", "title"), ("reason", "reason"), ("remedy", "remedy")):
            row[column] = row[column] or f"rule.{row['rule_id']}.{ending}"
            need_text(book, row, row[column])


def _check_evaluations(book: Book) -> None:
    for row in read_dated(book, "evaluations", "item_code", "effect"):
        _check_common(book, row, ("applies_when",), ("department",))
        expect(row, "effect", REPLACEMENTS)
        if not row["name_zh"] or not row["name_en"]:
            raise row.fail("book.names.blank")


def _check_conditions(book: Book) -> None:
    effects: dict[str, set[str]] = {}
    for row in book.rows["evaluations"]:
        effects.setdefault(row["item_code"], set()).add(row["effect"])
    for row in read_dated(book, "conditions", "condition_id", "trigger"):
        if row["trigger"] != "always":
            expect(row, "trigger", ["always", *book.predicates, *book.compounds])
        _check_common(book, row, ("trigger", "applies_when"), ("department",))
        expect(row, "kind", KINDS)
        expect(row, "stage", STAGES)
        row["text"] = row["text"] or f"condition.{row['condition_id']}.text"
        need_text(book, row, row["text"])
        if not row["replaceable_by"]:
            if row["effect_of_replacement"]:
                raise row.fail("book.replacement.no_item")
            continue
        expect(row, "replaceable_by", effects)
        if row["effect_of_replacement"] not in effects[row["replaceable_by"]]:
            raise row.fail(
                "book.replacement.no_effect",
                mend=Message("book.replacement.effects", effects=sorted(effects[row["replaceable_by"]])),
                item=row["replaceable_by"],
                effect=row["effect_of_replacement"],
            )


def _check_conflicts(book: Book) -> None:
    subjects = {row["subject_id"] for row in book.rows["subjects"]} | set(book.catalogue.layers.index)
    for row in read_dated(book, "conflicts", "kind", "relation"):
        expect(row, "relation", RELATIONS)
        expect(row, "severity", CONFLICT_SEVERITIES)
        for column in ("subject_a", "subject_b"):
            expect(row, column, subjects)
        if (row["relation"] == "self") != (row["subject_a"] == row["subject_b"]):
            raise row.fail("book.relation.self")
        _check_common(book, row, (), ("authority",))
        for ending in ("title", "proposal"):
            need_text(book, row, f"conflict.{row['kind']}.{ending}")


def _check_common(book: Book, row: Row, trees: Iterable[str], people: Iterable[str]) -> None:
    row.cited = check_citations(row, book.laws, book.articles, book.begins)
    for column in people:
        for name in filter(None, row[column].split("|")):
            if f"department.{name}" not in book.catalogue.texts:
                known = [k.split(".", 1)[1] for k in book.catalogue.texts if k.startswith("department.")]
                raise row.fail("book.word.unknown", mend=nearest(name, known), column=column, word=name)
    for column in trees:
        name = row[column]
        if not name or name == "always":
            continue
        if name not in book.predicates and name not in book.compounds:
            expect(row, column, [*book.predicates, *book.compounds])
        need_thresholds(book, row, name, row.fail)


def need_text(book: Book, row: Row, key: str) -> None:
    """Refuse a text key that no texts file has."""
    if key not in book.catalogue.texts:
        raise row.fail(
            "book.text.missing",
            mend=[Message("book.text.add"), nearest(key, book.catalogue.texts)],
            key=key,
        )


def need_thresholds(book: Book, row, tree, fail) -> None:
    """Refuse a row in force on days for which a parameter that it rests on has neither value nor declared gap."""
    for name in leaves(tree, book.compounds):
        parameter = book.predicates[name]["parameter"]
        if not parameter:
            continue
        spans = [r.interval for r in book.rows["parameters"] if r["parameter_id"] == parameter]
        first = min(((s[0] or book.begins) for s in spans), default=book.begins)
        last = None if any(s[1] is None for s in spans) else max(s[1] for s in spans)
        if not covers((None if first <= book.begins else first, last), row.interval, book.begins):
            raise fail("book.parameter.not_all_days", parameter=parameter)
