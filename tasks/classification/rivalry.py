"""From the rows of a rival to its scores: what is chosen or fitted sees the training part alone.

A rival describes every image by a row of K numbers that it learnt to give from normals. A judgement
makes scores of rows, in the same folds and by the same steps as composite scores, so that everything
behind `FoldTrial` treats both alike. An image whose row has no value is flagged (`inf`).

Legend: N images, K columns; labels 1 = abnormal, 0 = normal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING, Literal, assert_never

import numpy as np

from tasks.classification.criteria import figure_of
from tasks.classification.developing import Trial, tried
from tasks.classification.examples import Examples, Groups
from tasks.classification.honest_figures import FoldTrial
from tasks.classification.honest_protocol import OuterJob, run
from tasks.classification.network_settings import NetworkSettings
from tasks.classification.operating import point_at
from tasks.classification.pipelines import fitted
from tasks.classification.settings import (
    ClassificationSettings,
    ClassifierSettings,
    ExtraTreesSettings,
    LogisticRegressionSettings,
)
from tasks.classification.training import held_out_parts
from tasks.vocabulary.arrays import BoolArray, Float64Array, Int64Array
from tasks.vocabulary.errors import InputError

if TYPE_CHECKING:
    from tasks.classification.siamese import FittedNetwork

Column = Literal["direct", "best_column", "best_of_groups"]
Learnt = Literal["classifier", "stack"]

STACKED: tuple[ClassifierSettings, ...] = (LogisticRegressionSettings(), ExtraTreesSettings())
"""Members whose answers about the columns after the first join the first column in a stack."""


@dataclass(frozen=True, eq=False)
class Rows:
    """What a rival says: `table` float64 [N, K] (NaN where it has no answer), labels [N], names [K]."""

    table: Float64Array
    labels: Int64Array
    columns: tuple[str, ...]

    @property
    def answered(self) -> BoolArray:
        """`bool [N]`: which images have a whole row."""
        return np.asarray(np.isfinite(self.table).all(axis=1), dtype=np.bool_)


@dataclass(frozen=True, eq=False)
class Part:
    """Indices of the images that are learnt from, and of those that are scored."""

    repeat: int
    fold: int
    training: Int64Array
    testing: Int64Array


def by_columns(
    kind: str, judgement: Column, rows: Rows, parts: Sequence[Part]
) -> tuple[FoldTrial, ...]:
    """Scores that are one column of the rows, part by part.

    `direct` has one column; `best_column` takes the one with the best AUROC on each training part.
    `best_of_groups` is golden samples as published: in each group (`group/name`) the column that is
    best on *all* images, in hindsight; every group counts as further repeats, so figures are means.
    """
    match judgement:
        case "direct":
            if rows.table.shape[1] != 1:
                raise InputError(f"{kind} has {rows.table.shape[1]} columns.", "Name a judgement.")
            return tuple(_by_column(kind, rows, part, 0) for part in parts)
        case "best_column":
            every = np.arange(rows.table.shape[1])
            return tuple(
                _by_column(kind, rows, part, _best(rows, part.training, every)) for part in parts
            )
        case "best_of_groups":
            repeats = 1 + max(part.repeat for part in parts)
            found = [_best(rows, np.arange(len(rows.labels)), group) for group in _groups(rows)]
            return tuple(
                _by_column(kind, rows, replace(part, repeat=at * repeats + part.repeat), column)
                for at, column in enumerate(found)
                for part in parts
            )
        case _:
            assert_never(judgement)


def by_classifier(
    kind: str,
    judgement: Learnt,
    member: ClassifierSettings,
    settings: ClassificationSettings,
    rows: Rows,
    part: Part,
    groups_N: Groups | None = None,
    stacked: Sequence[ClassifierSettings] = STACKED,
) -> FoldTrial:
    """Fit a member on the rows of the training part, as a composite score is fitted.

    In a `stack`, the `stacked` members answer first from the columns after the first, out of fold
    within the training part, and `member` joins their answers with the first column. What it is
    fitted on has hence seen every training label once; testing images have seen none.
    """
    training, testing = (each[rows.answered[each]] for each in (part.training, part.testing))
    examples = Examples(np.nan_to_num(rows.table), rows.labels, rows.columns, groups_N)
    match judgement:
        case "classifier":
            pass
        case "stack":
            examples = _stacked(stacked, settings, examples, replace(part, training=training))
            # Three columns are all wanted: none is dropped for agreeing with another.
            settings = settings.model_copy(update={"correlation_limit": 1.0})
        case _:
            assert_never(judgement)
    done = run(settings, examples, OuterJob(part.repeat, part.fold, training, testing, member))
    return replace(
        done,
        training=tuple(part.training.tolist()),
        testing=tuple(part.testing.tolist()),
        trial=Trial(kind, done.trial.searched, _spread(done.trial.scores, part.training, rows)),
        scores=_spread(done.scores, part.testing, rows),
    )


def by_network(
    kind: str,
    network: NetworkSettings,
    settings: ClassificationSettings,
    rows: Rows,
    part: Part,
    groups_N: Groups | None = None,
) -> FoldTrial:
    """Train a network on the maps of the training part; out of fold for the training part itself.

    Inner folds and seeds are those of a classifier. InputError as in `fitted_network`.
    """
    from tasks.classification.siamese import fitted_network  # torch waits until it is wanted

    def fit(images: Int64Array, seed: int) -> FittedNetwork:
        return fitted_network(network, rows.table[images], rows.labels[images], rows.columns, seed)

    training, testing = (each[rows.answered[each]] for each in (part.training, part.testing))
    seed = settings.seed + part.repeat
    final = fit(training, seed)  # first: it refuses a single class with what to do about it
    # Folds ask for labels and groups only.
    learnt = Examples(np.zeros((rows.labels.size, 1)), rows.labels, ("none",), groups_N).part(
        training
    )
    scores_T = np.zeros(training.size)
    for fold_seed, inner, held_out in held_out_parts(settings, learnt, seed):
        scores_T[held_out] += fit(training[inner], fold_seed).score(rows.table[training[held_out]])
    return FoldTrial(
        repeat=part.repeat,
        fold=part.fold,
        training=tuple(part.training.tolist()),
        testing=tuple(part.testing.tolist()),
        trial=Trial(kind, {}, _spread((scores_T / settings.repeats).tolist(), part.training, rows)),
        scores=_spread(final.score(rows.table[testing]).tolist(), part.testing, rows),
        fingerprint=final.fingerprint,
    )


def network_scores(
    network: NetworkSettings, settings: ClassificationSettings, rows: Rows, part: Part
) -> Float64Array:
    """Scores of the testing part alone, by one network of the training part; `inf` is flagged.

    A training part without defects teaches to call every image good: 0 for all, nothing is trained.
    """
    from tasks.classification.siamese import fitted_network  # torch waits until it is wanted

    training, testing = (each[rows.answered[each]] for each in (part.training, part.testing))
    if not rows.labels[training].any():
        return np.where(rows.answered[part.testing], 0.0, np.inf)
    seed = settings.seed + part.repeat
    fitted = fitted_network(
        network, rows.table[training], rows.labels[training], rows.columns, seed
    )
    found = _spread(fitted.score(rows.table[testing]).tolist(), part.testing, rows)
    return np.asarray(found, dtype=np.float64)


def ordinary_accuracy(
    trials: Sequence[FoldTrial], labels_N: Int64Array, cut: float | None
) -> float:
    """Accuracy at the ordinary decision, mean over repeats: the paper's 'STD'.

    `cut` is that decision of a probability; None for any other score: then each fold takes the cut
    with the best accuracy on its training part.
    """
    right: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for one in trials:
        at = best_cut(one.trial.scores_N, labels_N[list(one.training)]) if cut is None else cut
        point = point_at(np.asarray(one.scores), labels_N[list(one.testing)], at)
        right[one.repeat].append((point.escapes + point.false_calls, len(one.testing)))
    shares = [[sum(counts) for counts in zip(*found, strict=True)] for found in right.values()]
    return fmean(1.0 - wrong / images for wrong, images in shares)


def best_cut(scores_N: Float64Array, labels_N: Int64Array) -> float:
    """Find the cut with the best accuracy, halfway between two scores; of equal ones the lowest.

    +inf flags at any cut. The lowest cut flags all: of equal accuracies the one that flags more wins.
    """
    known = np.isfinite(scores_N)
    distinct = np.unique(scores_N[known])
    if distinct.size == 0:
        return -np.inf
    cuts = np.concatenate(([distinct[0]], (distinct[:-1] + distinct[1:]) / 2, [np.inf]))
    order = np.sort(scores_N[(labels_N == 1) & known]), np.sort(scores_N[(labels_N == 0) & known])
    missed, passed = (np.searchsorted(each, cuts, side="left") for each in order)
    return float(cuts[np.argmax(passed - missed)])


def _best(rows: Rows, images: Int64Array, columns: Int64Array) -> int:
    table, labels = rows.table[images], rows.labels[images]
    figures = [figure_of(_flagged(table[:, column]), labels, "auroc") for column in columns]
    return int(columns[int(np.argmax(figures))])


def _by_column(kind: str, rows: Rows, part: Part, column: int) -> FoldTrial:
    scores_N = _flagged(rows.table[:, column])
    return FoldTrial(
        repeat=part.repeat,
        fold=part.fold,
        training=tuple(part.training.tolist()),
        testing=tuple(part.testing.tolist()),
        trial=Trial(kind, {}, tuple(scores_N[part.training].tolist())),
        scores=tuple(scores_N[part.testing].tolist()),
        fingerprint=rows.columns[column],
    )


def _groups(rows: Rows) -> list[Int64Array]:
    found: dict[str, list[int]] = defaultdict(list)
    for at, name in enumerate(rows.columns):
        found[name.partition("/")[0]].append(at)
    return [np.asarray(columns, dtype=np.int64) for columns in found.values()]


def _stacked(
    members: Sequence[ClassifierSettings],
    settings: ClassificationSettings,
    examples: Examples,
    part: Part,
) -> Examples:
    """First column and the answers: out of fold for the training part, fitted on it for the rest."""
    rest = replace(examples, table=examples.table[:, 1:], columns=examples.columns[1:])
    learnt, seed = rest.part(part.training), settings.seed + part.repeat
    answers = []
    for member in members:
        trial = tried(member, settings, learnt, seed)
        answer_N = fitted(member, settings, learnt, trial.searched, seed).score(rest.table)
        answer_N[part.training] = trial.scores_N
        answers.append(answer_N)
    table = np.column_stack([examples.table[:, 0], *answers])
    return replace(
        examples, table=table, columns=(examples.columns[0], *(one.kind for one in members))
    )


def _flagged(column_N: Float64Array) -> Float64Array:
    return np.asarray(np.where(np.isfinite(column_N), column_N, np.inf), dtype=np.float64)


def _spread(scores: Sequence[float], images: Int64Array, rows: Rows) -> tuple[float, ...]:
    """Scores of the answered images at their places, `inf` at the others'."""
    spread_N = np.full(images.size, np.inf)
    spread_N[rows.answered[images]] = scores
    return tuple(spread_N.tolist())
