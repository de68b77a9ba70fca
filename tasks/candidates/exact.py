"""The Fréchet distance of a pair of patches as published: every patch passes the backbone by itself.

One pair (VQGanoDIP, section 3.1.2): the box is cut out of the input and out of the reconstruction, both
patches are enlarged to `patch_px` x `patch_px` (bilinear between pixel centres, borders repeated; no
antialiasing, which matters only where a patch would shrink) and pass the perception backbone. The
vectors at the h x w positions of its last layer are the samples of a patch, and `gaussians` compares
the two sets; where the last layer has one position, the two vectors alone.

Departures: the backbone is a setting (the paper's is Inception-v3 at 299 px), and each distinct box is
measured once, though it counts as often as it is laid.

Legend: C channels, H height, W width, K boxes, B boxes of one batch, N patches of one batch, p the
side `patch_px`, s a box side, h/w map height and width, n = h * w vectors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tasks.candidates.gaussians import frechet_distances
from tasks.candidates.settings import ExactRoad
from tasks.vocabulary.arrays import Float64Array, Int64Array
from tasks.vocabulary.errors import InputError

# Images `[N, C, H, W]` in [0, 1] to their feature maps, shallow to deep.
Perceive = Callable[[Tensor], tuple[Tensor, ...]]
Box = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class PatchDistances:
    """Fréchet distances of boxes in one input `[C, H, W]` and its reconstruction, both in [0, 1].

    Every distinct box is measured once and remembered, so that a second question about the same
    images costs only the boxes that are new. Both images are on the device of `perceive`.
    """

    image_CHW: Tensor
    reconstruction_CHW: Tensor
    perceive: Perceive
    settings: ExactRoad
    remembered: dict[Box, float] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        seen, made = self.image_CHW.shape, self.reconstruction_CHW.shape
        if len(seen) != 3 or seen != made:
            raise InputError(
                f"An image of shape {tuple(seen)} faces a reconstruction of {tuple(made)}.",
                "Pass [C, H, W] of a board image and of its own reconstruction.",
            )

    def distances(self, boxes_K4: Int64Array) -> Float64Array:
        """Squared Fréchet distance `float64 [K]` in each box, at least 0; boxes may repeat.

        Raises `InputError` for boxes outside the image and, from the backbone, for a `patch_px`
        that it cannot see; `NoAnswerError` for features that are not finite. After an error nothing of
        the failed batch is remembered.
        """
        self._require_inside(boxes_K4)
        boxes: list[Box] = list(map(tuple, boxes_K4.tolist()))
        new = [box for box in dict.fromkeys(boxes) if box not in self.remembered]
        pairs = pairs_at_once(self.settings)
        for first in range(0, len(new), pairs):
            batch = new[first : first + pairs]
            self.remembered.update(zip(batch, self._measure(batch).tolist(), strict=True))
        return np.array([self.remembered[box] for box in boxes], dtype=np.float64)

    @cached_property
    def _pair_2CHW(self) -> Tensor:
        """Both images; in channels_last, where cutting and enlarging take half the time."""
        pair_2CHW = torch.stack([self.image_CHW, self.reconstruction_CHW]).float()
        return pair_2CHW.contiguous(memory_format=torch.channels_last)

    def _require_inside(self, boxes_K4: Int64Array) -> None:
        height, width = self.image_CHW.shape[1:]
        starts_K2, ends_K2 = boxes_K4[:, :2], boxes_K4[:, 2:]
        inside = (starts_K2 >= 0) & (starts_K2 < ends_K2) & (ends_K2 <= (height, width))
        if not inside.all():
            raise InputError(
                f"A box lies outside an image of {height} x {width} pixels.",
                "Lay the boxes on this very image.",
            )

    @torch.inference_mode()
    def _measure(self, boxes: list[Box]) -> Float64Array:
        patches_NCpp = self._enlarged(boxes)
        # On a processor float32 stays: its values are the reference of truth.
        cuda = patches_NCpp.is_cuda
        with torch.autocast(patches_NCpp.device.type, dtype=torch.bfloat16, enabled=cuda):
            last_NChw = self.perceive(patches_NCpp)[-1]
        vectors_NnC = last_NChw.float().flatten(2).transpose(1, 2).cpu().numpy()
        measured = slice(0, 2 * len(boxes))
        return frechet_distances(vectors_NnC[measured][0::2], vectors_NnC[measured][1::2])

    def _enlarged(self, boxes: list[Box]) -> Tensor:
        """Patches `[2B, C, patch_px, patch_px]`: each box of the input, then of the reconstruction.

        Free places hold the first patch again: batches of one shape meet the same kernels, so that
        a value does not depend on what else was asked for.
        """
        side = self.settings.patch_px
        patches_NCpp = torch.empty(
            (2 * pairs_at_once(self.settings), len(self.image_CHW), side, side),
            dtype=torch.float32,
            device=self.image_CHW.device,
            memory_format=torch.channels_last,
        )
        for place, (top, left, bottom, right) in enumerate(boxes):
            cut_2Css = self._pair_2CHW[:, :, top:bottom, left:right]
            patches_NCpp[2 * place : 2 * place + 2] = functional.interpolate(
                cut_2Css, size=(side, side), mode="bilinear", align_corners=False
            )
        patches_NCpp[2 * len(boxes) :] = patches_NCpp[0]
        return patches_NCpp


def pairs_at_once(settings: ExactRoad) -> int:
    """Pairs of patches that pass the backbone together: half of `batch_patches`, at least one."""
    return max(settings.batch_patches // 2, 1)
