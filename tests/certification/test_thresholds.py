"""Laws of the ZFN threshold and of the price ladder, and a simulation that coverage holds."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tasks.certification.bounds import escape_upper_bound, order_statistic
from tasks.certification.thresholds import flagged, price_ladder, zfn_threshold
from tasks.vocabulary.arrays import Float64Array
from tasks.vocabulary.errors import InputError, NoSafeThresholdError

FINITE = st.floats(-1e6, 1e6)
# Few distinct values, so that ties are the rule.
TIED = st.integers(-5, 5).map(float)
ANY_SCORE = FINITE | TIED | st.sampled_from([np.nan, np.inf])
SCORES = arrays(np.float64, st.integers(1, 40), elements=FINITE | TIED)
BROKEN_SCORES = arrays(np.float64, st.integers(1, 40), elements=ANY_SCORE)


@given(BROKEN_SCORES)
def test_the_threshold_misses_no_calibration_defect_and_is_the_largest_such_cut(
    scores_N: Float64Array,
) -> None:
    assume(np.isfinite(scores_N).any())
    threshold = zfn_threshold(scores_N)
    assert flagged(scores_N, threshold).all()
    assert not flagged(scores_N, np.nextafter(threshold, np.inf)).all()


@given(SCORES, st.integers(0, 39))
def test_allowed_misses_are_never_exceeded_and_a_larger_cut_would(
    scores_N: Float64Array, allowed: int
) -> None:
    assume(allowed < scores_N.size)
    threshold = zfn_threshold(scores_N, allowed)
    assert (~flagged(scores_N, threshold)).sum() <= allowed
    assert (~flagged(scores_N, np.nextafter(threshold, np.inf))).sum() > allowed


@given(SCORES, SCORES)
def test_a_strictly_rising_transform_changes_no_verdict(
    abnormal_N: Float64Array, normal_N: Float64Array
) -> None:
    def rising(scores_N: Float64Array) -> Float64Array:
        return 8.0 * np.round(scores_N, 3) + 3.0

    plain = flagged(np.round(normal_N, 3), zfn_threshold(np.round(abnormal_N, 3)))
    transformed = flagged(rising(normal_N), zfn_threshold(rising(abnormal_N)))
    np.testing.assert_array_equal(plain, transformed)


@given(SCORES, SCORES)
def test_the_ladder_falls_as_more_escapes_are_allowed(
    normal_N: Float64Array, abnormal_N: Float64Array
) -> None:
    ladder = price_ladder(normal_N, abnormal_N, (0.0, 0.01, 0.02, 0.05, 0.3, 0.9))
    for lower, upper in itertools.pairwise(ladder):
        assert upper.threshold >= lower.threshold
        assert upper.false_calls <= lower.false_calls
        assert upper.misses >= lower.misses
        assert upper.escape_upper >= lower.escape_upper
    assert ladder[0].misses == 0
    assert ladder[0].threshold == zfn_threshold(abnormal_N)
    for step in ladder:
        assert step.misses <= step.escape_fraction * abnormal_N.size + 1e-9
        assert step.low <= step.false_call_rate <= step.high


def test_a_ladder_by_hand() -> None:
    normal = np.arange(100, dtype=np.float64)
    abnormal = np.arange(50, 150, dtype=np.float64)
    zero, two = price_ladder(normal, abnormal, (0.0, 0.02))
    assert (zero.misses, zero.threshold, zero.false_calls, zero.false_call_rate) == (0, 50, 50, 0.5)
    assert (two.misses, two.threshold, two.false_calls, two.n_normal) == (2, 52, 48, 100)
    assert zero.escape_upper == escape_upper_bound(0, 100, 0.95)
    assert two.escape_upper == escape_upper_bound(2, 100, 0.95)


def test_a_fraction_that_floats_round_down_still_counts() -> None:
    (step,) = price_ladder(np.zeros(3), np.arange(100, dtype=np.float64), (0.29,))
    assert step.misses == 29


def test_constant_scores_flag_everything() -> None:
    threshold = zfn_threshold(np.full(7, 0.5))
    assert threshold == 0.5
    assert flagged(np.full(9, 0.5), threshold).all()


def test_scores_without_a_value_are_flagged_at_any_threshold() -> None:
    broken = np.array([np.nan, np.inf, -np.inf])
    for threshold in (-1.0, 0.5, 1e300, np.inf, np.nan):
        assert flagged(broken, threshold).all()
    assert flagged(np.array([0.1, 0.9]), np.nan).all()


def test_single_precision_scores_are_compared_in_double_precision() -> None:
    assert not flagged(np.array([0.1], np.float32), 0.100000002).any()
    assert flagged(np.array([0.1], np.float32), 0.100000001).all()


def test_defects_without_a_score_bind_no_threshold() -> None:
    assert zfn_threshold(np.array([np.nan, 0.7, np.inf, 0.9])) == 0.7


@pytest.mark.parametrize("scores", [[], [np.nan, np.inf], [-np.inf, 0.5]])
def test_without_a_finite_cut_there_is_no_threshold(scores: list[float]) -> None:
    with pytest.raises(NoSafeThresholdError):
        zfn_threshold(np.array(scores))


def test_misses_that_would_let_everything_pass_are_refused() -> None:
    with pytest.raises(NoSafeThresholdError, match="at least 1 more"):
        zfn_threshold(np.array([0.3, np.nan]), misses_allowed=1)


def test_arguments_that_mean_nothing_are_refused() -> None:
    with pytest.raises(InputError):
        zfn_threshold(np.zeros((2, 2)))
    with pytest.raises(InputError):
        zfn_threshold(np.zeros(2), misses_allowed=-1)
    with pytest.raises(InputError):
        price_ladder(np.zeros(0), np.zeros(2))
    for fraction in (-0.1, 1.0, math.nan):
        with pytest.raises(InputError, match=r"fraction .* is not in \[0, 1\)\. Give a share\.$"):
            price_ladder(np.zeros(2), np.zeros(2), (fraction,))


@pytest.mark.parametrize(("n", "rate"), [(59, 0.05), (174, 0.05), (348, 0.02)])
def test_thresholds_from_order_statistics_keep_their_promise(n: int, rate: float) -> None:
    """On uniform scores the true miss rate of a threshold is the threshold itself."""
    generator = np.random.default_rng(7)
    allowed = order_statistic(n, rate, 0.95) - 1
    studies = 2000
    thresholds = [zfn_threshold(generator.random(n), allowed) for _ in range(studies)]
    broken = np.mean(np.array(thresholds) > rate)
    assert broken <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / studies)
    assert np.mean(thresholds) == pytest.approx((allowed + 1) / (n + 1), rel=0.1)


def test_upper_bounds_cover_the_true_escape_rate() -> None:
    generator = np.random.default_rng(11)
    truth, n, studies = 0.03, 174, 4000
    escapes = generator.binomial(n, truth, studies)
    bounds = {k: escape_upper_bound(int(k), n, 0.95) for k in np.unique(escapes)}
    covered = np.mean([bounds[k] >= truth for k in escapes])
    assert covered >= 0.95 - 3 * math.sqrt(0.05 * 0.95 / studies)


def test_scores_of_any_type_that_holds_numbers_have_a_threshold() -> None:
    assert zfn_threshold(np.array([2.0, 1.0], dtype=object)) == 1.0


def test_a_ladder_of_shares_names_them() -> None:
    steps = price_ladder(np.zeros(3), np.arange(9.0), (0.25, 0.0))
    assert [step.escape_fraction for step in steps] == [0.25, 0.0]
