"""Batch norms of a frozen network become part of the convolutions before them."""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.no_grad()
def fold(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Weight and bias, float32, of the one convolution that does what the two modules do.

    `convolution` has no bias of its own. Folded in float64 by products, quotients and square
    roots alone, which IEEE 754 rounds correctly: the same bits on every machine.
    """
    if norm.running_var is None or norm.running_mean is None:
        raise TypeError("A batch norm without running statistics cannot be folded.")
    scale_O = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    weight_OIkk = convolution.weight.double() * scale_O.view(-1, 1, 1, 1)
    bias_O = norm.bias.double() - norm.running_mean.double() * scale_O
    return weight_OIkk.float(), bias_O.float()
