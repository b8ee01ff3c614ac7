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
from onemap.engine import Crew, alone_in, hire, run
from onemap.frames import EXTENTS, FEATURES, ISSUES, PASSPORTS, QUARANTINE, SOURCES, empty
from onemap.land.issues import issues_frame
from onemap.land.layer import Layer, read_layer, with_town, within
from onemap.land.read import Layers, join, known_of, layers_of
from onemap.land.source import Known
from onemap.land.unchanged import reading_key
from onemap.land.workspace import Workspace, load_workspace
from onemap.messages import Message
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


class Told(NamedTuple):
    """What whoever reads a layer is told: the store, the workspace, what layers are read against, notes from before."""

    folder: Path
    space: Workspace
    known: Known
    held: dict[str, Note]


def read_into(folder, workspace, catalogue, *, workers: int | Crew = 1) -> Reading:
    """Read a workspace into a store, but for the layers that were read into it before and would give the same.

    folder : of the store; workspace, catalogue : as for :func:`onemap.read_features`, whose errors it raises, and
    ``InputError`` while another process builds into the folder; workers : processes, or those of ``engine.hire``, which
    read the layers after the town's side by side. One layer at a time is in memory, unless coordinates of web maps must
    be held against all others.

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
    known, order, found = known_of(space, catalogue), layers_of(space), {}
    with alone_in(folder), hire(workers) as crew:
        held = get_notes(folder)
        told = Told(folder, space, known, held)
        first = [layer for layer in order if layer == space.town]
        for layer in first:
            found[layer] = read_or_recalled(told, layer)
            known = town_noted(folder, known, found[layer][0])
        rest = sorted((layer for layer in order if layer not in first), key=lambda one: -size_of(space, one))
        told = told._replace(known=known)
        for outcome in progress(
            run(read_or_recalled, rest, context=told, crew=crew), Message("house.progress.layers"), len(rest)
        ):
            if outcome.error:
                raise outcome.error
            found[outcome.task] = outcome.result
        notes = {layer: found[layer][0] for layer in order}
        put_notes(folder, notes)
        slices = {layer: note.slices for layer, note in notes.items() if note.slices}
        layers = joined(folder, space, notes, slices, known)
    weights = [(notes[layer].area_m2, notes[layer].length_m) for layer in slices]
    weights = pd.DataFrame(weights, index=list(slices), columns=WEIGHTS)
    again = [layer for layer in order if found[layer][1]]
    return Reading(layers, slices, weights, again, sorted({*order} - {*again}))


def read_or_recalled(told: Told, layer: str) -> tuple[Note, bool]:
    """The note of a layer in the store, and whether it was read now."""
    folder, space, known, held = told
    key, note = reading_key(space, layer, known), held.get(layer)
    if key and note and note.key == key and stands(folder, note):
        return note, False
    one = read_layer(space, layer, known)
    note = noted_down(folder, space, layer, key, one, note)
    town = with_town(known, one).town if layer == space.town else None
    if town is not None:
        frame = gpd.GeoDataFrame({"layer": [None], "known_from": [None]}, geometry=[town])
        note = note._replace(aside=note.aside | {TOWN: put(folder, to_table(frame, known.crs))})
    return note, True


def town_noted(folder: Path, known: Known, note: Note) -> Known:
    """What is known with the town's polygon, where the note of its layer has one."""
    if TOWN not in note.aside:
        return known
    return within(known, to_frame(get(folder, note.aside[TOWN]), EXTENTS, known.crs).geometry.iloc[0])


def size_of(space: Workspace, layer: str) -> int:
    """The bytes of the files of a layer, as far as they can be told: who reads side by side begins with the largest."""
    paths = [space.resolve(one.path) for one in space.sources if one.layer == layer]
    return sum(path.stat().st_size for path in map(Path, paths) if path.is_file())


def stands(folder: Path, note: Note) -> bool:
    """Whether all that a note names is in the store, undamaged."""
    return all(intact(folder, name) for name in (*(one.name for one in note.slices), *note.aside.values()))


def joined(folder: Path, space: Workspace, notes: dict[str, Note], slices: dict, known) -> Layers:
    """The frames of a workspace without its features, which are fetched only where web maps ask for them."""
    read = {layer: recalled(folder, space, layer, note, known.crs) for layer, note in notes.items()}
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


def recalled(folder: Path, space: Workspace, layer: str, note: Note, crs) -> Layer:
    """A layer as it was read, its features left where they are."""
    frames = {name: to_frame(get(folder, note.aside[name]), ASIDE[name], crs) for name in ASIDE}
    entries = entries_of(space, layer)
    rows = {name: frames[name].to_dict("records") for name in ("extents", "issues", "sources")}
    sources = [(entries[row.pop("entry")], row) for row in rows["sources"]]
    aside = frames["quarantine"], frames["passports"]
    return Layer(empty(FEATURES, crs), *aside, rows["extents"], rows["issues"], sources, note.web)


def entries_of(space: Workspace, layer: str) -> list[int]:
    """The places in the workspace of the entries of a layer."""
    return [place for place, source in enumerate(space.sources) if source.layer == layer]
