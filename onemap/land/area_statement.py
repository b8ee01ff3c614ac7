"""The areas of plots as they are handed in: both methods side by side, rounded once, parts that sum to the whole."""

from __future__ import annotations

import numpy as np
import pandas as pd

from onemap.land.rounding import HECTARE_M2, MU_PER_M2, apportion
from onemap.land.survey import survey_area

# unit, decimals: as areas are handed in
_UNITS = {"m2": (1.0, 2), "ha": (1 / HECTARE_M2, 4), "mu": (MU_PER_M2, 2)}


def area_statement(parcels) -> pd.DataFrame:
    """A parcels frame's areas by the survey's procedure and exactly, a row a plot and one for all together (without id).

    Columns: project_id parcel_id declared_m2 (as declared, unrounded); survey_m2 survey_ha survey_mu (勘测面积, what a
    checker will recompute); exact_m2 (the area that the rest of the package uses). The plots of a project sum to its
    rounded area, and the last row is the sum of the rows above it.

    >>> import geopandas as gpd, shapely
    >>> three = [shapely.box(41500000, y, 41500100, y + 100.001) for y in (4552000, 4553000, 4554000)]
    >>> plots = gpd.GeoDataFrame({"project_id": "P", "parcel_id": list("abc")}, geometry=three, crs="EPSG:4529")
    >>> area_statement(plots.assign(area_m2=10000.1, declared_area_m2=1e4))["survey_ha"].tolist()
    [1.0, 1.0, 1.0, 3.0]
    """
    survey = np.array([survey_area(geom, parcels.crs) for geom in parcels.geometry])
    found = pd.DataFrame({c: parcels[c].to_numpy(object) for c in ("project_id", "parcel_id")})
    found["declared_m2"] = parcels["declared_area_m2"].to_numpy(float)
    for unit, (factor, decimals) in _UNITS.items():
        found[f"survey_{unit}"] = _rounded(survey * factor, found["project_id"], decimals)
    found["exact_m2"] = _rounded(parcels["area_m2"].to_numpy(float), found["project_id"], 2)
    whole = {c: round(found[c].sum(), _UNITS[c.rpartition("_")[2]][1]) for c in found.columns[3:]}
    told = found["declared_m2"].sum() if found["declared_m2"].notna().all() else np.nan
    total = pd.DataFrame([{"project_id": None, "parcel_id": None, "declared_m2": told} | whole])
    return pd.concat([found, total.astype(found.dtypes)], ignore_index=True)


def _rounded(areas: np.ndarray, project: pd.Series, decimals: int) -> np.ndarray:
    """Areas rounded so that the plots of each project sum to the project's rounded area."""
    out = np.zeros(len(areas))
    for rows in project.groupby(project, sort=False).indices.values():
        out[rows] = apportion(areas[rows], decimals=decimals)
    return out
