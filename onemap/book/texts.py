"""What people read, by key, in Chinese and in English."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from onemap.book.reading import nearest, read_table
from onemap.errors import InputError
from onemap.messages import LANGUAGES, fill, placeholders


class Texts(Mapping):
    """A frozen mapping of text key to (zh, en) that fills placeholders when called.

    >>> Texts({"a.b": ("压占{area_m2:.1f}平方米", "overlaps {area_m2:.1f} m²")})("a.b", "en", area_m2=2)
    'overlaps 2.0 m²'
    """

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[str, tuple[str, str]]):
        self._items = dict(items)

    def __getitem__(self, key: str) -> tuple[str, str]:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __call__(self, key: str, lang: str = "zh", **values) -> str:
        if lang not in LANGUAGES:
            raise InputError("house.language.unknown", lang=lang, known=LANGUAGES)
        if key not in self._items:
            raise KeyError(f"no text '{key}'; {nearest(key, self._items)}")
        return fill(self._items[key][LANGUAGES.index(lang)], values)

    def get(self, key: str, lang: str = "zh", default: str = "") -> str:
        """The unfilled text of a key, or the default."""
        return self._items[key][LANGUAGES.index(lang)] if key in self._items else default


def load_texts(folder: Path) -> Texts:
    """All ``texts/*.csv`` of a book: columns key, zh, en.

    Raises InputError for a repeated key, a missing language, or placeholders that differ between languages.
    """
    found: dict[str, tuple[str, str]] = {}
    first: dict[str, str] = {}
    for path in sorted(Path(folder).glob("*.csv")):
        for row in read_table(path, ("key", "zh", "en")).rows:
            key = row["key"]
            if not key:
                raise row.fail("book.text.no_key")
            if key in first:
                raise row.fail("book.text.twice", key=key, first=first[key])
            for lang in LANGUAGES:
                if not row[lang]:
                    raise row.fail("book.text.one_language", key=key, column=lang)
            try:
                names = [placeholders(row[lang]) for lang in LANGUAGES]
            except ValueError as error:
                raise row.fail("book.text.placeholder", key=key, error=error) from error
            if names[0] != names[1]:
                differ = ", ".join(sorted(names[0] ^ names[1]))
                raise row.fail("book.text.placeholders_differ", key=key, differ=differ)
            first[key] = row.where
            found[key] = (row["zh"], row["en"])
    return Texts(found)


def merge(texts: Iterable[Texts]) -> Texts:
    """Texts of several books, later ones before earlier ones."""
    found: dict[str, tuple[str, str]] = {}
    for part in texts:
        found.update(part)
    return Texts(found)
