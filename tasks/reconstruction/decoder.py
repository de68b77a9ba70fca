"""The decoder (generator) G: a quantized latent to a board image."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from tasks.reconstruction.blocks import Upsample, normalisation, residual_blocks
from tasks.reconstruction.settings import VqganSettings


class Decoder(nn.Module):
    """G of VQGanoDIP (section 3.1.1): `[N, D, h, w]` to an image `[N, C, f h, f w]`.

    The mirror of the encoder; its last layer unfolds channels into r × r pixels. The output is
    not yet clamped to [0, 1]: a clamp would stop the gradient of every pixel that overshoots.
    """

    def __init__(self, settings: VqganSettings, channels: int) -> None:
        super().__init__()
        widths, factor = settings.widths[::-1], settings.stem_factor
        layers: list[nn.Module] = [
            nn.Conv2d(settings.codebook_dimensions, widths[0], 3, padding=1),
            residual_blocks(widths[0], settings.blocks),
        ]
        for coarser, finer in pairwise(widths):
            layers += [Upsample(coarser, finer), residual_blocks(finer, settings.blocks)]
        layers += [normalisation(widths[-1]), nn.SiLU()]
        self.layers = nn.Sequential(*layers)
        self.last_layer = nn.Conv2d(widths[-1], channels * factor**2, 3, padding=1)
        self.unfold = nn.PixelShuffle(factor)

    def forward(self, quantized_NDhw: Tensor) -> Tensor:
        """Draw the image, in float32 also under autocast."""
        features = self.layers(quantized_NDhw)
        # bfloat16 has steps of 1/256 near 1: an image rounded so would lose its grey levels.
        with torch.autocast(features.device.type, enabled=False):
            pixels = self.unfold(self.last_layer(features.float()))
        image_NCHW: Tensor = 0.5 + 0.5 * pixels
        return image_NCHW
