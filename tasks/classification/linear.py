"""What the two linear members share: a score by coefficients, and reading them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import skops.io
from scipy.special import expit

from tasks.classification.trust import read_skops
from tasks.vocabulary.arrays import Float64Array
from tasks.vocabulary.errors import InputError

CENTRE = "centre_"
"""Attribute of a fitted estimator: mean of the fitted images [K], where the library keeps none."""


@dataclass(frozen=True)
class LinearModel:
    """A fitted linear classifier; its score is the logistic function of the log-odds."""

    estimator: Any

    def scores(self, scaled_NK: Float64Array) -> Float64Array:
        """Give the probability of abnormal."""
        # Row by row, not by a matrix product: that rounds differently for other batch sizes, and
        # the defect that set the threshold must not slip below it when it is scored alone.
        margins_N = (scaled_NK * self.estimator.coef_[0]).sum(axis=1)
        scores_N: Float64Array = expit(margins_N + self.estimator.intercept_[0])
        return scores_N

    def weights(self) -> Float64Array:
        """Give the absolute coefficients: columns are scaled, hence comparable."""
        return np.abs(np.asarray(self.estimator.coef_[0], dtype=np.float64))

    def contributions(self, scaled_NK: Float64Array) -> Float64Array:
        """Log-odds: coefficient times distance from the mean of the fitted images, exact."""
        return np.asarray((scaled_NK - self._centre_K()) * self.estimator.coef_[0])

    def content(self) -> bytes:
        """Give the skops archive."""
        return bytes(skops.io.dumps(self.estimator))

    def _centre_K(self) -> Float64Array:
        if hasattr(self.estimator, "means_"):
            return np.asarray(self.estimator.priors_ @ self.estimator.means_, dtype=np.float64)
        # Models stored before the mean was: the middle of the fitted range.
        middle_K = np.full(self.estimator.coef_.shape[1], 0.5)
        return np.asarray(getattr(self.estimator, CENTRE, middle_K), dtype=np.float64)


def read_linear(content: bytes, expected: type, n_columns: int) -> LinearModel:
    """Read a skops archive; every type in it is one that skops trusts by itself."""
    estimator = read_skops(content, (), expected)
    if estimator.coef_.shape != (1, n_columns) or estimator.intercept_.shape != (1,):
        raise InputError(
            f"The stored classifier has coefficients of shape {estimator.coef_.shape}, "
            f"not (1, {n_columns}).",
            "Fit the composite score again.",
        )
    model = LinearModel(estimator)
    if model._centre_K().shape != (n_columns,):
        raise InputError(
            "The stored classifier's mean has another width.", "Fit the composite score again."
        )
    return model
