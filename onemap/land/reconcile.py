"""Declared areas against computed ones: wrong units, rounded figures, and figures of another shape."""

from __future__ import annotations

import numpy as np
import pandas as pd

from onemap.land.cells import all_differ
from onemap.land.issues import Issues, place_of
from onemap.land.limits import Limits
from onemap.land.survey import survey_area
from onemap.messages import Message

_UNITS = {
    Message("land.unit.m2"): 1.0,
    Message("land.unit.ha"): 10_000.0,
    Message("land.unit.mu"): 2000 / 3,
    Message("land.unit.km2"): 1_000_000.0,
}


def unit_guess(ratio: float, share: float) -> tuple[Message, float] | None:
    """The unit mix-up that explains computed / declared, and its factor; None if none does.

    >>> guess, factor = unit_guess(10003.0, 0.1)
    >>> guess.text("en"), factor, unit_guess(1.02, 0.1)
    ('declared in ha, read as m²', 10000.0, None)
    """
    for meant, size in _UNITS.items():
        for read, other in _UNITS.items():
            if meant != read and abs(ratio / (size / other) - 1) <= share:
                return Message("land.area.unit", meant=meant, read=read), size / other
    return None


def rounded_as(declared: float, computed: float) -> bool:
    """Whether a declared figure is the computed one rounded to its own last digit in m², 公顷 or 亩, or cut off behind it.

    >>> rounded_as(90_700.0, 90_674.997), rounded_as(90_600.0, 90_674.997), rounded_as(91_000.5, 90_674.997)
    (True, True, False)
    """
    for factor in (1.0, 10_000.0, 2000 / 3):
        figure, exact = declared / factor, computed / factor
        decimals = 4
        while decimals > -4 and abs(figure - round(figure, decimals - 1)) <= 1e-9 * max(abs(figure), 1):
            decimals -= 1
        half_step = 10.0**-decimals / 2
        near = abs(figure - exact) <= half_step * (1 + 1e-9) or 0 <= exact - figure < 2 * half_step
        if near and half_step <= 0.05 * exact:
            return True
    return False


def reconcile(features: pd.DataFrame, limits: Limits, issues: Issues, survey_crs=None) -> None:
    """Issues for declared areas that differ from computed ones; a whole column in a wrong unit is one issue.

    Reads declared_m2, area_m2, source_fid and geometry of rows; the two areas are left as they are. ``survey_crs``: the
    CRS of sites, whose area by the survey's procedure is told as well, as a checker will compute it.
    """
    twice = len(features) and not all_differ(features["source_fid"].to_numpy(object))
    rows = features.drop_duplicates("source_fid") if twice else features
    declared, computed = rows["declared_m2"].to_numpy(float), rows["area_m2"].to_numpy(float)
    told = np.isfinite(declared) & (declared > 0) & (computed > 0)
    if not told.any():
        return
    ratio = np.full(len(rows), np.nan)
    ratio[told] = computed[told] / declared[told]
    common = unit_guess(float(np.nanmedian(ratio)), limits.area_error_share) if told.sum() > 1 else None
    if common:
        issues.add("area_unit", field="area", value=f"{np.nanmedian(ratio):.6g}", message=common[0])
        ratio /= common[1]
        declared = declared * common[1]
    off = (
        told
        & (np.abs(ratio - 1) > limits.area_warn_share)
        & (np.abs(declared - computed) > limits.hit_min_area)
    )
    for i in np.flatnonzero(off):
        row = rows.iloc[i]
        guess = unit_guess(float(ratio[i]), limits.area_error_share)
        wrong = abs(ratio[i] - 1) > limits.area_error_share
        code = "area_unit" if guess else "area_wrong" if wrong else "area_differs"
        if code == "area_differs" and rounded_as(float(declared[i]), float(computed[i])):
            code = "declared_rounded"
        survey = survey_crs and Message(
            "land.area.survey", area=round(survey_area(row["geometry"], survey_crs), 2)
        )
        found = {
            "computed": round(float(computed[i]), 2),
            "ratio": float(f"{ratio[i]:.6g}"),
            "survey": survey or "",
        }
        message = Message("land.area.computed", **found)
        issues.add(
            code, row["source_fid"], field="area", value=f"{declared[i]:.10g}", place=place_of(row["geometry"]),
            message=Message("land.area.guessed", guess=guess[0], **found) if guess else message,
        )  # fmt: skip
