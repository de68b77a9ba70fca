"""The command `zeroescape backfill`: its options, with the help that the terminal shows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.command_line import prefect_for_terminals, write_json
from flows.exit_codes import exit_codes

Config = Annotated[Path, typer.Argument(help="YAML file of one product line.", show_default=False)]
JsonFile = Annotated[
    Path | None, typer.Option("--json", help="Write the figures for machines to this file.")
]
Since = Annotated[str | None, typer.Option(help="First day, as 2026-11-01.", show_default=False)]
Until = Annotated[str | None, typer.Option(help="Last day, itself included.", show_default=False)]
Model = Annotated[
    str | None,
    typer.Option(
        help="Bundle (first characters of its key), number of a promotion, or champion; "
        "default: the newest challenger that was never promoted, else the champion.",
        show_default=False,
    ),
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        help="COLUMN=VALUE, several times if need be: camera, family, label, line, lot, panel, product, "
        "role, serial.",
        show_default=False,
    ),
]
Throttle = Annotated[
    float | None, typer.Option(help="At most so many images a second.", show_default=False)
]
AtMostWorkers = Annotated[int, typer.Option(min=1, help="At most so many workers at a time.")]


def backfill(
    config: Config,
    since: Since = None,
    until: Until = None,
    model: Model = None,
    where: Where = None,
    throttle: Throttle = None,
    at_most_workers: AtMostWorkers = 1,
    json_file: JsonFile = None,
) -> None:
    """Ask a bundle about the past and compare it with the champion: what would have been otherwise.

    Verdicts that change, by name; known escapes of one caught by the other; false calls saved per 1,000
    boards. Boards without a day are compared only without --since and --until. Nothing is promoted. It
    gives way to a nightly on the same store; run it again after an interruption, and it goes on.
    """
    with exit_codes():
        from tasks.backfilling.pacing import Pace
        from tasks.backfilling.wanted import Wanted

        # Before Prefect starts: a slip of the pen is told at once.
        Wanted.parsed(since, until, where or [])
        Pace(at_most_workers, throttle)
        prefect_for_terminals()
        from flows.backfill_table import show_backfill
        from flows.display import Terminal
        from flows.runs import measured_backfill

        done = measured_backfill(
            Terminal(), config, since, until, model, where or [], throttle, at_most_workers
        )
        write_json(done.machine_readable, json_file)
        show_backfill(done.figures, {"Figures": json_file, "Page": done.page})
