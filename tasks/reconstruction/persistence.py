"""Reconstructors as safetensors files: tensors and two words of text, no code."""

from __future__ import annotations

from pathlib import Path
from typing import assert_never

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from tasks.reconstruction.anogan import AnoganReconstructor
from tasks.reconstruction.anogan_settings import AnoganSettings
from tasks.reconstruction.ganodip import GanodipReconstructor
from tasks.reconstruction.ganodip_settings import GanodipSettings
from tasks.reconstruction.ganomaly import GanomalyReconstructor
from tasks.reconstruction.ganomaly_settings import GanomalySettings
from tasks.reconstruction.latent_distance import LatentDistanceReconstructor
from tasks.reconstruction.latent_distance_settings import LatentDistanceSettings
from tasks.reconstruction.mean_image import MeanImageReconstructor
from tasks.reconstruction.reconstructor import Reconstructor
from tasks.reconstruction.settings import (
    MeanImageSettings,
    ReconstructionSettings,
    VqganSettings,
)
from tasks.reconstruction.vae import VaeReconstructor
from tasks.reconstruction.vae_settings import VaeSettings
from tasks.reconstruction.vqgan import VqganReconstructor
from tasks.vocabulary.errors import InputError


def build_reconstructor(
    settings: ReconstructionSettings, image_shape_CHW: tuple[int, int, int]
) -> Reconstructor:
    """Build an untrained reconstructor; its random weights depend on `settings.seed` alone."""
    reconstructor: Reconstructor
    match settings:
        case VqganSettings():
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(settings.seed)
                reconstructor = VqganReconstructor(settings, image_shape_CHW)
        case VaeSettings():
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(settings.seed)
                reconstructor = VaeReconstructor(settings, image_shape_CHW)
        case GanomalySettings():
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(settings.seed)
                reconstructor = GanomalyReconstructor(settings, image_shape_CHW)
        case MeanImageSettings():
            reconstructor = MeanImageReconstructor(image_shape_CHW)
        case GanodipSettings():
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(settings.seed)
                reconstructor = GanodipReconstructor(settings, image_shape_CHW)
        case AnoganSettings():
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(settings.seed)
                reconstructor = AnoganReconstructor(settings, image_shape_CHW)
        case LatentDistanceSettings():
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(settings.seed)
                reconstructor = LatentDistanceReconstructor(settings, image_shape_CHW)
        case _:
            assert_never(settings)
    # Trained and loaded networks share one memory layout, hence the same kernels and bits.
    return reconstructor.to(memory_format=torch.channels_last).eval()


def save_reconstructor(reconstructor: Reconstructor, path: Path) -> None:
    """Write the weights and the shape of the training images; complete or absent, never half."""
    state = {name: value.contiguous() for name, value in reconstructor.state_dict().items()}
    metadata = {"image_shape_CHW": repr(reconstructor.image_shape_CHW)}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    save_file(state, partial, metadata)
    partial.replace(path)


def load_reconstructor(
    settings: ReconstructionSettings, image_shape_CHW: tuple[int, int, int], path: Path
) -> Reconstructor:
    """Load the reconstructor in `path`, on the CPU: it draws the same bits as the one saved.

    InputError where the file is missing, damaged, or of other settings or another image shape.
    """
    reconstructor = build_reconstructor(settings, image_shape_CHW)
    try:
        with safe_open(path, framework="pt") as file:
            shape = (file.metadata() or {}).get("image_shape_CHW")
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dict
        if shape != repr(tuple(image_shape_CHW)):
            raise InputError(
                f"The model {path} was trained on images of shape {shape}, not {image_shape_CHW}.",
                "Use the model of this product line.",
            )
        reconstructor.load_state_dict(state)
    except (SafetensorError, OSError, RuntimeError) as error:
        raise InputError(
            f"The model {path} cannot be read under these settings ({type(error).__name__}).",
            "Use the settings that it was trained with, or train again.",
        ) from error
    return reconstructor
