"""Member `xgboost`: XGBoost, stored as its universal binary JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost
from scipy.special import expit
from scipy.stats import loguniform, randint, uniform

from tasks.classification.settings import XgBoostSettings
from tasks.vocabulary.arrays import Float64Array
from tasks.vocabulary.errors import InputError


@dataclass(frozen=True)
class XgBoostModel:
    """A fitted booster; its score is the float64 logistic function of the raw margin.

    XGBoost's own probability is float32 and rounds to 1 from a margin of 17 on: ties.
    """

    booster: xgboost.Booster

    def scores(self, scaled_NK: Float64Array) -> Float64Array:
        """Give the probability of abnormal."""
        rows = xgboost.DMatrix(scaled_NK, nthread=1)
        margins_N = self.booster.predict(rows, output_margin=True)
        scores_N: Float64Array = expit(np.asarray(margins_N, dtype=np.float64))
        return scores_N

    def weights(self) -> Float64Array:
        """Give the total gain of the splits on each column."""
        weights_K = np.zeros(self.booster.num_features(), dtype=np.float64)
        for name, gain in self.booster.get_score(importance_type="total_gain").items():
            weights_K[int(name.removeprefix("f"))] = gain
        return weights_K

    def contributions(self, scaled_NK: Float64Array) -> Float64Array:
        """Log-odds: XGBoost's own exact TreeSHAP, in float32."""
        rows = xgboost.DMatrix(scaled_NK, nthread=1)
        found = self.booster.predict(rows, pred_contribs=True)
        return np.asarray(found, dtype=np.float64)[:, :-1]  # the last is the expectation

    def content(self) -> bytes:
        """Give the universal binary JSON."""
        return bytes(self.booster.save_raw("ubj"))


@dataclass(frozen=True)
class XgBoost:
    """Makes, keeps and reads XGBoost boosters."""

    settings: XgBoostSettings
    file_name = "xgboost.ubj"

    def estimator(self, seed: int) -> xgboost.XGBClassifier:
        """Make an unfitted classifier on one thread."""
        return xgboost.XGBClassifier(
            n_estimators=self.settings.trees,
            max_depth=self.settings.depth,
            learning_rate=self.settings.learning_rate,
            min_child_weight=self.settings.min_child_weight,
            subsample=self.settings.row_share,
            colsample_bytree=self.settings.column_share,
            tree_method="hist",
            device="cpu",
            random_state=seed,
            n_jobs=1,
            verbosity=0,
        )

    def search_space(self) -> dict[str, Any]:
        """Vary size, number and speed of the trees, the samples they see, and the penalties."""
        return {
            "n_estimators": randint(50, 301),
            "max_depth": randint(2, 9),
            "learning_rate": loguniform(0.01, 0.3),
            "min_child_weight": loguniform(0.5, 10.0),
            "subsample": uniform(0.5, 0.5),
            "colsample_bytree": uniform(0.2, 0.8),
            "reg_lambda": loguniform(1e-2, 10.0),
            "gamma": loguniform(1e-3, 1.0),
        }

    def model(self, estimator: xgboost.XGBClassifier) -> XgBoostModel:
        """Keep what the stored form holds, so that a model read back scores the same."""
        return XgBoostModel(_booster(bytes(estimator.get_booster().save_raw("ubj"))))

    def read(self, content: bytes, n_columns: int) -> XgBoostModel:
        """Read universal binary JSON."""
        remedy = "Fit the composite score again."
        try:
            booster = _booster(content)
        except xgboost.core.XGBoostError as error:
            raise InputError("The stored booster cannot be read.", remedy) from error
        if booster.num_features() != n_columns:
            raise InputError(
                f"The stored booster reads {booster.num_features()} columns, not {n_columns}.",
                remedy,
            )
        return XgBoostModel(booster)


def _booster(content: bytes) -> xgboost.Booster:
    booster = xgboost.Booster()
    booster.load_model(bytearray(content))
    booster.set_param({"nthread": 1})
    return booster
