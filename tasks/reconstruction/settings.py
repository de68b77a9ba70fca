"""Which model draws the normal product: one member of the union `ReconstructionSettings`."""

from __future__ import annotations

from math import log2
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from tasks.reconstruction.anogan_settings import AnoganSettings
from tasks.reconstruction.ganodip_settings import GanodipSettings
from tasks.reconstruction.ganomaly_settings import GanomalySettings
from tasks.reconstruction.latent_distance_settings import LatentDistanceSettings
from tasks.reconstruction.vae_settings import VaeSettings
from tasks.vocabulary.settings import Settings

NonNegative = Annotated[float, Field(ge=0)]
PowerOfTwo = Annotated[int, Field(ge=2, le=64)]
Share = Annotated[float, Field(gt=0, le=1)]
Range = tuple[Share, Share]


class CorruptionSettings(Settings):
    """What is pasted into training inputs, so that the network learns to redraw it as good.

    The targets of all losses stay clean, and validation images are left alone. `share` of the
    images of a batch are corrupted. `both` tosses a coin for each of them.

    cut_paste (Li et al. 2021): a patch of an image of the batch is pasted elsewhere, or a scar: a
    long thin one, turned. `patch_area`, `patch_aspect`: its share of the image's area, its longer
    side over its shorter one; `scar_length`, `scar_width`: shares of the image's shorter side. The
    least area is a tenth of the paper's: parts of a board are smaller than objects.
    perlin (DRAEM, Zavrtanik et al. 2021): blobs of `perlin_area` of the image, of Perlin noise with
    up to `perlin_cells` cells a side, filled with an augmented image of the batch, at `opacity`.
    """

    kind: Literal["none", "cut_paste", "perlin", "both"] = "none"
    share: Share = 0.5
    patch_area: Range = (0.002, 0.15)
    patch_aspect: tuple[float, float] = (1.0, 3.3)
    scar_length: Range = (0.04, 0.2)
    scar_width: Range = (0.008, 0.06)
    perlin_area: Range = (0.005, 0.15)
    perlin_cells: PowerOfTwo = 64
    opacity: Range = (0.2, 1.0)

    @model_validator(mode="after")
    def _ranges_run_upwards(self) -> Self:
        for name, value in self:
            if isinstance(value, tuple) and not value[0] <= value[1]:
                raise ValueError(f"{name} must be (least, largest)")
        if self.patch_aspect[0] < 1:
            raise ValueError("patch_aspect is the longer side over the shorter one: at least 1")
        return self


UNCORRUPTED = CorruptionSettings()


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

    Against defects that are copied through: `corruption` of the inputs, and `code_dropout`, the
    share of latent positions whose code is replaced by a random one while training, which the
    decoder must make good from the codes around (DSR, Zavrtanik et al. 2022, section 3.4; there the
    positions are blobs of Perlin noise and the codes similar ones).
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
    # Absent from what is stored where they do nothing: what was trained without them stays the same.
    corruption: CorruptionSettings = Field(
        default=UNCORRUPTED, exclude_if=lambda value: value == UNCORRUPTED
    )
    code_dropout: float = Field(default=0.0, ge=0, lt=1, exclude_if=lambda value: value == 0)

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


ReconstructionSettings = Annotated[
    VqganSettings
    | GanodipSettings
    | AnoganSettings
    | VaeSettings
    | GanomalySettings
    | LatentDistanceSettings
    | MeanImageSettings,
    Field(discriminator="kind"),
]
