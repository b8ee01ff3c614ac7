"""Instruments and articles: what may be cited, and when it was in force."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from onemap.book.catalogue import expect, read_noted
from onemap.book.dating import covers, interval, optional_date
from onemap.book.reading import Row, nearest, unique

INSTRUMENT_COLUMNS = [
    "law_id",
    "title_zh",
    "title_en",
    "number",
    "rank",
    "valid_from",
    "valid_to",
    "status",
    "source",
    "checked_on",
]
ARTICLE_COLUMNS = ["law_id", "article", "text_zh", "text_en", "checked_on", "source", "tag"]
RANKS = ("1", "2", "3", "4", "5")
TAGS = ("found", "found-2nd", "mem", "derived", "press", "official")


def read_laws(folder: Path, dates: dict, notes: list[str]) -> tuple[dict[str, Row], dict[str, Row]]:
    """Instruments by law_id and articles by citation ``LAWID/article``, checked."""
    laws = unique(
        read_noted(folder / "laws" / "instruments.csv", INSTRUMENT_COLUMNS, (), notes).rows, "law_id"
    )
    for row in laws.values():
        expect(row, "rank", RANKS)
        if not row["title_zh"] or not row["title_en"]:
            raise row.fail("book.title.blank")
        row.interval = interval(row, dates)
        optional_date(row["checked_on"], row.where)
    articles: dict[str, Row] = {}
    for row in read_noted(folder / "laws" / "articles.csv", ARTICLE_COLUMNS, (), notes).rows:
        expect(row, "law_id", laws)
        expect(row, "tag", TAGS)
        optional_date(row["checked_on"], row.where)
        if not row["article"]:
            raise row.fail("book.article.blank")
        row["citation"] = f"{row['law_id']}/{row['article']}"
        if row["citation"] in articles:
            raise row.fail(
                "book.citation.twice", citation=row["citation"], first=articles[row["citation"]].where
            )
        articles[row["citation"]] = row
    return laws, articles


def check_citations(
    row: Row, laws: dict[str, Row], articles: dict[str, Row], begins: date
) -> tuple[str, ...]:
    """The citations of a row; refused when unknown, or when the law is not in force on all the row's days."""
    found = tuple(c.strip() for c in row["citations"].split("|") if c.strip())
    for citation in found:
        if citation not in articles:
            raise row.fail("book.citation.unknown", mend=nearest(citation, articles), citation=citation)
        law = laws[citation.split("/", 1)[0]]
        if not covers(law.interval, row.interval, begins):
            spans = " .. ".join(str(d or "…") for d in law.interval)
            mine = " .. ".join(str(d or "…") for d in row.interval)
            raise row.fail("book.citation.not_in_force", citation=citation, spans=spans, mine=mine)
    return found
