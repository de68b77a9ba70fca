"""The latent representation distance: its search, its scores, and what training leaves behind."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from tasks.reconstruction.collapse import GAP
from tasks.reconstruction.history import TrainingStep
from tasks.reconstruction.latent_distance import LatentDistanceReconstructor
from tasks.reconstruction.latent_distance_settings import LatentDistanceSettings
from tasks.reconstruction.latent_distance_training import enrol
from tasks.reconstruction.latent_gaussians import fitted_gaussian, set_distance
from tasks.reconstruction.persistence import build_reconstructor
from tasks.reconstruction.processes import Processes
from tasks.reconstruction.training import train
from tasks.vocabulary.arrays import UInt8Array
from tasks.vocabulary.errors import InputError
from tasks.vocabulary.tensors import board_images
from tests.reconstruction.test_training import assert_same_weights
from tests.reconstruction.tiny import gratings

TINY: dict[str, Any] = {
    "latent_dimensions": 6,
    "widths": (8, 12),
    "level_weights": (1.0, 1.0, 1.0),
    "good_samples": 5,
    "search": {"iterations": 4, "candidates": 1, "optimizer": "sgd", "learning_rate": 5.0},
    "steps": 6,
    "batch_size": 4,
    "validate_every": 3,
    "checkpoint_every": 1,
    "precision": "float32",
    "device": "cpu",
}


def tiny_latent_distance(**changes: Any) -> LatentDistanceSettings:
    return LatentDistanceSettings.model_validate({**TINY, **changes})


def untrained(**changes: Any) -> LatentDistanceReconstructor:
    made = build_reconstructor(tiny_latent_distance(**changes), (1, 16, 16))
    assert isinstance(made, LatentDistanceReconstructor)
    return made


def test_the_search_descends_the_pyramid_loss() -> None:
    with torch.no_grad():
        image = untrained().generator(torch.full((1, 6), 0.7))
    short, long = (
        untrained(search={**TINY["search"], "learning_rate": 20.0, "iterations": count})
        .reconstruct(image)
        .scores_NS
        for count in (1, 60)
    )
    assert short is not None
    assert long is not None
    assert long[0, 1] < 0.5 * short[0, 1]


def test_the_pyramid_loss_is_that_of_the_drawing() -> None:
    made = untrained(level_weights=(2.0, 0.0, 0.5))
    images = board_images(gratings(2))
    result = made.reconstruct(images)
    assert result.scores_NS is not None
    expected = made.pyramid.distance(images, result.images_NCHW, (2.0, 0.0, 0.5))
    torch.testing.assert_close(result.scores_NS[:, 1], expected)


def test_levels_without_weight_are_not_searched_for() -> None:
    image = board_images(gratings(1))
    search = {**TINY["search"], "iterations": 20}
    fine, coarse = (
        untrained(level_weights=weights, search=search).reconstruct(image).images_NCHW
        for weights in ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0))
    )
    assert not torch.equal(fine, coarse)


def test_the_score_is_the_distance_of_a_set_of_one() -> None:
    made = untrained()
    made.fit_good(board_images(gratings(8)))
    images = board_images(gratings(3, seed=1))
    latents = made.latents(images).numpy().astype(np.float64)
    expected = [set_distance(latent[None], made.good) for latent in latents]
    result = made.reconstruct(images)
    assert result.scores_NS is not None
    assert result.scores_NS[:, 0].tolist() == pytest.approx(expected, rel=1e-4)


def test_the_drawing_is_the_one_at_the_latent() -> None:
    made = untrained()
    images = board_images(gratings(3))
    with torch.no_grad():
        drawn = made.generator(made.latents(images))
    torch.testing.assert_close(made.reconstruct(images).images_NCHW, drawn)


def test_before_training_good_latents_are_the_prior() -> None:
    mean, covariance = untrained().good
    assert not mean.any()
    np.testing.assert_array_equal(covariance, np.eye(6))


def test_completion_keeps_the_gaussian_of_evenly_picked_images() -> None:
    made, images = untrained(), gratings(9)
    learner = enrol(tiny_latent_distance(), made, Processes(), torch.device("cpu"), torch.float32)
    learner.complete(images)
    latents = made.latents(board_images(images[[0, 2, 4, 6, 8]])).numpy().astype(np.float64)
    expected = fitted_gaussian(latents)
    np.testing.assert_allclose(made.good.mean_D, expected.mean_D, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(
        made.good.covariance_DD, expected.covariance_DD, rtol=1e-5, atol=1e-7
    )
    assert {"good_mean_D", "good_covariance_DD"} <= made.state_dict().keys()
    assert not any("pyramid" in name for name in made.state_dict())


@pytest.mark.parametrize("kill_at", [0, 3])
def test_a_resumed_training_ends_with_the_same_bits(tmp_path: Path, kill_at: int) -> None:
    class Killed(Exception):  # noqa: N818 - stands for a kill
        pass

    def kill(step: TrainingStep) -> None:
        if step.step == kill_at:
            raise Killed

    images = (gratings(8), gratings(4, seed=1))
    run = partial(train, tiny_latent_distance(), *images, _no_features)
    with pytest.raises(Killed):
        run(tmp_path / "cut", kill)
    resumed, history, *rest = run(tmp_path / "cut", lambda _: None)
    whole = run(tmp_path / "whole", lambda _: None)
    assert_same_weights(resumed, whole[0])
    assert (history, *rest) == whole[1:]
    assert set(history[0].losses) == {"discriminator_loss", "generator_loss", GAP}
    assert resumed.state_dict()["good_mean_D"].any()


def blotched(images_NHWC: UInt8Array) -> UInt8Array:
    spoilt_NHWC = images_NHWC.copy()
    spoilt_NHWC[:, 3:11, 3:11] = 255
    return spoilt_NHWC


@pytest.mark.slow
def test_it_overfits_eight_images_and_a_set_of_defects_is_farther(tmp_path: Path) -> None:
    images = gratings(8)
    settings = tiny_latent_distance(
        widths=(16, 32),
        latent_dimensions=16,
        steps=400,
        batch_size=8,
        flips=False,
        validate_every=200,
        checkpoint_every=1000,
        good_samples=8,
        search={"iterations": 150, "candidates": 1, "optimizer": "sgd", "learning_rate": 5.0},
    )
    trained = train(settings, images, images, _no_features, tmp_path, lambda _: None)
    grey = board_images(images)
    mean_psnr = -10 * float(torch.log10((grey - grey.mean(0)).square().mean()))
    best = max(step.validation_psnr_db or 0.0 for step in trained.history)
    assert best > mean_psnr + 3.0
    made = trained.reconstructor
    assert isinstance(made, LatentDistanceReconstructor)
    good, defects = (
        set_distance(made.latents(board_images(some)).numpy().astype(np.float64), made.good)
        for some in (images, blotched(images))
    )
    assert good < 1e-3
    assert defects > 1.0


def _no_features() -> Any:
    raise AssertionError("a latent search needs no perception")


def test_other_sizes_are_refused() -> None:
    with pytest.raises(InputError, match="training size"):
        untrained().require_size(16, 24)
    with pytest.raises(InputError, match="training size"):
        untrained().latents(torch.rand(1, 1, 16, 24))


def test_levels_that_weigh_nothing_are_refused() -> None:
    with pytest.raises(ValidationError, match="at least one level"):
        tiny_latent_distance(level_weights=(0.0, 0.0))
    with pytest.raises(InputError, match="too few for another level"):
        untrained(level_weights=(1.0,) * 6)
