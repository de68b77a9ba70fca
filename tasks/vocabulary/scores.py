"""Scores that published systems give an image besides their reconstruction; higher is more suspect."""

from __future__ import annotations

OWN_SCORES = (
    "worst_patches",
    "encoder_loss",
    "search_loss",
    "search_pixels",
    "search_features",
    "negative_elbo",
    "kl",
    "likelihood_loss",
    "residual_features_l1",
    "residual_features_l2",
    "residual_image_l1",
    "latent_distance",
    "pyramid_loss",
)
"""Every own score of any reconstructor; names are columns, hence append-only."""


def score_capability(name: str) -> str:
    """What a reconstructor with this own score offers to metrics."""
    return f"score.{name}"


def score_capabilities(names: tuple[str, ...]) -> frozenset[str]:
    """The same of several scores."""
    return frozenset(map(score_capability, names))
