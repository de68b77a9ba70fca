"""Settings of the latent representation distance: a DCGAN, a search, and good samples' latents."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from tasks.reconstruction.dcgan_settings import DcganSettings
from tasks.reconstruction.search_settings import SearchSettings


class LatentDistanceSettings(DcganSettings):
    """A DCGAN on good images; an image's latent is found by gradient descent and judged there.

    | setting | meaning |
    | --- | --- |
    | `level_weights` | of the pyramid's levels, finest first; as many levels as weights |
    | `good_samples` | at most so many training images give the Gaussian of good latents |

    Weights are of means over a level's pixels. All 1 is the usual Laplacian L1, which weighs sums
    by 4 to the power of the level (Bojanowski et al. 2018); the paper gives no other.

    One start, the same for all images: with several of them or several candidates, a latent says
    above all which one won, and the distance of latents is down to chance. Departure from the
    paper, whose descent is plain: Adam, which gets far closer in as many steps. (Of "sgd" the
    learning rate must suit losses that are means, whose slopes are small: tens.)
    """

    kind: Literal["latent_distance"] = "latent_distance"

    level_weights: tuple[Annotated[float, Field(ge=0)], ...] = Field(
        default=(1.0, 1.0, 1.0, 1.0), min_length=1
    )
    good_samples: PositiveInt = 100
    search: SearchSettings = SearchSettings(
        optimizer="adam", learning_rate=0.1, iterations=50, restarts=1, candidates=1
    )

    @model_validator(mode="after")
    def _some_level_weighs(self) -> Self:
        if not any(self.level_weights):
            raise ValueError("level_weights: at least one level must weigh something")
        return self
