"""The steps that a fit consists of, and one fit with given parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
from imblearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler

from tasks.classification.classifiers import classifier_of
from tasks.classification.dropping import MetricDropping
from tasks.classification.examples import Examples
from tasks.classification.resampling import FoldSmote
from tasks.classification.scoring import CompositeScore
from tasks.classification.settings import ClassificationSettings, ClassifierSettings

Parameters = dict[str, float | int | str | None]
Steps = list[tuple[str, Any]]


def preprocessing_steps(settings: ClassificationSettings) -> Steps:
    """Make the unfitted steps 'dropping' and 'scaling'."""
    return [
        ("dropping", MetricDropping(settings.correlation_limit)),
        ("scaling", MinMaxScaler(clip=False)),  # why not clipped: see CompositeScore
    ]


def fitting_steps(estimator: Any, settings: ClassificationSettings, seed: int) -> Steps:
    """Make the unfitted steps 'smote' (if wanted) and 'classifier'."""
    smote: Steps = [("smote", FoldSmote(seed))] if settings.smote else []
    return [*smote, ("classifier", estimator)]


def fitted(
    member: ClassifierSettings,
    settings: ClassificationSettings,
    examples: Examples,
    parameters: Parameters,
    seed: int,
) -> CompositeScore:
    """Fit dropping, scaling, SMOTE and the classifier with `parameters` on all given images."""
    classifier = classifier_of(member)
    estimator = classifier.estimator(seed).set_params(**parameters)
    pipeline = Pipeline(
        [*preprocessing_steps(settings), *fitting_steps(estimator, settings, seed)]
    ).fit(examples.table, examples.labels)
    scaling = pipeline.named_steps["scaling"]
    return CompositeScore(
        member=member,
        columns=examples.columns,
        kept=pipeline.named_steps["dropping"].kept_K,
        scale=np.asarray(scaling.scale_, dtype=np.float64),
        offset=np.asarray(scaling.min_, dtype=np.float64),
        model=classifier.model(pipeline.named_steps["classifier"]),
        searched=parameters,
    )
