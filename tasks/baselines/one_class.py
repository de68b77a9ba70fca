"""Rivals that learn where the pooled features of normals lie: scikit-learn's one-class models.

Legend: N normals, K pooled features.
"""

from __future__ import annotations

import pickle
from typing import Any, assert_never

import numpy as np
from sklearn.covariance import LedoitWolf
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM

from tasks.baselines.pooled_features import pooled
from tasks.baselines.rival import Normals, Rival
from tasks.baselines.settings import (
    GaussianMixtureSettings,
    LocalOutlierFactorSettings,
    MahalanobisSettings,
    NearestNeighboursSettings,
    OneClassSvmSettings,
)
from tasks.vocabulary.arrays import Float64Array, UInt8Array

OneClassSettings = (
    NearestNeighboursSettings
    | MahalanobisSettings
    | OneClassSvmSettings
    | LocalOutlierFactorSettings
    | GaussianMixtureSettings
)


class OneClass(Rival):
    """Pooled features in units of the normals' spread, then one model's suspicion."""

    def __init__(self, normals: Normals, settings: OneClassSettings) -> None:
        self._features = normals.features
        self.columns = (settings.kind,)
        rows_NK = np.stack([pooled(normals.features(image)) for image in normals.images_NHWC])
        self._scaler = StandardScaler().fit(rows_NK)
        self._settings = settings
        self._model = fitted(settings, self._scaler.transform(rows_NK), normals.seed)
        self.state_bytes = len(pickle.dumps((self._scaler, self._model)))

    def heat(self, image_HWC: UInt8Array) -> None:
        """Give nothing: means have no place."""

    def _row(self, image_HWC: UInt8Array) -> Float64Array:
        row_1K = pooled(self._features(image_HWC))[None]
        if not np.isfinite(row_1K).all():
            return np.array([np.nan])
        scaled_1K = self._scaler.transform(row_1K)
        return np.array([suspicion(self._settings, self._model, scaled_1K)])


def fitted(settings: OneClassSettings, scaled_NK: Float64Array, seed: int) -> Any:
    """The model that has seen the normals; neighbours and components are at most their number."""
    others = len(scaled_NK) - 1
    match settings:
        case NearestNeighboursSettings():
            count = min(settings.neighbours, len(scaled_NK))
            return NearestNeighbors(n_neighbors=count, algorithm="brute").fit(scaled_NK)
        case MahalanobisSettings():
            return LedoitWolf().fit(scaled_NK)
        case OneClassSvmSettings():
            return OneClassSVM(nu=settings.outliers).fit(scaled_NK)
        case LocalOutlierFactorSettings():
            count = min(settings.neighbours, others)
            return LocalOutlierFactor(n_neighbors=count, novelty=True).fit(scaled_NK)
        case GaussianMixtureSettings():
            components = min(settings.components, others, scaled_NK.shape[1])
            # Whitened, so that the ridge means the same share of every component's variance.
            return make_pipeline(
                PCA(components, whiten=True, random_state=seed),
                GaussianMixture(
                    min(settings.gaussians, len(scaled_NK)),
                    reg_covar=settings.ridge,
                    random_state=seed,
                ),
            ).fit(scaled_NK)
        case _:
            assert_never(settings)


def suspicion(settings: OneClassSettings, model: Any, scaled_1K: Float64Array) -> float:
    """What the model says of one image, high = suspect."""
    match settings:
        case NearestNeighboursSettings():
            return float(model.kneighbors(scaled_1K)[0].mean())
        case MahalanobisSettings():
            return float(np.sqrt(model.mahalanobis(scaled_1K)[0]))
        case OneClassSvmSettings() | LocalOutlierFactorSettings() | GaussianMixtureSettings():
            return -float(model.score_samples(scaled_1K)[0])
        case _:
            assert_never(settings)
