"""Inception-v3: the perception of the paper's Fréchet Inception distance."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.models import Inception_V3_Weights, inception_v3
from torchvision.models.inception import BasicConv2d

from tasks.perception.folding import fold
from tasks.perception.torchvision_weights import published_weights
from tasks.perception.trunk import Trunk, fill, read_weights

_STAGES = (
    ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3"),
    ("maxpool1", "Conv2d_3b_1x1", "Conv2d_4a_3x3"),
    ("maxpool2", "Mixed_5b", "Mixed_5c", "Mixed_5d"),
    ("Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"),
    ("Mixed_7a", "Mixed_7b", "Mixed_7c"),
)


class InceptionV3(Trunk):
    """Feature maps of Inception-v3 after Conv2d_2b, Conv2d_4a, Mixed_5d, Mixed_6e and Mixed_7c.

    In channels_last, batch norms folded: torchvision's maps up to float32's rounding.
    Channels 64, 192, 288, 768, 2,048. Several layers pad nothing, so a map is up to a few pixels
    smaller than side / stride: relate positions by the ratio of the sides, not by the stride.
    """

    strides = (2, 4, 8, 16, 32)
    smallest_px = 75

    def __init__(self, weights: Path | None = None) -> None:
        super().__init__()
        network = inception_v3(init_weights=False, transform_input=False)
        published = Inception_V3_Weights.IMAGENET1K_V1
        state = read_weights(weights) if weights else published_weights(published)
        fill(network, state, "Inception-v3")
        _fold_norms(network)
        self.stages = nn.ModuleList(
            nn.Sequential(*(getattr(network, name) for name in stage)) for stage in _STAGES
        )

    def forward(self, images_N3HW: Tensor) -> tuple[Tensor, ...]:
        """Five maps, shallow to deep; the last is Mixed_7c."""
        maps: list[Tensor] = []
        features = images_N3HW
        for stage in self.stages:
            features = stage(features)
            maps.append(features)
        return tuple(maps)


def _fold_norms(network: nn.Module) -> None:
    """Make every batch norm part of the convolution before it; weights in channels_last."""
    for module in network.modules():
        if isinstance(module, BasicConv2d):
            weight, bias = fold(module.conv, module.bn)
            module.conv.weight = nn.Parameter(
                weight.contiguous(memory_format=torch.channels_last), requires_grad=False
            )
            module.conv.bias = nn.Parameter(bias, requires_grad=False)
            module.bn = nn.Identity()
