"""Which boards of an archive's past are asked for: days, and what the archive says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NoReturn

from tasks.vocabulary.errors import InputError

COLUMNS = ("camera", "family", "label", "line", "lot", "panel", "product", "role", "serial")
"""What a board can be chosen by beside its day; `role` is the line's own, the others the archive's."""

_DAY_CHARACTERS = len("2026-11-20")


@dataclass(frozen=True)
class Wanted:
    """Boards captured from `since` to `until`, both days included, of which all of `where` is true.

    The day is the one that the archive names: UTC where it tells a time with an offset. A board whose
    archive names no day is in no period; it is asked for only where neither end is given.
    """

    since: date | None = None
    until: date | None = None
    where: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parsed(cls, since: str | None, until: str | None, where: Sequence[str]) -> Wanted:
        """Read what a person typed: ISO 8601 days, and `COLUMN=VALUE` of one of `COLUMNS`.

        Raises `InputError` for anything else, and where the period ends before it begins.
        """
        begin, end = _day(since, "--since"), _day(until, "--until")
        if begin is not None and end is not None and begin > end:
            raise InputError(
                f"The period begins on {begin} and ends on {end}.", "Exchange --since and --until."
            )
        return cls(begin, end, tuple(_condition(text) for text in where))

    @property
    def is_period(self) -> bool:
        """Whether one of the ends is given."""
        return self.since is not None or self.until is not None

    def in_period(self, captured_at: str) -> bool:
        """Whether a board of this time, "" where unknown, is in the period."""
        if not self.is_period:
            return True
        day = day_of(captured_at)
        if day == "":
            return False
        early = self.since is not None and day < self.since.isoformat()
        late = self.until is not None and day > self.until.isoformat()
        return not early and not late

    def matches(self, told: Mapping[str, str]) -> bool:
        """Whether all conditions hold; what the archive does not tell of a board matches nothing."""
        return all(told.get(column, "") == value for column, value in self.where)

    def words(self) -> str:
        """The period and the conditions as a person says them."""
        if not self.is_period:
            said = "of any day, or of none"
        elif self.since == self.until:
            said = f"of {self.since}"
        else:
            begin = f"from {self.since} " if self.since else ""
            said = f"{begin}to {self.until}" if self.until else f"since {self.since}"
        conditions = [f"{column} = {value}" for column, value in self.where]
        return ", ".join([said, *conditions])


def day_of(captured_at: str) -> str:
    """The day of an ISO 8601 time, "" where there is none."""
    return captured_at[:_DAY_CHARACTERS]


def _day(text: str | None, option: str) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{option} {text} is no day.", "Write it as 2026-11-20.") from error


def _condition(text: str) -> tuple[str, str]:
    column, equals, value = (part.strip() for part in text.partition("="))
    if column not in COLUMNS or not equals or not value:
        _refuse_condition(text)
    return column, value


def _refuse_condition(text: str) -> NoReturn:
    raise InputError(
        f"--where {text} is no condition that boards can be chosen by.",
        f"Write COLUMN=VALUE with one of {', '.join(COLUMNS)}; days are chosen by --since and --until.",
    )
