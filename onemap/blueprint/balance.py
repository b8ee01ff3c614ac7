"""The proof that area adds up: faces and quarantine against what was read, layer by layer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely

from onemap.blueprint.overlay import GRID_M
from onemap.frames import BALANCE
from onemap.land.area import ellipsoidal_area

RELATIVE = 1e-9


class BalanceError(AssertionError):
    """Faces and quarantine do not sum to the input: the blueprint must not be used."""


def balance_sheet(features, quarantine, faces, covers: pd.DataFrame) -> pd.DataFrame:
    """Input = faces + quarantined, per layer, in ellipsoidal square metres; see :func:`close_balance`."""
    face_area = covers["face_id"].map(faces.set_index("face_id")["area_m2"])
    return close_balance(features, quarantine, face_area.groupby(covers["layer"]).sum())


def close_balance(features, quarantine, faces_m2: pd.Series) -> pd.DataFrame:
    """The balance sheet of features and placed quarantined rows against the area of faces by layer.

    Every feature counts with its own area, so a layer that overlaps itself counts its overlap as often as it
    was read. Quarantined footprints count as they were placed. Raises :class:`BalanceError` beyond 1e-9
    relative plus the grid of the nodes (6·10⁻⁸ m) times the layer's boundary length.

    columns : layer input_m2 faces_m2 quarantined_m2 difference_m2 relative
    """
    quarantined = pd.Series(
        ellipsoidal_area(quarantine.geometry.to_numpy(), features.crs), index=quarantine.index
    )
    quarantined = quarantined.groupby(quarantine["layer"]).sum()
    sheet = pd.DataFrame(
        {
            "input_m2": features.groupby("layer")["area_m2"].sum().add(quarantined, fill_value=0.0),
            "faces_m2": faces_m2,
            "quarantined_m2": quarantined,
        }
    ).fillna(0.0)
    sheet["difference_m2"] = sheet["input_m2"] - sheet["faces_m2"] - sheet["quarantined_m2"]
    sheet["relative"] = (sheet["difference_m2"] / sheet["input_m2"].replace(0.0, np.nan)).fillna(0.0)
    length = pd.Series(shapely.length(features.geometry.to_numpy()), index=features.index)
    allowed = RELATIVE * sheet["input_m2"] + GRID_M * length.groupby(features["layer"]).sum().reindex(
        sheet.index, fill_value=0
    )
    off = sheet[sheet["difference_m2"].abs() > allowed]
    if len(off):
        raise BalanceError(f"area does not add up in {', '.join(off.index)}:\n{off}")
    return sheet.rename_axis("layer").reset_index()[BALANCE]
