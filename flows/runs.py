"""Runs of the flows as the command line starts them: with progress bars, time and memory."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flows.clock import PeakMemory
from flows.display import Terminal
from flows.figures import RunFigures
from flows.inspect import inspect
from flows.retrain import retrain
from tasks.jobs import Verdict
from tasks.progress import listening


@dataclass(frozen=True)
class Run:
    """A finished retraining: its figures, and the same for machines."""

    figures: RunFigures
    machine_readable: dict[str, Any]


@dataclass(frozen=True)
class Inspection:
    """Finished verdicts and the folder that holds their overlays."""

    verdicts: Sequence[Verdict]
    folder: Path
    seconds: float

    @property
    def machine_readable(self) -> dict[str, Any]:
        """Counts and every verdict."""
        flagged = sum(1 for verdict in self.verdicts if verdict.verdict == "flagged")
        return {
            "n": len(self.verdicts),
            "flagged": flagged,
            "passed": len(self.verdicts) - flagged,
            "seconds": self.seconds,
            "verdicts": [asdict(verdict) for verdict in self.verdicts],
        }


def measured_retrain(config: Path, terminal: Terminal) -> Run:
    """Retrain with progress bars."""
    begin = time.perf_counter()
    with PeakMemory() as memory, terminal.bars() as bars, listening(bars):
        figures = retrain(config)
    total = time.perf_counter() - begin
    return Run(figures, figures.for_machines(total, memory.peak_mb))


def measured_inspect(
    config: Path, paths: Sequence[Path], folder: Path, terminal: Terminal
) -> Inspection:
    """Inspect with a progress bar."""
    begin = time.perf_counter()
    with terminal.bars() as bars, listening(bars):
        verdicts = inspect(config, paths, folder)
    return Inspection(verdicts, folder, time.perf_counter() - begin)
