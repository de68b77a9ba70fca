"""The instrument that measures one board image: model, mask, backbones and settings of one fingerprint.

It only chains rooms: reconstruct, compare, find candidates (with and without the mask), measure. Workers
load it once and keep it; it imports neither Prefect nor Dask.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from storage.registry import Registry
from tasks.candidates.frechet import perceptual_moments
from tasks.candidates.search import Candidates, search
from tasks.jobs import InstrumentSettings
from tasks.metrics.comparison import Comparison, Suspects
from tasks.metrics.measurement import measure
from tasks.metrics.table import column_names
from tasks.perception.backbone import Perception, build_perception
from tasks.reconstruction.persistence import load_reconstructor
from tasks.reconstruction.reconstructor import Reconstructor
from tasks.vocabulary.arrays import Float32Array, Float64Array, UInt8Array
from tasks.vocabulary.tensors import Reconstruction, board_images, difference, stored_images


@dataclass(frozen=True)
class Measurement:
    """One row of metrics, and what a person wants to see of it."""

    values_M: Float64Array
    reconstruction_HWC: UInt8Array
    difference_HW: Float32Array
    plain: Candidates
    masked: Candidates | None


@dataclass(frozen=True)
class Instrument:
    """Everything loaded that one row of metrics needs."""

    reconstructor: Reconstructor
    perception: Perception
    candidate_perception: Perception
    mask_HW: Float32Array | None
    settings: InstrumentSettings

    @classmethod
    def load(cls, registry: Registry, settings: InstrumentSettings) -> Instrument:
        """Load the parts that `settings` names from the registry; verified by their digests."""
        weights = registry.open("models", settings.model_key) / "weights.safetensors"
        perception = build_perception(settings.perception)
        same = settings.candidate_perception == settings.perception
        mask = None
        if settings.mask_key is not None:
            mask = np.load(
                registry.open("masks", settings.mask_key) / "mask.npy", allow_pickle=False
            )
        return cls(
            load_reconstructor(settings.reconstruction, settings.image_shape_CHW, weights),
            perception,
            perception if same else build_perception(settings.candidate_perception),
            mask,
            settings,
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the metrics in the order of `Measurement.values_M`."""
        return column_names(self.reconstructor.capabilities, masked=self.mask_HW is not None)

    def difference(self, image_HWC: UInt8Array) -> Float32Array:
        """`[H, W]` difference between an image and its reconstruction."""
        image_1CHW = board_images(image_HWC[None])
        reconstructed = self.reconstructor.reconstruct(image_1CHW)
        return np.asarray(
            difference(image_1CHW, reconstructed.images_NCHW)[0].cpu(), dtype=np.float32
        )

    @torch.inference_mode()
    def measure(self, image_HWC: UInt8Array) -> Measurement:
        """Measure one board image; raises `NoAnswerError` where a metric has no value.

        Images go through the networks one at a time: the row of an image is then the same bits
        whatever batch it came in and however many workers there are.
        """
        image_1CHW = board_images(image_HWC[None])
        made = self.reconstructor.reconstruct(image_1CHW)
        pair_2CHW = torch.cat([image_1CHW, made.images_NCHW])
        perceived = self.perception(pair_2CHW)
        same = self.candidate_perception is self.perception
        seen = perceived if same else self.candidate_perception(pair_2CHW)
        comparison = _comparison(image_1CHW, made, perceived)
        plain, masked = self._candidates(comparison.difference_HW, seen)
        values_M = measure(
            comparison,
            _suspects(plain),
            _suspects(masked) if masked is not None else None,
            self.mask_HW,
        )
        pixels_HWC = stored_images(made.images_NCHW)[0]
        return Measurement(values_M, pixels_HWC, comparison.difference_HW, plain, masked)

    def _candidates(
        self, difference_HW: Float32Array, seen: tuple[torch.Tensor, ...]
    ) -> tuple[Candidates, Candidates | None]:
        """Candidates without and with the mask; the moments of the feature maps serve both."""
        settings = self.settings.candidates
        height, width = difference_HW.shape
        moments = perceptual_moments(
            tuple(map_2Chw[0].numpy() for map_2Chw in seen),
            tuple(map_2Chw[1].numpy() for map_2Chw in seen),
            height,
            width,
            settings.longest_stride_px,
        )
        plain = search(difference_HW, moments, settings)
        if self.mask_HW is None:
            return plain, None
        return plain, search(self.mask_HW * difference_HW, moments, settings)


def _comparison(
    image_1CHW: torch.Tensor, made: Reconstruction, perceived: tuple[torch.Tensor, ...]
) -> Comparison:
    return Comparison(
        input_CHW=image_1CHW[0].numpy(),
        reconstruction_CHW=made.images_NCHW[0].numpy(),
        difference_HW=difference(image_1CHW, made.images_NCHW)[0].numpy(),
        latent_Dhw=_first(made.latent_NDhw),
        quantized_Dhw=_first(made.quantized_NDhw),
        realness_input_hw=_first(made.realness_input_Nhw),
        realness_output_hw=_first(made.realness_output_Nhw),
        features_input=tuple(map_2Chw[0].numpy() for map_2Chw in perceived),
        features_reconstruction=tuple(map_2Chw[1].numpy() for map_2Chw in perceived),
    )


def _first(batch: torch.Tensor | None) -> Float32Array | None:
    return None if batch is None else np.asarray(batch[0].numpy(), dtype=np.float32)


def _suspects(found: Candidates) -> Suspects:
    return Suspects(found.boxes_Q4, found.scores_Q, found.pixels_P2)
