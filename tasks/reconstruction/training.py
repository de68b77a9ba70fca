"""Train a reconstructor on normal products; validation chooses what is kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, assert_never

import numpy as np

from tasks.reconstruction.history import TrainingStep
from tasks.reconstruction.mean_image import MeanImageReconstructor
from tasks.reconstruction.persistence import build_reconstructor
from tasks.reconstruction.reconstructor import Reconstructor
from tasks.reconstruction.settings import (
    MeanImageSettings,
    ReconstructionSettings,
    VqganSettings,
)
from tasks.reconstruction.steps import FeatureMaps
from tasks.reconstruction.validation import validation_psnr_db
from tasks.reconstruction.vqgan_training import train_vqgan
from tasks.vocabulary.arrays import UInt8Array
from tasks.vocabulary.errors import InputError
from tasks.vocabulary.tensors import board_images


class TrainedReconstructor(NamedTuple):
    """The best reconstructor (on the CPU), all steps, and the step whose validation was best."""

    reconstructor: Reconstructor
    history: list[TrainingStep]
    best_step: int


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
    match settings:
        case VqganSettings():
            outcome = train_vqgan(
                settings, training_NHWC, validation_NHWC, perception_factory, workplace, on_step
            )
            return TrainedReconstructor(*outcome)
        case MeanImageSettings():
            return _train_mean_image(settings, training_NHWC, validation_NHWC, on_step)
        case _:
            assert_never(settings)


def _train_mean_image(
    settings: MeanImageSettings,
    training_NHWC: UInt8Array,
    validation_NHWC: UInt8Array,
    on_step: Callable[[TrainingStep], None],
) -> TrainedReconstructor:
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
    return TrainedReconstructor(reconstructor, [step], best_step=0)


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
