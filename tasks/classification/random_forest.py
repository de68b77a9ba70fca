"""Member `random_forest`: scikit-learn's random forest, stored by skops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scipy.stats import randint
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from tasks.classification.settings import RandomForestSettings
from tasks.classification.trees import SEARCHED_TREES, ForestModel, read_trees


@dataclass(frozen=True)
class RandomForest:
    """Makes, keeps and reads forests."""

    settings: RandomForestSettings
    file_name = "random_forest.skops"

    def estimator(self, seed: int) -> RandomForestClassifier:
        """Make an unfitted forest on one thread."""
        return RandomForestClassifier(
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
            "max_features": ["sqrt", 0.1, 0.2, 0.3, 0.5],
            "criterion": ["gini", "entropy"],
        }

    def model(self, estimator: RandomForestClassifier) -> ForestModel:
        """Keep the forest itself."""
        return ForestModel(estimator)

    def read(self, content: bytes, n_columns: int) -> ForestModel:
        """Read a skops archive and check that every index in it stays inside its tree."""
        return ForestModel(
            read_trees(content, RandomForestClassifier, DecisionTreeClassifier, n_columns)
        )
