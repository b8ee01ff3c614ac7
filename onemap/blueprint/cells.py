"""A grid of square cells over the plane, and which edges pass which cell, compiled."""

from __future__ import annotations

import numpy as np

from onemap.compiled import compiled, inner


@inner
def walk_cells(ax, ay, bx, by, nx, ny, margin, edge, marked, only_marked, mode, start, cells):
    """Visit every grid cell that an edge (in cell units) passes or passes within the margin.

    What lies beyond the grid counts with the cells at its rim. mode 0 marks the cells, 1 counts the edge in them,
    2 writes the edge into them.
    """
    if ay > by:
        ax, ay, bx, by = bx, by, ax, ay
    first = min(max(np.int64(ay - margin), 0), ny - 1)
    last = min(max(np.int64(by + margin), 0), ny - 1)
    steep = by - ay > 1e-3
    slope = (bx - ax) / (by - ay) if steep else 0.0
    for row in range(first, last + 1):
        if steep and last > first:
            xa = ax + (min(max(row - margin, ay), by) - ay) * slope if row > 0 else ax
            xb = ax + (min(max(row + 1 + margin, ay), by) - ay) * slope if row < ny - 1 else bx
        else:
            xa = ax
            xb = bx
        west = min(max(np.int64(min(xa, xb) - margin), 0), nx - 1)
        east = min(max(np.int64(max(xa, xb) + margin), 0), nx - 1)
        for cell in range(row * nx + west, row * nx + east + 1):
            if mode == 0:
                marked[cell] = True
            elif not only_marked or marked[cell]:
                if mode == 1:
                    start[cell + 1] += 1
                else:
                    cells[start[cell]] = edge
                    start[cell] += 1


def file_cells(edge_a, edge_b, xy, origin, unit_x, unit_y, nx, ny, margin, fresh, all_cells, start):
    """The edges of every cell, or of every cell that a fresh edge passes; ``start[c]`` is where cell c's list begins."""
    marked, cells = np.zeros(0 if all_cells else nx * ny, dtype=np.bool_), np.empty(0, dtype=np.int32)
    given = (edge_a, edge_b, xy, origin, unit_x, unit_y, nx, ny, margin, fresh, marked)
    if not all_cells:
        visit_cells(*given, 0, start, cells)
    start[:] = 0
    visit_cells(*given, 1, start, cells)
    np.cumsum(start, out=start)
    cells = np.empty(start[-1], dtype=np.int32)
    visit_cells(*given, 2, start, cells)
    start[1:] = start[:-1]
    start[0] = 0
    return cells


@compiled("i4[] i4[] f8[][] f8[] f8 f8 i8 i8 f8 b1[] b1[] i8 i8[] i4[]")
def visit_cells(
    edge_a, edge_b, xy, origin, unit_x, unit_y, nx, ny, margin, fresh, marked, mode, start, cells
):
    """Let every edge visit its cells, see :func:`walk_cells`; those not marked are left out when any can be."""
    for e in range(len(edge_a)):
        if mode == 0 and not fresh[e]:
            continue
        a, b = edge_a[e], edge_b[e]
        walk_cells(
            (xy[a, 0] - origin[0]) * unit_x, (xy[a, 1] - origin[1]) * unit_y,
            (xy[b, 0] - origin[0]) * unit_x, (xy[b, 1] - origin[1]) * unit_y,
            nx, ny, margin, e, marked, len(marked) > 0, mode, start, cells,
        )  # fmt: skip
