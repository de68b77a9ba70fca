"""Settings of classification: the members to try and how they are fitted and compared."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, field_validator

from tasks.vocabulary.settings import Settings

Share = Annotated[float, Field(gt=0, le=1)]


class ExtraTreesSettings(Settings):
    """Extremely randomised trees: the paper's best member.

    Many trees and leaves of two give scores finer than 1 / `trees`; with pure leaves and few trees
    a hard defect gets exactly 0, and a ZFN threshold of 0 flags everything.
    """

    kind: Literal["extra_trees"] = "extra_trees"
    trees: PositiveInt = 500
    min_samples_leaf: PositiveInt = 2
    max_features: Share | Literal["sqrt"] = "sqrt"


class LightGbmSettings(Settings):
    """LightGBM, small trees and slow learning: tables here have hundreds of rows, not millions."""

    kind: Literal["lightgbm"] = "lightgbm"
    trees: PositiveInt = 300
    leaves: Annotated[int, Field(ge=2)] = 15
    learning_rate: PositiveFloat = 0.05
    min_samples_leaf: PositiveInt = 10
    row_share: Share = 0.8
    column_share: Share = 0.5


class XgBoostSettings(Settings):
    """XGBoost, shallow trees and slow learning."""

    kind: Literal["xgboost"] = "xgboost"
    trees: PositiveInt = 300
    depth: PositiveInt = 4
    learning_rate: PositiveFloat = 0.05
    min_child_weight: PositiveFloat = 1.0
    row_share: Share = 0.8
    column_share: Share = 0.5


class LogisticRegressionSettings(Settings):
    """Logistic regression with an L2 penalty; `inverse_penalty` is scikit-learn's C."""

    kind: Literal["logistic_regression"] = "logistic_regression"
    inverse_penalty: PositiveFloat = 1.0


class ConstantScoreSettings(Settings):
    """The trivial member: one score for every image, hence everything is flagged."""

    kind: Literal["constant_score"] = "constant_score"


ClassifierSettings = Annotated[
    ExtraTreesSettings
    | LightGbmSettings
    | XgBoostSettings
    | LogisticRegressionSettings
    | ConstantScoreSettings,
    Field(discriminator="kind"),
]

Criterion = Literal["auroc", "zfn_accuracy"]


class ClassificationSettings(Settings):
    """How composite scores are fitted and how the member is chosen.

    | setting | meaning |
    | --- | --- |
    | `members` | classifiers to try; of equally good ones the first is taken; no kind twice |
    | `folds` | of the stratified k-fold |
    | `repeats` | of the k-fold, with other splits; the scores are means over repeats (see below) |
    | `draws` | of the randomized search inside each training part; 0 = defaults (paper: 500) |
    | `seed` | of folds, search, SMOTE and classifiers |
    | `correlation_limit` | of two metrics with a larger absolute correlation the first is kept |
    | `smote` | synthesise the rarer class where classes are unequal, in training parts only |
    | `criterion` | what chooses the member: see `tasks.classification.choosing` |

    One repeat is the default: a mean over several fits varies less than the single final fit that
    scores new images, so the lowest of such means is too high a threshold. More repeats steady the
    development figures, at that price.
    """

    members: Annotated[tuple[ClassifierSettings, ...], Field(min_length=1)] = (
        ExtraTreesSettings(),
        LightGbmSettings(),
        XgBoostSettings(),
        LogisticRegressionSettings(),
    )
    folds: Annotated[int, Field(ge=2)] = 5
    repeats: PositiveInt = 1
    draws: NonNegativeInt = 0
    seed: Annotated[int, Field(ge=0, lt=2**30)] = 0
    correlation_limit: Share = 0.95
    smote: bool = True
    criterion: Criterion = "auroc"

    @field_validator("members")
    @classmethod
    def _distinct(cls, members: tuple[ClassifierSettings, ...]) -> tuple[ClassifierSettings, ...]:
        kinds = [member.kind for member in members]
        if len(set(kinds)) < len(kinds):
            raise ValueError("A kind of classifier is listed twice; scores are kept by kind.")
        return members
