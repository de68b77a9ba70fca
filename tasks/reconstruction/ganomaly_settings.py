"""Settings of GANomaly in industrial inspection."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from tasks.reconstruction.course_settings import CourseSettings


class GanomalySettings(CourseSettings):
    """GANomaly (section III.D); weights and learning rate default to the paper's 20 / 1 / 1 and 1e-3.

    The paper does not tell the size of its networks, images or batches; it refers to Akcay et al.
    (2018), whose code has 64, 128, 256, ... `widths` down to 4 × 4, 100 `latent_dimensions`,
    batches of 64 and an Adam of `first_beta` 0.5.
    """

    kind: Literal["ganomaly"] = "ganomaly"

    widths: tuple[PositiveInt, ...] = Field(default=(16, 32, 64, 128, 128), min_length=1)
    latent_dimensions: PositiveInt = 100
    batch_size: int = Field(default=16, ge=2)  # normalised by the batch
    adversarial_weight: NonNegativeFloat = 20.0
    contextual_weight: NonNegativeFloat = 1.0
    latent_weight: NonNegativeFloat = 1.0
    learning_rate: PositiveFloat = 1e-3
    discriminator_learning_rate: PositiveFloat = 1e-3
    first_beta: float = Field(default=0.5, ge=0, lt=1)
