"""The variational autoencoder of the 3D-print paper: section 3.2.1, Algorithm 1.

Legend: D dimensions of the latent z; L draws of z.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tasks.reconstruction.dcgan import coarsest_size, require_trained_size
from tasks.reconstruction.reconstructor import Reconstructor
from tasks.reconstruction.strided import doublings, halvings
from tasks.reconstruction.vae_settings import VaeSettings
from tasks.vocabulary.tensors import Reconstruction

# Wide enough never to bind in training; exp() of what a broken network says would be infinite.
_LOG_VARIANCES = (-20.0, 10.0)


class Posterior(NamedTuple):
    """q(z|x), a diagonal normal: its means and the logarithms of its variances."""

    means_ND: Tensor
    log_variances_ND: Tensor

    def at(self, noise_ND: Tensor) -> Tensor:
        """Z = μ + σ ε, as Algorithms 1 and 4 have it; section 4.4 writes ε μ + σ."""
        drawn_ND: Tensor = self.means_ND + noise_ND * torch.exp(0.5 * self.log_variances_ND)
        return drawn_ND


def divergence(posterior: Posterior) -> Tensor:
    """`[N]`: KL(q(z|x) ‖ N(0, 1)) in nats, at least 0; first term of equation 9."""
    means_ND, log_variances_ND = posterior
    terms_ND = means_ND.square() + log_variances_ND.exp() - log_variances_ND - 1.0
    divergences_N: Tensor = 0.5 * terms_ND.sum(dim=1)
    # Each term is at least 0; its last bit need not be.
    return divergences_N.clamp_min(0.0)


def likelihood_loss(images_NCHW: Tensor, logits_NCHW: Tensor) -> Tensor:
    """`[N]`: -log p(x|z) in nats, the cross-entropy summed over all pixels, at least 0; equation 11.

    A grey level is taken as the chance of white, so the loss of a perfect drawing is not 0 but the
    entropy of the image.
    """
    terms_NCHW = functional.binary_cross_entropy_with_logits(
        logits_NCHW.float(), images_NCHW.float(), reduction="none"
    )
    return terms_NCHW.sum(dim=(1, 2, 3)).clamp_min(0.0)


class VaeReconstructor(Reconstructor):
    """Encoder, z, decoder; an image is redrawn from the best of L fixed draws of its z.

    Departures from Algorithm 1: the draws ε are a function of the seed, the same for every image,
    so that an image's result depends on that image alone; and normalisation is by groups, not by
    batch, for the same reason.
    """

    capabilities: frozenset[str] = frozenset()
    own_scores = ("negative_elbo", "kl", "likelihood_loss")
    draws_LD: Tensor

    def __init__(self, settings: VaeSettings, image_shape_CHW: tuple[int, int, int]) -> None:
        super().__init__(image_shape_CHW)
        self.settings = settings
        height, width = coarsest_size(image_shape_CHW, settings.widths)
        latent_chw = (settings.widths[-1], height, width)
        flat = settings.widths[-1] * height * width
        self.encoder = nn.Sequential(
            halvings(image_shape_CHW[0], settings.widths),
            nn.Flatten(),
            nn.Linear(flat, settings.dense_width),
            nn.LeakyReLU(0.2),
            nn.Linear(settings.dense_width, 2 * settings.latent_dimensions),
        )
        self.decoder = nn.Sequential(
            nn.Linear(settings.latent_dimensions, flat),
            nn.ReLU(),
            nn.Unflatten(1, latent_chw),
            doublings(settings.widths, image_shape_CHW[0]),
        )
        generator = np.random.default_rng(settings.seed)
        shape = (settings.draws, settings.latent_dimensions)
        draws_LD = generator.standard_normal(shape, dtype=np.float32)
        self.register_buffer("draws_LD", torch.from_numpy(draws_LD))

    def require_size(self, height: int, width: int) -> None:
        """InputError for any size but that of the training images."""
        require_trained_size(self.image_shape_CHW, height, width)

    def encode(self, seen_NCHW: Tensor) -> Posterior:
        """q(z|x) of images after gamma correction, in float32."""
        both = self.encoder(2.0 * seen_NCHW - 1.0).float()
        means_ND, log_variances_ND = both.chunk(2, dim=1)
        return Posterior(means_ND, log_variances_ND.clamp(*_LOG_VARIANCES))

    def decode(self, latents_ND: Tensor) -> Tensor:
        """Logits of p(x|z) after gamma correction, `[N, C, H, W]` in float32."""
        logits_NCHW: Tensor = self.decoder(latents_ND)
        return logits_NCHW.float()

    def seen(self, images_NCHW: Tensor) -> Tensor:
        """Gamma correction of grey levels in [0, 1], section 4.1."""
        return images_NCHW**self.settings.gamma

    def shown(self, drawn_NCHW: Tensor) -> Tensor:
        """The way back to the product's own grey levels."""
        return drawn_NCHW ** (1.0 / self.settings.gamma)

    def reconstruct_one(self, image_1CHW: Tensor) -> Reconstruction:
        """Give the best of the L redrawings, and KL, mean loss and their sum: Algorithm 1."""
        seen_1CHW = self.seen(image_1CHW)
        posterior = self.encode(seen_1CHW)
        logits_LCHW = self.decode(posterior.at(self.draws_LD))
        losses_L = likelihood_loss(seen_1CHW.expand_as(logits_LCHW), logits_LCHW)
        best = int(losses_L.argmin())
        kl_1, loss_1 = divergence(posterior), losses_L.mean().reshape(1)
        return Reconstruction(
            images_NCHW=self.shown(torch.sigmoid(logits_LCHW[best : best + 1])),
            scores_NS=torch.stack([kl_1 + loss_1, kl_1, loss_1], dim=1),
        )
