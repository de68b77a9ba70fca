"""The reference: the board that all others are brought to, with what registration needs of it.

Legend: H height, W width, C channels; T side of a template.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.alignment.poses import reduction, resizing, shifting
from tasks.alignment.resampling import Reductions, grey
from tasks.alignment.settings import Mark
from tasks.vocabulary.arrays import Float64Array, UInt8Array
from tasks.vocabulary.errors import InputError

# Registration and its check look at about as many px as the board image has, within these bounds.
SMALLEST_WORKING_SIDE, LARGEST_WORKING_SIDE = 384, 1100
# A mark's template reaches this many radii from its centre, and has at least so many px a radius.
TEMPLATE_RADII, TEMPLATE_RADIUS_PX = 2.0, 8


@dataclass(frozen=True)
class Window:
    """A square cut out of a photograph and reduced by area: where a template comes from."""

    left: int
    top: int
    side: int
    factor: int

    @property
    def pose_33(self) -> Float64Array:
        """Take photograph px to px of the window."""
        return reduction(self.factor) @ shifting(-self.left, -self.top)

    def cut(self, photograph_HWC: UInt8Array) -> UInt8Array:
        """Cut it out, not reduced."""
        return photograph_HWC[self.top : self.top + self.side, self.left : self.left + self.side]


@dataclass(frozen=True, eq=False)
class Reference:
    """What registration needs of the reference.

    `height_px`, `width_px`: its photograph's full size; `working_HW`: that photograph in grey, reduced
    by `factor`; `board_HWC`: its board image before photometry; `templates`: its marks in grey, cut
    out of the full photograph (none unless the line aligns by fiducials).
    """

    height_px: int
    width_px: int
    factor: int
    working_HW: UInt8Array
    board_HWC: UInt8Array
    templates: tuple[UInt8Array, ...] = ()

    @property
    def size_hw(self) -> tuple[int, int]:
        """Full size of the reference photograph."""
        return self.height_px, self.width_px

    @property
    def working_hw(self) -> tuple[int, int]:
        """Size of the working image."""
        return self.working_HW.shape[0], self.working_HW.shape[1]

    @property
    def to_board_33(self) -> Float64Array:
        """Take px of the reference photograph to board px."""
        side = self.board_HWC.shape[0]
        return resizing(self.size_hw, (side, side))

    @property
    def to_working_33(self) -> Float64Array:
        """Take photograph px, of the reference or another, to working px."""
        return reduction(self.factor)

    def working(self, photograph: Reductions) -> UInt8Array:
        """Another photograph as this one is worked on: grey, reduced by the same factor."""
        return grey(photograph.by(self.factor))


def working_factor(height_px: int, width_px: int, side_px: int) -> int:
    """By how much photographs are reduced before they are registered."""
    wanted = min(max(side_px, SMALLEST_WORKING_SIDE), LARGEST_WORKING_SIDE)
    return max(1, min(height_px, width_px) // wanted)


def mark_window(mark: Mark, height_px: int, width_px: int) -> Window:
    """Where the template of a mark lies in the reference photograph; sticking out is an `InputError`."""
    factor = max(1, int(mark.radius_px) // TEMPLATE_RADIUS_PX)
    half = int(np.ceil(TEMPLATE_RADII * mark.radius_px / factor))
    side = (2 * half + 1) * factor
    left = round(mark.x_px - (side - 1) / 2)
    top = round(mark.y_px - (side - 1) / 2)
    if left < 0 or top < 0 or left + side > width_px or top + side > height_px:
        raise InputError(
            f"The mark at ({mark.x_px:g}, {mark.y_px:g}) with its surroundings, {side} px, does not fit "
            f"into the reference photograph of {height_px} x {width_px} px.",
            "Correct alignment.marks, in px of the reference photograph (x = column, y = row).",
        )
    return Window(left, top, side, factor)
