"""A city's blueprint in a store: worked out by tiles, brought up to date by tiles, published in one step."""

from __future__ import annotations

import logging
import shutil
from itertools import chain
from pathlib import Path

import shapely

from onemap.blueprint import kept, store
from onemap.blueprint.balance import close_balance, inputs_of, weigh
from onemap.blueprint.before import find_before, slices_before
from onemap.blueprint.build import dissolve_extents, manifest_of
from onemap.blueprint.conflict_days import conflict_day
from onemap.blueprint.conflicts import merge_parts
from onemap.blueprint.objects import DamagedError, clear_drafts, put, to_table
from onemap.blueprint.overlay import way_for
from onemap.blueprint.readings import Reading
from onemap.blueprint.register import placed_rows
from onemap.blueprint.slices import put_features, put_slices
from onemap.blueprint.survey import faces_m2
from onemap.blueprint.tiles import LIMIT
from onemap.blueprint.update import update
from onemap.blueprint.whole import work_out_whole
from onemap.engine import Crew, alone_in, hire

log = logging.getLogger(__name__)


def build_city(
    read, rulebook, folder, *, workers: int | Crew = 1, scheduler: str | None = None, tile: int = LIMIT
):
    """Merge the layers into a blueprint in a store, tile by tile, and open it.

    read : what :func:`onemap.read_features` returns, or :func:`onemap.read_into`, which leaves out what did not change;
    rulebook : as for :func:`onemap.build_blueprint`, whose blueprint it is, face for face; folder : of the store;
    workers : processes, or those of ``engine.hire``; scheduler : address of a dask scheduler whose workers see the folder under the same path; tile :
    most corners in a tile. A build that was stopped goes on where it stopped; one over an older version of the same law
    works out only what the changes concern, to the same bytes. Raises ``BalanceError`` when area does not add up and
    ``InputError`` naming the tile that could not be worked out.

    >>> import tempfile, onemap as om
    >>> book = om.load_rulebook("2024-03-01")
    >>> layers = om.read_features(om.sample_path(), book.catalogue)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     town = om.build_city(layers, book, folder)
    ...     bool((town.faces["area_m2"] > 0).all())
    True
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    with alone_in(Path(folder)), hire(1 if scheduler else workers) as crew:
        raise_city(read, rulebook, Path(folder), tile, {"scheduler": scheduler, "crew": crew})
    return store.open_store(folder)


def raise_city(read, rulebook, folder: Path, tile: int, runner: dict) -> None:
    """Build a version and publish it. runner : who does the jobs"""
    recalled = isinstance(read, Reading)
    layers = read.layers if recalled else read
    crs, extents = layers.features.crs, dissolve_extents(layers.extents)
    placed = placed_rows(layers.quarantine)
    own = read.slices if recalled else put_features(folder, layers.features, crs, slices_before(folder))
    corners = sum(one.corners for one in chain(*own.values()))
    corners += sum(
        int(shapely.get_num_coordinates(part.geometry).sum()) for part in (placed, extents) if len(part)
    )
    manifest = manifest_of(layers, rulebook, way_for(corners)) | {"conflicts": conflict_day(rulebook)}
    scratch = folder / f".building-{manifest['version']}-{tile}"
    scratch.mkdir(parents=True, exist_ok=True)
    old = find_before(folder, manifest, layers.sources, layers.quarantine, rulebook, tile)
    try:
        found = old and update(old, layers, own, extents, rulebook, scratch, runner)
    except DamagedError as damage:
        log.warning("the older version cannot be built upon (%s); all is worked out instead", damage)
        found = None
    if found:
        draft, conflicts = found
    else:
        draft, land = work_out_whole(scratch, own, layers, extents, rulebook, tile, runner)
        conflicts = to_table(merge_parts(draft.parts, land.features, rulebook, crs), crs)
    inputs = inputs_of(read.weights if recalled else weigh(layers.features), placed, crs)
    frames = {
        "extents": extents,
        "quarantine": layers.quarantine,
        "balance": close_balance(inputs, faces_m2(draft.rows, sorted(set(layers.sources["layer"])))),
        "sources": layers.sources,
        "issues": layers.issues,
        "passports": layers.passports,
    }
    tables = store.put_frames(folder, frames, crs)
    tables |= {"conflicts": put(folder, conflicts)}
    tables |= {"marks": kept.put_marks(folder, draft.marks), "slices": put_slices(folder, own)}
    features = {layer: [one.name for one in slices] for layer, slices in own.items()}
    store.publish(folder, manifest, tables, features, draft.rows, crs, draft.cut)
    for left in (scratch, *folder.glob(f"{scratch.name}-from-*")):
        shutil.rmtree(left, ignore_errors=True)
    clear_drafts(folder)
