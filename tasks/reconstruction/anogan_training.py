"""Training of the DCGAN of the 3D-print paper (its algorithm 3)."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from math import sqrt
from typing import Self, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Adam, Optimizer

from tasks.reconstruction.anogan import AnoganReconstructor
from tasks.reconstruction.anogan_settings import AnoganSettings
from tasks.reconstruction.averaging import follow
from tasks.reconstruction.batch_statistics import batch_statistics
from tasks.reconstruction.collapse import GAP
from tasks.reconstruction.course import Batch, Losses, Trainee
from tasks.reconstruction.dcgan_reconstructor import DcganReconstructor
from tasks.reconstruction.dcgan_settings import DcganSettings
from tasks.reconstruction.processes import Processes
from tasks.reconstruction.reconstructor import Reconstructor

_BETAS = (0.5, 0.999)  # DCGAN


def noise_deviation(settings: DcganSettings, step: int) -> float:
    """Standard deviation of the instance noise; its variance falls linearly to nothing."""
    share_left = 1.0 - step / (settings.noise_steps or settings.steps)
    return settings.noise * sqrt(max(share_left, 0.0))


@dataclass
class AnoganTrainee(Trainee):
    """Discriminator, then generator, in every step, on the same drawings.

    Departures from algorithm 3: what draws is the running mean of the generator that learns; what
    the discriminator judges is noisy in the generator's turn too; and the noise that it adds to
    half of the real images as augmentation is left out.
    """

    settings: DcganSettings
    reconstructor: DcganReconstructor

    @classmethod
    def beginning(
        cls,
        settings: DcganSettings,
        reconstructor: DcganReconstructor,
        processes: Processes,
        device: torch.device,
        dtype: torch.dtype,
    ) -> Self:
        """Nothing learnt yet; the generator that learns is a copy of the one that draws."""
        generator = deepcopy(reconstructor.generator)
        optimizers = dcgan_optimizers(settings, reconstructor.discriminator, generator)
        learners = {"generator": generator}
        return cls(settings, reconstructor, optimizers, processes, device, dtype, learners=learners)

    def learn(self, step: int, batch: Batch) -> Losses:
        """Both turns of one batch."""
        real_NCHW = self.reconstructor.corrected(batch.images_NCHW)
        shape_CHW, deviation = real_NCHW.shape[1:], noise_deviation(self.settings, step)
        latents_ND = batch.normal(self.settings.latent_dimensions)
        learning = self.learners["generator"], self.reconstructor.discriminator
        with batch_statistics(learning, self.processes):
            with self.autocast():
                drawn_NCHW = self.learners["generator"](latents_ND)
            noisy_NCHW = drawn_NCHW + deviation * batch.normal(*shape_CHW)
            real_NCHW = real_NCHW + deviation * batch.normal(*shape_CHW)
            losses = self.learn_discriminator(real_NCHW, noisy_NCHW.detach())
            losses |= self.learn_generator(noisy_NCHW)
        generators = self.reconstructor.generator, self.learners["generator"]
        follow(*generators, self.settings.averaging, step)
        return losses

    def learn_discriminator(self, real_NCHW: Tensor, drawn_NCHW: Tensor) -> Losses:
        """Cross-entropy, real images with a smoothed label, down the discriminator."""
        with self.autocast():
            real_N1 = self.reconstructor.discriminator(real_NCHW)
            drawn_N1 = self.reconstructor.discriminator(drawn_NCHW)
        loss = _cross_entropy(real_N1, self.settings.real_label) + _cross_entropy(drawn_N1, 0.0)
        self.descend(loss, "discriminator")
        gap = real_N1.sigmoid().mean() - drawn_N1.sigmoid().mean()
        return {"discriminator_loss": loss, GAP: gap}

    def learn_generator(self, drawn_NCHW: Tensor) -> Losses:
        """Cross-entropy of drawings called real, down the generator."""
        with self.autocast():
            loss = _cross_entropy(self.reconstructor.discriminator(drawn_NCHW), 1.0)
        self.descend(loss, "generator")
        return {"generator_loss": loss}


def _cross_entropy(logits_N1: Tensor, label: float) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits_N1, torch.full_like(logits_N1, label))


def dcgan_optimizers(
    settings: DcganSettings, discriminator: nn.Module, generator: nn.Module
) -> dict[str, Optimizer]:
    """Adam of DCGAN for each network."""
    rates = {
        "discriminator": (discriminator, settings.discriminator_learning_rate),
        "generator": (generator, settings.generator_learning_rate),
    }
    return {
        name: Adam(network.parameters(), rate, _BETAS, fused=True)
        for name, (network, rate) in rates.items()
    }


def enrol(
    settings: AnoganSettings,
    reconstructor: Reconstructor,
    processes: Processes,
    device: torch.device,
    dtype: torch.dtype,
) -> AnoganTrainee:
    """Make the trainee of an untrained reconstructor."""
    learner = cast("AnoganReconstructor", reconstructor)
    return AnoganTrainee.beginning(settings, learner, processes, device, dtype)
