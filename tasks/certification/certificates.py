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

    def sentence(self) -> str:
        """State the claim for people, with its n, its confidence and its limits.

        The bound is rounded to the nearest tenth in 100 (two digits below 1); `escape_upper` has it
        in full.
        """
        were = "was" if self.escapes == 1 else "were"
        counted = f"{self.escapes} of {self.n_abnormal} held-out defects {were} missed."
        if self.escape_upper >= 1.0:
            return f"{counted} No bound on the escape rate can be given."
        return (
            f"{counted} With {100 * self.confidence:g} % confidence fewer than "
            f"{_in_hundred(self.escape_upper)} in 100 defects of the kinds collected here are "
            "missed, as long as new defects come from the same process. New kinds are not covered."
        )

    def false_call_sentence(self) -> str:
        """State what the same threshold costs: false calls, rate and exact interval."""
        return (
            f"{self.false_calls} of {self.n_normal} held-out good products were flagged: "
            f"{100 * self.false_call_rate:.1f} % ({100 * self.confidence:g} % interval "
            f"{100 * self.false_call_low:.1f} to {100 * self.false_call_high:.1f} %)."
        )


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


def _in_hundred(rate: float) -> str:
    percent = 100 * rate
    return f"{percent:.1f}" if percent >= 1 else f"{percent:#.2g}"
