from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tasks.reporting.score_axis import ScoreAxis, score_axis

PROBABILITIES = st.one_of(
    st.floats(0.0, 1.0), st.sampled_from([0.0, 1.0, 1e-300, 1e-12, 1e-6, 0.5, 1.0 - 2.0**-53])
)
ANY_SCORES = st.one_of(
    st.lists(PROBABILITIES, min_size=1, max_size=30),
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30),
)
THRESHOLDS = st.one_of(PROBABILITIES, st.floats(-1e6, 1e6), st.sampled_from([math.inf, -math.inf]))


def labels(axis: ScoreAxis, about: int = 20) -> list[str]:
    return [words.replace("\u00a0", " ") for _, words in axis.ticks(about)]


@settings(max_examples=150, deadline=None)
@given(scores=ANY_SCORES, threshold=THRESHOLDS)
@example(scores=[0.0, 1.0 - 2.0**-53, 1.0], threshold=1.0)
@example(scores=[1e-13, 1e-12, 1.0], threshold=1e-12)
@example(scores=[0.4, 0.4], threshold=0.4)
@example(scores=[-5e-324], threshold=0.0)
@example(scores=[1e6, -1e6], threshold=1e6 + 2**-33)
def test_every_score_is_in_a_bin_of_its_own_verdict(scores: list[float], threshold: float) -> None:
    axis = score_axis(np.array(scores), threshold)
    counts = axis.counts(np.array(scores))
    assert counts.sum() == len(scores)
    flagged = sum(int(n) for i, n in enumerate(counts) if axis.is_flagged_bin(i))
    assert flagged == sum(score >= threshold for score in scores)
    assert (np.diff(axis.edges) > 0.0).all()


@settings(max_examples=60, deadline=None)
@given(scores=ANY_SCORES, threshold=THRESHOLDS)
def test_places_keep_the_order_of_scores(scores: list[float], threshold: float) -> None:
    ordered = np.sort(np.array(scores))
    places = score_axis(ordered, threshold).places(ordered)
    assert (np.diff(places) >= 0.0).all()


def test_probabilities_stand_at_their_log_odds() -> None:
    axis = score_axis(np.array([2e-5, 0.5, 0.9995]), 2e-5)
    expected = ["0.001 %", "0.01 %", "0.1 %", "1 %", "10 %", "50 %", "90 %", "99 %", "99.9 %"]
    assert labels(axis) == [*expected, "99.99 %"]
    np.testing.assert_allclose(
        axis.places(np.array([0.1, 0.5, 0.9])), [-0.9542425, 0.0, 0.9542425], atol=1e-9
    )
    assert "log-odds" in axis.explanation
    assert "≤" not in axis.explanation


def test_scores_beyond_an_end_are_marked() -> None:
    axis = score_axis(np.array([0.0, 0.02, 0.98, 1.0]), 0.02)
    assert labels(axis) == ["≤ 0.1 %", "1 %", "10 %", "50 %", "90 %", "99 %", "≥ 99.9 %"]
    assert "≤" in axis.explanation
    assert axis.bin_words(0).startswith("score 0 to ")
    assert axis.bin_words(len(axis.edges) - 2).endswith(" to 1")
    assert axis.places(np.array([0.0]))[0] == pytest.approx(axis.ticks(20)[0][0])


def test_a_tiny_threshold_has_room_on_both_sides_and_few_labels() -> None:
    axis = score_axis(np.array([1e-12, 0.3, 1.0 - 1e-9]), 1e-12)
    assert labels(axis)[0] == "10⁻¹¹ %"
    assert labels(axis)[-1] == "≥ 99.9999 %"
    assert axis.edges[0] < axis.threshold_at - 0.5
    assert 4 <= len(axis.ticks(8)) <= 10
    assert axis.threshold_words.replace("\u00a0", " ") == "ZFN threshold 1e-12 = 1e-10 %"


def test_a_threshold_next_to_one_is_labelled_from_one() -> None:
    axis = score_axis(np.array([0.5]), 1.0 - 1e-8)
    assert labels(axis)[-1] == "100 % \u2212 10⁻⁷ %"


@pytest.mark.parametrize("scores", [[-0.1, 0.5], [0.2, 1.5], [3.0, 3.0], [1e20, 1e20]])
def test_other_scores_stand_on_a_linear_axis(scores: list[float]) -> None:
    axis = score_axis(np.array([*scores, math.inf, math.nan]), scores[1])
    assert axis.levels is None
    assert axis.explanation == ""
    assert axis.name == "composite score"
    assert axis.counts(np.array([*scores, math.nan])).sum() == len(scores)


def test_no_finite_score_still_has_an_axis() -> None:
    axis = score_axis(np.array([math.nan, math.inf]), math.inf)
    assert labels(axis) == ["10 %", "50 %", "90 %"]
    assert axis.threshold_at == axis.edges[-1]
