"""What is odd about features that can be used all the same: spikes, repeated points, duplicates, stray vertices."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyproj
import shapely

from onemap.land.cells import words, words_differ
from onemap.land.crs import town_bounds
from onemap.land.flat import Flat, blocks, loops_for
from onemap.land.issues import Issues, place_of
from onemap.land.limits import Limits
from onemap.messages import Message

_IDS = {"bsm", "标识码"}
_FAR = 20.0
EARTH_M = 1e8  # no grid reaches so far, whatever zone number stands before its numbers
_MIX = np.array(
    [0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93], dtype=np.uint64
)
_MOST_ROWS = 100


def stray(geoms: np.ndarray, crs: pyproj.CRS, compactness: float) -> np.ndarray:
    """Which geometries leave the earth as the CRS draws it, or shoot out and back farther than its area is wide.

    Of a CRS that names no area of use only what lies beyond ``EARTH_M`` is known to.
    """
    use = crs.area_of_use
    bounds = shapely.bounds(geoms)
    finite = np.isfinite(bounds).all(axis=1)
    if use is None or not finite.any():
        return finite & (np.abs(bounds) > EARTH_M).any(axis=1)
    box = (use.west, use.south, use.east, use.north)
    earth, near = town_bounds(crs, box, _FAR), town_bounds(crs, box, 0.0)
    reach = min(near[2] - near[0], near[3] - near[1])
    off = finite & ((bounds[:, :2] < earth[:2]) | (bounds[:, 2:] > earth[2:])).any(axis=1)
    wide = np.flatnonzero(finite & ~off & (np.hypot(*(bounds[:, 2:] - bounds[:, :2]).T) > reach))
    for i in wide:
        off[i] = bool(spikes(geoms[i : i + 1], compactness, reach)[0].any())
    return off


def spikes(
    geoms: np.ndarray, compactness: float, least_m: float, rings: Flat | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Number of spikes per polygon, and how many polygons' vertices repeat the one before (as a mask).

    A spike is a vertex with both edges longer than ``least_m``, so sharp that the triangle of its two edges, made
    equally long, has a compactness (4π × area / perimeter²) below the given one. ``rings``: those of the polygons, where
    they are known.
    """
    count, repeated = np.zeros(len(geoms), dtype=int), np.zeros(len(geoms), dtype=bool)
    for first, some in blocks(geoms) if rings is None else [(0, rings)]:
        if not len(some.owner):
            continue
        owner = first + some.owner
        found, still = _of_rings(some, compactness, least_m)
        np.add.at(count, owner, found)
        repeated[owner[still]] = True
    return count, repeated


def _of_rings(rings: Flat, compactness: float, least_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Number of spikes of each ring, and whether a vertex repeats the one before."""
    count, repeated = np.zeros(len(rings.ends), dtype=np.int64), np.zeros(len(rings.ends), dtype=bool)
    loops = loops_for("shape_loops", len(rings.xy))
    if loops is not None:
        loops.ring_spikes(rings.xy, rings.ends, compactness, least_m, count, repeated)
        return count, repeated
    at, unit_a, unit_b, still = _turns(rings, least_m)
    ring = rings.ring
    repeated[ring[still]] = True
    area = np.abs(unit_a[:, 0] * unit_b[:, 1] - unit_a[:, 1] * unit_b[:, 0]) / 2
    around = 2 + _length(unit_a - unit_b)
    np.add.at(count, ring[at[4 * np.pi * area < compactness * (around * around)]], 1)
    return count, repeated


def _length(vectors: np.ndarray) -> np.ndarray:
    return np.sqrt(vectors[:, 0] * vectors[:, 0] + vectors[:, 1] * vectors[:, 1])


def _turns(rings: Flat, least_m: float):
    """Vertices with two long edges that turn back by more than a right angle: position, both edges' directions away
    from the vertex; and the vertices that repeat the one before."""
    xy, start, end = rings.xy, rings.starts, rings.ends - 1
    step = np.diff(xy, axis=0, append=xy[-1:])
    step[end] = step[start]
    dx, dy = np.ascontiguousarray(step.T)
    still = np.flatnonzero((dx == 0) & (dy == 0))
    still = still[~np.isin(still, end)]
    at = np.flatnonzero(dx[:-1] * dx[1:] + dy[:-1] * dy[1:] < 0) + 1
    at = at[~np.isin(at, start)]
    # the closing vertex stands for the first one, which it repeats
    a, b = -step[at - 1], step[at]
    long_a, long_b = _length(a), _length(b)
    long = (long_a > least_m) & (long_b > least_m)
    return at[long], a[long] / long_a[long, None], b[long] / long_b[long, None], still


def odd_features(
    geoms: np.ndarray,
    areas: np.ndarray,
    fids: list[str],
    limits: Limits,
    issues: Issues,
    rings: Flat | None = None,
) -> None:
    """One issue row per polygon with spikes and per sliver (``areas`` in m²), one per file for repeated points.

    ``rings``: those of the polygons, where they are known.
    """
    _slivers(geoms, areas, fids, limits, issues)
    count, repeated = spikes(geoms, limits.sliver_compactness, limits.sliver_width, rings)
    for i in np.flatnonzero(count)[:_MOST_ROWS]:
        issues.add("spike", fids[i], value=int(count[i]), place=place_of(geoms[i]))
    if (more := int((count > 0).sum()) - _MOST_ROWS) > 0:
        issues.add("spike", value=int(count.sum()), message=Message("land.more.features", count=more))
    if repeated.any():
        issues.add("repeated_points", value=int(repeated.sum()))


def _slivers(geoms: np.ndarray, areas: np.ndarray, fids: list[str], limits: Limits, issues: Issues) -> None:
    """Features too small, too thin or too ragged for a plan, by the book's parameters; the smallest first."""
    around = np.maximum(shapely.length(geoms), 1e-9)
    width = 2 * areas / around
    thin = (areas < limits.sliver_area) | (width < limits.sliver_width)
    thin |= 4 * np.pi * areas / around**2 < limits.sliver_compactness
    found = np.flatnonzero(thin)
    found = found[np.argsort(areas[found], kind="stable")]
    for i in found[:_MOST_ROWS]:
        issues.add(
            "sliver", fids[i], value=f"{areas[i]:.2f}", message=f"{width[i]:.2f}", place=place_of(geoms[i])
        )
    if (rest := len(found) - _MOST_ROWS) > 0:
        issues.add("slivers_more", value=rest, message=f"{areas[found[_MOST_ROWS:]].sum():.2f}")


def duplicate_features(features: pd.DataFrame, issues: Issues) -> None:
    """One issue row per set of features of one class with exactly the same geometry."""
    if len(features) < 2:
        return
    geoms = features.geometry.to_numpy()
    # one number per box: what is told apart by it differs, and what is not is compared whole
    box = np.ascontiguousarray(shapely.bounds(geoms) + 0.0).view(np.uint64)
    twin = np.flatnonzero(pd.Series(box @ _MIX).duplicated(keep=False))
    if not len(twin):
        return
    shape = pd.Series(shapely.to_wkb(shapely.normalize(geoms[twin])), index=twin)
    classes = features["class_code"].fillna("").to_numpy()[twin]
    for (_, _), group in shape.groupby([shape, classes], sort=False):
        fids = features["source_fid"].iloc[group.index].drop_duplicates().tolist()
        if len(fids) > 1:
            issues.add(
                "duplicate_feature",
                "|".join(fids[:20]),
                value=len(fids),
                place=place_of(geoms[group.index[0]]),
            )


def duplicate_keys(columns: pd.DataFrame, issues: Issues) -> None:
    """One issue row per identifier (BSM) that several rows carry."""
    for column in columns.columns:
        if str(column).strip().lower() not in _IDS or isinstance(columns[column], pd.DataFrame):
            continue
        if words_differ(columns[column]):
            continue
        said = pd.Series(words(columns[column]), index=columns.index, dtype=object)
        twice = said[(said != "") & said.duplicated(keep=False)]
        for word, group in list(twice.groupby(twice, sort=True))[:_MOST_ROWS]:
            issues.add("duplicate_key", "|".join(map(str, group.index[:20])), field=str(column), value=word)
        if (more := twice.nunique() - _MOST_ROWS) > 0:
            issues.add(
                "duplicate_key",
                field=str(column),
                value=f"+{more}",
                message=Message("land.more.identifiers", count=more),
            )
