"""Settings of the candidates room."""

from __future__ import annotations

from typing import Self

from pydantic import PositiveInt, model_validator

from tasks.vocabulary.settings import Settings

# The centred box and its eight neighbours.
BOXES_PER_SIZE = 9


class CandidatesSettings(Settings):
    """How many pixels, box sizes and candidates; the defaults are VQGanoDIP's (section 4.1).

    | name | paper | meaning |
    | --- | --- | --- |
    | pixels | p | pixels with the largest difference, around which boxes are laid |
    | sizes | n | box sizes around every pixel |
    | growth_px | α | the sides are α, 2α, ..., nα pixels |
    | kept | q | candidates kept: those with the largest Fréchet distance |
    | longest_stride_px | - | feature maps with a coarser stride than this are not compared |

    `kept` above `pixels * sizes * 9` is refused, for there are no more boxes than that.
    """

    pixels: PositiveInt = 100
    sizes: PositiveInt = 4
    growth_px: PositiveInt = 4
    kept: PositiveInt = 250
    longest_stride_px: PositiveInt = 8

    @model_validator(mode="after")
    def _kept_among_the_boxes(self) -> Self:
        boxes = self.pixels * self.sizes * BOXES_PER_SIZE
        if self.kept > boxes:
            raise ValueError(f"kept={self.kept} exceeds the {boxes} boxes that are laid; lower it")
        return self
