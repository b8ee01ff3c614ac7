"""A written review, read again so that it can be explained later."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pandas as pd

from onemap.book.rulebook import load_rulebook
from onemap.errors import InputError
from onemap.frames import NUMBERS
from onemap.present.record import FRAMES, LISTS, PARSED, SCHEMA
from onemap.review.review import Review


def read_review(path, book=None) -> Review:
    """The review that :func:`onemap.write_review` left in a folder, without geometry and blueprint.

    path : the folder or its ``review.json``; book : the rule book's folder when it is not the packaged one.
    Raises ``InputError`` when there is no review, or when the rule book is not the one that it was made with: an
    explanation by other rules would be none.
    """
    file = Path(path) / "review.json" if Path(path).is_dir() else Path(path)
    if not file.is_file():
        raise InputError("present.review.missing", where=str(path))
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        schema = record["schema"]
    except (ValueError, KeyError, TypeError) as broken:
        raise InputError("present.review.unreadable", where=str(file), broken=broken) from broken
    if schema != SCHEMA:
        raise InputError("present.review.other_kind", where=str(file), schema=schema, known=SCHEMA)
    rulebook = load_rulebook(record["as_of"], book, record["manifest"]["blueprint"]["dates"])
    if rulebook.version != record["rulebook"]["version"]:
        raise InputError(
            "present.review.other_book",
            where=str(file),
            made=record["rulebook"]["version"],
            known=rulebook.version,
        )
    frames = {name: _frame(record[name]) for name in FRAMES}
    overlaps = frames.pop("overlaps")
    return Review(
        as_of=date.fromisoformat(record["as_of"]),
        draw_overlaps=lambda: overlaps,
        rulebook=rulebook,
        blueprint=None,
        manifest=record["manifest"],
        **frames,
    )


def _frame(rows: list[dict]) -> pd.DataFrame:
    table = pd.DataFrame(rows, dtype=object)
    for column in table.columns:
        if column in LISTS:
            table[column] = ["|".join(v) if isinstance(v, list) else (v or "") for v in table[column]]
        elif column in PARSED:
            table[column] = [json.dumps(v, ensure_ascii=False) for v in table[column]]
        elif column.endswith(NUMBERS):
            table[column] = pd.to_numeric(table[column])
    return table
