"""The steps that a fit consists of, and the search of the classifier's parameters."""

from __future__ import annotations

from typing import Any

import joblib
import numpy as np
from imblearn.pipeline import Pipeline
from sklearn.model_selection import RandomizedSearchCV
from sklearn.preprocessing import MinMaxScaler

from tasks.classification.dropping import MetricDropping
from tasks.classification.examples import Examples
from tasks.classification.folds import fold_count, splits
from tasks.classification.resampling import FoldSmote
from tasks.classification.settings import ClassificationSettings

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


def searched_parameters(
    pipeline: Pipeline,
    space: dict[str, Any],
    settings: ClassificationSettings,
    examples: Examples,
    seed: int,
    n_jobs: int,
) -> Parameters:
    """Search the classifier's parameters: the draw with the best mean AUROC over inner folds.

    Inner folds are `settings.folds`, or as many as the rarer class can fill. Empty if there is
    nothing to search. The draws do not depend on `n_jobs`.
    """
    if settings.draws == 0 or not space:
        return {}
    folds = fold_count(examples, settings.folds, exact=False)
    search = RandomizedSearchCV(
        pipeline,
        {f"classifier__{name}": values for name, values in space.items()},
        n_iter=settings.draws,
        scoring="roc_auc",
        cv=splits(examples, folds, seed),
        random_state=seed,
        refit=False,
        error_score="raise",
    )
    with joblib.parallel_config("threading", n_jobs=n_jobs):
        search.fit(examples.table, examples.labels)
    return {
        name.removeprefix("classifier__"): value.item() if isinstance(value, np.generic) else value
        for name, value in search.best_params_.items()
    }
