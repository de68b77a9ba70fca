"""The Wasserstein distance between real and drawn images, as a critic estimates it (WGAN-GP).

Source: Gulrajani et al. 2017; GanoDIP, equation 1. Legend: N images.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

# The square root has no finite slope at zero.
_SMALLEST_SQUARE = 1e-12

Critic = Callable[[Tensor], Tensor]
"""Images `[N, C, H, W]` to one number each, `[N, 1]`, high = real."""


def wasserstein_estimate(real_N1: Tensor, drawn_N1: Tensor) -> Tensor:
    """E[D(x)] - E[D(x̃)]: what the critic maximises, and the generator makes small."""
    return real_N1.mean() - drawn_N1.mean()


def gradient_penalty(
    critic: Critic, real_NCHW: Tensor, drawn_NCHW: Tensor, mix_N: Tensor
) -> Tensor:
    """E[(||∇D(x̂)|| - 1)²] at x̂ = x + mix (x̃ - x); float32, also under autocast.

    Gradients are those by grey levels in [0, 1]. Differentiable by the critic's parameters alone.
    """
    mixed_NCHW = torch.lerp(real_NCHW, drawn_NCHW, mix_N.view(-1, 1, 1, 1)).float().detach()
    mixed_NCHW.requires_grad_()
    with torch.autocast(mixed_NCHW.device.type, enabled=False):
        judged = critic(mixed_NCHW).sum()
        (slopes_NCHW,) = torch.autograd.grad(judged, mixed_NCHW, create_graph=True)
    squares_N = slopes_NCHW.square().flatten(1).sum(dim=1)
    return ((squares_N + _SMALLEST_SQUARE).sqrt() - 1.0).square().mean()
