"""Member `logistic_regression`: scikit-learn's, on scaled metrics, stored by skops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.stats import loguniform
from sklearn.linear_model import LogisticRegression

from tasks.classification.linear import CENTRE, LinearModel, read_linear
from tasks.classification.settings import LogisticRegressionSettings
from tasks.vocabulary.arrays import Float64Array, Int64Array

# L-BFGS on a few hundred rows needs tens of steps; nearly separable classes with a weak penalty
# need thousands, and a fit that stops early warns.
_MAX_STEPS = 50_000


class CentredRegression(LogisticRegression):  # type: ignore[misc]  # sklearn is untyped
    """scikit-learn's regression that also keeps the mean of the images it was fitted on."""

    def fit(self, table_NK: Float64Array, labels_N: Int64Array) -> Self:
        """Fit, and keep the mean as `centre_`."""
        super().fit(table_NK, labels_N)
        setattr(self, CENTRE, np.asarray(table_NK, dtype=np.float64).mean(axis=0))
        return self

    def plain(self) -> LogisticRegression:
        """Give scikit-learn's own class, which is what is stored, with the mean as attribute."""
        found = LogisticRegression(**self.get_params())
        vars(found).update(vars(self))
        return found


@dataclass(frozen=True)
class LogisticRegressionMember:
    """Makes, keeps and reads logistic regressions."""

    settings: LogisticRegressionSettings
    file_name = "logistic_regression.skops"

    def estimator(self, seed: int) -> CentredRegression:
        """Make an unfitted regression; L-BFGS starts at zero, so the seed only is recorded."""
        return CentredRegression(
            C=self.settings.inverse_penalty, max_iter=_MAX_STEPS, random_state=seed
        )

    def search_space(self) -> dict[str, Any]:
        """Vary the penalty over seven decades."""
        return {"C": loguniform(1e-4, 1e3)}

    def model(self, estimator: CentredRegression) -> LinearModel:
        """Keep the regression itself."""
        return LinearModel(estimator.plain())

    def read(self, content: bytes, n_columns: int) -> LinearModel:
        """Read a skops archive."""
        return read_linear(content, LogisticRegression, n_columns)
