"""Settings of the candidates room."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from tasks.vocabulary.settings import Settings

# The centred box and its eight neighbours.
BOXES_PER_SIZE = 9


class FastRoad(Settings):
    """Both images pass the backbone once; a box is compared in the positions that it covers.

    Feature maps with a coarser stride than `longest_stride_px` are not compared: one of their
    positions sees far more than a box. `standardised` ranks a box by how unusual its distance is
    for its size, as learnt from unseen normals: nearer to the order of the exact road, where the
    largest boxes win, but defects were found less often (`make bench-roads`).
    """

    kind: Literal["fast"] = "fast"
    longest_stride_px: PositiveInt = 8
    standardised: bool = False


class ExactRoad(Settings):
    """Every patch is cut out, resized to `patch_px` x `patch_px` and passed through the backbone.

    As published, with 299 px for Inception-v3. `batch_patches`, of input and reconstruction together,
    pass at once: rounded down to whole pairs, at least one.
    """

    kind: Literal["exact"] = "exact"
    patch_px: PositiveInt = 299
    batch_patches: PositiveInt = 32


Road = Annotated[FastRoad | ExactRoad, Field(discriminator="kind")]


class CandidatesSettings(Settings):
    """How many pixels, box sizes and candidates; the defaults are VQGanoDIP's (section 4.1).

    | name | paper | meaning |
    | --- | --- | --- |
    | pixels | p | pixels with the largest difference, around which boxes are laid |
    | sizes | n | box sizes around every pixel |
    | growth_px | α | the sides are α, 2α, ..., nα pixels |
    | kept | q | candidates kept: those with the largest Fréchet distance |
    | road | - | how the Fréchet distance of a box is measured |

    `kept` above `pixels * sizes * 9` is refused, for there are no more boxes than that.
    """

    pixels: PositiveInt = 100
    sizes: PositiveInt = 4
    growth_px: PositiveInt = 4
    kept: PositiveInt = 250
    road: Road = FastRoad()

    @model_validator(mode="after")
    def _kept_among_the_boxes(self) -> Self:
        boxes = self.pixels * self.sizes * BOXES_PER_SIZE
        if self.kept > boxes:
            raise ValueError(f"kept={self.kept} exceeds the {boxes} boxes that are laid; lower it")
        return self
