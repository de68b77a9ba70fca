"""Fitting a composite score, and scoring images by fits that have not seen them.

Everything is fitted inside the training part: metric dropping, scaling, SMOTE, search and
classifier (the paper fits the first two on all images). Folds run on threads, each fit on one, so
results do not depend on `n_jobs`.

Legend: N images, M metrics; labels 1 = abnormal, 0 = normal; groups name what must stay together
(panel, lot, serial, near-duplicates).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
from imblearn.pipeline import Pipeline

from tasks.classification.classifiers import classifier_of
from tasks.classification.examples import Examples, Groups, checked_examples
from tasks.classification.folds import fold_count, splits
from tasks.classification.pipelines import (
    fitting_steps,
    preprocessing_steps,
    searched_parameters,
)
from tasks.classification.scoring import CompositeScore
from tasks.classification.settings import ClassificationSettings, ClassifierSettings
from tasks.vocabulary.arrays import Float64Array, Int64Array


def fit_classifier(
    member: ClassifierSettings,
    settings: ClassificationSettings,
    table_NM: Float64Array,
    labels_N: Int64Array,
    columns: Sequence[str],
    groups_N: Groups | None = None,
    n_jobs: int = -1,
) -> CompositeScore:
    """Fit one member on all given images, with a randomized search first if `settings.draws` > 0.

    The search scores AUROC by stratified folds (kept whole by group) of the given images only.
    InputError for missing values, unknown labels, mismatched shapes, or too few images of a class;
    NoSafeThresholdError without abnormal images: a score fitted on normals alone would pass all.
    """
    examples = checked_examples(table_NM, labels_N, columns, groups_N)
    return _fit(member, settings, examples, settings.seed, n_jobs)


def out_of_fold_scores(
    member: ClassifierSettings,
    settings: ClassificationSettings,
    table_NM: Float64Array,
    labels_N: Int64Array,
    groups_N: Groups | None = None,
    n_jobs: int = -1,
) -> Float64Array:
    """Score each image by fits that saw neither it nor its group: float64 [N], mean over repeats.

    Repeated stratified k-fold, whole groups where given. Errors as in `fit_classifier`, and
    InputError if a class has fewer images (or groups) than there are folds.
    A threshold read from these scores belongs to the ensemble of the fold fits; that the final fit,
    made on more images, scores alike is an assumption to be certified on held-out images.
    """
    examples = checked_examples(table_NM, labels_N, groups_N=groups_N)
    fold_count(examples, settings.folds, exact=True)
    jobs = [
        (settings.seed + repeat, training, testing)
        for repeat in range(settings.repeats)
        for training, testing in splits(examples, settings.folds, settings.seed + repeat)
    ]

    def held_out(job: tuple[int, Int64Array, Int64Array]) -> Float64Array:
        seed, training, testing = job
        fitted = _fit(member, settings, examples.part(training), seed, n_jobs=1)
        return fitted.score(examples.table[testing])

    sums_N = np.zeros(len(examples.labels))
    with ThreadPoolExecutor(joblib.effective_n_jobs(n_jobs)) as threads:
        # In the order of `jobs`, whichever thread ends first: float sums depend on order.
        for (_, _, testing), scores in zip(jobs, threads.map(held_out, jobs), strict=True):
            sums_N[testing] += scores
    return sums_N / settings.repeats


def _fit(
    member: ClassifierSettings,
    settings: ClassificationSettings,
    examples: Examples,
    seed: int,
    n_jobs: int,
) -> CompositeScore:
    classifier = classifier_of(member)
    pipeline = Pipeline(
        [*preprocessing_steps(settings), *fitting_steps(classifier.estimator(seed), settings, seed)]
    )
    searched = searched_parameters(
        pipeline, classifier.search_space(), settings, examples, seed, n_jobs
    )
    pipeline.set_params(**{f"classifier__{name}": value for name, value in searched.items()})
    pipeline.fit(examples.table, examples.labels)
    scaling = pipeline.named_steps["scaling"]
    return CompositeScore(
        member=member,
        columns=examples.columns,
        kept=pipeline.named_steps["dropping"].kept_K,
        scale=np.asarray(scaling.scale_, dtype=np.float64),
        offset=np.asarray(scaling.min_, dtype=np.float64),
        model=classifier.model(pipeline.named_steps["classifier"]),
        searched=searched,
    )
