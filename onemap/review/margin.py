"""How far a boundary may move before an answer changes: every answer asked again for moved boundaries."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from onemap.frames import PARCELS
from onemap.land.area import ellipsoidal_area
from onemap.review.check import NOT_APPLICABLE, STATUSES, outcomes, sheet
from onemap.review.decide import REVIEW_BY_PERSON, route_of, verdicts_of
from onemap.review.logic import answer
from onemap.review.measure import measure
from onemap.review.project import parcel_units, project_facts, project_units

MARGINS = ["parcel_id", "rule_id", "margin_m", "direction"]
ROUTE_MARGINS = ["project_id", "what", "answer", "margin_m", "direction"]
OUTWARD, INWARD, BEYOND = "outward", "inward", "beyond"
SIGNS = (1.0, -1.0)
MITRE = 5.0  # times a step that a corner moves at most
HALVINGS = 9  # the first steps outwards and inwards: the limit, its half, its quarter, …


def margins(review, project_ids=None) -> pd.DataFrame:
    """How far (m) a parcel's boundary may move, outwards or inwards, while a finding keeps its status.

    Every finding that rests on land is asked again for the parcel grown and shrunk, first in coarse steps, then
    by bisection, up to ``margin_limit`` and to ``margin_precision`` of the book (engineering choices). ``direction``
    says which way the status changes first; ``beyond`` when it does not change within the limit, and ``margin_m``
    is then the limit.

    columns : parcel_id rule_id margin_m direction; sorted as the findings are
    """
    parcels = _chosen(review, project_ids)
    ids, rules = parcels["parcel_id"].to_numpy(), list(sheet(review.rulebook).said["rule_id"])
    margin, direction = _search(parcels, lambda moved: _statuses(moved, review), review.rulebook)
    table = pd.DataFrame(
        {
            "parcel_id": np.repeat(ids, len(rules)),
            "rule_id": np.tile(np.array(rules, dtype=object), len(ids)),
            "margin_m": margin.ravel(),
            "direction": direction.ravel(),
        }
    )
    asked = review.findings.loc[review.findings["status"] != "not_applicable", ["parcel_id", "rule_id"]]
    return asked.merge(table, on=["parcel_id", "rule_id"])[MARGINS]


def route_margins(review, project_ids=None) -> pd.DataFrame:
    """How far (m) the boundary of a whole site may move while its verdict and its route stay.

    As :func:`margins`, for the union of a project's plots. columns : project_id what (verdict, route) answer margin_m
    direction
    """
    sites = _sites(_chosen(review, project_ids))
    margin, direction = _search(sites, lambda moved: _answers(moved, review), review.rulebook)
    now = _answers(sites, review)
    ids = sites["project_id"].to_numpy()
    return pd.DataFrame(
        {
            "project_id": np.repeat(ids, 2),
            "what": np.tile(np.array(["verdict", "route"], dtype=object), len(ids)),
            "answer": now.ravel(),
            "margin_m": margin.ravel(),
            "direction": direction.ravel(),
        },
        columns=ROUTE_MARGINS,
    )


def margin_text(row, rulebook, lang: str = "zh") -> str:
    """A margin as people read it: "stays so for any boundary error up to 0.42 m"."""
    key = "explain.margin_beyond" if row["direction"] == BEYOND else "explain.margin"
    return rulebook.text(key, lang, margin_m=row["margin_m"])


def moved(geometry: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Polygons whose boundary has moved by metres: outwards where positive, inwards where negative.

    >>> moved(np.array([shapely.box(0, 0, 10, 10)]), np.array([-1.0]))[0].area
    64.0
    """
    return shapely.buffer(geometry, by, join_style="mitre", mitre_limit=MITRE)


def _search(parcels: gpd.GeoDataFrame, ask, rulebook) -> tuple[np.ndarray, np.ndarray]:
    limit, precision = rulebook.threshold("margin_limit"), rulebook.threshold("margin_precision")
    now = ask(parcels)
    low, high = _first_changes(parcels, ask, now, limit * 0.5 ** np.arange(HALVINGS - 1, -1, -1))
    while (wide := np.isfinite(high) & (high - low > precision)).any():
        low, high = _halved(parcels, ask, now, low, high, wide)
    changes = np.isfinite(high)
    out, inn = np.where(changes, low, limit)
    first_out = changes[0] & (~changes[1] | (out <= inn))
    direction = np.where(first_out, OUTWARD, np.where(changes[1], INWARD, BEYOND)).astype(object)
    return np.minimum(out, inn), direction


def _first_changes(parcels, ask, now, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The last step without and the first with a change, direction × parcel × answer; infinite where none changes."""
    n, k = len(parcels), len(steps)
    at = np.tile(np.repeat(np.arange(n), k), 2)
    by = np.concatenate([sign * np.tile(steps, n) for sign in SIGNS])
    same = (_ask_moved(parcels.iloc[at], by, ask, now[at]) == now[at]).reshape(2, n, k, -1)
    still = np.logical_and.accumulate(same, axis=2).sum(axis=2)
    reach = np.concatenate([[0.0], steps, [np.inf]])
    return reach[still], np.where(still < k, reach[still + 1], np.inf)


def _halved(parcels, ask, now, low, high, wide) -> tuple[np.ndarray, np.ndarray]:
    middle = np.where(wide, (low + high) / 2, np.nan)
    pairs = [
        (d, i, by)
        for d in range(2)
        for i, row in enumerate(middle[d])
        for by in np.unique(row[~np.isnan(row)])
    ]
    at = np.array([i for _, i, _ in pairs])
    by = np.array([SIGNS[d] * by for d, _, by in pairs])
    answers = _ask_moved(parcels.iloc[at], by, ask, now[at])
    low, high = low.copy(), high.copy()
    for answered, (d, i, by) in zip(answers, pairs, strict=True):
        here = wide[d, i] & (middle[d, i] == by)
        same = answered == now[i]
        low[d, i, here & same] = by
        high[d, i, here & ~same] = by
    return low, high


def _ask_moved(parcels: gpd.GeoDataFrame, by: np.ndarray, ask, before: np.ndarray) -> np.ndarray:
    """The answers for moved parcels; a parcel that shrinks to nothing has no answer, which is a change."""
    shapes = moved(parcels.geometry.to_numpy(), by)
    area = ellipsoidal_area(shapes, parcels.crs)
    there = area > 0
    answers = np.full(before.shape, None, dtype=object)
    if there.any():
        frame = parcels.assign(area_m2=area).set_geometry(shapes, crs=parcels.crs)[there]
        names = [f"{name}@{i}" for i, name in enumerate(frame["parcel_id"])]
        projects = [f"{name}@{i}" for i, name in enumerate(frame["project_id"])]
        frame = frame.assign(parcel_id=names, project_id=projects).reset_index(drop=True)
        answers[there] = ask(frame)
    return answers


def _statuses(parcels: gpd.GeoDataFrame, review) -> np.ndarray:
    facts = measure(parcels, review.blueprint, review.rulebook)
    return _outcomes(facts, parcels, review.rulebook)


def _outcomes(facts: pd.DataFrame, parcels, rulebook) -> np.ndarray:
    return STATUSES[outcomes(answer(facts, parcel_units(parcels), rulebook), rulebook) - NOT_APPLICABLE]


def _answers(parcels: gpd.GeoDataFrame, review) -> np.ndarray:
    book = review.rulebook
    facts = measure(parcels, review.blueprint, book)
    statuses = _outcomes(facts, parcels, book)
    answers = answer(project_facts(facts, parcels), project_units(parcels), book)
    n, rules = len(parcels), sheet(book).said
    findings = {name: np.tile(rules[name], n) for name in ("rule_id", "effect")} | {
        "status": statuses.ravel()
    }
    verdicts = verdicts_of(np.repeat(np.arange(n), statuses.shape[1]), findings, n)
    rows = []
    for at in range(n):
        route, _, _ = route_of(at, answers, book)
        if book.routes.at[route, "skips"] == "Y" and verdicts.guard[at]:
            route = REVIEW_BY_PERSON
        rows.append([verdicts.verdict[at], route])
    return np.array(rows, dtype=object)


def _chosen(review, project_ids) -> gpd.GeoDataFrame:
    parcels = review.parcels
    if project_ids is not None:
        parcels = parcels[parcels["project_id"].isin(list(project_ids))]
    return parcels.reset_index(drop=True)


def _sites(parcels: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    units = project_units(parcels)
    shapes = [shapely.union_all(parcels.geometry[parcels["project_id"] == p].to_numpy()) for p in units.index]
    sites = gpd.GeoDataFrame(units.reset_index(), geometry=shapes, crs=parcels.crs)
    sites["parcel_id"] = sites["project_id"]
    return sites.reindex(columns=PARCELS).set_geometry("geometry", crs=parcels.crs)
