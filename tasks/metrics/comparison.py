"""What metrics are taken of: one input beside its reconstruction, and the suspected boxes.

Legend: C channels, H/W image height and width, D latent dimensions, h/w height and width of a map,
P pixels, Q candidates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from tasks.vocabulary.arrays import Float32Array, Float64Array, Int64Array
from tasks.vocabulary.errors import InputError
from tasks.vocabulary.scores import OWN_SCORES, score_capabilities

# What may be offered beyond an image and features: by a reconstructor the first two and scores of its
# own, by a memory of normals the last two. A metric says which of them it needs.
QUANTIZER = "latent"
DISCRIMINATOR = "discriminator"
MEMORY = "memory"
PLACES = "places"
CAPABILITIES = frozenset({QUANTIZER, DISCRIMINATOR, MEMORY, PLACES}) | score_capabilities(
    OWN_SCORES
)


class Suspects(NamedTuple):
    """The candidates of one image, as patch metrics see them.

    `boxes_Q4`: squares (top, left, bottom, right), the last two exclusive, a box as often as it
    counts; `scores_Q`: squared Fréchet distances that chose them; `pixels_P2`: (row, column) of
    the pixels that differ most.
    """

    boxes_Q4: Int64Array
    scores_Q: Float64Array
    pixels_P2: Int64Array


class Perceived(NamedTuple):
    """What a backbone and a memory give, hence which columns there are besides the fixed ones.

    `strides` and `channels` of every feature map; `remembered` are the strides in the memory.
    """

    strides: tuple[int, ...]
    channels: tuple[int, ...]
    remembered: tuple[int, ...]


class Remembered(NamedTuple):
    """How far a board's features lie from those of normals: `[h, w]` for each remembered stride.

    `distances` from any normal feature, `place_distances` from those of the same place; the latter
    are none where boards have no fixed position.
    """

    perceived: Perceived
    distances: tuple[Float32Array, ...]
    place_distances: tuple[Float32Array, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """One board image beside its reconstruction.

    Images in [0, 1]; `difference_HW` is their absolute difference, mean over channels. Latent and
    quantized latent, and the discriminator's logits (high = real), are None in pairs where
    the reconstructor has no such part. Features are maps `[C, h, w]`, shallow to deep; `remembered`
    is None without a memory of normals; `scores` are the reconstructor's own, by name.
    """

    input_CHW: Float32Array
    reconstruction_CHW: Float32Array
    difference_HW: Float32Array
    latent_Dhw: Float32Array | None
    quantized_Dhw: Float32Array | None
    realness_input_hw: Float32Array | None
    realness_output_hw: Float32Array | None
    features_input: tuple[Float32Array, ...]
    features_reconstruction: tuple[Float32Array, ...]
    remembered: Remembered | None = None
    scores: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse parts that do not belong together: an `InputError`."""
        height_width = self.input_CHW.shape[1:]
        if (
            self.input_CHW.ndim != 3
            or self.reconstruction_CHW.shape != self.input_CHW.shape
            or self.difference_HW.shape != height_width
        ):
            raise InputError(
                f"Input {self.input_CHW.shape}, reconstruction {self.reconstruction_CHW.shape} and "
                f"difference {self.difference_HW.shape} do not belong to one image.",
                "Pass [C, H, W], [C, H, W] and [H, W].",
            )
        halves = (
            (self.latent_Dhw is None, self.quantized_Dhw is None),
            (self.realness_input_hw is None, self.realness_output_hw is None),
        )
        if any(first != second for first, second in halves) or not self.features_input:
            raise InputError(
                "Half of a pair is missing: latent and quantized, realness of input and output, or "
                "all features.",
                "Pass both halves of each pair, or neither, and at least one feature map.",
            )

    @property
    def capabilities(self) -> frozenset[str]:
        """What this comparison offers to metrics beyond images, difference and features."""
        offered = set(score_capabilities(tuple(self.scores)))
        if self.latent_Dhw is not None:
            offered.add(QUANTIZER)
        if self.realness_input_hw is not None:
            offered.add(DISCRIMINATOR)
        if self.remembered is not None:
            offered.add(MEMORY)
            if self.remembered.place_distances:
                offered.add(PLACES)
        return frozenset(offered)

    @property
    def perceived(self) -> Perceived | None:
        """What names the columns of a memory; None without one."""
        return None if self.remembered is None else self.remembered.perceived
