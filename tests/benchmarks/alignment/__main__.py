"""`python -m tests.benchmarks.alignment --json build/alignment.json [--only truth,listing]`."""

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
from tests.benchmarks.alignment import tables
from tests.benchmarks.alignment.demo import measure_demo
from tests.benchmarks.alignment.listing import measure_listing
from tests.benchmarks.alignment.record import add_part
from tests.benchmarks.alignment.settings import SECTIONS, Sizes
from tests.benchmarks.alignment.speed import measure_speed
from tests.benchmarks.alignment.timing import unheard
from tests.benchmarks.alignment.truth import measure_truth

Measure = Callable[[Sizes, Listener], dict[str, Any]]
MEASURES: dict[str, tuple[Measure, Callable[[dict[str, Any]], list[Table]]]] = {
    "truth": (measure_truth, tables.truth_tables),
    "speed": (measure_speed, tables.speed_tables),
    "listing": (measure_listing, tables.listing_tables),
    "demo": (measure_demo, tables.demo_tables),
}
DEFAULT = Sizes()


def chosen(only: str) -> list[str]:
    """Names of the sections, in their order; an unknown one is refused."""
    asked = [name.strip() for name in only.split(",")]
    if unknown := sorted(set(asked) - set(SECTIONS)):
        raise typer.BadParameter(f"{', '.join(unknown)}: choose of {', '.join(SECTIONS)}")
    return [name for name in SECTIONS if name in asked]


def main(
    json_file: Annotated[Path, typer.Option("--json", help="Record, merged section by section.")],
    only: Annotated[str, typer.Option(help="Sections, separated by commas.")] = ",".join(SECTIONS),
    boards: Annotated[int, typer.Option(help="truth: per row.")] = DEFAULT.boards,
    files: Annotated[int, typer.Option(help="listing: small files.")] = DEFAULT.files,
    photographs: Annotated[
        str, typer.Option(help="speed: files of the two archives, separated by a comma.")
    ] = "100,1000",
    height_px: Annotated[int, typer.Option(help="speed.")] = DEFAULT.height_px,
    width_px: Annotated[int, typer.Option(help="speed.")] = DEFAULT.width_px,
    workers: Annotated[int, typer.Option(help="Processes.")] = DEFAULT.workers,
    config: Annotated[Path, typer.Option(help="demo: line to retrain.")] = DEFAULT.configuration,
) -> None:
    """Measure ingest and alignment; each section writes its part into the record as it ends."""
    logging.getLogger("distributed").setLevel(logging.ERROR)
    counts = tuple(sorted(int(count) for count in photographs.split(",")))
    sizes = Sizes(
        boards, files, counts, height_px, width_px, workers, DEFAULT.workplace, configuration=config
    )
    console, failed = Console(), False
    for section in chosen(only):
        console.rule(section)
        failed |= not _measured(section, sizes, json_file, console)
    if failed:
        raise typer.Exit(1)


def _measured(section: str, sizes: Sizes, place: Path, console: Console) -> bool:
    """Whether a section could be measured; if not, the others go on."""
    measure, tables_of = MEASURES[section]
    try:
        if section == "demo":  # it starts programs that draw bars of their own
            part = measure(sizes, unheard)
        else:
            with Terminal(console).bars() as bars:
                part = measure(sizes, bars)
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
