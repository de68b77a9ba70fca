"""Member `nearest_neighbours`: votes of the k nearest fitted images, ties broken by distance.

Legend: N images, K kept metrics, T fitted images, V voting neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import skops.io
from scipy.stats import randint
from sklearn.neighbors import KNeighborsClassifier

from tasks.classification.decision_values import separation
from tasks.classification.settings import NearestNeighboursSettings
from tasks.classification.trust import read_skops
from tasks.vocabulary.arrays import Float64Array, Int64Array
from tasks.vocabulary.errors import InputError


@dataclass(frozen=True)
class NearestNeighboursModel:
    """Fitted images with labels; the score is the share of votes, made fine by distances.

    `(k x share + closeness) / (k + 1)`, with share = (weighted) votes for abnormal among the k
    nearest, closeness = d0 / (d0 + d1), d_c = mean distance to the min(k, T_c) nearest images of
    class c. With equal votes the order is that of the votes, and for an odd k one half is the
    vote's own decision. The bare share (the paper's KNN) has k + 1 values: hard defects get
    exactly 0, like most normals, and the ZFN threshold flags everything.
    """

    neighbours: KNeighborsClassifier

    def scores(self, scaled_NK: Float64Array) -> Float64Array:
        """Give the share of votes, ties broken by closeness."""
        fitted_TK, labels_T = _memory(self.neighbours)
        # Row by row: a matrix product rounds differently for other batch sizes.
        return np.array(
            [
                self._score(_distances(fitted_TK, row_K, self._power), labels_T)
                for row_K in scaled_NK
            ],
            dtype=np.float64,
        )

    def weights(self) -> Float64Array:
        """Give the separation of the classes: neighbours weigh all columns alike."""
        fitted_TK, labels_T = _memory(self.neighbours)
        classes = [fitted_TK[labels_T == label] for label in (0, 1)]
        return separation(
            np.stack([one.mean(axis=0) for one in classes]),
            np.stack([one.var(axis=0) for one in classes]),
        )

    def contributions(self, scaled_NK: Float64Array) -> Float64Array:
        """Gap of distances: how much farther, in each column, the normals are than the abnormals.

        Votes do not add up over columns, distances to the power p (1: city block, 2: Euclidean)
        do: the mean over the min(k, T_c) nearest normals less that over the nearest abnormals.
        A row sums to that gap, not to its score, which it follows: closeness is made of the same
        distances.
        """
        fitted_TK, labels_T = _memory(self.neighbours)
        rows = [self._gaps(fitted_TK, row_K, labels_T) for row_K in scaled_NK]
        return np.reshape(np.array(rows, dtype=np.float64), np.shape(scaled_NK))

    def content(self) -> bytes:
        """Give the skops archive."""
        return bytes(skops.io.dumps(self.neighbours))

    @property
    def _power(self) -> int:
        return int(self.neighbours.p)

    def _score(self, distances_T: Float64Array, labels_T: Int64Array) -> float:
        voters = int(self.neighbours.n_neighbors)
        nearest_V = np.argsort(distances_T, kind="stable")[:voters]
        weights_V = self._vote_weights(distances_T[nearest_V])
        share = float((weights_V * labels_T[nearest_V]).sum() / weights_V.sum())
        normal, abnormal = (
            float(np.sort(distances_T[labels_T == label])[:voters].mean()) for label in (0, 1)
        )
        # Equal to fitted images of both classes: nothing speaks for normal.
        closeness = normal / (normal + abnormal) if normal + abnormal > 0 else 1.0
        return (voters * share + closeness) / (voters + 1)

    def _gaps(
        self, fitted_TK: Float64Array, row_K: Float64Array, labels_T: Int64Array
    ) -> Float64Array:
        voters = int(self.neighbours.n_neighbors)
        order_T = np.argsort(_distances(fitted_TK, row_K, self._power), kind="stable")
        means = []
        for label in (0, 1):
            nearest_V = order_T[labels_T[order_T] == label][:voters]
            gaps_VK = np.abs(fitted_TK[nearest_V] - row_K) ** self._power
            means.append(gaps_VK.mean(axis=0))
        return np.asarray(means[0] - means[1])

    def _vote_weights(self, distances_V: Float64Array) -> Float64Array:
        if self.neighbours.weights == "uniform":
            return np.ones_like(distances_V)
        same_V = distances_V == 0
        # As in scikit-learn: images at distance 0, if any, vote alone.
        if same_V.any():
            return np.asarray(same_V, dtype=np.float64)
        return np.asarray(distances_V.min() / distances_V)


@dataclass(frozen=True)
class NearestNeighbours:
    """Makes, keeps and reads neighbour votes."""

    settings: NearestNeighboursSettings
    file_name = "nearest_neighbours.skops"

    def estimator(self, seed: int) -> KNeighborsClassifier:  # noqa: ARG002  # nothing is random
        """Make an unfitted vote; `brute` keeps the fitted images as they are."""
        return KNeighborsClassifier(
            self.settings.neighbours, weights=self.settings.votes, algorithm="brute", n_jobs=1
        )

    def search_space(self) -> dict[str, Any]:
        """Vary the number of votes, their weights, and the distance (city block or Euclidean)."""
        return {
            "n_neighbors": randint(1, 41),
            "weights": ["uniform", "distance"],
            "p": [1, 2],
        }

    def model(self, estimator: KNeighborsClassifier) -> NearestNeighboursModel:
        """Keep the fitted images."""
        return NearestNeighboursModel(estimator)

    def read(self, content: bytes, n_columns: int) -> NearestNeighboursModel:
        """Read a skops archive; every type in it is one that skops trusts by itself."""
        neighbours = read_skops(content, (), KNeighborsClassifier)
        fitted_TK, labels_T = _memory(neighbours)
        sound = fitted_TK.ndim == 2 and fitted_TK.shape == (labels_T.size, n_columns)
        sound = sound and np.array_equal(np.unique(labels_T), [0, 1])
        if not sound or neighbours.weights not in ("uniform", "distance"):
            raise InputError(
                f"The stored neighbours have shape {fitted_TK.shape}, not [T, {n_columns}].",
                "Fit the composite score again.",
            )
        return NearestNeighboursModel(neighbours)


def _memory(neighbours: KNeighborsClassifier) -> tuple[Float64Array, Int64Array]:
    fitted_TK = np.asarray(neighbours._fit_X, dtype=np.float64)  # no public name in scikit-learn
    return fitted_TK, np.asarray(neighbours._y, dtype=np.int64)


def _distances(fitted_TK: Float64Array, row_K: Float64Array, power: int) -> Float64Array:
    gaps_TK = np.abs(fitted_TK - row_K)
    if power == 1:
        return np.asarray(gaps_TK.sum(axis=1))
    return np.asarray(np.sqrt((gaps_TK * gaps_TK).sum(axis=1)))
