"""Traces between pads: octilinear paths over a grid, around what is already there.

Legend: R rows and C columns of the routing grid, K points of a trace, 2 as (x, y) in design px.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from skimage.graph import route_through_array

from tasks.synthesis.layout import Layout
from tasks.vocabulary.arrays import Float64Array

CELL = 0.21
BLOCKED = 400.0
WINDOW = 9.0


@dataclass(frozen=True)
class Routing:
    """Traces as polylines `[K, 2]` with their widths in px, and vias `[N, 2]`."""

    traces: tuple[tuple[Float64Array, float], ...]
    vias_xy: Float64Array


class Grid:
    """What a trace may cross, and at what cost."""

    def __init__(self, layout: Layout) -> None:
        self.cell_px = CELL * layout.unit_px
        outline = layout.outline
        self.left, self.top = outline.left, outline.top
        rows = int((outline.bottom - outline.top) / self.cell_px) + 1
        columns = int((outline.right - outline.left) / self.cell_px) + 1
        self.cost_RC = np.ones((rows, columns), dtype=np.float32)
        self.cost_RC[:2] = self.cost_RC[-2:] = self.cost_RC[:, :2] = self.cost_RC[:, -2:] = BLOCKED

    def cell(self, x_px: float, y_px: float) -> tuple[int, int]:
        """Find the cell of a point."""
        row = int(np.clip(round((y_px - self.top) / self.cell_px), 0, self.cost_RC.shape[0] - 1))
        column = int(
            np.clip(round((x_px - self.left) / self.cell_px), 0, self.cost_RC.shape[1] - 1)
        )
        return row, column

    def free(self, place_xy: Float64Array) -> bool:
        """Whether a via fits at a place."""
        row, column = self.cell(*place_xy)
        around_RC = self.cost_RC[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        return bool((around_RC < BLOCKED).all())

    def point(self, row: float, column: float) -> tuple[float, float]:
        """Find the (x, y) of a cell."""
        return self.left + column * self.cell_px, self.top + row * self.cell_px

    def block(self, x_px: float, y_px: float, half_width: float, half_height: float) -> None:
        """Close a rectangle about a point."""
        top, left = self.cell(x_px - half_width, y_px - half_height)
        bottom, right = self.cell(x_px + half_width, y_px + half_height)
        self.cost_RC[top : bottom + 1, left : right + 1] = BLOCKED

    def route(self, start_xy: Float64Array, end_xy: Float64Array) -> Float64Array | None:
        """Find the cheapest path `[K, 2]` of cells (row, column), None if all are blocked."""
        start, end = self.cell(*start_xy), self.cell(*end_xy)
        reach = int(3.0 / CELL)
        top = max(0, min(start[0], end[0]) - reach)
        left = max(0, min(start[1], end[1]) - reach)
        bottom, right = max(start[0], end[0]) + reach + 1, max(start[1], end[1]) + reach + 1
        window_RC = self.cost_RC[top:bottom, left:right].copy()
        ends = [(start[0] - top, start[1] - left), (end[0] - top, end[1] - left)]
        for row, column in ends:
            near = window_RC[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
            np.minimum(near, 3.0, out=near)
        path, cost = route_through_array(window_RC, ends[0], ends[1])  # type: ignore[no-untyped-call]  # has no types
        if cost >= BLOCKED:
            return None
        path_K2 = np.array(path) + np.array([top, left])
        for row, column in path_K2:
            self.cost_RC[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2] = BLOCKED
        cells_K2: Float64Array = path_K2.astype(np.float64)
        return cells_K2


def route_traces(layout: Layout, seed: int) -> Routing:
    """Connect every pad to a near pad of another part, or else to a via near by."""
    rng = np.random.default_rng([seed, 2])
    grid = Grid(layout)
    unit_px = layout.unit_px
    pads = layout.pads()
    pads_N2 = np.array([(p.x_px + a.x * unit_px, p.y_px + a.y * unit_px) for p, a in pads])
    block_grid(grid, layout, pads_N2)
    owners_N = np.array([part.designator for part, _ in pads])
    unrouted = set(range(len(pads)))
    traces: list[tuple[Float64Array, float]] = []
    vias: list[tuple[float, float]] = []
    for index in rng.permutation(len(pads)):
        if index not in unrouted:
            continue
        unrouted.discard(int(index))
        width_px = unit_px * float(rng.choice([0.1, 0.1, 0.13, 0.2]))
        partner = near_partner(int(index), pads_N2, owners_N, unrouted, WINDOW * unit_px)
        path = grid.route(pads_N2[index], pads_N2[partner]) if partner is not None else None
        if path is not None and partner is not None:
            unrouted.discard(partner)
            end_xy = pads_N2[partner]
        else:
            outward = np.array([pads[index][1].outward_x, pads[index][1].outward_y])
            aside = rng.uniform(-2.5, 2.5) * outward[::-1]
            end_xy = pads_N2[index] + unit_px * (outward * rng.uniform(0.7, 2.8) + aside)
            path = grid.route(pads_N2[index], end_xy) if grid.free(end_xy) else None
            if path is None:
                continue
            end_xy = np.array(grid.point(*path[-1]))
            vias.append((float(end_xy[0]), float(end_xy[1])))
        points_K2 = np.array([grid.point(*cell) for cell in path[1:-1]]).reshape(-1, 2)
        whole_K2 = np.concatenate([pads_N2[index][None], points_K2, end_xy[None]])
        traces.append((without_middles(whole_K2), width_px))
    return Routing(tuple(traces), np.array(vias, dtype=np.float64).reshape(-1, 2))


def block_grid(grid: Grid, layout: Layout, pads_N2: Float64Array) -> None:
    """Close pads, marks, holes and the label to traces of others."""
    unit_px = layout.unit_px
    for (x_px, y_px), (_, pad) in zip(pads_N2, layout.pads(), strict=True):
        grid.block(x_px, y_px, 0.55 * pad.width * unit_px, 0.55 * pad.height * unit_px)
    for x_px, y_px in layout.fiducials_xy:
        grid.block(x_px, y_px, 0.8 * unit_px, 0.8 * unit_px)
    for x_px, y_px in layout.holes_xy:
        grid.block(x_px, y_px, unit_px, unit_px)


def near_partner(
    index: int,
    pads_N2: Float64Array,
    owners_N: np.ndarray[tuple[int], np.dtype[np.str_]],
    unrouted: set[int],
    reach_px: float,
) -> int | None:
    """Find the nearest unrouted pad of another part."""
    distances_N = np.abs(pads_N2 - pads_N2[index]).max(axis=1)
    for other in np.argsort(distances_N)[1:40]:
        if distances_N[other] > reach_px:
            return None
        if int(other) in unrouted and owners_N[other] != owners_N[index]:
            return int(other)
    return None


def without_middles(points_K2: Float64Array) -> Float64Array:
    """Keep only the corners of a polyline."""
    steps = np.diff(points_K2, axis=0)
    turn = np.abs(steps[1:, 0] * steps[:-1, 1] - steps[1:, 1] * steps[:-1, 0]) > 1e-6
    corners_K2: Float64Array = points_K2[np.concatenate([[True], turn, [True]])]
    return corners_K2
