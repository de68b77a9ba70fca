"""Figures at a threshold by hand, areas under the curve against scikit-learn and brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from tasks.certification.figures import (
    STANDARD_THRESHOLD,
    auroc,
    figures_at,
    partial_auroc,
    roc_points,
)
from tasks.vocabulary.arrays import Float64Array, Int64Array
from tasks.vocabulary.errors import InputError

Labelled = tuple[Float64Array, Int64Array]


@st.composite
def labelled(draw: st.DrawFn) -> Labelled:
    scores = st.lists(st.integers(0, 6).map(lambda tenth: tenth / 10), min_size=1, max_size=25)
    normal, abnormal = draw(scores), draw(scores)
    labels = [0] * len(normal) + [1] * len(abnormal)
    return np.array(normal + abnormal), np.array(labels, dtype=np.int64)


def test_figures_by_hand() -> None:
    scores = np.array([0.1, 0.4, 0.6, 0.9, 0.5, 0.2, 0.8])
    labels = np.array([0, 0, 0, 0, 1, 1, 1])
    figures = figures_at(scores, labels, STANDARD_THRESHOLD)
    assert (figures.escapes, figures.false_calls) == (1, 2)
    assert (figures.n_normal, figures.n_abnormal) == (4, 3)
    assert figures.accuracy == pytest.approx(4 / 7)
    assert figures.precision == pytest.approx(2 / 4)
    assert figures.false_positive_rate == pytest.approx(2 / 4)
    assert figures.false_negative_rate == pytest.approx(1 / 3)


def test_an_image_without_a_score_is_flagged() -> None:
    figures = figures_at(np.array([np.nan, np.nan]), np.array([0, 1]), 0.5)
    assert (figures.escapes, figures.false_calls) == (0, 1)


def test_shares_of_nothing_have_no_value() -> None:
    figures = figures_at(np.array([0.1]), np.array([0]), 0.5)
    assert math.isnan(figures.precision)
    assert math.isnan(figures.false_negative_rate)
    assert figures.false_positive_rate == 0.0


@given(labelled())
def test_auroc_is_scikit_learns(data: Labelled) -> None:
    scores, labels = data
    assert auroc(scores, labels) == pytest.approx(roc_auc_score(labels, scores))


@given(labelled())
def test_a_partial_auroc_over_everything_is_the_auroc(data: Labelled) -> None:
    assert partial_auroc(*data, least_catch_rate=0.0) == pytest.approx(auroc(*data))


@given(labelled(), st.floats(0.0, 0.99))
def test_a_partial_auroc_is_the_area_of_its_strip(data: Labelled, least: float) -> None:
    points = roc_points(*data)
    rates = least + (1 - least) * (np.arange(4000) + 0.5) / 4000
    # Rates that no vertex has: the curve is then a function of the catch rate.
    passed = 1 - np.interp(rates, points.catch_rates, points.false_call_rates)
    assert partial_auroc(*data, least_catch_rate=least) == pytest.approx(passed.mean(), abs=2e-3)


def test_a_perfect_and_a_useless_classifier() -> None:
    labels = np.array([0] * 20 + [1] * 20)
    assert partial_auroc(labels.astype(np.float64), labels) == 1.0
    assert partial_auroc(np.zeros(40), labels) == pytest.approx(0.025)
    assert partial_auroc(-labels.astype(np.float64), labels) == 0.0


@given(labelled())
def test_roc_points_are_the_figures_at_their_thresholds(data: Labelled) -> None:
    points = roc_points(*data)
    assert (points.false_call_rates[0], points.catch_rates[0]) == (0.0, 0.0)
    assert (points.false_call_rates[-1], points.catch_rates[-1]) == (1.0, 1.0)
    assert (np.diff(points.thresholds) < 0).all()
    for threshold, false_calls, catches in zip(*points, strict=True):
        figures = figures_at(*data, threshold)
        assert figures.false_positive_rate == pytest.approx(false_calls)
        assert 1 - figures.false_negative_rate == pytest.approx(catches)


def test_a_missing_score_ranks_highest() -> None:
    labels = np.array([0, 0, 1])
    assert auroc(np.array([0.2, 0.3, np.nan]), labels) == 1.0
    assert auroc(np.array([0.2, np.nan, 0.9]), labels) == 0.5
    assert auroc(np.array([0.2, np.inf, np.nan]), labels) == 0.75


@pytest.mark.parametrize(
    ("scores", "labels"),
    [([0.1, 0.2], [0, 0]), ([0.1], [0, 1]), ([], []), ([0.1, 0.2], [0, 2])],
)
def test_unusable_data_is_refused(scores: list[float], labels: list[int]) -> None:
    with pytest.raises(InputError):
        auroc(np.array(scores), np.array(labels, dtype=np.int64))


def test_a_catch_rate_is_a_share() -> None:
    with pytest.raises(InputError):
        partial_auroc(np.array([0.1, 0.2]), np.array([0, 1]), least_catch_rate=1.0)
