"""Weights that torchvision publishes: from its cache, else from the internet."""

from __future__ import annotations

from torch import Tensor
from torchvision.models import WeightsEnum

from tasks.vocabulary.errors import InputError


def published_weights(weights: WeightsEnum) -> dict[str, Tensor]:
    """Return the published state dict, checked against the hash in its name, tensors only.

    InputError where it is neither cached nor to be downloaded (plants have no internet).
    """
    try:
        state: dict[str, Tensor] = weights.get_state_dict(
            progress=False, check_hash=True, weights_only=True, map_location="cpu"
        )
    except (OSError, RuntimeError) as error:
        # URLError is an OSError; a wrong hash is a RuntimeError.
        raise InputError(
            f"The weights {weights.url} are not cached and cannot be downloaded.",
            "Download this file elsewhere and name it in `perception.weights`, "
            "or use `kind: efficientnet_lite0`, whose weights are installed with the program.",
        ) from error
    return state
