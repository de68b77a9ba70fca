"""Member `constant_score`: the trivial one. Every image gets one half."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier

from tasks.classification.settings import ConstantScoreSettings
from tasks.vocabulary.arrays import Float64Array
from tasks.vocabulary.errors import InputError

_SCORE = 0.5


@dataclass(frozen=True)
class ConstantScoreModel:
    """One half for every image, so every image ties with the hardest defect and is flagged."""

    n_columns: int

    def scores(self, scaled_NK: Float64Array) -> Float64Array:
        """Give one half."""
        return np.full(len(scaled_NK), _SCORE, dtype=np.float64)

    def weights(self) -> Float64Array:
        """Give zeros: no column matters."""
        return np.zeros(self.n_columns, dtype=np.float64)

    def contributions(self, scaled_NK: Float64Array) -> Float64Array:
        """Give zeros: no column adds anything."""
        return np.zeros((len(scaled_NK), self.n_columns), dtype=np.float64)

    def content(self) -> bytes:
        """Give the score as text."""
        return str(_SCORE).encode()


@dataclass(frozen=True)
class ConstantScore:
    """Makes, keeps and reads the constant."""

    settings: ConstantScoreSettings
    file_name = "constant_score.txt"

    def estimator(self, seed: int) -> DummyClassifier:
        """Make an estimator that ignores its input."""
        return DummyClassifier(strategy="prior", random_state=seed)

    def search_space(self) -> dict[str, Any]:
        """Nothing to search."""
        return {}

    def model(self, estimator: DummyClassifier) -> ConstantScoreModel:
        """Keep the number of columns."""
        return ConstantScoreModel(int(estimator.n_features_in_))

    def read(self, content: bytes, n_columns: int) -> ConstantScoreModel:
        """Check the constant."""
        if content != str(_SCORE).encode():
            raise InputError("The stored constant is another one.", "Fit again.")
        return ConstantScoreModel(n_columns)
