"""Golden samples: good boards that stand for what is normal (GanoDIP, section 6.2).

Legend: N normals, G groups, R references of one group, H/W/C image height, width and channels.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tasks.baselines.patch_errors import (
    patch_errors,
    require_shape,
    spread,
    unit_range,
    worst_mean,
)
from tasks.baselines.rival import Normals, Rival
from tasks.baselines.settings import GoldenSampleSettings, PublishedGoldenSampleSettings
from tasks.vocabulary.arrays import Float32Array, Float64Array, Int64Array, UInt8Array


class GoldenSamples(Rival):
    """One column for every drawn board: the worst patch errors of the image against it.

    Columns of several groups are named `group/reference`. A board that is in two groups is kept
    and compared once. `heat` is against the reference that the image is nearest to.
    """

    def __init__(
        self, normals: Normals, settings: GoldenSampleSettings | PublishedGoldenSampleSettings
    ) -> None:
        groups = settings.groups if isinstance(settings, PublishedGoldenSampleSettings) else 1
        drawn_GR = drawn_references(
            len(normals.images_NHWC), groups, settings.references, normals.seed
        )
        kept, self._places = np.unique(drawn_GR, return_inverse=True)
        self._references_NHWC = normals.images_NHWC[kept]
        self._patch_px, self._share = settings.patch_px, settings.share
        self.columns = tuple(
            f"{group}/{reference}" if groups > 1 else str(reference)
            for group, row in enumerate(drawn_GR)
            for reference in range(len(row))
        )
        self.state_bytes = self._references_NHWC.nbytes

    def heat(self, image_HWC: UInt8Array) -> Float32Array:
        """Give the patch errors against the nearest reference, at each pixel."""
        nearest_YX = min(self._errors(image_HWC), key=lambda e: worst_mean(e, self._share))
        return spread(nearest_YX, self._patch_px, *image_HWC.shape[:2])

    def _row(self, image_HWC: UInt8Array) -> Float64Array:
        scores = [worst_mean(errors_YX, self._share) for errors_YX in self._errors(image_HWC)]
        return np.array(scores)[self._places.ravel()]

    def _errors(self, image_HWC: UInt8Array) -> Iterator[Float32Array]:
        require_shape(image_HWC, self._references_NHWC.shape[1:])
        pixels_HWC = unit_range(image_HWC)
        for reference_HWC in self._references_NHWC:
            yield patch_errors(pixels_HWC, unit_range(reference_HWC), self._patch_px)


def drawn_references(count: int, groups: int, references: int, seed: int) -> Int64Array:
    """Indices `[G, R]` of drawn normals; no board twice in a group.

    Groups share no board where there are enough, as 360 were for 10 x 36; else each group is drawn
    by itself, and R is at most `count`.
    """
    generator = np.random.default_rng(seed)
    if count >= groups * references:
        return generator.permutation(count)[: groups * references].reshape(groups, references)
    drawn = [generator.permutation(count)[:references] for _ in range(groups)]
    return np.stack(drawn)
