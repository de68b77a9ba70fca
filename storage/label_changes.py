"""Who changed which label of a line, when and why: nothing of it is ever replaced or taken back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from storage.layout import label_changes
from storage.numbered import NumberedFiles, Record
from storage.objects import Objects


@dataclass(frozen=True)
class LabelChange:
    """One image that got another label, or whose label a person confirmed (`before` is `after` then).

    `who` is "" where no person is named: a row was taken out of the relabel file, or the archive itself
    gives another label; `why` says which. `at` is ISO 8601, UTC: when an ingest read it first.
    `scores_seen` tells whether the line had a finished model by then, hence whether the image's score may
    have been known to whoever changed the label.
    """

    image_id: str
    source: str
    before: str
    after: str
    who: str
    why: str
    at: str
    scores_seen: bool


@dataclass(frozen=True)
class LabelHistory:
    """All changes of a line, oldest first."""

    changes: tuple[LabelChange, ...]

    def last(self) -> dict[str, LabelChange]:
        """Newest change by image id: its `after` is the image's label."""
        return {change.image_id: change for change in self.changes}

    def first(self) -> dict[str, LabelChange]:
        """Oldest change by image id: its `before` is the label that the archive gave at first."""
        return {change.image_id: change for change in reversed(self.changes)}

    def scored(self) -> dict[str, str]:
        """Label under which an image's score was first seen, of all images whose label changed since."""
        return {c.image_id: c.before for c in reversed(self.changes) if c.scores_seen}

    def changed_after_scores(self) -> list[str]:
        """Ids of all images that have another label now than when their score was first seen."""
        last = self.last()
        return [image_id for image_id, was in self.scored().items() if last[image_id].after != was]


class LabelLog:
    """The changes of one line: one numbered file an ingest that found some."""

    def __init__(self, objects: Objects, line: str) -> None:
        self._files = NumberedFiles(objects, label_changes(line))

    def append(self, changes: Iterable[LabelChange]) -> None:
        """Add what one ingest found; nothing where that is nothing, or the last that was added."""
        found = [asdict(change) for change in changes]
        if not found:
            return

        def same(numbers: Sequence[int]) -> Record | None:
            last = self._files.record(numbers[-1]) if numbers else None
            known = last is not None and _timeless(last.content["changes"]) == _timeless(found)
            return last if known else None

        self._files.append({"changes": found}, same)

    def history(self) -> LabelHistory:
        """Everything; CorruptEntryError where a file is not as it was written: a gap hides a change."""
        records = (self._files.record(number) for number in self._files.numbers())
        return LabelHistory(
            tuple(LabelChange(**one) for record in records for one in record.content["changes"])
        )


def _timeless(changes: Iterable[dict[str, object]]) -> list[dict[str, object]]:
    return [{**change, "at": ""} for change in changes]
