"""The exact paired statements against scipy, exact fractions and the enumeration of all outcomes."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tasks.gating.paired import PairedChange, paired_change
from tasks.vocabulary.errors import InputError

COUNTS = st.integers(0, 60)
CONFIDENCES = st.sampled_from([0.8, 0.9, 0.95, 0.99])


def changed(both: int, b: int, c: int, neither: int, confidence: float = 0.95) -> PairedChange:
    champion = [True] * (both + b) + [False] * (c + neither)
    challenger = [True] * both + [False] * b + [True] * c + [False] * neither
    return paired_change(np.array(champion, bool), np.array(challenger, bool), confidence)


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_the_test_is_that_of_scipy(both: int, b: int, c: int, neither: int) -> None:
    found = changed(both, b, c, neither)
    if b + c:
        assert found.p_two_sided == pytest.approx(stats.binomtest(b, b + c).pvalue, rel=1e-9)
        less = stats.binomtest(c, b + c, alternative="less").pvalue
        assert found.p_better == pytest.approx(less, rel=1e-9)
    else:
        assert (found.p_two_sided, found.p_better) == (1.0, 1.0)


@given(st.integers(0, 25), st.integers(0, 25))
def test_the_test_is_the_sum_of_fractions(b: int, c: int) -> None:
    tail = Fraction(sum(comb(b + c, k) for k in range(c + 1)), 2 ** (b + c))
    assert changed(0, b, c, 3).p_better == pytest.approx(float(tail), rel=1e-12)


@given(COUNTS, COUNTS, COUNTS, COUNTS, CONFIDENCES)
def test_limits_are_clopper_pearson_subtracted(
    both: int, b: int, c: int, neither: int, confidence: float
) -> None:
    found, n = changed(both, b, c, neither, confidence), both + b + c + neither
    if n == 0:
        assert (found.low, found.high, found.change) == (-1.0, 1.0, 0.0)
        return
    # A two-sided interval of level `confidence` has tails of (1 - confidence) / 2.
    alone = [stats.binomtest(k, n).proportion_ci(confidence, "exact") for k in (b, c)]
    assert found.low == pytest.approx(alone[1].low - alone[0].high, abs=1e-9)
    assert found.high == pytest.approx(alone[1].high - alone[0].low, abs=1e-9)
    assert found.low <= found.change <= found.high


@given(COUNTS, COUNTS, COUNTS, COUNTS, CONFIDENCES)
def test_exchanging_the_two_turns_the_change(
    both: int, b: int, c: int, neither: int, confidence: float
) -> None:
    one, other = (
        changed(both, b, c, neither, confidence),
        changed(both, c, b, neither, confidence),
    )
    assert (one.change, one.low, one.high) == pytest.approx(
        (-other.change, -other.high, -other.low), abs=1e-12
    )
    assert one.p_two_sided == other.p_two_sided
    assert (one.champion, one.challenger) == (other.challenger, other.champion)


@given(COUNTS, COUNTS, st.integers(1, 60))
def test_boards_on_which_both_agree_tell_nothing_apart(b: int, c: int, more: int) -> None:
    few, many = changed(0, b, c, 10), changed(more, b, c, 10)
    assert (many.p_two_sided, many.p_better) == (few.p_two_sided, few.p_better)
    assert abs(many.change) <= abs(few.change)


@pytest.mark.parametrize("confidence", [0.8, 0.95])
@pytest.mark.parametrize(
    ("only_champion", "only_challenger"),
    [(0.0, 0.0), (0.1, 0.1), (0.3, 0.05), (0.02, 0.4), (0.5, 0.5), (0.0, 0.3)],
)
def test_each_limit_holds_as_often_as_it_says(
    only_champion: float, only_challenger: float, confidence: float
) -> None:
    """All outcomes of 12 boards, each with its probability: nothing is simulated."""
    n, truth = 12, only_challenger - only_champion
    too_low = too_high = 0.0
    shares = [only_champion, only_challenger, 1 - only_champion - only_challenger]
    for b in range(n + 1):
        for c in range(n + 1 - b):
            chance = float(stats.multinomial.pmf([b, c, n - b - c], n, shares))
            found = changed(0, b, c, n - b - c, confidence)
            too_low += chance * (truth > found.high + 1e-12)
            too_high += chance * (truth < found.low - 1e-12)
    assert too_low <= 1 - confidence + 1e-9
    assert too_high <= 1 - confidence + 1e-9


def test_what_is_no_pair_is_refused() -> None:
    with pytest.raises(InputError, match="same boards"):
        paired_change(np.zeros(3, bool), np.zeros(4, bool), 0.95)
    with pytest.raises(InputError, match="confidence"):
        paired_change(np.zeros(3, bool), np.zeros(3, bool), 1.0)
