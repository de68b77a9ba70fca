"""Which boards of the past are asked for: days with both ends, conditions, and what is refused."""

from __future__ import annotations

import pytest

from tasks.backfilling.wanted import Wanted, day_of
from tasks.vocabulary.errors import InputError


@pytest.mark.parametrize(
    ("captured_at", "is_in"),
    [
        ("2026-10-02T23:59:59+00:00", True),
        ("2026-10-02", True),
        ("2026-10-05T00:00:00", True),
        ("2026-10-05T23:59:59.999999+00:00", True),
        ("2026-10-01T23:59:59", False),
        ("2026-10-06", False),
        ("", False),
    ],
)
def test_both_days_belong_to_the_period(captured_at: str, is_in: bool) -> None:
    wanted = Wanted.parsed("2026-10-02", "2026-10-05", [])
    assert wanted.in_period(captured_at) is is_in


def test_a_board_without_a_day_is_in_no_period_and_in_the_whole_past() -> None:
    for since, until in (("2026-10-02", None), (None, "2026-10-05")):
        assert not Wanted.parsed(since, until, []).in_period("")
    assert Wanted.parsed(None, None, []).in_period("")


def test_open_ends() -> None:
    assert Wanted.parsed("2026-10-02", None, []).in_period("2031-01-01")
    assert Wanted.parsed(None, "2026-10-02", []).in_period("1999-01-01T00:00:00")


def test_all_conditions_must_hold_and_silence_matches_none() -> None:
    wanted = Wanted.parsed(None, None, ["camera=top", "lot = 7 b"])
    assert wanted.matches({"camera": "top", "lot": "7 b"})
    assert not wanted.matches({"camera": "top", "lot": "7"})
    assert not wanted.matches({"camera": "top"})
    assert Wanted().matches({})


@pytest.mark.parametrize(
    ("since", "until", "where", "said"),
    [
        ("2026-10-05", "2026-10-04", [], "begins on 2026-10-05 and ends on 2026-10-04"),
        ("yesterday", None, [], "--since yesterday is no day"),
        (None, "2026-02-30", [], "--until 2026-02-30 is no day"),
        (None, None, ["colour=red"], "one of camera, family"),
        (None, None, ["camera"], "is no condition"),
        (None, None, ["camera="], "is no condition"),
        (None, None, ["captured_at=2026-10-01"], "chosen by --since and --until"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_the_remedy(
    since: str | None, until: str | None, where: list[str], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        Wanted.parsed(since, until, where)


@pytest.mark.parametrize(
    ("since", "until", "words"),
    [
        (None, None, "of any day, or of none, camera = top"),
        ("2026-10-02", None, "since 2026-10-02, camera = top"),
        (None, "2026-10-02", "to 2026-10-02, camera = top"),
        ("2026-10-02", "2026-10-02", "of 2026-10-02, camera = top"),
        ("2026-10-02", "2026-10-09", "from 2026-10-02 to 2026-10-09, camera = top"),
    ],
)
def test_the_period_in_words(since: str | None, until: str | None, words: str) -> None:
    assert Wanted.parsed(since, until, ["camera=top"]).words() == words


def test_the_day_of_a_time() -> None:
    assert day_of("2026-10-02T10:00:00+00:00") == day_of("2026-10-02") == "2026-10-02"
    assert day_of("") == ""
