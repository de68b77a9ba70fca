"""Member `logistic_regression`: scikit-learn's, on scaled metrics, stored by skops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import skops.io
from scipy.special import expit
from scipy.stats import loguniform
from sklearn.linear_model import LogisticRegression

from tasks.classification.settings import LogisticRegressionSettings
from tasks.classification.trust import read_skops
from tasks.vocabulary.arrays import Float64Array
from tasks.vocabulary.errors import InputError

# L-BFGS on a few hundred rows needs tens of steps; nearly separable classes with a weak penalty
# need thousands, and a fit that stops early warns.
_MAX_STEPS = 50_000


@dataclass(frozen=True)
class LogisticRegressionModel:
    """A fitted regression; its score is the logistic function of the decision value."""

    regression: LogisticRegression

    def scores(self, scaled_NK: Float64Array) -> Float64Array:
        """Give the probability of abnormal."""
        # Row by row, not by a matrix product: that rounds differently for other batch sizes, and
        # the defect that set the threshold must not slip below it when it is scored alone.
        margins_N = (scaled_NK * self.regression.coef_[0]).sum(axis=1)
        scores_N: Float64Array = expit(margins_N + self.regression.intercept_[0])
        return scores_N

    def weights(self) -> Float64Array:
        """Give the absolute coefficients: columns are scaled, hence comparable."""
        return np.abs(np.asarray(self.regression.coef_[0], dtype=np.float64))

    def content(self) -> bytes:
        """Give the skops archive."""
        return bytes(skops.io.dumps(self.regression))


@dataclass(frozen=True)
class LogisticRegressionMember:
    """Makes, keeps and reads logistic regressions."""

    settings: LogisticRegressionSettings
    file_name = "logistic_regression.skops"

    def estimator(self, seed: int) -> LogisticRegression:
        """Make an unfitted regression; L-BFGS starts at zero, so the seed only is recorded."""
        return LogisticRegression(
            C=self.settings.inverse_penalty, max_iter=_MAX_STEPS, random_state=seed
        )

    def search_space(self) -> dict[str, Any]:
        """Vary the penalty over seven decades."""
        return {"C": loguniform(1e-4, 1e3)}

    def model(self, estimator: LogisticRegression) -> LogisticRegressionModel:
        """Keep the regression itself."""
        return LogisticRegressionModel(estimator)

    def read(self, content: bytes, n_columns: int) -> LogisticRegressionModel:
        """Read a skops archive; every type in it is one that skops trusts by itself."""
        regression = read_skops(content, (), LogisticRegression)
        if regression.coef_.shape != (1, n_columns):
            raise InputError(
                f"The stored regression has coefficients of shape {regression.coef_.shape}, "
                f"not (1, {n_columns}).",
                "Fit the composite score again.",
            )
        return LogisticRegressionModel(regression)
