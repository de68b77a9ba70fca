"""The table of faults and what came of them: one row a fault that was really done to a real run."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.aftermath import assert_nothing_half_written, rows_of, weights_digest
from tests.product_line import REPOSITORY, ProductLine

PLACE = REPOSITORY / "build" / "faults.json"


@dataclass
class Row:
    """A fault, when it was done, and what came of it; as bad as can be until the contrary is shown.

    `rows_lost` and `rows_doubled` count board images and rows of metrics, of all that an undisturbed line
    has or that this one had committed before; `detected_after_s` is from the fault until somebody was told
    (the run ended with its reason, or Prefect has the run as crashed), None where nobody has to be.
    """

    fault: str
    when: str
    same_verdicts: bool = False
    rows_lost: int | None = None
    rows_doubled: int | None = None
    detected_after_s: float | None = None
    outcome: str = "The test did not come to its end."
    _committed: set[str] = field(default_factory=set, repr=False)
    _at: float = field(default_factory=time.time, repr=False)

    def done(self, line: ProductLine) -> None:
        """The fault is done now: what is committed must stay."""
        self._at = time.time()
        self._committed |= set(rows_of(line))

    def detected(self, at: float | None = None) -> None:
        """Somebody was told, now or at a time in seconds since the epoch."""
        self.detected_after_s = round((at or time.time()) - self._at, 1)

    def judge(self, line: ProductLine, undisturbed: ProductLine, outcome: str) -> None:
        """Compare a line that went on after the fault with one to which nothing happened."""
        assert_nothing_half_written(line)
        rows, wanted = rows_of(line), set(rows_of(undisturbed))
        self.rows_lost = len((wanted | self._committed) - set(rows))
        self.rows_doubled = sum(rows.values()) - len(rows)
        self.same_verdicts = line.verdicts() == undisturbed.verdicts()
        self.same_verdicts &= weights_digest(line) == weights_digest(undisturbed)
        self.outcome = outcome
        assert self.same_verdicts, "other verdicts than undisturbed"
        assert (self.rows_lost, self.rows_doubled) == (0, 0)

    def for_machines(self) -> dict[str, object]:
        return {name: value for name, value in asdict(self).items() if not name.startswith("_")}


def written(rows: Iterable[Row], place: Path = PLACE) -> list[dict[str, object]]:
    """Put rows into the file, in the place of earlier ones of the same fault; returns all of it."""
    kept = json.loads(place.read_text()) if place.exists() else []
    found = {(row["fault"], row["when"]): row for row in kept}
    found |= {(row.fault, row.when): row.for_machines() for row in rows}
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(list(found.values()), indent=1) + "\n")
    return list(found.values())


def shown(rows: Iterable[dict[str, object]]) -> str:
    """The table as a person reads it in a terminal."""
    table = Table("fault", "when", "same verdicts", "lost", "doubled", "told after", "outcome")
    for row in rows:
        seconds = row["detected_after_s"]
        table.add_row(
            str(row["fault"]),
            str(row["when"]),
            "yes" if row["same_verdicts"] else "NO",
            *(
                "?" if row[name] is None else str(row[name])
                for name in ("rows_lost", "rows_doubled")
            ),
            "" if seconds is None else f"{seconds} s",
            str(row["outcome"]),
        )
    written_to = io.StringIO()
    Console(width=150, file=written_to).print(table)
    return written_to.getvalue()
