"""Member `decision_tree`: one scikit-learn tree, stored by skops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import loguniform, randint
from sklearn.tree import DecisionTreeClassifier

from tasks.classification.settings import DecisionTreeSettings
from tasks.classification.tree_contributions import ValuedTree, tree_contributions
from tasks.classification.trees import dumped, read_trees
from tasks.vocabulary.arrays import Float64Array


@dataclass(frozen=True)
class DecisionTreeModel:
    """A fitted tree; its score is the leaf's share of abnormals by Laplace's rule.

    `(abnormal + 1) / (images + 2)`: a pure leaf of three images claims less than one of fifty, and
    neither claims exactly 0. Images of one leaf still tie: a tree is as coarse as its leaves, and
    images tied with the hardest defect are flagged.
    """

    tree: DecisionTreeClassifier

    def scores(self, scaled_NK: Float64Array) -> Float64Array:
        """Give the smoothed probability of abnormal."""
        scores_N: Float64Array = self._smoothed_L()[self.tree.apply(scaled_NK)]
        return scores_N

    def weights(self) -> Float64Array:
        """Give the decrease of impurity."""
        return np.asarray(self.tree.feature_importances_, dtype=np.float64)

    def contributions(self, scaled_NK: Float64Array) -> Float64Array:
        """Smoothed probability: exact TreeSHAP of the leaf's value, against the fitted images."""
        nodes = self.tree.tree_
        tree = ValuedTree(nodes, self._smoothed_L(), nodes.weighted_n_node_samples)
        return tree_contributions([tree], scaled_NK)

    def content(self) -> bytes:
        """Give the skops archive."""
        return dumped(self.tree)

    def _smoothed_L(self) -> Float64Array:
        nodes = self.tree.tree_
        images_L = np.asarray(nodes.weighted_n_node_samples, dtype=np.float64)
        abnormal_L = nodes.value[:, 0, 1] * images_L
        smoothed_L: Float64Array = (abnormal_L + 1.0) / (images_L + 2.0)
        return smoothed_L


@dataclass(frozen=True)
class DecisionTree:
    """Makes, keeps and reads single trees."""

    settings: DecisionTreeSettings
    file_name = "decision_tree.skops"

    def estimator(self, seed: int) -> DecisionTreeClassifier:
        """Make an unfitted tree."""
        return DecisionTreeClassifier(
            max_depth=self.settings.depth,
            min_samples_leaf=self.settings.min_samples_leaf,
            random_state=seed,
        )

    def search_space(self) -> dict[str, Any]:
        """Vary depth, leaf size, columns per split, impurity and pruning."""
        return {
            "max_depth": [None, 2, 3, 4, 6, 8, 12],
            "min_samples_leaf": randint(1, 21),
            "max_features": [None, "sqrt", 0.2, 0.5, 0.8],
            "criterion": ["gini", "entropy"],
            "ccp_alpha": loguniform(1e-5, 1e-1),
        }

    def model(self, estimator: DecisionTreeClassifier) -> DecisionTreeModel:
        """Keep the tree itself."""
        return DecisionTreeModel(estimator)

    def read(self, content: bytes, n_columns: int) -> DecisionTreeModel:
        """Read a skops archive and check that every index in it stays inside the tree."""
        return DecisionTreeModel(
            read_trees(content, DecisionTreeClassifier, DecisionTreeClassifier, n_columns)
        )
