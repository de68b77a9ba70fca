"""The latent representation distance: how far an image's latent lies from those of good samples.

Legend: D dimensions of a latent z.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from tasks.reconstruction.dcgan_reconstructor import DcganReconstructor
from tasks.reconstruction.laplacian import LaplacianPyramid
from tasks.reconstruction.latent_distance_settings import LatentDistanceSettings
from tasks.reconstruction.latent_gaussians import LatentGaussian, fitted_gaussian
from tasks.reconstruction.latent_search import Distance
from tasks.vocabulary.tensors import Reconstruction


class LatentDistanceReconstructor(DcganReconstructor):
    """x̂ = G(z) at the latent z whose drawing has the pyramid closest to that of x.

    Score of an image: the Fréchet distance of the point mass at z to the Gaussian N(μ, Σ) of good
    samples' latents, |z - μ|² + Tr Σ. It is the paper's distance of sets, for the set of one image,
    whose covariance is 0. A Mahalanobis distance would weigh directions by Σ; the paper's does not,
    so images are ranked by |z - μ| alone. Until good samples are known, the Gaussian is the prior,
    N(0, 1).
    """

    own_scores = ("latent_distance", "pyramid_loss")
    settings: LatentDistanceSettings
    good_mean_D: Tensor
    good_covariance_DD: Tensor

    def __init__(
        self, settings: LatentDistanceSettings, image_shape_CHW: tuple[int, int, int]
    ) -> None:
        super().__init__(settings, image_shape_CHW)
        self.pyramid = LaplacianPyramid(*image_shape_CHW[1:], len(settings.level_weights))
        dimensions = settings.latent_dimensions
        self.register_buffer("good_mean_D", torch.zeros(dimensions))
        self.register_buffer("good_covariance_DD", torch.eye(dimensions))

    def distance(self, corrected_NCHW: Tensor) -> Distance:
        """Laplacian L1 loss (figure 4 of the paper), the objective of the search."""

        def pyramid_loss(drawn_NRCHW: Tensor) -> Tensor:
            weights = self.settings.level_weights
            return self.pyramid.distance(corrected_NCHW.unsqueeze(1), drawn_NRCHW, weights)

        return pyramid_loss

    @property
    def good(self) -> LatentGaussian:
        """What `set_distance` compares sets with: the Gaussian of good samples' latents."""
        return LatentGaussian(
            self.good_mean_D.cpu().numpy().astype(np.float64),
            self.good_covariance_DD.cpu().numpy().astype(np.float64),
        )

    def fit_good(self, images_NCHW: Tensor) -> None:
        """Find the latents of good samples, and keep their mean and covariance."""
        latents_ND = self.latents(images_NCHW).cpu().numpy().astype(np.float64)
        mean_D, covariance_DD = fitted_gaussian(latents_ND)
        self.good_mean_D.copy_(torch.from_numpy(mean_D))
        self.good_covariance_DD.copy_(torch.from_numpy(covariance_DD))

    def reconstruct_one(self, image_1CHW: Tensor) -> Reconstruction:
        """Give the closest drawing, both scores, and one logit for either image."""
        found = self.found(image_1CHW)
        squares_1 = (found.latents_ND - self.good_mean_D).square().sum(dim=1)
        distances_1 = squares_1 + self.good_covariance_DD.trace()
        return Reconstruction(
            images_NCHW=found.images_NCHW,
            realness_input_Nhw=self.discriminator(image_1CHW).unsqueeze(2),
            realness_output_Nhw=self.discriminator(found.images_NCHW).unsqueeze(2),
            scores_NS=torch.stack([distances_1, found.losses_N], dim=1),
        )
