"""GanoDIP: the generator of a Wasserstein GAN redraws what an encoder finds in the image.

Legend: N images, D dimensions of the latent, F/h/w channels and size of the critic's features.
"""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from tasks.reconstruction.dcgan import Generator, Reader, require_trained_size
from tasks.reconstruction.ganodip_settings import GanodipSettings
from tasks.reconstruction.reconstructor import Reconstructor
from tasks.reconstruction.strided import unnormalised
from tasks.vocabulary.tensors import Reconstruction


class EncoderLosses(NamedTuple):
    """The two terms of equation 2, each the mean square of one image's differences, `[N]`."""

    pixels_N: Tensor
    features_N: Tensor


class GanodipReconstructor(Reconstructor):
    """x̂ = G(E(x)), of images of the training size.

    The paper leaves its networks open. Here all three are DCGAN's form; the critic is not
    normalised at all (WGAN-GP forbids batch normalisation there), and its output is a distance, no
    logit: it is offered to no metric as realness.
    """

    capabilities = frozenset()
    own_scores = ("worst_patches", "encoder_loss")

    def __init__(self, settings: GanodipSettings, image_shape_CHW: tuple[int, int, int]) -> None:
        super().__init__(image_shape_CHW)
        self.settings = settings
        dimensions, widths = settings.latent_dimensions, settings.widths
        self.generator = Generator(dimensions, widths, image_shape_CHW, settings.upsampling)
        self.critic = Reader(image_shape_CHW, widths, 1, unnormalised)
        self.encoder = Reader(image_shape_CHW, widths, dimensions)

    def require_size(self, height: int, width: int) -> None:
        """InputError for any size but that of the training images."""
        require_trained_size(self.image_shape_CHW, height, width)

    def encoder_losses(self, images_NCHW: Tensor, drawn_NCHW: Tensor) -> EncoderLosses:
        """Both terms of equation 2: pixels, and the critic's last convolution (f-AnoGAN's izi_f).

        The paper's `n` counts samples; as in f-AnoGAN, squares are averaged over pixels too.
        """
        features_NFhw = self.critic.features(images_NCHW) - self.critic.features(drawn_NCHW)
        return EncoderLosses(
            (images_NCHW - drawn_NCHW).square().flatten(1).mean(dim=1),
            features_NFhw.square().flatten(1).mean(dim=1),
        )

    def reconstruct_one(self, image_1CHW: Tensor) -> Reconstruction:
        """Give G(E(x)), equation 3 and equation 2."""
        drawn_1CHW = self.generator(self.encoder(image_1CHW))
        losses = self.encoder_losses(image_1CHW, drawn_1CHW)
        encoder_loss_1 = losses.pixels_N + self.settings.feature_weight * losses.features_N
        worst_1 = worst_patches(
            image_1CHW, drawn_1CHW, self.settings.patch_px, self.settings.worst_share
        )
        return Reconstruction(drawn_1CHW, scores_NS=torch.stack([worst_1, encoder_loss_1], dim=1))


def worst_patches(first_NCHW: Tensor, second_NCHW: Tensor, patch_px: int, share: float) -> Tensor:
    """Equation 3: mean of the worst `share` of the patches' mean squared errors, `[N]`.

    The share is rounded up: one patch at least. Patches that the right and lower edge cut are
    means over what there is.
    """
    errors_N1HW = (first_NCHW - second_NCHW).square().mean(dim=1, keepdim=True)
    errors_NP = functional.avg_pool2d(
        errors_N1HW, patch_px, ceil_mode=True, count_include_pad=False
    ).flatten(1)
    # A share of 0.15 of 20 is not the four that 3.0000000000000004 would be rounded up to.
    count = max(ceil(share * errors_NP.shape[1] - 1e-9), 1)
    return errors_NP.topk(count, dim=1).values.mean(dim=1)
