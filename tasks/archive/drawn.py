"""One defect as somebody drew it on a photograph, and its pixels on the board image.

A box is (top, left, bottom, right) in px of the photograph as it is shown upright, the last two exclusive;
pixel centres lie at integers, edges half a px around.

Legend: H height, W width, h/w those of a box, N points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.vocabulary.arrays import BoolArray, Float64Array
from tasks.vocabulary.errors import InputError

Box = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Truth:
    """One defect of one photograph; `kind` is None where nobody named it.

    `inside_hw` says which px of `box` belong to it (its edges are then whole numbers); None: all do.
    """

    kind: str | None
    box: Box
    inside_hw: BoolArray | None = None


def board_mask(truth: Truth, pose_33: Float64Array, height: int, width: int) -> BoolArray:
    """Pixels `bool [H, W]` of a truth on a board image; `pose_33` takes photograph px to board px.

    Set is a board px whose centre lies in the truth, and one in which the centre of a px of the truth lies:
    no defect vanishes where boards are smaller than photographs. All False where it lies beyond the board.
    A pose that sends it to infinity is an `InputError`.
    """
    mask_HW = np.zeros((height, width), np.bool_)
    centres_N2 = _centres(truth)
    top, left, bottom, right = truth.box
    corners_42 = np.array([[left, top], [right, top], [left, bottom], [right, bottom]]) - 0.5
    forward_N2 = _moved(pose_33, np.concatenate([centres_N2, corners_42]))
    x_N, y_N = np.rint(forward_N2[: len(centres_N2)]).astype(np.int64).T
    seen_N = (x_N >= 0) & (x_N < width) & (y_N >= 0) & (y_N < height)
    mask_HW[y_N[seen_N], x_N[seen_N]] = True
    low_2 = np.clip(np.floor(forward_N2.min(axis=0)), 0, [width, height]).astype(np.int64)
    high_2 = np.clip(np.ceil(forward_N2.max(axis=0)) + 1, 0, [width, height]).astype(np.int64)
    x_hw, y_hw = np.meshgrid(np.arange(low_2[0], high_2[0]), np.arange(low_2[1], high_2[1]))
    back_N2 = _moved(
        np.asarray(np.linalg.inv(pose_33)), np.stack([x_hw.ravel(), y_hw.ravel()], axis=1)
    )
    mask_HW[y_hw.ravel(), x_hw.ravel()] |= _inside(truth, back_N2)
    return mask_HW


def _moved(pose_33: Float64Array, points_N2: Float64Array) -> Float64Array:
    homogeneous_N3 = points_N2 @ pose_33[:, :2].T + pose_33[:, 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        moved_N2 = homogeneous_N3[:, :2] / homogeneous_N3[:, 2:]
    if not np.isfinite(moved_N2).all():
        raise InputError(
            "The truth has no place under this pose.",
            "Align the photograph again, or look at its pose.",
        )
    return np.asarray(moved_N2, np.float64)


def _centres(truth: Truth) -> Float64Array:
    """Centres (x, y) of the px of a truth; of one that holds no centre, its middle."""
    top, left, bottom, right = truth.box
    rows = np.arange(np.ceil(top - 0.5), np.ceil(bottom - 0.5))
    columns = np.arange(np.ceil(left - 0.5), np.ceil(right - 0.5))
    if truth.inside_hw is not None:
        y_N, x_N = np.nonzero(truth.inside_hw)
        return np.stack([x_N + left, y_N + top], axis=1)
    if len(rows) == 0 or len(columns) == 0:
        return np.array([[(left + right) / 2 - 0.5, (top + bottom) / 2 - 0.5]])
    return np.stack([grid.ravel() for grid in np.meshgrid(columns, rows)], axis=1)


def _inside(truth: Truth, points_N2: Float64Array) -> BoolArray:
    """Which points (x, y) of the photograph lie in a truth: `bool [N]`."""
    top, left, bottom, right = truth.box
    x_N, y_N = (points_N2 + 0.5).T
    inside_N = (x_N >= left) & (x_N < right) & (y_N >= top) & (y_N < bottom)
    if truth.inside_hw is not None:
        rows, columns = np.floor([y_N[inside_N] - top, x_N[inside_N] - left]).astype(np.int64)
        inside_N[inside_N] = truth.inside_hw[rows, columns]
    return np.asarray(inside_N, np.bool_)
