"""What an opinion is made of before anyone lays it out: blocks with lines, tables, pictures and notes."""

from __future__ import annotations

import re
from typing import NamedTuple

WORD = re.compile("[!-~\u00a1-\u024f]+")  # signs between which no line breaks
SIGN_CM, EDGES_CM, LONGEST_WORD = 0.185, 0.45, 15
NUMERIC = re.compile(r"[<>]?[-+]?[\d,]+(\.\d+)?%?(/[\d,]+)?")


class Table(NamedTuple):
    """A titled table of plain words; widths are relative; ``fills`` are (row, column, rrggbb)."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    widths: list[float]
    fills: tuple[tuple[int, int, str], ...] = ()

    @property
    def figures(self) -> list[bool]:
        """Which columns hold numbers, which stand to the right; a word such as "unknown" may stand among them."""
        columns = zip(*self.rows, strict=True) if self.rows else ()
        return [_are_numbers([cell for cell in own if cell not in ("", "—")]) for own in columns] or [
            False
        ] * len(self.columns)

    def fitted(self, total_cm: float) -> list[float]:
        """Widths in cm: as wished, but no column narrower than its longest word (up to a limit, such as for hashes).

        >>> [round(one, 1) for one in Table("", ["a", "b"], [["Administration", "x"]], [1, 3]).fitted(8.0)]
        [3.0, 5.0]
        """
        rows = [self.columns, *self.rows] if self.columns else self.rows
        wished = [total_cm * width / sum(self.widths) for width in self.widths]
        least = [
            EDGES_CM + SIGN_CM * min(max(map(len, WORD.findall(" ".join(column))), default=0), LONGEST_WORD)
            for column in zip(*rows, strict=True)
        ] or wished
        missing = sum(max(need - width, 0.0) for need, width in zip(least, wished, strict=True))
        spare = sum(max(width - need, 0.0) for need, width in zip(least, wished, strict=True))
        if missing > spare:
            return wished
        return [
            need if width <= need else width - missing * (width - need) / spare
            for need, width in zip(least, wished, strict=True)
        ]


class Picture(NamedTuple):
    """A picture with the words below it, which also tell it to those who cannot see it."""

    caption: str
    png: bytes


class Block(NamedTuple):
    """One block of the opinion: lines, tables, pictures, then notes in small print.

    ``strong``: the first column of its tables names what stands beside it.
    """

    letter: str
    title: str
    lines: list[str]
    tables: list[Table]
    notes: list[str] = []
    pictures: list[Picture] = []
    strong: bool = False


def _are_numbers(cells: list[str]) -> bool:
    words = [cell for cell in cells if not NUMERIC.fullmatch(cell)]
    return 2 * len(words) < len(cells) and not re.search(r"\d", "".join(words))
