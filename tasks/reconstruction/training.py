"""Train a reconstructor on normal products; validation chooses what is kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple, assert_never

import numpy as np

from tasks.reconstruction import (
    anogan_training,
    ganodip_training,
    ganomaly_training,
    latent_distance_training,
    vae_training,
)
from tasks.reconstruction.anogan_settings import AnoganSettings
from tasks.reconstruction.course import Enrolment, run_course
from tasks.reconstruction.ganodip_settings import GanodipSettings
from tasks.reconstruction.ganomaly_settings import GanomalySettings
from tasks.reconstruction.history import TrainingStep
from tasks.reconstruction.latent_distance_settings import LatentDistanceSettings
from tasks.reconstruction.mean_image import MeanImageReconstructor
from tasks.reconstruction.persistence import build_reconstructor
from tasks.reconstruction.reconstructor import Reconstructor
from tasks.reconstruction.settings import (
    MeanImageSettings,
    ReconstructionSettings,
    VqganSettings,
)
from tasks.reconstruction.steps import FeatureMaps
from tasks.reconstruction.vae_settings import VaeSettings
from tasks.reconstruction.validation import mean_image_psnr_db, validation_psnr_db
from tasks.reconstruction.vqgan_training import train_vqgan
from tasks.vocabulary.arrays import UInt8Array
from tasks.vocabulary.errors import InputError
from tasks.vocabulary.tensors import board_images


class TrainedReconstructor(NamedTuple):
    """The best reconstructor (on the CPU), all steps, and the step whose validation was best.

    `mean_image_psnr_db` is what the mean of the training images alone reaches there.
    """

    reconstructor: Reconstructor
    history: list[TrainingStep]
    best_step: int
    mean_image_psnr_db: float


_CourseMember = (
    AnoganSettings | GanodipSettings | GanomalySettings | LatentDistanceSettings | VaeSettings
)


def train(
    settings: ReconstructionSettings,
    training_NHWC: UInt8Array,
    validation_NHWC: UInt8Array,
    perception_factory: Callable[[], FeatureMaps],
    workplace: Path,
    on_step: Callable[[TrainingStep], None],
) -> TrainedReconstructor:
    """Train on `training_NHWC` alone; the PSNR on `validation_NHWC` chooses the checkpoint.

    Both are stored images, uint8, of one shape, C 1 or 3. The perceptual loss takes its features
    from `perception_factory()`, which is called only if that loss is used. `workplace` keeps the
    checkpoint: after a kill, the same call goes on there, and the result has the same bits as a
    run that was never interrupted (same machine, thread count and number of processes). `on_step`
    hears every step that is really run. Under torchrun, processes average their gradients and only
    the first writes and reports; `workplace` must be one shared folder.

    InputError for unusable images or a workplace of another training; TrainingDivergedError when a
    loss is infinite or NaN: then nothing is returned.
    """
    _require_pair(training_NHWC, validation_NHWC)
    images = (training_NHWC, validation_NHWC)
    outcome: tuple[Reconstructor, list[TrainingStep], int]
    if isinstance(settings, VqganSettings):
        outcome = train_vqgan(settings, *images, perception_factory, workplace, on_step)
    elif isinstance(settings, MeanImageSettings):
        outcome = _train_mean_image(settings, *images, on_step)
    else:
        height, width, channels = training_NHWC.shape[1:]
        build = partial(build_reconstructor, settings, (channels, height, width))
        outcome = run_course(settings, build, _enrolment(settings), images, workplace, on_step)
    return TrainedReconstructor(*outcome, mean_image_psnr_db(*images))


def _enrolment(settings: _CourseMember) -> Enrolment:
    match settings:
        case VaeSettings():
            return partial(vae_training.enrol, settings)
        case GanomalySettings():
            return partial(ganomaly_training.enrol, settings)
        case GanodipSettings():
            return partial(ganodip_training.enrol, settings)
        case AnoganSettings():
            return partial(anogan_training.enrol, settings)
        case LatentDistanceSettings():
            return partial(latent_distance_training.enrol, settings)
        case _:
            assert_never(settings)


def _train_mean_image(
    settings: MeanImageSettings,
    training_NHWC: UInt8Array,
    validation_NHWC: UInt8Array,
    on_step: Callable[[TrainingStep], None],
) -> tuple[Reconstructor, list[TrainingStep], int]:
    height, width, channels = training_NHWC.shape[1:]
    reconstructor = build_reconstructor(settings, (channels, height, width))
    assert isinstance(reconstructor, MeanImageReconstructor)  # noqa: S101 - narrows the union
    reconstructor.fit(training_NHWC)
    training_NCHW = board_images(training_NHWC)
    error = float((training_NCHW - reconstructor.mean_CHW).square().mean())
    step = TrainingStep(
        step=0,
        learning_rate=0.0,
        pixel_loss=error,
        psnr_db=validation_psnr_db(reconstructor, training_NCHW),
        validation_psnr_db=validation_psnr_db(reconstructor, board_images(validation_NHWC)),
    )
    on_step(step)
    return reconstructor, [step], 0


def _require_pair(training_NHWC: UInt8Array, validation_NHWC: UInt8Array) -> None:
    for name, images in (("training", training_NHWC), ("validation", validation_NHWC)):
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3):
            raise InputError(
                f"The {name} images are {images.dtype} of shape {images.shape}.",
                "Give uint8 [N, H, W, C] with C = 1 or 3.",
            )
        if len(images) == 0:
            raise InputError(f"There are no {name} images.", "Give at least one normal image.")
    if training_NHWC.shape[1:] != validation_NHWC.shape[1:]:
        raise InputError(
            f"Training {training_NHWC.shape[1:]} and validation {validation_NHWC.shape[1:]} "
            "images differ in shape.",
            "Bring both to one size.",
        )
