"""SMOTE that fits the part of the data it is given."""

from __future__ import annotations

from typing import Any

import numpy as np
from imblearn.over_sampling import SMOTE
from sklearn.base import BaseEstimator

from tasks.vocabulary.arrays import Float64Array, Int64Array
from tasks.vocabulary.errors import InputError

_NEIGHBOURS = 5


class FoldSmote(BaseEstimator):  # type: ignore[misc]  # sklearn is untyped
    """SMOTE up to equal classes; equal classes are left as they are.

    It interpolates between 5 neighbours of the rarer class, or all others where it has fewer than 6
    images in this part. As a step of an imbalanced-learn pipeline it acts in `fit` only, so no
    synthetic row is ever scored. InputError if the rarer class has a single image.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def fit_resample(
        self, table_NK: Float64Array, labels_N: Int64Array
    ) -> tuple[Float64Array, Int64Array]:
        """Return table and labels with the rarer class filled up."""
        counts = np.bincount(labels_N, minlength=2)
        if counts[0] == counts[1]:
            return table_NK, labels_N
        rarer = int(counts.min())
        if rarer < 2:
            raise InputError(
                f"SMOTE needs two images of a class and a training part has {rarer}.",
                "Give more images of the rarer class, use more folds, or set smote to false.",
            )
        smote = SMOTE(k_neighbors=min(_NEIGHBOURS, rarer - 1), random_state=self.seed)
        resampled: tuple[Any, Any] = smote.fit_resample(table_NK, labels_N)
        return resampled
