"""VGG-16: the perception of the paper's perceptual loss."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torchvision.models import VGG16_Weights
from torchvision.models.vgg import cfgs, make_layers

from tasks.perception.torchvision_weights import published_weights
from tasks.perception.trunk import Trunk, fill, read_weights

# Positions in torchvision's `features` after the last ReLU of blocks 2 to 5.
_LAST_RELU_OF_BLOCK = (8, 15, 22, 29)


class Vgg16(Trunk):
    """Feature maps of VGG-16 after relu2_2, relu3_3, relu4_3 and relu5_3 (128, 256, 512, 512).

    The paper says only 'last layer'; relu5_3 is the last layer that still has positions. Block 1
    (stride 1) is left out: 64 maps at full resolution cost more memory than all the others.
    """

    strides = (2, 4, 8, 16)
    smallest_px = 16

    def __init__(self, weights: Path | None = None) -> None:
        super().__init__()
        state = read_weights(weights) if weights else published_weights(VGG16_Weights.IMAGENET1K_V1)
        # Without the classifier: nine tenths of the weights, half a gigabyte.
        self.features = make_layers(cfgs["D"], batch_norm=False)
        convolutions = {
            name.removeprefix("features."): value
            for name, value in state.items()
            if name.startswith("features.")
        }
        fill(self.features, convolutions, "VGG-16")
        # ReLUs stay in place: autograd keeps a convolution's input, not the result they overwrite.
        self.features.to(memory_format=torch.channels_last)

    def forward(self, images_N3HW: Tensor) -> tuple[Tensor, ...]:
        """Four maps, shallow to deep; the last is relu5_3."""
        maps: list[Tensor] = []
        features = images_N3HW
        for position, layer in enumerate(self.features[: _LAST_RELU_OF_BLOCK[-1] + 1]):
            features = layer(features)
            if position in _LAST_RELU_OF_BLOCK:
                maps.append(features)
        return tuple(maps)
