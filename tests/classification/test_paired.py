"""Differences of two methods on the same folds: equal to brute force, with limits that hold."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest

from tasks.classification.developing import Trial
from tasks.classification.examples import checked_examples
from tasks.classification.folds import splits
from tasks.classification.honest_figures import FoldTrial
from tasks.classification.operating import operating_point
from tasks.classification.paired import Paired, paired_auroc, paired_false_calls, pooled_auroc
from tasks.vocabulary.arrays import Float64Array, Int64Array
from tasks.vocabulary.errors import InputError


def trials(scores_RN: Float64Array, labels_N: Int64Array, folds: int = 3) -> list[FoldTrial]:
    examples = checked_examples(np.zeros((labels_N.size, 1)), labels_N)
    return [
        FoldTrial(
            repeat,
            fold,
            tuple(training.tolist()),
            tuple(testing.tolist()),
            Trial("x", {}, tuple(scores_N[training].tolist())),
            tuple(scores_N[testing].tolist()),
            "",
        )
        for repeat, scores_N in enumerate(scores_RN)
        for fold, (training, testing) in enumerate(splits(examples, folds, repeat))
    ]


def brute_auroc(found: Sequence[FoldTrial], labels_N: Int64Array) -> float:
    won, pairs = 0.0, 0
    for one in found:
        scored = list(zip(one.testing, one.scores, strict=True))
        for (a, high), (b, low) in product(scored, scored):
            if labels_N[a] == 1 and labels_N[b] == 0:
                won += 1.0 if high > low else 0.5 if high == low else 0.0
                pairs += 1
    return won / pairs


@pytest.fixture
def labels() -> Int64Array:
    return np.repeat([0, 1], (17, 13)).astype(np.int64)


def test_the_difference_is_that_of_all_pairs_of_the_same_testing_part(labels: Int64Array) -> None:
    rng = np.random.default_rng(0)
    first, second = (
        trials(np.round(rng.normal(size=(2, labels.size)) + labels, 1), labels) for _ in range(2)
    )
    found = paired_auroc(first, second, labels)
    assert found.difference == pytest.approx(
        brute_auroc(first, labels) - brute_auroc(second, labels)
    )
    assert found.low < found.difference < found.high
    alone = [pooled_auroc(one, labels) for one in (first, second)]
    assert alone[0].figure == pytest.approx(brute_auroc(first, labels))
    assert alone[0].figure - alone[1].figure == pytest.approx(found.difference)
    assert alone[0].low < alone[0].figure < alone[0].high


def test_a_method_differs_from_itself_by_nothing(labels: Int64Array) -> None:
    one = trials(np.random.default_rng(1).normal(size=(2, labels.size)), labels)
    assert paired_auroc(one, one, labels) == Paired(0.0, 0.0, 0.0)
    assert paired_false_calls(one, one, labels, 0.1) == Paired(0.0, 0.0, 0.0)


def test_an_image_without_a_score_is_flagged_as_one_with_an_infinite_score(
    labels: Int64Array,
) -> None:
    scores = np.random.default_rng(2).normal(size=(1, labels.size))
    missing, infinite = scores.copy(), scores.copy()
    missing[0, [3, 20]], infinite[0, [3, 20]] = np.nan, np.inf
    best = trials(labels[None, :].astype(float), labels)
    assert paired_auroc(trials(missing, labels), best, labels) == paired_auroc(
        trials(infinite, labels), best, labels
    )


def test_false_calls_are_those_of_the_pooled_threshold(labels: Int64Array) -> None:
    rng = np.random.default_rng(3)
    ours, theirs = rng.normal(size=(2, 2, labels.size)) + labels
    found = paired_false_calls(trials(ours, labels), trials(theirs, labels), labels, 0.2)
    rates = [
        np.mean([operating_point(one, labels, 0.2).false_positive_rate for one in scores])
        for scores in (ours, theirs)
    ]
    assert found.difference == pytest.approx(rates[0] - rates[1])


def test_groups_that_repeat_one_image_leave_the_limits_as_wide_as_without_copies() -> None:
    # Each image ten times: the interval must not shrink as if there were ten times as many.
    labels = np.repeat([0, 1], 12).astype(np.int64)
    rng = np.random.default_rng(4)
    ours, theirs = rng.normal(size=(2, 24)) + labels
    single = paired_auroc(
        _whole(ours, labels), _whole(theirs, labels), labels, np.arange(24), resamples=500
    )
    copies, groups = np.repeat(labels, 10), np.repeat(np.arange(24), 10)
    first, second = (_whole(np.repeat(one, 10), copies) for one in (ours, theirs))
    grouped = paired_auroc(first, second, copies, groups, resamples=500)
    torn = paired_auroc(first, second, copies, resamples=500)
    assert grouped.difference == pytest.approx(single.difference)
    assert grouped.high - grouped.low == pytest.approx(single.high - single.low, rel=0.15)
    assert torn.high - torn.low < 0.5 * (grouped.high - grouped.low)


def _whole(scores_N: Float64Array, labels_N: Int64Array) -> list[FoldTrial]:
    everything = tuple(range(labels_N.size))
    return [FoldTrial(0, 0, (), everything, Trial("x", {}, ()), tuple(scores_N.tolist()), "")]


def test_the_limits_hold_the_truth_about_as_often_as_they_say() -> None:
    # Two noisy readings of one signal: the true difference is zero. Binomial(200, .95) has a
    # standard deviation of 3; a percentile bootstrap of 40 images is a little too narrow.
    labels = np.repeat([0, 1], 40).astype(np.int64)
    held = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        signal = labels + rng.normal(size=80)
        first, second = (_whole(signal + rng.normal(size=80), labels) for _ in range(2))
        found = paired_auroc(first, second, labels, resamples=300, seed=seed)
        held += found.low <= 0.0 <= found.high
    assert 178 <= held <= 198


def test_other_folds_and_lone_groups_are_refused(labels: Int64Array) -> None:
    scores = np.random.default_rng(5).normal(size=(2, labels.size))
    one = trials(scores, labels)
    with pytest.raises(InputError, match="same testing parts"):
        paired_auroc(one, trials(scores[:1], labels), labels)
    with pytest.raises(InputError, match="two groups of abnormal"):
        paired_auroc(one, one, labels, np.where(labels == 1, 99, np.arange(labels.size)))
    with pytest.raises(InputError, match="none of the defects"):
        paired_false_calls(one, one, labels, 0.01)
