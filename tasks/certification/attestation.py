"""The stand-alone certificate: what may be claimed of any tool's scores at one threshold.

Three ways to a threshold, and two statements that are never mixed: a threshold that was *fixed*
beforehand meets fresh defects (Clopper-Pearson), or the threshold *is* an order statistic of these
very defects (Beta). Legend: U units, see `units`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import assert_never

import numpy as np

from tasks.certification.bounds import (
    confidence_per_look,
    escape_upper_bound,
    order_statistic,
)
from tasks.certification.certificates import Certificate, certificate
from tasks.certification.thresholds import LadderStep, price_of_misses, zfn_threshold
from tasks.vocabulary.arrays import Float64Array
from tasks.vocabulary.errors import NoSafeThresholdError

LADDER_MISSES = (0, 1, 2, 5)


@dataclass(frozen=True)
class FixedThreshold:
    """A threshold that was fixed before these boards were scored."""

    threshold: float


@dataclass(frozen=True)
class WantedEscapeRate:
    """The highest order statistic that still keeps this escape rate at the confidence asked for."""

    escape_rate: float


@dataclass(frozen=True)
class LowestDefect:
    """The lowest score of any defect: zero known escapes, whatever bound that gives."""


Rule = FixedThreshold | WantedEscapeRate | LowestDefect


@dataclass(frozen=True)
class Attestation:
    """One look at a set: counts, bounds, and what else the same scores say.

    | field | meaning |
    | --- | --- |
    | `certificate` | counts and bounds at the threshold, each held to `confidence_each` |
    | `rank` | k: the threshold is the k-th smallest defect score; None if it was fixed beforehand |
    | `escape_upper_95` | as `certificate.escape_upper`, at 95 % over all looks |
    | `ladder` | false calls at 0, 1, 2 and 5 missed defects of these, as far as there are so many |
    | `tied_normal` | good units that are flagged only because they tie with the threshold |
    | `unscored_normal`, `unscored_abnormal` | units without a finite score, counted as flagged |
    """

    certificate: Certificate
    rank: int | None
    confidence_each: float
    escape_upper_95: float
    ladder: tuple[LadderStep, ...]
    tied_normal: int
    unscored_normal: int
    unscored_abnormal: int

    def sentence(self, defects: str = "defects") -> str:
        """State the claim that may be quoted, with n, confidence, condition and limits.

        The bound is rounded up: rounding must never sharpen a promise.
        """
        made = self.certificate
        if made.escape_upper >= 1.0:
            return (
                f"{made.escapes} of {made.n_abnormal} held-out {defects} were missed. No bound on "
                "the escape rate can be given."
            )
        over = f" over {made.looks} looks at this set" if made.looks > 1 else ""
        claim = (
            f"with {100 * made.confidence:g} % confidence{over} fewer than "
            f"{in_hundred(made.escape_upper)} in 100 {defects} of the kinds collected here are "
            "missed, as long as new ones come from the same process. New kinds are not covered."
        )
        if self.rank is None:
            were = "was" if made.escapes == 1 else "were"
            return (
                f"{made.escapes} of {made.n_abnormal} held-out {defects} {were} missed at a "
                f"threshold fixed beforehand: {claim}"
            )
        if made.n_abnormal == 1:
            return "The threshold was set on a single defect: no bound worth quoting can be given."
        return (
            f"The threshold was set on these {made.n_abnormal} {defects} themselves and misses "
            f"{made.escapes} of them. If they served nothing else (no training, no tuning, no "
            f"choice among tools), {claim}"
        )


def attest(
    normal_U: Float64Array,
    abnormal_U: Float64Array,
    rule: Rule,
    confidence: float = 0.95,
    looks: int = 1,
) -> Attestation:
    """Set or take the threshold, count, and bound; `looks` is this one's count on the set.

    With `looks` = r each statement is held to 1 - (1 - confidence) / r. InputError without good
    units or for what is no share; NoSafeThresholdError without defects, where no finite cut exists,
    or where n is too small for the wanted escape rate (it says how many more are needed).
    """
    each = confidence_per_look(confidence, looks)
    at_95 = confidence_per_look(0.95, looks)
    if np.size(abnormal_U) == 0:
        raise NoSafeThresholdError(
            "There is no defect among the labels, so nothing can be claimed about escapes.",
            "Add scores of defective boards.",
        )
    threshold, rank = _threshold(abnormal_U, rule, each)
    made = certificate(normal_U, abnormal_U, threshold, confidence, looks)
    upper_95 = escape_upper_bound(made.escapes, made.n_abnormal, at_95)
    if rank is not None:
        # Ties may miss fewer than the rank allows; the bound is the rank's, fixed before.
        made = replace(made, escape_upper=escape_upper_bound(rank - 1, made.n_abnormal, each))
        upper_95 = escape_upper_bound(rank - 1, made.n_abnormal, at_95)
    return Attestation(
        certificate=made,
        rank=rank,
        confidence_each=each,
        escape_upper_95=upper_95,
        ladder=price_of_misses(normal_U, abnormal_U, LADDER_MISSES, each),
        tied_normal=int(np.count_nonzero(np.asarray(normal_U) == threshold)),
        unscored_normal=_unscored(normal_U),
        unscored_abnormal=_unscored(abnormal_U),
    )


def in_hundred(rate: float) -> str:
    """Say a rate as a count in 100, rounded up to two decimals, or two digits below 0.1."""
    percent = 100.0 * rate
    digits = 2 if percent >= 0.1 else 1 - math.floor(math.log10(percent))
    return f"{math.ceil(percent * 10.0**digits - 1e-9) / 10.0**digits:.{digits}f}"


def _threshold(abnormal_U: Float64Array, rule: Rule, confidence: float) -> tuple[float, int | None]:
    match rule:
        case FixedThreshold(threshold):
            return threshold, None
        case WantedEscapeRate(escape_rate):
            rank = order_statistic(int(np.size(abnormal_U)), escape_rate, confidence)
            return zfn_threshold(abnormal_U, rank - 1), rank
        case LowestDefect():
            return zfn_threshold(abnormal_U), 1
        case _:
            assert_never(rule)


def _unscored(scores_U: Float64Array) -> int:
    return int(np.count_nonzero(~np.isfinite(scores_U)))
