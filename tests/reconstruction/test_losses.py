"""The losses of equation 1 against values worked out by hand."""

from __future__ import annotations

from math import log, sqrt

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tasks.reconstruction.losses import (
    adaptive_weight,
    adversarial_loss,
    codebook_loss,
    commitment_loss,
    discriminator_loss,
    perceptual_loss,
    pixel_loss,
)

finite = st.floats(-20, 20)


def logit(probability: float) -> torch.Tensor:
    return torch.tensor(log(probability / (1 - probability)), dtype=torch.float64)


def test_pixel_loss_is_the_mean_square() -> None:
    assert pixel_loss(torch.tensor([0.0, 1.0]), torch.tensor([0.5, 1.0])).item() == 0.125


def test_discriminator_loss_is_equation_1() -> None:
    loss = discriminator_loss(logit(0.8), logit(0.3))
    assert loss.item() == pytest.approx(-(log(0.8) + log(1 - 0.3)))


def test_discriminator_at_chance_costs_two_log_two() -> None:
    zeros = torch.zeros(2, 3, 3)
    assert discriminator_loss(zeros, zeros).item() == pytest.approx(2 * log(2))


def test_adversarial_loss_by_hand() -> None:
    assert adversarial_loss(logit(0.3)).item() == pytest.approx(-log(0.3))


@given(finite, finite)
def test_generator_wants_what_the_discriminator_fights(first: float, second: float) -> None:
    """Both forms of the generator's loss fall as the reconstruction looks more real."""
    low, high = sorted((torch.tensor(first), torch.tensor(second)))
    zero = torch.tensor(0.0)
    assert adversarial_loss(high) <= adversarial_loss(low)
    assert discriminator_loss(zero, high) >= discriminator_loss(zero, low)


def test_each_vector_term_moves_one_side_only() -> None:
    latent = torch.randn(1, 4, 2, 2, requires_grad=True)
    codes = torch.randn(1, 4, 2, 2, requires_grad=True)
    torch.autograd.backward(codebook_loss(latent, codes))
    assert latent.grad is None
    assert codes.grad is not None
    codes.grad = None
    torch.autograd.backward(commitment_loss(latent, codes))
    assert latent.grad is not None
    assert codes.grad is None


def test_perceptual_loss_moves_the_reconstruction_only() -> None:
    features = torch.randn(1, 4, 2, 2, requires_grad=True)
    drawn = torch.randn(1, 4, 2, 2, requires_grad=True)
    torch.autograd.backward(perceptual_loss(features, drawn))
    assert features.grad is None
    assert drawn.grad is not None


def test_adaptive_weight_on_a_linear_toy() -> None:
    """Output = w · (1, 2); losses 3 · sum and 0.5 · first entry."""
    weight = torch.tensor(2.0, requires_grad=True)
    inputs = torch.tensor([1.0, 2.0])
    output = weight * inputs
    reconstruction_gradient = torch.tensor([3.0, 3.0])
    adversarial_gradient = torch.tensor([0.5, 0.0])
    value = adaptive_weight(output, reconstruction_gradient, adversarial_gradient, weight, 1e4)
    assert value.item() == pytest.approx((3 * 1 + 3 * 2) / (0.5 * 1 + 1e-6))
    assert not value.requires_grad


def test_adaptive_weight_equals_the_definition_on_a_network() -> None:
    torch.manual_seed(0)
    last = torch.nn.Linear(5, 3)
    output = last(torch.randn(4, 5))
    first, second = output.square().mean(), output.sin().sum()
    (gradient_1,) = torch.autograd.grad(first, last.weight, retain_graph=True)
    (gradient_2,) = torch.autograd.grad(second, last.weight, retain_graph=True)
    expected = gradient_1.norm() / (gradient_2.norm() + 1e-6)
    (at_output_1,) = torch.autograd.grad(first, output, retain_graph=True)
    (at_output_2,) = torch.autograd.grad(second, output, retain_graph=True)
    value = adaptive_weight(output, at_output_1, at_output_2, last.weight, 1e4)
    assert value.item() == pytest.approx(expected.item(), rel=1e-5)


def test_adaptive_weight_is_clamped_where_the_discriminator_is_flat() -> None:
    weight = torch.ones(2, requires_grad=True)
    value = adaptive_weight(2 * weight, torch.ones(2), torch.zeros(2), weight, limit=1e4)
    assert value.item() == 1e4
    free = adaptive_weight(2 * weight, torch.ones(2), torch.zeros(2), weight, limit=1e9)
    assert free.item() == pytest.approx(2 * sqrt(2) / 1e-6)
