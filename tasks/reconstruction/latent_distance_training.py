"""Training of the latent representation distance: the DCGAN, then the Gaussian of good latents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch

from tasks.reconstruction.anogan_training import AnoganTrainee
from tasks.reconstruction.latent_distance import LatentDistanceReconstructor
from tasks.reconstruction.latent_distance_settings import LatentDistanceSettings
from tasks.reconstruction.processes import Processes
from tasks.reconstruction.reconstructor import Reconstructor
from tasks.vocabulary.arrays import UInt8Array
from tasks.vocabulary.tensors import board_images


@dataclass
class LatentDistanceTrainee(AnoganTrainee):
    """The DCGAN learns as AnoGAN's does; without noise and smoothed labels that is plain DCGAN."""

    settings: LatentDistanceSettings
    reconstructor: LatentDistanceReconstructor

    def complete(self, training_NHWC: UInt8Array) -> None:
        """Find the latents of good samples, evenly picked from the training images."""
        count = min(self.settings.good_samples, len(training_NHWC))
        picked = np.linspace(0, len(training_NHWC) - 1, count).round().astype(int)
        self.reconstructor.fit_good(board_images(training_NHWC[picked]))


def enrol(
    settings: LatentDistanceSettings,
    reconstructor: Reconstructor,
    processes: Processes,
    device: torch.device,
    dtype: torch.dtype,
) -> LatentDistanceTrainee:
    """Make the trainee of an untrained reconstructor."""
    learner = cast("LatentDistanceReconstructor", reconstructor)
    return LatentDistanceTrainee.beginning(settings, learner, processes, device, dtype)
