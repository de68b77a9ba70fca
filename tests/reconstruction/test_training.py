"""Training as a whole: it learns, it repeats, it resumes, it fails closed."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from dataclasses import asdict
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tasks.perception.backbone import build_perception
from tasks.perception.settings import PixelsSettings
from tasks.reconstruction.errors import TrainingDivergedError
from tasks.reconstruction.history import TrainingStep
from tasks.reconstruction.settings import MeanImageSettings, VqganSettings
from tasks.reconstruction.steps import FeatureMaps
from tasks.reconstruction.training import TrainedReconstructor, train
from tasks.vocabulary.errors import InputError
from tests.reconstruction.tiny import gratings, tiny_settings


def pixels() -> FeatureMaps:
    return build_perception(PixelsSettings())


def train_tiny(
    settings: VqganSettings | MeanImageSettings, workplace: Path, channels: int = 1
) -> tuple[TrainedReconstructor, list[TrainingStep]]:
    heard: list[TrainingStep] = []
    images = gratings(10, channels=channels)
    trained = train(settings, images[:8], images[8:], pixels, workplace, heard.append)
    return trained, heard


def assert_same_weights(one: nn.Module, other: nn.Module) -> None:
    first, second = one.state_dict(), other.state_dict()
    assert first.keys() == second.keys()
    for name in first:
        assert torch.equal(first[name], second[name]), name


@pytest.mark.parametrize("update", ["ema", "gradient"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_figure_is_told_and_is_json(tmp_path: Path, update: str, channels: int) -> None:
    settings = tiny_settings(codebook_update=update)
    trained, heard = train_tiny(settings, tmp_path, channels)
    assert heard == trained.history
    assert [step.step for step in heard] == list(range(8))
    assert json.loads(json.dumps([asdict(step) for step in heard]))[-1]["step"] == 7
    for step in heard:
        assert (step.perceptual_loss is not None) == (step.step % 2 == 0)
        assert (step.discriminator_loss is not None) == (step.step >= 4)
        assert (step.adaptive_weight is not None) == (step.step >= 4)
        assert (step.codebook_loss is not None) == (update == "gradient")
        assert (step.validation_psnr_db is not None) == (step.step % 2 == 1)
        assert (step.revived_codes is not None) == (step.step % 2 == 0)
        assert step.used_codes is not None
        assert step.perplexity is not None
        assert 1 <= step.perplexity <= step.used_codes <= 32
    best = max(heard, key=lambda step: step.validation_psnr_db or 0.0)
    assert trained.best_step == best.step


def test_the_shipped_generator_is_the_best_one(tmp_path: Path) -> None:
    from tasks.reconstruction.validation import validation_psnr_db
    from tasks.vocabulary.tensors import board_images

    trained, heard = train_tiny(tiny_settings(learning_rate=0.05, steps=12), tmp_path)
    validated = [s.validation_psnr_db for s in heard if s.validation_psnr_db is not None]
    shipped = validation_psnr_db(trained.reconstructor, board_images(gratings(10)[8:]))
    assert shipped == pytest.approx(max(validated), abs=1e-4)


@pytest.mark.slow
def test_same_seed_same_bits_and_other_seed_other_bits(tmp_path: Path) -> None:
    first, _ = train_tiny(tiny_settings(), tmp_path / "1")
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002 - the global generator must not matter
    second, _ = train_tiny(tiny_settings(), tmp_path / "2")
    other, _ = train_tiny(tiny_settings(seed=1), tmp_path / "3")
    assert_same_weights(first.reconstructor, second.reconstructor)
    with pytest.raises(AssertionError):
        assert_same_weights(first.reconstructor, other.reconstructor)


def silent(step: TrainingStep) -> None:
    """Nobody listens."""


class Interrupted(Exception):  # noqa: N818 - stands for a kill, not for an error
    pass


@pytest.mark.parametrize("update", ["ema", "gradient"])
@pytest.mark.parametrize("kill_at", [0, 3, 6])
def test_interrupted_training_ends_with_the_same_bits(
    tmp_path: Path, kill_at: int, update: str
) -> None:
    settings = tiny_settings(codebook_update=update, checkpoint_every=3)
    images = gratings(10)

    def interrupt(step: TrainingStep) -> None:
        if step.step == kill_at:
            raise Interrupted

    with pytest.raises(Interrupted):
        train(settings, images[:8], images[8:], pixels, tmp_path / "cut", interrupt)
    resumed, heard = train_tiny(settings, tmp_path / "cut")
    whole, _ = train_tiny(settings, tmp_path / "whole")
    assert heard[0].step == kill_at // 3 * 3 if kill_at % 3 != 2 else kill_at + 1
    assert_same_weights(resumed.reconstructor, whole.reconstructor)
    assert resumed.history == whole.history
    assert resumed.best_step == whole.best_step


def test_what_the_mean_image_reaches_is_told_beside_what_was_learnt(tmp_path: Path) -> None:
    learnt, _ = train_tiny(tiny_settings(), tmp_path / "vqgan")
    mean, (only,) = train_tiny(MeanImageSettings(), tmp_path / "mean")
    assert learnt.mean_image_psnr_db == mean.mean_image_psnr_db
    assert mean.mean_image_psnr_db == pytest.approx(only.validation_psnr_db, abs=1e-4)


def test_finished_training_is_a_look_up(tmp_path: Path) -> None:
    first, _ = train_tiny(tiny_settings(), tmp_path)
    second, heard = train_tiny(tiny_settings(), tmp_path)
    assert heard == []
    assert_same_weights(first.reconstructor, second.reconstructor)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_workplace_of_another_training_is_refused(tmp_path: Path) -> None:
    train_tiny(tiny_settings(), tmp_path)
    with pytest.raises(InputError, match="other settings"):
        train_tiny(tiny_settings(learning_rate=0.5), tmp_path)
    images = gratings(10, seed=1)
    with pytest.raises(InputError, match="other settings, images"):
        train(tiny_settings(), images[:8], images[8:], pixels, tmp_path, silent)


@pytest.mark.slow
def test_overfits_eight_images(tmp_path: Path) -> None:
    """150 steps of a 15,000-weight network: at least 10 dB more than the first validation."""
    images = gratings(8)
    settings = tiny_settings(
        steps=150,
        batch_size=8,
        widths=(16,),
        learning_rate=5e-3,
        flips=False,
        precision="float32",
        perceptual_weight=0.0,
        commitment_weight=0.05,
        codebook_entries=128,
        discriminator_start_step=140,
        validate_every=10,
        checkpoint_every=1000,
    )
    trained = train(settings, images, images, pixels, tmp_path, silent)
    psnr = [s.validation_psnr_db for s in trained.history if s.validation_psnr_db is not None]
    assert max(psnr) - psnr[0] > 10
    assert (trained.history[-1].used_codes or 0) > 32


class PoisonedPerception(nn.Module):
    """Real features until the given call, then NaN: what an overflow in a network looks like."""

    def __init__(self, calls: Iterator[int], poisoned: int) -> None:
        super().__init__()
        self.calls, self.poisoned = calls, poisoned

    def forward(self, images_NCHW: Tensor) -> tuple[Tensor, ...]:
        factor = float("nan") if next(self.calls) >= self.poisoned else 1.0
        return (images_NCHW * factor,)


def test_nan_loss_stops_the_training_and_ships_nothing(tmp_path: Path) -> None:
    images = gratings(10)
    heard: list[TrainingStep] = []
    with pytest.raises(TrainingDivergedError, match="perceptual_loss") as caught:
        train(
            tiny_settings(),
            images[:8],
            images[8:],
            lambda: PoisonedPerception(count(), poisoned=4),
            tmp_path,
            heard.append,
        )
    assert len(heard) == 4
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301 - ours
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert all(value.isfinite().all() for value in state["reconstructor"].values())


def test_exploding_training_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TrainingDivergedError):
        train_tiny(tiny_settings(learning_rate=1e30, warmup_steps=0), tmp_path)


def test_perception_is_not_built_when_it_is_not_used(tmp_path: Path) -> None:
    def never() -> FeatureMaps:
        raise AssertionError

    images = gratings(4)
    settings = tiny_settings(perceptual_weight=0.0, steps=5)
    train(settings, images, images, never, tmp_path, silent)


@pytest.mark.parametrize(
    ("training", "validation"),
    [
        (np.zeros((0, 16, 16, 1), np.uint8), gratings(1)),
        (gratings(1), np.zeros((0, 16, 16, 1), np.uint8)),
        (gratings(1), gratings(1, side=32)),
        (gratings(1)[..., 0], gratings(1)[..., 0]),
        (gratings(1).astype(np.float32), gratings(1)),
        (np.zeros((1, 16, 16, 2), np.uint8), np.zeros((1, 16, 16, 2), np.uint8)),
        (gratings(1, side=18), gratings(1, side=18)),
    ],
)
def test_unusable_images_are_refused(
    tmp_path: Path, training: np.ndarray, validation: np.ndarray
) -> None:
    with pytest.raises(InputError):
        train(tiny_settings(), training, validation, pixels, tmp_path, silent)


def test_mean_image_is_the_mean(tmp_path: Path) -> None:
    trained, heard = train_tiny(MeanImageSettings(), tmp_path)
    made = trained.reconstructor.reconstruct(torch.rand(2, 1, 16, 16))
    expected = gratings(10)[:8].mean(axis=0, dtype=np.float64) / 255.0
    assert np.allclose(made.images_NCHW[1].numpy(), expected.transpose(2, 0, 1), atol=1e-7)
    assert heard == trained.history
    assert heard[0].validation_psnr_db is not None
    assert trained.reconstructor.capabilities == frozenset()
