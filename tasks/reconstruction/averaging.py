"""A generator that draws with the running mean of its weights: a GAN circles around what it learns.

Source: Yazıcı et al. 2019, "The unusual effectiveness of averaging in GAN training".
"""

from __future__ import annotations

import torch
from torch import nn

_FIRST_STEPS = 10


def follow(mean: nn.Module, learner: nn.Module, averaging: float, step: int) -> None:
    """Move all weights and running statistics of `mean` towards those of `learner`.

    What is kept of the old is `averaging`, and less in the first steps, so that random first
    weights are soon forgotten. With 0 `mean` becomes equal to `learner`.
    """
    kept = min(averaging, (1 + step) / (_FIRST_STEPS + step))
    with torch.no_grad():
        both = zip(mean.state_dict().values(), learner.state_dict().values(), strict=True)
        for ours, theirs in both:
            if averaging and ours.is_floating_point():
                ours.lerp_(theirs, 1.0 - kept)
            else:
                ours.copy_(theirs)
