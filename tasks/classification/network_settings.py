"""Settings of the network that learns a distance from maps of a frozen trunk; starts without torch."""

from __future__ import annotations

from typing import Literal

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt, field_validator

from tasks.vocabulary.settings import Settings


class NetworkSettings(Settings):
    """Layers after the frozen trunk, shared by all sides of an image, and how they are trained.

    | setting | meaning | paper |
    | --- | --- | --- |
    | `layers` | convolutions, each with a ReLU | 3: block 4 of VGG-16 |
    | `filters` | maps of each convolution | 512 |
    | `kernel_px` | side of each convolution in positions; odd, the map keeps its size | 3 |
    | `epochs`, `batch_size`, `learning_rate` | of AdamW; the rate falls to 0 along a half cosine | - |
    | `weight_decay` | of AdamW | - |

    A dash: the paper does not say. Its layers start from ImageNet's weights, these from random ones.
    """

    kind: Literal["network"] = "network"
    layers: PositiveInt = 1
    filters: PositiveInt = 32
    kernel_px: PositiveInt = 3
    epochs: PositiveInt = 20
    batch_size: PositiveInt = 32
    learning_rate: PositiveFloat = 1e-3
    weight_decay: NonNegativeFloat = 1e-2

    @field_validator("kernel_px")
    @classmethod
    def _odd(cls, kernel_px: int) -> int:
        if kernel_px % 2 == 0:
            raise ValueError("kernel_px is the side of a square around a position: odd.")
        return kernel_px
