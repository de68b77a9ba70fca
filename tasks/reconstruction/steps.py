"""One training step: the generator's phase and the discriminator's phase, two functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Adam

from tasks.reconstruction.devices import autocast
from tasks.reconstruction.losses import (
    adaptive_weight,
    adversarial_loss,
    codebook_loss,
    commitment_loss,
    discriminator_loss,
    perceptual_loss,
    pixel_loss,
)
from tasks.reconstruction.processes import Processes
from tasks.reconstruction.settings import VqganSettings
from tasks.reconstruction.vqgan import Redrawing, VqganReconstructor

FeatureMaps = Callable[[Tensor], tuple[Tensor, ...]]
Losses = dict[str, Tensor]


@dataclass
class Workshop:
    """All that a step touches. `generator` and `discriminator` average gradients over processes."""

    settings: VqganSettings
    reconstructor: VqganReconstructor
    generator: nn.Module
    discriminator: nn.Module
    generator_optimizer: Adam
    discriminator_optimizer: Adam
    perception: FeatureMaps | None
    processes: Processes
    device: torch.device
    dtype: torch.dtype


class Batch(NamedTuple):
    """One step's images: what the generator sees, and what it ought to draw (the same by default).

    `replacements_Nhw`: codes that the decoder gets in place of the nearest ones, -1 = keep.
    """

    inputs_NCHW: Tensor
    targets_NCHW: Tensor
    replacements_Nhw: Tensor | None = None


def generator_step(
    shop: Workshop, batch: Batch, step: int, learning_rate: float
) -> tuple[Redrawing, Losses]:
    """Move encoder, decoder (and a gradient codebook) down L_VQ + λ L_GAN, equation 1, min part.

    The image losses compare with the targets, the latent ones with the inputs. Every loss of the
    image is first differentiated with respect to the image alone; there the adaptive weight is
    taken, and the sum goes back through the decoder and the encoder once.
    """
    settings = shop.settings
    with autocast(shop.device, shop.dtype):
        redrawing: Redrawing = shop.generator(batch.inputs_NCHW, batch.replacements_Nhw)
        losses, image_gradient = _image_losses(
            shop, batch.targets_NCHW, redrawing.images_NCHW, step
        )
    losses["commitment_loss"] = commitment_loss(redrawing.latent_NDhw, redrawing.codes_NDhw)
    latent_loss = settings.commitment_weight * losses["commitment_loss"]
    if settings.codebook_update == "gradient":
        losses["codebook_loss"] = codebook_loss(redrawing.latent_NDhw, redrawing.codes_NDhw)
        latent_loss = latent_loss + losses["codebook_loss"]
    shop.generator_optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward([redrawing.images_NCHW, latent_loss], [image_gradient, None])
    losses["gradient_norm"] = _descend(
        shop.generator_optimizer, shop.reconstructor.generator, settings, learning_rate
    )
    return redrawing, losses


def discriminator_step(shop: Workshop, images_NCHW: Tensor, outputs_NCHW: Tensor) -> Losses:
    """Move the discriminator up L_GAN, equation 1, max part; the generator feels nothing.

    Its learning rate is constant: it starts when the generator's has nearly faded out.
    """
    with autocast(shop.device, shop.dtype):
        both = torch.cat([images_NCHW, outputs_NCHW.detach()])
        realness_input, realness_output = shop.discriminator(both).chunk(2)
        loss = discriminator_loss(realness_input, realness_output)
    shop.discriminator_optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    _descend(
        shop.discriminator_optimizer,
        shop.reconstructor.discriminator,
        shop.settings,
        shop.settings.discriminator_learning_rate,
    )
    return {"discriminator_loss": loss}


def _image_losses(
    shop: Workshop, images_NCHW: Tensor, output_NCHW: Tensor, step: int
) -> tuple[Losses, Tensor]:
    settings = shop.settings
    losses = {"pixel_loss": pixel_loss(images_NCHW, output_NCHW)}
    total = losses["pixel_loss"]
    if shop.perception is not None and step % settings.perceptual_every == 0:
        with torch.no_grad():
            features = shop.perception(images_NCHW)[-1]
        losses["perceptual_loss"] = perceptual_loss(features, shop.perception(output_NCHW)[-1])
        total = total + settings.perceptual_weight * losses["perceptual_loss"]
    gradient = _gradient(total, output_NCHW)
    if settings.adversarial_weight > 0 and step >= settings.discriminator_start_step:
        losses["adversarial_loss"] = adversarial_loss(shop.reconstructor.discriminator(output_NCHW))
        adversarial_gradient = _gradient(losses["adversarial_loss"], output_NCHW)
        losses["adaptive_weight"] = adaptive_weight(
            output_NCHW,
            gradient,
            adversarial_gradient,
            shop.reconstructor.generator.decoder.last_layer.weight,
            settings.adaptive_weight_limit,
        )
        weight = settings.adversarial_weight * losses["adaptive_weight"]
        gradient = gradient + weight * adversarial_gradient
    return losses, gradient


def _gradient(loss: Tensor, output_NCHW: Tensor) -> Tensor:
    # The graph in front of the output must survive for the one pass back through the generator;
    # the part behind it belongs to this loss alone and is freed with it.
    (gradient,) = torch.autograd.grad(loss, output_NCHW)
    return gradient


def _descend(
    optimizer: Adam, network: nn.Module, settings: VqganSettings, learning_rate: float
) -> Tensor:
    norm = nn.utils.clip_grad_norm_(network.parameters(), settings.gradient_limit)
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    optimizer.step()
    return norm
