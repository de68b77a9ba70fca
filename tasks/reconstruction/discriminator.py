"""The patch discriminator D: how real each part of an image looks."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from tasks.reconstruction.blocks import normalisation


class PatchDiscriminator(nn.Module):
    """PatchGAN (Isola et al. 2017): `[N, C, H, W]` to one logit a patch, `[N, h, w]`, high = real.

    4 × 4 convolutions, stride 2 for each width, then two of stride 1. Departure from the original:
    group instead of batch normalisation, so that the logits of an image do not depend on its batch.
    """

    def __init__(self, channels: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            nn.Conv2d(channels, widths[0], 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
        ]
        for narrow, wide in pairwise(widths):
            layers += [
                nn.Conv2d(narrow, wide, 4, stride=2, padding=1),
                normalisation(wide),
                nn.LeakyReLU(0.2),
            ]
        layers += [nn.Conv2d(widths[-1], 1, 3, padding=1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, images_NCHW: Tensor) -> Tensor:
        """Logits in float32, also under autocast."""
        logits_N1hw: Tensor = self.layers(2.0 * images_NCHW - 1.0)
        return logits_N1hw.squeeze(1).float()
