"""A VQGAN small enough for unit tests, and images that have something to learn."""

from __future__ import annotations

from typing import Any

import numpy as np

from tasks.reconstruction.settings import VqganSettings
from tasks.vocabulary.arrays import UInt8Array

_TINY: dict[str, Any] = {
    "widths": (8,),
    "downsampling": 4,
    "codebook_entries": 32,
    "codebook_dimensions": 8,
    "discriminator_widths": (8, 8),
    "discriminator_start_step": 4,
    "perceptual_weight": 0.05,
    "batch_size": 4,
    "steps": 8,
    "warmup_steps": 2,
    "validate_every": 2,
    "checkpoint_every": 2,
    "revival_interval": 2,
    "device": "cpu",
}


def tiny_settings(**changes: Any) -> VqganSettings:
    return VqganSettings(**{**_TINY, **changes})


def gratings(count: int, side: int = 16, channels: int = 1, seed: int = 0) -> UInt8Array:
    """`[N, side, side, C]`: stripes of random direction, frequency and phase."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[:side, :side] / side
    frequencies = generator.uniform(-2.0, 2.0, size=(count, 2, channels))
    phases = generator.uniform(0.0, 2 * np.pi, size=(count, 1, 1, channels))
    waves = (
        2
        * np.pi
        * (
            rows[None, :, :, None] * frequencies[:, None, None, 0]
            + columns[None, :, :, None] * frequencies[:, None, None, 1]
        )
    )
    return np.asarray(np.round(127.5 + 100.0 * np.sin(waves + phases)), dtype=np.uint8)
