"""The encoder E: a board image to its latent."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from tasks.reconstruction.blocks import downsample, normalisation, residual_blocks
from tasks.reconstruction.settings import VqganSettings


class Encoder(nn.Module):
    """E of VQGanoDIP (section 3.1.1): `[N, C, H, W]` in [0, 1] to a latent `[N, D, H/f, W/f]`.

    Departures from the VQGAN of Esser et al.: the stem may fold r × r pixels into channels (a
    quarter of the time of a full-resolution stem at f = 8), and there is no attention: boards are
    aligned, and a defect should not reach across the image.
    """

    def __init__(self, settings: VqganSettings, channels: int) -> None:
        super().__init__()
        widths, factor = settings.widths, settings.stem_factor
        layers: list[nn.Module] = [
            nn.PixelUnshuffle(factor),
            nn.Conv2d(channels * factor**2, widths[0], 3, padding=1),
            residual_blocks(widths[0], settings.blocks),
        ]
        for finer, coarser in pairwise(widths):
            layers += [downsample(finer, coarser), residual_blocks(coarser, settings.blocks)]
        layers += [
            normalisation(widths[-1]),
            nn.SiLU(),
            nn.Conv2d(widths[-1], settings.codebook_dimensions, 1),
        ]
        self.layers = nn.Sequential(*layers)

    def forward(self, images_NCHW: Tensor) -> Tensor:
        """Compute the latent, before quantization."""
        # Centred on zero: the first convolution need not learn the offset.
        latent_NDhw: Tensor = self.layers(2.0 * images_NCHW - 1.0)
        return latent_NDhw
