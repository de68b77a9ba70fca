"""Where an aligned board is unlike the normals at the same place: suspect boxes and a heat map.

Legend: H/W height and width of the board image, h/w those of the map of places, Q suspect places; a box
is (top, left, bottom, right) in pixels, the last two exclusive.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tasks.localisation.heat import BLUR_PX, smoothed
from tasks.vocabulary.arrays import Float32Array, Float64Array, Int64Array
from tasks.vocabulary.errors import InputError, NoAnswerError

# Chosen on the 180 development boards of the rendered line (90 defects of 8 to 76 px, places of 8 px). The
# first region touches all 90 with any number from 1 to 30; with 10 the regions cover the defects best:
# mean IoU 0.16 with 1, 0.37 with 5, 0.44 with 10, 0.40 with 20. Boxes 2 or 4 px wider on every side
# cover no better (0.43, 0.40).
WORST = 10
# What a picture shows of the heat, in units of `PlaceMap.usual`. Of 90 normal boards 99.9 % of all places
# stay under 1.5 and none exceeds 2.3; the faintest of 90 defects reaches 2.8, half of them 10.
HEAT_RANGE = (1.5, 4.0)


@dataclass(frozen=True, eq=False)
class PlaceMap:
    """How far a board lies from what normals show, place by place, over the whole board image.

    `distances_hw` are Mahalanobis distances in `axes` dimensions, at least 0.
    """

    distances_hw: Float32Array
    axes: int

    @property
    def usual(self) -> float:
        """What the distance of a normal place is about: of `axes` standard normal values, the root."""
        return float(np.sqrt(self.axes))

    def worst(
        self, height: int, width: int, number: int = WORST
    ) -> tuple[Int64Array, Float64Array]:
        """The `number` farthest places as boxes `[Q, 4]` of a board image, and their distances `[Q]`.

        Worst first, equal ones in reading order. A box is its place's share of the image: one stride, to
        the pixel where the stride divides the image. NoAnswerError for a distance that is not finite,
        InputError where the map is empty or finer than the image.
        """
        self._checked(height, width)
        rows, columns = self.distances_hw.shape
        distances_P = self.distances_hw.astype(np.float64).ravel()
        worst_Q = np.argsort(-distances_P, kind="stable")[:number]
        row_Q, column_Q = np.divmod(worst_Q, columns)
        edges = (row_Q, column_Q, row_Q + 1, column_Q + 1)
        shares = (height / rows, width / columns) * 2
        boxes_Q4 = np.stack(
            [np.rint(edge_Q * share) for edge_Q, share in zip(edges, shares, strict=True)], axis=1
        )
        return boxes_Q4.astype(np.int64), distances_P[worst_Q]

    def heat(self, height: int, width: int, blur_px: float = BLUR_PX) -> Float32Array:
        """`float32 [H, W]`: the distances enlarged bilinearly and smoothed, comparable from board to board.

        Raises as `worst`. On the development boards named above, AU-PRO: enlarged alone 0.978; smoothed
        with a sigma of 4 px, as the heat of candidates is, 0.984; with 8 px 0.988.
        """
        self._checked(height, width)
        enlarged_HW = cv2.resize(
            self.distances_hw.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR
        )
        return smoothed(np.asarray(enlarged_HW, np.float32), blur_px)

    def _checked(self, height: int, width: int) -> None:
        shape_hw = self.distances_hw.shape
        if len(shape_hw) != 2 or not (1 <= shape_hw[0] <= height and 1 <= shape_hw[1] <= width):
            raise InputError(
                f"A map of places of shape {shape_hw} does not belong to a board image of {height} x "
                f"{width} px.",
                "Take both from the same board image.",
            )
        if not np.isfinite(self.distances_hw).all():
            raise NoAnswerError(
                "The distance at a place is not finite.", "Look at the whole board by eye."
            )
