"""Member `ada_boost`: scikit-learn's AdaBoost of shallow trees, stored by skops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import loguniform, randint
from sklearn.ensemble import AdaBoostClassifier
from sklearn.tree import DecisionTreeClassifier

from tasks.classification.settings import AdaBoostSettings
from tasks.classification.tree_contributions import ValuedTree, tree_contributions
from tasks.classification.trees import dumped, read_trees
from tasks.vocabulary.arrays import Float64Array


@dataclass(frozen=True)
class AdaBoostModel:
    """Fitted trees with votes; the score is the weighted share of votes for abnormal.

    scikit-learn's probability is a steep function of the same share, rounded; the order is equal.
    """

    boosting: AdaBoostClassifier

    def scores(self, scaled_NK: Float64Array) -> Float64Array:
        """Give the share of votes: 0.5 is AdaBoost's own decision."""
        votes_N = np.asarray(self.boosting.decision_function(scaled_NK), dtype=np.float64)
        # scikit-learn adds votes for the one and against the other class: from -2 to 2, up to
        # rounding, whatever its documentation says.
        scores_N: Float64Array = np.clip((votes_N + 2.0) / 4.0, 0.0, 1.0)
        return scores_N

    def weights(self) -> Float64Array:
        """Give the mean decrease of impurity, weighted by votes."""
        return np.asarray(self.boosting.feature_importances_, dtype=np.float64)

    def contributions(self, scaled_NK: Float64Array) -> Float64Array:
        """Share of votes: exact TreeSHAP of each tree's vote, against the fitted images."""
        votes_T = self.boosting.estimator_weights_ / self.boosting.estimator_weights_.sum()
        trees = [
            ValuedTree(
                tree.tree_,
                vote * np.argmax(tree.tree_.value[:, 0, :], axis=1),
                # Unweighted: the trees' own weights differ, and all votes need one expectation.
                tree.tree_.n_node_samples,
            )
            for tree, vote in zip(self.boosting.estimators_, votes_T, strict=False)
        ]
        return tree_contributions(trees, scaled_NK)

    def content(self) -> bytes:
        """Give the skops archive."""
        return dumped(self.boosting)


@dataclass(frozen=True)
class AdaBoost:
    """Makes, keeps and reads AdaBoost ensembles."""

    settings: AdaBoostSettings
    file_name = "ada_boost.skops"

    def estimator(self, seed: int) -> AdaBoostClassifier:
        """Make an unfitted ensemble."""
        return AdaBoostClassifier(
            DecisionTreeClassifier(max_depth=self.settings.depth),
            n_estimators=self.settings.trees,
            learning_rate=self.settings.learning_rate,
            random_state=seed,
        )

    def search_space(self) -> dict[str, Any]:
        """Vary number, depth, columns per split and speed of the trees."""
        return {
            "n_estimators": randint(50, 301),
            "learning_rate": loguniform(0.01, 2.0),
            "estimator__max_depth": randint(1, 4),
            "estimator__max_features": [None, "sqrt", 0.3],
        }

    def model(self, estimator: AdaBoostClassifier) -> AdaBoostModel:
        """Keep the ensemble itself."""
        return AdaBoostModel(estimator)

    def read(self, content: bytes, n_columns: int) -> AdaBoostModel:
        """Read a skops archive and check that every index in it stays inside its tree."""
        return AdaBoostModel(
            read_trees(content, AdaBoostClassifier, DecisionTreeClassifier, n_columns)
        )
