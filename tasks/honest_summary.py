"""One line of figures per method from its trials in the outer folds, whoever compares methods.

A method is one member, or several among which each training part chooses. Rates are means over rounds
(repeats, draws); rounds add no images, so exact intervals are those of the mean count of one round.

Legend: N images; labels 1 = abnormal, 0 = normal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean, pstdev
from typing import Any

import numpy as np

from tasks.certification.bounds import exact_interval
from tasks.certification.figures import STANDARD_THRESHOLD
from tasks.classification.honest_figures import (
    CHOSEN,
    FoldTrial,
    HonestRow,
    HonestStep,
    honest_report,
)
from tasks.classification.operating import point_at
from tasks.classification.settings import Criterion
from tasks.vocabulary.arrays import Int64Array

_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Judging:
    """What methods are judged by: labels, what chooses among members, the steps of the ladder.

    `flagged` are normal and abnormal images without an answer: flagged at any threshold.
    """

    labels_N: Int64Array
    criterion: Criterion
    fractions: tuple[float, ...]
    flagged: tuple[int, int] = (0, 0)

    def without(self, images: Sequence[int]) -> Judging:
        """Judge by what remains when these images (indices) had never been."""
        return replace(self, labels_N=np.delete(self.labels_N, list(images)))

    def chosen(self, trials: Sequence[FoldTrial]) -> list[FoldTrial]:
        """The trial of each fold's chosen member, in the order of the folds."""
        report = honest_report(trials, self.labels_N, self.criterion, self.fractions)
        found = {(one.repeat, one.fold, one.trial.kind): one for one in trials}
        return [found[choice] for choice in report.choices]

    def summary(self, trials: Sequence[FoldTrial]) -> dict[str, Any]:
        """AUROC, accuracies and the ladder of false calls, as plain numbers.

        `std_accuracy` is at one half, `zfn_accuracy` and each `rate` at the threshold of the training
        part; `hindsight` at that of the fresh scores themselves, None where folds chose among members.
        """
        report = honest_report(trials, self.labels_N, self.criterion, self.fractions)
        kinds = {one.trial.kind for one in trials}
        rows = report.of(kinds.pop() if len(kinds) == 1 else CHOSEN)
        aurocs = [row.auroc for row in rows]
        zero = [row.ladder[0].with_flagged(*self.flagged) for row in rows]
        return {
            "auroc": fmean(aurocs),
            "auroc_sd": pstdev(aurocs),
            "std_accuracy": self._standard(self.chosen(trials)),
            "zfn_accuracy": fmean(_accuracy(step) for step in zero),
            "fpr_at_fn": {
                f"{fraction:g}": self._step(rows, at) for at, fraction in enumerate(self.fractions)
            },
            "rounds": len(rows),
        }

    def _standard(self, chosen: Sequence[FoldTrial]) -> float:
        wrong: dict[int, int] = defaultdict(int)
        for one in chosen:
            labels_T = self.labels_N[list(one.testing)]
            point = point_at(np.asarray(one.scores), labels_T, STANDARD_THRESHOLD)
            wrong[one.repeat] += point.escapes + point.false_calls
        images = self.labels_N.size + sum(self.flagged)
        return 1.0 - (fmean(wrong.values()) + self.flagged[0]) / images

    def _step(self, rows: Sequence[HonestRow], at: int) -> dict[str, Any]:
        steps = [row.ladder[at].with_flagged(*self.flagged) for row in rows]
        hindsight = [
            row.hindsight[at].with_flagged(*self.flagged).false_call_rate
            for row in rows
            if row.hindsight
        ]
        rates = [step.false_call_rate for step in steps]
        n_normal = steps[0].n_normal
        low, high = exact_interval(round(fmean(rates) * n_normal), n_normal, _CONFIDENCE)
        return {
            "rate": fmean(rates),
            "low": low,
            "high": high,
            "sd": pstdev(rates),
            "lowest": min(rates),
            "highest": max(rates),
            "n_normal": n_normal,
            "escapes_fresh": fmean(step.escapes for step in steps),
            "n_abnormal": steps[0].n_abnormal,
            "hindsight": fmean(hindsight) if hindsight else None,
        }


def as_rounds(draws: Sequence[Sequence[FoldTrial]]) -> list[FoldTrial]:
    """Count several draws of the same folds as further repeats of them."""
    repeats = 1 + max(one.repeat for trials in draws for one in trials)
    return [
        replace(one, repeat=draw * repeats + one.repeat)
        for draw, trials in enumerate(draws)
        for one in trials
    ]


def _accuracy(step: HonestStep) -> float:
    return 1.0 - (step.false_calls + step.escapes) / (step.n_normal + step.n_abnormal)
