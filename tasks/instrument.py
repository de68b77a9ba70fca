"""The instrument that measures one board image: learnt parts, backbones and settings of one fingerprint.

It only chains rooms: reconstruct, compare, find candidates (with and without the mask), measure. Workers
load it once and keep it; it imports neither Prefect nor Dask.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, assert_never

import numpy as np
import torch

from storage.registry import Registry
from tasks.candidates.boxes import distinct_boxes
from tasks.candidates.exact import PatchDistances
from tasks.candidates.pooling import pooled_distances
from tasks.candidates.scales import BoxScales, read_scales
from tasks.candidates.search import BoxDistances, Candidates, laid_boxes, search
from tasks.candidates.settings import ExactRoad, FastRoad
from tasks.jobs import InstrumentSettings
from tasks.localisation.places import PlaceMap
from tasks.memory.recollection import Memory, read_memory
from tasks.metrics.comparison import MEMORY, PLACES, Comparison, Perceived, Remembered, Suspects
from tasks.metrics.measurement import measure
from tasks.metrics.table import column_names
from tasks.perception.backbone import Perception, build_perception
from tasks.reconstruction.persistence import load_reconstructor
from tasks.reconstruction.reconstructor import Reconstructor
from tasks.vocabulary.arrays import Float32Array, Float64Array, Int64Array, UInt8Array
from tasks.vocabulary.tensors import Reconstruction, board_images, difference, stored_images

MEMORY_FILE = "memory.safetensors"
"""The file of a memory in the registry."""


@dataclass(frozen=True)
class Measurement:
    """One row of metrics, and what a person wants to see of it; `places` only of aligned boards."""

    values_M: Float64Array
    reconstruction_HWC: UInt8Array
    difference_HW: Float32Array
    plain: Candidates
    masked: Candidates | None
    places: PlaceMap | None


@dataclass(frozen=True)
class Instrument:
    """Everything loaded that one row of metrics needs."""

    reconstructor: Reconstructor
    perception: Perception
    candidate_perception: Perception
    mask_HW: Float32Array | None
    scales: BoxScales | None
    memory: Memory | None
    settings: InstrumentSettings

    @classmethod
    def load(cls, registry: Registry, settings: InstrumentSettings) -> Instrument:
        """Load the parts that `settings` names from the registry; verified by their digests."""
        weights = registry.open("models", settings.model_key) / "weights.safetensors"
        perception = build_perception(settings.perception)
        same = settings.candidate_perception == settings.perception
        mask = scales = memory = None
        if settings.mask_key is not None:
            mask = np.load(
                registry.open("masks", settings.mask_key) / "mask.npy", allow_pickle=False
            )
        if settings.scales_key is not None:
            scales = read_scales(registry.open("scales", settings.scales_key) / "scales.json")
        if settings.memory_key is not None:
            memory = read_memory(registry.open("memories", settings.memory_key) / MEMORY_FILE)
        return cls(
            load_reconstructor(settings.reconstruction, settings.image_shape_CHW, weights),
            perception,
            perception if same else build_perception(settings.candidate_perception),
            mask,
            scales,
            memory,
            settings,
        )

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the metrics in the order of `Measurement.values_M`."""
        offered, perceived = self.reconstructor.offers, None
        if self.memory is not None:
            offered |= {MEMORY, PLACES} if self.memory.places else {MEMORY}
            perceived = self._perceived(self.memory, self._channels())
        return column_names(offered, self.mask_HW is not None, perceived)

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
        looked = self._look(image_HWC)
        found = search(
            self._differences(looked),
            self._box_distances(looked),
            self.settings.candidates,
            self.scales,
        )
        plain, masked = found[0], found[1] if self.mask_HW is not None else None
        values_M = measure(
            looked.comparison,
            _suspects(plain),
            _suspects(masked) if masked is not None else None,
            self.mask_HW,
        )
        pixels_HWC = stored_images(looked.pair_2CHW[1:])[0]
        return Measurement(
            values_M,
            pixels_HWC,
            looked.comparison.difference_HW,
            plain,
            masked,
            self._places(looked.comparison.remembered),
        )

    @torch.inference_mode()
    def box_distances(self, image_HWC: UInt8Array) -> tuple[Int64Array, Float64Array]:
        """All distinct boxes laid on one image, `[K, 4]`, and their squared distances `[K]`."""
        looked = self._look(image_HWC)
        boxes_K4 = distinct_boxes(laid_boxes(self._differences(looked), self.settings.candidates))[
            0
        ]
        return boxes_K4, self._box_distances(looked).distances(boxes_K4)

    def _look(self, image_HWC: UInt8Array) -> _Looked:
        """Pass the image through the networks."""
        image_1CHW = board_images(image_HWC[None])
        made = self.reconstructor.reconstruct(image_1CHW)
        pair_2CHW = torch.cat([image_1CHW, made.images_NCHW])
        perceived = self.perception(pair_2CHW)
        comparison = _comparison(
            image_1CHW, made, perceived, self._remembered(perceived), self.reconstructor.own_scores
        )
        return _Looked(pair_2CHW, perceived, comparison)

    def _remembered(self, maps: tuple[torch.Tensor, ...]) -> Remembered | None:
        """Distances of the input's features to those of normals."""
        if self.memory is None:
            return None
        of_input = [map_2Chw[0] for map_2Chw in maps]
        channels = tuple(len(map_Chw) for map_Chw in of_input)
        return Remembered(
            self._perceived(self.memory, channels),
            self.memory.bank_distances(of_input, self.perception.strides),
            self.memory.place_distances(of_input, self.perception.strides),
        )

    def _places(self, remembered: Remembered | None) -> PlaceMap | None:
        """The finest map of places: where on the board it is unlike normals."""
        if self.memory is None or remembered is None or not remembered.place_distances:
            return None
        finest = self.memory.places[min(self.memory.places)]
        return PlaceMap(remembered.place_distances[0], len(finest.axes_DC))

    def _perceived(self, memory: Memory, channels: tuple[int, ...]) -> Perceived:
        return Perceived(tuple(self.perception.strides), channels, memory.strides)

    def _channels(self) -> tuple[int, ...]:
        """Channels of every feature map, seen on a blank image."""
        with torch.inference_mode():
            maps = self.perception(torch.zeros((1, *self.settings.image_shape_CHW)))
        return tuple(map_1Chw.shape[1] for map_1Chw in maps)

    def _differences(self, looked: _Looked) -> list[Float32Array]:
        """The difference, and mask times difference where there is a mask."""
        difference_HW = looked.comparison.difference_HW
        if self.mask_HW is None:
            return [difference_HW]
        return [difference_HW, self.mask_HW * difference_HW]

    def _box_distances(self, looked: _Looked) -> BoxDistances:
        """The image beside its reconstruction, ready to be compared in any box."""
        road = self.settings.candidates.road
        match road:
            case FastRoad():
                maps = looked.perceived
                if self.candidate_perception is not self.perception:
                    maps = self.candidate_perception(looked.pair_2CHW)
                height, width = looked.pair_2CHW.shape[2:]
                return pooled_distances(
                    tuple(map_2Chw[0] for map_2Chw in maps),
                    tuple(map_2Chw[1] for map_2Chw in maps),
                    height,
                    width,
                    road.longest_stride_px,
                )
            case ExactRoad():
                image_CHW, made_CHW = looked.pair_2CHW
                return PatchDistances(image_CHW, made_CHW, self.candidate_perception, road)
            case _:
                assert_never(road)


class _Looked(NamedTuple):
    """Input and reconstruction, what the backbone sees of both, and all that metrics compare."""

    pair_2CHW: torch.Tensor
    perceived: tuple[torch.Tensor, ...]
    comparison: Comparison


def _comparison(
    image_1CHW: torch.Tensor,
    made: Reconstruction,
    perceived: tuple[torch.Tensor, ...],
    remembered: Remembered | None,
    own_scores: tuple[str, ...],
) -> Comparison:
    scores_S = () if made.scores_NS is None else made.scores_NS[0].tolist()
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
        remembered=remembered,
        scores=dict(zip(own_scores, scores_S, strict=True)),
    )


def _first(batch: torch.Tensor | None) -> Float32Array | None:
    return None if batch is None else np.asarray(batch[0].numpy(), dtype=np.float32)


def _suspects(found: Candidates) -> Suspects:
    return Suspects(found.boxes_Q4, found.distances_Q, found.pixels_P2)
