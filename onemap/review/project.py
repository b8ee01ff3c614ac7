"""Plots of one project are one site: areas add up, the nearest distance counts, attributes must agree."""

from __future__ import annotations

import numpy as np
import pandas as pd

ATTRIBUTES = ["project_name", "category", "use", "supply_mode", "project_level", "approval_type", "siting"]
AREAS = ["declared_area_m2", "area_m2"]


def parcel_units(parcels: pd.DataFrame) -> pd.DataFrame:
    """The parcels as units of an answer: index parcel_id, with project_id, attributes and area_m2."""
    columns = {name: parcels[name].to_numpy() for name in ("project_id", *ATTRIBUTES, *AREAS)}
    return pd.DataFrame(columns, index=pd.Index(parcels["parcel_id"].to_numpy(), name="parcel_id"))


def project_units(parcels: pd.DataFrame) -> pd.DataFrame:
    """The projects as units: index project_id; an attribute on which the plots disagree is None (unknown)."""
    of = project_of(parcels)
    plots = np.argsort(of, kind="stable")
    starts = np.flatnonzero(np.diff(of[plots], prepend=-1))
    table = {name: _agreed(parcels[name].to_numpy(dtype=object)[plots], starts) for name in ATTRIBUTES} | {
        name: np.add.reduceat(pd.to_numeric(parcels[name]).to_numpy(dtype=float)[plots], starts)
        if len(starts)
        else np.empty(0)
        for name in AREAS
    }
    names = parcels["project_id"].to_numpy(dtype=object)[plots[starts]]
    return pd.DataFrame(table, index=pd.Index(names, name="project_id"))


def project_of(parcels: pd.DataFrame) -> np.ndarray:
    """For each parcel the position of its project among :func:`project_units`."""
    return pd.factorize(parcels["project_id"].to_numpy(dtype=object))[0]


def project_facts(facts: pd.DataFrame, parcels: pd.DataFrame) -> pd.DataFrame:
    """The facts of whole projects: areas summed over the plots, distances the smallest, with ``project_id``."""
    subjects = len(facts) // max(len(parcels), 1)
    code = project_of(parcels)
    order = np.argsort(code, kind="stable")
    starts = np.flatnonzero(np.diff(code[order], prepend=-1))
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


def _agreed(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """The word of each group of values, None where the group has none, a blank one, or several."""
    blank = pd.isna(values) | (values == "")
    out = np.where(blank, None, values)[starts]
    stops = np.append(starts[1:], len(values))
    for i in np.flatnonzero(stops - starts > 1):
        plots = slice(starts[i], stops[i])
        if blank[plots].any() or len(set(values[plots])) > 1:
            out[i] = None
    return out
