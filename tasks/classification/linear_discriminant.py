"""Member `linear_discriminant`: scikit-learn's linear discriminant analysis, stored by skops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scipy.stats import uniform
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from tasks.classification.linear import LinearModel, read_linear
from tasks.classification.settings import LinearDiscriminantSettings


@dataclass(frozen=True)
class LinearDiscriminant:
    """Makes, keeps and reads linear discriminants."""

    settings: LinearDiscriminantSettings
    file_name = "linear_discriminant.skops"

    def estimator(self, seed: int) -> LinearDiscriminantAnalysis:  # noqa: ARG002  # not random
        """Make an unfitted discriminant with a shrunk covariance.

        A hundred columns of a few hundred images leave the plain covariance nearly singular.
        """
        return LinearDiscriminantAnalysis(solver="lsqr", shrinkage=self.settings.shrinkage)

    def search_space(self) -> dict[str, Any]:
        """Vary the shrinkage of the covariance towards a multiple of the identity."""
        return {"shrinkage": uniform(0.001, 0.999)}

    def model(self, estimator: LinearDiscriminantAnalysis) -> LinearModel:
        """Keep the discriminant itself."""
        return LinearModel(estimator)

    def read(self, content: bytes, n_columns: int) -> LinearModel:
        """Read a skops archive."""
        return read_linear(content, LinearDiscriminantAnalysis, n_columns)
