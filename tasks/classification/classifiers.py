"""The union's one `match`: from a member's settings to its classifier."""

from __future__ import annotations

from typing import assert_never

from tasks.classification import settings
from tasks.classification.ada_boost import AdaBoost
from tasks.classification.constant_score import ConstantScore
from tasks.classification.decision_tree import DecisionTree
from tasks.classification.extra_trees import ExtraTrees
from tasks.classification.gradient_boosting import GradientBoosting
from tasks.classification.light_gbm import LightGbm
from tasks.classification.linear_discriminant import LinearDiscriminant
from tasks.classification.logistic_regression import LogisticRegressionMember
from tasks.classification.members import Classifier
from tasks.classification.naive_bayes import NaiveBayes
from tasks.classification.nearest_neighbours import NearestNeighbours
from tasks.classification.quadratic_discriminant import QuadraticDiscriminant
from tasks.classification.random_forest import RandomForest
from tasks.classification.settings import ClassifierSettings
from tasks.classification.xg_boost import XgBoost
from tasks.classification.zfn_boosting import ZfnBoosting


def classifier_of(member: ClassifierSettings) -> Classifier:  # one per member
    """Give the classifier that a member's settings describe."""
    match member:
        case settings.DecisionTreeSettings():
            return DecisionTree(member)
        case settings.RandomForestSettings():
            return RandomForest(member)
        case settings.ExtraTreesSettings():
            return ExtraTrees(member)
        case settings.AdaBoostSettings():
            return AdaBoost(member)
        case settings.LightGbmSettings():
            return LightGbm(member)
        case settings.GradientBoostingSettings():
            return GradientBoosting(member)
        case settings.XgBoostSettings():
            return XgBoost(member)
        case settings.LogisticRegressionSettings():
            return LogisticRegressionMember(member)
        case settings.NearestNeighboursSettings():
            return NearestNeighbours(member)
        case settings.NaiveBayesSettings():
            return NaiveBayes(member)
        case settings.LinearDiscriminantSettings():
            return LinearDiscriminant(member)
        case settings.QuadraticDiscriminantSettings():
            return QuadraticDiscriminant(member)
        case settings.ZfnBoostingSettings():
            return ZfnBoosting(member)
        case settings.ConstantScoreSettings():
            return ConstantScore(member)
        case _:
            assert_never(member)
