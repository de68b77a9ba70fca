"""The figures of the honest protocol, from what every member did in every outer fold.

Thresholds come from a fold's training part (out-of-fold scores there), escapes and false calls from
its testing part; counts are summed over the folds of a repeat, so that thresholds and scores of
different fits are never compared. AUROC and partial AUROC are means over folds for the same reason.

Legend: N images; labels 1 = abnormal, 0 = normal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tasks.classification.choosing import choose
from tasks.classification.criteria import figure_of
from tasks.classification.developing import Trial
from tasks.classification.operating import (
    OperatingPoint,
    escape_threshold,
    operating_point,
    point_at,
)
from tasks.classification.settings import Criterion
from tasks.vocabulary.arrays import Float64Array, Int64Array
from tasks.vocabulary.errors import InputError

CHOSEN = "chosen"
"""The kind of the rows in which every fold uses the member that its training part chose."""


@dataclass(frozen=True)
class FoldTrial:
    """One member in one outer fold: its trial on the training part, scores of the testing part.

    `training` and `testing` are indices of images.
    `fingerprint` digests what was fitted on the training part: the same for any testing part.
    """

    repeat: int
    fold: int
    training: tuple[int, ...]
    testing: tuple[int, ...]
    trial: Trial
    scores: tuple[float, ...]
    fingerprint: str


@dataclass(frozen=True)
class HonestStep:
    """One step of a ladder, counted over the fresh images of one repeat.

    `tied_normals` are flagged only because they equal their fold's threshold.
    """

    escape_fraction: float
    escapes: int
    n_abnormal: int
    false_calls: int
    n_normal: int
    tied_normals: int

    def with_flagged(self, normal: int, abnormal: int) -> HonestStep:
        """Count further images that are flagged at any threshold: they have no answer."""
        return replace(
            self,
            false_calls=self.false_calls + normal,
            n_normal=self.n_normal + normal,
            n_abnormal=self.n_abnormal + abnormal,
        )

    @property
    def false_call_rate(self) -> float:
        """Share of fresh normals flagged."""
        return self.false_calls / self.n_normal

    @property
    def escape_rate(self) -> float:
        """Share of fresh defects missed."""
        return self.escapes / self.n_abnormal


@dataclass(frozen=True)
class HonestRow:
    """Figures of one member, or of the choice (`chosen`), in one repeat.

    | field | meaning |
    | --- | --- |
    | `ladder` | at thresholds of the training parts that miss a share of the defects *there* |
    | `ladder[0]` | for share 0: false calls at the inner zero-escape threshold, fresh misses |
    | `hindsight` | at thresholds of the pooled fresh scores themselves; no promise, for comparing |
    | `auroc`, `partial_auroc` | means over outer folds; the second above a catch rate of 95 % |

    `hindsight` is empty for `chosen`, whose folds may use different members.
    """

    kind: str
    repeat: int
    ladder: tuple[HonestStep, ...]
    hindsight: tuple[HonestStep, ...]
    auroc: float
    partial_auroc: float


@dataclass(frozen=True)
class HonestReport:
    """All rows, member by member and `chosen` last; `choices` are (repeat, fold, kind)."""

    rows: tuple[HonestRow, ...]
    choices: tuple[tuple[int, int, str], ...]

    def of(self, kind: str) -> tuple[HonestRow, ...]:
        """Give the rows of one kind, one per repeat."""
        return tuple(row for row in self.rows if row.kind == kind)


def honest_report(
    results: Sequence[FoldTrial],
    labels_N: Int64Array,
    criterion: Criterion,
    escape_fractions: Sequence[float] = (0.0, 0.01, 0.02, 0.05),
) -> HonestReport:
    """Choose a member in each fold by its training part, then count on the testing parts.

    InputError unless every fold has a result of every member and each repeat tests each image once.
    """
    by_fold: dict[tuple[int, int], list[FoldTrial]] = defaultdict(list)
    for one in results:
        by_fold[one.repeat, one.fold].append(one)
    chosen = {key: _chosen(found, labels_N, criterion) for key, found in by_fold.items()}
    by_row: dict[tuple[str, int], list[FoldTrial]] = defaultdict(list)
    for one in results:
        by_row[one.trial.kind, one.repeat].append(one)
    for (repeat, _), one in chosen.items():
        by_row[CHOSEN, repeat].append(one)
    for found in by_row.values():
        _check_complete(found, len(labels_N))
    order = list(dict.fromkeys(kind for kind, _ in by_row))
    rows = [
        _row(kind, repeat, found, labels_N, escape_fractions)
        for (kind, repeat), found in sorted(
            by_row.items(), key=lambda item: (order.index(item[0][0]), item[0][1])
        )
    ]
    choices = tuple((*key, one.trial.kind) for key, one in sorted(chosen.items()))
    return HonestReport(tuple(rows), choices)


def _chosen(found: Sequence[FoldTrial], labels_N: Int64Array, criterion: Criterion) -> FoldTrial:
    trials = {one.trial.kind: one.trial.scores_N for one in found}
    kind = choose(trials, labels_N[list(found[0].training)], criterion).kind
    return next(one for one in found if one.trial.kind == kind)


def _check_complete(found: Sequence[FoldTrial], images: int) -> None:
    tested = sorted(image for one in found for image in one.testing)
    if tested != list(range(images)):
        raise InputError(
            f"Repeat {found[0].repeat} of {found[0].trial.kind} tests {len(tested)} images "
            f"of {images}, or some twice.",
            "Finish all jobs of the protocol, each once.",
        )


def _row(
    kind: str,
    repeat: int,
    found: Sequence[FoldTrial],
    labels_N: Int64Array,
    fractions: Sequence[float],
) -> HonestRow:
    tested = [(_scores(one), labels_N[list(one.testing)]) for one in found]
    hindsight: tuple[HonestStep, ...] = ()
    if kind != CHOSEN:
        pooled_N, pooled_labels_N = (np.concatenate(parts) for parts in zip(*tested, strict=True))
        hindsight = tuple(
            _step(fraction, [operating_point(pooled_N, pooled_labels_N, fraction)])
            for fraction in fractions
        )
    return HonestRow(
        kind=kind,
        repeat=repeat,
        ladder=tuple(
            _step(fraction, [_fresh(one, labels_N, fraction) for one in found])
            for fraction in fractions
        ),
        hindsight=hindsight,
        auroc=float(np.mean([figure_of(*one, "auroc") for one in tested])),
        partial_auroc=float(np.mean([figure_of(*one, "partial_auroc") for one in tested])),
    )


def _fresh(one: FoldTrial, labels_N: Int64Array, fraction: float) -> OperatingPoint:
    inner = escape_threshold(one.trial.scores_N, labels_N[list(one.training)], fraction)
    return point_at(_scores(one), labels_N[list(one.testing)], inner)


def _step(fraction: float, points: Sequence[OperatingPoint]) -> HonestStep:
    return HonestStep(
        escape_fraction=float(fraction),
        escapes=sum(point.escapes for point in points),
        n_abnormal=sum(point.n_abnormal for point in points),
        false_calls=sum(point.false_calls for point in points),
        n_normal=sum(point.n_normal for point in points),
        tied_normals=sum(point.tied_normals for point in points),
    )


def _scores(one: FoldTrial) -> Float64Array:
    return np.asarray(one.scores, dtype=np.float64)
