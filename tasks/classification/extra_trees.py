"""Member `extra_trees`: scikit-learn's extremely randomised trees, stored by skops."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np
import skops.io
from scipy.stats import randint
from sklearn.ensemble import ExtraTreesClassifier

from tasks.classification.settings import ExtraTreesSettings
from tasks.classification.trust import read_skops
from tasks.vocabulary.arrays import Float64Array
from tasks.vocabulary.errors import InputError

# skops lists the node storage as untrusted because scikit-learn follows its indices unchecked; it
# is allowed here because `_check_nodes` checks them before the first prediction.
_ALLOWED = ("sklearn.tree._tree.Tree",)


@dataclass(frozen=True)
class ExtraTreesModel:
    """A fitted forest; its score is the mean over trees of the leaf's share of abnormals."""

    forest: ExtraTreesClassifier

    def scores(self, scaled_NK: Float64Array) -> Float64Array:
        """Give the probability of abnormal."""
        scores_N: Float64Array = self.forest.predict_proba(scaled_NK)[:, 1]
        return scores_N

    def weights(self) -> Float64Array:
        """Give the mean decrease of impurity."""
        return np.asarray(self.forest.feature_importances_, dtype=np.float64)

    def content(self) -> bytes:
        """Give the skops archive."""
        return bytes(skops.io.dumps(self.forest, compression=zipfile.ZIP_DEFLATED))


@dataclass(frozen=True)
class ExtraTrees:
    """Makes, keeps and reads forests."""

    settings: ExtraTreesSettings
    file_name = "extra_trees.skops"

    def estimator(self, seed: int) -> ExtraTreesClassifier:
        """Make an unfitted forest on one thread."""
        return ExtraTreesClassifier(
            n_estimators=self.settings.trees,
            min_samples_leaf=self.settings.min_samples_leaf,
            max_features=self.settings.max_features,
            random_state=seed,
            n_jobs=1,
        )

    def search_space(self) -> dict[str, Any]:
        """Vary depth, leaf size, columns per split and impurity; more trees are never worse."""
        return {
            "max_depth": [None, 4, 6, 8, 12, 16],
            "min_samples_leaf": randint(1, 9),
            "min_samples_split": randint(2, 11),
            "max_features": ["sqrt", 0.1, 0.2, 0.3, 0.5, 0.8],
            "criterion": ["gini", "entropy"],
        }

    def model(self, estimator: ExtraTreesClassifier) -> ExtraTreesModel:
        """Keep the forest itself."""
        return ExtraTreesModel(estimator)

    def read(self, content: bytes, n_columns: int) -> ExtraTreesModel:
        """Read a skops archive and check that every index in it stays inside its tree."""
        forest = read_skops(content, _ALLOWED, ExtraTreesClassifier)
        if forest.n_features_in_ != n_columns or list(forest.classes_) != [0, 1]:
            raise InputError(
                f"The stored forest reads {forest.n_features_in_} columns, not {n_columns}.",
                "Fit the composite score again.",
            )
        for tree in forest.estimators_:
            _check_nodes(tree.tree_, n_columns)
        return ExtraTreesModel(forest)


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
