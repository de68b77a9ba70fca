"""The two roads side by side on a line: agreement, defects found, detection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tasks.progress import Listener
from tasks.workers import Workers
from tests.benchmarks.alignment.learnt import opened
from tests.benchmarks.measuring.detection import detected
from tests.benchmarks.measuring.roads import compared, on_roads

# Boards with a defect whose boxes are compared, and images of each class whose detection is: the exact
# road takes 10 to 20 s of a core for each.
BOARDS, IMAGES_PER_CLASS = 12, 100
SYNTHETIC, TRUTH = Path("configs/pcba-synthetic.yaml"), Path("build/pcba-synthetic/images")
CELLS = Path("configs/elpv-mono.yaml")


def measure_synthetic_roads(heard: Listener) -> dict[str, Any]:
    """Rendered boards, whose defects have true boxes."""
    return {"roads_synthetic": _measured(SYNTHETIC, TRUTH, heard)}


def measure_cell_roads(heard: Listener) -> dict[str, Any]:
    """Real solar cells; nobody drew their defects."""
    return {"roads_cells": _measured(CELLS, None, heard)}


def _measured(config: Path, truth: Path | None, heard: Listener) -> dict[str, Any]:
    """Needs the line's champion; rows that were measured before are found again."""
    line = opened(config)
    settings = line.settings.dask
    with Workers(settings.address, settings.workers, 1) as workers:
        measuring = on_roads(line, workers)
        facts = compared(line, measuring, truth, BOARDS, workers, heard)
    with Workers(settings.address, settings.workers, settings.batch_images) as workers:
        detection = detected(line, measuring, IMAGES_PER_CLASS, workers, heard)
    for name, of_road in facts["by_road"].items():
        of_road["detection"] = detection[name]
    return {"line": line.settings.line, **facts}
