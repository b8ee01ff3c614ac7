"""What a store notes of the reading of each layer: one small file beside the versions, and objects that it names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from onemap.blueprint.objects import WRITING, write_whole
from onemap.blueprint.slices import Slice

NOTES = "READ"


class Note(NamedTuple):
    """How a layer was read.

    key : of all that its reading depends on, None where only reading can tell; slices : of its features; area_m2, length_m : see :func:`balance.weigh`,
    None without features; web : as in :class:`onemap.land.layer.Layer`; aside : objects of its other frames
    """

    key: str | None
    slices: list[Slice]
    area_m2: float | None
    length_m: float | None
    web: list[tuple[str, bool]]
    aside: dict[str, str]


def get_notes(folder: Path) -> dict[str, Note]:
    """The notes by layer; none where there are none that can be read."""
    try:
        found = json.loads((folder / NOTES).read_text(encoding="utf-8"))
        if found["writing"] != WRITING:
            return {}
        notes = {layer: Note(**note) for layer, note in found["layers"].items()}
        return {
            layer: note._replace(
                slices=[Slice(*one[:3], tuple(one[3])) for one in note.slices],
                web=[tuple(one) for one in note.web],
            )
            for layer, note in notes.items()
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def put_notes(folder: Path, notes: dict[str, Note]) -> None:
    """Write the notes in one step."""
    layers = {layer: note._asdict() for layer, note in sorted(notes.items())}
    text = json.dumps({"writing": WRITING, "layers": layers}, ensure_ascii=False, indent=1)
    write_whole(folder / NOTES, (text + "\n").encode())


def noted(folder: Path) -> Iterator[str]:
    """The names of all objects that notes name."""
    for note in get_notes(folder).values():
        yield from (one.name for one in note.slices)
        yield from note.aside.values()
