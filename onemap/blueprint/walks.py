"""The walks around faces, along edges that meet at ends only, compiled.

Half-edge ``2 * e`` runs along edge e from its lower place to its higher one, ``2 * e + 1`` back. The face of a
half-edge lies on its left. A walk follows the edges around one face. It is closed, and then either the outer bound of
a face or, once for each connected piece, the way around the piece from outside; or it is open: it comes into the
region from a place outside and ends at a place outside.
"""

from __future__ import annotations

from onemap.blueprint.exact import comes_before, earlier, half
from onemap.compiled import compiled, inner


@inner
def origin_of(h, edge_a, edge_b):
    return edge_b[h >> 1] if h & 1 else edge_a[h >> 1]


@compiled("i4[] i4[] f8[][] b1[] i4[] i4[]")
def fan(edge_a, edge_b, xy, inside, start, out):
    """The half-edges leaving each place inside, counter-clockwise: ``out[start[p]:start[p + 1]]``."""
    start[:] = 0
    for e in range(len(edge_a)):
        if inside[edge_a[e]]:
            start[edge_a[e] + 1] += 1
        if inside[edge_b[e]]:
            start[edge_b[e] + 1] += 1
    for p in range(len(start) - 1):
        start[p + 1] += start[p]
    for e in range(len(edge_a)):
        if inside[edge_a[e]]:
            out[start[edge_a[e]]] = 2 * e
            start[edge_a[e]] += 1
        if inside[edge_b[e]]:
            out[start[edge_b[e]]] = 2 * e + 1
            start[edge_b[e]] += 1
    for p in range(len(start) - 1, 0, -1):
        start[p] = start[p - 1]
    start[0] = 0
    for p in range(len(start) - 1):
        if start[p + 1] - start[p] < 3:
            continue
        for i in range(start[p] + 1, start[p + 1]):
            h = out[i]
            q = origin_of(h ^ 1, edge_a, edge_b)
            j = i
            while j > start[p]:
                r = origin_of(out[j - 1] ^ 1, edge_a, edge_b)
                if not earlier(xy[p, 0], xy[p, 1], xy[q, 0], xy[q, 1], xy[r, 0], xy[r, 1]):
                    break
                out[j] = out[j - 1]
                j -= 1
            out[j] = h


@compiled("i4[] i4[] i4[] -> b1")
def successors(start, out, following):
    """The half-edge that follows each half-edge around its face, -1 at places outside. False for a dead end."""
    following[:] = -1
    for p in range(len(start) - 1):
        n = start[p + 1] - start[p]
        if n == 1:
            return False
        for i in range(n):
            following[out[start[p] + i] ^ 1] = out[start[p] + (i - 1 if i else n - 1)]
    return True


@compiled("i4[] i4[] f8[][] b1[] i4[] i4[] i4[] i4[] b1[] f8[][] f8[] i4[] i4[] -> i8 i8")
def trace(edge_a, edge_b, xy, inside, following, walk, first, length, pinched, box, area, west, seen):
    """Number the walks, the open ones first. Returns how many, and how many are open, also without room for all.

    walk : of each half-edge, -1 where no end is inside; first : the half-edge that leaves the lowest of a closed
    walk's westernmost places (nearest to east, counter-clockwise), or that an open walk begins with; length : half-edges in it; pinched : whether a closed
    walk passes a place twice; box : west, south, east, north; area : on a closed walk's left; in steps;
    west : its lowest westernmost place inside; seen : scratch per place
    """
    walk[:] = -1
    seen[:] = -1
    walks = 0
    open_walks = 0
    for closed in range(2):
        for h in range(len(following)):
            if walk[h] >= 0:
                continue
            p = origin_of(h, edge_a, edge_b)
            if closed == 0 and (inside[p] or following[h] < 0):
                continue
            if closed == 1 and not inside[p]:
                continue
            n = 0
            begin = h
            best = -1
            ox, oy = xy[p, 0], xy[p, 1]
            low_x, low_y = 0.0, 0.0
            west_x, south, east, north = ox, oy, ox, oy
            total, last_x, last_y = 0.0, 0.0, 0.0
            twice = False
            at = h
            while at >= 0 and walk[at] < 0:
                walk[at] = walks
                n += 1
                p = origin_of(at, edge_a, edge_b)
                px, py = xy[p, 0], xy[p, 1]
                if inside[p] and (best < 0 or comes_before(px, py, low_x, low_y)):
                    best, low_x, low_y = p, px, py
                    if closed == 1:
                        begin = at
                elif p == best and closed == 1:
                    q, r = origin_of(at ^ 1, edge_a, edge_b), origin_of(begin ^ 1, edge_a, edge_b)
                    if earlier(px, py, xy[q, 0], xy[q, 1], xy[r, 0], xy[r, 1]):
                        begin = at
                west_x, south, east, north = min(west_x, px), min(south, py), max(east, px), max(north, py)
                px, py = px - ox, py - oy
                total += last_x * py - last_y * px
                last_x, last_y = px, py
                if seen[p] == walks:
                    twice = True
                seen[p] = walks
                at = following[at]
            if walks < len(first):
                first[walks] = begin
                length[walks] = n
                pinched[walks] = twice
                box[walks, 0], box[walks, 1], box[walks, 2], box[walks, 3] = west_x, south, east, north
                area[walks] = total / 2
                west[walks] = best
            walks += 1
        if closed == 0:
            open_walks = walks
    return walks, open_walks


@inner
def root(parent, i):
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@compiled("i4[] i4[] f8[][] i4[] i8 i4[] i4[] i4[] i4[] i4[] i4[] b1[] -> i8")
def pieces(edge_a, edge_b, xy, walk, open_walks, west, start, out, piece, westmost, around, is_open):
    """The connected pieces: their westernmost places, the walk that lies west of there, whether any of it is open.

    piece : scratch per walk, afterwards the piece of each walk. Returns how many.
    """
    for c in range(len(piece)):
        piece[c] = c
    for e in range(len(edge_a)):
        if walk[2 * e] >= 0:
            a, b = root(piece, walk[2 * e]), root(piece, walk[2 * e + 1])
            if a != b:
                piece[max(a, b)] = min(a, b)
    n = 0
    for c in range(len(piece)):
        if piece[c] == c:
            westmost[n] = west[c]
            is_open[n] = False
            piece[c] = -1 - n
            n += 1
        else:
            piece[c] = piece[piece[c]]
        k = -1 - piece[c]
        if c < open_walks:
            is_open[k] = True
        p, q = west[c], westmost[k]
        if comes_before(xy[p, 0], xy[p, 1], xy[q, 0], xy[q, 1]):
            westmost[k] = p
    for c in range(len(piece)):
        piece[c] = -1 - piece[c]
    for k in range(n):
        p = westmost[k]
        last = out[start[p]]
        for i in range(start[p] + 1, start[p + 1]):
            q, r = origin_of(last ^ 1, edge_a, edge_b), origin_of(out[i] ^ 1, edge_a, edge_b)
            north = half(xy[q, 0] - xy[p, 0], xy[q, 1] - xy[p, 1]) == 0
            if north == (half(xy[r, 0] - xy[p, 0], xy[r, 1] - xy[p, 1]) == 0):
                if earlier(xy[p, 0], xy[p, 1], xy[q, 0], xy[q, 1], xy[r, 0], xy[r, 1]):
                    last = out[i]
            elif not north:
                last = out[i]
        around[k] = walk[last]
    return n


@compiled("i4[] i4[] i4[] i4[] i4[] i4[] i8[] i4[]")
def list_places(walks, edge_a, edge_b, following, first, length, start, places):
    """The places along each of the walks: ``places[start[i]:start[i + 1]]``, of an open one the place it ends at too."""
    start[0] = 0
    at = 0
    for i in range(len(walks)):
        h = first[walks[i]]
        n = length[walks[i]]
        for k in range(n):
            places[at] = origin_of(h, edge_a, edge_b)
            at += 1
            if k == n - 1 and following[h] < 0:
                places[at] = origin_of(h ^ 1, edge_a, edge_b)
                at += 1
            h = following[h]
        start[i + 1] = at
