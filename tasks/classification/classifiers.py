"""The union's one `match`: from a member's settings to its classifier."""

from __future__ import annotations

from typing import assert_never

from tasks.classification.constant_score import ConstantScore
from tasks.classification.extra_trees import ExtraTrees
from tasks.classification.light_gbm import LightGbm
from tasks.classification.logistic_regression import LogisticRegressionMember
from tasks.classification.members import Classifier
from tasks.classification.settings import (
    ClassifierSettings,
    ConstantScoreSettings,
    ExtraTreesSettings,
    LightGbmSettings,
    LogisticRegressionSettings,
    XgBoostSettings,
)
from tasks.classification.xg_boost import XgBoost


def classifier_of(member: ClassifierSettings) -> Classifier:
    """Give the classifier that a member's settings describe."""
    match member:
        case ExtraTreesSettings():
            return ExtraTrees(member)
        case LightGbmSettings():
            return LightGbm(member)
        case XgBoostSettings():
            return XgBoost(member)
        case LogisticRegressionSettings():
            return LogisticRegressionMember(member)
        case ConstantScoreSettings():
            return ConstantScore(member)
        case _:
            assert_never(member)
