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
        raise InputError(
            "no review here", where=str(path), mend="make one with: onemap review SITES -b BLUEPRINT -o OUT"
        )
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        schema = record["schema"]
    except (ValueError, KeyError, TypeError) as broken:
        raise InputError(
            f"not a review: {broken}", where=str(file), mend="give the folder of a review"
        ) from broken
    if schema != SCHEMA:
        raise InputError(
            f"a review of another kind: {schema}", where=str(file), mend=f"this version reads {SCHEMA}"
        )
    rulebook = load_rulebook(record["as_of"], book, record["manifest"]["blueprint"]["dates"])
    if rulebook.version != record["rulebook"]["version"]:
        raise InputError(
            f"made with rule book {record['rulebook']['version']}, this one is {rulebook.version}",
            where=str(file),
            mend="give that rule book with --book, or review again",
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
