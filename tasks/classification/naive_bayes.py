"""Member `naive_bayes`: scikit-learn's Gaussian naive Bayes, stored by skops.

Legend: N images, K kept metrics; 2 = normal, abnormal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import skops.io
from scipy.stats import loguniform
from sklearn.naive_bayes import GaussianNB

from tasks.classification.decision_values import separation, squashed
from tasks.classification.settings import NaiveBayesSettings
from tasks.classification.trust import read_skops
from tasks.vocabulary.arrays import Float64Array
from tasks.vocabulary.errors import InputError


@dataclass(frozen=True)
class NaiveBayesModel:
    """Fitted normal densities; the score is the squashed log-odds, summed over columns.

    Not their logistic function: repeated columns count as independent evidence, so log-odds run to
    hundreds and probabilities to exactly 0.
    """

    bayes: GaussianNB

    def scores(self, scaled_NK: Float64Array) -> Float64Array:
        """Give the squashed log-odds of abnormal; one half is the classifier's own decision."""
        normal_N, abnormal_N = (self._log_density(scaled_NK, label) for label in (0, 1))
        return squashed(abnormal_N - normal_N)

    def weights(self) -> Float64Array:
        """Give the separation of the classes in each column."""
        return separation(self.bayes.theta_, self.bayes.var_)

    def contributions(self, scaled_NK: Float64Array) -> Float64Array:
        """Log-odds: each column's own log-likelihood ratio, exact; their sum lacks the prior's."""
        normal_NK, abnormal_NK = (self._log_densities(scaled_NK, label) for label in (0, 1))
        return abnormal_NK - normal_NK

    def content(self) -> bytes:
        """Give the skops archive."""
        return bytes(skops.io.dumps(self.bayes))

    def _log_density(self, scaled_NK: Float64Array, label: int) -> Float64Array:
        # Row sums, not a matrix product: the same bits alone and in a batch.
        densities_N = self._log_densities(scaled_NK, label).sum(axis=1)
        return np.asarray(densities_N + np.log(self.bayes.class_prior_[label]))

    def _log_densities(self, scaled_NK: Float64Array, label: int) -> Float64Array:
        variances_K = self.bayes.var_[label]
        deviations_NK = (scaled_NK - self.bayes.theta_[label]) ** 2 / variances_K
        return np.asarray(-0.5 * (deviations_NK + np.log(variances_K)))


@dataclass(frozen=True)
class NaiveBayes:
    """Makes, keeps and reads Gaussian naive Bayes."""

    settings: NaiveBayesSettings
    file_name = "naive_bayes.skops"

    def estimator(self, seed: int) -> GaussianNB:  # noqa: ARG002  # nothing is random
        """Make an unfitted classifier."""
        return GaussianNB(var_smoothing=self.settings.smoothing)

    def search_space(self) -> dict[str, Any]:
        """Vary the share of the largest variance that is added to all, over nine decades."""
        return {"var_smoothing": loguniform(1e-9, 1.0)}

    def model(self, estimator: GaussianNB) -> NaiveBayesModel:
        """Keep the densities."""
        return NaiveBayesModel(estimator)

    def read(self, content: bytes, n_columns: int) -> NaiveBayesModel:
        """Read a skops archive; every type in it is one that skops trusts by itself."""
        bayes = read_skops(content, (), GaussianNB)
        shapes = (bayes.theta_.shape, bayes.var_.shape, bayes.class_prior_.shape)
        if shapes != ((2, n_columns), (2, n_columns), (2,)) or not (bayes.var_ > 0).all():
            raise InputError(
                f"The stored densities have means of shape {bayes.theta_.shape}, "
                f"not (2, {n_columns}), or no spread.",
                "Fit the composite score again.",
            )
        return NaiveBayesModel(bayes)
