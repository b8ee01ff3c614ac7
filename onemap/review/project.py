"""Plots of one project are one site: areas add up, the nearest distance counts, attributes must agree."""

from __future__ import annotations

import numpy as np
import pandas as pd

ATTRIBUTES = ["project_name", "category", "use", "supply_mode", "project_level", "approval_type", "siting"]
AREAS = ["declared_area_m2", "area_m2"]


def parcel_units(parcels: pd.DataFrame) -> pd.DataFrame:
    """The parcels as units of an answer: index parcel_id, with project_id, attributes and area_m2."""
    return parcels.set_index("parcel_id")[["project_id", *ATTRIBUTES, *AREAS]]


def project_units(parcels: pd.DataFrame) -> pd.DataFrame:
    """The projects as units: index project_id; an attribute on which the plots disagree is None (unknown)."""
    groups = parcels.groupby("project_id", sort=False)
    agreed = groups[ATTRIBUTES].agg(_agreed)
    return agreed.join(groups[AREAS].agg(lambda plots: pd.to_numeric(plots).sum(skipna=False)))


def project_facts(facts: pd.DataFrame, parcels: pd.DataFrame) -> pd.DataFrame:
    """The facts of whole projects: areas summed over the plots, distances the smallest, with ``project_id``."""
    subjects = facts["subject"].nunique()
    code, _ = pd.factorize(parcels["project_id"])
    order = np.argsort(code, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(code[order]) > 0])
    n = len(starts)

    def fold(column: str, how) -> np.ndarray:
        table = facts[column].to_numpy(dtype=float).reshape(len(parcels), subjects)
        return how.reduceat(table[order], starts, axis=0)

    area = np.add.reduceat(parcels["area_m2"].to_numpy(dtype=float)[order], starts)[:, None]
    areas = {c: fold(c, np.add) for c in ("overlap_area_m2", "outside_area_m2", "unknown_area_m2")}
    names = list(dict.fromkeys(parcels["project_id"]))
    return pd.DataFrame(
        {
            "project_id": np.repeat(np.array(names, dtype=object), subjects),
            "subject": np.tile(facts["subject"].to_numpy()[:subjects], n),
            "layer": np.tile(facts["layer"].to_numpy()[:subjects], n),
            **{c: a.ravel() for c, a in areas.items()},
            "overlap_share": (areas["overlap_area_m2"] / area).ravel(),
            "outside_share": (areas["outside_area_m2"] / area).ravel(),
            "known_share": (1.0 - np.minimum(areas["unknown_area_m2"] / area, 1.0)).ravel(),
            "touches": fold("touches", np.maximum).ravel().astype(bool),
            "distance_m": fold("distance_m", np.fmin).ravel(),
            "distance_unknown_m": fold("distance_unknown_m", np.fmin).ravel(),
        }
    )


def _agreed(values: pd.Series):
    words = {v for v in values if not (v is None or pd.isna(v) or v == "")}
    complete = not values.isna().any() and not (values == "").any()
    return words.pop() if len(words) == 1 and complete else None
