"""The ZFN threshold, who is flagged at it, and what fewer false calls would cost in escapes.

Legend: N images. A high score speaks for a defect; an image is flagged at `score >= threshold`.
NaN and +inf mean 'no score': flagged at any threshold.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.certification.bounds import escape_upper_bound, exact_interval
from tasks.vocabulary.arrays import BoolArray, Float64Array
from tasks.vocabulary.errors import InputError, NoSafeThresholdError

# 0.29 * 100 is 28.999999999999996 in floating point: still 29 defects.
_ROUNDING = 1e-9


def flagged(scores_N: Float64Array, threshold: float) -> BoolArray:
    """Say which images go to a person: `score >= threshold`, and every score that is not finite.

    A NaN threshold flags everything. This is the one place that compares a score with a threshold:
    `not (score >= threshold)` would pass a NaN.
    """
    scores_N = np.asarray(scores_N, dtype=np.float64)
    passed_N: BoolArray = np.isfinite(scores_N) & (scores_N < threshold)
    return ~passed_N


def zfn_threshold(scores_abnormal_N: Float64Array, misses_allowed: int = 0) -> float:
    """Find the highest cut that misses at most `misses_allowed` calibration defects; 0 gives ZFN.

    It is the `misses_allowed + 1`-th smallest score, itself flagged; a tied score is flagged too,
    so constant scores flag everything. NaN and +inf are flagged anyway and bind no threshold.
    Source: VQGanoDIP, section 3.3, phase 4 (`misses_allowed` = 0).
    NoSafeThresholdError where no finite cut exists: no defect at all, none with a score beyond
    those that may be missed (then everything would pass), or one with score -inf.
    """
    scores_N = np.asarray(scores_abnormal_N, dtype=np.float64)
    if scores_N.ndim != 1:
        raise InputError(f"Scores have shape {scores_N.shape}.", "Give one score per image.")
    if misses_allowed < 0:
        raise InputError(f"{misses_allowed} misses allowed.", "Give 0 or more.")
    binding_N = np.sort(scores_N[~np.isnan(scores_N) & (scores_N != np.inf)])
    if misses_allowed >= binding_N.size:
        missing = misses_allowed + 1 - binding_N.size
        raise NoSafeThresholdError(
            f"{binding_N.size} of {scores_N.size} defects have a score, too few for a threshold "
            f"that may miss {misses_allowed}: any cut would be as safe as passing everything.",
            f"Collect at least {missing} more labelled defects, or allow fewer misses.",
        )
    threshold = float(binding_N[misses_allowed])
    if threshold == -math.inf:
        raise NoSafeThresholdError(
            "A defect has score -inf: no finite cut lies under it.",
            "Repair the score: a classifier gives finite ones.",
        )
    return threshold


@dataclass(frozen=True)
class LadderStep:
    """The price of one escape fraction, on the images that the threshold was read from.

    | field | meaning |
    | --- | --- |
    | `escape_fraction` | share of the calibration defects that may be missed |
    | `misses` | calibration defects really missed: fewer than allowed where scores tie |
    | `threshold` | highest cut that misses no more than allowed |
    | `false_calls`, `n_normal`, `false_call_rate` | flagged normals, all normals, their ratio |
    | `n_abnormal` | all calibration defects |
    | `low`, `high` | exact two-sided interval of the false-call rate at this threshold |
    | `escape_upper` | upper bound on the true miss rate, if the defects served nothing else |
    """

    escape_fraction: float
    misses: int
    threshold: float
    false_calls: int
    n_normal: int
    false_call_rate: float
    low: float
    high: float
    escape_upper: float
    n_abnormal: int


def price_ladder(
    scores_normal: Float64Array,
    scores_abnormal: Float64Array,
    escape_fractions: Sequence[float] = (0.0, 0.01, 0.02, 0.05),
    confidence: float = 0.95,
) -> tuple[LadderStep, ...]:
    """Price each escape fraction: one step per fraction, in the order given.

    Of n defects, `floor(fraction x n)` may be missed. InputError without normals or for a fraction
    outside [0, 1); NoSafeThresholdError as in `zfn_threshold`.
    """
    steps = []
    for fraction in escape_fractions:
        if not 0.0 <= fraction < 1.0:
            raise InputError(f"The escape fraction {fraction} is not in [0, 1).", "Give a share.")
        allowed = math.floor(fraction * int(np.size(scores_abnormal)) + _ROUNDING)
        steps.append(_step(scores_normal, scores_abnormal, float(fraction), allowed, confidence))
    return tuple(steps)


def price_of_misses(
    scores_normal: Float64Array,
    scores_abnormal: Float64Array,
    misses: Sequence[int] = (0, 1, 2, 5),
    confidence: float = 0.95,
) -> tuple[LadderStep, ...]:
    """Price each number of missed defects, as far as there are more defects with a score.

    A number that ties leave at the threshold of a smaller one is left out: it buys nothing.
    InputError without normals; NoSafeThresholdError as in `zfn_threshold`.
    """
    scored = int(np.count_nonzero(np.isfinite(scores_abnormal)))
    steps: dict[float, LadderStep] = {}
    for allowed in misses:
        if allowed and allowed >= scored:
            continue
        fraction = allowed / int(np.size(scores_abnormal)) if allowed else 0.0
        step = _step(scores_normal, scores_abnormal, fraction, allowed, confidence)
        steps.setdefault(step.threshold, step)
    return tuple(steps.values())


def _step(
    scores_normal: Float64Array,
    scores_abnormal: Float64Array,
    fraction: float,
    allowed: int,
    confidence: float,
) -> LadderStep:
    n_normal, n_abnormal = int(np.size(scores_normal)), int(np.size(scores_abnormal))
    if n_normal == 0:
        raise InputError("There is no normal image.", "Give scores of normal images.")
    threshold = zfn_threshold(scores_abnormal, allowed)
    false_calls = int(np.count_nonzero(flagged(scores_normal, threshold)))
    low, high = exact_interval(false_calls, n_normal, confidence)
    return LadderStep(
        escape_fraction=fraction,
        misses=int(np.count_nonzero(~flagged(scores_abnormal, threshold))),
        threshold=threshold,
        false_calls=false_calls,
        n_normal=n_normal,
        false_call_rate=false_calls / n_normal,
        low=low,
        high=high,
        # k was fixed by the fraction, not by the ties: bound the miss rate for k = allowed + 1.
        escape_upper=escape_upper_bound(allowed, n_abnormal, confidence),
        n_abnormal=n_abnormal,
    )
