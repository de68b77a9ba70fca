"""One training course for every system but the VQGAN: batches, steps, validation, checkpoints.

Resumable at any moment, to the same bits. Legend: B images of a batch (this process's part).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from tasks.reconstruction import schedule
from tasks.reconstruction.checkpoint import (
    read_checkpoint,
    training_fingerprint,
    write_checkpoint,
)
from tasks.reconstruction.collapse import refuse_chance, refuse_one_output
from tasks.reconstruction.course_settings import CourseSettings
from tasks.reconstruction.devices import autocast, computing_type, training_device
from tasks.reconstruction.errors import TrainingDivergedError
from tasks.reconstruction.history import TrainingStep
from tasks.reconstruction.processes import Processes, joined_processes
from tasks.reconstruction.progress import Progress
from tasks.reconstruction.reconstructor import Reconstructor
from tasks.reconstruction.validation import psnr_db
from tasks.vocabulary.arrays import UInt8Array
from tasks.vocabulary.tensors import board_images

Losses = dict[str, Tensor]


@dataclass(frozen=True)
class Batch:
    """One step's images `[B, C, H, W]` in [0, 1]; all random numbers of the step come from here.

    Noise is drawn for the whole batch and cut to this process's part, so that a step computes the
    same whatever the number of processes.
    """

    images_NCHW: Tensor
    draws: np.random.Generator
    whole: int
    part: slice

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers `[B, *shape]`, float32."""
        return self._mine(self.draws.standard_normal((self.whole, *shape), dtype=np.float32))

    def uniform(self, *shape: int) -> Tensor:
        """Numbers from [0, 1), `[B, *shape]`, float32."""
        return self._mine(self.draws.random((self.whole, *shape), dtype=np.float32))

    def _mine(self, numbers: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Tensor:
        return torch.from_numpy(numbers[self.part]).to(self.images_NCHW.device)


@dataclass
class Trainee(ABC):
    """A system in training: its reconstructor, on the device, and what one step does.

    `optimizers` are named after what they move. Steps may belong to phases, one after another;
    `validates_from` is the first step after which the reconstructor can redraw anything. `learners`
    are networks that learn in place of the reconstructor's own of the same name, which follow them.
    """

    settings: CourseSettings
    reconstructor: Reconstructor
    optimizers: Mapping[str, Optimizer]
    processes: Processes
    device: torch.device
    dtype: torch.dtype
    validates_from: int = 0
    learners: Mapping[str, nn.Module] = field(default_factory=dict)

    @abstractmethod
    def learn(self, step: int, batch: Batch) -> Losses:
        """Do one step; its losses by name, means over the batch, before the update."""

    def complete(self, training_NHWC: UInt8Array) -> None:  # noqa: B027 - most leave it so
        """Fit, on the best weights, what is fitted once at the end; most systems have nothing."""

    def autocast(self) -> AbstractContextManager[None]:
        """Mixed precision, as `precision` says, for what runs inside."""
        return autocast(self.device, self.dtype)

    def descend(self, loss: Tensor, mover: str) -> None:
        """Move the parameters of one optimizer down `loss`, and no others.

        Gradients are averaged over the processes, then cut to `gradient_limit`.
        """
        optimizer = self.optimizers[mover]
        parameters = [one for group in optimizer.param_groups for one in group["params"]]
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss, inputs=parameters)
        if self.processes.count > 1:
            for one in parameters:
                if one.grad is not None:
                    one.grad.copy_(self.processes.mean(one.grad))
        if self.settings.gradient_limit is not None:
            nn.utils.clip_grad_norm_(parameters, self.settings.gradient_limit)
        optimizer.step()


Enrolment = Callable[[Reconstructor, Processes, torch.device, torch.dtype], Trainee]
"""Makes the trainee of an untrained reconstructor, which is on the device already."""


@dataclass(frozen=True)
class _Course:
    trainee: Trainee
    training_NHWC: UInt8Array
    validation_NCHW: Tensor
    workplace: Path
    fingerprint: str

    @property
    def settings(self) -> CourseSettings:
        return self.trainee.settings


def run_course(
    settings: CourseSettings,
    build: Callable[[], Reconstructor],
    enrol: Enrolment,
    images: tuple[UInt8Array, UInt8Array],
    workplace: Path,
    on_step: Callable[[TrainingStep], None],
) -> tuple[Reconstructor, list[TrainingStep], int]:
    """Return the best reconstructor, on the CPU, the history and the best step.

    `images`: training and validation. See `training.train` for what is promised and raised.
    """
    training_NHWC, validation_NHWC = images
    cudnn = torch.backends.cudnn
    with (
        joined_processes(settings.device) as processes,
        cudnn.flags(enabled=cudnn.enabled, deterministic=True, allow_tf32=True),
    ):
        processes.share(settings.batch_size)
        device = training_device(settings.device, processes.node_rank)
        dtype = computing_type(settings.precision, device)
        course = _Course(
            enrol(build().to(device), processes, device, dtype),
            training_NHWC,
            board_images(validation_NHWC),
            workplace,
            training_fingerprint(settings, training_NHWC, validation_NHWC),
        )
        progress = _resume(course)
        while progress.next_step < settings.steps:
            figures = _step(course, progress)
            if processes.is_first:
                _checkpoint_when_due(course, progress)
                on_step(figures)
        course.trainee.reconstructor.load_state_dict(progress.best_state)
        course.trainee.complete(training_NHWC)
    best = build()
    best.load_state_dict(course.trainee.reconstructor.state_dict())
    return best, progress.history, progress.best_step


def _step(course: _Course, progress: Progress) -> TrainingStep:
    settings, step = course.settings, progress.next_step
    losses = course.trainee.learn(step, _batch(course, step))
    figures = TrainingStep(
        step=step,
        learning_rate=max(
            group["lr"] for one in course.trainee.optimizers.values() for group in one.param_groups
        ),
        losses=_finite(course, losses, step),
    )
    done = step + 1
    if step >= course.trainee.validates_from and (
        done % settings.validate_every == 0 or done == settings.steps
    ):
        figures = _validated(course, figures, progress)
    progress.history.append(figures)
    progress.next_step = done
    refuse_chance(progress.history, settings.chance_steps)
    return figures


def _batch(course: _Course, step: int) -> Batch:
    settings, trainee = course.settings, course.trainee
    mine, size = trainee.processes.share(settings.batch_size), settings.batch_size
    indices_B = schedule.batch_indices(settings.seed, step, size, len(course.training_NHWC))
    images_NCHW = board_images(course.training_NHWC[indices_B[mine]])
    if settings.flips:
        flips_B2 = schedule.batch_flips(settings.seed, step, size)
        images_NCHW = schedule.flipped(images_NCHW, flips_B2[mine])
    images_NCHW = images_NCHW.to(trainee.device).contiguous(memory_format=torch.channels_last)
    return Batch(images_NCHW, schedule.noise_draws(settings.seed, step), size, mine)


def _finite(course: _Course, losses: Losses, step: int) -> dict[str, float]:
    stacked = torch.stack([loss.detach().float() for loss in losses.values()])
    values = dict(zip(losses, course.trainee.processes.mean(stacked).tolist(), strict=True))
    if wrong := [name for name, value in values.items() if not isfinite(value)]:
        raise TrainingDivergedError(
            f"In step {step} the training diverged: {', '.join(wrong)} not finite.",
            "Lower the learning rates, then train in an empty workplace.",
        )
    return values


def _validated(course: _Course, figures: TrainingStep, progress: Progress) -> TrainingStep:
    # Every process validates: the others would only wait for the first one.
    images_NCHW = course.validation_NCHW
    drawn_NCHW = course.trainee.reconstructor.reconstruct(images_NCHW).images_NCHW
    errors_N = (drawn_NCHW - images_NCHW).square().mean(dim=(1, 2, 3))
    psnr = float(psnr_db(errors_N).mean())
    if not isfinite(psnr):
        raise TrainingDivergedError(
            f"After step {figures.step} the validation images cannot be reconstructed.",
            "Lower the learning rates, then train in an empty workplace.",
        )
    refuse_one_output(images_NCHW, drawn_NCHW)
    if psnr > progress.best_psnr_db:
        progress.best_psnr_db, progress.best_step = psnr, figures.step
        progress.best_state = {
            name: value.detach().cpu().clone()
            for name, value in course.trainee.reconstructor.state_dict().items()
        }
    return replace(figures, validation_psnr_db=psnr)


def _checkpoint_when_due(course: _Course, progress: Progress) -> None:
    settings, trainee = course.settings, course.trainee
    if progress.next_step % settings.checkpoint_every and progress.next_step != settings.steps:
        return
    optimizers = {name: one.state_dict() for name, one in trainee.optimizers.items()}
    state = {
        "reconstructor": trainee.reconstructor.state_dict(),
        "learners": {name: one.state_dict() for name, one in trainee.learners.items()},
        "optimizers": optimizers,
    }
    write_checkpoint(course.workplace, course.fingerprint, state | progress.as_state())


def _resume(course: _Course) -> Progress:
    state = read_checkpoint(course.workplace, course.fingerprint)
    # No process may write before all have read.
    course.trainee.processes.wait_for_all()
    if state is None:
        return Progress()
    course.trainee.reconstructor.load_state_dict(state["reconstructor"])
    for name, learner in course.trainee.learners.items():
        learner.load_state_dict(state["learners"][name])
    for name, optimizer in course.trainee.optimizers.items():
        optimizer.load_state_dict(state["optimizers"][name])
    return Progress.from_state(state)
