"""Exact decisions on whole-number coordinates held in doubles, compiled.

Coordinates are whole numbers up to 2**52, so every difference is exact. A cross product is first taken in doubles;
when rounding could change its sign, both products are split into a rounded part and its exact remainder (Dekker),
which decides exactly.
"""

from __future__ import annotations

import numpy as np

from onemap.compiled import inner

_SPLIT = 134217729.0  # 2**27 + 1
_DOUBT = 3.4e-16  # above the relative rounding error of a difference of two products


@inner
def product_rest(a, b, product):
    """What rounding took from ``product = a * b``: their exact product is ``product + rest``."""
    t = _SPLIT * a
    a_high = t - (t - a)
    a_low = a - a_high
    t = _SPLIT * b
    b_high = t - (t - b)
    b_low = b - b_high
    return ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


@inner
def turn(ax, ay, bx, by, cx, cy):
    """Twice the signed area of a, b, c, with the exact sign: positive when c lies left of a to b."""
    ux = bx - ax
    uy = by - ay
    vx = cx - ax
    vy = cy - ay
    left = ux * vy
    right = uy * vx
    difference = left - right
    if abs(difference) > _DOUBT * (abs(left) + abs(right)):
        return difference
    return (left - right) + (product_rest(ux, vy, left) - product_rest(uy, vx, right))


@inner
def cross_pair(ux, uy, vx, vy):
    """The cross product of two vectors as the sum of two doubles, with 100 bits."""
    left = ux * vy
    right = uy * vx
    high = left - right
    back = high - left
    low = (left - (high - back)) - (right + back)
    low += product_rest(ux, vy, left) - product_rest(uy, vx, right)
    total = high + low
    return total, low - (total - high)


@inner
def rounded(base, reach, num, num_low, den, den_low):
    """``base + reach * num / den`` to the nearest whole number, halves up; num and den are pairs of doubles."""
    q = num / den
    product = q * den
    rest = ((num - product) - product_rest(q, den, product)) + (num_low - q * den_low)
    q_low = rest / den
    value = q * reach
    low = product_rest(q, reach, value) + q_low * reach
    whole = np.floor(value + 0.5)
    over = (value - whole) + low
    if over >= 0.5:
        whole += 1.0
    elif over < -0.5:
        whole -= 1.0
    return base + whole


@inner
def comes_before(ax, ay, bx, by):
    """Whether a comes before b, from the west, then from the south."""
    return ax < bx or (ax == bx and ay < by)


@inner
def crossing(ax, ay, bx, by, cx, cy, dx, dy):
    """Where two edges that cross do so, to the nearest whole numbers, whatever their order and directions."""
    if comes_before(bx, by, ax, ay):
        ax, ay, bx, by = bx, by, ax, ay
    if comes_before(dx, dy, cx, cy):
        cx, cy, dx, dy = dx, dy, cx, cy
    if comes_before(cx, cy, ax, ay) or (cx == ax and cy == ay and comes_before(dx, dy, bx, by)):
        ax, ay, bx, by, cx, cy, dx, dy = cx, cy, dx, dy, ax, ay, bx, by
    num, num_low = cross_pair(cx - ax, cy - ay, dx - cx, dy - cy)
    den, den_low = cross_pair(bx - ax, by - ay, dx - cx, dy - cy)
    x = rounded(ax, bx - ax, num, num_low, den, den_low)
    y = rounded(ay, by - ay, num, num_low, den, den_low)
    return x, y


@inner
def between(ax, ay, bx, by, cx, cy):
    """Whether c, known to be on the line through a and b, lies in the box of a and b."""
    return min(ax, bx) <= cx <= max(ax, bx) and min(ay, by) <= cy <= max(ay, by)


@inner
def half(dx, dy):
    """0 for directions in [0, pi), 1 for those in [pi, 2 pi)."""
    return 0 if dy > 0 or (dy == 0 and dx > 0) else 1


@inner
def earlier(ox, oy, px, py, qx, qy):
    """Whether the direction o to p comes before o to q, counter-clockwise from east."""
    hp = half(px - ox, py - oy)
    hq = half(qx - ox, qy - oy)
    if hp != hq:
        return hp < hq
    return turn(ox, oy, px, py, qx, qy) > 0


@inner
def spread(bits):
    """The lower 16 bits, each followed by a zero bit."""
    bits = (bits | (bits << 8)) & 0x00FF00FF
    bits = (bits | (bits << 4)) & 0x0F0F0F0F
    bits = (bits | (bits << 2)) & 0x33333333
    return (bits | (bits << 1)) & 0x55555555
