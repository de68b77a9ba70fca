"""The certificate: what one look at held-out images says about a fixed threshold."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tasks.certification.bounds import confidence_per_look, escape_upper_bound, exact_interval
from tasks.certification.thresholds import flagged
from tasks.vocabulary.arrays import Float64Array
from tasks.vocabulary.errors import InputError, NoSafeThresholdError


@dataclass(frozen=True)
class Certificate:
    """Counts at a frozen threshold on held-out images, with exact bounds.

    `escape_upper` is the one-sided bound on the escape rate, `false_call_low` and `false_call_high`
    the two-sided interval of the false-call rate. `confidence` is what holds over all `looks` at
    the set together: each bound was computed at 1 - (1 - confidence) / looks.
    """

    n_normal: int
    n_abnormal: int
    escapes: int
    false_calls: int
    threshold: float
    confidence: float
    looks: int
    escape_upper: float
    false_call_rate: float
    false_call_low: float
    false_call_high: float


def certificate(
    scores_normal: Float64Array,
    scores_abnormal: Float64Array,
    threshold: float,
    confidence: float = 0.95,
    looks: int = 1,
) -> Certificate:
    """Count escapes and false calls at `threshold` and bound their rates exactly.

    True only if neither classifier nor threshold has seen these images, if each score stands for
    one independent board or lot, and if this is one of at most `looks` readings of the set. NaN is
    flagged. InputError without normals; NoSafeThresholdError without abnormals or a finite cut.
    """
    n_normal, n_abnormal = int(np.size(scores_normal)), int(np.size(scores_abnormal))
    if n_normal == 0:
        raise InputError("There is no held-out normal image.", "Hold some out.")
    if n_abnormal == 0:
        raise NoSafeThresholdError(
            "There is no held-out defect, so nothing can be certified.", "Hold some out."
        )
    if not math.isfinite(threshold):
        raise NoSafeThresholdError(f"The threshold is {threshold}.", "Calibrate a finite one.")
    each = confidence_per_look(confidence, looks)
    escapes = int(np.count_nonzero(~flagged(scores_abnormal, threshold)))
    false_calls = int(np.count_nonzero(flagged(scores_normal, threshold)))
    low, high = exact_interval(false_calls, n_normal, each)
    return Certificate(
        n_normal=n_normal,
        n_abnormal=n_abnormal,
        escapes=escapes,
        false_calls=false_calls,
        threshold=float(threshold),
        confidence=confidence,
        looks=looks,
        escape_upper=escape_upper_bound(escapes, n_abnormal, each),
        false_call_rate=false_calls / n_normal,
        false_call_low=low,
        false_call_high=high,
    )
