"""The threshold of the 3D-print paper: where two fitted normal densities cross.

It weighs an escape like a false call: it is a paper's figure to compare with, no safe threshold.
Legend: N images.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from tasks.vocabulary.arrays import Float64Array
from tasks.vocabulary.errors import InputError, NoSafeThresholdError


class NormalDensity(NamedTuple):
    """A normal distribution; its deviation is above zero."""

    mean: float
    deviation: float


def fitted_density(scores_N: Float64Array) -> NormalDensity:
    """Fit by maximum likelihood: the mean and the root of the mean squared deviation.

    `InputError` for scores that are not finite, for one score, and for scores that are all alike.
    """
    scores_N = np.asarray(scores_N, dtype=np.float64)
    if scores_N.ndim != 1 or not np.isfinite(scores_N).all():
        raise InputError("A density was asked of scores without a value.", "Leave such images out.")
    # Rounding gives equal scores a deviation too.
    if scores_N.size < 2 or np.ptp(scores_N) == 0:
        raise InputError(
            f"{scores_N.size} scores that are all alike have no normal density.",
            "Give two different scores at least.",
        )
    return NormalDensity(float(scores_N.mean()), float(scores_N.std()))


def density_crossing(normal: NormalDensity, abnormal: NormalDensity) -> float:
    """Find the score between the two means at which both densities are equal.

    Both classes weigh the same. It is the cut that makes the sum of the two error integrals
    smallest, the normals above it and the abnormals below it. Densities of unequal deviations
    cross twice; the other crossing lies outside of the means. Source: the 3D-print paper,
    sections 3.2 and 4.5. `NoSafeThresholdError` where no crossing lies between the means: the
    abnormals do not score higher, or one density lies within the other.
    """
    for mean, deviation in (normal, abnormal):
        if not (math.isfinite(mean) and 0 < deviation < math.inf):
            raise InputError(
                f"A normal density of mean {mean} and deviation {deviation}.",
                "Give a finite mean and a finite deviation above zero.",
            )
    distance = abnormal.mean - normal.mean
    at_normal = _log_ratio(normal, abnormal, normal.mean)
    at_abnormal = _log_ratio(normal, abnormal, abnormal.mean)
    if distance <= 0 or at_normal <= 0 or at_abnormal >= 0:
        raise NoSafeThresholdError(
            f"The densities of normals (mean {normal.mean:.4g}, deviation {normal.deviation:.4g}) "
            f"and abnormals ({abnormal.mean:.4g}, {abnormal.deviation:.4g}) do not cross between "
            "their means.",
            "Take a score that separates the classes better, or the zero-escape threshold.",
        )
    return normal.mean + distance * _root(normal, abnormal, distance)


def _log_ratio(normal: NormalDensity, abnormal: NormalDensity, score: float) -> float:
    """Difference of the log densities; above zero where a normal is likelier."""
    return (
        0.5 * ((score - abnormal.mean) / abnormal.deviation) ** 2
        - 0.5 * ((score - normal.mean) / normal.deviation) ** 2
        + math.log(abnormal.deviation / normal.deviation)
    )


def _root(normal: NormalDensity, abnormal: NormalDensity, distance: float) -> float:
    """Solve log p_normal = log p_abnormal for the share in [0, 1] of the way between the means.

    a u² + b u + c with c > 0 > a + b + c has one root there: the one that this form of the
    quadratic formula gives, which stays exact as a comes to zero (equal deviations).
    """
    precision_normal = (distance / normal.deviation) ** 2
    precision_abnormal = (distance / abnormal.deviation) ** 2
    a = 0.5 * (precision_abnormal - precision_normal)
    b = -precision_abnormal
    c = 0.5 * precision_abnormal + math.log(abnormal.deviation / normal.deviation)
    return 2.0 * c / (-b + math.sqrt(b * b - 4.0 * a * c))
