"""Which column of a file is which field: the workspace's word first, then the book's aliases."""

from __future__ import annotations

import re
from typing import NamedTuple

import pandas as pd

from onemap.book.reading import nearest
from onemap.errors import InputError
from onemap.land.raw import Raw
from onemap.land.values import text

FEATURE_FIELDS = [
    "class_code",
    "class_name",
    "name",
    "authority",
    "document_no",
    "valid_from",
    "valid_to",
    "law_status",
    "area",
]
PARCEL_FIELDS = [
    "parcel_id",
    "project_id",
    "project_name",
    "category",
    "use",
    "supply_mode",
    "project_level",
    "approval_type",
    "siting",
    "area",
]
_SHAPEFILE_NAME = 10


class Mapped(NamedTuple):
    """Canonical field → column, canonical field → unit, and the columns left over."""

    columns: dict[str, str]
    units: dict[str, str]
    rest: list[str]


def map_columns(
    layer: str,
    present: list[str],
    catalogue,
    overrides: dict[str, str] | None = None,
    basics=(),
    where: str = "",
    aliases: dict[str, str] | None = None,
) -> Mapped:
    """Columns of a file by canonical field, compared without regard to case and outer blanks.

    ``basics``: fields looked for beside those of the book; ``aliases``: other names of columns. Raises InputError for an override that names no column.
    """
    by_name: dict[str, str] = {}
    for column in present:
        by_name.setdefault(_plain(column), column)
    for column, alias in (aliases or {}).items():
        by_name.setdefault(_plain(alias), column)
    chosen: dict[str, str] = {}
    units: dict[str, str] = {}
    for field, column in (overrides or {}).items():
        found = by_name.get(_plain(column)) or by_name.get(_cut(column))
        if found is None:
            mend = nearest(column, present, 0.4)
            raise InputError("land.column.missing", where=where, mend=mend, column=column, field=field)
        chosen[field] = found
    taken = set(chosen.values())
    for own in (layer, "*"):
        for row in _rows(catalogue, own):
            field = row["field"]
            units.setdefault(field, row.get("unit") or "")
            if field not in chosen and (column := _find(row["aliases"], by_name, taken)):
                chosen[field] = column
                taken.add(column)
    for field in basics:
        for words in (_site_words(catalogue, field), field):
            if field not in chosen and (column := _find(words, by_name, taken)):
                chosen[field] = column
                taken.add(column)
    return Mapped(chosen, units, [c for c in present if c not in taken])


def in_words(raw: Raw, mapped: Mapped, known=()) -> tuple[pd.DataFrame, list[str]]:
    """The rows with the coded values of mapped columns in words, and which fields that changed.

    ``known``: the class codes that need no words.
    """
    columns, changed = raw.columns, []
    for field, column in mapped.columns.items():
        words = raw.coded.get(column)
        if words:
            apart = {code: word for code, word in words.items() if field != "class_code" or code not in known}
            told = columns[column].map(lambda v, apart=apart: apart.get(text(v), v))
            if not told.equals(columns[column]):
                columns, changed = columns.assign(**{column: told}), [*changed, field]
    return columns, changed


def _rows(catalogue, layer: str) -> list[dict]:
    fields: pd.DataFrame = catalogue.fields
    return fields[fields["layer"] == layer].to_dict("records") if len(fields) else []


def _find(aliases: str, by_name: dict[str, str], taken: set[str]) -> str | None:
    for name_of in (_plain, _cut):
        for alias in str(aliases).split("|"):
            column = by_name.get(name_of(alias)) if alias.strip() else None
            if column is not None and column not in taken:
                return column
    return None


def _cut(name: str) -> str:
    """A name as a shapefile in GBK keeps it: ten bytes."""
    return _plain(name).encode("GB18030", "replace")[:_SHAPEFILE_NAME].decode("GB18030", "ignore")


def _site_words(catalogue, field: str) -> str:
    """The labels of a site's field, from the texts ``site.<field>``."""
    texts = getattr(catalogue, "texts", None)
    found = [texts.get(f"site.{field}", lang, "") for lang in ("zh", "en")] if texts is not None else []
    return "|".join(word for word in found if word)


def _plain(name: str) -> str:
    return re.sub(r"[\s\ufeff]+", "", str(name)).lower()
