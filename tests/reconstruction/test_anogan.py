"""The GAN of 3D-printed parts: its training, its gamma, its scores, and where it may run."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tasks.reconstruction.anogan import AnoganReconstructor
from tasks.reconstruction.anogan_settings import AnoganSettings
from tasks.reconstruction.anogan_training import (
    AnoganTrainee,
    enrol,
    noise_deviation,
)
from tasks.reconstruction.batch_statistics import batch_statistics
from tasks.reconstruction.collapse import GAP
from tasks.reconstruction.course import Batch, run_course
from tasks.reconstruction.errors import TrainingCollapsedError
from tasks.reconstruction.history import TrainingStep
from tasks.reconstruction.persistence import build_reconstructor
from tasks.reconstruction.processes import Processes
from tasks.reconstruction.training import train
from tasks.vocabulary.errors import InputError
from tasks.vocabulary.tensors import board_images
from tests.reconstruction.test_training import assert_same_weights
from tests.reconstruction.tiny import gratings

TINY: dict[str, Any] = {
    "latent_dimensions": 6,
    "widths": (8, 12),
    "search": {"iterations": 4, "restarts": 2, "candidates": 3},
    "steps": 6,
    "batch_size": 4,
    "validate_every": 3,
    "checkpoint_every": 1,
    "precision": "float32",
    "device": "cpu",
}


def tiny(**changes: Any) -> AnoganSettings:
    return AnoganSettings.model_validate({**TINY, **changes})


def untrained(**changes: Any) -> AnoganReconstructor:
    made = build_reconstructor(tiny(**changes), (1, 16, 16))
    assert isinstance(made, AnoganReconstructor)
    return made


def trainee(**changes: Any) -> AnoganTrainee:
    settings = tiny(**changes)
    return enrol(settings, untrained(**changes), Processes(), torch.device("cpu"), torch.float32)


def batch(seed: int = 0) -> Batch:
    return Batch(board_images(gratings(4)), np.random.default_rng(seed), 4, slice(0, 4))


def weights(network: nn.Module) -> list[Tensor]:
    return [value.clone() for value in network.state_dict().values()]


def moved(network: nn.Module, before: list[Tensor]) -> bool:
    return not all(map(torch.equal, before, network.state_dict().values()))


def test_each_turn_moves_its_own_network() -> None:
    learner = trainee()
    learning, made = learner.learners["generator"], learner.reconstructor
    images = batch().images_NCHW
    drawn = learning(torch.randn(4, 6))
    generator, discriminator = weights(learning), weights(made.discriminator)
    learner.learn_discriminator(images, drawn.detach())
    assert moved(made.discriminator, discriminator)
    assert not moved(learning, generator)
    discriminator = weights(made.discriminator)
    learner.learn_generator(drawn)
    assert moved(learning, generator)
    assert not moved(made.discriminator, discriminator)


def test_what_draws_follows_what_learns() -> None:
    mean = trainee(averaging=0.9)
    made, learning = mean.reconstructor.generator, mean.learners["generator"]
    first = weights(made)
    mean.learn(0, batch())
    assert moved(made, first)
    assert moved(made, weights(learning))
    last = trainee(averaging=0.0)
    last.learn(0, batch())
    assert not moved(last.reconstructor.generator, weights(last.learners["generator"]))


def test_a_step_leaves_eval_mode_behind_and_running_statistics_that_moved() -> None:
    learner = trainee()
    made = learner.reconstructor
    before = [value.clone() for value in made.buffers()]
    learner.learn(0, batch())
    assert not any(module.training for module in made.modules())
    assert not any(module.training for module in learner.learners["generator"].modules())
    assert before
    assert not any(map(torch.equal, before, made.buffers()))


def test_a_step_that_fails_leaves_eval_mode_behind() -> None:
    learner = trainee()
    coloured = Batch(torch.zeros(4, 3, 16, 16), np.random.default_rng(0), 4, slice(0, 4))
    with pytest.raises(RuntimeError, match="3 channels"):
        learner.learn(0, coloured)
    assert not any(module.training for module in learner.reconstructor.modules())


def test_drawings_depend_on_no_other_and_redrawing_moves_no_statistics() -> None:
    learner = trainee()
    made = learner.reconstructor
    learner.learn(0, batch())
    before = [value.clone() for value in made.buffers()]
    latents = torch.randn(5, 6)
    with torch.no_grad():
        alone = torch.cat([made.generator(latent) for latent in torch.split(latents, 1)])
        torch.testing.assert_close(made.generator(latents), alone)
    made.reconstruct(torch.rand(2, 1, 16, 16))
    assert all(map(torch.equal, before, made.buffers()))


def test_only_learning_looks_at_the_batch() -> None:
    learner = trainee()
    generator = learner.learners["generator"]
    latents = torch.randn(4, 6)
    companions = torch.cat([latents[:1], 3.0 * latents[1:]])
    with torch.no_grad(), batch_statistics([generator], learner.processes):
        learning = generator(latents)[0] - generator(companions)[0]
    with torch.no_grad():
        drawing = generator(latents)[0] - generator(companions)[0]
    assert float(learning.abs().mean()) > 1e-3
    assert float(drawing.abs().max()) < 1e-6


def test_losses_of_a_flat_discriminator_are_known() -> None:
    learner = trainee()
    made = learner.reconstructor
    with torch.no_grad():
        made.discriminator.head.weight.zero_()
        made.discriminator.head.bias.fill_(1.5)
    images = batch().images_NCHW
    losses = learner.learn_discriminator(images, images)
    smoothed = 0.8 * np.log1p(np.exp(-1.5)) + 0.2 * np.log1p(np.exp(1.5))
    expected = smoothed + np.log1p(np.exp(1.5))
    assert float(losses["discriminator_loss"].detach()) == pytest.approx(expected, rel=1e-5)
    assert float(losses[GAP].detach()) == pytest.approx(0.0, abs=1e-6)


def test_the_variance_of_the_noise_falls_linearly_to_nothing() -> None:
    settings = tiny(noise=0.2, noise_steps=100, steps=200)
    variances = [noise_deviation(settings, step) ** 2 for step in (0, 25, 50, 100, 199)]
    assert variances == pytest.approx([0.04, 0.03, 0.02, 0.0, 0.0])
    assert noise_deviation(tiny(noise=0.2, steps=50), 25) == pytest.approx(0.2 / 2**0.5)


def test_both_kinds_of_images_are_noisy() -> None:
    clear, noisy = trainee(noise=0.0), trainee(noise=0.5)
    seen: list[Tensor] = []
    for learner in (clear, noisy):
        learner.reconstructor.discriminator.convolutions.register_forward_pre_hook(
            lambda _, inputs: seen.append(inputs[0].detach())
        )
        learner.learn(0, batch())
    real, drawn = (noisy - clear for clear, noisy in zip(seen[:2], seen[3:5], strict=True))
    # Twice the noise, for the networks see [-1, 1]; the same weights, so the same drawings.
    assert float(real.std()) == pytest.approx(1.0, rel=0.1)
    assert float(drawn.std()) == pytest.approx(1.0, rel=0.1)
    assert not torch.equal(real, drawn)


def test_scores_are_equation_5_and_its_terms() -> None:
    made = untrained(feature_weight=0.3)
    image = torch.rand(1, 1, 16, 16)
    result = made.reconstruct(image)
    assert result.scores_NS is not None
    with torch.no_grad():
        features = made.discriminator.features(torch.cat([image, result.images_NCHW]))
    pixels = float((image - result.images_NCHW).abs().mean())
    feature = float((features[0] - features[1]).abs().mean())
    expected = [pixels + 0.3 * feature, pixels, feature]
    assert result.scores_NS[0].tolist() == pytest.approx(expected, rel=1e-4)


def test_realness_is_the_discriminators_logit() -> None:
    made = untrained()
    images = torch.rand(2, 1, 16, 16)
    result = made.reconstruct(images)
    assert result.realness_input_Nhw is not None
    assert result.realness_output_Nhw is not None
    assert result.realness_input_Nhw.shape == result.realness_output_Nhw.shape == (2, 1, 1)
    with torch.no_grad():
        torch.testing.assert_close(
            result.realness_input_Nhw.flatten(), made.discriminator(images).flatten()
        )
        torch.testing.assert_close(
            result.realness_output_Nhw.flatten(), made.discriminator(result.images_NCHW).flatten()
        )


def test_gamma_is_undone_in_the_reconstruction() -> None:
    plain, corrected = untrained(), untrained(gamma=6.0)
    image = torch.rand(1, 1, 16, 16)
    # The same weights that see x ^ 6 find what the plain ones find there.
    inside = plain.reconstruct(image.pow(6.0))
    outside = corrected.reconstruct(image)
    torch.testing.assert_close(outside.images_NCHW, inside.images_NCHW.pow(1 / 6))
    torch.testing.assert_close(outside.scores_NS, inside.scores_NS)
    torch.testing.assert_close(outside.realness_input_Nhw, inside.realness_input_Nhw)


def test_the_same_bits_where_gradients_are_off() -> None:
    made = untrained()
    image = torch.rand(2, 1, 16, 16)
    expected = made.reconstruct(image)
    with torch.inference_mode():
        inferred = made.reconstruct(image)
    for one, other in zip(expected, inferred, strict=True):
        assert (one is None and other is None) or torch.equal(one, other)  # type: ignore[arg-type]


def test_the_features_weigh_in_the_search() -> None:
    image = torch.rand(1, 1, 16, 16)
    without, with_features = (
        untrained(feature_weight=weight, search={"iterations": 20}).reconstruct(image).images_NCHW
        for weight in (0.0, 50.0)
    )
    assert not torch.equal(without, with_features)


@pytest.mark.parametrize("kill_at", [0, 3])
def test_a_resumed_training_ends_with_the_same_bits(tmp_path: Path, kill_at: int) -> None:
    class Killed(Exception):  # noqa: N818 - stands for a kill
        pass

    def kill(step: TrainingStep) -> None:
        if step.step == kill_at:
            raise Killed

    run = partial(train, tiny(gamma=2.0), gratings(8), gratings(4, seed=1), _no_features)
    with pytest.raises(Killed):
        run(tmp_path / "cut", kill)
    resumed, history, *rest = run(tmp_path / "cut", lambda _: None)
    whole = run(tmp_path / "whole", lambda _: None)
    assert_same_weights(resumed, whole[0])
    assert (history, *rest) == whole[1:]
    assert set(history[0].losses) == {"discriminator_loss", "generator_loss", GAP}


def test_a_discriminator_at_chance_ends_it(tmp_path: Path) -> None:
    settings = tiny(chance_steps=3, discriminator_learning_rate=1e-12)

    def given_up(*given: Any) -> AnoganTrainee:
        learner = enrol(settings, *given)
        with torch.no_grad():
            learner.reconstructor.discriminator.head.weight.zero_()
        return learner

    build = partial(build_reconstructor, settings, (1, 16, 16))
    images = (gratings(8), gratings(4, seed=1))
    with pytest.raises(TrainingCollapsedError, match="for 3 steps"):
        run_course(settings, build, given_up, images, tmp_path, lambda _: None)


@pytest.mark.slow
def test_it_overfits_eight_images(tmp_path: Path) -> None:
    images = gratings(8)
    settings = tiny(
        widths=(16, 32),
        latent_dimensions=16,
        steps=400,
        batch_size=8,
        flips=False,
        validate_every=200,
        checkpoint_every=1000,
        search={"iterations": 60, "restarts": 4},
    )
    trained = train(settings, images, images, _no_features, tmp_path, lambda _: None)
    grey = board_images(images)
    mean_psnr = -10 * float(torch.log10((grey - grey.mean(0)).square().mean()))
    best = max(step.validation_psnr_db or 0.0 for step in trained.history)
    assert best > mean_psnr + 3.0


def _no_features() -> Any:
    raise AssertionError("AnoGAN needs no perception")


def test_other_sizes_are_refused() -> None:
    with pytest.raises(InputError, match="training size"):
        untrained().require_size(16, 24)
