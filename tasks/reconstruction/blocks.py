"""The building blocks that encoder and decoder share."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


def normalisation(channels: int) -> nn.GroupNorm:
    """Group normalisation: statistics of one image, so that batch companions change nothing."""
    groups = next(count for count in (32, 16, 8, 4, 2, 1) if channels % count == 0)
    return nn.GroupNorm(groups, channels)


class ResidualBlock(nn.Module):
    """x + conv(silu(norm(conv(silu(norm(x)))))), 3 × 3 convolutions; same shape out as in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1 = normalisation(channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm2 = normalisation(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        """`[N, channels, h, w]` to the same shape."""
        hidden: Tensor = self.conv1(functional.silu(self.norm1(features)))
        hidden = self.conv2(functional.silu(self.norm2(hidden)))
        summed: Tensor = features + hidden
        return summed


class Upsample(nn.Module):
    """Nearest neighbour × 2, then a 3 × 3 convolution (no checkerboards)."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        """`[N, channels_in, h, w]` to `[N, channels_out, 2h, 2w]`."""
        doubled: Tensor = self.conv(functional.interpolate(features, scale_factor=2.0))
        return doubled


def downsample(channels_in: int, channels_out: int) -> nn.Conv2d:
    """Halve the resolution: a 3 × 3 convolution of stride 2."""
    return nn.Conv2d(channels_in, channels_out, 3, stride=2, padding=1)


def residual_blocks(channels: int, count: int) -> nn.Sequential:
    """`count` residual blocks in a row."""
    return nn.Sequential(*(ResidualBlock(channels) for _ in range(count)))
