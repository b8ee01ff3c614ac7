"""Which departments disagree where: conflicts by pair, ranked, with what each side says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np

from onemap.book.rulebook import load_rulebook
from onemap.book.words import (
    Words,
    blank,
    class_title,
    day_of,
    departments,
    layer_title,
    say,
    split,
    text_of,
    words_of,
)
from onemap.present.blocks import Table


class Pair(NamedTuple):
    """Two departments and the conflicts between their layers, the most pressing first."""

    departments: tuple[str, str]
    conflicts: gpd.GeoDataFrame


def pack_words(thing: Any, lang: str = "zh", rulebook: Any = None) -> Words:
    """The words of a review's rule book; for a blueprint those of the given or the packaged book of its day."""
    words = words_of(thing, lang)
    if words.rulebook is not None:
        return words
    book = rulebook or load_rulebook(day_of(thing), dates=thing.manifest.get("dates"))
    return replace(words, rulebook=book, texts=book.texts, catalogue=book.catalogue)


def pairs_of(thing: Any, words: Words) -> list[Pair]:
    """Conflicts by pair of departments, ranked by the projects they block, then by area; slivers come last.

    conflicts gain the columns projects (ids joined by ``|``; only those that lose more than the least area that
    counts) and project_count. The pair that blocks most comes first.
    """
    blueprint = getattr(thing, "blueprint", thing)
    table = blueprint.conflicts.copy()
    blocked = _blocked(thing, words)
    table["projects"] = [blocked.get(one, "") for one in table["conflict_id"]]
    table["project_count"] = [len(split(one)) for one in table["projects"]]
    table["sliver"] = table["sliver"].astype(bool)
    names = words.catalogue.layers["authority_zh"]
    keys = [
        tuple(sorted(text_of(names.get(one)) for one in pair))
        for pair in zip(table["layer_a"], table["layer_b"], strict=True)
    ]
    order = np.lexsort((table["conflict_id"], -table["area_m2"], -table["project_count"], table["sliver"]))
    found: dict[tuple[str, str], list[int]] = {}
    for at in order:
        found.setdefault(keys[at], []).append(at)
    pairs = [Pair(key, table.iloc[rows].reset_index(drop=True)) for key, rows in found.items()]
    return sorted(
        pairs, key=lambda pair: (-len(projects_of(pair)), -pair.conflicts["area_m2"].sum(), pair.departments)
    )


def pair_title(pair: Pair, words: Words) -> str:
    """Both departments, or the one within which the layers disagree."""
    a, b = (departments(words, one) or "—" for one in pair.departments)
    return say(words, "pack.within", name=a) if a == b else say(words, "pack.between", a=a, b=b)


def statements(blueprint: Any, words: Words, conflict: Any) -> Table:
    """What both plans say at the place, side by side."""
    sides = [statement(blueprint, words, conflict, side) for side in ("a", "b")]
    names = ("authority", "class", "name", "document", "days", "data_date", "source")
    rows = [[say(words, f"pack.{name}"), *(side[name] or "—" for side in sides)] for name in names]
    heads = [say(words, "pack.statement"), *(side["layer"] for side in sides)]
    return Table("", heads, rows, [1, 2.4, 2.4])


def statement(blueprint: Any, words: Words, conflict: Any, side: str) -> dict[str, str]:
    layer = text_of(getattr(conflict, f"layer_{side}"))
    feature = _feature(blueprint, getattr(conflict, f"feature_{side}"))
    layers = words.catalogue.layers
    said = class_title(words, layer, getattr(conflict, f"class_{side}"), feature.get("class_name"))
    if not said and not feature:
        said = say(words, "pack.silent")
    days = "–".join(text_of(feature.get(one)) for one in ("valid_from", "valid_to")).strip("–")
    dated = blueprint.sources.loc[blueprint.sources["layer"] == layer, "data_date"]
    return {
        "layer": layer_title(words, layer),
        "authority": departments(words, layers["authority_zh"].get(layer)),
        "class": said,
        "name": text_of(feature.get("name")),
        "document": text_of(feature.get("document_no")),
        "days": days,
        "data_date": text_of(dated.iloc[0]) if len(dated) else "",
        "source": " #".join(text_of(feature[one]) for one in ("source", "source_fid")) if feature else "",
    }


def _feature(blueprint: Any, feature_id: Any) -> dict[str, Any]:
    if blank(feature_id):
        return {}
    found = blueprint.features[blueprint.features["feature_id"] == feature_id]
    return found.iloc[0].drop("geometry").to_dict() if len(found) else {}


def projects_of(pair: Pair) -> list[str]:
    real = pair.conflicts[~pair.conflicts["sliver"]]
    return sorted({one for cell in real["projects"] for one in split(cell)})


def _blocked(thing: Any, words: Words) -> dict[str, str]:
    if not hasattr(thing, "decisions"):
        return {}
    least = words.rulebook.threshold("hit_min_area")
    sums = thing.conflicts.groupby(["conflict_id", "project_id"])["area_m2"].sum()
    hits = sums[sums > least].reset_index()
    return hits.groupby("conflict_id")["project_id"].agg(lambda ids: "|".join(sorted(set(ids)))).to_dict()
