"""What a pretrained network must offer to become a `Perception`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import torch
from torch import Tensor, nn

from tasks.vocabulary.errors import InputError


class Trunk(nn.Module, ABC):
    """A convolutional trunk: normalised colour images in, feature maps shallow to deep out.

    `strides` has one entry a map: how many input pixels one feature pixel steps over.
    `smallest_px` is the shortest side that reaches the last layer.
    """

    strides: tuple[int, ...]
    smallest_px: int

    @abstractmethod
    def forward(self, images_N3HW: Tensor) -> tuple[Tensor, ...]:
        """Feature maps `[N, C_l, h_l, w_l]`, shallow to deep."""


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the state dict in a `.pth` file, read without running any code that it may hold.

    InputError where the file is missing or holds anything but tensors.
    """
    try:
        weights: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError(
            f"The perception weights {path} do not exist.", "Correct `perception.weights`."
        ) from error
    except Exception as error:
        # torch.load raises KeyError, EOFError, UnpicklingError, RuntimeError: all mean this.
        raise InputError(
            f"The perception weights {path} cannot be read ({type(error).__name__}).",
            "Give a .pth file that holds only a state dict.",
        ) from error
    if not isinstance(weights, dict) or not all(isinstance(v, Tensor) for v in weights.values()):
        raise InputError(
            f"The perception weights {path} hold more than tensors.",
            "Give a .pth file that holds only a state dict.",
        )
    return weights


def fill(network: nn.Module, weights: dict[str, Tensor], name: str) -> None:
    """Load `weights` into `network`; InputError where they belong to another architecture."""
    try:
        network.load_state_dict(weights)
    except (RuntimeError, AttributeError, TypeError) as error:
        raise InputError(
            f"The perception weights do not fit {name}.", "Give the file of this architecture."
        ) from error
