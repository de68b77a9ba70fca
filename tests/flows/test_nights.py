"""Of missed nights at most one is run; a night that another run did is left out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flows.nights import LATEST, why_left_out

PLANNED = datetime(2026, 11, 22, 2, tzinfo=UTC)
SHORTLY = timedelta(minutes=1)


def test_a_night_in_time_runs() -> None:
    assert why_left_out(PLANNED, PLANNED + SHORTLY, None, catch_up=False) is None
    assert why_left_out(PLANNED, PLANNED + LATEST, None, catch_up=False) is None


def test_a_missed_night_is_left_out_unless_it_is_caught_up() -> None:
    late = PLANNED + LATEST + SHORTLY
    said = why_left_out(PLANNED, late, None, catch_up=False)
    assert said is not None
    assert "6 h ago" in said
    assert why_left_out(PLANNED, late, None, catch_up=True) is None


def test_of_several_missed_nights_the_first_that_starts_does_the_work_of_all() -> None:
    """A server that was away for a week hands out what waited, one after the other."""
    now = PLANNED + timedelta(days=7)
    begun: datetime | None = None
    ran = []
    for night in range(3):
        planned = PLANNED + timedelta(days=night)
        since = begun if begun is not None and begun > planned else None
        if why_left_out(planned, now, since, catch_up=True) is None:
            begun = now
            ran.append(night)
        now += SHORTLY
    assert ran == [0]


def test_a_run_that_began_before_the_night_does_not_do_its_work() -> None:
    """What came into the archive meanwhile was not seen by it; hence the caller does not name it."""
    assert why_left_out(PLANNED, PLANNED + timedelta(hours=3), None, catch_up=False) is None
    began = PLANNED + SHORTLY
    said = why_left_out(PLANNED, PLANNED + timedelta(hours=3), began, catch_up=True)
    assert said is not None
    assert "2026-11-22 02:01 UTC" in said
