"""The GAN of 3D-printed parts: a latent search in a DCGAN redraws the image (AnoGAN).

Legend: N images, R starts of the search, F/h/w channels and size of the discriminator's features.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from tasks.reconstruction.anogan_settings import AnoganSettings
from tasks.reconstruction.dcgan_reconstructor import DcganReconstructor
from tasks.reconstruction.latent_search import Distance
from tasks.vocabulary.tensors import Reconstruction


class AnomalyTerms(NamedTuple):
    """Equations 3 and 4 of each drawing, as means over pixels and over features, `[N, R]`."""

    pixels_NR: Tensor
    features_NR: Tensor


class AnoganReconstructor(DcganReconstructor):
    """x̂ = G(z) at the latent z that a search finds for x; images of the training size.

    With `gamma` the networks, the search and the scores live in corrected grey levels; the
    reconstruction comes back in the image's own, by the inverse power. Departures from the paper:
    means instead of sums in equations 3 and 4, so that λ does not depend on the image's size (its
    λ is ours times pixels over features); the best point of several starts, not the last of one.
    """

    own_scores = ("search_loss", "search_pixels", "search_features")
    settings: AnoganSettings

    def __init__(self, settings: AnoganSettings, image_shape_CHW: tuple[int, int, int]) -> None:
        super().__init__(settings, image_shape_CHW)

    def corrected(self, images_NCHW: Tensor) -> Tensor:
        """Grey levels as the networks know them: x ^ gamma (section 4.1 of the paper)."""
        return images_NCHW.pow(self.settings.gamma)

    def shown(self, drawn_NCHW: Tensor) -> Tensor:
        """The way back, by the inverse power."""
        return drawn_NCHW.pow(1.0 / self.settings.gamma)

    def distance(self, corrected_NCHW: Tensor) -> Distance:
        """Equation 5, the objective of the search: pixels + λ features."""
        features_NFhw = self.discriminator.features(corrected_NCHW)

        def anomaly_score(drawn_NRCHW: Tensor) -> Tensor:
            terms = self._terms(corrected_NCHW, features_NFhw, drawn_NRCHW)
            return terms.pixels_NR + self.settings.feature_weight * terms.features_NR

        return anomaly_score

    def terms(self, corrected_NCHW: Tensor, drawn_NRCHW: Tensor) -> AnomalyTerms:
        """Both terms of equation 5; the features are the discriminator's last convolution."""
        features_NFhw = self.discriminator.features(corrected_NCHW)
        return self._terms(corrected_NCHW, features_NFhw, drawn_NRCHW)

    def _terms(
        self, corrected_NCHW: Tensor, features_NFhw: Tensor, drawn_NRCHW: Tensor
    ) -> AnomalyTerms:
        drawn_features_MFhw = self.discriminator.features(drawn_NRCHW.flatten(0, 1))
        drawn_features_NRFhw = drawn_features_MFhw.view(
            *drawn_NRCHW.shape[:2], *drawn_features_MFhw.shape[1:]
        )
        return AnomalyTerms(
            (corrected_NCHW.unsqueeze(1) - drawn_NRCHW).abs().mean(dim=(2, 3, 4)),
            (features_NFhw.unsqueeze(1) - drawn_features_NRFhw).abs().mean(dim=(2, 3, 4)),
        )

    def reconstruct_one(self, image_1CHW: Tensor) -> Reconstruction:
        """Give the closest drawing, equation 5 and its terms, and one logit for either image."""
        settings, corrected_1CHW = self.settings, self.corrected(image_1CHW)
        found = self.found(corrected_1CHW)
        terms = self.terms(corrected_1CHW, found.images_NCHW.unsqueeze(1))
        losses_NR = terms.pixels_NR + settings.feature_weight * terms.features_NR
        return Reconstruction(
            images_NCHW=self.shown(found.images_NCHW),
            realness_input_Nhw=self.discriminator(corrected_1CHW).unsqueeze(2),
            realness_output_Nhw=self.discriminator(found.images_NCHW).unsqueeze(2),
            scores_NS=torch.cat([losses_NR, terms.pixels_NR, terms.features_NR], dim=1),
        )
