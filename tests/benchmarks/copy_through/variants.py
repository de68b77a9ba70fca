"""The variants, and the training of one of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from tasks.reconstruction.history import TrainingStep
from tasks.reconstruction.reconstructor import Reconstructor
from tasks.reconstruction.settings import VqganSettings
from tasks.reconstruction.steps import FeatureMaps
from tasks.reconstruction.training import train
from tasks.vocabulary.arrays import Float32Array, UInt8Array
from tasks.vocabulary.tensors import board_images
from tests.benchmarks.copy_through.boards import Boards
from tests.benchmarks.copy_through.figures import Redrawn

# What each changes of the product line's own settings; f is the downsampling.
VARIANTS: dict[str, dict[str, Any]] = {
    "f = 8": {"downsampling": 8},
    "f = 8 + codebook 256": {"downsampling": 8, "codebook_entries": 256},
    "f = 8 + codebook 64": {"downsampling": 8, "codebook_entries": 64},
    "f = 8 + cut_paste": {"downsampling": 8, "corruption": {"kind": "cut_paste"}},
    "f = 8 + perlin": {"downsampling": 8, "corruption": {"kind": "perlin"}},
    "f = 8 + both": {"downsampling": 8, "corruption": {"kind": "both"}},
    "f = 8 + code_dropout": {"downsampling": 8, "code_dropout": 0.1},
    "f = 16": {"downsampling": 16},
    "f = 16 + perlin": {"downsampling": 16, "corruption": {"kind": "perlin"}},
    "f = 16 + cut_paste": {"downsampling": 16, "corruption": {"kind": "cut_paste"}},
    "f = 16 + codebook 256": {"downsampling": 16, "codebook_entries": 256},
    "f = 32": {"downsampling": 32},
}


def settings_of(
    variant: str, base: dict[str, Any], steps: int, batch_size: int, seed: int, device: str
) -> VqganSettings:
    """The product line's settings with a variant's changes; the discriminator learns from 80 % on."""
    return VqganSettings.model_validate(
        {
            **base,
            **VARIANTS[variant],
            "steps": steps,
            "batch_size": batch_size,
            "discriminator_start_step": int(0.8 * steps),
            "warmup_steps": min(50, steps // 4),
            "validate_every": max(1, steps // 10),
            "checkpoint_every": steps,
            "seed": seed,
            "device": device,
        }
    )


def trained(
    settings: VqganSettings, boards: Boards, perception: Callable[[], FeatureMaps]
) -> Reconstructor:
    """Train on the normals; the best by validation, on the training's device."""

    def unheard(_: TrainingStep) -> None:
        pass

    with TemporaryDirectory() as workplace:
        outcome = train(
            settings,
            boards.training_NHWC,
            boards.validation_NHWC,
            perception,
            Path(workplace),
            unheard,
        )
    return outcome.reconstructor.to(settings.device)


def redrawn(reconstructor: Reconstructor, boards: Boards) -> Redrawn:
    """Let it redraw every measured board."""
    return Redrawn(
        drawn(reconstructor, boards.validation_NHWC),
        drawn(reconstructor, boards.normals_NHWC),
        drawn(reconstructor, boards.twins_DHWC),
        drawn(reconstructor, boards.defective_DHWC),
    )


def drawn(reconstructor: Reconstructor, images_NHWC: UInt8Array) -> Float32Array:
    """`[N, H, W, C]` in [0, 1]."""
    images_NCHW = reconstructor.reconstruct(board_images(images_NHWC)).images_NCHW
    return images_NCHW.permute(0, 2, 3, 1).contiguous().cpu().numpy()


def available_device(asked: str) -> str:
    """The device asked for; `auto` = a GPU if there is one."""
    if asked != "auto":
        return asked
    return "cuda" if torch.cuda.is_available() else "cpu"
