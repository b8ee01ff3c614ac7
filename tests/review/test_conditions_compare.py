"""Comparisons at, just below and just above the threshold, of known values and of intervals."""

import numpy as np
import pytest

from onemap.review.logic import compare

# operator: below, at, above the threshold; then an interval that straddles it from below, at its lower and upper end
WANTED = {
    "gt": [0, 0, 1, -1, -1, 0],
    "ge": [0, 1, 1, -1, 1, -1],
    "lt": [1, 0, 0, -1, 0, -1],
    "le": [1, 1, 0, -1, -1, 1],
    "eq": [0, 1, 0, -1, -1, -1],
}


@pytest.mark.parametrize("operator", WANTED)
def test_at_the_threshold(operator):
    low = np.array([4.0, 5.0, 6.0, 4.0, 5.0, 4.0])
    high = np.array([4.0, 5.0, 6.0, 6.0, 6.0, 5.0])
    assert compare(low, high, operator, 5.0).tolist() == WANTED[operator]


@pytest.mark.parametrize("operator", WANTED)
def test_no_number_and_no_threshold_are_unknown(operator):
    nothing, five = np.array([np.nan]), np.array([5.0])
    assert compare(nothing, nothing, operator, 5.0).tolist() == [-1]
    assert compare(five, five, operator, float("nan")).tolist() == [-1]
