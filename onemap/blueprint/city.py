"""A city's blueprint in a store: worked out by tiles, published in one step."""

from __future__ import annotations

import shutil
from pathlib import Path

from onemap.blueprint import store
from onemap.blueprint.balance import close_balance, inputs_of
from onemap.blueprint.build import conflict_day, dissolve_extents, manifest_of
from onemap.blueprint.conflicts import merge_parts
from onemap.blueprint.register import placed_rows
from onemap.blueprint.survey import faces_m2, survey
from onemap.blueprint.tiles import LIMIT
from onemap.blueprint.whole import work_out_whole


def build_city(
    layers, rulebook, folder, *, workers: int = 1, scheduler: str | None = None, tile: int = LIMIT
):
    """Merge the layers into a blueprint in a store, tile by tile, and open it.

    layers, rulebook : as for :func:`onemap.build_blueprint`, whose blueprint it is, face for face; folder : of the
    store; workers : processes; scheduler : address of a dask scheduler whose workers see the folder under the same
    path; tile : most corners in a tile. A build that was stopped goes on where it stopped. Raises ``BalanceError``
    when area does not add up and ``InputError`` naming the tile that could not be worked out.

    >>> import tempfile, onemap as om
    >>> book = om.load_rulebook("2024-03-01")
    >>> layers = om.read_features(om.sample_path(), book.catalogue)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     town = om.build_city(layers, book, folder)
    ...     bool((town.faces["area_m2"] > 0).all())
    True
    """
    folder, crs = Path(folder), layers.features.crs
    manifest = manifest_of(layers, rulebook) | {"conflicts": conflict_day(rulebook)}
    scratch = folder / f".building-{manifest['version']}-{tile}"
    scratch.mkdir(parents=True, exist_ok=True)
    runner = {"workers": workers, "scheduler": scheduler}
    extents = dissolve_extents(layers.extents)
    land = survey(layers.features, layers.quarantine, extents, layers.sources, rulebook)
    results = work_out_whole(scratch, land, crs, rulebook, tile, runner)
    conflicts, _ = merge_parts([result.parts for result in results], land.features, rulebook, crs)
    rows = [row for result in results for row in result.rows]
    inputs = inputs_of(layers.features, placed_rows(layers.quarantine))
    frames = {
        "conflicts": conflicts,
        "extents": extents,
        "quarantine": layers.quarantine,
        "balance": close_balance(inputs, faces_m2(rows, land.register.layers)),
        "sources": layers.sources,
        "issues": layers.issues,
        "passports": layers.passports,
    }
    tables = store.put_frames(folder, frames, crs)
    features = store.put_features(folder, layers.features, crs)
    store.publish(folder, manifest, tables, features, rows, crs)
    shutil.rmtree(scratch, ignore_errors=True)
    return store.open_store(folder)
