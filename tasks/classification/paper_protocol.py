"""The paper's own protocol, kept apart: its figures are optimistic, never mixed with honest ones.

Metric dropping, scaling and the search are fitted on all images; then each image is scored by a fit
on all others with the parameters found; the threshold is read from the very scores it is applied
to, and the classifier with the best figure wins. So every image has shaped the preprocessing, the
parameters, the threshold and the choice by which it is judged. Beside the honest protocol, the
difference is the optimism.

Each step is a pure function of pickling arguments, so that a caller can spread it and store what is
done: `prepared`, then for each member `candidates` and `search_steps` (module `searching`) with a
`PublishedFit`, `left_out_scores` for some images at a time, `paper_row`, and `paper_winner`.

Source: VQGanoDIP, section 3.3 (500 draws, 5 folds). The paper does not say what its search
maximises; here it is `settings.search_criterion`.

Legend: N images, M metrics, K kept metrics; labels 1 = abnormal, 0 = normal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from imblearn.pipeline import Pipeline

from tasks.classification.classifiers import classifier_of
from tasks.classification.examples import Examples, checked_examples
from tasks.classification.folds import fold_count
from tasks.classification.members import Model
from tasks.classification.operating import OperatingPoint, operating_point, point_at
from tasks.classification.pipelines import Parameters, fitting_steps, preprocessing_steps
from tasks.classification.searching import best, candidates, search_steps
from tasks.classification.settings import ClassificationSettings, ClassifierSettings
from tasks.classification.spreading import Spread, threads
from tasks.vocabulary.arrays import Float64Array, Int64Array
from tasks.vocabulary.errors import InputError

STANDARD_THRESHOLD = 0.5
"""Every member's score crosses one half where its own ordinary decision changes."""


@dataclass(frozen=True)
class PaperRow:
    """One row of the paper's Table 1: accuracy, precision, FPR and FNR at STD and at ZFN.

    `standard.accuracy`, `zfn.false_positive_rate` and so on. `zfn.tied_normals` counts normals that
    are flagged only because they tie with the hardest defect.
    """

    kind: str
    parameters: Parameters
    standard: OperatingPoint
    zfn: OperatingPoint


@dataclass(frozen=True)
class PublishedFit:
    """A fit on prepared images: SMOTE and the classifier see the training part, the rest saw all."""

    member: ClassifierSettings
    settings: ClassificationSettings

    def __call__(self, examples: Examples, parameters: Parameters, /) -> PreparedScore:
        """Fit the classifier with `parameters`."""
        classifier, seed = classifier_of(self.member), self.settings.seed
        estimator = classifier.estimator(seed).set_params(**parameters)
        pipeline = Pipeline(fitting_steps(estimator, self.settings, seed))
        pipeline.fit(examples.table, examples.labels)
        return PreparedScore(classifier.model(pipeline.named_steps["classifier"]))


@dataclass(frozen=True)
class PreparedScore:
    """Scores rows that are prepared already."""

    model: Model

    def score(self, table_NK: Float64Array, /) -> Float64Array:
        """Give the probability of abnormal."""
        return self.model.scores(np.ascontiguousarray(table_NK))


def prepared(
    settings: ClassificationSettings, table_NM: Float64Array, labels_N: Int64Array
) -> Examples:
    """Drop and scale metrics by all images: Phase 1. Errors as in `fit_classifier`.

    InputError also for a class of fewer than two images: one is left out at a time.
    """
    examples = checked_examples(table_NM, labels_N)
    fold_count(examples, 2, exact=True)
    preprocessing = Pipeline(preprocessing_steps(settings))
    table_NK = preprocessing.fit_transform(examples.table)
    kept_K = preprocessing.named_steps["dropping"].kept_K
    return replace(examples, table=table_NK, columns=tuple(map(str, kept_K)))


def left_out_scores(
    fit: PublishedFit,
    examples: Examples,
    parameters: Parameters,
    images: Sequence[int],
    spread: Spread = map,
) -> Float64Array:
    """Score each of `images` by a fit on all other prepared images: Phase 3. One fit per image."""
    scores = spread(partial(_left_out, fit, examples, parameters), images)
    return np.fromiter(scores, dtype=np.float64, count=len(images))


def paper_row(
    kind: str, parameters: Parameters, scores_N: Float64Array, labels_N: Int64Array
) -> PaperRow:
    """Count at the ordinary decision and at the lowest abnormal score: Phase 4."""
    return PaperRow(
        kind,
        parameters,
        point_at(scores_N, labels_N, STANDARD_THRESHOLD),
        operating_point(scores_N, labels_N, 0.0),
    )


def paper_winner(rows: Sequence[PaperRow]) -> PaperRow:
    """Choose the row with the best ZFN accuracy, the first of equals: Phase 4."""
    if not rows:
        raise InputError("There is no classifier to choose from.", "List at least one member.")
    return max(rows, key=lambda row: row.zfn.accuracy)


def paper_protocol(
    settings: ClassificationSettings,
    table_NM: Float64Array,
    labels_N: Int64Array,
    spread: Spread = map,
) -> tuple[PaperRow, ...]:
    """Run all phases for every member in one go, without storing: one row each, in their order."""
    examples = prepared(settings, table_NM, labels_N)
    rows = []
    for member in settings.members:
        found, scores_N = _member_scores(member, settings, examples, spread)
        rows.append(paper_row(member.kind, found, scores_N, examples.labels))
    return tuple(rows)


def paper_protocol_scores(
    member: ClassifierSettings,
    settings: ClassificationSettings,
    table_NM: Float64Array,
    labels_N: Int64Array,
    n_jobs: int = -1,
) -> Float64Array:
    """Score each image as the paper does: float64 [N], leave-one-out with the searched parameters.

    One fit per image: minutes for hundreds of them. Errors as in `prepared`.
    """
    examples = prepared(settings, table_NM, labels_N)
    with threads(n_jobs) as spread:
        return _member_scores(member, settings, examples, spread)[1]


def _member_scores(
    member: ClassifierSettings, settings: ClassificationSettings, examples: Examples, spread: Spread
) -> tuple[Parameters, Float64Array]:
    fit = PublishedFit(member, settings)
    drawn = candidates(member, settings.draws, settings.seed)
    *_, last = search_steps(fit, drawn, settings, examples, settings.seed, spread)
    found = best(drawn, last.figures)
    return found, left_out_scores(fit, examples, found, range(len(examples.labels)), spread)


def _left_out(fit: PublishedFit, examples: Examples, parameters: Parameters, image: int) -> float:
    others = examples.part(np.delete(np.arange(len(examples.labels)), image))
    return float(fit(others, parameters).score(examples.table[[image]])[0])
