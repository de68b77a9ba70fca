"""From settings to a rival that has learnt."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import assert_never

from tasks.baselines.ganodip_score import GanodipScore
from tasks.baselines.golden_sample import GoldenSamples
from tasks.baselines.mean_image import MeanImage
from tasks.baselines.own_score import OwnScore
from tasks.baselines.pooled_features import PooledFeatures
from tasks.baselines.rival import Normals, Rival
from tasks.baselines.settings import (
    AnomalibSettings,
    GanodipScoreSettings,
    GaussianMixtureSettings,
    GoldenSampleSettings,
    LocalOutlierFactorSettings,
    MahalanobisSettings,
    MeanImageSettings,
    MemoryBankSettings,
    NearestNeighboursSettings,
    OneClassSvmSettings,
    OwnScoreSettings,
    PlaceDensitySettings,
    PooledExtraTreesSettings,
    PooledLogisticRegressionSettings,
    PublishedGoldenSampleSettings,
    RivalSettings,
    SiameseSettings,
    StackSettings,
    SupervisedSettings,
)
from tasks.vocabulary.errors import InputError


def learn(settings: RivalSettings, normals: Normals) -> Rival:
    """Learn the rival that `settings` name.

    `InputError` for fewer than two normals, for strides that the perception does not have, and for
    a rival whose package is not installed. What needs torch or scikit-learn is imported when chosen.
    """
    _require_several(normals)
    match settings:
        case MeanImageSettings():
            return MeanImage(normals)
        case GoldenSampleSettings() | PublishedGoldenSampleSettings():
            return GoldenSamples(normals, settings)
        case GanodipScoreSettings():
            return GanodipScore(normals, settings)
        case OwnScoreSettings():
            return OwnScore(normals, settings)
        case MemoryBankSettings() | PlaceDensitySettings():
            return _remembering(settings, normals)
        case PooledLogisticRegressionSettings() | PooledExtraTreesSettings():
            return PooledFeatures(normals)
        case StackSettings():
            from tasks.baselines.stacked import Stacked

            return Stacked(normals, settings)
        case SiameseSettings() | SupervisedSettings():
            from tasks.baselines.frozen_maps import FrozenMaps

            return FrozenMaps(normals, settings)
        case AnomalibSettings():
            from tasks.baselines.anomalib_models import AnomalibModel

            return AnomalibModel(normals, settings)
        case (
            NearestNeighboursSettings()
            | MahalanobisSettings()
            | OneClassSvmSettings()
            | LocalOutlierFactorSettings()
            | GaussianMixtureSettings()
        ):
            from tasks.baselines.one_class import OneClass

            return OneClass(normals, settings)
        case _:
            assert_never(settings)


def _remembering(settings: MemoryBankSettings | PlaceDensitySettings, normals: Normals) -> Rival:
    match settings:
        case MemoryBankSettings():
            from tasks.baselines.memory_bank import MemoryBank

            return MemoryBank(normals, settings)
        case PlaceDensitySettings():
            from tasks.baselines.place_density import PlaceDensity

            return PlaceDensity(normals, settings)
        case _:
            assert_never(settings)


def package_version(settings: RivalSettings) -> str | None:
    """Version of the further package that a rival is computed by; None without one, or not installed."""
    if not isinstance(settings, AnomalibSettings):
        return None
    try:
        return version("anomalib")
    except PackageNotFoundError:
        return None


def _require_several(normals: Normals) -> None:
    if len(normals.images_NHWC) < 2:
        raise InputError(
            f"A rival is to learn from {len(normals.images_NHWC)} normal images.",
            "Give two or more under roles.reconstruction.",
        )
