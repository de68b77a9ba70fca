"""Two methods on the same images and outer folds: the difference of their figures, with limits.

Both were judged on the same testing parts, so what makes one image hard makes it hard for both, and
the difference is known better than either figure. Limits come from a percentile bootstrap that
resamples images (whole groups where there are some) within their class and keeps every fit as it is:
they speak of other images of this kind, not of other training sets.

Legend: N images, A abnormal and B normal ones, G groups, R resamples; labels 1 = abnormal, 0 = normal.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.classification.examples import Groups
from tasks.classification.honest_figures import FoldTrial
from tasks.vocabulary.arrays import Float64Array, Int64Array
from tasks.vocabulary.errors import InputError

_TAIL_PERCENT = 2.5
# 0.29 * 100 is 28.999999999999996 in floating point: still 29 defects.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Paired:
    """The first method's figure minus the second's, with 95 % limits."""

    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class Pooled:
    """One method's figure with 95 % limits."""

    figure: float
    low: float
    high: float


def pooled_auroc(
    trials: Sequence[FoldTrial],
    labels_N: Int64Array,
    groups_N: Groups | None = None,
    resamples: int = 2000,
    seed: int = 0,
) -> Pooled:
    """AUROC over the pairs that `paired_auroc` compares: two methods differ by just its difference.

    InputError as there.
    """
    made = _differences((trials, 1.0), labels_N=labels_N, of=(groups_N, resamples, seed))
    return Pooled(made.difference, made.low, made.high)


def paired_auroc(
    first: Sequence[FoldTrial],
    second: Sequence[FoldTrial],
    labels_N: Int64Array,
    groups_N: Groups | None = None,
    resamples: int = 2000,
    seed: int = 0,
) -> Paired:
    """Compare AUROC over pairs of images *of the same testing part*, pooled over folds and repeats.

    Scores of different fits are never compared. A tie counts half; NaN counts as +inf (flagged).
    InputError unless both have the same testing parts, and each class two groups (images) or more.
    """
    _check_same_parts(first, second)
    signed = (first, 1.0), (second, -1.0)
    return _differences(*signed, labels_N=labels_N, of=(groups_N, resamples, seed))


def paired_false_calls(
    first: Sequence[FoldTrial],
    second: Sequence[FoldTrial],
    labels_N: Int64Array,
    escape_fraction: float,
    groups_N: Groups | None = None,
    resamples: int = 2000,
    seed: int = 0,
) -> Paired:
    """Compare the share of normals flagged where a share of the defects escapes, in hindsight.

    Thresholds come from the pooled testing scores of a repeat; figures are means over repeats.
    InputError where not one defect may escape: the bootstrap is invalid for a minimum.
    """
    labels_N = np.asarray(labels_N)
    if math.floor(escape_fraction * np.count_nonzero(labels_N == 1) + _ROUNDING) < 1:
        raise InputError(
            f"A share of {escape_fraction:g} lets none of the defects escape.",
            "Compare at a higher share: a minimum cannot be resampled.",
        )
    _check_same_parts(first, second)
    weights_RN = _resampled(labels_N, groups_N, resamples, seed)
    weights_SN = np.concatenate((np.ones((1, labels_N.size)), weights_RN))
    ours_S, theirs_S = (
        _false_call_rates(one, labels_N, weights_SN, escape_fraction) for one in (first, second)
    )
    return _limits(float(ours_S[0] - theirs_S[0]), (ours_S - theirs_S)[1:])


def _limits(difference: float, drawn_R: Float64Array) -> Paired:
    # A resample of grouped images may hold no pair of any testing part: it says nothing.
    said_R = drawn_R[np.isfinite(drawn_R)]
    low, high = np.percentile(said_R, (_TAIL_PERCENT, 100.0 - _TAIL_PERCENT))
    return Paired(difference, float(low), float(high))


def _differences(
    *signed: tuple[Sequence[FoldTrial], float],
    labels_N: Int64Array,
    of: tuple[Groups | None, int, int],
) -> Paired:
    """The signed sum of AUROCs; `of` are groups, resamples and seed."""
    labels_N = np.asarray(labels_N)
    abnormal_A, normal_B = (np.flatnonzero(labels_N == label) for label in (1, 0))
    weights_RN = _resampled(labels_N, *of)
    wins_AB, pairs_AB = _wins(signed, labels_N)
    sums_R = [
        np.einsum("ra,ra->r", weights[:, normal_B] @ of_AB.T, weights[:, abnormal_A])
        for weights in (np.ones((1, labels_N.size)), weights_RN)
        for of_AB in (wins_AB, pairs_AB)
    ]
    with np.errstate(invalid="ignore", divide="ignore"):
        seen_1, drawn_R = sums_R[0] / sums_R[1], sums_R[2] / sums_R[3]
    return _limits(float(seen_1[0]), drawn_R)


def _wins(
    signed: Sequence[tuple[Sequence[FoldTrial], float]], labels_N: Int64Array
) -> tuple[Float64Array, Float64Array]:
    """`[A, B]` pairs won, by sign, and how often each pair met in one testing part."""
    place_N = np.empty(labels_N.size, dtype=np.int64)
    for label in (0, 1):
        place_N[labels_N == label] = np.arange(np.count_nonzero(labels_N == label))
    shape = (np.count_nonzero(labels_N == 1), np.count_nonzero(labels_N == 0))
    wins_AB, pairs_AB = np.zeros(shape), np.zeros(shape)
    for trials, sign in signed:
        for one in trials:
            testing_T, scores_T = np.asarray(one.testing), _scores(one)
            abnormal_T = labels_N[testing_T] == 1
            cell = np.ix_(place_N[testing_T[abnormal_T]], place_N[testing_T[~abnormal_T]])
            wins_AB[cell] += sign * _won(scores_T[abnormal_T], scores_T[~abnormal_T])
            pairs_AB[cell] += 1.0 / len(signed)
    if not pairs_AB.any():
        raise InputError("No testing part has both classes.", "Use fewer folds.")
    return wins_AB, pairs_AB


def _won(abnormal_A: Float64Array, normal_B: Float64Array) -> Float64Array:
    above_AB = abnormal_A[:, None] > normal_B[None, :]
    tied_AB = abnormal_A[:, None] == normal_B[None, :]
    return np.asarray(above_AB + 0.5 * tied_AB, dtype=np.float64)


def _false_call_rates(
    trials: Sequence[FoldTrial],
    labels_N: Int64Array,
    weights_SN: Float64Array,
    fraction: float,
) -> Float64Array:
    by_repeat: dict[int, list[FoldTrial]] = defaultdict(list)
    for one in trials:
        by_repeat[one.repeat].append(one)
    rates = []
    for found in by_repeat.values():
        images_T = np.concatenate([one.testing for one in found]).astype(np.int64)
        scores_T = np.concatenate([_scores(one) for one in found])
        abnormal_T, weights_ST = labels_N[images_T] == 1, weights_SN[:, images_T]
        order = np.argsort(scores_T[abnormal_T], kind="stable")
        defects_A = scores_T[abnormal_T][order]
        heaped_SA = np.cumsum(weights_ST[:, abnormal_T][:, order], axis=1)
        allowed_S = np.floor(fraction * heaped_SA[:, -1] + _ROUNDING)
        binding_S = np.argmax(heaped_SA > allowed_S[:, None], axis=1)
        flagged_SB = scores_T[~abnormal_T][None, :] >= defects_A[binding_S][:, None]
        normal_SB = weights_ST[:, ~abnormal_T]
        rates.append((normal_SB * flagged_SB).sum(axis=1) / normal_SB.sum(axis=1))
    return np.asarray(np.mean(rates, axis=0), dtype=np.float64)


def _resampled(
    labels_N: Int64Array, groups_N: Groups | None, resamples: int, seed: int
) -> Float64Array:
    """How often each image is drawn in each resample: `float64 [R, N]`.

    Groups are drawn within their kind (all normal, all abnormal, both), so no class runs empty.
    """
    names: NDArray[Any] = np.arange(labels_N.size) if groups_N is None else np.asarray(groups_N)
    if names.shape != labels_N.shape or resamples < 1:
        raise InputError(f"{names.size} groups of {labels_N.size} images.", "Give one per image.")
    _, group_N = np.unique(names, return_inverse=True)
    sizes_G = np.bincount(group_N)
    abnormal_G = np.bincount(group_N, weights=labels_N == 1)
    kind_G = (abnormal_G > 0).astype(int) + 2 * (abnormal_G < sizes_G)
    for bit, name in ((1, "abnormal"), (2, "normal")):
        if np.count_nonzero(kind_G & bit) < 2:
            raise InputError(
                f"Fewer than two groups of {name} images.", "Nothing can be resampled: add some."
            )
    drawn_RG, rng = np.zeros((resamples, sizes_G.size)), np.random.default_rng(seed)
    for kind in np.unique(kind_G):
        members = np.flatnonzero(kind_G == kind)
        shares = np.full(members.size, 1.0 / members.size)
        drawn_RG[:, members] = rng.multinomial(members.size, shares, size=resamples)
    return np.asarray(drawn_RG[:, group_N], dtype=np.float64)


def _check_same_parts(first: Sequence[FoldTrial], second: Sequence[FoldTrial]) -> None:
    ours, theirs = (
        {(one.repeat, one.fold): sorted(one.testing) for one in trials}
        for trials in (first, second)
    )
    if not ours or ours != theirs or not len(ours) == len(first) == len(second):
        raise InputError(
            "The two methods were not judged on the same testing parts.",
            "Give both the same folds and repeats, each fold once.",
        )


def _scores(one: FoldTrial) -> Float64Array:
    scores = np.asarray(one.scores, dtype=np.float64)
    return np.where(np.isnan(scores), np.inf, scores)
