"""`python -m tests.month --json build/month.json [--only month,overhead]`."""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

# Before Prefect is imported: its log lines would tear the progress bars.
os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.benchmarks.alignment.record import add_part
from tests.month import tables
from tests.month.calendar import Calendar
from tests.month.course import OtherMonthError, live_through
from tests.month.figures import month_part
from tests.month.overhead import measure_overhead

SECTIONS = ("month", "overhead")
DEFAULT = Calendar()


def chosen(only: str) -> list[str]:
    """Names of the sections, in their order; an unknown one is refused."""
    asked = [name.strip() for name in only.split(",")]
    if unknown := sorted(set(asked) - set(SECTIONS)):
        raise typer.BadParameter(f"{', '.join(unknown)}: choose of {', '.join(SECTIONS)}")
    return [name for name in SECTIONS if name in asked]


def main(
    json_file: Annotated[Path, typer.Option("--json", help="Record, merged section by section.")],
    only: Annotated[str, typer.Option(help="Sections, separated by commas.")] = ",".join(SECTIONS),
    folder: Annotated[Path, typer.Option(help="Where the month is lived through.")] = Path(
        "build/month"
    ),
    nights: Annotated[int, typer.Option(min=3)] = DEFAULT.nights,
    boards: Annotated[int, typer.Option(help="Boards a day.", min=4)] = DEFAULT.boards,
    steps: Annotated[int, typer.Option(help="Training steps.", min=11)] = DEFAULT.steps,
    images: Annotated[str, typer.Option(help="overhead: numbers of images.")] = "1000,10000",
    side_px: Annotated[int, typer.Option(help="overhead: side of an image.")] = 128,
    sqlite: Annotated[bool, typer.Option(help="Prefect on SQLite, not PostgreSQL.")] = False,
) -> None:
    """Live through a month, and measure what the machinery costs an image."""
    logging.getLogger("distributed").setLevel(logging.ERROR)
    # Into a file, rich would write lines of 80 characters.
    console = Console(width=None if sys.stdout.isatty() else 160)
    for section in chosen(only):
        console.rule(section)
        if section == "month":
            bad_day = min(DEFAULT.bad_day, nights - 2)
            calendar = replace(DEFAULT, nights=nights, boards=boards, steps=steps, bad_day=bad_day)
            part, shown = _month(calendar, folder, console, postgresql=not sqlite)
            part["prefect_database"] = "sqlite" if sqlite else "postgresql"
        else:
            counts = tuple(sorted(int(one) for one in images.split(",")))
            part = measure_overhead(
                counts, side_px, folder / "overhead", console.print, postgresql=not sqlite
            )
            shown = tables.overhead_tables(part)
        add_part(json_file, section, part)
        for table in shown:
            console.print(table)
    console.print(f"Figures  {json_file}", soft_wrap=True)


def _month(
    calendar: Calendar, folder: Path, console: Console, *, postgresql: bool
) -> tuple[dict[str, Any], list[Any]]:
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )
    with bars:
        bar = bars.add_task("month", total=calendar.nights)

        def tell(night: int, what: str) -> None:
            bars.update(bar, completed=night - 1, description=f"{what} {night}")

        try:
            part = month_part(live_through(calendar, folder, tell, postgresql=postgresql))
        except OtherMonthError as error:
            raise typer.BadParameter(str(error)) from error
        bars.update(bar, completed=calendar.nights, description="month")
    return part, tables.month_tables(part)


if __name__ == "__main__":
    typer.run(main)
