"""GANomaly: its residual scores by hand, whose gradients go where, and its training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import SGD

from tasks.reconstruction.collapse import GAP
from tasks.reconstruction.course import Batch
from tasks.reconstruction.errors import TrainingCollapsedError
from tasks.reconstruction.ganomaly import GanomalyReconstructor, residual_scores
from tasks.reconstruction.ganomaly_settings import GanomalySettings
from tasks.reconstruction.ganomaly_training import GanomalyTrainee
from tasks.reconstruction.history import TrainingStep
from tasks.reconstruction.persistence import build_reconstructor
from tasks.reconstruction.processes import Processes
from tasks.reconstruction.training import TrainedReconstructor, train
from tasks.vocabulary.errors import InputError
from tasks.vocabulary.tensors import board_images
from tests.reconstruction.test_training import assert_same_weights, pixels
from tests.reconstruction.tiny import gratings

TINY: dict[str, Any] = {
    "widths": (8, 8),
    "latent_dimensions": 12,
    "steps": 60,
    "batch_size": 4,
    "validate_every": 60,  # running statistics of the first steps draw all images as one
    "checkpoint_every": 20,
    "device": "cpu",
}


def tiny_ganomaly(**changes: Any) -> GanomalySettings:
    return GanomalySettings(**{**TINY, **changes})


def built(side: int = 16, channels: int = 1, **changes: Any) -> GanomalyReconstructor:
    made = build_reconstructor(tiny_ganomaly(**changes), (channels, side, side))
    assert isinstance(made, GanomalyReconstructor)
    return made


def trained(workplace: Path, **changes: Any) -> TrainedReconstructor:
    images = gratings(10)
    chosen = tiny_ganomaly(**changes)
    return train(chosen, images[:8], images[8:], pixels, workplace, lambda _: None)


def trainee(**changes: Any) -> GanomalyTrainee:
    chosen = tiny_ganomaly(**changes)
    model = built(**changes)
    movers: dict[str, nn.Module] = {
        "generator": model.generator,
        "discriminator": model.discriminator,
    }
    optimizers = {name: SGD(one.parameters(), lr=0.0) for name, one in movers.items()}
    return GanomalyTrainee(
        chosen, model, optimizers, Processes(), torch.device("cpu"), torch.float32
    )


def moved(network: nn.Module) -> bool:
    return any(one.grad is not None and bool(one.grad.any()) for one in network.parameters())


def untouched(network: nn.Module) -> bool:
    return all(one.grad is None for one in network.parameters())


def test_the_residuals_are_those_of_equations_1_to_3() -> None:
    features, others = torch.tensor([[1.0, 2.0, -1.0]]), torch.tensor([[0.0, 4.0, 1.0]])
    image, output = torch.tensor([[[[0.5, 0.25]]]]), torch.tensor([[[[0.25, 0.75]]]])
    scores = residual_scores(features, others, image, output)
    torch.testing.assert_close(scores, torch.tensor([[5.0, 3.0, 0.75]]))
    same = residual_scores(features, features, image, image)
    assert same.tolist() == [[0.0, 0.0, 0.0]]


@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_the_first_residual_is_between_the_second_and_its_multiple(count: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    one, other = (torch.from_numpy(generator.normal(size=(3, count))) for _ in range(2))
    images = torch.zeros(3, 1, 1, 1, dtype=torch.float64)
    first, second, _ = residual_scores(one, other, images, images).T
    assert (first >= second * (1 - 1e-12)).all()
    assert (first <= second * count**0.5 * (1 + 1e-12)).all()


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=8))
def test_scores_do_not_depend_on_the_batch_or_its_order(rows: list[int]) -> None:
    model, images = built(), board_images(gratings(6))
    alone = model.reconstruct(images).scores_NS
    together = model.reconstruct(images[rows]).scores_NS
    assert alone is not None
    assert together is not None
    assert torch.equal(together, alone[rows])


def test_scores_and_realness_are_the_discriminators() -> None:
    model, images = built(channels=3), torch.rand(2, 3, 16, 16)
    made = model.reconstruct(images)
    with torch.no_grad():
        features, realness = model.discriminator(images)
        features_output, realness_output = model.discriminator(made.images_NCHW)
    assert made.realness_input_Nhw is not None
    assert made.realness_output_Nhw is not None
    assert made.realness_input_Nhw.shape == (2, 1, 1)
    torch.testing.assert_close(made.realness_input_Nhw, realness)
    torch.testing.assert_close(made.realness_output_Nhw, realness_output)
    expected = residual_scores(features, features_output, images, made.images_NCHW)
    assert made.scores_NS is not None
    torch.testing.assert_close(made.scores_NS, expected)


def test_images_that_cannot_be_halved_are_refused_with_the_remedy() -> None:
    with pytest.raises(InputError, match="multiple of 4 px"):
        built(side=18)
    with pytest.raises(InputError, match="training size"):
        built().reconstruct(torch.rand(1, 1, 32, 32))


def test_a_batch_of_one_has_nothing_to_be_normalised_by() -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 2"):
        tiny_ganomaly(batch_size=1)


def test_the_paper_weights_are_the_defaults() -> None:
    weights = GanomalySettings()
    chosen = (weights.adversarial_weight, weights.contextual_weight, weights.latent_weight)
    assert chosen == (20.0, 1.0, 1.0)
    assert weights.learning_rate == 1e-3


def test_the_generators_loss_is_the_weighted_sum_of_three() -> None:
    one, images = trainee(), board_images(gratings(4))
    drawn, losses = one.teach_generator(images)
    model = one.reconstructor
    with torch.no_grad():
        made = model.generator(images)
        (real, _), (fake, _) = model.discriminator(images), model.discriminator(made.images_NCHW)
    assert torch.equal(drawn, made.images_NCHW)
    assert not drawn.requires_grad
    expected = {
        "adversarial": (real - fake).square().mean(),
        "contextual": (images - drawn).abs().mean(),
        "latent": (made.latent_ND - made.relatent_ND).square().mean(),
    }
    for name, value in expected.items():
        torch.testing.assert_close(losses[name].detach(), value)
    total = 20 * losses["adversarial"] + losses["contextual"] + losses["latent"]
    torch.testing.assert_close(losses["generator"], total)


def test_only_learning_looks_at_the_batch() -> None:
    one, images = trainee(), board_images(gratings(4))
    model = one.reconstructor
    before = [value.clone() for value in model.buffers()]
    model.reconstruct(images)
    assert all(map(torch.equal, before, model.buffers()))
    one.learn(0, Batch(images, np.random.default_rng(0), 4, slice(0, 4)))
    assert not any(map(torch.equal, before, model.buffers()))
    assert not any(part.training for part in model.modules())


def test_the_generators_step_teaches_all_of_it_and_leaves_the_discriminator() -> None:
    one = trainee()
    one.teach_generator(board_images(gratings(4)))
    for part in ("encoder", "decoder", "second_encoder"):
        assert moved(one.reconstructor.generator.get_submodule(part)), part
    assert untouched(one.reconstructor.discriminator)


@pytest.mark.parametrize(
    ("weight", "second_encoder", "decoder"),
    [
        ("adversarial_weight", False, True),
        ("contextual_weight", False, True),
        ("latent_weight", True, True),
    ],
)
def test_each_loss_alone_reaches_its_networks(
    weight: str, second_encoder: bool, decoder: bool
) -> None:
    others = {"adversarial_weight": 0.0, "contextual_weight": 0.0, "latent_weight": 0.0}
    one = trainee(**{**others, weight: 1.0})
    one.teach_generator(board_images(gratings(4)))
    generator = one.reconstructor.generator
    assert moved(generator.second_encoder) == second_encoder
    assert moved(generator.decoder) == decoder
    assert moved(generator.encoder)


def test_the_discriminators_step_leaves_the_generator() -> None:
    one, images = trainee(), board_images(gratings(4))
    drawn = torch.rand(4, 1, 16, 16)
    losses = one.teach_discriminator(images, drawn)
    assert untouched(one.reconstructor.generator)
    assert moved(one.reconstructor.discriminator)
    with torch.no_grad():
        (_, real), (_, fake) = (one.reconstructor.discriminator(x) for x in (images, drawn))
    expected = _cross_entropy(real, 1.0) + _cross_entropy(fake, 0.0)
    torch.testing.assert_close(losses["discriminator"].detach(), expected)
    torch.testing.assert_close(losses[GAP].detach(), real.sigmoid().mean() - fake.sigmoid().mean())


def _cross_entropy(logits: Tensor, target: float) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def test_a_resumed_training_ends_with_the_same_bits(tmp_path: Path) -> None:
    class Killed(Exception):  # noqa: N818 - stands for a kill
        pass

    def kill(step: TrainingStep) -> None:
        if step.step == 45:
            raise Killed

    images = gratings(10)
    with pytest.raises(Killed):
        train(tiny_ganomaly(), images[:8], images[8:], pixels, tmp_path / "cut", kill)
    resumed, whole = trained(tmp_path / "cut"), trained(tmp_path / "whole")
    assert_same_weights(resumed.reconstructor, whole.reconstructor)
    assert resumed.history == whole.history


@pytest.mark.slow
def test_it_learns_eight_images_by_heart(tmp_path: Path) -> None:
    made = trained(
        tmp_path,
        widths=(16, 32),
        latent_dimensions=32,
        steps=200,
        batch_size=8,
        flips=False,
        validate_every=200,
        contextual_weight=50.0,
        precision="float32",
    )
    images = board_images(gratings(10)[:8])
    drawn = made.reconstructor.reconstruct(images).images_NCHW
    mean = images.mean(dim=0, keepdim=True)
    assert (drawn - images).square().mean() < 0.1 * (mean - images).square().mean()
    assert made.history[-1].losses[GAP] > 0.0


def test_a_discriminator_that_cannot_learn_is_a_collapse(tmp_path: Path) -> None:
    """All training images are one grey, which the generator draws at once."""
    grey = np.full((8, 16, 16, 1), 128, np.uint8)
    chosen = tiny_ganomaly(
        steps=400,
        chance_steps=5,
        validate_every=400,
        discriminator_learning_rate=1e-12,
        contextual_weight=50.0,
    )
    with pytest.raises(TrainingCollapsedError, match="for 5 steps the discriminator"):
        train(chosen, grey, grey[:2], pixels, tmp_path, lambda _: None)
