"""Tables and YAML as strings that remember their lines.

No value is typed here: a land-use code such as 0701 must stay the four characters it is.
"""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from onemap.book.location import label
from onemap.errors import InputError
from onemap.messages import Message

try:
    from yaml import CBaseLoader as _Loader
except ImportError:
    from yaml import BaseLoader as _Loader


class Row(dict):
    """One table row, strings by column, that knows its ``where`` as ``file:line``."""

    where: str = ""

    def fail(self, key: str, /, **values) -> InputError:
        """The error that this row causes, with its place."""
        return InputError(key, where=self.where, **values)


@dataclass
class Table:
    """The rows of one CSV file, its columns and the encoding that read it."""

    path: Path
    columns: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    encoding: str = "utf-8"


@dataclass(frozen=True)
class Document:
    """A YAML file as dicts, lists and strings, with the line of every node by its path."""

    path: Path
    data: object
    lines: dict[tuple, int]

    def where(self, *path) -> str:
        """``file:line`` of the node at a path of keys and positions, or of its nearest parent."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{label(self.path)}:{self.lines.get(path, 1)}"

    def fail(self, key: str, /, *path, **values) -> InputError:
        """The error that the node at a path causes, with its place."""
        return InputError(key, where=self.where(*path), **values)


def nearest(word: str, valid: Iterable[str], alike: float = 0.5) -> Message | None:
    """How to mend a misspelt word: the closest valid one, or the whole list if it is short.

    >>> nearest("pth", ["path", "layer"]).text("en")
    "did you mean 'path'?"
    >>> nearest("x", ["path", "layer"]).text("en")
    'valid: layer, path'
    """
    valid = sorted({str(v) for v in valid})
    close = difflib.get_close_matches(str(word), valid, n=1, cutoff=alike)
    if close:
        return Message("house.did_you_mean", word=close[0])
    if len(valid) > 20:
        return Message("house.valid_and_more", words=valid[:20])
    return Message("house.valid", words=valid) if valid else None


def read_text(path: Path) -> tuple[str, str]:
    """A file's text and the encoding that read it: UTF-8 with or without mark, else GB18030."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError("book.file.unreadable", where=label(path), mend=str(error.strerror)) from error
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise InputError("book.file.encoding", where=label(path))


def read_table(path: Path, required: Iterable[str], optional: Iterable[str] = ()) -> Table:
    """A CSV file as rows of stripped strings; absent optional columns read as ''.

    Raises InputError with ``file:line`` for unknown, missing or repeated columns and ragged rows.
    """
    required, optional = list(required), list(optional)
    text, encoding = read_text(path)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    table, start = Table(Path(path), encoding=encoding), 1
    name = label(path)
    try:
        for cells in reader:
            where, start = f"{name}:{start}", reader.line_num + 1
            cells = [cell.strip() for cell in cells]
            if not any(cells):
                continue
            if not table.columns:
                _check_header(cells, required, optional, where)
                table.columns = cells
                continue
            if len(cells) != len(table.columns):
                raise InputError(
                    "book.table.cells", where=where, cells=len(cells), columns=len(table.columns)
                )
            row = Row(dict.fromkeys(optional, ""))
            row.update(zip(table.columns, cells, strict=True))
            row.where = where
            table.rows.append(row)
    except csv.Error as error:
        raise InputError("book.table.not_csv", where=f"{name}:{start}", error=error) from error
    if not table.columns:
        raise InputError(
            "book.table.no_header", where=f"{name}:1", mend=Message("book.table.columns", columns=required)
        )
    return table


def _check_header(cells: list[str], required: list[str], optional: list[str], where: str) -> None:
    seen: set[str] = set()
    for cell in cells:
        if cell in seen:
            raise InputError("book.column.twice", where=where, column=cell)
        if cell not in required and cell not in optional:
            raise InputError(
                "book.column.unknown", where=where, mend=nearest(cell, required + optional), column=cell
            )
        seen.add(cell)
    missing = [c for c in required if c not in seen]
    if missing:
        raise InputError(
            "book.column.missing",
            where=where,
            mend=Message("book.table.columns", columns=required),
            column=missing[0],
        )


def unique(rows: Iterable[Row], column: str) -> dict[str, Row]:
    """Rows by their id; a blank or repeated id is refused."""
    found: dict[str, Row] = {}
    for row in rows:
        key = row[column]
        if not key:
            raise row.fail("book.cell.blank", column=column)
        if key in found:
            raise row.fail("book.id.twice", column=column, key=key, first=found[key].where)
        found[key] = row
    return found


def read_yaml(path: Path) -> Document:
    """A YAML file with every scalar a string and the line of every node.

    Raises InputError with ``file:line`` for broken YAML, repeated keys and references to oneself.
    """
    text, _ = read_text(path)
    name = label(path)
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InputError("book.yaml.broken", where=f"{name}:{line}", problem=error.problem) from error
    except yaml.YAMLError as error:
        raise InputError("book.yaml.broken", where=f"{name}:1", problem=error) from error
    lines: dict[tuple, int] = {}
    data = _plain(node, (), lines, name, ()) if node is not None else {}
    return Document(Path(path), data, lines)


def _plain(node, path: tuple, lines: dict[tuple, int], name: str, parents: tuple):
    line = node.start_mark.line + 1
    lines[path] = line
    if id(node) in parents:
        raise InputError("book.yaml.circle", where=f"{name}:{line}")
    parents = (*parents, id(node))
    if isinstance(node, yaml.ScalarNode):
        return node.value
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*path, i), lines, name, parents) for i, item in enumerate(node.value)]
    found: dict[str, object] = {}
    for key_node, value_node in node.value:
        where = f"{name}:{key_node.start_mark.line + 1}"
        if not isinstance(key_node, yaml.ScalarNode):
            raise InputError("book.yaml.key_not_a_word", where=where)
        key = key_node.value
        if key in found:
            raise InputError("book.yaml.key_twice", where=where, key=key, line=lines[*path, key])
        found[key] = _plain(value_node, (*path, key), lines, name, parents)
        lines[(*path, key)] = key_node.start_mark.line + 1
    return found
