"""Who changed which label of a line, when and why; without Prefect, Dask or torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flows.settings import load_settings
from storage.label_changes import LabelChange, LabelHistory
from storage.stores import Stores
from tasks.vocabulary.errors import InputError


@dataclass(frozen=True)
class LabelChanges:
    """All changes that ingests have read, oldest first; `waiting` rows are about images not here now."""

    line: str
    history: LabelHistory
    waiting: tuple[str, ...]

    @property
    def rows(self) -> list[tuple[LabelChange, bool]]:
        """Every change, and whether it is the last word on its image."""
        last = self.history.last()
        return [(change, last[change.image_id] == change) for change in self.history.changes]

    @property
    def changed(self) -> int:
        """Images whose label is not the one that the archive gave at first."""
        last = self.history.last()
        return sum(last[i].after != first.before for i, first in self.history.first().items())

    def for_machines(self) -> dict[str, Any]:
        """Counts of images and every change."""
        return {
            "line": self.line,
            "changed": self.changed,
            "changed_after_scores": len(self.history.changed_after_scores()),
            "waiting": list(self.waiting),
            "changes": [asdict(change) | {"in_force": last} for change, last in self.rows],
        }

    def sentences(self) -> tuple[str, ...]:
        """What it comes to."""
        if not self.history.changes:
            return ("No label was ever changed.", *self.waiting)
        after = len(self.history.changed_after_scores())
        return (
            f"{self.changed} images have another label now than the archive gave them at first; "
            f"{after} have another than when their scores were first seen.",
            *self.waiting,
        )


def label_changes(config: Path) -> LabelChanges:
    """What the ingests of a line found; raises `InputError` where it has no store yet."""
    settings = load_settings(config)
    if not settings.store.exists():
        raise InputError(
            f"The store {settings.store} does not exist yet.", "Run `zeroescape ingest` first."
        )
    stores = Stores(settings.store)
    last = stores.ingests(settings.line).last()
    waiting = tuple(last.waiting) if last else ()
    return LabelChanges(settings.line, stores.labels(settings.line).history(), waiting)
