"""The stand-alone certificate: which statement, which bound, which words."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tasks.certification.attestation import (
    Attestation,
    FixedThreshold,
    LowestDefect,
    WantedEscapeRate,
    attest,
    in_hundred,
)
from tasks.certification.bounds import escape_upper_bound, exact_interval, order_statistic
from tasks.certification.thresholds import flagged, price_of_misses, zfn_threshold
from tasks.vocabulary.arrays import Float64Array
from tasks.vocabulary.errors import InputError, NoSafeThresholdError

NORMAL = np.linspace(0.0, 1.0, 201)
ABNORMAL = np.linspace(0.4, 2.0, 174)
SCORES = arrays(np.float64, st.integers(1, 40), elements=st.integers(-6, 6).map(float))


def test_a_fixed_threshold_has_the_clopper_pearson_bound() -> None:
    made = attest(NORMAL, ABNORMAL, FixedThreshold(0.41))
    held = made.certificate
    assert made.rank is None
    assert (held.threshold, held.escapes, held.n_abnormal) == (0.41, 2, 174)
    assert held.escape_upper == made.escape_upper_95 == escape_upper_bound(2, 174, 0.95)
    assert held.false_calls == int(flagged(NORMAL, 0.41).sum())
    assert made.sentence() == (
        "2 of 174 held-out defects were missed at a threshold fixed beforehand: with 95 % "
        "confidence fewer than 3.58 in 100 defects of the kinds collected here are missed, as long "
        "as new ones come from the same process. New kinds are not covered."
    )
    once = attest(NORMAL, ABNORMAL, FixedThreshold(0.405)).sentence("defective parts")
    assert once.startswith("1 of 174 held-out defective parts was missed at a threshold fixed")
    assert "in 100 defective parts of the kinds" in once


def test_the_lowest_defect_has_the_beta_bound() -> None:
    made = attest(NORMAL, ABNORMAL, LowestDefect(), confidence=0.99)
    assert made.rank == 1
    assert made.certificate.threshold == 0.4
    assert made.certificate.escape_upper == escape_upper_bound(0, 174, 0.99)
    assert made.escape_upper_95 == escape_upper_bound(0, 174, 0.95)
    assert made.sentence() == (
        "The threshold was set on these 174 defects themselves and misses 0 of them. If they "
        "served nothing else (no training, no tuning, no choice among tools), with 99 % confidence "
        "fewer than 2.62 in 100 defects of the kinds collected here are missed, as long as new "
        "ones come from the same process. New kinds are not covered."
    )


def test_a_wanted_escape_rate_takes_the_highest_rank_that_keeps_it() -> None:
    made = attest(NORMAL, ABNORMAL, WantedEscapeRate(0.05))
    assert made.rank == order_statistic(174, 0.05, 0.95) == 4
    assert made.certificate.threshold == zfn_threshold(ABNORMAL, 3)
    assert made.certificate.escapes == 3
    assert made.certificate.escape_upper == escape_upper_bound(3, 174, 0.95) < 0.05
    with pytest.raises(NoSafeThresholdError, match="Collect 125 more"):
        attest(NORMAL, ABNORMAL, WantedEscapeRate(0.01))


def test_the_rank_was_fixed_before_the_ties_were_seen() -> None:
    tied = np.concatenate((np.full(10, 0.4), np.ones(164)))
    made = attest(NORMAL, tied, WantedEscapeRate(0.05))
    assert (made.rank, made.certificate.escapes) == (4, 0)
    assert made.certificate.escape_upper == escape_upper_bound(3, 174, 0.95)
    assert made.escape_upper_95 == escape_upper_bound(3, 174, 0.95)


def test_further_looks_share_the_error() -> None:
    made = attest(NORMAL, ABNORMAL, FixedThreshold(0.4), confidence=0.9, looks=2)
    assert made.confidence_each == pytest.approx(0.95)
    assert made.certificate.escape_upper == pytest.approx(escape_upper_bound(0, 174, 0.95))
    assert made.escape_upper_95 == pytest.approx(escape_upper_bound(0, 174, 0.975))
    interval = (made.certificate.false_call_low, made.certificate.false_call_high)
    calls = made.certificate.false_calls
    assert interval == pytest.approx(exact_interval(calls, 201, 0.95))
    assert made.ladder[0].escape_upper == pytest.approx(escape_upper_bound(0, 174, 0.95))
    assert "with 90 % confidence over 2 looks at this set fewer than" in made.sentence()
    with pytest.raises(NoSafeThresholdError, match="Collect"):
        attest(NORMAL, ABNORMAL[:60], WantedEscapeRate(0.05), looks=2)
    assert attest(NORMAL, ABNORMAL[:60], WantedEscapeRate(0.05)).rank == 1


def test_ties_and_missing_scores_are_counted() -> None:
    normal = np.array([0.1, 0.5, 0.5, np.inf, 0.9])
    made = attest(normal, np.array([0.5, 0.8, np.inf, np.inf]), LowestDefect())
    assert (made.tied_normal, made.unscored_normal, made.unscored_abnormal) == (2, 1, 2)
    assert (made.certificate.false_calls, made.certificate.escapes) == (4, 0)


def test_one_defect_supports_next_to_nothing_and_says_so() -> None:
    made = attest(NORMAL, np.array([0.5]), LowestDefect())
    assert made.certificate.escape_upper == pytest.approx(0.95)
    assert made.sentence() == (
        "The threshold was set on a single defect: no bound worth quoting can be given."
    )
    assert len(made.ladder) == 1
    fixed = attest(NORMAL, np.array([0.5]), FixedThreshold(0.4))
    assert "0 of 1 held-out defects were missed" in fixed.sentence()
    assert "fewer than 95.00 in 100" in fixed.sentence()


def test_where_all_escaped_nothing_is_claimed() -> None:
    made = attest(NORMAL, np.zeros(3), FixedThreshold(0.5))
    assert made.sentence() == (
        "3 of 3 held-out defects were missed. No bound on the escape rate can be given."
    )


def test_what_cannot_be_certified_is_refused() -> None:
    with pytest.raises(NoSafeThresholdError, match="no defect among the labels"):
        attest(NORMAL, np.zeros(0), LowestDefect())
    with pytest.raises(InputError, match="no held-out normal"):
        attest(np.zeros(0), ABNORMAL, LowestDefect())
    with pytest.raises(NoSafeThresholdError):
        attest(NORMAL, np.array([np.inf]), LowestDefect())
    for confidence in (0.0, 1.0, 95.0, np.nan):
        with pytest.raises(InputError, match="confidence"):
            attest(NORMAL, ABNORMAL, LowestDefect(), confidence)
    with pytest.raises(InputError, match="escape rate"):
        attest(NORMAL, ABNORMAL, WantedEscapeRate(5.0))


@given(SCORES, SCORES, st.integers(1, 8), st.integers(-20, 20))
def test_scale_and_place_of_the_scores_change_nothing_but_the_threshold(
    normal: Float64Array, abnormal: Float64Array, scale: int, shift: int
) -> None:
    plain = attest(normal, abnormal, LowestDefect())
    moved = attest(normal * scale + shift, abnormal * scale + shift, LowestDefect())
    assert moved.certificate.threshold == plain.certificate.threshold * scale + shift
    assert _counts(moved) == _counts(plain)


def _counts(made: Attestation) -> tuple[object, ...]:
    held = made.certificate
    ladder = [(step.misses, step.false_calls, step.escape_upper) for step in made.ladder]
    return (held.escapes, held.false_calls, held.escape_upper, made.tied_normal, ladder)


@given(SCORES, SCORES, st.integers(1, 5))
def test_more_looks_never_sharpen_a_claim(
    normal: Float64Array, abnormal: Float64Array, looks: int
) -> None:
    before = attest(normal, abnormal, LowestDefect(), looks=looks)
    after = attest(normal, abnormal, LowestDefect(), looks=looks + 1)
    assert after.certificate.escape_upper > before.certificate.escape_upper
    assert after.escape_upper_95 > before.escape_upper_95
    assert after.certificate.false_call_low <= before.certificate.false_call_low
    assert after.certificate.false_call_high >= before.certificate.false_call_high


def test_the_ladder_is_that_of_these_units_at_this_confidence() -> None:
    made = attest(NORMAL, ABNORMAL, LowestDefect(), confidence=0.8)
    assert made.ladder == price_of_misses(NORMAL, ABNORMAL, (0, 1, 2, 5), 0.8)


def test_a_ladder_of_misses_by_hand() -> None:
    normal, abnormal = np.arange(100.0), np.arange(50.0, 54.0)
    ladder = price_of_misses(normal, abnormal, (0, 1, 2, 5), 0.9)
    assert [step.misses for step in ladder] == [0, 1, 2]
    assert [step.threshold for step in ladder] == [50, 51, 52]
    assert [step.false_calls for step in ladder] == [50, 49, 48]
    assert [step.escape_fraction for step in ladder] == [0.0, 0.25, 0.5]
    assert ladder[2].escape_upper == escape_upper_bound(2, 4, 0.9)
    assert (ladder[1].low, ladder[1].high) == exact_interval(49, 100, 0.9)
    assert [step.misses for step in price_of_misses(normal, abnormal, (5, 1, 0), 0.9)] == [1, 0]
    assert len(price_of_misses(normal, np.arange(6.0))) == 4
    assert len(price_of_misses(normal, np.append(np.arange(5.0), np.inf))) == 3


def test_a_step_that_ties_leave_where_it_was_is_no_step() -> None:
    tied = np.array([0.4, 0.4, 0.6, 0.7, 0.8, 0.9, 1.0])
    ladder = price_of_misses(NORMAL, tied)
    assert [(step.misses, step.threshold) for step in ladder] == [(0, 0.4), (2, 0.6), (5, 0.9)]
    assert ladder[0].escape_upper == escape_upper_bound(0, 7, 0.95)
    assert {step.n_abnormal for step in ladder} == {7}
    assert len(price_of_misses(NORMAL, np.full(9, 0.5))) == 1


def test_a_ladder_needs_a_first_step() -> None:
    with pytest.raises(NoSafeThresholdError):
        price_of_misses(np.zeros(2), np.array([np.nan]))
    with pytest.raises(NoSafeThresholdError, match="0 of 0 defects"):
        price_of_misses(np.zeros(2), np.zeros(0))
    with pytest.raises(InputError, match="no normal image"):
        price_of_misses(np.zeros(0), np.zeros(2))


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        (0.0170675, "1.71"),
        (0.017, "1.70"),
        (0.5, "50.00"),
        (0.00099, "0.099"),
        (1e-5, "0.0010"),
        (0.001, "0.10"),
        (0.00523, "0.53"),
        (0.0105, "1.05"),
    ],
)
def test_bounds_are_rounded_up(rate: float, said: str) -> None:
    assert in_hundred(rate) == said
    assert float(said) >= 100 * rate - 1e-9


@given(st.floats(1e-7, 1.0))
def test_rounding_never_sharpens_a_promise(rate: float) -> None:
    said = float(in_hundred(rate))
    assert 100 * rate - 1e-8 <= said <= 100 * rate * 1.1 + 0.01


def test_an_attestation_crosses_processes() -> None:
    made = attest(NORMAL, ABNORMAL, WantedEscapeRate(0.05))
    assert pickle.loads(pickle.dumps(made)) == made  # noqa: S301  # our own bytes
