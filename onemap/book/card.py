"""A rule on one page, generated from the book, so that a jurist can check it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from onemap.book.cite import cite
from onemap.book.dating import in_force
from onemap.book.decisions import DecisionRule
from onemap.book.parameters import parameter_title, parameter_value
from onemap.book.reading import nearest, read_yaml
from onemap.book.rulebook import Rulebook
from onemap.book.tables import leaves
from onemap.errors import InputError


def rule_card(rule_id: str, rulebook: Rulebook, lang: str = "zh", cases: str | Path | None = None) -> str:
    """The card of a control rule, a condition or a decision rule, as Markdown.

    Title, effect, article texts, test, threshold today and on all dates, authority, remedy, citations, and
    the cases of a folder of YAML files that name the rule. Raises InputError for an unknown rule.

    >>> from onemap.book.rulebook import load_rulebook
    >>> print(rule_card("K31", load_rulebook("2024-03-01"), "en").splitlines()[0])
    # K31 Building control zone of a national road
    """
    for table, build in (("rules", _rule), ("conditions", _condition)):
        key = {"rules": "rule_id", "conditions": "condition_id"}[table]
        rows = rulebook.timeline[table]
        rows = [
            row for row in rows[rows[key] == rule_id].to_dict("records") if row["citations"] or row["basis"]
        ]
        if rows:
            lines = build(rule_id, _current(rows, rulebook), rows, rulebook, lang)
            break
    else:
        rules = {rule["rule_id"]: rule for rule in rulebook.timeline["decisions"].to_dict("records")}
        if rule_id not in rules:
            known = [
                *rules,
                *rulebook.timeline["rules"]["rule_id"],
                *rulebook.timeline["conditions"]["condition_id"],
            ]
            raise InputError("book.rule.unknown", mend=nearest(rule_id, known), rule_id=rule_id)
        lines = _decision(DecisionRule(**rules[rule_id]), rulebook, lang)
    return "\n".join(lines + _cases(rule_id, cases, rulebook, lang)) + "\n"


def describe(tree, rulebook: Rulebook, lang: str = "zh") -> str:
    """A predicate or a tree of predicates in words, with the thresholds of the day.

    >>> from onemap.book.rulebook import load_rulebook
    >>> describe("near_highway_national", load_rulebook("2024-03-01"))
    '国道用地 距离 小于 20 米'
    """
    if isinstance(tree, dict):
        word, below = next(iter(tree.items()))
        parts = [describe(t, rulebook, lang) for t in (below if isinstance(below, list) else [below])]
        if not parts:
            return rulebook.text("card.always", lang)
        joined = ("; " if lang == "en" else ";").join(parts)
        return f"{rulebook.text(f'card.{word}', lang)} ({joined})"
    if tree in rulebook.compounds:
        name = rulebook.texts.get(f"predicate.{tree}", lang, tree)
        return f"{name}: {describe(rulebook.compounds[tree], rulebook, lang)}"
    row = rulebook.predicates.loc[tree]
    words = [subject_name(row["subject"], rulebook, lang), rulebook.text(f"measure.{row['measure']}", lang)]
    words.append(rulebook.text(f"operator.{row['operator']}", lang))
    if row["parameter"]:
        value = row["threshold"]
        words.append(rulebook.text("card.gap", lang) if value != value else f"{value:g}")
        words.append(rulebook.text(f"unit.{row['unit']}", lang))
    else:
        field = row["measure"].split(".")[-1]
        words.append("|".join(rulebook.texts.get(f"{field}.{v}", lang, v) for v in row["value"].split("|")))
    return " ".join(w for w in words if w)


def subject_name(subject: str, rulebook: Rulebook, lang: str = "zh") -> str:
    """What people call a subject: its text, else the name of its layer, else its id.

    >>> from onemap.book.rulebook import load_rulebook
    >>> subject_name("town_range", load_rulebook("2024-03-01"))
    '城镇建设用地范围'
    """
    layers = rulebook.catalogue.layers
    name = layers.at[subject, f"name_{lang}"] if subject in layers.index else subject
    return rulebook.texts.get(f"subject.{subject}", lang, name)


def _current(rows: list[dict], rulebook: Rulebook) -> dict:
    held = [row for row in rows if in_force(row["valid_from"], row["valid_to"], rulebook.as_of)]
    return (held or rows)[-1]


def _rule(rule_id: str, row: dict, rows: list[dict], rulebook: Rulebook, lang: str) -> list[str]:
    title = rulebook.text(row["text"] or f"rule.{rule_id}.title", lang)
    lines = [
        f"# {rule_id} {title}",
        "",
        _line("effect", rulebook.text(f"effect.{row['effect']}", lang), rulebook, lang),
    ]
    lines += _test(row["predicate"], row["applies_when"], rulebook, lang)
    lines.append(_line("authority", _people(row["authority"], rulebook, lang), rulebook, lang))
    lines.append(
        _line("remedy", rulebook.text(row["remedy"] or f"rule.{rule_id}.remedy", lang), rulebook, lang)
    )
    return lines + _law(rows, rulebook, lang)


def _condition(rule_id: str, row: dict, rows: list[dict], rulebook: Rulebook, lang: str) -> list[str]:
    lines = [f"# {rule_id} {rulebook.text(row['text'] or f'condition.{rule_id}.text', lang)}", ""]
    lines.append(_line("stage", rulebook.text(f"stage.{row['stage']}", lang), rulebook, lang))
    lines += _test(row["trigger"], row["applies_when"], rulebook, lang)
    lines.append(_line("authority", _people(row["department"], rulebook, lang), rulebook, lang))
    lines.append(
        _line("replaceable_by", row["replaceable_by"] or rulebook.text("card.none", lang), rulebook, lang)
    )
    return lines + _law(rows, rulebook, lang)


def _decision(rule: DecisionRule, rulebook: Rulebook, lang: str) -> list[str]:
    lines = [f"# {rule.rule_id} {rulebook.texts.get(f'decision.{rule.rule_id}.title', lang)}".rstrip(), ""]
    lines.append(_line("route", rulebook.text(f"route.{rule.route}", lang), rulebook, lang))
    lines.append(_line("rank", rule.rank, rulebook, lang))
    lines += _test(rule.when, "", rulebook, lang)
    if rule.confirmed_to:
        lines.append(_line("confirmed_to", rule.confirmed_to, rulebook, lang))
    if rule.note and lang == "zh":
        lines.append(_line("note", rule.note, rulebook, lang))
    row = {"valid_from": rule.valid_from, "valid_to": rule.valid_to, "basis": rule.basis}
    return lines + _law([row | {"citations": "|".join(rule.citations)}], rulebook, lang)


def _line(key: str, value, rulebook: Rulebook, lang: str) -> str:
    return f"- {rulebook.text(f'card.{key}', lang)}: {value}"


def _people(names: str, rulebook: Rulebook, lang: str) -> str:
    return ", ".join(rulebook.text(f"department.{name}", lang) for name in names.split("|") if name)


def _test(tree, applies_when: str, rulebook: Rulebook, lang: str) -> list[str]:
    always = rulebook.text("card.always", lang)
    lines = [_line("test", always if tree == "always" else describe(tree, rulebook, lang), rulebook, lang)]
    if applies_when:
        lines.append(_line("applies_when", describe(applies_when, rulebook, lang), rulebook, lang))
    names = set() if tree == "always" else leaves(tree, rulebook.compounds)
    names |= leaves(applies_when, rulebook.compounds) if applies_when else set()
    used = sorted({rulebook.predicates.at[n, "parameter"] for n in names} - {""})
    return lines + [line for parameter in used for line in _parameter(parameter, rulebook, lang)]


def _parameter(parameter: str, rulebook: Rulebook, lang: str) -> list[str]:
    rows = rulebook.timeline["parameters"]
    rows = rows[rows["parameter_id"] == parameter].to_dict("records")
    today = rulebook.text("card.gap", lang)
    if parameter in rulebook.parameters.index:
        today = _value(rulebook.parameters.loc[parameter], rulebook, lang)
    title = parameter_title(rulebook.texts, parameter, lang)
    lines = [_line("threshold", f"{title} = {today} ({rulebook.as_of})", rulebook, lang)]
    lines.append(_line("history", "", rulebook, lang).rstrip())
    for row in rows:
        cited = cite(row["citations"], rulebook, lang) if row["citations"] else ""
        basis = rulebook.texts.get(f"basis.{row['basis']}", lang, row["basis"])
        tail = " · ".join(t for t in (cited, basis, row["note"] if lang == "zh" else "") if t)
        lines.append(f"  - {_span(row, rulebook, lang)}: {_value(row, rulebook, lang)} · {tail}")
    return lines


def _value(row, rulebook: Rulebook, lang: str) -> str:
    if row["value"] == "":
        return rulebook.text("card.gap", lang)
    return parameter_value(rulebook.texts, row["value"], row["unit"], lang)


def _span(row, rulebook: Rulebook, lang: str) -> str:
    first = row["valid_from"] or rulebook.text("card.from_beginning", lang)
    return f"{first} .. {row['valid_to'] or rulebook.text('card.open', lang)}"


def _law(rows: list[dict], rulebook: Rulebook, lang: str) -> list[str]:
    lines, quoted = ["", f"## {rulebook.text('card.law', lang)}", ""], {}
    for row in rows:
        cited = cite(row["citations"], rulebook, lang) or rulebook.text("card.none", lang)
        lines.append(f"- {_span(row, rulebook, lang)}: {cited} · {row['basis']}")
        for citation in filter(None, row["citations"].split("|")):
            quoted[citation] = rulebook.articles.at[citation, f"text_{lang}"]
    lines += ["", f"## {rulebook.text('card.text', lang)}", ""]
    for citation, text in quoted.items():
        tag = rulebook.articles.at[citation, "tag"]
        lines.append(
            f"- {cite(citation, rulebook, lang)} [{tag}]: {text or rulebook.text('card.no_text', lang)}"
        )
    return lines


def _cases(rule_id: str, folder: str | Path | None, rulebook: Rulebook, lang: str) -> list[str]:
    if folder is None:
        return []
    found = [p.stem for p in sorted(Path(folder).glob("*.yaml")) if rule_id in set(_words(read_yaml(p).data))]
    lines = [f"- {name}" for name in found] or [rulebook.text("card.no_cases", lang)]
    return ["", f"## {rulebook.text('card.cases', lang)}", "", *lines]


def _words(data) -> Iterable[str]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield key
            yield from _words(value)
    elif isinstance(data, list):
        for value in data:
            yield from _words(value)
    else:
        yield from str(data).replace("|", " ").split()
