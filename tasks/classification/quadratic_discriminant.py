"""Member `quadratic_discriminant`: scikit-learn's quadratic discriminant analysis, by skops.

Legend: N images, K kept metrics, R axes of a class's covariance; 2 = normal, abnormal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import skops.io
from scipy.stats import loguniform
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis

from tasks.classification.decision_values import separation, squashed
from tasks.classification.settings import QuadraticDiscriminantSettings
from tasks.classification.trust import read_skops
from tasks.vocabulary.arrays import Float64Array
from tasks.vocabulary.errors import InputError


@dataclass(frozen=True)
class QuadraticDiscriminantModel:
    """Two fitted normal densities; the score is the squashed log-odds (see `squashed`)."""

    discriminant: QuadraticDiscriminantAnalysis

    def scores(self, scaled_NK: Float64Array) -> Float64Array:
        """Give the squashed log-odds of abnormal; one half is the classifier's own decision."""
        normal, abnormal = (_Density(self.discriminant, label) for label in (0, 1))
        margins_N = [abnormal.log(row_K) - normal.log(row_K) for row_K in scaled_NK]
        return squashed(np.array(margins_N, dtype=np.float64))

    def weights(self) -> Float64Array:
        """Give the separation of the classes in each column."""
        found = self.discriminant
        variances_2K = np.stack([(found.rotations_[c] ** 2) @ found.scalings_[c] for c in (0, 1)])
        return separation(np.asarray(found.means_, dtype=np.float64), variances_2K)

    def contributions(self, scaled_NK: Float64Array) -> Float64Array:
        """Log-odds: exact Shapley values against the mean of the fitted images (classes by prior).

        Log-odds are quadratic; what two columns add together goes to both by halves. With `P` the
        inverse covariance, `m` the mean of a class and `b` the baseline, a class's log density
        changes by the sum over k of `-(x - b)_k (P (x + b - 2 m))_k / 2`.
        """
        baseline_K = np.asarray(self.discriminant.priors_ @ self.discriminant.means_)
        normal, abnormal = (_Density(self.discriminant, label) for label in (0, 1))
        rows = [
            abnormal.changes(row_K, baseline_K) - normal.changes(row_K, baseline_K)
            for row_K in np.asarray(scaled_NK, dtype=np.float64)
        ]
        return np.reshape(rows, np.shape(scaled_NK))

    def content(self) -> bytes:
        """Give the skops archive."""
        return bytes(skops.io.dumps(self.discriminant))


class _Density:
    """One class's normal density with its prior, evaluated one image at a time."""

    def __init__(self, fitted: QuadraticDiscriminantAnalysis, label: int) -> None:
        self.mean_K = np.asarray(fitted.means_[label], dtype=np.float64)
        scalings_R = np.asarray(fitted.scalings_[label], dtype=np.float64)
        self.axes_KR = np.ascontiguousarray(fitted.rotations_[label] / np.sqrt(scalings_R))
        self.constant = float(np.log(fitted.priors_[label]) - 0.5 * np.log(scalings_R).sum())

    def log(self, row_K: Float64Array) -> float:
        # Sums, not a matrix product: that rounds differently for other batch sizes.
        whitened_R = ((row_K - self.mean_K)[:, None] * self.axes_KR).sum(axis=0)
        return self.constant - 0.5 * float((whitened_R * whitened_R).sum())

    def changes(self, row_K: Float64Array, baseline_K: Float64Array) -> Float64Array:
        whitened_R = ((row_K + baseline_K - 2.0 * self.mean_K)[:, None] * self.axes_KR).sum(axis=0)
        slopes_K = (self.axes_KR * whitened_R).sum(axis=1)
        return np.asarray(-0.5 * (row_K - baseline_K) * slopes_K)


@dataclass(frozen=True)
class QuadraticDiscriminant:
    """Makes, keeps and reads quadratic discriminants."""

    settings: QuadraticDiscriminantSettings
    file_name = "quadratic_discriminant.skops"

    def estimator(self, seed: int) -> QuadraticDiscriminantAnalysis:  # noqa: ARG002  # not random
        """Make an unfitted discriminant with shrunk covariances.

        Shrinkage alone keeps them invertible, also with more columns than images of a class;
        `tol` is 0 because variances of scaled metrics are small without being collinear.
        """
        return QuadraticDiscriminantAnalysis(
            solver="eigen", shrinkage=self.settings.shrinkage, tol=0.0
        )

    def search_space(self) -> dict[str, Any]:
        """Vary the shrinkage of each class's covariance towards a multiple of the identity."""
        return {"shrinkage": loguniform(1e-3, 1.0)}

    def model(self, estimator: QuadraticDiscriminantAnalysis) -> QuadraticDiscriminantModel:
        """Keep the densities."""
        return QuadraticDiscriminantModel(estimator)

    def read(self, content: bytes, n_columns: int) -> QuadraticDiscriminantModel:
        """Read a skops archive; every type in it is one that skops trusts by itself."""
        found = read_skops(content, (), QuadraticDiscriminantAnalysis)
        sound = found.means_.shape == (2, n_columns) and found.priors_.shape == (2,)
        sound = sound and len(found.rotations_) == len(found.scalings_) == 2
        for axes, scalings in zip(found.rotations_, found.scalings_, strict=True):
            sound = sound and axes.shape == (n_columns, scalings.size) and (scalings > 0).all()
        if not sound:
            raise InputError(
                f"The stored densities have means of shape {found.means_.shape}, "
                f"not (2, {n_columns}), or no spread.",
                "Fit the composite score again.",
            )
        return QuadraticDiscriminantModel(found)
