"""What each step uses: all of it a function of (seed, step), so a resumed run repeats nothing.

Legend: B images of a batch; h, w height and width of the latent.
"""

from __future__ import annotations

from math import cos, pi

import numpy as np
import torch
from torch import Tensor

from tasks.reconstruction.settings import VqganSettings
from tasks.vocabulary.arrays import BoolArray, Int64Array

# Second key of the random generators: one stream for each use, so that none shifts another.
_ORDER, _FLIPS, _CODES, _CORRUPTION, _DROPOUT, _NOISE = range(6)


def learning_rate(settings: VqganSettings, step: int) -> float:
    """Linear warm-up, then half a cosine down to `final_learning_rate` at the last step."""
    if step < settings.warmup_steps:
        return settings.learning_rate * (step + 1) / settings.warmup_steps
    span = max(settings.steps - 1 - settings.warmup_steps, 1)
    height = 0.5 * (1.0 + cos(pi * min((step - settings.warmup_steps) / span, 1.0)))
    low = min(settings.final_learning_rate, settings.learning_rate)
    return low + (settings.learning_rate - low) * height


def batch_indices(seed: int, step: int, batch_size: int, count: int) -> Int64Array:
    """`[B]`: the images of this step; every image once before any comes again (mod batch edges)."""
    positions_B = np.arange(step * batch_size, (step + 1) * batch_size)
    orders = {
        epoch: np.random.default_rng((seed, _ORDER, epoch)).permutation(count)
        for epoch in np.unique(positions_B // count).tolist()
    }
    chosen = [orders[position // count][position % count] for position in positions_B.tolist()]
    return np.array(chosen, dtype=np.int64)


def batch_flips(seed: int, step: int, batch_size: int) -> BoolArray:
    """`[B, 2]`: whether to mirror each image vertically and horizontally, each with chance 1/2."""
    generator = np.random.default_rng((seed, _FLIPS, step))
    return generator.integers(0, 2, size=(batch_size, 2)).astype(np.bool_)


def flipped(images_NCHW: Tensor, flips_N2: BoolArray) -> Tensor:
    """Each image mirrored as its row says."""
    vertical, horizontal = (
        torch.from_numpy(flips_N2[:, axis]).to(images_NCHW.device).view(-1, 1, 1, 1)
        for axis in (0, 1)
    )
    images_NCHW = torch.where(vertical, images_NCHW.flip(2), images_NCHW)
    return torch.where(horizontal, images_NCHW.flip(3), images_NCHW)


def corruption_draws(seed: int, step: int) -> np.random.Generator:
    """Give the generator that draws what is pasted into this step's inputs."""
    return np.random.default_rng((seed, _CORRUPTION, step))


def noise_draws(seed: int, step: int) -> np.random.Generator:
    """Give the generator of latents, instance noise and the like of this step."""
    return np.random.default_rng((seed, _NOISE, step))


def code_replacements(settings: VqganSettings, step: int, latent_hw: tuple[int, int]) -> Tensor:
    """`int64 [B, h, w]`: `code_dropout` of the places get any code, each with chance 1/K; else -1."""
    generator = np.random.default_rng((settings.seed, _DROPOUT, step))
    shape = (settings.batch_size, *latent_hw)
    codes_Bhw = generator.integers(0, settings.codebook_entries, size=shape)
    codes_Bhw[generator.random(shape) >= settings.code_dropout] = -1
    return torch.from_numpy(codes_Bhw)


def revival_seed(seed: int, step: int) -> int:
    """Derive the seed that draws the latents for dead codes."""
    return int(np.random.SeedSequence((seed, _CODES, step)).generate_state(1, np.uint64)[0] >> 1)


def revival_is_due(settings: VqganSettings, step: int) -> bool:
    """Whether dead codes are reborn in this step; step 0 is: it fills the codebook with latents."""
    end = settings.steps if settings.revival_end_step is None else settings.revival_end_step
    return step % settings.revival_interval == 0 and (step < end or step == 0)
