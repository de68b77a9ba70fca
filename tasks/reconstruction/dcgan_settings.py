"""What the systems that search the latents of a DCGAN have in common; free of torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from tasks.reconstruction.course_settings import CourseSettings
from tasks.reconstruction.search_settings import SearchSettings


class DcganSettings(CourseSettings):
    """A DCGAN on normal images and the search of its latents.

    | setting | meaning |
    | --- | --- |
    | `widths` | channels of generator and discriminator, finest first; each halves the resolution |
    | `real_label` | one-sided label smoothing: what the discriminator is told of real images |
    | `noise` | standard deviation of the instance noise in the first step; grey levels in [0, 1] |
    | `noise_steps` | steps in which its variance falls linearly to nothing; None = all steps |
    | `averaging` | kept per step of the running mean of weights that draws; 0 = the last weights draw |

    Every look at the validation images searches the latent of each of them.
    """

    latent_dimensions: PositiveInt = 100
    widths: tuple[PositiveInt, ...] = Field(default=(16, 32, 64, 96, 128), min_length=1)
    upsampling: Literal["nearest", "transposed"] = "nearest"

    generator_learning_rate: PositiveFloat = 1e-3
    discriminator_learning_rate: PositiveFloat = 5e-4
    real_label: float = Field(default=0.8, gt=0.5, le=1)
    noise: Annotated[float, Field(ge=0)] = 0.05
    noise_steps: PositiveInt | None = None
    averaging: float = Field(default=0.995, ge=0, lt=1)

    search: SearchSettings = SearchSettings()

    steps: PositiveInt = 2000
    batch_size: int = Field(default=8, ge=2)  # normalised by the batch
    validate_every: PositiveInt = 1000
