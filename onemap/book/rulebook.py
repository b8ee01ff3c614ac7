"""The rulebook: the law as data, as it stood on one day."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from onemap.book.catalogue import Catalogue, book_folder, book_header, fingerprint, load_catalogue
from onemap.book.dating import as_date, in_force, optional_date
from onemap.book.decisions import DecisionRule, decisions_in_force, read_decisions, read_routes
from onemap.book.duties import check_duties
from onemap.book.laws import ARTICLE_COLUMNS, INSTRUMENT_COLUMNS, read_laws
from onemap.book.reading import Row, nearest
from onemap.book.tables import (
    COLUMNS,
    OPTIONAL,
    Book,
    check_compounds,
    check_parameters,
    check_predicates,
    check_subjects,
    read_dates,
)
from onemap.book.texts import Texts
from onemap.errors import InputError
from onemap.messages import spoken


@dataclass(frozen=True, eq=False)
class Rulebook:
    """Everything of a book that is in force on ``as_of``.

    ``timeline`` keeps the rows of all days; ``gaps`` (table, id, note) lists what the book declares not to
    know on that day. A predicate whose parameter is in a gap has the threshold NaN and is unknown.
    """

    as_of: date
    path: Path
    version: str
    catalogue: Catalogue
    name: dict[str, str]
    subjects: pd.DataFrame
    undetermined: frozenset[str]
    predicates: pd.DataFrame
    compounds: dict[str, object]
    parameters: pd.DataFrame
    rules: pd.DataFrame
    conditions: pd.DataFrame
    evaluations: pd.DataFrame
    conflict_types: pd.DataFrame
    routes: pd.DataFrame
    decisions: tuple[DecisionRule, ...]
    laws: pd.DataFrame
    articles: pd.DataFrame
    dates: dict[str, date | None]
    texts: Texts
    timeline: dict[str, pd.DataFrame]
    gaps: pd.DataFrame
    notes: tuple[str, ...] = ()

    def threshold(self, parameter_id: str) -> float:
        """The value of a parameter on the day; an InputError where it has none."""
        if parameter_id not in self.parameters.index:
            raise InputError(
                "book.parameter.no_value",
                where=str(self.path.name),
                mend=nearest(parameter_id, self.parameters.index),
                parameter_id=parameter_id,
                as_of=self.as_of,
            )
        return float(self.parameters.at[parameter_id, "value"])

    def text(self, key: str, lang: str = "zh", **values) -> str:
        """A text in a language with its placeholders filled; an unknown key is a KeyError."""
        return self.texts(key, lang, **values)

    def _repr_html_(self) -> str:
        from onemap.book.readable import drawn
        from onemap.book.words import Words, listed, say, subject_title

        words = Words(spoken(), self.texts, self.catalogue, self)
        parts = ("rules", "conditions", "evaluations", "conflict_types", "decisions", "parameters")
        table = pd.DataFrame(
            {
                "part": [say(words, f"shown.rulebook.{part}") for part in parts],
                "in_force": [len(getattr(self, part)) for part in parts],
            }
        )
        head = {"name": self.name[words.lang], "as_of": self.as_of, "version": self.version}
        told = drawn(words, "shown.rulebook", table, **head)
        if not self.undetermined:
            return told
        subjects = listed(words, (subject_title(words, one) for one in sorted(self.undetermined)))
        return told + f"<p>{html.escape(say(words, 'shown.rulebook.undetermined', subjects=subjects))}</p>"


def load_rulebook(
    as_of: str | date, path: str | Path | None = None, dates: Mapping[str, str | date] | None = None
) -> Rulebook:
    """The book as it stands on a day, every reference checked.

    ``dates`` gives or overrides named dates of ``dates.csv``. Raises InputError with ``file:line`` and the
    nearest valid name for whatever is unknown, repeated, undated, uncited or not in force.

    >>> book = load_rulebook("2024-03-01")
    >>> book.threshold("road_control_national")
    20.0
    """
    as_of = as_date(as_of, "as_of")
    folder = book_folder(path)
    catalogue = load_catalogue(folder)
    book, rules = _read(folder, catalogue, dates)
    if as_of < book.begins:
        raise InputError(
            "book.as_of.too_early", where=book_header(folder).where("begins"), as_of=as_of, begins=book.begins
        )
    subjects, undetermined = _subjects(book, as_of)
    parameters = _in_force(book.rows["parameters"], COLUMNS["parameters"], as_of)
    parameters["value"] = parameters["value"].astype(float)
    parameters = parameters.set_index("parameter_id")
    header = book_header(folder).data
    return Rulebook(
        as_of=as_of,
        path=folder,
        version=fingerprint(folder, "|".join(f"{k}={v}" for k, v in sorted(book.dates.items()))),
        catalogue=catalogue,
        name={"zh": header["name_zh"], "en": header["name_en"]},
        subjects=subjects,
        undetermined=undetermined,
        predicates=_predicates(book, parameters),
        compounds=book.compounds,
        parameters=parameters,
        rules=_in_force(book.rows["rules"], COLUMNS["rules"], as_of),
        conditions=_in_force(book.rows["conditions"], COLUMNS["conditions"], as_of),
        evaluations=_in_force(
            book.rows["evaluations"], [*COLUMNS["evaluations"], *OPTIONAL["evaluations"]], as_of
        ),
        conflict_types=_in_force(book.rows["conflicts"], COLUMNS["conflicts"], as_of),
        routes=_routes(book),
        decisions=decisions_in_force(rules, as_of),
        laws=_table(book.laws.values(), INSTRUMENT_COLUMNS).set_index("law_id"),
        articles=_table(book.articles.values(), ["citation", *ARTICLE_COLUMNS]).set_index("citation"),
        dates=book.dates,
        texts=catalogue.texts,
        timeline={
            **{
                name: _table(book.rows[name], COLUMNS[name])
                for name in ("parameters", "rules", "conditions", "conflicts")
            },
            "decisions": pd.DataFrame([vars(rule) for rule in rules], dtype=object),
        },
        gaps=_gaps(book, as_of),
        notes=(*catalogue.notes, *book.notes),
    )


def _read(folder: Path, catalogue: Catalogue, dates: Mapping | None) -> tuple[Book, list[DecisionRule]]:
    header = book_header(folder)
    begins = as_date(header.data["begins"], header.where("begins"))
    notes: list[str] = []
    book = Book(folder, catalogue, begins, read_dates(folder, dict(dates or {}), notes), notes=notes)
    book.laws, book.articles = read_laws(folder, book.dates, notes)
    check_parameters(book)
    check_subjects(book)
    check_predicates(book)
    check_compounds(book)
    check_duties(book)
    read_routes(book)
    return book, read_decisions(book)


def _table(rows: Iterable[Row], columns: list[str]) -> pd.DataFrame:
    rows = list(rows)
    data = {c: pd.Series([row.get(c, "") for row in rows], dtype=object) for c in columns}
    for name, place in (("valid_from", 0), ("valid_to", 1)):
        if name in data:
            data[name] = pd.Series([row.interval[place] for row in rows], dtype=object)
    if "checked_on" in data:
        data["checked_on"] = pd.Series(
            [optional_date(row["checked_on"], row.where) for row in rows], dtype=object
        )
    data["line"] = pd.Series([row.where for row in rows], dtype=object)
    return pd.DataFrame(data)


def _in_force(rows: Iterable[Row], columns: list[str], as_of: date) -> pd.DataFrame:
    return _table([row for row in rows if not row.gap and in_force(*row.interval, as_of)], columns)


def _gaps(book: Book, as_of: date) -> pd.DataFrame:
    found = [
        (name, row[COLUMNS[name][0]], row["note"])
        for name in ("parameters", "subjects", "rules", "conditions", "evaluations", "conflicts")
        for row in book.rows[name]
        if row.gap and in_force(*row.interval, as_of) is not False
    ]
    return pd.DataFrame(found, columns=["table", "id", "note"], dtype=object)


def _subjects(book: Book, as_of: date) -> tuple[pd.DataFrame, frozenset[str]]:
    kept, undetermined = [], set()
    for row in book.rows["subjects"]:
        state = in_force(*row.interval, as_of)
        if state is not False and not row.gap:
            kept.append((row["subject_id"], row["layer"], row["where"]))
        if state is None:
            undetermined.add(row["subject_id"])
    kept += [(layer, layer, "") for layer in book.catalogue.layers.index]
    return pd.DataFrame(kept, columns=["subject_id", "layer", "where"], dtype=object), frozenset(undetermined)


def _predicates(book: Book, parameters: pd.DataFrame) -> pd.DataFrame:
    columns = COLUMNS["predicates"]
    found = _table(book.predicates.values(), columns)
    values = parameters["value"].to_dict()
    units = {row["parameter_id"]: row["unit"] for row in book.rows["parameters"] if row["unit"]}
    found["threshold"] = [values.get(p, float("nan")) for p in found["parameter"]]
    found["unit"] = [units.get(p, "") for p in found["parameter"]]
    return found.set_index("predicate_id")


def _routes(book: Book) -> pd.DataFrame:
    found = _table(book.rows["routes"], COLUMNS["routes"])
    found["severity"] = found["severity"].astype(int)
    return found.sort_values("severity").set_index("route")
