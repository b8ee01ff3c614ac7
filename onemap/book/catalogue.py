"""The catalogue: which layers exist, what their columns are called, and what their codes mean."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from onemap.book.location import label, layers_path
from onemap.book.reading import Document, Row, Table, nearest, read_table, read_yaml, unique
from onemap.book.texts import Texts, load_texts, merge
from onemap.errors import InputError
from onemap.messages import Message, spoken

GROUPS = ("boundary", "spatial_plan", "control", "approval", "survey", "evaluation", "inform")
COMPLETENESS = ("partition", "presence")
MAJOR_CLASSES = ("construction", "agricultural", "unused", "sea", "non_construction", "")
UNITS = ("m", "m2", "ha", "mu", "km2", "share")

LAYER_COLUMNS = [
    "layer",
    "code",
    "name_zh",
    "name_en",
    "group",
    "completeness",
    "code_table",
    "precedence",
    "authority_zh",
    "authority_en",
    "default_class",
    "basis",
]
FIELD_COLUMNS = ["layer", "field", "aliases", "unit"]
CODE_COLUMNS = ["code", "name_zh", "name_en", "parent", "major_class", "basis", "checked_on"]
CROSSWALK_COLUMNS = ["from_table", "from_code", "to_table", "to_code", "ambiguous"]
EDITION_COLUMNS = ["table", "standard", "name_zh", "name_en", "basis", "checked_on"]
ENUMERATION_COLUMNS = ["field", "value", "labels"]
BOOK_KEYS = ("name_zh", "name_en", "begins", "base", "note")
FILES = [
    "book.yaml",
    "catalogue.csv",
    "fields.csv",
    "dates.csv",
    "parameters.csv",
    "subjects.csv",
    "predicates.csv",
    "compounds.yaml",
    "rules.csv",
    "conditions.csv",
    "evaluations.csv",
    "decisions.yaml",
    "routes.csv",
    "conflicts.csv",
    "enumerations.csv",
]
PARTS = ("codes", "laws", "texts")


@dataclass(frozen=True, eq=False)
class Catalogue:
    """What may lie on the map: layers (by id), their fields, code tables, enumerations and texts.

    ``editions``: by code table, the standard that those tables are which classify land as a whole.
    """

    path: Path
    version: str
    layers: pd.DataFrame
    fields: pd.DataFrame
    codes: dict[str, pd.DataFrame]
    enumerations: pd.DataFrame
    texts: Texts
    crosswalks: pd.DataFrame
    editions: pd.DataFrame
    notes: tuple[str, ...] = ()

    def _repr_html_(self) -> str:
        from onemap.book.readable import drawn
        from onemap.book.words import Words

        words = Words(spoken(), self.texts, self, None)
        name = self.layers[f"name_{words.lang}"].rename("name")
        table = name.to_frame().join(self.layers[["code", "group", "completeness", "code_table"]])
        table = table.rename_axis("layer_id").reset_index()
        return drawn(words, "shown.catalogue", table, version=self.version, layers=len(table))

    def major_class(self, table: str, code: str) -> str:
        """The major class of a code in its own standard ('' where unknown); a blank inherits its parent's."""
        codes = self.codes[table]
        while code in codes.index:
            if found := codes.at[code, "major_class"]:
                return found
            code = codes.at[code, "parent"]
        return ""


def load_catalogue(path: str | Path | None = None) -> Catalogue:
    """The catalogue of a book, by default of the packaged one.

    Layers by id with columns of ``catalogue.csv``; ``fields`` name each layer's columns and units.
    Raises InputError with ``file:line`` for anything unknown, repeated or missing.

    >>> load_catalogue().layers.loc["permanent_basic_farmland", "code"]
    'YJJBNT'
    """
    folder = book_folder(path)
    notes: list[str] = []
    layers = _layers(folder, notes)
    codes = _codes(folder, notes)
    for row in layers.values():
        if row["code_table"] and row["code_table"] not in codes:
            raise row.fail(
                "book.code_table.unknown",
                mend=nearest(row["code_table"], codes),
                code_table=row["code_table"],
            )
        if (
            row["default_class"]
            and row["code_table"]
            and row["default_class"] not in codes[row["code_table"]]
        ):
            raise row.fail(
                "book.default_class.unknown", default_class=row["default_class"], code_table=row["code_table"]
            )
    texts = book_texts(folder)
    return Catalogue(
        path=folder,
        version=fingerprint(folder),
        layers=_indexed(layers.values(), LAYER_COLUMNS, "layer"),
        fields=_frame(_fields(folder, layers, notes), FIELD_COLUMNS),
        codes={name: _indexed(rows.values(), CODE_COLUMNS, "code") for name, rows in codes.items()},
        enumerations=_frame(_enumerations(folder, texts, notes), ENUMERATION_COLUMNS),
        texts=texts,
        crosswalks=_frame(_crosswalks(folder, codes, notes), CROSSWALK_COLUMNS),
        editions=_indexed(_editions(folder, codes, notes), EDITION_COLUMNS, "table"),
        notes=tuple(notes),
    )


def book_folder(path: str | Path | None) -> Path:
    """The folder of a book, refused when it has no ``book.yaml`` or holds files that no book has."""
    folder = Path(path) if path is not None else layers_path()
    if not (folder / "book.yaml").is_file():
        raise InputError("book.folder.no_book", where=label(folder))
    for file in sorted(folder.iterdir()):
        if file.suffix in (".csv", ".yaml", ".yml") and file.name not in FILES:
            raise InputError(
                "book.file.unknown", where=label(file), mend=nearest(file.name, FILES), name=file.name
            )
    return folder


def book_header(folder: Path) -> Document:
    """``book.yaml`` with its keys checked."""
    document = read_yaml(folder / "book.yaml")
    if not isinstance(document.data, dict):
        raise document.fail("book.book_yaml.not_a_mapping", mend=Message("house.valid", words=BOOK_KEYS))
    for key, value in document.data.items():
        if key not in BOOK_KEYS:
            raise document.fail("book.key.unknown", key, mend=nearest(key, BOOK_KEYS), key=key)
        if not isinstance(value, str):
            raise document.fail("book.key.not_a_word", key, key=key)
    for key in ("name_zh", "name_en", "begins"):
        if not document.data.get(key):
            raise document.fail("book.key.missing", key=key)
    return document


def book_base(folder: Path) -> Path | None:
    """The book whose texts, enumerations and routes this one inherits; None for the packaged book."""
    document = book_header(folder)
    base = document.data.get("base", "")
    if base:
        found = (folder / base).resolve()
        if not (found / "book.yaml").is_file() or found == folder.resolve():
            raise document.fail("book.base.missing", "base", base=base)
        return found
    packaged = layers_path()
    return None if packaged.resolve() == folder.resolve() else packaged


def inherited(folder: Path, name: str) -> Path:
    """The nearest file of that name in the book or the books it builds upon."""
    while not (folder / name).is_file():
        base = book_base(folder)
        if base is None:
            break
        folder = base
    return folder / name


def book_texts(folder: Path) -> Texts:
    """The texts of a book over those of its base, over the packaged ones."""
    chain, seen = [folder], {folder.resolve()}
    while (base := book_base(chain[-1])) is not None:
        if base.resolve() in seen:
            raise book_header(chain[-1]).fail("book.base.circle", "base")
        chain.append(base)
        seen.add(base.resolve())
    return merge(load_texts(part / "texts") for part in reversed(chain))


def book_files(folder: Path) -> list[Path]:
    """The files that make up a book, in order; the sample town and the looks of maps are no part of it."""
    found = [folder / name for name in FILES] + [p for part in PARTS for p in (folder / part).glob("*.csv")]
    return sorted((p for p in found if p.is_file()), key=lambda p: p.relative_to(folder).as_posix())


def fingerprint(folder: Path, extra: str = "") -> str:
    """Twelve hex digits of the book's files, line endings aside."""
    digest = hashlib.sha256()
    for path in book_files(folder):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        digest.update(path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    digest.update(extra.encode())
    return digest.hexdigest()[:12]


def read_noted(path: Path, required: Iterable[str], optional: Iterable[str], notes: list[str]) -> Table:
    """A table, with a note when it was not UTF-8."""
    table = read_table(path, required, optional)
    if table.encoding == "gb18030":
        notes.append(str(Message("book.file.gb18030", name=label(path))))
    return table


def expect(row: Row, column: str, valid: Iterable[str]) -> None:
    """Refuse a word that the column does not know."""
    valid = tuple(valid)
    if row[column] not in valid:
        raise row.fail("book.word.unknown", mend=nearest(row[column], valid), column=column, word=row[column])


def _frame(rows: Iterable[Row], columns: list[str]) -> pd.DataFrame:
    rows = list(rows)
    return pd.DataFrame({c: pd.Series([row[c] for row in rows], dtype=object) for c in columns})


def _indexed(rows: Iterable[Row], columns: list[str], index: str) -> pd.DataFrame:
    return _frame(rows, columns).set_index(index)


def _layers(folder: Path, notes: list[str]) -> dict[str, Row]:
    rows = unique(read_noted(folder / "catalogue.csv", LAYER_COLUMNS, (), notes).rows, "layer")
    for row in rows.values():
        expect(row, "group", GROUPS)
        expect(row, "completeness", COMPLETENESS)
        for column in ("code", "name_zh", "name_en"):
            if not row[column]:
                raise row.fail("book.cell.blank", column=column)
        if row["precedence"] and not row["precedence"].isdigit():
            raise row.fail("book.precedence.not_whole", precedence=row["precedence"])
    unique(rows.values(), "code")
    return rows


def _fields(folder: Path, layers: dict[str, Row], notes: list[str]) -> list[Row]:
    if not (folder / "fields.csv").is_file():
        return []
    seen: dict[tuple, Row] = {}
    for row in read_noted(folder / "fields.csv", FIELD_COLUMNS, (), notes).rows:
        if row["layer"] != "*":
            expect(row, "layer", layers)
        if row["unit"]:
            expect(row, "unit", UNITS)
        if not row["field"]:
            raise row.fail("book.field.blank")
        if row["field"] == "area" and not row["unit"]:
            raise row.fail("book.area_unit.missing")
        if (first := seen.setdefault((row["layer"], row["field"]), row)) is not row:
            raise row.fail("book.field.twice", field=row["field"], layer=row["layer"], first=first.where)
    return list(seen.values())


def _codes(folder: Path, notes: list[str]) -> dict[str, dict[str, Row]]:
    tables = {}
    for path in sorted((folder / "codes").glob("*.csv")):
        if path.stem in ("crosswalks", "editions"):
            continue
        rows = unique(read_noted(path, CODE_COLUMNS, (), notes).rows, "code")
        for row in rows.values():
            expect(row, "major_class", MAJOR_CLASSES)
            if row["parent"]:
                expect(row, "parent", rows)
            if row["parent"] == row["code"]:
                raise row.fail("book.code.own_parent", code=row["code"])
            if not row["name_zh"]:
                raise row.fail("book.code.no_name")
        tables[path.stem] = rows
    return tables


def _editions(folder: Path, codes: dict[str, dict], notes: list[str]) -> list[Row]:
    path = folder / "codes" / "editions.csv"
    if not path.is_file():
        return []
    rows = unique(read_noted(path, EDITION_COLUMNS, (), notes).rows, "table")
    for row in rows.values():
        expect(row, "table", codes)
    return list(rows.values())


def _crosswalks(folder: Path, codes: dict[str, dict], notes: list[str]) -> list[Row]:
    path = folder / "codes" / "crosswalks.csv"
    if not path.is_file():
        return []
    rows = read_noted(path, CROSSWALK_COLUMNS, (), notes).rows
    targets: dict[tuple, set[str]] = {}
    for row in rows:
        for side in ("from", "to"):
            expect(row, f"{side}_table", codes)
            if row[f"{side}_code"] or side == "from":
                expect(row, f"{side}_code", codes[row[f"{side}_table"]])
        expect(row, "ambiguous", ("Y", "N"))
        key = (row["from_table"], row["from_code"], row["to_table"])
        if row["to_code"] in targets.setdefault(key, set()):
            raise row.fail("book.crosswalk.twice", from_code=row["from_code"], to_code=row["to_code"])
        targets[key].add(row["to_code"])
    for row in rows:
        several = len(targets[row["from_table"], row["from_code"], row["to_table"]]) > 1
        if (several or not row["to_code"]) and row["ambiguous"] == "N":
            raise row.fail("book.crosswalk.ambiguous", from_code=row["from_code"])
    return rows


def _enumerations(folder: Path, texts: Texts, notes: list[str]) -> list[Row]:
    rows = read_noted(inherited(folder, "enumerations.csv"), ENUMERATION_COLUMNS, (), notes).rows
    labels: dict[tuple, Row] = {}
    for row in rows:
        if f"{row['field']}.{row['value']}" not in texts:
            raise row.fail("book.enumeration.no_text", field=row["field"], value=row["value"])
        for word in {row["value"].lower(), *(w.strip().lower() for w in row["labels"].split("|"))} - {""}:
            if (first := labels.setdefault((row["field"], word), row)) is not row:
                raise row.fail("book.label.twice", word=word, field=row["field"], first=first.where)
    return rows
