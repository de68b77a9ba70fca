"""The losses of VQGanoDIP, equation 1; each is a mean, so that no size of image changes weights."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_STABILITY = 1e-6  # δ of equation 1


def pixel_loss(images_NCHW: Tensor, reconstructions_NCHW: Tensor) -> Tensor:
    """‖x - x̂‖²: the mean squared error of the pixels."""
    return functional.mse_loss(reconstructions_NCHW, images_NCHW)


def perceptual_loss(features: Tensor, features_reconstruction: Tensor) -> Tensor:
    """‖f(x) - f(x̂)‖²: the mean squared error of last-layer features; x is a constant."""
    return functional.mse_loss(features_reconstruction.float(), features.detach().float())


def codebook_loss(latent_NDhw: Tensor, codes_NDhw: Tensor) -> Tensor:
    """‖sg[E(x)] - z_q‖²: moves the codes to the latents, and nothing else."""
    return functional.mse_loss(codes_NDhw, latent_NDhw.detach())


def commitment_loss(latent_NDhw: Tensor, codes_NDhw: Tensor) -> Tensor:
    """‖sg[z_q] - E(x)‖²: moves the latents to the codes, and nothing else."""
    return functional.mse_loss(latent_NDhw, codes_NDhw.detach())


def discriminator_loss(realness_input: Tensor, realness_output: Tensor) -> Tensor:
    """-[log D(x) + log(1 - D(x̂))], D = sigmoid of the logits: what the discriminator minimises."""
    return (functional.softplus(-realness_input) + functional.softplus(realness_output)).mean()


def adversarial_loss(realness_output: Tensor) -> Tensor:
    """-log D(x̂): what the generator minimises.

    Departure from equation 1, whose log(1 - D(x̂)) has the same fixed point but no gradient while
    the discriminator is sure of itself (Goodfellow et al. 2014, section 3).
    """
    return functional.softplus(-realness_output).mean()


def adaptive_weight(
    output: Tensor,
    reconstruction_gradient: Tensor,
    adversarial_gradient: Tensor,
    last_layer: Tensor,
    limit: float,
) -> Tensor:
    """λ = ‖∇_GL L_rec‖ / (‖∇_GL L_GAN‖ + 1e-6), clamped to [0, limit], no gradient.

    `last_layer` is the weight G_L of the decoder's last layer. The two gradients are those with
    respect to the decoder's `output`; the chain rule takes them on to G_L, so the perception and
    the discriminator are walked back once, not twice. L_rec holds the pixel and the perceptual
    loss, as in the published VQGAN code (the paper's text names only the latter).
    """
    (reconstruction,) = torch.autograd.grad(
        output, last_layer, reconstruction_gradient, retain_graph=True
    )
    (adversarial,) = torch.autograd.grad(
        output, last_layer, adversarial_gradient, retain_graph=True
    )
    weight: Tensor = reconstruction.norm() / (adversarial.norm() + _STABILITY)
    return weight.clamp(0.0, limit).detach()
