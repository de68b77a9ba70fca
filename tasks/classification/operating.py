"""Figures at the threshold that lets a share of the defects escape: Table 1's columns.

The certification room has the bounds; here are the bare counts that choice, search and both
protocols need inside the loop. An image is flagged at `score >= threshold`; NaN and +inf always.

Legend: N images; labels 1 = abnormal, 0 = normal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from tasks.vocabulary.arrays import Float64Array, Int64Array
from tasks.vocabulary.errors import InputError, NoSafeThresholdError

# 0.29 * 100 is 28.999999999999996 in floating point: still 29 defects.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class OperatingPoint:
    """Counts at one threshold; `tied_normals` are flagged only because they equal it."""

    threshold: float
    escapes: int
    false_calls: int
    tied_normals: int
    n_normal: int
    n_abnormal: int

    def with_flagged(self, normal: int, abnormal: int) -> OperatingPoint:
        """Count further images that are flagged at any threshold: they have no answer."""
        return replace(
            self,
            false_calls=self.false_calls + normal,
            n_normal=self.n_normal + normal,
            n_abnormal=self.n_abnormal + abnormal,
        )

    @property
    def accuracy(self) -> float:
        """Share of images decided rightly."""
        images = self.n_normal + self.n_abnormal
        return (images - self.escapes - self.false_calls) / images

    @property
    def precision(self) -> float:
        """Share of abnormals among the flagged; NaN if nothing is."""
        caught = self.n_abnormal - self.escapes
        flagged = caught + self.false_calls
        return caught / flagged if flagged else math.nan

    @property
    def false_positive_rate(self) -> float:
        """Share of normals flagged."""
        return self.false_calls / self.n_normal

    @property
    def false_negative_rate(self) -> float:
        """Share of abnormals missed."""
        return self.escapes / self.n_abnormal


def point_at(scores_N: Float64Array, labels_N: Int64Array, threshold: float) -> OperatingPoint:
    """Count at a given threshold. InputError where a class is absent or shapes differ."""
    scores_N, labels_N = np.asarray(scores_N, dtype=np.float64), np.asarray(labels_N)
    n_abnormal = int(np.count_nonzero(labels_N == 1))
    if scores_N.shape != labels_N.shape or not 0 < n_abnormal < labels_N.size:
        raise InputError(
            f"Scores have shape {scores_N.shape}, labels {labels_N.shape}, {n_abnormal} abnormal.",
            "Give one score per image, and images of both classes.",
        )
    passed_N = np.isfinite(scores_N) & (scores_N < threshold)
    normal_N = labels_N == 0
    return OperatingPoint(
        threshold=threshold,
        escapes=int(np.count_nonzero(passed_N & ~normal_N)),
        false_calls=int(np.count_nonzero(~passed_N & normal_N)),
        tied_normals=int(np.count_nonzero(normal_N & (scores_N == threshold))),
        n_normal=int(normal_N.sum()),
        n_abnormal=n_abnormal,
    )


def escape_threshold(scores_N: Float64Array, labels_N: Int64Array, escape_fraction: float) -> float:
    """Find the highest cut that misses at most `floor(fraction x defects)` of the defects.

    Source for fraction 0: VQGanoDIP, section 3.3, phase 4. Scores without a value are flagged and
    bind no cut. NoSafeThresholdError if no finite cut exists.
    """
    defects_P = np.asarray(scores_N, dtype=np.float64)[np.asarray(labels_N) == 1]
    allowed = math.floor(escape_fraction * defects_P.size + _ROUNDING)
    return order_statistic(defects_P, allowed + 1)


def order_statistic(defects_P: Float64Array, rank: int) -> float:
    """Find the `rank`-th smallest score of defects, 1 for the smallest; +inf and NaN do not count.

    NoSafeThresholdError where there is none, or it is -inf: then nothing lies safely under it.
    """
    binding_P = np.sort(defects_P[~np.isnan(defects_P) & (defects_P != np.inf)])
    if rank < 1 or rank > binding_P.size or binding_P[rank - 1] == -np.inf:
        raise NoSafeThresholdError(
            f"Of {defects_P.size} defects {binding_P.size} have a score; none is the {rank}-th.",
            "Label more defects, or let fewer escape.",
        )
    return float(binding_P[rank - 1])


def operating_point(
    scores_N: Float64Array, labels_N: Int64Array, escape_fraction: float
) -> OperatingPoint:
    """Count at the threshold that these very images give: a figure of the fit, not a promise."""
    return point_at(scores_N, labels_N, escape_threshold(scores_N, labels_N, escape_fraction))
