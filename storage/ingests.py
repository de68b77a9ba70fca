"""The history of a line's ingests: what each one saw, and where it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from storage.layout import ingests
from storage.numbered import NumberedFiles, Record
from storage.objects import Objects


@dataclass(frozen=True)
class IngestRecord:
    """One ingest: every file that it saw is ingested, a duplicate, or in quarantine.

    `key` names its listing and settings, `quarantine` the table that it left; an ingest of the same
    key that finds the same table has nothing to do. `quarantined` counts the entries by kind;
    `reference` is the key of what photographs are registered to, None without registration;
    `torn_groups` counts panels, lots or twins whose boards serve several roles, because what ties them
    together came after the roles; `relabelled` counts the images whose label a person changed, `waiting`
    says which rows of the relabel file are about none of these images. `to_learn` counts the normal images
    that wait to be learnt from, `learnt_at` says when waiting ones were last (or the first ones), and
    `learning` why this ingest gave them to what learns. Times are ISO 8601, UTC.
    """

    key: str
    at: str
    snapshot: int
    images_fingerprint: str
    reference: str | None
    seen: int
    ingested: int
    duplicates: int
    quarantined: Mapping[str, int]
    quarantine: str
    torn_groups: int = 0
    relabelled: int = 0
    waiting: Sequence[str] = field(default_factory=list)
    to_learn: int = 0
    learnt_at: str = ""
    learning: Sequence[str] = field(default_factory=list)

    @property
    def in_quarantine(self) -> int:
        """Files that a person must look at."""
        return sum(self.quarantined.values())


class IngestStore:
    """All ingests of one line, numbered; safe among any number of writers."""

    def __init__(self, objects: Objects, line: str) -> None:
        self._numbered = NumberedFiles(objects, ingests(line))

    def append(self, record: IngestRecord) -> None:
        """Add a record; the one that is last already is not repeated."""
        content = asdict(record)

        def same(numbers: list[int]) -> Record | None:
            last = self._numbered.record(numbers[-1]) if numbers else None
            return last if last is not None and last.content == content else None

        self._numbered.append(content, same)

    def history(self) -> list[IngestRecord]:
        """All ingests, oldest first."""
        return [
            IngestRecord(**self._numbered.record(number).content)
            for number in self._numbered.numbers()
        ]

    def last(self) -> IngestRecord | None:
        """Newest ingest; None if there is none yet."""
        record = self._numbered.last()
        return IngestRecord(**record.content) if record else None
