"""Fitting a composite score, and scoring images by fits that have not seen them.

Everything is fitted inside the training part: metric dropping, scaling, SMOTE, search and
classifier (the paper fits the first two on all images). Folds run on threads, each fit on one, so
results do not depend on `n_jobs`.

Legend: N images, M metrics; labels 1 = abnormal, 0 = normal; groups name what must stay together
(panel, lot, serial, near-duplicates).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from tasks.classification.examples import Examples, Groups, checked_examples
from tasks.classification.folds import fold_count, splits
from tasks.classification.pipelines import fitted
from tasks.classification.scoring import CompositeScore
from tasks.classification.searching import search
from tasks.classification.settings import ClassificationSettings, ClassifierSettings
from tasks.classification.spreading import Spread, threads
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

    The search judges draws by stratified folds (kept whole by group) of the given images only.
    InputError for missing values, unknown labels, mismatched shapes, or too few images of a class;
    NoSafeThresholdError without abnormal images: a score fitted on normals alone would pass all.
    """
    examples = checked_examples(table_NM, labels_N, columns, groups_N)
    with threads(n_jobs) as spread:
        searched = search(member, settings, examples, settings.seed, spread)
    return fitted(member, settings, examples, searched, settings.seed)


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

    def searched_fit(training: Examples, seed: int) -> CompositeScore:
        found = search(member, settings, training, seed)
        return fitted(member, settings, training, found, seed)

    with threads(n_jobs) as spread:
        return held_out_scores(searched_fit, settings, examples, settings.seed, spread)


def held_out_scores(
    fit: Callable[[Examples, int], CompositeScore],
    settings: ClassificationSettings,
    examples: Examples,
    seed: int,
    spread: Spread = map,
) -> Float64Array:
    """Score each image by `fit(training part, seed)` of repeated folds: mean over repeats, [N].

    Folds are `settings.folds`, or as many as the rarer class can fill.
    """
    jobs = held_out_parts(settings, examples, seed)
    sums_N = np.zeros(len(examples.labels))
    # In the order of `jobs`, whichever ends first: float sums depend on order.
    found = spread(partial(_held_out, fit, examples), jobs)
    for (_, _, testing), scores in zip(jobs, found, strict=True):
        sums_N[testing] += scores
    return sums_N / settings.repeats


def held_out_parts(
    settings: ClassificationSettings, examples: Examples, seed: int
) -> list[tuple[int, Int64Array, Int64Array]]:
    """Deal the repeated folds of `held_out_scores`: (seed of the fit, training, testing) each."""
    folds = fold_count(examples, settings.folds, exact=False)
    return [
        (seed + repeat, training, testing)
        for repeat in range(settings.repeats)
        for training, testing in splits(examples, folds, seed + repeat)
    ]


def _held_out(
    fit: Callable[[Examples, int], CompositeScore],
    examples: Examples,
    job: tuple[int, Int64Array, Int64Array],
) -> Float64Array:
    seed, training, testing = job
    return fit(examples.part(training), seed).score(examples.table[testing])
