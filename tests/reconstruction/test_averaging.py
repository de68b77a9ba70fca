"""Running means of weights, held against sums done by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tasks.reconstruction.averaging import follow


def network(value: float, seen: int = 0) -> nn.Sequential:
    """One weight, and the running statistics of a batch normalisation."""
    made = nn.Sequential(nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1))
    with torch.no_grad():
        for tensor in made.state_dict().values():
            tensor.fill_(value if tensor.is_floating_point() else seen)
    return made


def value_of(made: nn.Sequential) -> float:
    values = {float(tensor) for tensor in made.state_dict().values() if tensor.is_floating_point()}
    (value,) = values
    return value


def test_weights_and_statistics_are_means_of_all_steps() -> None:
    mean = network(5.0)
    expected = 5.0
    for step, learnt in enumerate((1.0, 2.0, 4.0, 8.0)):
        follow(mean, network(learnt, seen=step), 0.3, step)
        kept = min(0.3, (1 + step) / (10 + step))
        expected = kept * expected + (1 - kept) * learnt
        assert value_of(mean) == pytest.approx(expected, rel=1e-6)
    assert int(mean.get_buffer("1.num_batches_tracked")) == 3


def test_the_random_first_weights_are_soon_forgotten() -> None:
    mean, learner = network(1000.0), network(1.0)
    for step in range(20):
        follow(mean, learner, 0.999, step)
    assert value_of(mean) == pytest.approx(1.0, abs=1e-3)


def test_without_averaging_both_are_the_same_bits() -> None:
    mean, learner = network(1.0), network(1 / 3)
    follow(mean, learner, 0.0, 7)
    assert torch.equal(mean.get_parameter("0.weight"), learner.get_parameter("0.weight"))
