"""The conflict pack for a coordination meeting: by pair of departments, a page for each conflict that matters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np

from onemap.book.rulebook import load_rulebook
from onemap.errors import InputError
from onemap.present import paper
from onemap.present.blocks import Table
from onemap.present.cards import conflict_title
from onemap.present.files import write_bytes
from onemap.present.picture import draw_picture
from onemap.present.plots import conflict_matrix
from onemap.present.scene import Overlay, Scene, compose, marked
from onemap.present.sizes import union_area
from onemap.present.words import (
    MU_PER_SQM,
    SQM_PER_HECTARE,
    Words,
    area,
    blank,
    class_title,
    clauses,
    count,
    departments,
    described,
    label,
    layer_title,
    listed,
    number,
    say,
    split,
    text_of,
    words_of,
)
from onemap.present.workbook import book_bytes

LEAST_MARGIN_M, MARGIN = 120.0, 0.5
PICTURE_CM, MATRIX_CM = 15.0, 16.6
MOST_ARTICLE_SIGNS, MOST_ARTICLES = 110, 3
MOST_PROJECTS = 6


class Pair(NamedTuple):
    """Two departments and the conflicts between their layers, the most pressing first."""

    departments: tuple[str, str]
    conflicts: gpd.GeoDataFrame


def write_conflict_pack(
    thing: Any, folder: str | Path, lang: str = "zh", top: int = 5, rulebook: Any = None
) -> dict[str, Path]:
    """Write conflicts.docx (a page per conflict, ``top`` per pair of departments) and conflicts.xlsx (all of them).

    thing : a Review, or a Blueprint, which knows no projects; rulebook : whose clauses to print for a blueprint,
    the packaged one of its day unless given. Same input, same bytes. Raises InputError for a ``top`` below 1.
    """
    if top < 1:
        raise InputError(f"top is {top}", mend="at least one page for each pair")
    folder = Path(folder)
    words = pack_words(thing, lang, rulebook)
    return {
        "conflicts.docx": write_bytes(folder / "conflicts.docx", pack_document(thing, words, top)),
        "conflicts.xlsx": write_bytes(folder / "conflicts.xlsx", pack_workbook(thing, words)),
    }


def pack_words(thing: Any, lang: str = "zh", rulebook: Any = None) -> Words:
    """The words of a review's rule book; for a blueprint those of the given or the packaged book of its day."""
    words = words_of(thing, lang)
    if words.rulebook is not None:
        return words
    book = rulebook or load_rulebook(_day(thing), dates=thing.manifest.get("dates"))
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
        pairs, key=lambda pair: (-len(_projects(pair)), -pair.conflicts["area_m2"].sum(), pair.departments)
    )


def pack_document(thing: Any, words: Words, top: int = 5) -> bytes:
    """The pack as the bytes of a .docx file: an overview, then one page for each conflict that is no sliver."""
    blueprint, pairs = getattr(thing, "blueprint", thing), pairs_of(thing, words)
    title = say(words, "pack.title")
    document = paper.blank_paper(
        f"{say(words, 'report.head', title=title, subtitle=say(words, 'report.subtitle'))} · "
    )
    paper.line(document, title, "Title")
    paper.line(document, say(words, "report.subtitle"), "Subtitle")
    paper.line(document, text_of(blueprint.manifest.get("name")), "Subtitle")
    versions = {"as_of": _day(thing), "blueprint": blueprint.version, "rulebook": words.rulebook.version}
    paper.line(document, say(words, "report.as_of", **versions), paper.CENTRED)
    paper.heading(document, say(words, "pack.overview"))
    paper.line(document, say(words, "pack.order", top=top))
    if pairs:
        paper.table(document, overview(pairs, words, top))
        paper.picture(document, conflict_matrix(blueprint.conflicts, words).png(150), MATRIX_CM)
    else:
        paper.line(document, say(words, "pack.none"))
    for pair in pairs:
        shown = pair.conflicts[~pair.conflicts["sliver"]].head(top)
        for place, conflict in enumerate(shown.itertuples(), start=1):
            _page(document, thing, words, pair, conflict, place, len(shown))
    return paper.paper_bytes(document, title, say(words, "report.subtitle"), _day(thing))


def overview(pairs: list[Pair], words: Words, top: int) -> Table:
    """One row per pair of departments: conflicts, hectares (land in several of them once), slivers, projects, pages."""
    rows = []
    for pair in pairs:
        real = pair.conflicts[~pair.conflicts["sliver"]]
        rows.append(
            [
                pair_title(pair, words),
                count(len(real)),
                number(union_area(real.geometry.to_numpy(), real.crs) / SQM_PER_HECTARE, 4),
                count(len(pair.conflicts) - len(real)),
                _listed(words, _projects(pair)) or "—",
                count(min(len(real), top)),
            ]
        )
    heads = ("pair", "conflicts", "ha", "slivers", "projects", "pages")
    return Table("", [say(words, f"pack.{one}") for one in heads], rows, [2.6, 0.8, 1.1, 0.8, 3, 0.7])


def pair_title(pair: Pair, words: Words) -> str:
    """Both departments, or the one within which the layers disagree."""
    a, b = (departments(words, one) or "—" for one in pair.departments)
    return say(words, "pack.within", name=a) if a == b else say(words, "pack.between", a=a, b=b)


def _page(document: Any, thing: Any, words: Words, pair: Pair, conflict: Any, place: int, of: int) -> None:
    head = say(words, "pack.page", pair=pair_title(pair, words), place=place, of=of)
    paper.page_break(document)
    paper.heading(document, head)
    line = {
        "title": conflict_title(words, conflict.kind),
        "severity": label(words, "severity", conflict.severity),
        "area": area(words, conflict.area_m2),
        "id": text_of(conflict.conflict_id),
    }
    paper.line(document, say(words, "pack.line", **line), paper.CAPTION)
    paper.picture(document, draw_picture(conflict_scene(thing, conflict, words), dpi=140), PICTURE_CM)
    blueprint = getattr(thing, "blueprint", thing)
    paper.table(document, statements(blueprint, words, conflict))
    paper.table(document, matter(thing, words, conflict), first_strong=True)


def statements(blueprint: Any, words: Words, conflict: Any) -> Table:
    """What both plans say at the place, side by side."""
    sides = [_statement(blueprint, words, conflict, side) for side in ("a", "b")]
    names = ("authority", "class", "name", "document", "days", "data_date", "source")
    rows = [[say(words, f"pack.{name}"), *(side[name] or "—" for side in sides)] for name in names]
    heads = [say(words, "pack.statement"), *(side["layer"] for side in sides)]
    return Table("", heads, rows, [1, 2.4, 2.4])


def matter(thing: Any, words: Words, conflict: Any) -> Table:
    """What is at stake and proposed, with room for what the meeting decides."""
    row = conflict._asdict()
    rows = [
        ["projects", _blocked_names(thing, words, conflict)],
        ["proposal", described(words, conflict.proposal, row, text_of(conflict.proposal))],
        ["lead", departments(words, conflict.authority)],
        ["clauses", clauses(words, conflict.citations) or text_of(conflict.citations)],
        ["articles", "\n".join(_articles(words, conflict.citations))],
        ["decision", "\n\n"],
        ["sign", ""],
    ]
    return Table(
        "", [], [[say(words, f"pack.{key}"), value or "—" * (key != "sign")] for key, value in rows], [1, 4.8]
    )


def conflict_scene(thing: Any, conflict: Any, words: Words) -> Scene:
    """The surroundings of one conflict, the conflict itself outlined in black."""
    left, bottom, right, top = conflict.geometry.bounds
    margin = max(LEAST_MARGIN_M, MARGIN * float(np.hypot(right - left, top - bottom)))
    window = (left - margin, bottom - margin, right + margin, top + margin)
    scene = compose(thing, None, words.lang, window=window, told=False)
    overlays = [_clipped(one, window) if one.id == "sites" else one for one in scene.overlays]
    overlays = [one for one in overlays if len(one.pieces)]
    return marked(scene._replace(overlays=overlays), conflict.geometry, "this")


def _clipped(overlay: Overlay, window: tuple[float, float, float, float]) -> Overlay:
    pieces = overlay.pieces.clip(window, keep_geom_type=True).sort_index()
    return overlay._replace(pieces=pieces[~pieces.geometry.is_empty])


def pack_workbook(thing: Any, words: Words) -> bytes:
    """All conflicts in the pack's order as the bytes of an .xlsx file, slivers too."""
    pairs = pairs_of(thing, words)
    parts = [
        (say(words, "pack.sheet.pairs"), PAIRS, _pair_rows(pairs, words)),
        (say(words, "pack.sheet.conflicts"), CONFLICTS, _conflict_rows(thing, pairs, words)),
    ]
    return book_bytes(parts, words, say(words, "pack.title"), _day(thing))


PAIRS = [
    ("pack.pair", "long"), ("pack.conflicts", "count"), ("area_m2", "m2"), ("area_ha", "ha"), ("area_mu", "mu"),
    ("pack.slivers", "count"), ("pack.blocked", "count"), ("pack.projects", "long"),
]  # fmt: skip
CONFLICTS = [
    ("pack.pair", "name"), ("pack.rank", "count"), ("pack.blocked", "count"), ("pack.projects", "name"),
    ("conflict_id", "name"), ("pack.kind", "long"), ("severity", "short"), ("pack.layer_a", "name"),
    ("pack.class_a", "name"), ("pack.document_a", "name"), ("pack.layer_b", "name"), ("pack.class_b", "name"),
    ("pack.document_b", "name"), ("area_m2", "m2"), ("area_ha", "ha"), ("area_mu", "mu"), ("sliver", "short"),
    ("pack.proposal", "long"), ("pack.lead", "name"), ("pack.clauses", "long"), ("pack.decision", "long"),
]  # fmt: skip


def _pair_rows(pairs: list[Pair], words: Words) -> Iterator[list[Any]]:
    for pair in pairs:
        real = pair.conflicts[~pair.conflicts["sliver"]]
        projects = _projects(pair)
        yield [
            pair_title(pair, words),
            len(real),
            *_sizes(union_area(real.geometry.to_numpy(), real.crs)),
            len(pair.conflicts) - len(real),
            len(projects),
            "|".join(projects),
        ]


def _conflict_rows(thing: Any, pairs: list[Pair], words: Words) -> Iterator[list[Any]]:
    blueprint = getattr(thing, "blueprint", thing)
    for pair in pairs:
        for rank, conflict in enumerate(pair.conflicts.itertuples(), start=1):
            a, b = (_statement(blueprint, words, conflict, side) for side in ("a", "b"))
            row = conflict._asdict()
            yield [
                pair_title(pair, words),
                rank,
                conflict.project_count,
                conflict.projects,
                conflict.conflict_id,
                conflict_title(words, conflict.kind),
                label(words, "severity", conflict.severity),
                *(side[name] for side in (a, b) for name in ("layer", "class", "document")),
                *_sizes(conflict.area_m2),
                say(words, "present.yes" if conflict.sliver else "present.no"),
                described(words, conflict.proposal, row, text_of(conflict.proposal)),
                departments(words, conflict.authority),
                clauses(words, conflict.citations),
                None,
            ]


def _sizes(area_m2: float) -> list[float]:
    return [area_m2, area_m2 / SQM_PER_HECTARE, area_m2 * MU_PER_SQM]


def _statement(blueprint: Any, words: Words, conflict: Any, side: str) -> dict[str, str]:
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


def _blocked(thing: Any, words: Words) -> dict[str, str]:
    if not hasattr(thing, "decisions"):
        return {}
    least = words.rulebook.threshold("hit_min_area")
    sums = thing.conflicts.groupby(["conflict_id", "project_id"])["area_m2"].sum()
    hits = sums[sums > least].reset_index()
    return hits.groupby("conflict_id")["project_id"].agg(lambda ids: "|".join(sorted(set(ids)))).to_dict()


def _projects(pair: Pair) -> list[str]:
    real = pair.conflicts[~pair.conflicts["sliver"]]
    return sorted({one for cell in real["projects"] for one in split(cell)})


def _blocked_names(thing: Any, words: Words, conflict: Any) -> str:
    if not hasattr(thing, "decisions"):
        return say(words, "pack.no_review")
    names = thing.decisions.set_index("project_id")
    shown = [
        f"{one} {text_of(names.at[one, 'project_name'])} ({label(words, 'verdict', names.at[one, 'verdict'])})"
        for one in split(conflict.projects)
    ]
    return _listed(words, shown)


def _listed(words: Words, names: list[str]) -> str:
    text = listed(words, names[:MOST_PROJECTS])
    more = len(names) - MOST_PROJECTS
    return text + say(words, "pack.more", count=more) if more > 0 else text


def _articles(words: Words, citations: Any) -> list[str]:
    lines, articles = [], words.rulebook.articles
    for one in split(citations)[:MOST_ARTICLES]:
        text = text_of(articles.at[one, f"text_{words.lang}"]) or text_of(articles.at[one, "text_zh"])
        text = text or say(words, "explain.article_unread")
        lines.append(text if len(text) <= MOST_ARTICLE_SIGNS else text[:MOST_ARTICLE_SIGNS] + "…")
    return lines


def _day(thing: Any) -> date:
    day = getattr(thing, "as_of", None)
    if day is None:
        manifest = thing.manifest
        day = manifest.get("conflicts", {}).get("as_of") or manifest["as_of"]
    return day if isinstance(day, date) else date.fromisoformat(day[:10])
