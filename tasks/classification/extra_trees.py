"""Member `extra_trees`: scikit-learn's extremely randomised trees, stored by skops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scipy.stats import randint
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.tree import ExtraTreeClassifier

from tasks.classification.settings import ExtraTreesSettings
from tasks.classification.trees import SEARCHED_TREES, ForestModel, read_trees


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
        """Vary depth, leaf size, columns per split and impurity, at a number of trees that is enough.

        More trees are never worse, only slower: a search over hundreds of draws is most of the cost.
        """
        return {
            "n_estimators": [SEARCHED_TREES],
            "max_depth": [None, 4, 6, 8, 12, 16],
            "min_samples_leaf": randint(1, 9),
            "min_samples_split": randint(2, 11),
            "max_features": ["sqrt", 0.1, 0.2, 0.3, 0.5, 0.8],
            "criterion": ["gini", "entropy"],
        }

    def model(self, estimator: ExtraTreesClassifier) -> ForestModel:
        """Keep the forest itself."""
        return ForestModel(estimator)

    def read(self, content: bytes, n_columns: int) -> ForestModel:
        """Read a skops archive and check that every index in it stays inside its tree."""
        return ForestModel(
            read_trees(content, ExtraTreesClassifier, ExtraTreeClassifier, n_columns)
        )
