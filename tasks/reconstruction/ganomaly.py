"""GANomaly: an encoder-decoder-encoder, and a discriminator that lends its features.

Tang et al. (papers' section III) after Akcay et al. 2018. Legend: D dimensions of a latent; F
features of the discriminator.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from tasks.reconstruction.dcgan import coarsest_size, require_trained_size
from tasks.reconstruction.ganomaly_settings import GanomalySettings
from tasks.reconstruction.reconstructor import Reconstructor
from tasks.reconstruction.strided import doublings, halvings
from tasks.vocabulary.tensors import Reconstruction

Shape = tuple[int, int, int]


class Redrawing(NamedTuple):
    """x̂ = G_D(z) with z = G_E(x), and ẑ = E(x̂)."""

    images_NCHW: Tensor
    latent_ND: Tensor
    relatent_ND: Tensor


class Generator(nn.Module):
    """Encoder, decoder and second encoder of one structure; latents are vectors, as in the paper."""

    def __init__(self, settings: GanomalySettings, image_shape_CHW: Shape) -> None:
        super().__init__()
        height, width = coarsest_size(image_shape_CHW, settings.widths)
        channels, deepest, size = (
            image_shape_CHW[0],
            settings.widths[-1],
            settings.latent_dimensions,
        )
        self.encoder, self.second_encoder = (
            nn.Sequential(
                halvings(channels, settings.widths, nn.BatchNorm2d),
                nn.Conv2d(deepest, size, (height, width)),
                nn.Flatten(),
            )
            for _ in range(2)
        )
        self.decoder = nn.Sequential(
            nn.Unflatten(1, (size, 1, 1)),
            nn.ConvTranspose2d(size, deepest, (height, width)),
            nn.BatchNorm2d(deepest),
            nn.ReLU(),
            doublings(settings.widths, channels, "transposed", nn.BatchNorm2d),
            nn.Sigmoid(),
        )

    def forward(self, images_NCHW: Tensor) -> Redrawing:
        """Images in [0, 1] to images in [0, 1], whatever a layer computes in: float32."""
        latent_ND = self.encoder(2.0 * images_NCHW - 1.0)
        output_NCHW = self.decoder(latent_ND).float()
        relatent_ND = self.second_encoder(2.0 * output_NCHW - 1.0)
        return Redrawing(output_NCHW, latent_ND.float(), relatent_ND.float())


class Discriminator(nn.Module):
    """One more such encoder: its last maps are the feature vector, and tell real from drawn."""

    def __init__(self, settings: GanomalySettings, image_shape_CHW: Shape) -> None:
        super().__init__()
        window = coarsest_size(image_shape_CHW, settings.widths)
        self.trunk = halvings(image_shape_CHW[0], settings.widths, nn.BatchNorm2d)
        self.head = nn.Conv2d(settings.widths[-1], 1, window)

    def forward(self, images_NCHW: Tensor) -> tuple[Tensor, Tensor]:
        """Features `[N, F]`, and logits `[N, 1, 1]`, high = real; float32."""
        maps = self.trunk(2.0 * images_NCHW - 1.0)
        logits_N11: Tensor = self.head(maps).squeeze(1).float()
        return maps.flatten(1).float(), logits_N11


def residual_scores(
    features_NF: Tensor, features_output_NF: Tensor, images_NCHW: Tensor, outputs_NCHW: Tensor
) -> Tensor:
    """`[N, 3]`: D1 and D2 of the features and D3 of the pixels, equations 1 to 3; all are sums."""
    features_NF = features_NF - features_output_NF
    pixels_NP = (images_NCHW - outputs_NCHW).flatten(1)
    residuals = (
        features_NF.abs().sum(dim=1),
        features_NF.square().sum(dim=1).sqrt(),
        pixels_NP.abs().sum(dim=1),
    )
    return torch.stack(residuals, dim=1)


class GanomalyReconstructor(Reconstructor):
    """The reconstructor of GANomaly; images of the training size.

    Batch normalisation, as Akcay et al. have it: with group normalisation all images may be redrawn
    as one. Only learning steps look at a batch; outputs and scores use running statistics, and no
    score is rescaled over a test batch, so that an image's scores depend on that image alone.
    (Akcay et al. bring the scores of a test set to [0, 1] by its own extremes; this paper's
    equations do not.)
    """

    capabilities = frozenset({"discriminator"})
    own_scores = ("residual_features_l1", "residual_features_l2", "residual_image_l1")

    def __init__(self, settings: GanomalySettings, image_shape_CHW: Shape) -> None:
        super().__init__(image_shape_CHW)
        self.generator = Generator(settings, image_shape_CHW)
        self.discriminator = Discriminator(settings, image_shape_CHW)

    def require_size(self, height: int, width: int) -> None:
        """InputError for any size but that of the training images."""
        require_trained_size(self.image_shape_CHW, height, width)

    def reconstruct_one(self, image_1CHW: Tensor) -> Reconstruction:
        """Give the redrawing, the realness of both images, and D1, D2, D3."""
        output_1CHW = self.generator(image_1CHW).images_NCHW
        features_1F, realness_input_111 = self.discriminator(image_1CHW)
        features_output_1F, realness_output_111 = self.discriminator(output_1CHW)
        return Reconstruction(
            images_NCHW=output_1CHW,
            realness_input_Nhw=realness_input_111,
            realness_output_Nhw=realness_output_111,
            scores_NS=residual_scores(features_1F, features_output_1F, image_1CHW, output_1CHW),
        )
