"""The VAE: its divergence and likelihood against closed forms, its draws, its training."""

from __future__ import annotations

from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn
from torch.distributions import Bernoulli, Normal, kl_divergence
from torch.optim import SGD

from tasks.reconstruction.course import Batch
from tasks.reconstruction.errors import TrainingCollapsedError
from tasks.reconstruction.history import TrainingStep
from tasks.reconstruction.persistence import build_reconstructor
from tasks.reconstruction.processes import Processes
from tasks.reconstruction.training import TrainedReconstructor, train
from tasks.reconstruction.vae import Posterior, VaeReconstructor, divergence, likelihood_loss
from tasks.reconstruction.vae_settings import VaeSettings
from tasks.reconstruction.vae_training import VaeTrainee
from tasks.vocabulary.errors import InputError
from tasks.vocabulary.tensors import board_images
from tests.reconstruction.test_training import assert_same_weights, pixels
from tests.reconstruction.tiny import gratings

TINY: dict[str, Any] = {
    "widths": (8, 8),
    "dense_width": 16,
    "latent_dimensions": 6,
    "draws": 5,
    "steps": 8,
    "batch_size": 4,
    "validate_every": 4,
    "checkpoint_every": 2,
    "device": "cpu",
}


def tiny_vae(**changes: Any) -> VaeSettings:
    return VaeSettings(**{**TINY, **changes})


def built(side: int = 16, **changes: Any) -> VaeReconstructor:
    made = build_reconstructor(tiny_vae(**changes), (1, side, side))
    assert isinstance(made, VaeReconstructor)
    return made


def trained(workplace: Path, count: int = 8, **changes: Any) -> TrainedReconstructor:
    images = gratings(count + 2)
    settings = tiny_vae(**changes)
    return train(settings, images[:count], images[count:], pixels, workplace, lambda _: None)


def some_posterior() -> Posterior:
    generator = torch.Generator().manual_seed(1)
    return Posterior(*(torch.randn(7, 6, generator=generator) for _ in range(2)))


def test_the_divergence_is_that_of_two_normals() -> None:
    posterior = some_posterior()
    deviations = torch.exp(0.5 * posterior.log_variances_ND)
    expected = kl_divergence(Normal(posterior.means_ND, deviations), Normal(0.0, 1.0)).sum(dim=1)
    torch.testing.assert_close(divergence(posterior), expected)
    nothing = Posterior(torch.zeros(2, 6), torch.zeros(2, 6))
    assert divergence(nothing).tolist() == [0.0, 0.0]


def test_the_likelihood_is_that_of_independent_coins() -> None:
    logits, images = 3 * torch.randn(4, 2, 5, 3), torch.rand(4, 2, 5, 3)
    coins = Bernoulli(logits=logits, validate_args=False)
    expected = -coins.log_prob(images).sum(dim=(1, 2, 3))  # type: ignore[no-untyped-call]
    torch.testing.assert_close(likelihood_loss(images, logits), expected)
    by_hand = torch.tensor([[[[0.25]]]])
    logit = torch.tensor([[[[log(3.0)]]]])  # the chance of white is 3/4
    expected = torch.tensor([-(0.25 * log(0.75) + 0.75 * log(0.25))])
    torch.testing.assert_close(likelihood_loss(by_hand, logit), expected)


def test_a_perfect_drawing_costs_the_images_entropy_and_never_less_than_nothing() -> None:
    grey = torch.full((1, 1, 4, 4), 0.5)
    torch.testing.assert_close(
        likelihood_loss(grey, torch.zeros_like(grey)), torch.tensor([16 * log(2.0)])
    )
    white = torch.ones(1, 1, 4, 4)
    assert 0.0 <= likelihood_loss(white, torch.full_like(white, 80.0)).item() < 1e-30


def test_the_bound_lies_below_the_evidence_and_touches_it_at_the_true_posterior() -> None:
    """One latent, a linear decoder: p(x) and p(z|x) by quadrature over z."""
    slopes_P, image_1P = torch.tensor([0.8, -0.5, 0.3]), torch.tensor([[1.0, 0.0, 1.0]])
    grid_G = torch.linspace(-9, 9, 20001, dtype=torch.float64)
    step = float(grid_G[1] - grid_G[0])

    def loss_of(latents_G: Tensor) -> Tensor:
        logits = (latents_G[:, None] * slopes_P).reshape(-1, 1, 1, 3)
        return likelihood_loss(image_1P.reshape(1, 1, 1, 3).expand_as(logits), logits).double()

    joint_G = torch.exp(-loss_of(grid_G) - grid_G**2 / 2) / np.sqrt(2 * np.pi)
    evidence = float(joint_G.sum() * step)
    true_G = joint_G / evidence
    mean = float((true_G * grid_G).sum() * step)
    variance = float((true_G * (grid_G - mean) ** 2).sum() * step)

    def negative_bound(center: float, spread: float) -> float:
        weights_G = torch.exp(Normal(center, spread).log_prob(grid_G))  # type: ignore[no-untyped-call]
        log_variance = torch.tensor([[2 * log(spread)]])
        kl = divergence(Posterior(torch.tensor([[center]]), log_variance))
        return float((weights_G * loss_of(grid_G)).sum() * step + kl)

    at_the_posterior = negative_bound(mean, variance**0.5)
    assert at_the_posterior >= -log(evidence)
    # The true posterior is normal but for a little skew, so the gap is nearly closed there.
    assert at_the_posterior == pytest.approx(-log(evidence), abs=1e-2)
    assert negative_bound(mean + 0.5, variance**0.5) > at_the_posterior + 0.05
    assert negative_bound(0.0, 1.0) > at_the_posterior + 0.01


def test_the_best_draw_is_kept_and_the_mean_is_scored() -> None:
    model, image = built(), board_images(gratings(1))
    made = model.reconstruct(image)
    with torch.no_grad():
        posterior = model.encode(image)
        logits = torch.cat([model.decode(posterior.at(one[None])) for one in model.draws_LD])
    losses = likelihood_loss(image.expand_as(logits), logits)
    best = torch.sigmoid(logits[losses.argmin()])
    torch.testing.assert_close(made.images_NCHW[0], best, atol=1e-5, rtol=1e-5)
    assert losses.argmin() != losses.argmax()
    assert made.scores_NS is not None
    elbo, kl, loss = made.scores_NS[0]
    torch.testing.assert_close(loss, losses.mean())
    torch.testing.assert_close(kl, divergence(posterior)[0])
    assert elbo == kl + loss


def test_more_draws_never_redraw_worse() -> None:
    image = board_images(gratings(1))
    losses = []
    for draws in (1, 5, 20):
        model = built(draws=draws)
        shown = model.reconstruct(image).images_NCHW
        losses.append(float(likelihood_loss(image, torch.logit(shown))))
    assert losses == sorted(losses, reverse=True)


def test_the_draws_are_those_of_the_seed() -> None:
    assert torch.equal(built().draws_LD, built().draws_LD)
    assert not torch.equal(built().draws_LD, built(seed=1).draws_LD)


def test_gamma_is_taken_back() -> None:
    model = built(gamma=6.0)
    images = torch.rand(2, 1, 16, 16)
    torch.testing.assert_close(model.shown(model.seen(images)), images)
    corrected = model.seen(images)
    assert (corrected < images).all()
    scores = model.reconstruct(images).scores_NS
    assert scores is not None
    # The loss is that of the image as the network sees it.
    plain = built()
    of_corrected = plain.reconstruct(corrected).scores_NS
    assert of_corrected is not None
    torch.testing.assert_close(scores, of_corrected)


def test_images_that_cannot_be_halved_are_refused_with_the_remedy() -> None:
    with pytest.raises(InputError, match="multiple of 4 px"):
        built(side=18)
    with pytest.raises(InputError, match="training size"):
        built().reconstruct(torch.rand(1, 1, 32, 32))


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(ValidationError):
        tiny_vae(draws=0)


def trainee(**changes: Any) -> VaeTrainee:
    model = built(**changes)
    return VaeTrainee(
        model.settings,
        model,
        {"vae": SGD(model.parameters(), lr=0.0)},
        Processes(),
        torch.device("cpu"),
        torch.float32,
    )


def batch() -> Batch:
    return Batch(board_images(gratings(4)), np.random.default_rng(0), 4, slice(0, 4))


def gradients(network: nn.Module) -> list[Tensor]:
    return [one.grad for one in network.parameters() if one.grad is not None]


def test_both_terms_move_the_encoder_and_only_the_likelihood_the_decoder() -> None:
    one = trainee()
    losses = one.learn(0, batch())
    assert all(grad.abs().sum() > 0 for grad in gradients(one.reconstructor))
    assert len(gradients(one.reconstructor)) == len(list(one.reconstructor.parameters()))
    torch.testing.assert_close(losses["negative_elbo"], losses["kl"] + losses["likelihood_loss"])
    images = batch().images_NCHW
    one.reconstructor.zero_grad(set_to_none=True)
    divergence(one.reconstructor.encode(images)).sum().backward()  # type: ignore[no-untyped-call]
    assert gradients(one.reconstructor.decoder) == []
    assert gradients(one.reconstructor.encoder)


def test_the_weight_of_the_divergence_counts_in_training_alone() -> None:
    weighted, plain = trainee(kl_weight=3.0), trainee()
    assert weighted.learn(0, batch())["kl"] == plain.learn(0, batch())["kl"]
    names = [name for name, _ in plain.reconstructor.encoder.named_parameters()]
    differs = [
        not torch.allclose(one, other)
        for one, other in zip(
            gradients(weighted.reconstructor.encoder),
            gradients(plain.reconstructor.encoder),
            strict=True,
        )
    ]
    assert len(differs) == len(names)
    assert all(differs)


def test_noise_touches_some_images_stays_in_range_and_fades() -> None:
    one = trainee(noise=0.3, steps=100)
    clean = batch().images_NCHW
    first, last = one.noisy(batch(), 0), one.noisy(batch(), 99)
    moved = [not torch.equal(*pair) for pair in zip(first, clean, strict=True)]
    assert any(moved)
    assert not all(moved)
    assert first.min() >= 0
    assert first.max() <= 1
    assert (last - clean).abs().max() < 0.02 < (first - clean).abs().max()
    assert torch.equal(trainee().noisy(batch(), 0), clean)


def test_a_resumed_training_ends_with_the_same_bits(tmp_path: Path) -> None:
    class Killed(Exception):  # noqa: N818 - stands for a kill
        pass

    def kill(step: TrainingStep) -> None:
        if step.step == 5:
            raise Killed

    images, settings = gratings(10), tiny_vae(noise=0.1)
    with pytest.raises(Killed):
        train(settings, images[:8], images[8:], pixels, tmp_path / "cut", kill)
    resumed = trained(tmp_path / "cut", noise=0.1)
    whole = trained(tmp_path / "whole", noise=0.1)
    assert_same_weights(resumed.reconstructor, whole.reconstructor)
    assert resumed.history == whole.history


@pytest.mark.slow
def test_it_learns_eight_images_by_heart(tmp_path: Path) -> None:
    made = trained(
        tmp_path,
        widths=(16, 32),
        dense_width=64,
        steps=200,
        batch_size=8,
        flips=False,
        validate_every=200,
        learning_rate=3e-3,
        precision="float32",
    )
    images = board_images(gratings(10)[:8])
    before = build_reconstructor(tiny_vae(), (1, 16, 16)).reconstruct(images).images_NCHW
    after = made.reconstructor.reconstruct(images).images_NCHW
    error_before, error = (float((x - images).square().mean()) for x in (before, after))
    assert error < 0.05 * error_before
    # Nats of information: what tells eight images apart, and more for how they look.
    assert made.history[-1].losses["kl"] > log(8.0)


def test_a_posterior_that_says_nothing_is_a_collapse(tmp_path: Path) -> None:
    with pytest.raises(TrainingCollapsedError, match="nats of an image"):
        trained(tmp_path, kl_weight=1e4, steps=60, learning_rate=1e-2, validate_every=60)
