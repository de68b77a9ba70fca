"""Choosing the images whose label is most in doubt.

Legend: N images; labels 1 = abnormal, 0 = normal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tasks.vocabulary.arrays import Float64Array, Int64Array
from tasks.vocabulary.errors import InputError

Reason = Literal["sets the threshold", "low defect", "missed defect", "false call", "no answer"]


@dataclass(frozen=True)
class Doubt:
    """One image by its row, and why it is listed."""

    row: int
    reason: Reason


def doubts_of_development(
    scores_N: Float64Array, labels_N: Int64Array, threshold: float, count: int
) -> tuple[Doubt, ...]:
    """List the `count` lowest defects, the `count` highest normals above the cut, and no answers.

    The lowest defects set the threshold, whether they lie above it or, where a rate of escapes is
    allowed, below. Of equal scores the first rows are listed. InputError as in `_checked`.
    """
    scores_N, labels_N = _checked(scores_N, labels_N, threshold, count)
    defects = _rising(scores_N, labels_N, 1)[:count]
    return (
        *(Doubt(row, _of_defect(float(scores_N[row]), threshold)) for row in defects),
        *_false_calls(scores_N, labels_N, threshold, count),
        *_without_answer(scores_N, count),
    )


def doubts_held_out(
    scores_N: Float64Array, labels_N: Int64Array, threshold: float, count: int
) -> tuple[Doubt, ...]:
    """List the `count` lowest missed defects, the `count` highest false calls, and no answers."""
    scores_N, labels_N = _checked(scores_N, labels_N, threshold, count)
    missed = [row for row in _rising(scores_N, labels_N, 1) if scores_N[row] < threshold]
    return (
        *(Doubt(row, "missed defect") for row in missed[:count]),
        *_false_calls(scores_N, labels_N, threshold, count),
        *_without_answer(scores_N, count),
    )


def most_suspect(scores_N: Float64Array, labels_N: Int64Array) -> tuple[int, ...]:
    """Rank rows by how much the score, a probability of abnormal, contradicts the label, worst first.

    Images without an answer are left out: nothing contradicts their label. Of equal ones the first
    leads. InputError as in `_checked`.
    """
    scores_N, labels_N = _checked(scores_N, labels_N, 0.0, 1)
    doubt_N = np.abs(scores_N - labels_N)
    return tuple(
        int(row) for row in np.argsort(-doubt_N, kind="stable") if np.isfinite(doubt_N[row])
    )


def _of_defect(score: float, threshold: float) -> Reason:
    if score < threshold:
        return "missed defect"
    return "sets the threshold" if score == threshold else "low defect"


def _false_calls(
    scores_N: Float64Array, labels_N: Int64Array, threshold: float, count: int
) -> Sequence[Doubt]:
    falling = _rising(-scores_N, labels_N, 0)
    called = [row for row in falling if scores_N[row] >= threshold]
    return [Doubt(row, "false call") for row in called[:count]]


def _without_answer(scores_N: Float64Array, count: int) -> Sequence[Doubt]:
    """Flagged whatever is labelled: they would crowd out the normals that scored high."""
    return [Doubt(int(row), "no answer") for row in np.flatnonzero(~np.isfinite(scores_N))[:count]]


def _rising(scores_N: Float64Array, labels_N: Int64Array, label: int) -> list[int]:
    order_N = np.argsort(scores_N, kind="stable")
    own_N = np.isfinite(scores_N) & (labels_N == label)
    return [int(row) for row in order_N if own_N[row]]


def _checked(
    scores_N: Float64Array, labels_N: Int64Array, threshold: float, count: int
) -> tuple[Float64Array, Int64Array]:
    scores_N, labels_N = np.asarray(scores_N, dtype=np.float64), np.asarray(labels_N)
    if scores_N.ndim != 1 or scores_N.shape != labels_N.shape:
        raise InputError(
            f"Scores of shape {scores_N.shape} came with labels of shape {labels_N.shape}.",
            "Give one score and one label per image.",
        )
    if not np.isin(labels_N, (0, 1)).all():
        raise InputError("A label is neither 0 nor 1.", "Use 1 for abnormal and 0 for normal.")
    if np.isnan(threshold) or count < 1:
        raise InputError(
            f"{count} labels are asked for at the threshold {threshold}.",
            "Give a threshold, and one label or more.",
        )
    return scores_N, labels_N
