"""The faces of one tile as two tables: the faces with all that is known of them, and the features they rest on."""

from __future__ import annotations

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import shapely

from onemap.blueprint.arrangement import order_of, runs
from onemap.blueprint.derive import REASONS, Members, Sheet
from onemap.blueprint.objects import geo_metadata, to_frame, words
from onemap.blueprint.register import Register, taken
from onemap.frames import COVERS, FACES, FEATURES, UNKNOWNS

ATTRIBUTES = [c for c in FEATURES if c != "geometry"]
CONFLICT_FACES = ["conflict_id", "face_id"]


class Found(NamedTuple):
    """Faces with what follows for them; one entry per face but for the sheet and the members.

    polygons; face_id; area_m2; sliver; winner : the feature whose word counts, or -1; reason : why; sheet : what covers
    them; members : faces in conflict; conflict : the name of each member's conflict
    """

    polygons: np.ndarray
    face_id: np.ndarray
    area_m2: np.ndarray
    sliver: np.ndarray
    winner: np.ndarray
    reason: np.ndarray
    sheet: Sheet
    members: Members
    conflict: np.ndarray


class Frames(NamedTuple):
    """The frames of some faces: faces, covers, unknowns, conflict_faces and the attributes of their features."""

    faces: gpd.GeoDataFrame
    covers: pd.DataFrame
    unknowns: pd.DataFrame
    conflict_faces: pd.DataFrame
    features: pd.DataFrame


def tables_of(
    found: Found, chosen: np.ndarray, register: Register, severity: np.ndarray, attributes: pa.Table, crs
):
    """The tables of the chosen faces, in the order of their bounds, and of the features that cover them.

    severity : of each row of the conflict matrix; attributes : of all features, by number
    """
    chosen = chosen[order_of(found.polygons[chosen])]
    place = np.full(len(found.polygons), -1, dtype=np.int64)
    place[chosen] = np.arange(len(chosen))
    sheet, members = found.sheet, found.members
    begin, end = (np.searchsorted(sheet.face, chosen, side=side) for side in ("left", "right"))
    pairs = runs(begin, end - begin)
    feature, at = np.unique(sheet.feature[pairs], return_inverse=True)
    own = np.flatnonzero(place[members.face] >= 0)
    own = own[np.lexsort((found.conflict[own], severity[members.row[own]]))]
    first = np.full(len(chosen), None, dtype=object)
    first[place[members.face[own]][::-1]] = found.conflict[own][::-1]
    named = np.array([*register.layers, None], dtype=object)
    winner = found.winner[chosen]
    face, layer = np.nonzero(sheet.unknown[chosen])
    unknown = [
        f"{register.layers[k]}:{REASONS[r]}"
        for k, r in zip(layer, sheet.unknown[chosen][face, layer] - 1, strict=True)
    ]
    faces = pa.table(
        {
            "face_id": pa.array(found.face_id[chosen], type=pa.string()),
            "area_m2": pa.array(found.area_m2[chosen]),
            "governing_layer": pa.array(named[taken(register.layer, winner, -1)], type=pa.string()),
            "governing_class": pa.array(taken(register.class_code, winner, None), type=pa.string()),
            "reason": pa.array(found.reason[chosen], type=pa.string()),
            "conflict_id": pa.array(first, type=pa.string()),
            "sliver": pa.array(found.sliver[chosen]),
            "geometry": pa.array(shapely.to_wkb(found.polygons[chosen]), type=pa.binary()),
            "covers": lists(place[sheet.face[pairs]], pa.array(at.astype(np.int32)), len(chosen)),
            "unknowns": lists(face, pa.array(unknown, type=pa.string()), len(chosen)),
            "conflicts": lists(
                place[members.face[own]], pa.array(found.conflict[own], type=pa.string()), len(chosen)
            ),
        }
    )
    return faces.replace_schema_metadata(geo_metadata(crs)), attributes.take(pa.array(feature))


def join_tables(pairs: list[tuple[pa.Table, pa.Table]]) -> tuple[pa.Table, pa.Table]:
    """Pairs of tables of faces and their features as one pair, the same as if all faces had been written together."""
    whole = pa.concat_tables([faces for faces, _ in pairs])
    features = pa.concat_tables([features for _, features in pairs])
    keys = [np.array(features[c].to_pylist(), dtype=object) for c in ("feature_id", "layer")]
    starts = np.repeat(
        np.cumsum([0] + [f.num_rows for _, f in pairs[:-1]]), [faces.num_rows for faces, _ in pairs]
    )
    face, at = flat(whole["covers"])
    used, inverse = np.unique(at.to_numpy() + starts[face], return_inverse=True)
    order = np.lexsort([key[used] for key in keys])
    first = np.r_[True, np.any([key[used[order[1:]]] != key[used[order[:-1]]] for key in keys], axis=0)][
        : len(used)
    ]
    place = np.empty(len(used), dtype=np.int32)
    place[order] = np.cumsum(first) - 1
    covers = lists(face, pa.array(place[inverse]), whole.num_rows)
    whole = whole.set_column(whole.column_names.index("covers"), "covers", covers)
    sort = order_of(shapely.from_wkb(whole["geometry"].to_numpy()))
    return whole.take(pa.array(sort)), features.take(pa.array(used[order[first]]))


def lists(row: np.ndarray, values: pa.Array, rows: int) -> pa.ListArray:
    """One list per row: the values whose row it is, in their order."""
    order = np.argsort(row, kind="stable")
    offsets = np.searchsorted(row[order], np.arange(rows + 1)).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), values.take(pa.array(order)))


def frames_of(faces: list[pa.Table], features: list[pa.Table], crs, keep=None) -> Frames:
    """The frames that pairs of tables hold together; keep : a mask over all their faces, or None for all.

    A feature that covers faces of several tables stands in the frame of features once.
    """
    starts = np.cumsum([0] + [table.num_rows for table in features])
    shifts = np.repeat(starts[:-1], [table.num_rows for table in faces])
    whole = pa.concat_tables(faces)
    if keep is not None:
        whole, shifts = whole.filter(pa.array(keep)), shifts[keep]
    own = to_frame(whole, FACES, crs)
    face_id = own["face_id"].to_numpy(dtype=object) if len(own) else np.empty(0, dtype=object)
    face, at = flat(whole["covers"])
    attributes = to_frame(pa.concat_tables(features), ATTRIBUTES)
    used = at.to_numpy().astype(np.int64) + shifts[face] if len(at) else np.empty(0, dtype=np.int64)
    once = attributes.iloc[np.unique(used)].drop_duplicates("feature_id").reset_index(drop=True)
    covers = pd.DataFrame(
        {
            "face_id": face_id[face],
            "layer": attributes["layer"].to_numpy(dtype=object)[used],
            "feature_id": attributes["feature_id"].to_numpy(dtype=object)[used],
        },
        columns=COVERS,
    )
    row, said = flat(whole["unknowns"])
    parts = [word.split(":") for word in said.to_pylist()]
    unknowns = pd.DataFrame(
        {"face_id": face_id[row], "layer": [p[0] for p in parts], "reason": [p[1] for p in parts]},
        columns=UNKNOWNS,
    )
    row, conflict = flat(whole["conflicts"])
    pairs = pd.DataFrame({"conflict_id": words(conflict), "face_id": face_id[row]}, columns=CONFLICT_FACES)
    return Frames(own, covers, unknowns, pairs, once)


def flat(column: pa.ChunkedArray) -> tuple[np.ndarray, pa.Array]:
    """The values of a column of lists one after the other, and the row of each."""
    whole = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = whole.chunk(0) if whole.num_chunks else pa.array([], type=column.type)
    lengths = np.diff(whole.offsets.to_numpy())
    return np.repeat(np.arange(len(lengths)), lengths), whole.flatten()
