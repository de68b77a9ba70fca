"""Training of the VAE: Algorithm 4 of the 3D-print paper."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor
from torch.optim import Adam

from tasks.reconstruction.course import Batch, Losses, Trainee
from tasks.reconstruction.errors import TrainingCollapsedError
from tasks.reconstruction.processes import Processes
from tasks.reconstruction.reconstructor import Reconstructor, exact_float32
from tasks.reconstruction.vae import VaeReconstructor, divergence, likelihood_loss
from tasks.reconstruction.vae_settings import VaeSettings
from tasks.vocabulary.arrays import UInt8Array
from tasks.vocabulary.tensors import board_images

_LEAST_NATS = 0.01


class VaeTrainee(Trainee):
    """Moves encoder and decoder up the evidence lower bound, equation 9, one draw an image."""

    settings: VaeSettings
    reconstructor: VaeReconstructor

    def learn(self, step: int, batch: Batch) -> Losses:
        """One step of Algorithm 4; losses in nats of one image, `kl` without its weight."""
        model = self.reconstructor
        images_NCHW = model.seen(self.noisy(batch, step))
        with self.autocast():
            posterior = model.encode(images_NCHW)
            latents_ND = posterior.at(batch.normal(self.settings.latent_dimensions))
            logits_NCHW = model.decode(latents_ND)
        kl = divergence(posterior).mean()
        loss = likelihood_loss(images_NCHW, logits_NCHW).mean()
        self.descend(loss + self.settings.kl_weight * kl, "vae")
        return {"negative_elbo": loss + kl, "kl": kl, "likelihood_loss": loss}

    def complete(self, training_NHWC: UInt8Array) -> None:
        """TrainingCollapsedError where z tells nothing of any image (posterior collapse).

        The mean KL bounds what z can tell of an image from above. The output need not show it: of a
        silent z, the best of L draws still differs from image to image.
        """
        model, images_NCHW = self.reconstructor, board_images(training_NHWC)
        with torch.no_grad(), exact_float32(self.device):
            kls = [
                divergence(model.encode(model.seen(some_NCHW.to(self.device))))
                for some_NCHW in torch.split(images_NCHW, self.settings.batch_size)
            ]
        told = float(torch.cat(kls).mean())
        if told < _LEAST_NATS:
            raise TrainingCollapsedError(
                f"The training collapsed: the latent tells {told:.2g} nats of an image.",
                "Lower `kl_weight` or train longer, then train in an empty workplace.",
            )

    def noisy(self, batch: Batch, step: int) -> Tensor:
        """The batch, half of its images with normal noise that fades to none at the last step.

        Departure from Algorithm 4, whose noise is not bounded: grey levels are kept in [0, 1], else
        they were no chances. A coin decides for each image, so no image of an epoch is left out.
        """
        deviation = self.settings.noise * (1.0 - step / self.settings.steps)
        if deviation == 0.0:
            return batch.images_NCHW
        chosen_N111 = batch.uniform(1, 1, 1) < 0.5
        noise_NCHW = deviation * batch.normal(*batch.images_NCHW.shape[1:])
        return (batch.images_NCHW + chosen_N111 * noise_NCHW).clamp(0.0, 1.0)


def enrol(
    settings: VaeSettings,
    reconstructor: Reconstructor,
    processes: Processes,
    device: torch.device,
    dtype: torch.dtype,
) -> VaeTrainee:
    """Make the trainee of an untrained reconstructor."""
    learner = cast("VaeReconstructor", reconstructor)
    optimizers = {"vae": Adam(learner.parameters(), lr=settings.learning_rate)}
    return VaeTrainee(settings, learner, optimizers, processes, device, dtype)
