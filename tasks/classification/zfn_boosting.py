"""Member `zfn_boosting`: LightGBM trees grown on a loss that carries the zero-escape constraint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import lightgbm
import numpy as np
from scipy.stats import loguniform, randint, uniform
from sklearn.base import BaseEstimator, ClassifierMixin

from tasks.classification.light_gbm import LightGbmModel, read_booster
from tasks.classification.settings import ZfnBoostingSettings
from tasks.classification.zfn_loss import zfn_loss
from tasks.vocabulary.arrays import Float64Array, Int64Array


class ZfnBooster(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # sklearn is untyped
    """LightGBM on `zfn_loss`, one thread, deterministic. Fitted: `booster_`, raw margins."""

    def __init__(
        self,
        trees: int = 300,
        leaves: int = 15,
        learning_rate: float = 0.05,
        min_samples_leaf: int = 10,
        row_share: float = 0.8,
        column_share: float = 0.5,
        penalty: float = 0.0,
        share: float = 0.7,
        focus: float = 1.0,
        seed: int = 0,
    ) -> None:
        self.trees = trees
        self.leaves = leaves
        self.learning_rate = learning_rate
        self.min_samples_leaf = min_samples_leaf
        self.row_share = row_share
        self.column_share = column_share
        self.penalty = penalty
        self.share = share
        self.focus = focus
        self.seed = seed

    def fit(self, table_NK: Float64Array, labels_N: Int64Array) -> Self:
        """Grow the trees; the loss always sees all images, each tree a share of them."""

        def slopes(margins_N: Float64Array, rows: Any) -> tuple[Float64Array, Float64Array]:
            found = zfn_loss(margins_N, rows.get_label(), self.share, self.focus)
            return found.gradient_N, found.curvature_N

        self.classes_ = np.array([0, 1])
        rows = lightgbm.Dataset(table_NK, np.asarray(labels_N), params=self._quiet())
        self.booster_ = lightgbm.train(
            {"objective": slopes, **self._quiet(), **self._growth()}, rows, self.trees
        )
        return self

    def _growth(self) -> dict[str, Any]:
        return {
            "num_leaves": self.leaves,
            "learning_rate": self.learning_rate,
            "min_data_in_leaf": self.min_samples_leaf,
            "bagging_fraction": self.row_share,
            "bagging_freq": 1,
            "feature_fraction": self.column_share,
            "lambda_l2": self.penalty,
        }

    def _quiet(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "num_threads": 1,
            "deterministic": True,
            "force_col_wise": True,
            # Else LightGBM stops where no column can fill two leaves; this way all images tie.
            "feature_pre_filter": False,
            "verbosity": -1,
        }


@dataclass(frozen=True)
class ZfnBoosting:
    """Makes, keeps and reads these boosters."""

    settings: ZfnBoostingSettings
    file_name = "zfn_boosting.txt"

    def estimator(self, seed: int) -> ZfnBooster:
        """Make an unfitted booster on one thread."""
        return ZfnBooster(**self.settings.model_dump(exclude={"kind"}), seed=seed)

    def search_space(self) -> dict[str, Any]:
        """Vary what `lightgbm` varies, and share and focus of the ZFN term."""
        return {
            "trees": randint(50, 301),
            "leaves": randint(4, 64),
            "learning_rate": loguniform(0.01, 0.3),
            "min_samples_leaf": randint(3, 31),
            "row_share": uniform(0.5, 0.5),
            "column_share": uniform(0.2, 0.8),
            "penalty": loguniform(1e-3, 10.0),
            "share": uniform(0.2, 0.8),
            "focus": loguniform(0.1, 10.0),
        }

    def model(self, estimator: ZfnBooster) -> LightGbmModel:
        """Keep what the text model holds, so that a model read back scores the same."""
        return LightGbmModel(lightgbm.Booster(model_str=estimator.booster_.model_to_string()))

    def read(self, content: bytes, n_columns: int) -> LightGbmModel:
        """Read a text model."""
        return read_booster(content, n_columns)
