"""What the members made of scikit-learn's trees share: reading them safely, and the forest's score.

Legend: N images, K kept metrics.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np
import skops.io

from tasks.classification.tree_contributions import ValuedTree, tree_contributions
from tasks.classification.trust import read_skops
from tasks.vocabulary.arrays import Float64Array
from tasks.vocabulary.errors import InputError

# skops lists the node storage as untrusted because scikit-learn follows its indices unchecked; it
# is allowed here because `_check_nodes` checks them before the first prediction.
_ALLOWED = ("sklearn.tree._tree.Tree",)

SEARCHED_TREES = 200
"""Trees of a forest whose other parameters are searched."""


@dataclass(frozen=True)
class ForestModel:
    """A fitted forest; its score is the mean over trees of the leaf's share of abnormals.

    A mean of hundreds of shares is fine enough to tell hard defects apart: leaves of two or more
    images, and hundreds of trees, keep it off exactly 0. So the forest's own probability is kept.
    """

    forest: Any

    def scores(self, scaled_NK: Float64Array) -> Float64Array:
        """Give the probability of abnormal."""
        scores_N: Float64Array = self.forest.predict_proba(scaled_NK)[:, 1]
        return scores_N

    def weights(self) -> Float64Array:
        """Give the mean decrease of impurity."""
        return np.asarray(self.forest.feature_importances_, dtype=np.float64)

    def contributions(self, scaled_NK: Float64Array) -> Float64Array:
        """Probability: exact TreeSHAP of the mean over trees, against the fitted images."""
        share = 1.0 / len(self.forest.estimators_)
        nodes_of_trees = [tree.tree_ for tree in self.forest.estimators_]
        trees = [
            ValuedTree(nodes, share * nodes.value[:, 0, 1], nodes.weighted_n_node_samples)
            for nodes in nodes_of_trees
        ]
        return tree_contributions(trees, scaled_NK)

    def content(self) -> bytes:
        """Give the skops archive."""
        return dumped(self.forest)


def dumped(estimator: Any) -> bytes:
    """Give the compressed skops archive of an estimator made of trees."""
    return bytes(skops.io.dumps(estimator, compression=zipfile.ZIP_DEFLATED))


def read_trees(content: bytes, expected: type, tree_type: type, n_columns: int) -> Any:
    """Read an estimator of exactly the `expected` type whose every tree is a sound `tree_type`.

    A single tree is its own estimator. InputError for another type, class order or width, and for
    a tree whose indices leave it.
    """
    estimator = read_skops(content, _ALLOWED, expected)
    if estimator.n_features_in_ != n_columns or list(estimator.classes_) != [0, 1]:
        raise InputError(
            f"The stored trees read {estimator.n_features_in_} columns, not {n_columns}.",
            "Fit the composite score again.",
        )
    for tree in _trees(estimator):
        found: type = type(tree)
        if found is not tree_type:
            raise InputError(
                f"A stored tree is a {found.__name__}.", "Take the model from a trusted store."
            )
        _check_nodes(tree.tree_, n_columns)
    return estimator


def _trees(estimator: Any) -> list[Any]:
    if not hasattr(estimator, "estimators_"):
        return [estimator]
    trees: list[Any] = np.asarray(estimator.estimators_, dtype=object).ravel().tolist()
    return trees


def _check_nodes(tree: Any, n_columns: int) -> None:
    # scikit-learn writes children behind their parent; a child in front could make an endless loop.
    nodes = np.arange(tree.node_count)
    left, right, column = tree.children_left, tree.children_right, tree.feature
    leaf = (left == -1) & (right == -1)
    inside = (left > nodes) & (right > nodes) & (left < nodes.size) & (right < nodes.size)
    inside &= (column >= 0) & (column < n_columns)
    if tree.n_features != n_columns or nodes.size == 0 or not (leaf | inside).all():
        raise InputError(
            "A stored tree points outside itself.", "Take the model from a trusted store."
        )
