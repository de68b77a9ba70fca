"""True defects on a board image, as boxes with the pixels that belong to them.

Legend: H height, W width, K boxes; a box is (top, left, bottom, right) in pixels, the last two exclusive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from tasks.vocabulary.arrays import BoolArray, Float64Array, Int64Array


@dataclass(frozen=True, eq=False)
class Defect:
    """One true defect of a board image; `kind` is None where nobody named it.

    `box` is the tightest around its pixels, `inside_hw` says which px of the box these are. A defect that
    lies beyond the board image has an empty box: nothing can find it, and it counts as missed.
    """

    kind: str | None
    box: tuple[int, int, int, int]
    inside_hw: BoolArray

    @classmethod
    def of_mask(cls, kind: str | None, mask_HW: BoolArray) -> Self:
        """The defect whose pixels are set in a mask `[H, W]` of the board image."""
        rows, columns = np.flatnonzero(mask_HW.any(axis=1)), np.flatnonzero(mask_HW.any(axis=0))
        if len(rows) == 0:
            return cls(kind, (0, 0, 0, 0), np.zeros((0, 0), np.bool_))
        top, bottom = int(rows[0]), int(rows[-1]) + 1
        left, right = int(columns[0]), int(columns[-1]) + 1
        return cls(kind, (top, left, bottom, right), mask_HW[top:bottom, left:right].copy())

    @cached_property
    def _sums_hw(self) -> Int64Array:
        """Pixels above and left of every corner, by which those in any box are counted at once."""
        sums_hw = np.zeros((self.inside_hw.shape[0] + 1, self.inside_hw.shape[1] + 1), np.int64)
        sums_hw[1:, 1:] = self.inside_hw.cumsum(axis=0).cumsum(axis=1)
        return sums_hw

    def covered(self, boxes_K4: Int64Array) -> Int64Array:
        """How many of its pixels lie in each box: `int64 [K]`."""
        top, left, bottom, right = self.box
        height, width = bottom - top, right - left
        rows_K2 = np.clip(boxes_K4[:, [0, 2]] - top, 0, height)
        columns_K2 = np.clip(boxes_K4[:, [1, 3]] - left, 0, width)
        at = self._sums_hw
        (low, high), (first, last) = rows_K2.T, columns_K2.T
        counts_K: Int64Array = at[high, last] - at[low, last] - at[high, first] + at[low, first]
        return counts_K

    def overlap(self, boxes_K4: Int64Array) -> Float64Array:
        """Intersection over union of its box with each box: `float64 [K]`."""
        own_4 = np.array(self.box, np.int64)
        begins_K2 = np.maximum(boxes_K4[:, :2], own_4[:2])
        ends_K2 = np.minimum(boxes_K4[:, 2:], own_4[2:])
        shared_K = np.clip(ends_K2 - begins_K2, 0, None).prod(axis=1)
        areas_K = (boxes_K4[:, 2:] - boxes_K4[:, :2]).prod(axis=1)
        overlaps_K: Float64Array = shared_K / (areas_K + (own_4[2:] - own_4[:2]).prod() - shared_K)
        return overlaps_K


def mask_of(defects: Sequence[Defect], height: int, width: int) -> BoolArray:
    """All pixels of some defects: `bool [H, W]`."""
    mask_HW = np.zeros((height, width), np.bool_)
    for defect in defects:
        top, left, bottom, right = defect.box
        mask_HW[top:bottom, left:right] |= defect.inside_hw
    return mask_HW
