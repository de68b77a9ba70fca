"""Scores that a reconstructor of a published system gives by itself, as rows of the table."""

from __future__ import annotations

import math
from functools import partial

from tasks.metrics.comparison import Comparison
from tasks.metrics.rows import ImageMetric
from tasks.vocabulary.scores import score_capabilities


def own_score(name: str, comparison: Comparison) -> float:
    """One of them; a comparison without it is a KeyError."""
    return float(comparison.scores[name])


def _row(name: str, formula: str, source: str) -> ImageMetric:
    return ImageMetric(
        name=name,
        level="system",
        worse="higher",
        bounds=(0.0, math.inf),
        formula=formula,
        source=source,
        needs=score_capabilities((name,)),
        function=partial(own_score, name),
    )


SYSTEM_ROWS = (
    _row(
        "worst_patches",
        "mean of the worst share of mean squared errors of 4 x 4 patches",
        "GanoDIP, equation 3",
    ),
    _row(
        "encoder_loss",
        "mean (x - x̂)² + κ mean (f(x) - f(x̂))², f the critic's features",
        "GanoDIP, section 5.1",
    ),
    _row(
        "search_loss",
        "search_pixels + λ search_features",
        "GAN of 3D-printed parts",
    ),
    _row(
        "search_pixels",
        "mean |x - G(z)| at the best z found",
        "GAN of 3D-printed parts",
    ),
    _row(
        "search_features",
        "mean |f(x) - f(G(z))|, f the discriminator's last convolution",
        "GAN of 3D-printed parts",
    ),
    _row(
        "negative_elbo",
        "kl + likelihood_loss",
        "VAE of 3D-printed parts, Algorithm 1",
    ),
    _row(
        "kl",
        "KL(q(z|x) ‖ N(0, 1)), nats",
        "VAE of 3D-printed parts, equation 9",
    ),
    _row(
        "likelihood_loss",
        "-log p(x|z), Bernoulli, sum over pixels, mean over draws of z, nats",
        "VAE of 3D-printed parts, equation 11",
    ),
    _row(
        "residual_features_l1",
        "Σ |f(x) - f(x̂)|, f the discriminator's features",
        "GANomaly, equation 1 (D1)",
    ),
    _row(
        "residual_features_l2",
        "√Σ (f(x) - f(x̂))², f the discriminator's features",
        "GANomaly, equation 2 (D2)",
    ),
    _row(
        "residual_image_l1",
        "Σ |x - x̂|",
        "GANomaly, equation 3 (D3)",
    ),
    _row(
        "latent_distance",
        "Fréchet distance of the latent found to the Gaussian of normals' latents",
        "latent representation distance",
    ),
    _row(
        "pyramid_loss",
        "Σ over levels of mean |difference| of Laplacian pyramids at the latent found",
        "latent representation distance",
    ),
)
"""One row for each name of `OWN_SCORES`, in its order."""
