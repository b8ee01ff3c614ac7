"""A workspace read into a store layer by layer; a layer whose files did not change is not read again."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import pandas as pd

from onemap.blueprint.balance import WEIGHTS, weigh
from onemap.blueprint.notes import Note, get_notes, put_notes
from onemap.blueprint.objects import get, intact, put, to_frame, to_table
from onemap.blueprint.slices import Slice, features_of, put_features
from onemap.engine import alone_in
from onemap.frames import EXTENTS, FEATURES, ISSUES, PASSPORTS, QUARANTINE, SOURCES, empty
from onemap.land.issues import issues_frame
from onemap.land.layer import Layer, read_layer, with_town, within
from onemap.land.read import Layers, join, known_of, layers_of
from onemap.land.source import Known
from onemap.land.unchanged import reading_key
from onemap.land.workspace import Workspace, load_workspace
from onemap.progress import progress

ASIDE = {
    "quarantine": QUARANTINE,
    "passports": PASSPORTS,
    "extents": EXTENTS,
    "issues": ISSUES,
    "sources": [*SOURCES, "entry"],
}
TOWN = "town"  # its polygon, beside these


class Reading(NamedTuple):
    """A workspace read into a store: its features lie there, the rest is at hand.

    layers : as :func:`onemap.read_features` gives them, but without features; slices : of these, by layer; weights : see
    :func:`balance.weigh`; again : the layers that were read now, since they were not there or had changed; recalled : the
    others
    """

    layers: Layers
    slices: dict[str, list[Slice]]
    weights: pd.DataFrame
    again: list[str]
    recalled: list[str]


def read_into(folder, workspace, catalogue) -> Reading:
    """Read a workspace into a store, but for the layers that were read into it before and would give the same.

    folder : of the store; workspace, catalogue : as for :func:`onemap.read_features`, whose errors it raises, and
    ``InputError`` while another process builds into the folder. One layer at a time is in memory, unless coordinates of
    web maps must be held against all others.

    >>> import tempfile, onemap as om
    >>> book = om.load_rulebook("2024-03-01")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     first = om.read_into(folder, om.sample_path(), book.catalogue)
    ...     second = om.read_into(folder, om.sample_path(), book.catalogue)
    >>> len(first.again) > 5, second.again
    (True, [])
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    space = workspace if isinstance(workspace, Workspace) else load_workspace(workspace)
    known, read, notes, again = known_of(space, catalogue), {}, {}, []
    with alone_in(folder):
        held = get_notes(folder)
        for layer in progress(layers_of(space), "reading layers"):
            key, note = reading_key(space, layer, known), held.get(layer)
            one = (
                recalled(folder, space, layer, note, known.crs) if key and note and note.key == key else None
            )
            if one is None:
                one = read_layer(space, layer, known)
                note = noted_down(folder, space, layer, key, one, note)
                again.append(layer)
            if layer == space.town:
                known, note = with_town_noted(folder, known, one, note)
            read[layer], notes[layer] = one._replace(features=empty(FEATURES, known.crs)), note
        put_notes(folder, notes)
        slices = {layer: note.slices for layer, note in notes.items() if note.slices}
        layers = joined(folder, space, read, slices, known)
    weights = [(notes[layer].area_m2, notes[layer].length_m) for layer in slices]
    weights = pd.DataFrame(weights, index=list(slices), columns=WEIGHTS)
    return Reading(layers, slices, weights, again, sorted({*read} - {*again}))


def with_town_noted(folder: Path, known: Known, one: Layer, note: Note) -> tuple[Known, Note]:
    """What is known with the town's polygon, from its layer or, where that was recalled, from the note; and the note."""
    if TOWN in note.aside:
        town = to_frame(get(folder, note.aside[TOWN]), EXTENTS, known.crs).geometry.iloc[0]
        return within(known, town), note
    known = with_town(known, one)
    if known.town is None:
        return known, note
    table = to_table(
        gpd.GeoDataFrame({"layer": [None], "known_from": [None]}, geometry=[known.town]), known.crs
    )
    return known, note._replace(aside=note.aside | {TOWN: put(folder, table)})


def joined(folder: Path, space: Workspace, read: dict[str, Layer], slices: dict, known) -> Layers:
    """The frames of a workspace without its features, which are fetched only where web maps ask for them."""
    if any(one.web for one in read.values()):
        read = {
            layer: one._replace(
                features=features_of(folder, (part.name for part in slices.get(layer, [])), known.crs)
            )
            for layer, one in read.items()
        }
    return join(space, read, known)._replace(features=empty(FEATURES, known.crs))


def noted_down(folder: Path, space: Workspace, layer: str, key: str | None, one: Layer, before) -> Note:
    """Store what reading a layer gave. before : the note of an earlier reading, of which slices may do again"""
    crs = one.features.crs
    slices = put_features(folder, one.features, crs, {layer: before.slices} if before else None)
    place = {number: at for at, number in enumerate(entries_of(space, layer))}
    rows = [row | {"entry": place[number]} for number, row in one.sources]
    frames = {
        "quarantine": one.quarantine,
        "passports": one.passports,
        "extents": pd.DataFrame(one.extents, columns=EXTENTS),
        "issues": issues_frame(one.issues),
        "sources": pd.DataFrame(rows, columns=ASIDE["sources"], dtype=object),
    }
    aside = {name: put(folder, to_table(frame[ASIDE[name]], crs)) for name, frame in frames.items()}
    weight = weigh(one.features).reindex([layer]).iloc[0].to_numpy() if slices else (None, None)
    return Note(key, slices.get(layer, []), *(w if w is None else float(w) for w in weight), one.web, aside)


def recalled(folder: Path, space: Workspace, layer: str, note: Note, crs) -> Layer | None:
    """A layer as it was read before, its features left where they are; None where anything of it is damaged."""
    if not all(intact(folder, name) for name in (*(one.name for one in note.slices), *note.aside.values())):
        return None
    frames = {name: to_frame(get(folder, note.aside[name]), ASIDE[name], crs) for name in ASIDE}
    entries = entries_of(space, layer)
    rows = {name: frames[name].to_dict("records") for name in ("extents", "issues", "sources")}
    sources = [(entries[row.pop("entry")], row) for row in rows["sources"]]
    aside = frames["quarantine"], frames["passports"]
    return Layer(empty(FEATURES, crs), *aside, rows["extents"], rows["issues"], sources, note.web)


def entries_of(space: Workspace, layer: str) -> list[int]:
    """The places in the workspace of the entries of a layer."""
    return [place for place, source in enumerate(space.sources) if source.layer == layer]
