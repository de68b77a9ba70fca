"""Which model draws the normal product: one member of the union `ReconstructionSettings`."""

from __future__ import annotations

from math import log2
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from tasks.vocabulary.settings import Settings

NonNegative = Annotated[float, Field(ge=0)]
PowerOfTwo = Annotated[int, Field(ge=2, le=64)]


class VqganSettings(Settings):
    """The VQGAN of VQGanoDIP (equation 1); the defaults train in minutes on a CPU at 128 px.

    Network: `widths` are the channels of each resolution, finest first. The encoder halves the
    resolution between two widths, and its stem does the rest of `downsampling` at once: a
    `space_to_depth` stem turns r × r pixels into r² channels, r = downsampling / 2^(widths - 1).
    A `convolution` stem works at full resolution (r = 1) and needs log2(downsampling) + 1 widths.

    Times are counted in steps. The discriminator learns, and the generator feels it, from
    `discriminator_start_step` on: earlier starts spoil the reconstruction. `perceptual_every` = 2
    computes the perceptual loss on every second step only. Codes used less than
    `revival_threshold` times the uniform use are dead and are reborn as latents of the current
    batch every `revival_interval` steps, up to `revival_end_step` (None = to the end), so that the
    decoder has time to learn the last of them.

    Weights are relative to the mean squared error of pixels in [0, 1], about 0.01 to 0.001. A
    commitment weight of 0.25, usual where images are scaled to unit variance, holds the latents
    back: on 324 solar cells of 128 px it cost 2 dB against 0.02 (279 steps of 8 images).
    """

    kind: Literal["vqgan"] = "vqgan"

    stem: Literal["space_to_depth", "convolution"] = "space_to_depth"
    widths: tuple[PositiveInt, ...] = Field(default=(128,), min_length=1)
    blocks: PositiveInt = 2
    downsampling: PowerOfTwo = 8

    codebook_entries: PositiveInt = 1024
    codebook_dimensions: PositiveInt = 64
    codebook_update: Literal["ema", "gradient"] = "ema"
    codebook_decay: float = Field(default=0.99, gt=0, lt=1)
    commitment_weight: NonNegative = 0.02
    revival_threshold: NonNegative = 0.05
    revival_interval: PositiveInt = 10
    revival_end_step: int | None = Field(default=None, ge=0)

    perceptual_weight: NonNegative = 0.002
    perceptual_every: PositiveInt = 2

    discriminator_widths: tuple[PositiveInt, ...] = Field(default=(32, 64, 128), min_length=1)
    discriminator_start_step: int = Field(default=880, ge=0)
    discriminator_learning_rate: PositiveFloat = 5e-4
    adversarial_weight: NonNegative = 0.1
    adaptive_weight_limit: PositiveFloat = 1e4

    steps: PositiveInt = 1100
    batch_size: PositiveInt = 4
    learning_rate: PositiveFloat = 1e-3
    final_learning_rate: NonNegative = 1e-5
    warmup_steps: int = Field(default=50, ge=0)
    gradient_limit: PositiveFloat = 1.0
    flips: bool = True

    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    device: str = "auto"
    validate_every: PositiveInt = 100
    checkpoint_every: PositiveInt = 100
    seed: int = Field(default=0, ge=0)

    @property
    def stem_factor(self) -> int:
        """The factor r by which the stem alone reduces each side."""
        return int(self.downsampling // 2 ** (len(self.widths) - 1))

    @model_validator(mode="after")
    def _resolutions_fit(self) -> Self:
        if not log2(self.downsampling).is_integer():
            raise ValueError("downsampling must be a power of two")
        if 2 ** (len(self.widths) - 1) > self.downsampling:
            raise ValueError("too many widths: each one after the first halves the resolution")
        if self.stem == "convolution" and self.stem_factor != 1:
            raise ValueError("a convolution stem needs log2(downsampling) + 1 widths")
        if self.discriminator_start_step >= self.steps:
            # Its realness is a metric later: untrained, it would judge by chance.
            raise ValueError("discriminator_start_step must be below steps")
        return self


class MeanImageSettings(Settings):
    """The mean of the training images for every input: the trivial member and the baseline."""

    kind: Literal["mean_image"] = "mean_image"


ReconstructionSettings = Annotated[VqganSettings | MeanImageSettings, Field(discriminator="kind")]
