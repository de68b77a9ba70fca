"""The promise of the tests: false alarms at any time, and how soon a shift shows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta, binom, binomtest

from tasks.drift.evidence import (
    certified_range,
    certified_share,
    level_of_start,
    too_often,
    unlike,
)

LEVEL = 0.1


def alarms_by_chance(streams: int) -> int:
    """So many alarms, or fewer, are seen in 999 of 1,000 repetitions if the level is kept."""
    return int(binom.ppf(0.999, streams, LEVEL))


def unlike_alarms(streams: int, boards: int, certified: int) -> int:
    found = 0
    for seed in range(streams):
        generator = np.random.default_rng((7, seed))
        values = np.round(generator.normal(size=certified + boards), 2)  # ties, too
        course = unlike(values[:certified], values[certified:], LEVEL, restart=100, seed=seed)
        found += course.first is not None
    return found


def range_alarms(streams: int, boards: int, certified: int) -> int:
    """Without any tolerance: the certified boards alone decide what is ordinary."""
    found = 0
    for seed in range(streams):
        generator = np.random.default_rng((8, seed))
        reference = generator.normal(size=certified)
        allowed = certified_range(reference, 0.9, LEVEL / 2, low_counts=True)
        outside = allowed.outside(generator.normal(size=boards))
        course = too_often(outside, allowed.most_outside, LEVEL / 2, restart=100)
        found += course.first is not None
    return found


def test_the_levels_of_all_starts_add_up_to_the_promised_one() -> None:
    total = sum(level_of_start(0.05, start) for start in range(1, 100_000))
    assert 0.0499 < total <= 0.05


def test_a_stable_stream_is_rarely_called_different_at_any_time() -> None:
    assert unlike_alarms(40, 150, certified=60) <= alarms_by_chance(40)


@pytest.mark.slow
def test_a_long_stable_stream_is_rarely_called_different_at_any_time() -> None:
    assert unlike_alarms(200, 1200, certified=60) <= alarms_by_chance(200)


@pytest.mark.slow
@pytest.mark.parametrize("certified", [24, 200])
def test_a_long_stable_stream_is_rarely_red_at_any_time(certified: int) -> None:
    assert range_alarms(100, 500, certified) <= alarms_by_chance(100)


@pytest.mark.slow
def test_neighbours_that_resemble_one_another_are_no_alarm() -> None:
    """A lamp that breathes with the day: a half sigma, well inside what is tolerated."""
    found = 0
    for seed in range(25):
        generator = np.random.default_rng((9, seed))
        allowed = certified_range(generator.normal(size=200), 0.95, LEVEL / 2, low_counts=True)
        breath = 0.5 * np.sin(np.arange(1200) / 80)
        outside = allowed.outside(generator.normal(size=1200) + breath)
        most = allowed.most_outside + 0.05
        found += too_often(outside, most, LEVEL / 2, restart=1000).first is not None
    assert found <= int(binom.ppf(0.999, 25, LEVEL))


def test_without_the_correction_for_many_looks_alarms_would_be_many() -> None:
    """The same streams under a test that is valid once: what time-uniform saves us from."""
    naive = 0
    for seed in range(40):
        flags = np.random.default_rng((10, seed)).random(300) < 0.1
        seen = np.cumsum(flags)
        tails = binom.sf(seen - 1, np.arange(1, 301), 0.1)
        naive += bool((tails < LEVEL).any())
    assert naive > alarms_by_chance(40)


@pytest.mark.parametrize(("shift", "within"), [(2.0, 60), (-2.0, 60), (4.0, 40)])
def test_a_shift_shows_within_so_many_boards(shift: float, within: int) -> None:
    generator = np.random.default_rng(3)
    course = unlike(
        generator.normal(size=200), generator.normal(shift, 1.0, 100), 0.01, restart=1000, seed=0
    )
    assert course.first is not None
    assert course.first < within
    assert course.figure_N[course.first] > 1.0


def test_a_spread_that_grows_around_the_same_middle_shows() -> None:
    generator = np.random.default_rng(4)
    wild = generator.choice([-4.0, 4.0], size=200)
    course = unlike(generator.normal(size=200), wild, 0.01, restart=1000, seed=0)
    assert course.first is not None


def test_boards_that_all_lie_outside_turn_red_before_the_twentieth() -> None:
    allowed = certified_range(np.arange(200.0), 0.95, 0.001, low_counts=True)
    outside = allowed.outside(np.full(30, 500.0))
    course = too_often(outside, allowed.most_outside + 0.05, 0.001, restart=1000)
    assert course.first is not None
    assert course.first < 20


def test_a_late_shift_shows_although_all_was_well_for_long() -> None:
    events = np.zeros(2100, dtype=bool)
    events[2000:] = True
    course = too_often(events, 0.2, 0.001, restart=1000)
    assert course.first is not None
    assert 2000 < course.first < 2030


def test_the_certified_range_is_that_of_order_statistics() -> None:
    allowed = certified_range(np.arange(100.0)[::-1], 0.9, 0.01, low_counts=True)
    assert (allowed.low, allowed.high) == (4.0, 95.0)
    assert allowed.most_outside == pytest.approx(beta.ppf(0.99, 10, 91))
    above = certified_range(np.arange(100.0), 0.9, 0.01, low_counts=False)
    assert (above.low, above.high) == (-np.inf, 90.0)
    assert not above.outside(np.array([-1e9]))[0]


def test_what_is_not_finite_lies_outside() -> None:
    allowed = certified_range(np.arange(100.0), 0.9, 0.01, low_counts=False)
    assert allowed.outside(np.array([np.nan, np.inf, -np.inf])).all()


def test_a_constant_quantity_is_not_outside_itself_but_any_other_value_is() -> None:
    allowed = certified_range(np.full(50, 7.0), 0.95, 0.01, low_counts=True)
    assert allowed.outside(np.array([7.0, 7.1, 6.9])).tolist() == [False, True, True]
    steady = unlike(np.full(50, 7.0), np.full(300, 7.0), 0.05, restart=1000, seed=1)
    assert steady.first is None


@pytest.mark.parametrize("n", [0, 1])
def test_from_one_board_or_none_nothing_is_ordinary(n: int) -> None:
    assert certified_range(np.arange(float(n)), 0.95, 0.01, low_counts=True).most_outside == 1.0


def test_the_share_of_flags_is_bounded_exactly() -> None:
    expected = binomtest(3, 80, alternative="less").proportion_ci(0.99, "exact").high
    assert certified_share(3, 80, 0.01) == pytest.approx(expected)
    assert certified_share(0, 0, 0.01) == 1.0


def test_the_same_stream_gives_the_same_course_and_a_longer_one_begins_like_it() -> None:
    values = np.random.default_rng(5).normal(0.4, 1.0, size=120)
    certified = np.random.default_rng(6).normal(size=40)
    long = unlike(certified, values, 0.05, restart=50, seed=0).figure_N
    short = unlike(certified, values[:70], 0.05, restart=50, seed=0).figure_N
    assert np.array_equal(long[:70], short)
    events = values > 1.0
    whole = too_often(events, 0.2, 0.05, restart=50).figure_N
    assert np.array_equal(whole[:70], too_often(events[:70], 0.2, 0.05, restart=50).figure_N)
