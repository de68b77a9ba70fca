"""The command `zeroescape drift`: its options, with the help that the terminal shows."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from flows.command_line import prefect_for_terminals, write_json
from flows.display import Terminal
from flows.exit_codes import exit_codes
from tasks.vocabulary.errors import InputError

Config = Annotated[Path, typer.Argument(help="YAML file of one product line.", show_default=False)]
Since = Annotated[
    str | None,
    typer.Option(
        help="Only boards from this time on (2026-11-20 or 2026-11-20T08:30); only a view."
    ),
]
Lift = Annotated[bool, typer.Option("--lift", help="Put a suspended certificate in force again.")]
By = Annotated[str, typer.Option(help="With --lift: who answers for it.")]
Why = Annotated[str, typer.Option(help="With --lift: why it may be trusted again.")]
Plot = Annotated[Path | None, typer.Option(help="Write the picture (PNG) to this file.")]
JsonFile = Annotated[
    Path | None, typer.Option("--json", help="Write the findings for machines to this file.")
]


def drift(
    config: Config,
    since: Since = None,
    lift: Lift = False,
    by: By = "",
    why: Why = "",
    plot: Plot = None,
    json_file: JsonFile = None,
) -> None:
    """Say whether today's boards still are those that the champion was certified on.

    Green: as certified. Yellow: measurably different, or not known. Red: provably outside what was
    certified; the certificate is suspended until a person lifts it or signs for a new champion.
    Exit code 0 whatever the light.
    """
    with exit_codes():
        prefect_for_terminals()
        terminal = Terminal()
        begin = _time(since)
        from flows.drift import drift as run_drift
        from flows.drift import lift_suspension
        from flows.run_tags import tagged

        if lift:
            held = lift_suspension(config, by, why)
            terminal.say(f"Lifted by {by}: {why}. It was: {held.sentence}")
            return
        with tagged(config, "drift"):
            found = run_drift(config, begin)
        write_json(found.machine_readable, json_file)
        if plot is not None:
            plot.parent.mkdir(parents=True, exist_ok=True)
            plot.write_bytes(found.picture_png)
        terminal.show_light(found.line, found.light.colour, found.light.boards, found.sentences())


def _time(text: str | None) -> datetime | None:
    """A time without a zone is this machine's; `InputError` for what is no time."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError as error:
        raise InputError(
            f"{text!r} is no time.", "Write it like 2026-11-20 or 2026-11-20T08:30."
        ) from error
