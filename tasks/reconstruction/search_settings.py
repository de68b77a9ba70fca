"""Settings of a latent search; free of torch, as all settings are."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt

from tasks.vocabulary.settings import Settings


class SearchSettings(Settings):
    """How latents are searched; what is found depends on the image and these settings alone.

    | setting | meaning |
    | --- | --- |
    | `restarts` | starts from the standard normal distribution; the best end is kept |
    | `candidates` | latents drawn for each start; the one whose drawing is closest is taken |
    | `patience` | an image is done when its best loss has not fallen for so many iterations |
    | `seed` | draws the starts, the same ones for every image |
    """

    iterations: PositiveInt = 40
    restarts: PositiveInt = 1
    candidates: PositiveInt = 24
    optimizer: Literal["adam", "sgd"] = "adam"
    learning_rate: PositiveFloat = 0.2
    patience: PositiveInt = 20
    seed: int = Field(default=0, ge=0)
