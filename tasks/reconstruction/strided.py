"""Stacks of strided convolutions, as in DCGAN (Radford et al. 2016): no pooling, no residuals.

Widths are channels, finest resolution first: the first of `k` widths stands at half the image's
resolution, the last at 1 / 2^k of it. Legend: N images, C channels, h and w size of the last map.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Literal

from torch import nn

from tasks.reconstruction.blocks import Upsample, normalisation

Upsampling = Literal["nearest", "transposed"]
Normalise = Callable[[int], nn.Module]
"""Channels to the layer that normalises so many."""

_SLOPE = 0.2


def unnormalised(_: int) -> nn.Module:
    """No normalisation at all."""
    return nn.Identity()


def halvings(
    channels: int, widths: tuple[int, ...], normalise: Normalise = normalisation
) -> nn.Sequential:
    """`[N, channels, H, W]` to `[N, widths[-1], h, w]`; the first is never normalised (DCGAN)."""
    layers: list[nn.Module] = [_halving(channels, widths[0]), nn.LeakyReLU(_SLOPE)]
    for narrow, wide in pairwise(widths):
        layers += [_halving(narrow, wide), normalise(wide), nn.LeakyReLU(_SLOPE)]
    return nn.Sequential(*layers)


def doublings(
    widths: tuple[int, ...],
    channels: int,
    upsampling: Upsampling = "transposed",
    normalise: Normalise = normalisation,
) -> nn.Sequential:
    """`[N, widths[-1], h, w]` to `[N, channels, H, W]`, the way back; the last layer is bare.

    `upsampling` "nearest", a departure from DCGAN: a nearest-neighbour doubling before each
    convolution in place of a transposed one, against checkerboards (the 3D-print paper's section
    6.1).
    """
    layers: list[nn.Module] = []
    for wide, narrow in pairwise(reversed(widths)):
        layers += [_doubling(wide, narrow, upsampling), normalise(narrow), nn.ReLU()]
    return nn.Sequential(*layers, _doubling(widths[0], channels, upsampling))


def _halving(channels_in: int, channels_out: int) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, 4, stride=2, padding=1)


def _doubling(channels_in: int, channels_out: int, upsampling: Upsampling) -> nn.Module:
    if upsampling == "nearest":
        return Upsample(channels_in, channels_out)
    # 4 is a multiple of the stride, so every pixel is drawn by equally many taps.
    return nn.ConvTranspose2d(channels_in, channels_out, 4, stride=2, padding=1)
