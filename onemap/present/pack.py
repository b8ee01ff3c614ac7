"""The conflict pack for a coordination meeting: by pair of departments, a page for each conflict that matters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from onemap.book.words import (
    MU_PER_SQM,
    SQM_PER_HECTARE,
    Words,
    area,
    clauses,
    count,
    day_of,
    departments,
    described,
    label,
    listed,
    number,
    say,
    split,
    text_of,
)
from onemap.errors import InputError
from onemap.present import paper
from onemap.present.blocks import Table
from onemap.present.cards import conflict_title
from onemap.present.disputes import (
    Pair,
    pack_words,
    pair_title,
    pairs_of,
    projects_of,
    statement,
    statements,
)
from onemap.present.files import write_bytes
from onemap.present.picture import draw_picture
from onemap.present.plots import conflict_matrix
from onemap.present.scene import Overlay, Scene, compose, marked
from onemap.present.sizes import union_area
from onemap.present.workbook import book_bytes

LEAST_MARGIN_M, MARGIN = 120.0, 0.5
PICTURE_CM, MATRIX_CM = 15.0, 16.6
MOST_ARTICLE_SIGNS, MOST_ARTICLES = 110, 3
MOST_PROJECTS = 6


def write_conflict_pack(
    thing: Any, folder: str | Path, lang: str = "zh", top: int = 5, rulebook: Any = None
) -> dict[str, Path]:
    """Write conflicts.docx (a page per conflict, ``top`` per pair of departments) and conflicts.xlsx (all of them).

    thing : a Review, or a Blueprint, which knows no projects; rulebook : whose clauses to print for a blueprint,
    the packaged one of its day unless given. Same input, same bytes. Raises InputError for a ``top`` below 1.
    """
    if top < 1:
        raise InputError("present.pack.top", top=top)
    folder = Path(folder)
    words = pack_words(thing, lang, rulebook)
    return {
        "conflicts.docx": write_bytes(folder / "conflicts.docx", pack_document(thing, words, top)),
        "conflicts.xlsx": write_bytes(folder / "conflicts.xlsx", pack_workbook(thing, words)),
    }


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
    versions = {"as_of": day_of(thing), "blueprint": blueprint.version, "rulebook": words.rulebook.version}
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
    return paper.paper_bytes(document, title, say(words, "report.subtitle"), day_of(thing))


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
                _listed(words, projects_of(pair)) or "—",
                count(min(len(real), top)),
            ]
        )
    heads = ("pair", "conflicts", "ha", "slivers", "projects", "pages")
    return Table("", [say(words, f"pack.{one}") for one in heads], rows, [2.6, 0.8, 1.1, 0.8, 3, 0.7])


def _page(document: Any, thing: Any, words: Words, pair: Pair, conflict: Any, place: int, of: int) -> None:
    head = say(words, "pack.page", pair=pair_title(pair, words), place=place, of=of)
    paper.page_break(document)
    paper.heading(document, head)
    line = {
        "title": conflict_title(words, conflict.kind),
        "severity": label(words, "severity", conflict.severity),
        "area": area(words, conflict.area_m2),
    }
    paper.line(document, say(words, "pack.line", **line), paper.CAPTION)
    paper.picture(document, draw_picture(conflict_scene(thing, conflict, words), dpi=140), PICTURE_CM)
    blueprint = getattr(thing, "blueprint", thing)
    paper.table(document, statements(blueprint, words, conflict))
    paper.table(document, matter(thing, words, conflict), first_strong=True)


def matter(thing: Any, words: Words, conflict: Any) -> Table:
    """What is at stake and proposed, with room for what the meeting decides."""
    row = conflict._asdict()
    rows = [
        ["id", text_of(conflict.conflict_id)],
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
    return book_bytes(parts, words, say(words, "pack.title"), day_of(thing))


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
        projects = projects_of(pair)
        yield [
            pair_title(pair, words),
            len(real),
            *_sizes(union_area(real.geometry.to_numpy(), real.crs)),
            len(pair.conflicts) - len(real),
            len(projects),
            listed(words, projects),
        ]


def _conflict_rows(thing: Any, pairs: list[Pair], words: Words) -> Iterator[list[Any]]:
    blueprint = getattr(thing, "blueprint", thing)
    for pair in pairs:
        for rank, conflict in enumerate(pair.conflicts.itertuples(), start=1):
            a, b = (statement(blueprint, words, conflict, side) for side in ("a", "b"))
            row = conflict._asdict()
            yield [
                pair_title(pair, words),
                rank,
                conflict.project_count,
                listed(words, split(conflict.projects)),
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
