"""Exact decisions on whole-number coordinates held in doubles, compiled.

Coordinates are whole numbers up to 2**52, so every difference is exact. A cross product is first taken in doubles;
when rounding could change its sign, both products are split into a rounded part and its exact remainder (Dekker),
which decides exactly.
"""

from __future__ import annotations

from numba import njit

_SPLIT = 134217729.0  # 2**27 + 1
_DOUBT = 3.4e-16  # above the relative rounding error of a difference of two products


@njit(cache=True)
def product_rest(a, b, product):
    """What rounding took from ``product = a * b``: their exact product is ``product + rest``."""
    t = _SPLIT * a
    a_high = t - (t - a)
    a_low = a - a_high
    t = _SPLIT * b
    b_high = t - (t - b)
    b_low = b - b_high
    return ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


@njit(cache=True)
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


@njit(cache=True)
def between(ax, ay, bx, by, cx, cy):
    """Whether c, known to be on the line through a and b, lies in the box of a and b."""
    return min(ax, bx) <= cx <= max(ax, bx) and min(ay, by) <= cy <= max(ay, by)


@njit(cache=True)
def half(dx, dy):
    """0 for directions in [0, pi), 1 for those in [pi, 2 pi)."""
    return 0 if dy > 0 or (dy == 0 and dx > 0) else 1


@njit(cache=True)
def earlier(ox, oy, px, py, qx, qy):
    """Whether the direction o to p comes before o to q, counter-clockwise from east."""
    hp = half(px - ox, py - oy)
    hq = half(qx - ox, qy - oy)
    if hp != hq:
        return hp < hq
    return turn(ox, oy, px, py, qx, qy) > 0


@njit(cache=True)
def spread(bits):
    """The lower 16 bits, each followed by a zero bit."""
    bits = (bits | (bits << 8)) & 0x00FF00FF
    bits = (bits | (bits << 4)) & 0x0F0F0F0F
    bits = (bits | (bits << 2)) & 0x33333333
    return (bits | (bits << 1)) & 0x55555555
