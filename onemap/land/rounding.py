"""Rounding as offices round: half up on the decimal figure, parts that sum to the whole, 公顷 and 亩."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

import numpy as np

HECTARE_M2 = 10_000
MU_PER_M2 = 0.0015


def round_half_up(value: float, decimals: int = 2) -> float:
    """A number rounded half up (away from zero) on its decimal figure; NaN and infinity stay as they are.

    >>> round_half_up(2.675), round_half_up(1.005), round_half_up(-0.125), round(2.675, 2)
    (2.68, 1.01, -0.13, 2.67)
    """
    if value is None or not math.isfinite(value):
        return math.nan if value is None else value
    return float(Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP))


def hectares(area_m2: float, decimals: int = 4) -> float:
    """m² as 公顷, rounded half up.

    >>> hectares(90674.997), hectares(10.5)
    (9.0675, 0.0011)
    """
    return round_half_up(float(Decimal(repr(float(area_m2))) / HECTARE_M2), decimals)


def mu(area_m2: float, decimals: int = 2) -> float:
    """m² as 亩 (1 亩 = 2000/3 m²), rounded half up.

    >>> mu(10_000), mu(666.67)
    (15.0, 1.0)
    """
    return round_half_up(float(Decimal(repr(float(area_m2))) * Decimal("0.0015")), decimals)


def apportion(parts: Iterable[float], total: float | None = None, decimals: int = 2) -> np.ndarray:
    """Parts rounded so that they sum to the rounded total, by largest remainder; ties go to the earlier part.

    ``total`` is the whole (default: the sum of the parts); parts are scaled to it first. No part moves by more
    than one unit of the last decimal from its scaled value. Raises ValueError for a negative part, and for a
    total that parts of zero cannot reach.

    >>> apportion([1 / 3, 1 / 3, 1 / 3], 1).tolist()
    [0.34, 0.33, 0.33]
    """
    parts = np.asarray(list(parts), dtype=float)
    whole = math.fsum(parts) if total is None else float(total)
    if (parts < 0).any() or not np.isfinite(parts).all() or not math.isfinite(whole) or whole < 0:
        raise ValueError("parts and total must be finite and not negative")
    unit = 10**decimals
    target = int((Decimal(repr(whole)) * unit).quantize(Decimal(1), ROUND_HALF_UP))
    there = math.fsum(parts)
    if there == 0:
        if target:
            raise ValueError("parts that are all zero cannot sum to a total")
        return parts
    scaled = parts * (target / there)
    floor = np.floor(scaled).astype(np.int64)
    missing = target - int(floor.sum())
    order = np.argsort(-(scaled - floor), kind="stable")
    if missing >= 0:
        floor[order[:missing]] += 1
    else:
        floor[order[::-1][:-missing]] -= 1
    return floor / unit
