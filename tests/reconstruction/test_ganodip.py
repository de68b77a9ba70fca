"""GanoDIP: its gradient penalty, its two phases, its scores and what it refuses."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from tasks.baselines.patch_errors import patch_errors, worst_mean
from tasks.reconstruction.collapse import refuse_one_drawing
from tasks.reconstruction.course import Batch
from tasks.reconstruction.errors import TrainingCollapsedError
from tasks.reconstruction.ganodip import worst_patches
from tasks.reconstruction.ganodip_settings import GanodipSettings
from tasks.reconstruction.ganodip_training import GanodipTrainee, enrol
from tasks.reconstruction.history import TrainingStep
from tasks.reconstruction.persistence import build_reconstructor
from tasks.reconstruction.processes import Processes
from tasks.reconstruction.training import train
from tasks.reconstruction.wasserstein import gradient_penalty
from tasks.vocabulary.errors import InputError
from tasks.vocabulary.tensors import board_images
from tests.reconstruction.test_training import assert_same_weights
from tests.reconstruction.tiny import gratings

TINY: dict[str, Any] = {
    "latent_dimensions": 6,
    "widths": (8, 12),
    "generator_steps": 2,
    "critic_steps": 2,
    "steps": 7,
    "batch_size": 4,
    "validate_every": 3,
    "checkpoint_every": 1,
    "precision": "float32",
    "device": "cpu",
}


def tiny(**changes: Any) -> GanodipSettings:
    return GanodipSettings(**{**TINY, **changes})


def trainee(**changes: Any) -> GanodipTrainee:
    settings = tiny(**changes)
    reconstructor = build_reconstructor(settings, (1, 16, 16))
    return enrol(settings, reconstructor, Processes(), torch.device("cpu"), torch.float32)


def batch(seed: int = 0, count: int = 4) -> Batch:
    images = board_images(gratings(count, seed=seed))
    return Batch(images, np.random.default_rng(seed), count, slice(0, count))


def weights(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def moved(network: nn.Module, before: dict[str, Tensor]) -> bool:
    return any(not torch.equal(before[name], value) for name, value in network.state_dict().items())


@pytest.mark.parametrize("norm", [0.5, 1.0, 3.0])
def test_the_penalty_of_a_linear_critic_is_known(norm: float) -> None:
    direction = torch.randn(1, 4, 6, generator=torch.Generator().manual_seed(1))
    slope = norm * direction / direction.norm()
    first, second = torch.rand(2, 5, 1, 4, 6).unbind()
    penalty = gradient_penalty(
        lambda images: (images * slope).sum(dim=(1, 2, 3)), first, second, torch.rand(5)
    )
    assert float(penalty) == pytest.approx((norm - 1) ** 2, abs=1e-5)


def test_the_penalty_is_that_of_finite_differences() -> None:
    critic = trainee().reconstructor.critic.double()
    first, second = torch.rand(2, 3, 1, 16, 16, dtype=torch.float64).unbind()
    mix = torch.tensor([0.0, 0.3, 1.0], dtype=torch.float64)
    mixed = first + mix.view(-1, 1, 1, 1) * (second - first)
    # The penalty runs in float32; a copy of the critic there, the differences in float64.
    expected = []
    for image in mixed:
        steps = 1e-5 * torch.eye(256, dtype=torch.float64).view(256, 1, 16, 16)
        with torch.no_grad():
            ups, downs = (
                critic.convolutions(2 * (image + sign * steps) - 1).flatten(1) for sign in (1, -1)
            )
            slope = ((ups - downs) @ critic.head.weight.T) / 2e-5
        expected.append((float(slope.norm()) - 1) ** 2)
    single = trainee().reconstructor.critic
    penalty = gradient_penalty(single, first.float(), second.float(), mix.float())
    assert float(penalty.detach()) == pytest.approx(float(np.mean(expected)), rel=1e-4)


def test_the_penalty_moves_the_critic_and_is_finite_where_it_is_flat() -> None:
    critic = trainee().reconstructor.critic
    images = torch.rand(2, 1, 16, 16)
    torch.autograd.backward(gradient_penalty(critic, images, images.flip(0), torch.rand(2)))
    assert any(
        float(one.grad.abs().sum()) > 0 for one in critic.parameters() if one.grad is not None
    )
    with torch.no_grad():
        critic.head.weight.zero_()
    critic.zero_grad()
    penalty = gradient_penalty(critic, images, images.flip(0), torch.rand(2))
    torch.autograd.backward(penalty)
    assert float(penalty.detach()) == pytest.approx(1.0, abs=1e-5)
    assert all(one.grad is None or one.grad.isfinite().all() for one in critic.parameters())


def test_the_penalty_is_float32_under_autocast() -> None:
    critic = trainee().reconstructor.critic
    first, second = torch.rand(2, 3, 1, 16, 16).unbind()
    plain = gradient_penalty(critic, first, second, torch.full((3,), 0.5))
    with torch.autocast("cpu", torch.bfloat16):
        mixed = gradient_penalty(critic, first, second, torch.full((3,), 0.5))
    assert torch.equal(plain, mixed)


@pytest.mark.parametrize("shape", [(1, 16, 24), (3, 13, 18), (1, 3, 5)])
@pytest.mark.parametrize("share", [0.0015, 0.15, 0.5, 1.0])
def test_equation_3_is_that_of_the_rival(shape: tuple[int, int, int], share: float) -> None:
    first, second = torch.rand(2, 3, *shape).unbind()
    ours = worst_patches(first, second, 4, share)
    for position in range(3):
        one, other = (x[position].permute(1, 2, 0).numpy() for x in (first, second))
        expected = worst_mean(patch_errors(one, other, 4), share)
        assert float(ours[position]) == pytest.approx(expected, rel=1e-5)


def test_equation_3_by_hand() -> None:
    first = torch.zeros(1, 1, 8, 8)
    second = first.clone()
    second[0, 0, :4, :4], second[0, 0, 4:, 4:] = 0.5, 0.1
    assert float(worst_patches(first, second, 4, 0.25)) == pytest.approx(0.25)
    assert float(worst_patches(first, second, 4, 0.5)) == pytest.approx((0.25 + 0.01) / 2)


def test_a_critics_step_moves_the_critic_alone_and_so_on() -> None:
    learner = trainee()
    made = learner.reconstructor
    networks = {"critic": made.critic, "generator": made.generator, "encoder": made.encoder}
    expected = [{"critic"}, {"critic", "generator"}, {"critic"}, {"critic", "generator"}]
    expected += [{"encoder"}, {"encoder"}]
    for step, moving in enumerate(expected):
        before = {name: weights(network) for name, network in networks.items()}
        learner.learn(step, batch(step))
        assert {name for name in networks if moved(networks[name], before[name])} == moving


def test_losses_have_gradients_where_they_should_and_none_elsewhere() -> None:
    learner = trainee()
    made = learner.reconstructor
    learner.learn_encoder(batch())
    assert all(one.grad is not None for one in made.encoder.parameters())
    others = [*made.generator.parameters(), *made.critic.parameters()]
    assert all(one.grad is None for one in others)


def test_each_phase_tells_its_own_losses(tmp_path: Path) -> None:
    history: list[TrainingStep] = []
    images = (gratings(8), gratings(4, seed=1))
    train(tiny(), *images, _no_features, tmp_path, history.append)
    critics = {"wasserstein_estimate", "gradient_penalty"}
    encoders = {"encoder_loss", "encoder_pixels", "encoder_features"}
    assert [set(step.losses) for step in history] == [
        critics,
        critics | {"generator_loss"},
        critics,
        critics | {"generator_loss"},
        encoders,
        encoders,
        encoders,
    ]
    assert [s.step for s in history if s.validation_psnr_db is not None] == [5, 6]


def test_the_encoder_loss_is_equation_2() -> None:
    made = trainee(feature_weight=0.7).reconstructor
    image = torch.rand(1, 1, 16, 16)
    result = made.reconstruct(image)
    assert result.scores_NS is not None
    with torch.no_grad():
        features = made.critic.features(torch.cat([image, result.images_NCHW]))
    pixels = (image - result.images_NCHW).square().mean()
    expected = pixels + 0.7 * (features[0] - features[1]).square().mean()
    assert float(result.scores_NS[0, 1]) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("kill_at", [1, 3, 5])
def test_a_resumed_training_ends_with_the_same_bits(tmp_path: Path, kill_at: int) -> None:
    class Killed(Exception):  # noqa: N818 - stands for a kill
        pass

    def kill(step: TrainingStep) -> None:
        if step.step == kill_at:
            raise Killed

    images = (gratings(8), gratings(4, seed=1))
    run = partial(train, tiny(), *images, _no_features)
    with pytest.raises(Killed):
        run(tmp_path / "cut", kill)
    resumed, history, *rest = run(tmp_path / "cut", lambda _: None)
    whole = run(tmp_path / "whole", lambda _: None)
    assert_same_weights(resumed, whole[0])
    assert (history, *rest) == whole[1:]


@pytest.mark.slow
def test_it_overfits_eight_images(tmp_path: Path) -> None:
    images = gratings(8)
    settings = tiny(
        widths=(16, 32),
        latent_dimensions=16,
        generator_steps=150,
        critic_steps=3,
        steps=1250,
        batch_size=8,
        flips=False,
        adversarial_learning_rate=2e-3,
        encoder_learning_rate=3e-3,
        validate_every=100,
        checkpoint_every=1000,
    )
    trained = train(settings, images, images, _no_features, tmp_path, lambda _: None)
    grey = board_images(images)
    best = max(step.validation_psnr_db or 0.0 for step in trained.history)
    mean_psnr = -10 * float(torch.log10((grey - grey.mean(0)).square().mean()))
    assert best > mean_psnr + 6.0


def _no_features() -> Any:
    raise AssertionError("GanoDIP needs no perception")


def test_the_encoder_learns_the_latents_of_the_mean_generator() -> None:
    learner = trainee(averaging=0.9)
    made = learner.reconstructor.generator
    before = weights(made)
    learner.learn(1, batch())
    assert moved(made, before)
    assert moved(made, weights(learner.learners["generator"]))
    frozen = weights(made)
    learner.learn(learner.settings.encoder_from, batch())
    assert not moved(made, frozen)


def test_a_generator_that_draws_one_image_is_refused_when_its_phase_ends() -> None:
    learner = trainee()
    for generator in (learner.reconstructor.generator, learner.learners["generator"]):
        torch.nn.init.zeros_(generator.get_parameter("start.weight"))
    learner.optimizers["generator"].param_groups[0]["lr"] = 0.0
    learner.learn(2, batch())
    with pytest.raises(TrainingCollapsedError, match="draws 16 latents as one"):
        learner.learn(3, batch())


def test_drawings_that_differ_are_no_collapse() -> None:
    images = board_images(gratings(4))
    refuse_one_drawing(images, images + 0.01 * torch.rand(4, 1, 1, 1))
    refuse_one_drawing(images[:1], images[:1].expand(3, -1, -1, -1))
    with pytest.raises(TrainingCollapsedError):
        refuse_one_drawing(images, images[:1].expand(3, -1, -1, -1))


def test_sizes_that_do_not_fit_name_the_remedy() -> None:
    with pytest.raises(InputError, match="multiple of 4 px"):
        build_reconstructor(tiny(), (1, 18, 16))
    made = build_reconstructor(tiny(), (1, 16, 24))
    with pytest.raises(InputError, match="training size"):
        made.require_size(16, 16)


def test_the_encoder_needs_steps() -> None:
    with pytest.raises(ValidationError, match="must exceed"):
        tiny(steps=4)


@torch.no_grad()
def test_a_defect_raises_both_terms_of_the_encoder_loss() -> None:
    made = trainee().reconstructor
    drawn = made.reconstruct(torch.full((1, 1, 16, 16), 0.5)).images_NCHW
    spoilt = drawn.clone()
    spoilt[..., 4:8, 4:8] = 1.0
    assert [float(term) for term in made.encoder_losses(drawn, drawn)] == [0.0, 0.0]
    assert all(float(term) > 0 for term in made.encoder_losses(spoilt, drawn))
