"""Settings of the variational autoencoder of the 3D-print paper."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from tasks.reconstruction.course_settings import CourseSettings


class VaeSettings(CourseSettings):
    """The VAE of 3D-printed parts (section 4.4); the defaults train in minutes on a CPU at 128 px.

    `kl_weight` is 1 in the paper: more shrinks what z tells of the image, at last to nothing.

    | setting | meaning |
    | --- | --- |
    | `widths` | channels behind each halving of the resolution |
    | `dense_width` | the extra dense layer between the last convolution and the latent |
    | `latent_dimensions` | of z; the paper has them in a figure only |
    | `draws` | L: how often z is drawn for an image that is inspected |
    | `kl_weight` | of the KL divergence while training; scores take it as it is |
    | `gamma` | exponent of the grey levels before the network; the paper's is 6 |
    | `noise` | at the first step, standard deviation of what is added to half of each batch; fades |
    """

    kind: Literal["vae"] = "vae"

    widths: tuple[PositiveInt, ...] = Field(default=(16, 32, 64, 128, 128), min_length=1)
    dense_width: PositiveInt = 256
    latent_dimensions: PositiveInt = 64
    draws: PositiveInt = 16
    kl_weight: NonNegativeFloat = 1.0
    gamma: PositiveFloat = 1.0
    noise: NonNegativeFloat = 0.0
    learning_rate: PositiveFloat = 1e-3
