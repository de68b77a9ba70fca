"""Values that are aggregated as they are: of the difference, and of the candidates' own scores.

Legend: H/W height and width, P pixels, Q candidates.
"""

from __future__ import annotations

from tasks.metrics.comparison import Suspects
from tasks.vocabulary.arrays import Float32Array, Float64Array


def all_differences(difference_HW: Float32Array, suspects: Suspects) -> Float32Array:
    """Every pixel's difference, flat (VQGanoDIP, section 3.2, first level)."""
    del suspects  # the first level looks at the whole image
    return difference_HW.ravel()


def worst_differences(difference_HW: Float32Array, suspects: Suspects) -> Float32Array:
    """Pick the P largest differences (VQGanoDIP, section 3.2, second level)."""
    rows_P, columns_P = suspects.pixels_P2.T
    worst_P: Float32Array = difference_HW[rows_P, columns_P]
    return worst_P


def candidate_scores(difference_HW: Float32Array, suspects: Suspects) -> Float64Array:
    """Return the Fréchet distances that chose the candidates: the paper's FID of patches."""
    del difference_HW  # already looked at when the candidates were chosen
    return suspects.scores_Q
