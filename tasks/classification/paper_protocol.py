"""The paper's own protocol, kept apart: its figures are optimistic, never mixed with honest ones.

Metric dropping, scaling and the search are fitted on all images; then each image is scored by a fit
on all others with the parameters found. So every image has shaped the preprocessing and the
parameters by which it is scored. Beside the honest out-of-fold scores, the difference is the
protocol's optimism.

Legend: N images, M metrics; labels 1 = abnormal, 0 = normal.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import joblib
import numpy as np
from imblearn.pipeline import Pipeline

from tasks.classification.classifiers import classifier_of
from tasks.classification.examples import checked_examples
from tasks.classification.folds import fold_count
from tasks.classification.pipelines import (
    fitting_steps,
    preprocessing_steps,
    searched_parameters,
)
from tasks.classification.settings import ClassificationSettings, ClassifierSettings
from tasks.vocabulary.arrays import Float64Array, Int64Array


def paper_protocol_scores(
    member: ClassifierSettings,
    settings: ClassificationSettings,
    table_NM: Float64Array,
    labels_N: Int64Array,
    n_jobs: int = -1,
) -> Float64Array:
    """Score each image as the paper does: float64 [N], leave-one-out with the searched parameters.

    Source: VQGanoDIP, section 3.3, phases 1 to 3 (`settings.draws` = 500 and 5 folds there). One
    fit per image: minutes for hundreds of them. Errors as in `fit_classifier`; InputError also for
    a class of fewer than two images.
    """
    examples = checked_examples(table_NM, labels_N)
    fold_count(examples, 2, exact=True)
    preprocessing = Pipeline(preprocessing_steps(settings))
    table_NK = preprocessing.fit_transform(examples.table)
    kept_K = preprocessing.named_steps["dropping"].kept_K
    examples = replace(examples, table=table_NK, columns=tuple(map(str, kept_K)))
    classifier, seed = classifier_of(member), settings.seed
    pipeline = Pipeline(fitting_steps(classifier.estimator(seed), settings, seed))
    found = searched_parameters(
        pipeline, classifier.search_space(), settings, examples, seed, n_jobs
    )

    def left_out(image: int) -> float:
        others = examples.part(np.delete(np.arange(len(examples.labels)), image))
        estimator = classifier.estimator(seed).set_params(**found)
        fit = Pipeline(fitting_steps(estimator, settings, seed))
        fit.fit(others.table, others.labels)
        model = classifier.model(fit.named_steps["classifier"])
        return float(model.scores(examples.table[[image]])[0])

    with ThreadPoolExecutor(joblib.effective_n_jobs(n_jobs)) as threads:
        return np.fromiter(threads.map(left_out, range(len(examples.labels))), dtype=np.float64)
