"""The language that this run speaks, and the texts of the command line in it."""

from __future__ import annotations

import os
import sys

from onemap.book.location import layers_path
from onemap.book.texts import load_texts
from onemap.errors import InputError, set_language
from onemap.messages import LANGUAGES


def _language() -> str:
    given = sys.argv[sys.argv.index("--lang") + 1 :][:1] if "--lang" in sys.argv else []
    given += [a.removeprefix("--lang=") for a in sys.argv if a.startswith("--lang=")]
    wanted = (given or [os.environ.get("ONEMAP_LANG", LANGUAGES[0])])[0]
    return wanted if wanted in LANGUAGES else LANGUAGES[0]


LANG = _language()
set_language(LANG)
os.environ["ONEMAP_LANG"] = LANG  # workers speak it too
try:
    TEXTS = load_texts(layers_path() / "texts")
except InputError as error:  # the texts are the bureau's to edit: a mistake there is told like any other
    raise SystemExit(f"layers/texts: {error}") from None


def t(key: str, **values) -> str:
    """A text of ``layers/texts/cli.csv``, its values filled in."""
    return TEXTS(f"cli.{key}", LANG, **values)
