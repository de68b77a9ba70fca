"""Costs and risks in use against closed forms, scipy, and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import betabinom, binom

from tasks.certification.bounds import escape_upper_bound
from tasks.certification.costs import (
    chance_of_escape,
    false_calls_per_thousand,
    operator_time,
    worst_chance_of_escape,
)
from tasks.certification.thresholds import flagged, zfn_threshold
from tasks.vocabulary.errors import InputError


def test_a_repeat_as_large_as_the_study_sees_an_escape_every_other_time() -> None:
    for n in (1, 18, 174):
        assert chance_of_escape(n, n) == pytest.approx(0.5)
    assert chance_of_escape(174, 0) == 0.0
    assert chance_of_escape(174, 58) == pytest.approx(58 / (174 + 58))


@given(st.integers(1, 400), st.integers(0, 400), st.data())
def test_the_chance_is_that_of_the_beta_binomial(n: int, fresh: int, data: st.DataObject) -> None:
    rank = data.draw(st.integers(1, n))
    expected = 1.0 - betabinom.pmf(0, fresh, rank, n - rank + 1) if fresh else 0.0
    assert chance_of_escape(n, fresh, rank) == pytest.approx(expected, rel=1e-6, abs=1e-9)


@given(st.integers(2, 300), st.integers(1, 300), st.integers(1, 5))
def test_the_chance_falls_with_n_and_rises_with_rank_and_repeat(
    n: int, fresh: int, rank: int
) -> None:
    if rank < n:
        chance = chance_of_escape(n, fresh, rank)
        assert 0.0 < chance < 1.0 + 1e-12
        assert chance_of_escape(n + 1, fresh, rank) < chance + 1e-12
        assert chance_of_escape(n, fresh + 1, rank) > chance - 1e-12
        assert chance_of_escape(n, fresh, rank + 1) > chance - 1e-12


def test_simulated_repeats_see_escapes_as_often() -> None:
    generator = np.random.default_rng(5)
    seen = []
    for _ in range(3000):
        threshold = zfn_threshold(generator.normal(size=30), misses_allowed=1)
        seen.append(not flagged(generator.normal(size=12), threshold).all())
    promised = chance_of_escape(30, 12, rank=2)
    assert np.mean(seen) == pytest.approx(promised, abs=4 * math.sqrt(0.25 / 3000))


@given(st.floats(1e-6, 1.0), st.integers(0, 500))
def test_the_worst_chance_is_binomial(bound: float, fresh: int) -> None:
    expected = 1.0 - binom.pmf(0, fresh, bound)
    assert worst_chance_of_escape(bound, fresh) == pytest.approx(expected, abs=1e-9)


def test_certain_escape_is_certain_and_no_defect_cannot_escape() -> None:
    assert worst_chance_of_escape(1.0, 1) == 1.0
    assert worst_chance_of_escape(1.0, 0) == 0.0
    assert worst_chance_of_escape(0.0, 9) == 0.0
    bound = escape_upper_bound(0, 59, 0.95)
    assert worst_chance_of_escape(bound, 59) == pytest.approx(0.95)


def test_false_calls_per_thousand_boards() -> None:
    assert false_calls_per_thousand(0.24) == pytest.approx(240.0)
    assert false_calls_per_thousand(0.24, 0.5) == pytest.approx(120.0)


def test_operator_seconds_by_hand() -> None:
    time = operator_time(0.1, 0.02, flag_rate_today=0.5, review_seconds=8.0)
    assert time.flag_rate_here == pytest.approx(0.02 + 0.98 * 0.1)
    assert time.flag_rate_today == 0.5
    assert time.seconds_here == pytest.approx(8 * 0.118)
    assert time.seconds_today == pytest.approx(4.0)
    assert time.seconds_saved == pytest.approx(4.0 - 8 * 0.118)
    assert operator_time(0.9, 0.0, 0.5, 8.0).seconds_saved == pytest.approx(-3.2)


def test_shares_at_both_ends_are_shares() -> None:
    assert false_calls_per_thousand(0.0, 1.0) == 0.0
    assert false_calls_per_thousand(1.0, 0.0) == 1000.0
    assert operator_time(1.0, 1.0, 1.0, 1.0).seconds_here == 1.0
    assert operator_time(0.0, 0.0, 0.0, 0.1).seconds_today == 0.0


@pytest.mark.parametrize("share", [-0.1, 1.1, math.nan])
def test_what_is_no_share_is_refused_by_name(share: float) -> None:
    with pytest.raises(InputError, match="The false-call rate"):
        false_calls_per_thousand(share)
    with pytest.raises(InputError, match="The prevalence"):
        false_calls_per_thousand(0.1, share)
    with pytest.raises(InputError, match="The false-call rate"):
        operator_time(share, 0.1, 0.1, 8.0)
    with pytest.raises(InputError, match="The prevalence"):
        operator_time(0.1, share, 0.1, 8.0)
    with pytest.raises(InputError, match="The flag rate of today"):
        operator_time(0.1, 0.1, share, 8.0)
    with pytest.raises(InputError, match=r"The bound .* is no share\. Give a value in \[0, 1\]\.$"):
        worst_chance_of_escape(share, 3)


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.inf, math.nan])
def test_a_review_takes_time(seconds: float) -> None:
    with pytest.raises(InputError, match=r"A review of .* s\. Give the seconds of one review\."):
        operator_time(0.1, 0.1, 0.1, seconds)


@pytest.mark.parametrize(("n", "rank"), [(3, 4), (3, 0), (0, 1)])
def test_a_rank_is_one_of_the_defects(n: int, rank: int) -> None:
    with pytest.raises(
        InputError, match=rf"no {rank}-th smallest of {n} defects\. Give 1 <= rank <= n\.$"
    ):
        chance_of_escape(n, 1, rank)
    assert chance_of_escape(3, 1, 3) == pytest.approx(0.75)


def test_fresh_defects_are_counted_from_none() -> None:
    with pytest.raises(InputError, match=r"^-1 fresh defects\. Give 0 or more\.$"):
        chance_of_escape(3, -1)
    with pytest.raises(InputError, match=r"^-1 fresh defects\. Give 0 or more\.$"):
        worst_chance_of_escape(0.1, -1)
