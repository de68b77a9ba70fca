"""The course that trains every system: it repeats, resumes, validates, and sees a collapse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD

from tasks.reconstruction.collapse import GAP, refuse_dead_codebook
from tasks.reconstruction.course import Batch, Losses, Trainee, run_course
from tasks.reconstruction.course_settings import CourseSettings
from tasks.reconstruction.errors import TrainingCollapsedError, TrainingDivergedError
from tasks.reconstruction.history import TrainingStep
from tasks.reconstruction.processes import Processes
from tasks.reconstruction.reconstructor import Reconstructor
from tasks.vocabulary.arrays import UInt8Array
from tasks.vocabulary.errors import InputError
from tasks.vocabulary.tensors import Reconstruction
from tests.reconstruction.test_training import assert_same_weights
from tests.reconstruction.tiny import gratings

IMAGES = gratings(10)
Lesson = Callable[["Dimmer", int, Batch], Losses]


class Dim(Reconstructor):
    """Draws an image times a factor that is learnt, plus what is fitted at the end."""

    capabilities = frozenset()
    own_scores = ("kl",)

    def __init__(self) -> None:
        super().__init__((1, 16, 16))
        self.factor = nn.Parameter(torch.tensor(0.1))
        self.register_buffer("images_seen", torch.zeros(()))

    def require_size(self, height: int, width: int) -> None:
        """Any size will do."""

    def reconstruct_one(self, image_1CHW: Tensor) -> Reconstruction:
        drawn = (self.factor * image_1CHW).clamp(0, 1)
        return Reconstruction(drawn, scores_NS=drawn.mean().reshape(1, 1))


class Dimmer(Trainee):
    """Learns what `lesson` says."""

    lesson: Lesson

    def learn(self, step: int, batch: Batch) -> Losses:
        return self.lesson(self, step, batch)

    def complete(self, training_NHWC: UInt8Array) -> None:
        self.reconstructor.get_buffer("images_seen").fill_(len(training_NHWC))


def redraw(self: Dimmer, _: int, batch: Batch) -> Losses:
    assert isinstance(self.reconstructor, Dim)
    noisy = batch.images_NCHW + 0.01 * batch.normal(1, 16, 16) + 0.01 * batch.uniform(1, 16, 16)
    loss = (self.reconstructor.factor * noisy - batch.images_NCHW).square().mean()
    self.descend(loss, "dimmer")
    return {"pixels": loss}


def run(
    workplace: Path,
    lesson: Lesson = redraw,
    on_step: Callable[[TrainingStep], None] = lambda _: None,
    **changes: object,
) -> tuple[Reconstructor, list[TrainingStep], int]:
    settings = CourseSettings.model_validate(
        {"steps": 12, "batch_size": 4, "validate_every": 4, "checkpoint_every": 3, "device": "cpu"}
        | changes
    )

    def enrol(
        reconstructor: Reconstructor, processes: Processes, device: torch.device, dtype: torch.dtype
    ) -> Dimmer:
        assert isinstance(reconstructor, Dim)
        optimizers = {"dimmer": SGD([reconstructor.factor], lr=0.3)}
        trainee = Dimmer(settings, reconstructor, optimizers, processes, device, dtype)
        trainee.lesson = lesson
        return trainee

    return run_course(settings, Dim, enrol, (IMAGES[:8], IMAGES[8:]), workplace, on_step)


def test_the_best_state_is_completed_and_shipped_on_the_cpu(tmp_path: Path) -> None:
    heard: list[TrainingStep] = []
    best, history, best_step = run(tmp_path, on_step=heard.append)
    assert heard == history
    assert [step.step for step in history] == list(range(12))
    validated = {s.step: s.validation_psnr_db for s in history if s.validation_psnr_db is not None}
    assert list(validated) == [3, 7, 11]
    assert best_step == max(validated, key=lambda step: validated[step] or 0.0)
    assert best.get_buffer("images_seen") == 8
    assert history[-1].losses["pixels"] < history[0].losses["pixels"]


@pytest.mark.parametrize("kill_at", [1, 4, 8])
def test_a_resumed_course_ends_with_the_same_bits(tmp_path: Path, kill_at: int) -> None:
    class Killed(Exception):  # noqa: N818 - stands for a kill
        pass

    def kill(step: TrainingStep) -> None:
        if step.step == kill_at:
            raise Killed

    with pytest.raises(Killed):
        run(tmp_path / "cut", on_step=kill)
    resumed, history, best_step = run(tmp_path / "cut")
    whole = run(tmp_path / "whole")
    assert_same_weights(resumed, whole[0])
    assert (history, best_step) == whole[1:]


def test_other_settings_do_not_go_on_from_its_checkpoint(tmp_path: Path) -> None:
    run(tmp_path)
    with pytest.raises(InputError, match="other settings"):
        run(tmp_path, seed=1)


def test_nothing_is_validated_before_it_can_redraw(tmp_path: Path) -> None:
    def late(self: Dimmer, step: int, batch: Batch) -> Losses:
        self.validates_from = 5
        return redraw(self, step, batch)

    _, history, _ = run(tmp_path, late)
    assert [s.step for s in history if s.validation_psnr_db is not None] == [7, 11]


def test_noise_is_that_of_the_whole_batch() -> None:
    parts = [slice(0, 4), slice(0, 2), slice(2, 4)]
    whole, first, second = (
        Batch(torch.zeros(1), np.random.default_rng(3), 4, part).normal(5) for part in parts
    )
    assert torch.equal(whole, torch.cat([first, second]))


def test_not_a_number_ends_it(tmp_path: Path) -> None:
    def broken(self: Dimmer, step: int, batch: Batch) -> Losses:
        return {"pixels": torch.tensor(float("nan"))} if step == 2 else redraw(self, step, batch)

    with pytest.raises(TrainingDivergedError, match=r"In step 2 .* pixels not finite"):
        run(tmp_path, broken)


def test_one_drawing_for_all_ends_it(tmp_path: Path) -> None:
    def black(self: Dimmer, _: int, batch: Batch) -> Losses:
        assert isinstance(self.reconstructor, Dim)
        self.descend(self.reconstructor.factor.square(), "dimmer")
        return {"pixels": self.reconstructor.factor.square()}

    with pytest.raises(TrainingCollapsedError, match="redrawn as one"):
        run(tmp_path, black, steps=40)


@pytest.mark.parametrize(("gap", "collapses"), [(0.005, True), (0.2, False)])
def test_a_discriminator_that_has_given_up_ends_it(
    tmp_path: Path, gap: float, collapses: bool
) -> None:
    def judged(self: Dimmer, step: int, batch: Batch) -> Losses:
        return redraw(self, step, batch) | {GAP: torch.tensor(gap)}

    if collapses:
        with pytest.raises(TrainingCollapsedError, match="for 6 steps"):
            run(tmp_path, judged, chance_steps=6)
    else:
        run(tmp_path, judged, chance_steps=6)


def test_one_code_for_everything_is_a_collapse() -> None:
    alive = [TrainingStep(n, 0.1, perplexity=1.0 + n) for n in range(5)]
    refuse_dead_codebook(alive, 4)
    dead = [TrainingStep(n, 0.1, perplexity=1.2) for n in range(5)]
    refuse_dead_codebook(dead, 6)
    with pytest.raises(TrainingCollapsedError, match="one code"):
        refuse_dead_codebook(alive + dead, 5)
