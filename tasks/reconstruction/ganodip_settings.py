"""Settings of GanoDIP: its networks, its two phases and its score."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from tasks.reconstruction.course_settings import CourseSettings


class GanodipSettings(CourseSettings):
    """A WGAN-GP, then an encoder into its latents; the defaults train in minutes on a CPU at 128 px.

    `steps` counts both phases: `generator_steps` times `critic_steps` steps of the critic, after
    every `critic_steps`-th of which the generator makes one; the rest are the encoder's. Networks:
    `widths` of generator, critic and encoder alike, finest first; each halves the resolution.

    | setting | meaning |
    | --- | --- |
    | `penalty_weight` | λ of equation 1 |
    | `averaging` | kept per step of the running mean of generator weights; 0 = the last weights |
    | `feature_weight` | κ of equation 2 |
    | `patch_px`, `worst_share` | size of the patches and α of equation 3 |
    """

    kind: Literal["ganodip"] = "ganodip"

    latent_dimensions: PositiveInt = 90
    widths: tuple[PositiveInt, ...] = Field(default=(16, 24, 32, 48, 64), min_length=1)
    upsampling: Literal["nearest", "transposed"] = "nearest"

    generator_steps: PositiveInt = 400
    critic_steps: PositiveInt = 5
    penalty_weight: PositiveFloat = 10.0
    adversarial_learning_rate: PositiveFloat = 1e-3
    averaging: float = Field(default=0.995, ge=0, lt=1)

    feature_weight: Annotated[float, Field(ge=0)] = 1.0
    encoder_learning_rate: PositiveFloat = 1e-3

    patch_px: PositiveInt = 4
    worst_share: float = Field(default=0.0015, gt=0, le=1)

    steps: PositiveInt = 2500
    batch_size: PositiveInt = 8

    @property
    def encoder_from(self) -> int:
        """The first step of the encoder; generator and critic are frozen from there."""
        return self.generator_steps * self.critic_steps

    @model_validator(mode="after")
    def _the_encoder_learns(self) -> Self:
        if self.steps <= self.encoder_from:
            raise ValueError(
                f"steps must exceed generator_steps times critic_steps, {self.encoder_from}: "
                "the encoder learns in those that are left"
            )
        return self
