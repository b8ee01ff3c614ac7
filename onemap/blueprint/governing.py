"""Which plan's word counts at a face, by the precedence that the catalogue declares."""

from __future__ import annotations

import pandas as pd


def govern(faces, covers: pd.DataFrame, features, catalogue) -> pd.DataFrame:
    """Add governing_layer, governing_class and reason to faces; losers stay in ``covers``.

    The layer with the smallest precedence number wins; inside a layer the newest feature, then the feature id.
    Layers without precedence never govern. Only a proposal: no source is changed. reason names the winner's
    precedence and the layers that it overrides, as ``precedence=3;over=city_master_plan|land_survey``.
    """
    precedence = pd.to_numeric(catalogue.layers["precedence"], errors="coerce")
    own = features[["feature_id", "class_code", "valid_from"]]
    long = covers.merge(own, on="feature_id", how="left")
    long["precedence"] = long["layer"].map(precedence)
    long = long.dropna(subset="precedence")
    long["newest"] = (
        -pd.to_datetime(long["valid_from"], errors="coerce").fillna(pd.Timestamp(0)).astype("int64")
    )
    long = long.sort_values(["face_id", "precedence", "newest", "layer", "feature_id"], kind="stable")
    winner = long.drop_duplicates("face_id").set_index("face_id")
    losers = long[long["layer"] != long["face_id"].map(winner["layer"])]
    over = losers.drop_duplicates(["face_id", "layer"]).groupby("face_id")["layer"].agg("|".join)

    faces = faces.copy()
    faces["governing_layer"] = faces["face_id"].map(winner["layer"])
    faces["governing_class"] = faces["face_id"].map(winner["class_code"])
    rank = faces["face_id"].map(winner["precedence"])
    beaten = [over.get(face, "") for face in faces["face_id"]]
    faces["reason"] = [
        None if pd.isna(r) else f"precedence={int(r)}" + (f";over={b}" if b else "")
        for r, b in zip(rank, beaten, strict=True)
    ]
    return faces
