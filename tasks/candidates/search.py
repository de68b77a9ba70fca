"""From a difference to the candidates of one image (VQGanoDIP, section 3.1.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from tasks.candidates.boxes import distinct_boxes, highest, worst_pixels, zoom_out_and_shift
from tasks.candidates.scales import BoxScales
from tasks.candidates.settings import CandidatesSettings
from tasks.vocabulary.arrays import Float32Array, Float64Array, Int64Array


class BoxDistances(Protocol):
    """One input and its reconstruction, ready to be compared in any box: one of the two roads."""

    def distances(self, boxes_K4: Int64Array) -> Float64Array:
        """Squared Fréchet distance `float64 [K]` in each box, at least 0."""
        ...


class Candidates(NamedTuple):
    """The suspected boxes of one image, worst first.

    `boxes_Q4`: (top, left, bottom, right), a box as often as it was laid; `scores_Q`: what ranks
    them, the distance or how unusual it is for a box of that size; `distances_Q`: squared Fréchet
    distances, at least 0; `pixels_P2`: pixels (row, column) the boxes were laid around.
    """

    boxes_Q4: Int64Array
    scores_Q: Float64Array
    distances_Q: Float64Array
    pixels_P2: Int64Array


def search(
    differences: Sequence[Float32Array],
    measured: BoxDistances,
    settings: CandidatesSettings,
    scales: BoxScales | None,
) -> list[Candidates]:
    """Find the `settings.kept` most suspect boxes of each difference `[H, W]` of one image.

    Without `scales` the largest distances are kept, as published. The plain and the masked
    difference of an image share boxes, so all are measured together, each distinct box once.
    Raises what `worst_pixels`, `zoom_out_and_shift` and `measured.distances` raise.
    """
    pixels = [worst_pixels(difference_HW, settings.pixels) for difference_HW in differences]
    laid_K4 = _boxes_around(pixels, settings, differences[0].shape)
    # Neighbouring pixels share most of their boxes: each is measured once, yet counts as published.
    distinct_U4, inverse_K = distinct_boxes(laid_K4)
    distances_U = measured.distances(distinct_U4)
    scores_U = scales.standardise(distances_U, distinct_U4) if scales else distances_U
    found = []
    for pixels_P2, of_one_K in zip(pixels, np.split(inverse_K, len(pixels)), strict=True):
        kept_Q = of_one_K[highest(scores_U[of_one_K], settings.kept)]
        found.append(
            Candidates(distinct_U4[kept_Q], scores_U[kept_Q], distances_U[kept_Q], pixels_P2)
        )
    return found


def laid_boxes(differences: Sequence[Float32Array], settings: CandidatesSettings) -> Int64Array:
    """All boxes `[K, 4]` that a search would lay, difference by difference."""
    pixels = [worst_pixels(difference_HW, settings.pixels) for difference_HW in differences]
    return _boxes_around(pixels, settings, differences[0].shape)


def _boxes_around(
    pixels: Sequence[Int64Array], settings: CandidatesSettings, size: tuple[int, ...]
) -> Int64Array:
    height, width = size
    laid = [
        zoom_out_and_shift(pixels_P2, settings.sizes, settings.growth_px, height, width)
        for pixels_P2 in pixels
    ]
    return np.concatenate(laid)
