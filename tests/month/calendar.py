"""What happens when in a simulated month: growth, a bad night, a rollback, a drift."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

# The share of defects among the boards of a day, as a line has it that runs well.
_DEFECT_EVERY = 20


@dataclass(frozen=True)
class PlannedBoard:
    """A board of a day: `number` makes its picture, `dark` where the lamp has aged."""

    number: int
    label: str
    dark: bool


@dataclass(frozen=True)
class Calendar:
    """A month: the night comes first, then the day whose boards the next night takes in.

    | field | meaning |
    | --- | --- |
    | `boards` | boards a day, one in twenty with a defect |
    | `normals`, `abnormals` | boards in the archive before the first night |
    | `bad_day` | half of what is delivered that day is broken, and delivered whole a day later |
    | `enough` | so many waiting normals make the line learn |
    | `rollback_day` | a person rolls back to the champion before |
    | `drift_day` | from then on the lamp is weak |
    | `lamp_day` | a new lamp: boards look as before; a person signs for what was learnt meanwhile |
    """

    nights: int = 30
    boards: int = 40
    normals: int = 150
    abnormals: int = 40
    enough: int = 200
    steps: int = 60
    bad_day: int = 5
    rollback_day: int = 14
    drift_day: int = 18
    lamp_day: int = 22

    def first_boards(self) -> Iterator[PlannedBoard]:
        """The archive before the first night."""
        for label, count in (("normal", self.normals), ("abnormal", self.abnormals)):
            for number in range(count):
                yield PlannedBoard(number, label, dark=False)

    def boards_of(self, day: int) -> Iterator[PlannedBoard]:
        """What is produced and inspected on a day."""
        dark = self.drift_day <= day < self.lamp_day
        for number in range(self.boards):
            label = "normal" if number % _DEFECT_EVERY else "abnormal"
            yield PlannedBoard(10_000 * day + number, label, dark)

    def events(self, day: int) -> list[str]:
        """What is out of the ordinary, in words."""
        named = {
            self.bad_day: "half of the delivered files are broken",
            self.bad_day + 1: "the broken files are delivered again, whole",
            self.rollback_day: "a person rolls back",
            self.drift_day: "the lamp turns weak",
            self.lamp_day: "a new lamp",
        }
        return [named[day]] if day in named else []
