"""Runs of the flows as the command line starts them: with progress bars, time and memory."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from flows.clock import PeakMemory
from flows.display import Terminal
from flows.figures import Inspection, Run
from flows.inspect import inspect
from flows.retrain import retrain
from tasks.progress import listening


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
