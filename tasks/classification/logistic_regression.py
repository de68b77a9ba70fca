"""Member `logistic_regression`: scikit-learn's, on scaled metrics, stored by skops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scipy.stats import loguniform
from sklearn.linear_model import LogisticRegression

from tasks.classification.linear import LinearModel, read_linear
from tasks.classification.settings import LogisticRegressionSettings

# L-BFGS on a few hundred rows needs tens of steps; nearly separable classes with a weak penalty
# need thousands, and a fit that stops early warns.
_MAX_STEPS = 50_000


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

    def model(self, estimator: LogisticRegression) -> LinearModel:
        """Keep the regression itself."""
        return LinearModel(estimator)

    def read(self, content: bytes, n_columns: int) -> LinearModel:
        """Read a skops archive."""
        return read_linear(content, LogisticRegression, n_columns)
