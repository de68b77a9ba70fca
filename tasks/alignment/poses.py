"""Poses: 3 x 3 matrices that act on (x, y, 1), pixel centres at integer coordinates.

A box is (top, left, bottom, right), the last two exclusive: its edges lie half a px outside the centres
of the px that it holds, so that [0, 0, H, W] is all of an image.

Legend: N points or boxes; H height, W width.
"""

from __future__ import annotations

import numpy as np

from tasks.vocabulary.arrays import BoolArray, Float64Array, Int64Array
from tasks.vocabulary.errors import InputError

# Points a side of the grid on which overlap is counted.
OVERLAP_GRID = 64


def resizing(from_hw: tuple[int, int], to_hw: tuple[int, int]) -> Float64Array:
    """Take px of an image to px of the same image resized: outer edges stay on outer edges."""
    y_scale, x_scale = to_hw[0] / from_hw[0], to_hw[1] / from_hw[1]
    return np.array(
        [[x_scale, 0, (x_scale - 1) / 2], [0, y_scale, (y_scale - 1) / 2], [0, 0, 1]], np.float64
    )


def reduction(factor: int) -> Float64Array:
    """Take px of an image to px of the image reduced by an integer factor."""
    return resizing((factor, factor), (1, 1))


def shifting(x_px: float, y_px: float) -> Float64Array:
    """Shift by (x, y)."""
    return np.array([[1, 0, x_px], [0, 1, y_px], [0, 0, 1]], np.float64)


def inverse(pose_33: Float64Array) -> Float64Array:
    """The way back."""
    return np.asarray(np.linalg.inv(pose_33), np.float64)


def transform(pose_33: Float64Array, points_N2: Float64Array) -> Float64Array:
    """Points `[N, 2]` (x, y) under a pose; not finite where a homography sends them to infinity."""
    homogeneous_N3 = points_N2 @ pose_33[:, :2].T + pose_33[:, 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(homogeneous_N3[:, :2] / homogeneous_N3[:, 2:], np.float64)


def similarity(
    from_N2: Float64Array, to_N2: Float64Array, weights_N: Float64Array | None = None
) -> Float64Array:
    """Least-squares shift, turn and scale between two or more points (no mirroring)."""
    weight_N = np.ones(len(from_N2)) if weights_N is None else weights_N
    from_mean = np.average(from_N2, axis=0, weights=weight_N)
    to_mean = np.average(to_N2, axis=0, weights=weight_N)
    before = (from_N2 - from_mean) @ np.array([1, 1j])
    after = (to_N2 - to_mean) @ np.array([1, 1j])
    factor = np.vdot(before, weight_N * after) / np.vdot(before, weight_N * before).real
    linear_22 = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    return _pose(linear_22, to_mean - linear_22 @ from_mean)


def affine(
    from_N2: Float64Array, to_N2: Float64Array, weights_N: Float64Array | None = None
) -> Float64Array:
    """Least-squares affine pose between three or more points that are not on one line."""
    root_N1 = np.sqrt(np.ones(len(from_N2)) if weights_N is None else weights_N)[:, None]
    design_N3 = np.column_stack([from_N2, np.ones(len(from_N2))])
    solution_32, *_ = np.linalg.lstsq(root_N1 * design_N3, root_N1 * to_N2, rcond=None)
    return _pose(np.asarray(solution_32[:2].T, np.float64), solution_32[2])


def _pose(linear_22: Float64Array, shift_2: Float64Array) -> Float64Array:
    pose_33 = np.eye(3)
    pose_33[:2, :2], pose_33[:2, 2] = linear_22, shift_2
    return pose_33


def corners(height: int, width: int) -> Float64Array:
    """Centres of the four corner pixels: `[4, 2]` (x, y)."""
    right, bottom = width - 1.0, height - 1.0
    return np.array([[0, 0], [right, 0], [0, bottom], [right, bottom]], np.float64)


def inside(points_N2: Float64Array, height: int, width: int) -> BoolArray:
    """Which points `[N]` lie on the pixels of an image; a point that is not finite does not."""
    x_N, y_N = points_N2.T
    with np.errstate(invalid="ignore"):
        is_across = (x_N >= -0.5) & (x_N <= width - 0.5)
        return np.asarray(is_across & (y_N >= -0.5) & (y_N <= height - 0.5), dtype=np.bool_)


def outlines(pose_33: Float64Array, boxes_N4: Float64Array | Int64Array) -> Float64Array:
    """Corners of boxes under a pose: `[N, 4, 2]` (x, y) of edges, from top left along the top.

    Exact, for a pose keeps straight lines straight; a pose and its inverse give back the box. Corners
    that a homography sends to infinity or turns inside out have no outline: an `InputError`.
    """
    top, left, bottom, right = np.asarray(boxes_N4, np.float64).reshape(-1, 4).T
    edges_N42 = np.stack([left, top, right, top, right, bottom, left, bottom], axis=1)
    edges_M2 = edges_N42.reshape(-1, 2) - 0.5
    beyond_M = edges_M2 @ pose_33[2, :2] + pose_33[2, 2]
    moved_M2 = transform(pose_33, edges_M2) + 0.5
    if not (np.isfinite(moved_M2).all() and (beyond_M * pose_33[2, 2] > 0).all()):
        raise InputError(
            "A box has no place under this pose.",
            "Align the photograph again, or look at its pose.",
        )
    return moved_M2.reshape(-1, 4, 2)


def upright_boxes(outlines_N42: Float64Array) -> Float64Array:
    """Smallest upright boxes `[N, 4]` around outlines: a turned box comes back larger than it went."""
    low_N2, high_N2 = outlines_N42.min(axis=1), outlines_N42.max(axis=1)
    return np.concatenate([low_N2[:, ::-1], high_N2[:, ::-1]], axis=1)


def clipped_boxes(boxes_N4: Float64Array, height: int, width: int) -> Float64Array:
    """Boxes cut to an image of at least 1 px each way; at least 1 px is left of each.

    A box beyond the border is laid at the border: what was suspected there is not silently lost.
    """
    most_2 = np.array([height, width], np.float64)
    low_N2 = np.clip(boxes_N4[:, :2], 0.0, most_2 - 1.0)
    high_N2 = np.clip(boxes_N4[:, 2:], low_N2 + 1.0, most_2)
    return np.concatenate([low_N2, high_N2], axis=1)


def overlap(pose_33: Float64Array, photograph_hw: tuple[int, int], side_px: int) -> float:
    """Share of the board image that the photograph covers, on a grid of points."""
    steps = (np.arange(OVERLAP_GRID) + 0.5) / OVERLAP_GRID * side_px - 0.5
    grid_N2 = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    return float(inside(transform(inverse(pose_33), grid_N2), *photograph_hw).mean())


def turn_deg(pose_33: Float64Array, height: int, width: int) -> float:
    """How far a pose turns the middle row of an image, -180 to 180 degrees."""
    middle = (height - 1) / 2
    left_2, right_2 = transform(pose_33, np.array([[0.0, middle], [width - 1.0, middle]]))
    x_px, y_px = right_2 - left_2
    return float(np.degrees(np.arctan2(y_px, x_px)))


def is_plausible(pose_33: Float64Array, height: int, width: int) -> bool:
    """Tell whether a pose between two images of one size keeps an image an image.

    Finite, not mirrored, no side of the image shrunk below half or grown beyond double, its
    opposite sides alike: what no camera over a conveyor delivers is not a pose.
    """
    if not np.isfinite(pose_33).all():
        return False
    outline = transform(pose_33, corners(height, width)[[0, 1, 3, 2]])
    sides_42 = np.roll(outline, -1, axis=0) - outline
    following_42 = np.roll(sides_42, -1, axis=0)
    areas_4 = sides_42[:, 0] * following_42[:, 1] - sides_42[:, 1] * following_42[:, 0]
    ratios_4 = np.hypot(*sides_42.T) / np.array([width, height, width, height])
    return bool((areas_4 > 0).all() and (ratios_4 > 0.5).all() and (ratios_4 < 2.0).all())
