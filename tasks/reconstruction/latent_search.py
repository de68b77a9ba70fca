"""Search the latent whose drawing is closest to an image, by gradient descent from several starts.

Source: the 3D-print GAN, equation 12 and algorithm 2 (after AnoGAN, Schlegl et al. 2017).
Legend: N images, R starts of each, K candidates for a start, M = R K, D dimensions of a latent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, assert_never

import torch
from torch import Tensor
from torch.optim import SGD, Adam, Optimizer

from tasks.reconstruction.search_settings import SearchSettings

Distance = Callable[[Tensor], Tensor]
"""Drawings `[N, R, C, H, W]` of N images to their losses, `[N, R]`; no image may touch another."""
Objective = Callable[[Tensor], Distance]
"""Images `[N, C, H, W]` to how far drawings are from them: what is fixed is computed once."""


class Found(NamedTuple):
    """The best drawings, the latents that they were drawn from, and the least losses."""

    images_NCHW: Tensor
    latents_ND: Tensor
    losses_N: Tensor


def search(
    generator: Callable[[Tensor], Tensor],
    objective: Objective,
    images_NCHW: Tensor,
    settings: SearchSettings,
    dimensions: int,
) -> Found:
    """Descend from `restarts` latents for each image, and keep the best point of all paths.

    `generator` takes latents `[M, D]` of `dimensions` D. Works inside `torch.no_grad` and
    `torch.inference_mode` too, and leaves no gradient in the networks. All images run as one
    batch; each stops by its own patience, so its company changes no more than roundings.
    Departure from algorithm 2, with several `candidates`: a start is the closest of them, for few
    steps seldom lead far away from a bad one.
    """
    # Leaving inference mode is not enough: its tensors can be in no graph, a copy of them can.
    with torch.inference_mode(mode=False), torch.enable_grad():
        images_NCHW = images_NCHW.clone()
        with torch.no_grad():
            distance = objective(images_NCHW)
            starts_NRD = _starts(settings, generator, distance, images_NCHW, dimensions)
        latents_NRD = starts_NRD.requires_grad_()
        optimizer = _optimizer(settings, latents_NRD)
        best = _Best(latents_NRD, settings.patience)
        for _ in range(settings.iterations):
            drawn_MCHW = generator(latents_NRD.flatten(0, 1))
            drawn_NRCHW = drawn_MCHW.view(*latents_NRD.shape[:2], *drawn_MCHW.shape[1:])
            losses_NR = distance(drawn_NRCHW)
            best.look(drawn_NRCHW, latents_NRD, losses_NR)
            if not bool(best.searching_N.any()):
                break
            # A start's loss depends on its own latent alone: the slope of the sum is each one's.
            (latents_NRD.grad,) = torch.autograd.grad(losses_NR.sum(), latents_NRD)
            optimizer.step()
        return best.found()


def _starts(
    settings: SearchSettings,
    generator: Callable[[Tensor], Tensor],
    distance: Distance,
    images_NCHW: Tensor,
    dimensions: int,
) -> Tensor:
    draws = torch.Generator().manual_seed(settings.seed)
    drawn_RKD = torch.randn(settings.restarts, settings.candidates, dimensions, generator=draws)
    drawn_RKD = drawn_RKD.to(images_NCHW.device)
    if settings.candidates == 1:
        return drawn_RKD.squeeze(1).repeat(len(images_NCHW), 1, 1)
    drawings_MCHW = generator(drawn_RKD.flatten(0, 1))
    losses_NM = distance(drawings_MCHW.expand(len(images_NCHW), *drawings_MCHW.shape))
    closest_NR = losses_NM.view(-1, *drawn_RKD.shape[:2]).argmin(dim=2)
    return drawn_RKD[torch.arange(settings.restarts, device=closest_NR.device), closest_NR]


def _optimizer(settings: SearchSettings, latents_NRD: Tensor) -> Optimizer:
    match settings.optimizer:
        case "adam":
            return Adam([latents_NRD], lr=settings.learning_rate)
        case "sgd":
            return SGD([latents_NRD], lr=settings.learning_rate)
        case _:
            assert_never(settings.optimizer)


class _Best:
    """The best point of each image so far, and which images are still searching."""

    def __init__(self, latents_NRD: Tensor, patience: int) -> None:
        images, device = len(latents_NRD), latents_NRD.device
        self.patience = patience
        self.losses_N = torch.full((images,), torch.inf, device=device)
        self.latents_ND = latents_NRD[:, 0].detach().clone()
        self.images_NCHW: Tensor | None = None
        self.waited_N = torch.zeros(images, dtype=torch.int64, device=device)
        self.searching_N = torch.ones(images, dtype=torch.bool, device=device)

    @torch.no_grad()
    def look(self, drawn_NRCHW: Tensor, latents_NRD: Tensor, losses_NR: Tensor) -> None:
        """Keep what is better than ever, of images that are still searching."""
        if self.images_NCHW is None:
            self.images_NCHW = drawn_NRCHW[:, 0].clone()
        least_N, start_N = losses_NR.min(dim=1)
        better_N = self.searching_N & (least_N < self.losses_N)
        rows_B = better_N.nonzero().squeeze(1)
        self.losses_N[rows_B] = least_N[rows_B]
        self.latents_ND[rows_B] = latents_NRD[rows_B, start_N[rows_B]]
        self.images_NCHW[rows_B] = drawn_NRCHW[rows_B, start_N[rows_B]]
        self.waited_N = torch.where(better_N, 0, self.waited_N + 1)
        self.searching_N = self.searching_N & (self.waited_N < self.patience)

    def found(self) -> Found:
        """All best points."""
        assert self.images_NCHW is not None  # noqa: S101 - settings ask for an iteration at least
        return Found(self.images_NCHW, self.latents_ND, self.losses_N)
