"""What a caller did wrong, said so that he can mend it."""

from __future__ import annotations

from onemap.messages import LANGUAGES, Message, speak


class InputError(Exception):
    """A mistake in what the user gave: says what, where, and how to mend it, in the language of ``set_language``.

    ``said`` is the :class:`onemap.messages.Message`: a key of ``layers/texts/messages_*.csv`` and its values, of which
    ``where`` goes before the sentence and ``mend`` (a message, or several) after it.

    >>> error = InputError("book.table.cells", where="rules.csv:4", cells=3, columns=5)
    >>> print(error)
    rules.csv:4：有 3 格，应为 5 列；含逗号的格须加引号
    >>> error.text("en")
    'rules.csv:4: 3 cells for 5 columns; quote cells that contain commas'
    """

    def __init__(self, key: str, /, **values):
        self.said = Message(key, **values)
        super().__init__(key)

    @property
    def where(self) -> str:
        """The file and line, or whatever place, that the error names."""
        return str(self.said.values.get("where", ""))

    def text(self, lang: str | None = None) -> str:
        """The sentence in a language, by default the one chosen for this process."""
        return self.said.text(lang)

    def __str__(self) -> str:
        return self.said.text()

    def __reduce__(self):
        return _rebuild, (type(self), self.said.key, self.said.values)


class CRSError(InputError):
    """Coordinates whose reference system is unknown, ambiguous or not reachable without parameters."""


def set_language(lang: str) -> None:
    """The language of errors in this process, zh or en; ``ONEMAP_LANG`` says it before the start.

    Raises InputError for any other.

    >>> set_language("zh")
    """
    if lang not in LANGUAGES:
        raise InputError("house.language.unknown", lang=lang, known=list(LANGUAGES))
    speak(lang)


def _rebuild(kind, key, values):
    return kind(key, **values)
