"""Where two layers contradict each other, by a matrix that is data."""

from __future__ import annotations

import hashlib
from math import fsum

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from onemap.blueprint.derive import Members, Sheet, members_of
from onemap.blueprint.objects import words
from onemap.blueprint.register import Register, make_register
from onemap.blueprint.slivers import is_sliver
from onemap.blueprint.status import face_status
from onemap.frames import CONFLICTS, FALSE, TRUE, UNKNOWN, empty

SEVERITY = ("prohibit", "consent", "review", "inform", "data")
WORDS = ("conflict_id", "a", "b", "layer_b")
PARTS = pa.schema(
    [(name, pa.string()) for name in WORDS]
    + [("row", pa.int64()), ("area_m2", pa.list_(pa.float64())), ("geometry", pa.binary())]
)


def find_conflicts(blueprint, rulebook, faces: bool = False):
    """Every clash that the rule book's conflict matrix names, as one patch per pair of features.

    A row of the matrix compares two subjects: ``both`` finds faces inside both, ``only_a`` faces inside the
    first and certainly outside the second (unknown is no conflict, it stays unknown), ``self`` faces that
    two features of one subject cover. Slivers are flagged and
    kept. Nothing is decided: ``proposal`` names the text that proposes who should yield.

    Returns the ``conflicts`` frame (areas ellipsoidal m²); with ``faces=True`` also the pairs (conflict_id,
    face_id).

    >>> import onemap as om
    >>> book = om.load_rulebook("2024-03-01")
    >>> town = om.build_blueprint(om.read_features(om.sample_path(), book.catalogue), book)
    >>> {"X04", "X05"} <= set(om.find_conflicts(town, book)["kind"])
    True
    """
    members, names, register = clashes(blueprint, rulebook)
    conflicts = dissolved(blueprint, members, names, register, rulebook)
    face_id = blueprint.faces["face_id"].to_numpy(dtype=object)
    return (conflicts, pairs_of(conflicts, names, face_id[members.face])) if faces else conflicts


def clashes(blueprint, rulebook) -> tuple[Members, np.ndarray, Register]:
    """The faces of a blueprint at which features clash, the name of the conflict of each, and the register."""
    register = register_of(blueprint, rulebook)
    sheet = sheet_of_frames(blueprint, register)
    members = members_of(sheet, len(blueprint.faces), register, rulebook)
    return members, conflict_names(members, register, rulebook), register


def dissolved(blueprint, members: Members, names: np.ndarray, register, rulebook) -> gpd.GeoDataFrame:
    """The ``conflicts`` frame of members at faces of a blueprint. names : of the conflict of each"""
    faces = blueprint.faces
    parts = conflict_parts(members, faces.geometry.to_numpy(), faces["area_m2"].to_numpy(), names, register)
    return merge_parts([parts], blueprint.features, rulebook, blueprint.crs)


def pairs_of(conflicts: pd.DataFrame, names: np.ndarray, faces: np.ndarray) -> pd.DataFrame:
    """The pairs (conflict_id, face_id), in the order of the conflicts."""
    pairs = pd.DataFrame({"conflict_id": names, "face_id": faces})
    rank = pd.Index(conflicts["conflict_id"]).get_indexer(names)
    return pairs.iloc[np.lexsort((faces, rank))].reset_index(drop=True)


def register_of(blueprint, rulebook) -> Register:
    """The register of a blueprint's own frames."""
    return make_register(
        blueprint.features, blueprint.quarantine, blueprint.extents, blueprint.sources, rulebook
    )


def sheet_of_frames(blueprint, register: Register) -> Sheet:
    """The sheet that the frames ``covers`` and ``unknowns`` of a blueprint say."""
    faces = pd.Index(blueprint.faces["face_id"])
    covers, unknowns = blueprint.covers, blueprint.unknowns
    face = faces.get_indexer(covers["face_id"])
    feature = pd.Index(register.feature_id).get_indexer(covers["feature_id"])
    order = np.argsort(face, kind="stable")
    unknown = np.zeros((len(faces), len(register.layers)), dtype=np.int8)
    code = {name: i for i, name in enumerate(register.layers)}
    unknown[faces.get_indexer(unknowns["face_id"]), unknowns["layer"].map(code).to_numpy(dtype=np.intp)] = 1
    return Sheet(face[order], feature[order], unknown)


def conflict_names(members: Members, register: Register, rulebook) -> np.ndarray:
    """The name of the conflict that each member belongs to: one per kind and pair of features."""
    kinds = rulebook.conflict_types["kind"].to_numpy(dtype=object)
    kind, _ = pd.factorize(kinds)
    keys = np.stack([kind[members.row], members.a, members.b], axis=1)
    _, first, at = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    ids = np.append(register.feature_id, "")
    rows, a, b = (part[first] for part in (members.row, members.a, members.b))
    names = [conflict_id(*words) for words in zip(kinds[rows], ids[a], ids[b], strict=True)]
    return np.array([*names, None], dtype=object)[at.ravel()]


def conflict_parts(members: Members, polygons, area_m2, names: np.ndarray, register) -> pa.Table:
    """The members of each conflict dissolved: what these faces hold of it.

    names : of each member's conflict. columns : ``PARTS``, of which row is that of the matrix, a and b are ids of
    features, area_m2 those of the faces
    """
    order = np.lexsort((members.face, names)) if len(names) else np.empty(0, dtype=np.intp)
    cuts = group_cuts(names[order])
    lead, faces = order[cuts[:-1]], members.face[order]
    ids, layers = np.append(register.feature_id, ""), np.array([*register.layers, ""], dtype=object)
    return parts_table(
        {
            "conflict_id": names[lead],
            "a": ids[members.a[lead]],
            "b": ids[members.b[lead]],
            "layer_b": layers[members.layer_b[lead]],
            "row": members.row[lead],
        },
        cuts,
        area_m2[faces],
        polygons[faces],
    )


def parts_table(lead: dict[str, np.ndarray], cuts: np.ndarray, area_m2, polygons) -> pa.Table:
    """Parts of conflicts from what leads each and its faces, which stand from one cut to the next. columns : ``PARTS``"""
    areas = pa.ListArray.from_arrays(cuts.astype(np.int32), pa.array(area_m2, type=pa.float64()))
    columns = {name: pa.array(values, type=PARTS.field(name).type) for name, values in lead.items()}
    shapes = pa.array(shapely.to_wkb(unions(polygons, cuts)), type=pa.binary())
    columns |= {"area_m2": areas, "geometry": shapes}
    return pa.table([columns[name] for name in PARTS.names], schema=PARTS)


def group_cuts(values: np.ndarray) -> np.ndarray:
    """Where runs of one value begin, and the end."""
    begins = np.flatnonzero(np.r_[True, values[1:] != values[:-1]][: len(values)])
    return np.r_[begins, len(values)].astype(np.int64)


def unions(polygons: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """The faces from one cut to the next as one shape each; a face that stands alone stays as it is."""
    size = np.diff(cuts)
    out = polygons[cuts[:-1]].astype(object)
    for count in np.unique(size[size > 1]):
        mine = np.flatnonzero(size == count)
        rows = polygons[cuts[mine][:, None] + np.arange(count)]
        out[mine] = shapely.coverage_union_all(rows, axis=1)
    return out


def sums_between(values: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """The correctly rounded sum of the values from one cut to the next, whatever their order."""
    out, size = np.zeros(len(cuts) - 1), np.diff(cuts)
    for count in (1, 2):  # of two numbers the machine's own sum is the rounded one
        mine = cuts[:-1][size == count]
        out[size == count] = values[mine] if count == 1 else values[mine] + values[mine + 1]
    for k in np.flatnonzero(size > 2):
        out[k] = fsum(values[cuts[k] : cuts[k + 1]].tolist())
    return out


def conflict_id(kind: str, feature_a: str, feature_b: str) -> str:
    """The name of the clash of two features, the same in every build.

    >>> conflict_id("X01", "a:1", "b:2")
    'X01-40c8603baa'
    """
    words = "|".join((kind, feature_a, feature_b))
    return f"{kind}-{hashlib.blake2b(words.encode(), digest_size=5).hexdigest()}"


def merge_parts(parts: list[pa.Table], features, rulebook, crs) -> gpd.GeoDataFrame:
    """The ``conflicts`` frame, most severe and largest first.

    parts : of :func:`conflict_parts` for disjoint sets of faces; into which sets they were cut leaves no trace.
    features : frame with feature_id, layer and class_code
    """
    every = pa.concat_tables([PARTS.empty_table(), *parts])
    if not every.num_rows:
        return empty(CONFLICTS, crs)
    place = pa.array(np.arange(every.num_rows))
    by_name = pa.table({"conflict_id": every["conflict_id"], "place": place})
    every = every.take(pc.sort_indices(by_name, [("conflict_id", "ascending"), ("place", "ascending")]))
    ids = words(every["conflict_id"])
    cuts, areas = group_cuts(ids), every["area_m2"].combine_chunks()
    whole = unions(shapely.from_wkb(every["geometry"].to_numpy()), cuts)
    start = np.r_[0, np.cumsum(areas.value_lengths().to_numpy())]
    area = sums_between(areas.flatten().to_numpy(), start[cuts])
    lead = {name: words(every[name].take(pa.array(cuts[:-1]))) for name in WORDS}
    row = every["row"].to_numpy()[cuts[:-1]]
    types = rulebook.conflict_types.iloc[row]
    own = features.drop_duplicates("feature_id").set_index("feature_id")
    frame = gpd.GeoDataFrame(
        {
            "conflict_id": lead["conflict_id"],
            "kind": types["kind"].to_numpy(dtype=object),
            "area_m2": area,
            "proposal": [f"conflict.{kind}.proposal" for kind in types["kind"]],
            "status": "open",
        },
        geometry=shapely.normalize(whole),
        crs=crs,
    )
    for side in ("a", "b"):
        frame[f"feature_{side}"] = lead[side]
        frame[f"class_{side}"] = own["class_code"].reindex(lead[side]).fillna("").to_numpy(dtype=object)
    frame["layer_a"] = own["layer"].reindex(lead["a"]).fillna("").to_numpy(dtype=object)
    frame["layer_b"] = lead["layer_b"]
    for column in ("severity", "authority", "citations"):
        frame[column] = types[column].to_numpy(dtype=object)
    frame["sliver"] = is_sliver(frame.geometry.to_numpy(), area, rulebook)
    return frame.iloc[severest_first(frame)].reset_index(drop=True)[CONFLICTS]


def severest_first(conflicts: pd.DataFrame) -> np.ndarray:
    """The order of conflicts: most severe, then largest, then by id."""
    severity = conflicts["severity"].map(SEVERITY.index).to_numpy()
    return np.lexsort((conflicts["conflict_id"], -conflicts["area_m2"].to_numpy(dtype=float), severity))


def first_conflicts(conflicts: pd.DataFrame, pairs: pd.DataFrame) -> pd.Series:
    """The most severe conflict at each face (of several the first by id). index : face_id"""
    severity = conflicts.set_index("conflict_id")["severity"].map(SEVERITY.index)
    order = pairs.assign(severity=pairs["conflict_id"].map(severity))
    order = order.sort_values(["face_id", "severity", "conflict_id"], kind="stable")
    return order.drop_duplicates("face_id").set_index("face_id")["conflict_id"]


def named_at(faces: gpd.GeoDataFrame, conflicts: pd.DataFrame, pairs: pd.DataFrame) -> gpd.GeoDataFrame:
    """The faces, each with the most severe of its conflicts. pairs : conflict_id face_id"""
    first = first_conflicts(conflicts, pairs).to_dict()
    named = [first.get(face) for face in faces["face_id"]]
    return faces.assign(conflict_id=pd.Series(named, dtype=object, index=faces.index))


def conflict_summary(conflicts: pd.DataFrame) -> pd.DataFrame:
    """Count and area by kind and pair of layers, real differences apart from slivers.

    columns : kind layer_a layer_b severity conflicts area_m2 slivers sliver_area_m2
    """
    keys = ["kind", "layer_a", "layer_b", "severity"]
    real = conflicts[~conflicts["sliver"].astype(bool)].groupby(keys)["area_m2"].agg(["size", "sum"])
    thin = conflicts[conflicts["sliver"].astype(bool)].groupby(keys)["area_m2"].agg(["size", "sum"])
    real.columns, thin.columns = ["conflicts", "area_m2"], ["slivers", "sliver_area_m2"]
    table = real.join(thin, how="outer").fillna(0.0)
    return table.astype({"conflicts": int, "slivers": int}).reset_index()


def split_four_ways(blueprint, rulebook, subject_a: str, subject_b: str) -> pd.DataFrame:
    """Area where both plans build, only one, only the other, neither, or where one of them is not known.

    Land of which neither plan says anything is left out.
    columns : case (both, only_a, only_b, neither, unknown) area_m2 (ellipsoidal) share
    """
    status = face_status(blueprint, rulebook, [subject_a, subject_b])
    a, b = status[subject_a].to_numpy(), status[subject_b].to_numpy()
    cases = {
        "both": (a == TRUE) & (b == TRUE),
        "only_a": (a == TRUE) & (b == FALSE),
        "only_b": (a == FALSE) & (b == TRUE),
        "neither": (a == FALSE) & (b == FALSE),
    }
    cases["unknown"] = (a == UNKNOWN) != (b == UNKNOWN)
    area = blueprint.faces["area_m2"].to_numpy()
    table = pd.DataFrame({"case": list(cases), "area_m2": [area[at].sum() for at in cases.values()]})
    return table.assign(share=table["area_m2"] / table["area_m2"].sum())
