"""Whether the conflicts that were found under one rule book on one day are those of another book or day.

Only where they may differ are they found again, for which the whole city must be read.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date

import pandas as pd

from onemap.blueprint.status import subject_rows
from onemap.book.dating import as_date
from onemap.errors import InputError

SAID = ["kind", "subject_a", "subject_b", "relation", "severity", "authority", "citations"]
SLIVERS = ("sliver_area", "sliver_width", "sliver_compactness")
LIMITS = ["valid_from", "valid_to"]


def conflict_day(rulebook) -> dict[str, str]:
    """Which day and rule book conflicts were found under, and a hash of all that the book says of them on that day."""
    matrix = rulebook.conflict_types
    subjects = {name: subject_rows(rulebook, name) for name in _subjects(rulebook)}
    law = [
        matrix[SAID].to_numpy(dtype=object).tolist(),
        [[name, name in rulebook.undetermined, rows] for name, rows in subjects.items()],
        [rulebook.threshold(name) for name in SLIVERS],
    ]
    text = json.dumps(law, ensure_ascii=False, default=str)
    return {
        "as_of": rulebook.as_of.isoformat(),
        "rulebook_version": rulebook.version,
        "law": hashlib.sha256(text.encode()).hexdigest()[:12],
    }


def conflicts_stand(blueprint, rulebook) -> bool:
    """Whether a blueprint's conflicts are those that the rule book's matrix would find on its day.

    They are where the book says the same of conflicts and no feature or source of the layers that it asks of begins or
    ceases to count between the two days. Of a stored blueprint only the dates of features are read.
    """
    held, asked = blueprint.manifest.get("conflicts") or {}, conflict_day(rulebook)
    if all(held.get(key) == asked[key] for key in ("as_of", "rulebook_version")):
        return True
    if held.get("law") != asked["law"]:
        return False
    first, last = sorted(date.fromisoformat(one["as_of"]) for one in (held, asked))
    layers = sorted({layer for name in _subjects(rulebook) for layer, _ in subject_rows(rulebook, name)})
    sources = blueprint.sources
    days = [sources.loc[sources["layer"].isin(layers), "valid_until"]]
    days += [column for _, column in _limits(blueprint, layers).items()]
    return first == last or not any(_turns(column, first, last) for column in days)


def _subjects(rulebook) -> list[str]:
    matrix = rulebook.conflict_types
    return sorted(set(matrix["subject_a"]) | set(matrix["subject_b"]))


def _limits(blueprint, layers: list[str]) -> pd.DataFrame:
    """From and until when the features of some layers count. columns : ``LIMITS``"""
    stored = blueprint.__dict__.get("stored")
    if "features" not in blueprint.__dict__ and hasattr(stored, "feature_columns"):
        return stored.feature_columns(layers, LIMITS)
    features = blueprint.features
    return features.loc[features["layer"].isin(layers), LIMITS]


def _turns(days: pd.Series, first: date, last: date) -> bool:
    """Whether any of the days is later than the first and not later than the last: what counts by it then changes."""
    for value in days.dropna().unique():
        try:
            if first < as_date(value) <= last:
                return True
        except InputError:
            continue  # unknown on every day
    return False
