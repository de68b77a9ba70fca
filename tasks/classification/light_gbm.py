"""Member `lightgbm`: LightGBM, stored as its text model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
from scipy.special import expit
from scipy.stats import loguniform, randint, uniform

from tasks.classification.settings import LightGbmSettings
from tasks.vocabulary.arrays import Float64Array
from tasks.vocabulary.errors import InputError


@dataclass(frozen=True)
class LightGbmModel:
    """A fitted booster; its score is the logistic function of the raw margin."""

    booster: lightgbm.Booster

    def scores(self, scaled_NK: Float64Array) -> Float64Array:
        """Give the probability of abnormal."""
        margins_N = self.booster.predict(scaled_NK, raw_score=True, num_threads=1)
        scores_N: Float64Array = expit(np.asarray(margins_N, dtype=np.float64))
        return scores_N

    def weights(self) -> Float64Array:
        """Give the total gain of the splits on each column."""
        return np.asarray(self.booster.feature_importance("gain"), dtype=np.float64)

    def contributions(self, scaled_NK: Float64Array) -> Float64Array:
        """Log-odds (`zfn_boosting`: raw margin): LightGBM's own exact TreeSHAP."""
        found = self.booster.predict(scaled_NK, pred_contrib=True, num_threads=1)
        return np.asarray(found, dtype=np.float64)[:, :-1]  # the last is the expectation

    def content(self) -> bytes:
        """Give the text model."""
        return bytes(self.booster.model_to_string().encode())


@dataclass(frozen=True)
class LightGbm:
    """Makes, keeps and reads LightGBM boosters."""

    settings: LightGbmSettings
    file_name = "lightgbm.txt"

    def estimator(self, seed: int) -> lightgbm.LGBMClassifier:
        """Make an unfitted classifier on one thread, in LightGBM's deterministic mode."""
        return lightgbm.LGBMClassifier(
            n_estimators=self.settings.trees,
            num_leaves=self.settings.leaves,
            learning_rate=self.settings.learning_rate,
            min_child_samples=self.settings.min_samples_leaf,
            subsample=self.settings.row_share,
            subsample_freq=1,  # LightGBM ignores `subsample` at its default of 0
            colsample_bytree=self.settings.column_share,
            random_state=seed,
            n_jobs=1,
            deterministic=True,
            force_col_wise=True,
            verbosity=-1,
        )

    def search_space(self) -> dict[str, Any]:
        """Vary size, number and speed of the trees, the samples they see, and the penalty."""
        return {
            "n_estimators": randint(50, 301),
            "num_leaves": randint(4, 64),
            "learning_rate": loguniform(0.01, 0.3),
            "min_child_samples": randint(3, 31),
            "subsample": uniform(0.5, 0.5),
            "colsample_bytree": uniform(0.2, 0.8),
            "reg_lambda": loguniform(1e-3, 10.0),
        }

    def model(self, estimator: lightgbm.LGBMClassifier) -> LightGbmModel:
        """Keep what the text model holds, so that a model read back scores the same."""
        return LightGbmModel(lightgbm.Booster(model_str=estimator.booster_.model_to_string()))

    def read(self, content: bytes, n_columns: int) -> LightGbmModel:
        """Read a text model."""
        return read_booster(content, n_columns)


def read_booster(content: bytes, n_columns: int) -> LightGbmModel:
    """Read a text model; InputError if it is none, or one of another width."""
    remedy = "Fit the composite score again."
    try:
        booster = lightgbm.Booster(model_str=content.decode())
    except (lightgbm.basic.LightGBMError, UnicodeDecodeError) as error:
        raise InputError(f"The stored booster cannot be read: {error}.", remedy) from error
    if booster.num_feature() != n_columns:
        raise InputError(
            f"The stored booster reads {booster.num_feature()} columns, not {n_columns}.",
            remedy,
        )
    return LightGbmModel(booster)
