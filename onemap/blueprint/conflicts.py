"""Where two layers contradict each other, by a matrix that is data."""

from __future__ import annotations

import hashlib

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from onemap.blueprint.slivers import is_sliver
from onemap.blueprint.status import face_status, matching_features, subject_rows
from onemap.frames import CONFLICTS, FALSE, TRUE, UNKNOWN, empty


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
    matrix = rulebook.conflict_types
    subjects = sorted(set(matrix["subject_a"]) | set(matrix["subject_b"]))
    status = face_status(blueprint, rulebook, subjects)
    first = {s: first_feature(blueprint, rulebook, s) for s in subjects}
    parts = [
        _overlaid(row, blueprint, rulebook)
        if row.relation == "self"
        else _patches(row, blueprint, rulebook, status, first)
        for row in matrix.itertuples()
    ]
    parts = [p for p in parts if len(p)]
    pairs = pd.DataFrame(columns=["conflict_id", "face_id"])
    if not parts:
        nothing = empty(CONFLICTS, blueprint.crs)
        return (nothing, pairs) if faces else nothing
    members = pd.concat(parts, ignore_index=True)
    conflicts = _dissolve(members, blueprint, rulebook)
    order = conflicts["severity"].map(_severity_order(matrix)).to_numpy()
    conflicts = conflicts.iloc[np.lexsort((conflicts["conflict_id"], -conflicts["area_m2"], order))]
    conflicts = conflicts.reset_index(drop=True)
    if not faces:
        return conflicts
    rank = pd.Series(np.arange(len(conflicts)), index=conflicts["conflict_id"])
    pairs = members[["conflict_id", "face_id"]]
    pairs = pairs.iloc[np.lexsort((pairs["face_id"], pairs["conflict_id"].map(rank)))].reset_index(drop=True)
    return conflicts, pairs


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


def first_feature(blueprint, rulebook, subject: str) -> pd.DataFrame:
    """One matching feature per face (the smallest id), so that area in a conflict counts once.

    index : face_id; columns : feature_id layer class_code
    """
    matching = matching_features(blueprint, rulebook, subject)[["feature_id", "class_code"]]
    own = blueprint.covers.merge(matching, on="feature_id")
    own = own.sort_values(["face_id", "feature_id"], kind="stable").drop_duplicates("face_id")
    return own.set_index("face_id")[["feature_id", "layer", "class_code"]]


def _patches(row, blueprint, rulebook, status: pd.DataFrame, first: dict) -> pd.DataFrame:
    a, b = status[row.subject_a], status[row.subject_b]
    hit = (a == TRUE) & ((b == TRUE) if row.relation == "both" else (b == FALSE))
    faces = status.index[hit]
    side_a = first[row.subject_a].reindex(faces)
    if row.relation == "both":
        side_b = first[row.subject_b].reindex(faces)
    else:
        side_b = _other_statement(blueprint, rulebook, row.subject_b, faces)
    return _members(row.kind, faces, side_a, side_b)


def _overlaid(row, blueprint, rulebook) -> pd.DataFrame:
    matching = matching_features(blueprint, rulebook, row.subject_a)[["feature_id", "class_code"]]
    own = blueprint.covers.merge(matching, on="feature_id").sort_values(
        ["face_id", "feature_id"], kind="stable"
    )
    at = own.groupby("face_id").cumcount()
    first, second = (own[at == n].set_index("face_id") for n in (0, 1))
    return _members(row.kind, second.index, first.reindex(second.index), second)


def _members(kind: str, faces: pd.Index, side_a: pd.DataFrame, side_b: pd.DataFrame) -> pd.DataFrame:
    out = pd.DataFrame({"face_id": faces})
    out["kind"] = kind
    for name, side in (("a", side_a), ("b", side_b)):
        out[f"feature_{name}"] = _words(side["feature_id"])
        out[f"layer_{name}"] = _words(side["layer"])
        out[f"class_{name}"] = _words(side["class_code"])
    pairs = zip(out["feature_a"], out["feature_b"], strict=True)
    out["conflict_id"] = [f"{kind}-{_short('|'.join((kind, a, b)))}" for a, b in pairs]
    return out


def _words(values: pd.Series) -> list[str]:
    return ["" if pd.isna(value) else str(value) for value in values]


def _short(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=5).hexdigest()


def _other_statement(blueprint, rulebook, subject: str, faces: pd.Index) -> pd.DataFrame:
    layers = [layer for layer, _ in subject_rows(rulebook, subject)]
    own = blueprint.covers[blueprint.covers["layer"].isin(layers) & blueprint.covers["face_id"].isin(faces)]
    own = own.merge(blueprint.features[["feature_id", "class_code"]], on="feature_id")
    own = (
        own.sort_values(["face_id", "feature_id"], kind="stable")
        .drop_duplicates("face_id")
        .set_index("face_id")
    )
    other = own[["feature_id", "layer", "class_code"]].reindex(faces)
    other["layer"] = other["layer"].fillna(layers[0] if layers else "")
    return other


def _dissolve(members: pd.DataFrame, blueprint, rulebook) -> gpd.GeoDataFrame:
    faces = blueprint.faces.set_index("face_id")
    members = members.sort_values(["conflict_id", "face_id"], kind="stable")
    members = members.assign(area_m2=faces["area_m2"].reindex(members["face_id"]).to_numpy())
    groups = members.groupby("conflict_id", sort=True)
    rows = (
        groups[["kind", "class_a", "class_b", "layer_a", "layer_b", "feature_a", "feature_b"]]
        .first()
        .reset_index()
    )
    rows["area_m2"] = groups["area_m2"].sum().to_numpy()
    geometry = faces.geometry.reindex(members["face_id"]).to_numpy()
    split = np.cumsum(groups.size().to_numpy())[:-1]
    rows["geometry"] = [shapely.coverage_union_all(part) for part in np.split(geometry, split)]
    types = rulebook.conflict_types.drop_duplicates("kind").set_index("kind")
    for column in ("severity", "authority", "citations"):
        rows[column] = rows["kind"].map(types[column])
    rows["proposal"] = "conflict." + rows["kind"] + ".proposal"
    rows["status"] = "open"
    frame = gpd.GeoDataFrame(rows, geometry="geometry", crs=blueprint.crs)
    frame["sliver"] = is_sliver(frame.geometry.to_numpy(), frame["area_m2"].to_numpy(), rulebook)
    return frame[CONFLICTS]


def _severity_order(matrix: pd.DataFrame) -> dict:
    order = ("prohibit", "consent", "review", "inform", "data")
    return {severity: order.index(severity) for severity in matrix["severity"].unique()}
