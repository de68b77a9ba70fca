"""The two roads side by side on the demo's lines: agreement, defects found, detection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tasks.progress import Listener
from tasks.workers import Workers
from tests.benchmarks.alignment.learnt import opened
from tests.benchmarks.measuring.detection import detected
from tests.benchmarks.measuring.roads import compared, on_roads

BOARDS = 24
# Where the truth about the defects lies, if anywhere.
LINES: dict[Path, Path | None] = {
    Path("configs/pcba-synthetic.yaml"): Path("build/pcba-synthetic/images"),
    Path("configs/elpv-mono.yaml"): None,
}


def measure_roads(heard: Listener) -> dict[str, Any]:
    """One part a line; needs their champions, and what they measured before is found again."""
    part: dict[str, Any] = {}
    for config, archive in LINES.items():
        line = opened(config)
        settings = line.settings.dask
        with Workers(settings.address, settings.workers, 1) as workers:
            measuring = on_roads(line, workers)
            facts = compared(line, measuring, archive, BOARDS, workers, heard)
        with Workers(settings.address, settings.workers, settings.batch_images) as workers:
            detection = detected(line, measuring, workers, heard)
        for name, of_road in facts["by_road"].items():
            of_road["detection"] = detection[name]
        part[line.settings.line] = facts
    return {"roads": part}
