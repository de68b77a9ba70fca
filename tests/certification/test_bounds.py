"""Bounds against scipy's exact tests and against the figures that the method's statistics state."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, binom, binomtest

from tasks.certification.bounds import (
    confidence_per_look,
    defects_needed,
    escape_upper_bound,
    escapes_per_million,
    exact_interval,
    order_statistic,
)
from tasks.vocabulary.errors import InputError, NoSafeThresholdError

CONFIDENCES = st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99, 0.999])
RATES = st.floats(1e-3, 0.5)


@st.composite
def counts(draw: st.DrawFn) -> tuple[int, int]:
    n = draw(st.integers(1, 2000))
    return draw(st.integers(0, n)), n


@given(counts(), CONFIDENCES)
def test_the_upper_bound_is_scipys_one_sided_exact_one(k_n: tuple[int, int], level: float) -> None:
    k, n = k_n
    exact = binomtest(k, n, alternative="less").proportion_ci(level, "exact")
    assert escape_upper_bound(k, n, level) == pytest.approx(exact.high, rel=1e-6)


@given(counts(), CONFIDENCES)
def test_the_interval_is_scipys_exact_one(k_n: tuple[int, int], level: float) -> None:
    k, n = k_n
    exact = binomtest(k, n).proportion_ci(level, "exact")
    assert exact_interval(k, n, level) == pytest.approx((exact.low, exact.high), rel=1e-6)


@given(counts(), CONFIDENCES)
def test_the_bound_is_also_that_of_an_order_statistic(k_n: tuple[int, int], level: float) -> None:
    misses, n = k_n
    if misses < n:
        worst = beta.ppf(level, misses + 1, n - misses)
        assert escape_upper_bound(misses, n, level) == pytest.approx(worst, rel=1e-6)


PERCENT = {18: 15.3, 40: 7.2, 57: 5.1, 70: 4.2, 92: 3.2, 119: 2.5, 139: 2.1} | {
    174: 1.71,
    300: 0.99,
    1000: 0.30,
    3000: 0.10,
}


@pytest.mark.parametrize(("n", "percent"), PERCENT.items())
def test_bounds_for_no_escape(n: int, percent: float) -> None:
    digits = 1 if percent > 2 else 2
    assert round(100 * escape_upper_bound(0, n, 0.95), digits) == percent


@pytest.mark.parametrize(
    ("level", "needed"), [(0.95, (59, 149, 299, 598, 2995)), (0.99, (90, 228, 459, 919, 4603))]
)
def test_defects_needed(level: float, needed: tuple[int, ...]) -> None:
    rates = (0.05, 0.02, 0.01, 0.005, 0.001)
    assert tuple(defects_needed(rate, level) for rate in rates) == needed


@pytest.mark.parametrize(
    ("n", "rate", "k"),
    [
        (174, 0.02, 1),
        (174, 0.05, 4),
        (348, 0.01, 1),
        (348, 0.02, 3),
        (348, 0.05, 11),
        (59, 0.05, 1),
    ],
)
def test_order_statistics(n: int, rate: float, k: int) -> None:
    assert order_statistic(n, rate, 0.95) == k


def test_a_refusal_says_how_many_more_defects_are_needed() -> None:
    with pytest.raises(NoSafeThresholdError, match=r"299 are needed\. Collect 125 more"):
        order_statistic(174, 0.01, 0.95)


@given(st.integers(1, 2000), RATES, CONFIDENCES)
def test_the_order_statistic_is_the_largest_one_allowed(n: int, rate: float, level: float) -> None:
    try:
        k = order_statistic(n, rate, level)
    except NoSafeThresholdError:
        k = 0
    tolerance = 1e-8
    if k:
        assert binom.cdf(k - 1, n, rate) <= (1 - level) + tolerance
    assert binom.cdf(k, n, rate) > (1 - level) - tolerance


@given(RATES, CONFIDENCES)
def test_defects_needed_is_where_refusals_end(rate: float, level: float) -> None:
    needed = defects_needed(rate, level)
    assert order_statistic(needed, rate, level) >= 1
    with pytest.raises(NoSafeThresholdError):
        order_statistic(needed - 1, rate, level)


def test_exact_ratios_are_not_refused_by_rounding() -> None:
    assert defects_needed(0.5, 0.75) == 2
    assert order_statistic(2, 0.5, 0.75) == 1


@given(counts(), CONFIDENCES)
def test_more_escapes_never_lower_the_bound(k_n: tuple[int, int], level: float) -> None:
    k, n = k_n
    if k < n:
        assert escape_upper_bound(k + 1, n, level) > escape_upper_bound(k, n, level)
    assert escape_upper_bound(k, n + 1, level) < escape_upper_bound(k, n, level) or k == n


def test_nothing_seen_means_nothing_known() -> None:
    assert escape_upper_bound(0, 0, 0.95) == 1.0
    assert exact_interval(0, 0, 0.95) == (0.0, 1.0)
    with pytest.raises(NoSafeThresholdError, match="Collect 59 more"):
        order_statistic(0, 0.05, 0.95)


def test_looks_share_the_error() -> None:
    assert confidence_per_look(0.95, 1) == pytest.approx(0.95)
    assert confidence_per_look(0.95, 5) == pytest.approx(0.99)
    with pytest.raises(InputError):
        confidence_per_look(0.95, 0)


def test_escapes_per_million_boards() -> None:
    assert escapes_per_million(0.01, 0.0171) == pytest.approx(171.0)
    assert escapes_per_million(0.0, 1.0) == 0.0
    assert escapes_per_million(1.0, 0.0) == 0.0
    share = r" is no share\. Give a value in \[0, 1\]\.$"
    with pytest.raises(InputError, match=r"^The prevalence 1\.5" + share):
        escapes_per_million(1.5, 0.01)
    with pytest.raises(InputError, match=r"^The bound -0\.1" + share):
        escapes_per_million(0.5, -0.1)


def test_one_defect_can_be_enough() -> None:
    assert defects_needed(0.9, 0.5) == 1
    what = r" is not strictly between 0 and 1\. Give a share\.$"
    with pytest.raises(InputError, match=r"^The escape rate 2\.0" + what):
        defects_needed(2.0, 0.5)
    with pytest.raises(InputError, match=r"^The confidence 2\.0" + what):
        defects_needed(0.5, 2.0)


@pytest.mark.parametrize("level", [0.0, 1.0, -1.0, 95.0, float("nan")])
def test_a_confidence_is_a_share(level: float) -> None:
    with pytest.raises(InputError, match="confidence"):
        escape_upper_bound(0, 10, level)


@pytest.mark.parametrize(("k", "n"), [(-1, 10), (11, 10)])
def test_a_count_is_within_its_whole(k: int, n: int) -> None:
    with pytest.raises(InputError):
        exact_interval(k, n, 0.95)
