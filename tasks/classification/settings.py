"""Settings of classification: the members to try and how they are fitted and compared."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    field_validator,
)

from tasks.vocabulary.settings import Settings

Share = Annotated[float, Field(gt=0, le=1)]


class DecisionTreeSettings(Settings):
    """One decision tree, small: its leaves are all the scores there are."""

    kind: Literal["decision_tree"] = "decision_tree"
    depth: PositiveInt = 6
    min_samples_leaf: PositiveInt = 5


class RandomForestSettings(Settings):
    """A random forest; as for `extra_trees`, leaves of two keep scores off exactly 0."""

    kind: Literal["random_forest"] = "random_forest"
    trees: PositiveInt = 500
    min_samples_leaf: PositiveInt = 2
    max_features: Share | Literal["sqrt"] = "sqrt"


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


class AdaBoostSettings(Settings):
    """AdaBoost of stumps, or of trees as deep as `depth`."""

    kind: Literal["ada_boost"] = "ada_boost"
    trees: PositiveInt = 100
    depth: PositiveInt = 1
    learning_rate: PositiveFloat = 0.5


class GradientBoostingSettings(Settings):
    """scikit-learn's gradient boosting, shallow trees and slow learning."""

    kind: Literal["gradient_boosting"] = "gradient_boosting"
    trees: PositiveInt = 200
    depth: PositiveInt = 3
    learning_rate: PositiveFloat = 0.05
    row_share: Share = 0.8
    column_share: Share = 0.2


class ZfnBoostingSettings(Settings):
    """LightGBM whose loss is the false calls that the hardest defects cost: see `zfn_loss`.

    `share` of the loss is the ZFN term, the rest is the ordinary log loss; `focus` 0 weighs all
    defects alike, and with growing `focus` only the hardest ones count.
    """

    kind: Literal["zfn_boosting"] = "zfn_boosting"
    trees: PositiveInt = 300
    leaves: Annotated[int, Field(ge=2)] = 15
    learning_rate: PositiveFloat = 0.05
    min_samples_leaf: PositiveInt = 10
    row_share: Share = 0.8
    column_share: Share = 0.5
    share: Share = 0.7
    focus: NonNegativeFloat = 1.0


class NearestNeighboursSettings(Settings):
    """Votes of the nearest fitted images, alike or weighted by the inverse distance."""

    kind: Literal["nearest_neighbours"] = "nearest_neighbours"
    neighbours: PositiveInt = 7
    votes: Literal["uniform", "distance"] = "uniform"


class NaiveBayesSettings(Settings):
    """Gaussian naive Bayes; `smoothing` is the share of the largest variance added to all."""

    kind: Literal["naive_bayes"] = "naive_bayes"
    smoothing: PositiveFloat = 1e-3


class LinearDiscriminantSettings(Settings):
    """Linear discriminant analysis; `auto` shrinks the covariance by Ledoit and Wolf's lemma."""

    kind: Literal["linear_discriminant"] = "linear_discriminant"
    shrinkage: Share | Literal["auto"] = "auto"


class QuadraticDiscriminantSettings(Settings):
    """Quadratic discriminant analysis with shrunk covariances."""

    kind: Literal["quadratic_discriminant"] = "quadratic_discriminant"
    shrinkage: Share = 0.1


class ConstantScoreSettings(Settings):
    """The trivial member: one score for every image, hence everything is flagged."""

    kind: Literal["constant_score"] = "constant_score"


ClassifierSettings = Annotated[
    DecisionTreeSettings
    | RandomForestSettings
    | ExtraTreesSettings
    | AdaBoostSettings
    | LightGbmSettings
    | GradientBoostingSettings
    | XgBoostSettings
    | LogisticRegressionSettings
    | NearestNeighboursSettings
    | NaiveBayesSettings
    | LinearDiscriminantSettings
    | QuadraticDiscriminantSettings
    | ZfnBoostingSettings
    | ConstantScoreSettings,
    Field(discriminator="kind"),
]

PAPER_MEMBERS: tuple[ClassifierSettings, ...] = (
    DecisionTreeSettings(),
    RandomForestSettings(),
    ExtraTreesSettings(),
    AdaBoostSettings(),
    LightGbmSettings(),
    GradientBoostingSettings(),
    XgBoostSettings(),
    LogisticRegressionSettings(),
    NearestNeighboursSettings(),
    NaiveBayesSettings(),
    LinearDiscriminantSettings(),
    QuadraticDiscriminantSettings(),
)
"""The twelve classifiers of VQGanoDIP, section 3.3, phase 2, in its order."""

Criterion = Literal[
    "auroc",
    "partial_auroc",
    "zfn_accuracy",
    "false_calls_at_0",
    "false_calls_at_1",
    "false_calls_at_2",
]
"""What choosing and search maximise: see `tasks.classification.criteria`."""


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
    | `search_criterion` | what chooses among draws: see `tasks.classification.criteria` |

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
    search_criterion: Criterion = "auroc"

    @field_validator("members")
    @classmethod
    def _distinct(cls, members: tuple[ClassifierSettings, ...]) -> tuple[ClassifierSettings, ...]:
        kinds = [member.kind for member in members]
        if len(set(kinds)) < len(kinds):
            raise ValueError("A kind of classifier is listed twice; scores are kept by kind.")
        return members


class ProtocolSettings(Settings):
    """The outer loop of the honest protocol; the inner one is `ClassificationSettings`.

    | setting | meaning |
    | --- | --- |
    | `folds`, `repeats`, `seed` | of the outer stratified (group) k-fold |
    | `escape_fractions` | steps of the ladder: shares of defects that may be missed |
    """

    folds: Annotated[int, Field(ge=2)] = 5
    repeats: PositiveInt = 5
    seed: Annotated[int, Field(ge=0, lt=2**30)] = 0
    escape_fractions: Annotated[
        tuple[Annotated[float, Field(ge=0, lt=1)], ...], Field(min_length=1)
    ] = (0.0, 0.01, 0.02, 0.05)


class EvaluationSettings(Settings):
    """Both protocols over the same members: what the paper would report, and what may be promised.

    | setting | meaning |
    | --- | --- |
    | `members` | classifiers to judge; default: the twelve of the paper |
    | `published_draws` | of the one search over the whole table (paper: 500) |
    | `draws` | of the search inside each outer training part; there are folds x repeats of them |
    | `outer` | outer folds of the honest protocol |
    """

    members: Annotated[tuple[ClassifierSettings, ...], Field(min_length=1)] = PAPER_MEMBERS
    published_draws: NonNegativeInt = 500
    draws: NonNegativeInt = 10
    outer: ProtocolSettings = ProtocolSettings()
