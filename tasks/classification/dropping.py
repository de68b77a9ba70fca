"""Metric dropping: constant metrics go, and of any two that say the same the first stays.

Legend: N images, M metrics, K kept metrics.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from tasks.vocabulary.arrays import BoolArray, Float64Array, Int64Array
from tasks.vocabulary.errors import InputError

# Spread below this share of the largest magnitude is rounding of float64 sums, not a measurement.
_ROUNDING = 1e-12


class MetricDropping(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # sklearn is untyped
    """Keep every metric that varies and does not repeat an earlier kept one.

    A column is dropped if it is constant, or if its absolute Pearson correlation with an earlier
    *kept* column is above `correlation_limit`. So no two kept columns correlate above the limit,
    each dropped one has a kept substitute, and an appended column never displaces an older one.
    Source: VQGanoDIP, section 3.3, phase 1 (limit 0.95), which leaves open which of two is kept.
    Fitted: `kept_K`, int64 indices in the order of the table. InputError if nothing varies.
    """

    def __init__(self, correlation_limit: float = 0.95) -> None:
        self.correlation_limit = correlation_limit

    def fit(self, table_NM: Float64Array, labels_N: Int64Array | None = None) -> Self:  # noqa: ARG002  # the pipeline passes labels
        """Find the columns to keep, from a table without missing values."""
        table_NM = np.asarray(table_NM, dtype=np.float64)
        varying_K = np.flatnonzero(_varies(table_NM))
        if varying_K.size == 0:
            raise InputError(
                "No metric varies over the images of a training part.",
                "Check that the metrics were measured, and give more images.",
            )
        kept_K = _first_of_each(_correlations(table_NM[:, varying_K]), self.correlation_limit)
        self.kept_K: Int64Array = varying_K[kept_K].astype(np.int64)
        return self

    def transform(self, table_NM: Float64Array) -> Float64Array:
        """Select the kept columns."""
        kept_NK: Float64Array = np.asarray(table_NM, dtype=np.float64)[:, self.kept_K]
        return kept_NK


def _varies(table_NM: Float64Array) -> BoolArray:
    largest_M = np.abs(table_NM).max(axis=0)
    varies_M: BoolArray = np.ptp(table_NM, axis=0) > _ROUNDING * largest_M
    return varies_M


def _correlations(table_NK: Float64Array) -> Float64Array:
    """Absolute Pearson correlations [K, K] of columns that vary."""
    # Correlation ignores scale; without this the squares of large metrics could overflow.
    low_K, spread_K = table_NK.min(axis=0), np.ptp(table_NK, axis=0)
    scaled_NK = (table_NK - low_K) / spread_K
    centred_NK = scaled_NK - scaled_NK.mean(axis=0)
    centred_NK /= np.linalg.norm(centred_NK, axis=0)
    correlations_KK: Float64Array = np.minimum(np.abs(centred_NK.T @ centred_NK), 1.0)
    return correlations_KK


def _first_of_each(correlations_KK: Float64Array, limit: float) -> Int64Array:
    repeated_KK = correlations_KK > limit
    free_K = np.ones(len(repeated_KK), dtype=bool)
    kept: list[int] = []
    for column, repeats_K in enumerate(repeated_KK):
        if free_K[column]:
            kept.append(column)
            free_K &= ~repeats_K
    return np.asarray(kept, dtype=np.int64)
