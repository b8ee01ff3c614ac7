"""The tables of rules: columns, words and references, checked row by row."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from onemap.book.catalogue import Catalogue, expect, read_noted
from onemap.book.dating import as_date, check_timeline, interval, optional_date
from onemap.book.laws import check_citations
from onemap.book.reading import Row, nearest, read_yaml, unique
from onemap.book.where import FIELDS, parse
from onemap.errors import InputError
from onemap.frames import LAW_STATUSES, PARCELS
from onemap.messages import Message

MEASURES = {
    "overlap_area_m2": "m2",
    "overlap_share": "share",
    "outside_area_m2": "m2",
    "outside_share": "share",
    "distance_m": "m",
    "area_m2": "m2",
}
OPERATORS = ("gt", "ge", "lt", "le", "eq", "in")
PROJECT_COLUMNS = [c for c in PARCELS if c not in ("parcel_id", "geometry", "source", "source_fid")]
NUMERIC = {"project.declared_area_m2": "m2", "project.area_m2": "m2"}
PARAMETER_UNITS = ("m", "m2", "share", "year", "ha", "count")
REPLACEMENTS = ("replaced", "simplified", "by_commitment", "none")
RELATIONS = ("both", "only_a", "self")
CONFLICT_SEVERITIES = ("prohibit", "consent", "review", "inform", "data")

_DATED = ["valid_from", "valid_to"]
_BASIS = ["basis", "checked_on"]
COLUMNS = {
    "parameters": ["parameter_id", *_DATED, "value", "unit", "basis", "citations", "checked_on", "note"],
    "subjects": ["subject_id", "layer", "where", *_DATED, "note"],
    "predicates": ["predicate_id", "subject", "measure", "operator", "parameter", "value", "note"],
    "rules": (
        [
            "rule_id",
            "predicate",
            "applies_when",
            "effect",
            "authority",
            "text",
            "reason",
            "remedy",
            "citations",
        ]
        + _DATED
        + _BASIS
    ),
    "conditions": [
        "condition_id",
        "kind",
        "stage",
        "department",
        "trigger",
        "applies_when",
        "text",
        "citations",
        "replaceable_by",
        "effect_of_replacement",
    ]
    + _DATED
    + _BASIS,
    "evaluations": ["item_code", "name_zh", "name_en", "department", "effect", "citations"] + _DATED + _BASIS,
    "conflicts": (
        ["kind", "subject_a", "subject_b", "relation", "severity", "authority", "citations"] + _DATED + _BASIS
    ),
    "routes": ["route", "severity", "skips"],
    "dates": ["date_id", "date", "basis", "checked_on", "note"],
}
OPTIONAL = {"evaluations": ("applies_when",)}
REQUIRED = ("parameters", "subjects", "predicates", "rules")


@dataclass
class Book:
    """The rows of a book while it is checked; every row knows its line."""

    folder: Path
    catalogue: Catalogue
    begins: date
    dates: dict[str, date | None]
    laws: dict[str, Row] = field(default_factory=dict)
    articles: dict[str, Row] = field(default_factory=dict)
    rows: dict[str, list[Row]] = field(default_factory=dict)
    predicates: dict[str, Row] = field(default_factory=dict)
    compounds: dict[str, object] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def parameters(self) -> set[str]:
        """Parameter ids of any date."""
        return {row["parameter_id"] for row in self.rows["parameters"]}


def read_table_rows(book: Book, name: str, path: Path | None = None) -> list[Row]:
    """The rows of one table; an optional table that is absent has none."""
    path = path or book.folder / f"{name}.csv"
    if not path.is_file() and name not in REQUIRED:
        return []
    optional = () if "note" in COLUMNS[name] else ("note",)
    return read_noted(path, COLUMNS[name], optional + OPTIONAL.get(name, ()), book.notes).rows


def read_dates(folder: Path, given: dict[str, str | date] | None, notes: list[str]) -> dict[str, date | None]:
    """Named dates of the book, overridden by the caller's; None where nobody knows the day."""
    path = folder / "dates.csv"
    rows = unique(read_noted(path, COLUMNS["dates"], (), notes).rows, "date_id") if path.is_file() else {}
    dates = {key: optional_date(row["date"], row.where) for key, row in rows.items()}
    for key, value in (given or {}).items():
        if key not in dates:
            raise InputError("book.date.unknown", where="dates", mend=nearest(key, dates), date=key)
        dates[key] = as_date(value, f"dates.{key}") if value else None
    return dates


def read_dated(
    book: Book, name: str, key: str, main: str, unresolved: bool = False, union: bool = False
) -> list:
    """A dated table with its intervals; declared gaps are checked and then left out of the rows returned."""
    rows = read_table_rows(book, name)
    for row in rows:
        if not row[key]:
            raise row.fail("book.cell.blank", column=key)
        row.interval = interval(row, book.dates, unresolved)
        if "checked_on" in row:
            optional_date(row["checked_on"], row.where)
        row.gap = not row[main]
        if row.gap and not row.get("note"):
            raise row.fail("book.value.blank", column=main)
    check_timeline(rows, lambda row: row[key], union)
    book.rows[name] = rows
    return [row for row in rows if not row.gap]


def check_parameters(book: Book) -> None:
    """Numbers with unit and basis; legal ones with a citation."""
    for row in read_dated(book, "parameters", "parameter_id", "value"):
        try:
            row.number = float(row["value"])
        except ValueError:
            raise row.fail("book.value.not_a_number", value=row["value"]) from None
        if not row["unit"]:
            raise row.fail(
                "book.parameter.no_unit",
                mend=Message("house.valid", words=PARAMETER_UNITS),
                parameter_id=row["parameter_id"],
            )
        expect(row, "unit", PARAMETER_UNITS)
        if not row["basis"]:
            raise row.fail("book.parameter.no_basis", parameter_id=row["parameter_id"])
        cited = check_citations(row, book.laws, book.articles, book.begins)
        if not cited and row["basis"] != "engineering":
            raise row.fail("book.parameter.no_citation", parameter_id=row["parameter_id"])


def check_subjects(book: Book) -> None:
    """Layers exist; ``where`` uses fields and codes that the layer has."""
    layers = book.catalogue.layers.index
    for row in read_dated(book, "subjects", "subject_id", "layer", unresolved=True, union=True):
        if row["subject_id"] in layers:
            raise row.fail("book.subject.is_layer", subject_id=row["subject_id"])
        expect(row, "layer", layers)
        check_where(book.catalogue, row)


def check_where(catalogue: Catalogue, row: Row) -> None:
    """Fields of ``where`` exist for the layer, and code values exist in its code table."""
    layer = row["layer"]
    table = catalogue.layers.at[layer, "code_table"]
    fields = catalogue.fields
    own = set(fields.loc[fields["layer"].isin([layer, "*"]), "field"])
    for term in parse(row["where"], row.where):
        name = term.field
        if name.startswith("attributes."):
            if name.split(".", 1)[1] not in own:
                raise row.fail(
                    "book.where.layer_field_unknown",
                    mend=nearest(name, {f"attributes.{f}" for f in own}),
                    layer=layer,
                    name=name,
                )
            continue
        if name not in FIELDS:
            raise row.fail("book.where.field_unknown", mend=nearest(name, FIELDS), name=name)
        if term.operator == "?" or name not in ("class_code", "major_class", "law_status"):
            continue
        if name == "law_status":
            valid = set(LAW_STATUSES)
        elif not table:
            raise row.fail("book.where.no_codes", layer=layer, name=name)
        elif name == "major_class":
            valid = set(catalogue.codes[table]["major_class"]) - {""}
        else:
            valid = set(catalogue.codes[table].index)
        for value in term.values:
            known = any(v.startswith(value) for v in valid) if term.operator == "^=" else value in valid
            if not known:
                raise row.fail(
                    "book.where.code_unknown", mend=nearest(value, valid), name=name, value=value, layer=layer
                )


def check_predicates(book: Book) -> None:
    """Simple predicates: subject, measure, operator and threshold fit together."""
    subjects = {row["subject_id"] for row in book.rows["subjects"]} | set(book.catalogue.layers.index)
    book.predicates = unique(read_table_rows(book, "predicates"), "predicate_id")
    units = {row["parameter_id"]: row["unit"] for row in book.rows["parameters"] if row["unit"]}
    measures = [*MEASURES, "findings.prohibited", *(f"project.{c}" for c in PROJECT_COLUMNS)]
    for row in book.predicates.values():
        expect(row, "measure", measures)
        expect(row, "operator", OPERATORS)
        measure = row["measure"]
        about_land = measure in MEASURES and measure != "area_m2"
        if about_land:
            expect(row, "subject", subjects)
        elif row["subject"]:
            raise row.fail("book.measure.no_subject", measure=measure)
        unit = MEASURES.get(measure) or NUMERIC.get(measure)
        if unit is None:
            _check_words(book, row)
            continue
        if row["value"] or not row["parameter"]:
            raise row.fail("book.measure.needs_parameter", measure=measure)
        if row["operator"] == "in":
            raise row.fail("book.measure.not_in", measure=measure)
        expect(row, "parameter", book.parameters)
        if units.get(row["parameter"]) != unit:
            raise row.fail(
                "book.measure.unit_differs",
                measure=measure,
                unit=unit,
                parameter=row["parameter"],
                other=units.get(row["parameter"]),
            )


def _check_words(book: Book, row: Row) -> None:
    if row["parameter"] or not row["value"]:
        raise row.fail("book.measure.needs_value", measure=row["measure"])
    if row["operator"] not in ("eq", "in"):
        raise row.fail("book.measure.operator", measure=row["measure"], operator=row["operator"])
    if row["measure"] == "findings.prohibited":
        expect(row, "value", ("true", "false"))
        return
    column = row["measure"].split(".", 1)[1]
    enumerations = book.catalogue.enumerations
    valid = enumerations.loc[enumerations["field"] == column, "value"].tolist()
    for word in row["value"].split("|"):
        if valid and word not in valid:
            raise row.fail("book.word.unknown", mend=nearest(word, valid), column=column, word=word)


def check_compounds(book: Book) -> None:
    """Trees of all / any / not over predicate ids, without circles."""
    path = book.folder / "compounds.yaml"
    if not path.is_file():
        return
    document = read_yaml(path)
    if not isinstance(document.data, dict):
        raise document.fail("book.compounds.not_a_mapping")
    names = set(document.data) | set(book.predicates)
    for key, tree in document.data.items():
        if key in book.predicates:
            raise document.fail("book.compound.also_predicate", key, key=key)
        check_tree(document, tree, names, (key,))
    book.compounds = dict(document.data)
    for key in book.compounds:
        _refuse_circle(document, key, book.compounds, ())


def check_tree(document, tree, names: set[str], path: tuple) -> None:
    """Refuse a malformed tree or an unknown predicate."""
    if isinstance(tree, str):
        if tree not in names:
            raise document.fail("book.predicate.unknown", *path, mend=nearest(tree, names), predicate=tree)
        return
    if not isinstance(tree, dict) or len(tree) != 1 or next(iter(tree)) not in ("all", "any", "not"):
        raise document.fail("book.compound.malformed", *path)
    word, below = next(iter(tree.items()))
    if word == "not":
        check_tree(document, below, names, (*path, word))
        return
    if not isinstance(below, list):
        raise document.fail("book.compound.needs_list", *path, word, word=word)
    if word == "any" and not below:
        raise document.fail("book.compound.any_empty", *path, word)
    for i, part in enumerate(below):
        check_tree(document, part, names, (*path, word, i))


def leaves(tree, compounds: dict) -> set[str]:
    """The simple predicates that a tree or predicate id rests on."""
    if isinstance(tree, str):
        return leaves(compounds[tree], compounds) if tree in compounds else {tree}
    below = next(iter(tree.values()))
    return set().union(*(leaves(t, compounds) for t in ([below] if not isinstance(below, list) else below)))


def _refuse_circle(document, key: str, compounds: dict, above: tuple) -> None:
    if key in above:
        raise document.fail("book.compound.circle", key, key=key)
    for name in _named(compounds[key]):
        if name in compounds:
            _refuse_circle(document, name, compounds, (*above, key))


def _named(tree) -> set[str]:
    if isinstance(tree, str):
        return {tree}
    below = next(iter(tree.values()))
    return set().union(*(_named(t) for t in (below if isinstance(below, list) else [below])))
