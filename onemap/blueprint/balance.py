"""The proof that area adds up: faces and quarantine against what was read, layer by layer."""

from __future__ import annotations

from math import fsum

import numpy as np
import pandas as pd
import shapely

from onemap.blueprint.overlay import GRID_M
from onemap.frames import BALANCE
from onemap.land.area import ellipsoidal_area

RELATIVE = 1e-9
WEIGHTS = ["area_m2", "length_m"]


class BalanceError(AssertionError):
    """Faces and quarantine do not sum to the input: the blueprint must not be used."""


def balance_sheet(features, quarantine, faces, covers: pd.DataFrame) -> pd.DataFrame:
    """Input = faces + quarantined, per layer, in ellipsoidal square metres; see :func:`close_balance`."""
    face_area = covers["face_id"].map(faces.set_index("face_id")["area_m2"])
    return close_balance(
        inputs_of(weigh(features), quarantine, features.crs), face_area.groupby(covers["layer"]).sum()
    )


def weigh(features) -> pd.DataFrame:
    """What the features of each layer bring into a blueprint.

    Every feature counts with its own area, so a layer that overlaps itself counts its overlap as often as it was read.
    Sums are exact, so that they are the same however the features come.
    index : layer; columns : area_m2 (ellipsoidal) length_m (of all rings)
    """
    own = pd.DataFrame(features[["layer", "area_m2"]]).assign(
        length_m=shapely.length(features.geometry.to_numpy())
    )
    rows = {layer: [fsum(part[c]) for c in WEIGHTS] for layer, part in own.groupby("layer", sort=True)}
    return pd.DataFrame.from_dict(rows, orient="index", columns=WEIGHTS, dtype=float)


def inputs_of(weights: pd.DataFrame, quarantine, crs) -> pd.DataFrame:
    """What goes into a blueprint by layer. weights : see :func:`weigh`; quarantine : placed rows, as they were placed

    index : layer; columns : input_m2 quarantined_m2 (ellipsoidal) length_m
    """
    aside = pd.Series(ellipsoidal_area(quarantine.geometry.to_numpy(), crs), index=quarantine.index)
    aside = aside.groupby(quarantine["layer"]).sum()
    return pd.DataFrame(
        {
            "input_m2": weights["area_m2"].add(aside, fill_value=0.0),
            "quarantined_m2": aside,
            "length_m": weights["length_m"],
        }
    ).fillna(0.0)


def close_balance(inputs: pd.DataFrame, faces_m2: pd.Series) -> pd.DataFrame:
    """The balance sheet of what :func:`inputs_of` says against the area of faces by layer.

    Raises :class:`BalanceError` beyond 1e-9 relative plus the grid of the nodes (6·10⁻⁸ m) times the layer's boundary
    length. columns : layer input_m2 faces_m2 quarantined_m2 difference_m2 relative
    """
    sheet = inputs.join(faces_m2.rename("faces_m2"), how="outer").fillna(0.0).sort_index()
    sheet["difference_m2"] = sheet["input_m2"] - sheet["faces_m2"] - sheet["quarantined_m2"]
    sheet["relative"] = (sheet["difference_m2"] / sheet["input_m2"].replace(0.0, np.nan)).fillna(0.0)
    allowed = RELATIVE * sheet["input_m2"] + GRID_M * sheet["length_m"]
    off = sheet[sheet["difference_m2"].abs() > allowed]
    if len(off):
        raise BalanceError(f"area does not add up in {', '.join(off.index)}:\n{off}")
    return sheet.rename_axis("layer").reset_index()[BALANCE]
