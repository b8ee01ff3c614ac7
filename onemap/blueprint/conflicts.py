"""Where two layers contradict each other, by a matrix that is data."""

from __future__ import annotations

import hashlib
from math import fsum

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from onemap.blueprint.derive import Members, Sheet, members_of
from onemap.blueprint.register import Register, make_register
from onemap.blueprint.slivers import is_sliver
from onemap.blueprint.status import face_status
from onemap.frames import CONFLICTS, FALSE, TRUE, UNKNOWN, empty

SEVERITY = ("prohibit", "consent", "review", "inform", "data")
PARTS = ["conflict_id", "row", "a", "b", "layer_b", "face_id", "area_m2", "geometry"]


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
    register = register_of(blueprint, rulebook)
    sheet = sheet_of_frames(blueprint, register)
    members = members_of(sheet, len(blueprint.faces), register, rulebook)
    own = blueprint.faces
    face_id, area = own["face_id"].to_numpy(dtype=object), own["area_m2"].to_numpy()
    names = conflict_names(members, register, rulebook)
    parts = conflict_parts(members, own.geometry.to_numpy(), face_id, area, names, register)
    conflicts, pairs = merge_parts([parts], blueprint.features, rulebook, blueprint.crs)
    return (conflicts, pairs) if faces else conflicts


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


def conflict_parts(members: Members, polygons, face_id, area_m2, names: np.ndarray, register) -> pd.DataFrame:
    """The members of each conflict dissolved: what these faces hold of it.

    names : of each member's conflict. columns : conflict_id; row (of the matrix), a, b (ids of features), layer_b;
    face_id, area_m2 : lists; geometry
    """
    order = np.lexsort((members.face, names)) if len(names) else np.empty(0, dtype=np.intp)
    named = names[order]
    first = np.flatnonzero(np.r_[True, named[1:] != named[:-1]][: len(order)])
    cuts = np.r_[first, len(order)]
    faces = members.face[order]
    ids, layers = np.append(register.feature_id, ""), np.array([*register.layers, ""], dtype=object)
    rows = []
    for k, at in enumerate(order[first]):
        own = faces[cuts[k] : cuts[k + 1]]
        rows.append(
            (
                names[at], int(members.row[at]), ids[members.a[at]], ids[members.b[at]], layers[members.layer_b[at]],
                face_id[own].tolist(), area_m2[own].tolist(), shapely.coverage_union_all(polygons[own]),
            )
        )  # fmt: skip
    return pd.DataFrame(rows, columns=PARTS)


def conflict_id(kind: str, feature_a: str, feature_b: str) -> str:
    """The name of the clash of two features, the same in every build.

    >>> conflict_id("X01", "a:1", "b:2")
    'X01-40c8603baa'
    """
    words = "|".join((kind, feature_a, feature_b))
    return f"{kind}-{hashlib.blake2b(words.encode(), digest_size=5).hexdigest()}"


def merge_parts(parts: list[pd.DataFrame], features, rulebook, crs) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """The ``conflicts`` frame, most severe and largest first, and the pairs (conflict_id, face_id) in that order.

    parts : of :func:`conflict_parts` for disjoint sets of faces; into which sets they were cut leaves no trace.
    features : frame with feature_id, layer and class_code
    """
    every = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=PARTS)
    if every.empty:
        return empty(CONFLICTS, crs), pd.DataFrame(columns=["conflict_id", "face_id"])
    every = every.sort_values("conflict_id", kind="stable").reset_index(drop=True)
    first = np.flatnonzero(~every["conflict_id"].duplicated())
    cuts = [*first.tolist(), len(every)]
    geometry, areas, faces = (every[c].to_numpy() for c in ("geometry", "area_m2", "face_id"))
    whole = np.empty(len(first), dtype=object)
    area, members = np.empty(len(first)), []
    for k, (a, b) in enumerate(zip(cuts[:-1], cuts[1:], strict=True)):
        whole[k] = geometry[a] if b - a == 1 else shapely.coverage_union_all(geometry[a:b])
        area[k] = fsum(x for part in areas[a:b] for x in part)
        members.append(sorted(x for part in faces[a:b] for x in part))
    lead = every.iloc[first]
    types = rulebook.conflict_types.iloc[lead["row"].to_numpy(dtype=np.intp)]
    own = features.drop_duplicates("feature_id").set_index("feature_id")
    frame = gpd.GeoDataFrame(
        {
            "conflict_id": lead["conflict_id"].to_numpy(dtype=object),
            "kind": types["kind"].to_numpy(dtype=object),
            "area_m2": area,
            "proposal": [f"conflict.{kind}.proposal" for kind in types["kind"]],
            "status": "open",
        },
        geometry=shapely.normalize(whole),
        crs=crs,
    )
    for side in ("a", "b"):
        feature = lead[side].to_numpy(dtype=object)
        frame[f"feature_{side}"] = feature
        frame[f"class_{side}"] = [_word(w) for w in own["class_code"].reindex(feature)]
    frame["layer_a"] = own["layer"].reindex(lead["a"]).fillna("").to_numpy(dtype=object)
    frame["layer_b"] = lead["layer_b"].to_numpy(dtype=object)
    for column in ("severity", "authority", "citations"):
        frame[column] = types[column].to_numpy(dtype=object)
    frame["sliver"] = is_sliver(frame.geometry.to_numpy(), area, rulebook)
    order = severest_first(frame)
    pairs = pd.DataFrame(
        {
            "conflict_id": np.repeat(
                frame["conflict_id"].to_numpy()[order], [len(members[i]) for i in order]
            ),
            "face_id": [face for i in order for face in members[i]],
        }
    )
    return frame.iloc[order].reset_index(drop=True)[CONFLICTS], pairs


def _word(value) -> str:
    return "" if value is None or pd.isna(value) else str(value)


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
