"""Whether a night trains, and why."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from flows import plan
from flows.settings import LineSettings
from storage.ingests import IngestRecord
from storage.snapshots import Snapshot
from storage.stores import Stores


@dataclass(frozen=True)
class Training:
    """`why` are the reasons to learn from images that waited; `waiting` counts normals that wait still."""

    trained: bool
    why: tuple[str, ...]
    waiting: int

    @classmethod
    def before(
        cls, settings: LineSettings, stores: Stores, snapshot: Snapshot, intake: IngestRecord
    ) -> Training:
        """What this run is about to do, seen before its training."""
        key, _ = plan.training_job(settings, stores, snapshot)
        trained = stores.registry.find("models", key) is None
        return cls(trained, tuple(intake.learning) if trained else (), intake.to_learn)

    def sentence(self) -> str:
        """In words, as figures and artifacts show it."""
        if self.why:
            return f"The reconstruction was trained anew: {', and '.join(self.why)}."
        waiting = f"{self.waiting:,} normal images wait to be learnt from."
        if self.trained:
            return f"The reconstruction was trained. {waiting}"
        return f"Nothing was trained: {waiting}"

    def for_machines(self) -> dict[str, Any]:
        """The key `training` of `--json`."""
        return asdict(self)
