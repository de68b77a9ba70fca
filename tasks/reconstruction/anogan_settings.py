"""Settings of the GAN of 3D-printed parts: a DCGAN and the search of its latents."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat

from tasks.reconstruction.dcgan_settings import DcganSettings


class AnoganSettings(DcganSettings):
    """A DCGAN on normal images; an image is redrawn by the closest drawing that a search finds.

    | setting | meaning |
    | --- | --- |
    | `gamma` | power that grey levels are raised to before anything else; 1 leaves them |
    | `feature_weight` | λ of equation 5, of means |
    """

    kind: Literal["anogan"] = "anogan"

    gamma: PositiveFloat = 1.0
    feature_weight: Annotated[float, Field(ge=0)] = 0.1
