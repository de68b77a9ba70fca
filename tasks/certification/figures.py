"""Figures of merit: those at one threshold, and those over all thresholds.

Legend: N images, A abnormal and B normal ones; labels 1 = abnormal (positive), 0 = normal. NaN
scores are flagged: they count as +inf, the strongest evidence, also where ranks decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tasks.certification.thresholds import flagged
from tasks.vocabulary.arrays import BoolArray, Float64Array, Int64Array
from tasks.vocabulary.errors import InputError

STANDARD_THRESHOLD = 0.5
"""The ordinary decision of a classifier on its probability: 'STD' in the paper's tables."""


@dataclass(frozen=True)
class Figures:
    """Figures at one threshold, as shares in [0, 1] and as counts.

    A share is NaN where nothing was counted: `precision` if nothing is flagged, a rate if its class
    is absent. `escapes` are missed abnormals, `false_calls` flagged normals.
    """

    accuracy: float
    precision: float
    false_positive_rate: float
    false_negative_rate: float
    escapes: int
    false_calls: int
    n_normal: int
    n_abnormal: int


def figures_at(scores: Float64Array, labels: Int64Array, threshold: float) -> Figures:
    """Count accuracy, precision and error rates where images with `score >= threshold` are flagged.

    InputError for no image, for shapes that differ, and for labels other than 0 and 1.
    """
    scores_N, abnormal_N = _scores_and_abnormal(scores, labels)
    flagged_N = flagged(scores_N, threshold)
    n_abnormal = int(np.count_nonzero(abnormal_N))
    n_normal = scores_N.size - n_abnormal
    escapes = int(np.count_nonzero(abnormal_N & ~flagged_N))
    false_calls = int(np.count_nonzero(~abnormal_N & flagged_N))
    caught = n_abnormal - escapes
    return Figures(
        accuracy=_share(scores_N.size - escapes - false_calls, scores_N.size),
        precision=_share(caught, caught + false_calls),
        false_positive_rate=_share(false_calls, n_normal),
        false_negative_rate=_share(escapes, n_abnormal),
        escapes=escapes,
        false_calls=false_calls,
        n_normal=n_normal,
        n_abnormal=n_abnormal,
    )


def auroc(scores: Float64Array, labels: Int64Array) -> float:
    """Estimate the probability that an abnormal image outscores a normal one; a tie counts half.

    By rank statistics (Mann-Whitney). InputError where a class is absent.
    """
    scores_N, abnormal_N = _two_classes(scores, labels)
    normal_B, abnormal_A = np.sort(scores_N[~abnormal_N]), scores_N[abnormal_N]
    below = np.searchsorted(normal_B, abnormal_A, side="left").sum(dtype=np.float64)
    not_above = np.searchsorted(normal_B, abnormal_A, side="right").sum(dtype=np.float64)
    return float(below + not_above) / (2.0 * normal_B.size * abnormal_A.size)


class RocPoints(NamedTuple):
    """The K vertices of the ROC curve, from 'nothing flagged' to 'everything flagged'.

    `thresholds` fall; the first is +inf and stands for the origin. `false_call_rates` and
    `catch_rates` (true-positive rates) rise from 0 to 1.
    """

    thresholds: Float64Array
    false_call_rates: Float64Array
    catch_rates: Float64Array


def roc_points(scores: Float64Array, labels: Int64Array) -> RocPoints:
    """List one vertex per distinct score, so ties make a slanted piece. Needs both classes."""
    scores_N, abnormal_N = _two_classes(scores, labels)
    distinct_K, group_N = np.unique(scores_N, return_inverse=True)
    abnormal_K = np.bincount(group_N, weights=abnormal_N, minlength=distinct_K.size)[::-1]
    normal_K = np.bincount(group_N, weights=~abnormal_N, minlength=distinct_K.size)[::-1]
    return RocPoints(
        np.concatenate(([np.inf], distinct_K[::-1])),
        np.concatenate(([0.0], np.cumsum(normal_K) / normal_K.sum())),
        np.concatenate(([0.0], np.cumsum(abnormal_K) / abnormal_K.sum())),
    )


def partial_auroc(
    scores: Float64Array, labels: Int64Array, least_catch_rate: float = 0.95
) -> float:
    """Average the share of normals passed, over catch rates from `least_catch_rate` to 1.

    The catch rate is the true-positive rate. In [0, 1]: the area above `least_catch_rate` divided
    by the strip's height; 1 is perfect, and over all catch rates it is `auroc`. It rests on
    the few hardest abnormals: a noisy figure.
    """
    if not 0.0 <= least_catch_rate < 1.0:
        raise InputError(f"The catch rate {least_catch_rate} is not in [0, 1).", "Give a share.")
    _, false_calls_K, catches_K = roc_points(scores, labels)
    rise_K = np.diff(catches_K)
    from_K = np.clip(catches_K[:-1], least_catch_rate, None)
    strip_K = np.clip(catches_K[1:] - from_K, 0.0, None)
    with np.errstate(invalid="ignore", divide="ignore"):
        start_K = np.where(rise_K > 0, (from_K - catches_K[:-1]) / rise_K, 0.0)
    at_start_K = false_calls_K[:-1] + start_K * np.diff(false_calls_K)
    passed_K = 1.0 - (at_start_K + false_calls_K[1:]) / 2.0
    return float((strip_K * passed_K).sum() / (1.0 - least_catch_rate))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def _scores_and_abnormal(
    scores: Float64Array, labels: Int64Array
) -> tuple[Float64Array, BoolArray]:
    scores_N, labels_N = np.asarray(scores, dtype=np.float64), np.asarray(labels)
    if scores_N.ndim != 1 or scores_N.shape != labels_N.shape or scores_N.size == 0:
        raise InputError(
            f"Scores have shape {scores_N.shape}, labels {labels_N.shape}.",
            "Give one score and one label for each of at least one image.",
        )
    if not np.isin(labels_N, (0, 1)).all():
        raise InputError("A label is neither 0 nor 1.", "Use 1 for abnormal and 0 for normal.")
    return np.where(np.isnan(scores_N), np.inf, scores_N), labels_N == 1


def _two_classes(scores: Float64Array, labels: Int64Array) -> tuple[Float64Array, BoolArray]:
    scores_N, abnormal_N = _scores_and_abnormal(scores, labels)
    if abnormal_N.all() or not abnormal_N.any():
        raise InputError("Only one class is present.", "Give normal and abnormal images.")
    return scores_N, abnormal_N
