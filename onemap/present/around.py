"""The part of a blueprint around a place, found without a walk over the town."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import shapely

from onemap.blueprint.memory import Listed, ground_of, remembered
from onemap.blueprint.near import part_near
from onemap.blueprint.status import drawn_from


def land_around(blueprint: Any, window: tuple[float, float, float, float]) -> Any:
    """The blueprint with only the faces that meet a window (m) and what is known of them; its version stays."""
    blueprint = part_near(blueprint, np.array([window]), drawn=True)
    box = shapely.box(*window)
    faces = np.sort(blueprint.face_tree.query(box, predicate="intersects"))
    pairs = _of_faces(blueprint, "conflict_faces", faces)
    features = np.unique(ground_of(blueprint).covers.at(faces)[1])
    apart = blueprint.quarantine.geometry
    kept = apart.isna() | apart.is_empty | apart.intersects(box)
    conflicts = blueprint.conflicts
    part = replace(
        blueprint,
        faces=blueprint.faces.iloc[faces],
        covers=_of_faces(blueprint, "covers", faces),
        unknowns=_of_faces(blueprint, "unknowns", faces),
        features=blueprint.features.iloc[features],
        quarantine=blueprint.quarantine[kept],
        conflicts=conflicts[conflicts["conflict_id"].isin(pairs["conflict_id"])],
        conflict_faces=pairs,
    )
    drawn_from(part, blueprint, features)
    return part


def _of_faces(blueprint: Any, name: str, faces: np.ndarray) -> pd.DataFrame:
    """The rows of one of the blueprint's tables that belong to the faces at these positions."""
    table = getattr(blueprint, name)

    def rows() -> Listed:
        face = pd.Index(blueprint.faces["face_id"]).get_indexer(table["face_id"])
        order = np.argsort(face, kind="stable")
        return Listed(np.searchsorted(face[order], np.arange(len(blueprint.faces) + 1)), order)

    return table.iloc[np.sort(remembered(blueprint, None, f"{name} by face", rows).at(faces)[1])]
