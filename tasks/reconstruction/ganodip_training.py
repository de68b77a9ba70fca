"""GanoDIP's training: the Wasserstein GAN first, then the encoder into its latents."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor
from torch.optim import Adam

from tasks.reconstruction.averaging import follow
from tasks.reconstruction.collapse import refuse_one_drawing
from tasks.reconstruction.course import Batch, Losses, Trainee
from tasks.reconstruction.ganodip import GanodipReconstructor
from tasks.reconstruction.ganodip_settings import GanodipSettings
from tasks.reconstruction.processes import Processes
from tasks.reconstruction.reconstructor import Reconstructor
from tasks.reconstruction.wasserstein import gradient_penalty, wasserstein_estimate

_BETAS = (0.0, 0.9)  # WGAN-GP: no momentum against a moving rival
_SEED_OF_LATENTS = 1


@dataclass
class GanodipTrainee(Trainee):
    """Generator and critic up to `encoder_from`; from there they are frozen and the encoder learns.

    The encoder learns the latents of the generator's running mean (a departure; `averaging` 0 is
    the paper's). The paper gives no optimizer: Adam with WGAN-GP's betas, for the encoder Adam's
    own (f-AnoGAN takes RMSProp there).
    """

    settings: GanodipSettings
    reconstructor: GanodipReconstructor

    def learn(self, step: int, batch: Batch) -> Losses:
        """One step of the critic, or of critic and generator, or of the encoder."""
        if step >= self.settings.encoder_from:
            return self.learn_encoder(batch)
        latents_ND = batch.normal(self.settings.latent_dimensions)
        losses = self.learn_critic(batch, latents_ND)
        if (step + 1) % self.settings.critic_steps == 0:
            losses |= self.learn_generator(batch.normal(self.settings.latent_dimensions))
            generators = self.reconstructor.generator, self.learners["generator"]
            follow(*generators, self.settings.averaging, step // self.settings.critic_steps)
        if step + 1 == self.settings.encoder_from:
            self.refuse_one_drawing(batch)
        return losses

    def learn_critic(self, batch: Batch, latents_ND: Tensor) -> Losses:
        """Equation 1, down the critic."""
        generator, critic = self.learners["generator"], self.reconstructor.critic
        with self.autocast():
            with torch.no_grad():
                drawn_NCHW = generator(latents_ND)
            estimate = wasserstein_estimate(critic(batch.images_NCHW), critic(drawn_NCHW))
        penalty = gradient_penalty(critic, batch.images_NCHW, drawn_NCHW, batch.uniform())
        self.descend(self.settings.penalty_weight * penalty - estimate, "critic")
        return {"wasserstein_estimate": estimate, "gradient_penalty": penalty}

    def learn_generator(self, latents_ND: Tensor) -> Losses:
        """-E[D(x̃)], down the generator."""
        with self.autocast():
            loss = -self.reconstructor.critic(self.learners["generator"](latents_ND)).mean()
        self.descend(loss, "generator")
        return {"generator_loss": loss}

    def learn_encoder(self, batch: Batch) -> Losses:
        """Equation 2, down the encoder alone."""
        with self.autocast():
            drawn_NCHW = self.reconstructor.generator(self.reconstructor.encoder(batch.images_NCHW))
            losses = self.reconstructor.encoder_losses(batch.images_NCHW, drawn_NCHW)
        pixels, features = losses.pixels_N.mean(), losses.features_N.mean()
        loss = pixels + self.settings.feature_weight * features
        self.descend(loss, "encoder")
        return {"encoder_loss": loss, "encoder_pixels": pixels, "encoder_features": features}

    def refuse_one_drawing(self, batch: Batch) -> None:
        """TrainingCollapsedError where the generator draws one image for all latents."""
        # Every process judges the same latents, so that all go on or none.
        draws = torch.Generator().manual_seed(_SEED_OF_LATENTS)
        latents_ND = torch.randn(16, self.settings.latent_dimensions, generator=draws)
        with torch.no_grad():
            drawn_NCHW = self.reconstructor.generator(latents_ND.to(self.device))
        images_NCHW = self.processes.from_first(batch.images_NCHW.clone())
        refuse_one_drawing(images_NCHW, drawn_NCHW)


def enrol(
    settings: GanodipSettings,
    reconstructor: Reconstructor,
    processes: Processes,
    device: torch.device,
    dtype: torch.dtype,
) -> GanodipTrainee:
    """Make the trainee of an untrained reconstructor."""
    learner = cast("GanodipReconstructor", reconstructor)
    rate, generator = settings.adversarial_learning_rate, deepcopy(learner.generator)
    optimizers = {
        "critic": Adam(learner.critic.parameters(), rate, _BETAS, fused=True),
        "generator": Adam(generator.parameters(), rate, _BETAS, fused=True),
        "encoder": Adam(learner.encoder.parameters(), settings.encoder_learning_rate, fused=True),
    }
    return GanodipTrainee(
        settings,
        learner,
        optimizers,
        processes,
        device,
        dtype,
        settings.encoder_from,
        {"generator": generator},
    )
