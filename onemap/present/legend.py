"""The list beside a map that is both its legend and its switchboard: nothing of it lies on the land."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from onemap.book.words import Words, layer_title, listed, say


class Entry(NamedTuple):
    """One layer that can be switched: its title, whether it is shown at first, and (swatch as SVG, text) per look."""

    title: str
    shown: bool
    looks: Sequence[tuple[str, str]] = ()


def told_apart(words: Words, layers: Mapping[tuple[int, str], Iterable[str]]) -> dict[tuple[int, str], str]:
    """What the legend says for each (look, name), given its layers: those are named where looks share a name."""
    shared = Counter(name for _, name in layers)
    return {
        (look, name): say(words, "map.legend.of", name=name, layers=_titles(words, own))
        if shared[name] > 1
        else name
        for (look, name), own in layers.items()
    }


def legend_html(words: Words, entries: Iterable[Entry], notes: Iterable[str] = ()) -> str:
    """Heading, entries from top to bottom, and notes on them; ``legend.js`` ties each box to the layer of its title."""
    lines = [f'<h2>{html.escape(say(words, "map.legend.switches"))}</h2><div id="legend">']
    for entry in entries:
        name, off = html.escape(entry.title), "" if entry.shown else ' class="off"'
        alone = len(entry.looks) == 1 and entry.looks[0][1] == entry.title
        picture = entry.looks[0][0] if alone else ""
        box = f'<input type="checkbox"{" checked" if entry.shown else ""}>'
        lines.append(f'<section data-overlay="{name}"{off}><label>{box}{picture}<span>{name}</span></label>')
        for swatch, text in () if alone else entry.looks:
            lines.append(f'<div class="legend-row">{swatch}<span>{html.escape(text)}</span></div>')
        lines.append("</section>")
    return "".join(lines) + "</div>" + _paragraphs(notes)


def notes_html(words: Words, notes: Sequence[str]) -> str:
    """What is missing, folded under one line that counts it; open in print."""
    if not notes:
        return ""
    title = html.escape(say(words, "map.notes", count=len(notes)))
    return f'<details class="notes"><summary>{title}</summary>{_paragraphs(notes)}</details>'


def _titles(words: Words, layers: Iterable[str]) -> str:
    return listed(words, (layer_title(words, one) for one in sorted(set(layers))))


def _paragraphs(notes: Iterable[str]) -> str:
    return "".join(f'<p class="note">{html.escape(note)}</p>' for note in notes)
