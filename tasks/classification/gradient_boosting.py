"""Member `gradient_boosting`: scikit-learn's gradient boosting classifier, stored by skops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit
from scipy.stats import loguniform, randint, uniform
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.tree import DecisionTreeRegressor

from tasks.classification.settings import GradientBoostingSettings
from tasks.classification.tree_contributions import ValuedTree, tree_contributions
from tasks.classification.trees import dumped, read_trees
from tasks.vocabulary.arrays import Float64Array
from tasks.vocabulary.errors import InputError


@dataclass(frozen=True)
class GradientBoostingModel:
    """A fitted ensemble; its score is the logistic function of the log-odds."""

    boosting: GradientBoostingClassifier

    def scores(self, scaled_NK: Float64Array) -> Float64Array:
        """Give the probability of abnormal."""
        scores_N: Float64Array = expit(self.boosting.decision_function(scaled_NK))
        return scores_N

    def weights(self) -> Float64Array:
        """Give the mean decrease of the squared error."""
        return np.asarray(self.boosting.feature_importances_, dtype=np.float64)

    def contributions(self, scaled_NK: Float64Array) -> Float64Array:
        """Log-odds: exact TreeSHAP, against the fitted images."""
        speed = self.boosting.learning_rate
        nodes_of_trees = [tree.tree_ for tree in self.boosting.estimators_.ravel()]
        trees = [
            ValuedTree(nodes, speed * nodes.value[:, 0, 0], nodes.weighted_n_node_samples)
            for nodes in nodes_of_trees
        ]
        return tree_contributions(trees, scaled_NK)

    def content(self) -> bytes:
        """Give the skops archive."""
        return dumped(self.boosting)


@dataclass(frozen=True)
class GradientBoosting:
    """Makes, keeps and reads gradient boosting ensembles."""

    settings: GradientBoostingSettings
    file_name = "gradient_boosting.skops"

    def estimator(self, seed: int) -> GradientBoostingClassifier:
        """Make an unfitted ensemble."""
        return GradientBoostingClassifier(
            n_estimators=self.settings.trees,
            max_depth=self.settings.depth,
            learning_rate=self.settings.learning_rate,
            subsample=self.settings.row_share,
            max_features=self.settings.column_share,
            random_state=seed,
        )

    def search_space(self) -> dict[str, Any]:
        """Vary size, number and speed of the trees, and the samples they see."""
        return {
            "n_estimators": randint(50, 301),
            "max_depth": randint(1, 6),
            "learning_rate": loguniform(0.01, 0.3),
            "min_samples_leaf": randint(1, 16),
            "subsample": uniform(0.5, 0.5),
            "max_features": ["sqrt", 0.1, 0.2, 0.4],
        }

    def model(self, estimator: GradientBoostingClassifier) -> GradientBoostingModel:
        """Keep the ensemble itself."""
        return GradientBoostingModel(estimator)

    def read(self, content: bytes, n_columns: int) -> GradientBoostingModel:
        """Read a skops archive and check that every index in it stays inside its tree."""
        boosting = read_trees(content, GradientBoostingClassifier, DecisionTreeRegressor, n_columns)
        if type(boosting.init_) is not DummyClassifier:
            raise InputError(
                f"The stored boosting starts from a {type(boosting.init_).__name__}.",
                "Take the model from a trusted store.",
            )
        return GradientBoostingModel(boosting)
