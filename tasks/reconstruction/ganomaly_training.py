"""Training of GANomaly: equation 4 for the generator, cross-entropy for the discriminator."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor
from torch.nn import functional
from torch.optim import Adam

from tasks.reconstruction.batch_statistics import batch_statistics
from tasks.reconstruction.collapse import GAP
from tasks.reconstruction.course import Batch, Losses, Trainee
from tasks.reconstruction.ganomaly import GanomalyReconstructor
from tasks.reconstruction.ganomaly_settings import GanomalySettings
from tasks.reconstruction.losses import discriminator_loss
from tasks.reconstruction.processes import Processes
from tasks.reconstruction.reconstructor import Reconstructor

_SECOND_BETA = 0.999


class GanomalyTrainee(Trainee):
    """The generator (both encoders and the decoder) and the discriminator, one step each.

    The paper names three losses and leaves them to Akcay et al. 2018: feature matching in squared
    L2, pixels in L1, latents in squared L2, each a mean. Pixels are in [0, 1] here, in [-1, 1] there:
    L_con is half of theirs.
    """

    settings: GanomalySettings
    reconstructor: GanomalyReconstructor

    def learn(self, step: int, batch: Batch) -> Losses:  # noqa: ARG002 - all steps are alike
        """The generator's step, then the discriminator's on the same drawings."""
        learning = self.reconstructor.generator, self.reconstructor.discriminator
        with batch_statistics(learning, self.processes):
            drawn_NCHW, losses = self.teach_generator(batch.images_NCHW)
            return losses | self.teach_discriminator(batch.images_NCHW, drawn_NCHW)

    def teach_generator(self, images_NCHW: Tensor) -> tuple[Tensor, Losses]:
        """Move the generator down equation 4; give its drawings, without gradient."""
        weights, discriminator = self.settings, self.reconstructor.discriminator
        with torch.no_grad(), self.autocast():
            features_NF, _ = discriminator(images_NCHW)
        with self.autocast():
            redrawing = self.reconstructor.generator(images_NCHW)
            features_output_NF, _ = discriminator(redrawing.images_NCHW)
        adversarial = functional.mse_loss(features_output_NF, features_NF)
        contextual = functional.l1_loss(redrawing.images_NCHW, images_NCHW)
        latent = functional.mse_loss(redrawing.relatent_ND, redrawing.latent_ND)
        loss = (
            weights.adversarial_weight * adversarial
            + weights.contextual_weight * contextual
            + weights.latent_weight * latent
        )
        self.descend(loss, "generator")
        losses = {"adversarial": adversarial, "contextual": contextual, "latent": latent}
        return redrawing.images_NCHW.detach(), losses | {"generator": loss}

    def teach_discriminator(self, images_NCHW: Tensor, drawn_NCHW: Tensor) -> Losses:
        """Move the discriminator down the cross-entropy of real against drawn."""
        with self.autocast():
            _, realness_input = self.reconstructor.discriminator(images_NCHW)
            _, realness_output = self.reconstructor.discriminator(drawn_NCHW)
        loss = discriminator_loss(realness_input, realness_output)
        self.descend(loss, "discriminator")
        gap = torch.sigmoid(realness_input).mean() - torch.sigmoid(realness_output).mean()
        return {"discriminator": loss, GAP: gap}


def enrol(
    settings: GanomalySettings,
    reconstructor: Reconstructor,
    processes: Processes,
    device: torch.device,
    dtype: torch.dtype,
) -> GanomalyTrainee:
    """Make the trainee of an untrained reconstructor."""
    learner = cast("GanomalyReconstructor", reconstructor)
    generator, discriminator = learner.generator, learner.discriminator
    rate, betas = settings.discriminator_learning_rate, (settings.first_beta, _SECOND_BETA)
    optimizers = {
        "generator": Adam(generator.parameters(), lr=settings.learning_rate, betas=betas),
        "discriminator": Adam(discriminator.parameters(), lr=rate, betas=betas),
    }
    return GanomalyTrainee(settings, learner, optimizers, processes, device, dtype)
