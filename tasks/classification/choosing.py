"""Choosing one member by its out-of-fold scores.

The choice is itself a fit: the winner's figures are flattered (winner's curse). The paper takes the
member with the best ZFN accuracy, a figure that hangs on the one hardest defect: among twelve
equally good classifiers that choice about halves the apparent price, and at 174 defects the figure
spreads by 13 to 15 points. AUROC uses every pair of a normal and an abnormal image, so it varies
least and is flattered least; it is the default. A partial AUROC above 95 % catch rate would look
closer at the price, but rests on one defect in twenty, nine of 174, and is again a lottery.
Either way the chosen member's threshold is certified on images that took no part in the choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tasks.classification.criteria import figure_of
from tasks.classification.settings import Criterion
from tasks.vocabulary.arrays import Float64Array, Int64Array
from tasks.vocabulary.errors import InputError, NoSafeThresholdError


@dataclass(frozen=True)
class Choice:
    """The chosen kind, by which criterion, and the figure of every candidate in the order given.

    The figures rank candidates; they are no estimate of the winner's performance.
    """

    kind: str
    criterion: Criterion
    figures: tuple[tuple[str, float], ...]


def choose(
    scores_by_kind: Mapping[str, Float64Array],
    labels_N: Int64Array,
    criterion: Criterion = "auroc",
) -> Choice:
    """Choose the kind with the largest figure; of equal ones the first in the mapping's order.

    NaN scores count as +inf, flagged. InputError for no candidate, mismatched shapes or no normal
    image; NoSafeThresholdError without an abnormal one.
    """
    labels_N = np.asarray(labels_N)
    if not scores_by_kind:
        raise InputError("There is no classifier to choose from.", "List at least one member.")
    if not (labels_N == 1).any():
        raise NoSafeThresholdError("No image is abnormal.", "Label some defects first.")
    if not (labels_N == 0).any():
        raise InputError("No image is normal.", "Add normal images to the table.")
    figures = tuple(
        (kind, _figure(kind, scores_N, labels_N, criterion))
        for kind, scores_N in scores_by_kind.items()
    )
    best, _ = max(figures, key=lambda figure: figure[1])
    return Choice(best, criterion, figures)


def _figure(kind: str, scores_N: Float64Array, labels_N: Int64Array, criterion: Criterion) -> float:
    scores_N = np.asarray(scores_N, dtype=np.float64)
    if scores_N.shape != labels_N.shape:
        raise InputError(
            f"{kind} has scores of shape {scores_N.shape} for labels of shape {labels_N.shape}.",
            "Give one score per image.",
        )
    return figure_of(scores_N, labels_N, criterion)
