"""The search of a latent: it finds what is there, and an image's company changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tasks.reconstruction.dcgan import Generator
from tasks.reconstruction.latent_search import Distance, search
from tasks.reconstruction.search_settings import SearchSettings

DIMENSIONS = 5


def generator() -> Generator:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = Generator(DIMENSIONS, (8, 8), (1, 16, 16), "nearest")
    with torch.no_grad():
        made.start.weight.mul_(3.0)
    return made


def mean_absolute(images_NCHW: Tensor) -> Distance:
    return lambda drawn: (drawn - images_NCHW.unsqueeze(1)).abs().mean(dim=(2, 3, 4))


def settings(**changes: Any) -> SearchSettings:
    return SearchSettings(
        **{"iterations": 40, "restarts": 3, "candidates": 1, "learning_rate": 0.1, **changes}
    )


def targets(count: int) -> tuple[Tensor, Tensor]:
    latents = torch.randn(count, DIMENSIONS, generator=torch.Generator().manual_seed(7))
    with torch.no_grad():
        return generator()(latents), latents


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize(("patience", "candidates"), [(3, 1), (40, 1), (40, 4)])
def test_a_batch_gives_what_each_image_gives_alone(
    optimizer: str, patience: int, candidates: int
) -> None:
    images, _ = targets(4)
    noise = torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(3))
    images = torch.cat([images, noise])
    chosen = settings(optimizer=optimizer, patience=patience, candidates=candidates)
    together = search(generator(), mean_absolute, images, chosen, DIMENSIONS)
    for position in range(len(images)):
        alone = search(
            generator(), mean_absolute, images[position : position + 1], chosen, DIMENSIONS
        )
        for whole, single in zip(together, alone, strict=True):
            torch.testing.assert_close(whole[position : position + 1], single, rtol=1e-3, atol=1e-4)


def test_it_finds_the_latent_of_a_drawing() -> None:
    images, latents = targets(3)
    found = search(
        generator(), mean_absolute, images, settings(iterations=400, patience=400), DIMENSIONS
    )
    first = search(generator(), mean_absolute, images, settings(iterations=1), DIMENSIONS)
    assert bool((found.losses_N < 0.1 * first.losses_N).all())
    assert bool(((found.latents_ND - latents).norm(dim=1) < 0.3 * latents.norm(dim=1)).all())


def test_what_it_gives_belongs_together() -> None:
    images = torch.rand(3, 1, 16, 16)
    made = generator()
    found = search(made, mean_absolute, images, settings(), DIMENSIONS)
    with torch.no_grad():
        torch.testing.assert_close(made(found.latents_ND), found.images_NCHW)
    torch.testing.assert_close((found.images_NCHW - images).abs().mean((1, 2, 3)), found.losses_N)


def test_the_best_point_of_all_starts_is_kept() -> None:
    images, _ = targets(2)
    seen: list[Tensor] = []

    def listening(images_NCHW: Tensor) -> Distance:
        distance = mean_absolute(images_NCHW)

        def heard(drawn: Tensor) -> Tensor:
            seen.append(distance(drawn))
            return seen[-1]

        return heard

    # Steps so wide that the last point is not the best one.
    wild = settings(learning_rate=2.0, patience=40)
    found = search(generator(), listening, images, wild, DIMENSIONS)
    losses_INR = torch.stack(seen).detach()
    assert losses_INR.shape == (40, 2, 3)
    torch.testing.assert_close(found.losses_N, losses_INR.amin(dim=(0, 2)))
    assert bool((found.losses_N < losses_INR[-1].amin(dim=1)).any())


def test_it_starts_from_the_closest_candidate_of_each_start() -> None:
    images, _ = targets(3)
    once = settings(iterations=1, restarts=2, candidates=5)
    draws = torch.randn(2 * 5, DIMENSIONS, generator=torch.Generator().manual_seed(once.seed))
    with torch.no_grad():
        losses_NM = mean_absolute(images)(generator()(draws).expand(3, -1, -1, -1, -1))
    found = search(generator(), mean_absolute, images, once, DIMENSIONS)
    torch.testing.assert_close(found.losses_N, losses_NM.amin(dim=1))
    assert torch.equal(found.latents_ND, draws[losses_NM.argmin(dim=1)])


def test_patience_ends_it() -> None:
    calls: list[int] = []

    def flat(images_NCHW: Tensor) -> Distance:
        def same(drawn: Tensor) -> Tensor:
            calls.append(len(drawn))
            return 0.0 * drawn.mean(dim=(2, 3, 4)) + 1.0

        return same

    search(generator(), flat, torch.rand(2, 1, 16, 16), settings(patience=4), DIMENSIONS)
    assert calls == [2] * 5


def test_it_runs_where_gradients_are_off_and_leaves_none() -> None:
    images, _ = targets(2)
    made = generator()
    expected = search(made, mean_absolute, images, settings(), DIMENSIONS)
    with torch.no_grad():
        without = search(made, mean_absolute, images, settings(), DIMENSIONS)
    with torch.inference_mode():
        inferred = search(made, mean_absolute, images.clone(), settings(), DIMENSIONS)
    for one, other, third in zip(expected, without, inferred, strict=True):
        assert torch.equal(one, other)
        assert torch.equal(one, third)
        assert not one.requires_grad
    assert all(one.grad is None for one in made.parameters())


def test_starts_are_the_seeds_alone() -> None:
    seen: list[Tensor] = []

    class Listening(nn.Module):
        def forward(self, latents: Tensor) -> Tensor:
            seen.append(latents.detach().clone())
            return latents.view(-1, 1, 1, DIMENSIONS).sigmoid()

    once = settings(iterations=1)
    torch.manual_seed(5)
    search(Listening(), mean_absolute, torch.zeros(1, 1, 1, DIMENSIONS), once, DIMENSIONS)
    torch.manual_seed(6)
    search(Listening(), mean_absolute, torch.ones(2, 1, 1, DIMENSIONS), once, DIMENSIONS)
    other = settings(iterations=1, seed=1)
    search(Listening(), mean_absolute, torch.zeros(1, 1, 1, DIMENSIONS), other, DIMENSIONS)
    assert torch.equal(seen[0].repeat(2, 1), seen[1])
    assert not torch.equal(seen[0], seen[2])
