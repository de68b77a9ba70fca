"""`python -m tests.benchmarks.measuring --json build/bench.json [--only speed,exact]`."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

# Before Prefect is imported: its log lines would tear the progress bars.
os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")

import typer
from rich.console import Console
from rich.table import Table

from flows.display import Terminal
from tasks.progress import Listener
from tasks.vocabulary.errors import ZeroescapeError
from tests.benchmarks.alignment.record import add_part
from tests.benchmarks.measuring import tables
from tests.benchmarks.measuring.agreement import measure_cell_roads, measure_synthetic_roads
from tests.benchmarks.measuring.exact import measure_exact
from tests.benchmarks.measuring.growth import measure_growth
from tests.benchmarks.measuring.patch_distances import measure_patch_distances
from tests.benchmarks.measuring.speed import measure_speed
from tests.benchmarks.measuring.workers import measure_workers

Measure = Callable[[Listener], dict[str, Any]]
SECTIONS: dict[str, tuple[Measure, Callable[[dict[str, Any]], list[Table]]]] = {
    "speed": (measure_speed, tables.figures),
    "growth": (measure_growth, tables.growth),
    "distances": (lambda _: measure_patch_distances(), tables.distances),
    "exact": (lambda _: measure_exact(), tables.figures),
    "workers": (lambda _: measure_workers(), tables.figures),
    "roads-synthetic": (measure_synthetic_roads, tables.roads),
    "roads-cells": (measure_cell_roads, tables.roads),
}


def main(
    json_file: Annotated[Path, typer.Option("--json", help="Record, merged section by section.")],
    only: Annotated[str, typer.Option(help="Sections, separated by commas.")] = ",".join(SECTIONS),
) -> None:
    """Measure what measuring costs; each section writes its part into the record as it ends.

    `speed` and the roads look at the lines of `make demo` and `make demo-synthetic`; the roads measure
    up to 200 images of each by the exact road, which takes the better part of an hour on two cores, and
    find again what they measured before.
    """
    logging.getLogger("distributed").setLevel(logging.ERROR)
    asked = [name.strip() for name in only.split(",")]
    if unknown := sorted(set(asked) - set(SECTIONS)):
        raise typer.BadParameter(f"{', '.join(unknown)}: choose of {', '.join(SECTIONS)}")
    console, failed = Console(), False
    for section in [name for name in SECTIONS if name in asked]:
        console.rule(section)
        failed |= not _measured(section, json_file, console)
    if failed:
        raise typer.Exit(1)


def _measured(section: str, place: Path, console: Console) -> bool:
    """Whether a section could be measured; if not, the others go on."""
    measure, tables_of = SECTIONS[section]
    try:
        with Terminal(console).bars() as bars:
            part = measure(bars)
    except ZeroescapeError as error:
        console.print(f"{section}: {error}", style="red", markup=False, soft_wrap=True)
        return False
    add_part(place, section, part)
    for table in tables_of(part):
        console.print(table)
    console.print(f"Figures  {place}", soft_wrap=True)
    return True


if __name__ == "__main__":
    typer.run(main)
