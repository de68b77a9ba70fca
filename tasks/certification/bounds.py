"""Exact binomial statements about escapes: bounds, intervals, how many defects a claim needs.

Two statements are true and are never mixed: a *fixed* threshold tried on fresh defects
(`escape_upper_bound`), and a threshold that *is* the k-th smallest score of n calibration defects
(`order_statistic`), true only where those n served nothing else: no fit, no tuning, no choice.
The bootstrap is invalid for a minimum, hence nothing here resamples. n counts independent boards or
lots, not images or patches.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from tasks.vocabulary.errors import InputError, NoSafeThresholdError

# (1 - a)^n meets δ exactly for pairs such as a = 0.5, δ = 0.25; rounding must not turn that into a
# refusal, nor let `defects_needed` and `order_statistic` disagree.
_ROUNDING = 1e-9


def escape_upper_bound(escapes: int, n: int, confidence: float) -> float:
    """Bound the escape rate: the truth exceeds the bound with probability `1 - confidence` at most.

    One-sided Clopper-Pearson bound for `escapes` misses among `n` fresh defects at a threshold that
    was fixed before; for 0 escapes it is `1 - (1 - confidence)^(1/n)`. In (0, 1]; 1.0 for n = 0,
    because nothing is known then. The same number bounds the miss rate of a threshold that is the
    `escapes + 1`-th smallest calibration score, Beta(k, n - k + 1).
    """
    _check_counts(escapes, n)
    _check_open_unit(confidence, "confidence")
    if escapes == n:
        return 1.0
    if escapes == 0:
        return float(-math.expm1(math.log1p(-confidence) / n))
    return float(special.betaincinv(escapes + 1, n - escapes, confidence))


def exact_interval(k: int, n: int, confidence: float) -> tuple[float, float]:
    """Give the exact (Clopper-Pearson) two-sided interval of a rate seen as `k` of `n`.

    Each tail holds `(1 - confidence) / 2`. (0, 1) for n = 0.
    """
    _check_counts(k, n)
    _check_open_unit(confidence, "confidence")
    tail = (1.0 - confidence) / 2.0
    low = 0.0 if k == 0 else float(special.betaincinv(k, n - k + 1, tail))
    high = 1.0 if k == n else float(special.betaincinv(k + 1, n - k, 1.0 - tail))
    return low, high


def defects_needed(escape_rate: float, confidence: float) -> int:
    """Count the defects, none missed, that support 'at most `escape_rate`'.

    It is ceil(log δ / log(1 - a)) with δ = 1 - `confidence` and a = `escape_rate`.
    """
    _check_open_unit(escape_rate, "escape rate")
    _check_open_unit(confidence, "confidence")
    return max(1, math.ceil((math.log1p(-confidence) + _ROUNDING) / math.log1p(-escape_rate)))


def order_statistic(n: int, escape_rate: float, confidence: float) -> int:
    """Say which smallest calibration score may be the threshold, counted from 1.

    It is the largest k with BinomCDF(k - 1; n, a) <= δ: with the k-th smallest of `n` defect scores
    as threshold, the true miss rate exceeds `escape_rate` with probability at most
    `1 - confidence`, if those defects served nothing else.
    NoSafeThresholdError says how many more defects are needed if no k does.
    """
    _check_open_unit(escape_rate, "escape rate")
    _check_open_unit(confidence, "confidence")
    _check_counts(0, n)
    chances = special.bdtr(np.arange(n, dtype=np.float64), n, escape_rate)
    delta = (1.0 - confidence) * (1.0 + _ROUNDING)
    k = int(np.searchsorted(chances, delta, side="right"))
    if k == 0:
        needed = defects_needed(escape_rate, confidence)
        raise NoSafeThresholdError(
            f"{n} defects cannot support an escape rate of at most {100 * escape_rate:g} % "
            f"with {100 * confidence:g} % confidence: {needed} are needed.",
            f"Collect {needed - n} more defects, or ask for a higher escape rate.",
        )
    return k


def confidence_per_look(confidence: float, looks: int) -> float:
    """Give the confidence that each of `looks` readings of one set needs: 1 - δ / looks.

    A certification set answers honestly once; with this (Bonferroni), all `looks` answers together
    are wrong with probability at most `1 - confidence`.
    """
    _check_open_unit(confidence, "confidence")
    if looks < 1:
        raise InputError(
            f"{looks} looks at a certification set.", "Count this look: give 1 or more."
        )
    return 1.0 - (1.0 - confidence) / looks


def escapes_per_million(prevalence: float, bound: float) -> float:
    """Multiply out the escapes in a million boards: 10^6 x `prevalence` x `bound`.

    `prevalence` is the share of boards with a defect. Show both factors beside the product, which
    alone hides which one was measured.
    """
    for value, name in ((prevalence, "prevalence"), (bound, "bound")):
        if not 0.0 <= value <= 1.0:
            raise InputError(f"The {name} {value} is no share.", "Give a value in [0, 1].")
    return 1e6 * prevalence * bound


def _check_counts(k: int, n: int) -> None:
    if not 0 <= k <= n:
        raise InputError(f"{k} of {n} is no count.", "Give 0 <= k <= n.")


def _check_open_unit(value: float, name: str) -> None:
    if not 0.0 < value < 1.0:
        raise InputError(f"The {name} {value} is not strictly between 0 and 1.", "Give a share.")
