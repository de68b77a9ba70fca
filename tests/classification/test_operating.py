"""Counts and criteria of the inner loop agree with the certification room, which is the reference."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.certification.figures import auroc, figures_at
from tasks.certification.figures import partial_auroc as reference_partial_auroc
from tasks.certification.thresholds import price_ladder
from tasks.classification.criteria import figure_of, partial_auroc
from tasks.classification.operating import operating_point, order_statistic, point_at
from tasks.vocabulary.errors import InputError, NoSafeThresholdError

SCORES = st.lists(
    st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.7, 0.9, 1.0, math.inf, math.nan]),
    min_size=3,
    max_size=40,
)


def labelled(scores: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Alternate labels; the first defect has a score, else there is no threshold."""
    found = np.array(scores)
    found[1] = 0.4
    return found, (np.arange(len(scores)) % 2).astype(np.int64)


@given(SCORES, st.sampled_from([0.2, 0.5, 0.9]))
def test_counts_at_a_threshold(scores: list[float], threshold: float) -> None:
    scores_N, labels_N = labelled(scores)
    ours, theirs = (
        point_at(scores_N, labels_N, threshold),
        figures_at(scores_N, labels_N, threshold),
    )
    assert (ours.escapes, ours.false_calls) == (theirs.escapes, theirs.false_calls)
    assert ours.accuracy == theirs.accuracy
    assert ours.false_positive_rate == theirs.false_positive_rate
    assert ours.false_negative_rate == theirs.false_negative_rate
    np.testing.assert_equal(ours.precision, theirs.precision)


@given(SCORES)
def test_thresholds_that_let_a_share_escape(scores: list[float]) -> None:
    scores_N, labels_N = labelled(scores)
    for step in price_ladder(scores_N[labels_N == 0], scores_N[labels_N == 1], (0.0,)):
        ours = operating_point(scores_N, labels_N, step.escape_fraction)
        assert (ours.threshold, ours.false_calls) == (step.threshold, step.false_calls)
        assert ours.escapes == step.misses == 0


@pytest.mark.parametrize("fraction", [0.0, 0.01, 0.02, 0.05, 0.29])
def test_ladders_of_many_defects(fraction: float) -> None:
    generator = np.random.default_rng(1)
    labels_N = np.repeat([0, 1], 200)
    scores_N = generator.random(400) + 0.3 * labels_N
    (step,) = price_ladder(scores_N[:200], scores_N[200:], (fraction,))
    ours = operating_point(scores_N, labels_N, fraction)
    assert (ours.threshold, ours.false_calls, ours.escapes) == (
        step.threshold,
        step.false_calls,
        step.misses,
    )


@given(SCORES)
def test_areas(scores: list[float]) -> None:
    scores_N, labels_N = labelled(scores)
    assert figure_of(scores_N, labels_N, "auroc") == pytest.approx(auroc(scores_N, labels_N))
    expected = reference_partial_auroc(scores_N, labels_N, 0.95)
    assert partial_auroc(scores_N, labels_N) == pytest.approx(expected)


def test_ties_at_the_threshold_are_flagged_and_counted() -> None:
    labels_N = np.array([0, 0, 0, 0, 1, 1])
    point = operating_point(np.array([0.1, 0.3, 0.3, 0.5, 0.3, 0.9]), labels_N, 0.0)
    assert (point.escapes, point.false_calls, point.tied_normals) == (0, 3, 2)


def test_criteria_name_what_they_maximise() -> None:
    labels_N = np.repeat([0, 1], 100)
    scores_N = np.concatenate([np.linspace(0, 1, 100), np.linspace(0.4, 1.4, 100)])
    scores_N[100], scores_N[101] = -1.0, 0.05
    assert figure_of(scores_N, labels_N, "zfn_accuracy") == pytest.approx(0.5)
    assert figure_of(scores_N, labels_N, "false_calls_at_0") == pytest.approx(-1.0)
    assert figure_of(scores_N, labels_N, "false_calls_at_1") == pytest.approx(-0.95)
    assert figure_of(scores_N, labels_N, "false_calls_at_2") == pytest.approx(-0.58)


def test_no_threshold_is_refused() -> None:
    with pytest.raises(NoSafeThresholdError):
        order_statistic(np.array([0.1, 0.2, np.inf]), 3)
    with pytest.raises(NoSafeThresholdError):
        order_statistic(np.array([-np.inf, 0.2]), 1)
    with pytest.raises(NoSafeThresholdError):
        order_statistic(np.array([0.2]), 0)
    assert order_statistic(np.array([0.3, np.nan, 0.1, np.inf]), 2) == 0.3
    with pytest.raises(InputError):
        point_at(np.array([0.1, 0.2]), np.array([1, 1]), 0.5)
