"""From a difference to the candidates of one image (VQGanoDIP, section 3.1.2)."""

from __future__ import annotations

from typing import NamedTuple

from tasks.candidates.boxes import distinct_boxes, highest, worst_pixels, zoom_out_and_shift
from tasks.candidates.frechet import FeatureMap, PerceptualMoments, perceptual_moments
from tasks.candidates.settings import CandidatesSettings
from tasks.vocabulary.arrays import Float32Array, Float64Array, Int64Array
from tasks.vocabulary.errors import InputError


class Candidates(NamedTuple):
    """The suspected boxes of one image, worst first.

    `boxes_Q4`: (top, left, bottom, right), a box as often as it was laid; `scores_Q`: squared
    Fréchet distances, at least 0; `pixels_P2`: pixels (row, column) the boxes were laid around.
    """

    boxes_Q4: Int64Array
    scores_Q: Float64Array
    pixels_P2: Int64Array


def find_candidates(
    difference_HW: Float32Array,
    features_input: tuple[FeatureMap, ...],
    features_reconstruction: tuple[FeatureMap, ...],
    settings: CandidatesSettings,
) -> Candidates:
    """Find the `settings.kept` boxes where input and reconstruction look least alike.

    Features are maps `[C, h, w]` of the whole images, shallow to deep. Raises what `worst_pixels`,
    `zoom_out_and_shift` and `perceptual_moments` raise.
    """
    height, width = difference_HW.shape
    moments = perceptual_moments(
        features_input, features_reconstruction, height, width, settings.longest_stride_px
    )
    return search(difference_HW, moments, settings)


def search(
    difference_HW: Float32Array, moments: PerceptualMoments, settings: CandidatesSettings
) -> Candidates:
    """Do as `find_candidates` on moments that are already there: for a second, masked difference."""
    height, width = difference_HW.shape
    if (height, width) != (moments.image_height, moments.image_width):
        raise InputError(
            f"A difference of {height} x {width} pixels meets moments of an image of "
            f"{moments.image_height} x {moments.image_width}.",
            "Take both from the same board image.",
        )
    pixels_P2 = worst_pixels(difference_HW, settings.pixels)
    laid_K4 = zoom_out_and_shift(pixels_P2, settings.sizes, settings.growth_px, height, width)
    # Neighbouring pixels share most of their boxes: each is measured once, yet counts as published.
    distinct_U4, inverse_K = distinct_boxes(laid_K4)
    scores_K = moments.distances(distinct_U4)[inverse_K]
    kept_Q = highest(scores_K, settings.kept)
    return Candidates(laid_K4[kept_Q], scores_K[kept_Q], pixels_P2)
