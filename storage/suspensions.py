"""When the certificate of which bundle was suspended and lifted, by whom and why: append-only."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from storage.layout import suspensions
from storage.numbered import NumberedFiles, Record
from storage.objects import Objects


@dataclass(frozen=True)
class SuspensionRecord:
    """One decision on a bundle's certificate.

    `by` is a person, or "drift" where the light turned red. `inspections` is how many inspections of the
    bundle there were: after a lift the tests begin with the next one. `alarm_at` is when the first board
    of the alarm was inspected, "" for decisions of persons. Times are ISO 8601, UTC.
    """

    what: Literal["suspended", "lifted"]
    bundle: str
    at: str
    by: str
    why: str
    inspections: int
    alarm_at: str = ""

    @property
    def sentence(self) -> str:
        """What whoever uses the certificate must know."""
        when = (self.alarm_at or self.at)[:16].replace("T", " ")
        return f"Suspended since {when} because {self.why[:1].lower()}{self.why[1:]}"


class SuspensionLedger:
    """All suspensions and lifts of one line, numbered; safe among any number of writers."""

    def __init__(self, objects: Objects, line: str) -> None:
        self._files = NumberedFiles(objects, suspensions(line))

    def append(self, record: SuspensionRecord) -> bool:
        """Add a decision; False where the bundle is suspended already and shall be once more."""
        added = True

        def same(numbers: list[int]) -> Record | None:
            nonlocal added
            last = next(
                (
                    one
                    for number in reversed(numbers)
                    if (one := self._files.record(number)).content["bundle"] == record.bundle
                ),
                None,
            )
            again = record.what == "suspended" and last and last.content["what"] == "suspended"
            added = not again
            return last if again else None

        self._files.append(asdict(record), same)
        return added

    def history(self, bundle: str) -> tuple[SuspensionRecord, ...]:
        """All decisions on a bundle, oldest first; CorruptEntryError where one has changed."""
        records = (self._files.record(number).content for number in self._files.numbers())
        return tuple(SuspensionRecord(**one) for one in records if one["bundle"] == bundle)

    def suspended(self, bundle: str) -> SuspensionRecord | None:
        """The suspension that holds for a bundle now; None where its certificate stands."""
        history = self.history(bundle)
        return history[-1] if history and history[-1].what == "suspended" else None

    def tested_from(self, bundle: str) -> int:
        """How many inspections came before the last lift: the tests begin after them."""
        lifts = [one.inspections for one in self.history(bundle) if one.what == "lifted"]
        return max(lifts, default=0)
