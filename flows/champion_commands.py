"""The commands `promote`, `rollback` and `history`: their options, with the help the terminal shows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.certify_command import JsonFile
from flows.command_line import write_json
from flows.exit_codes import exit_codes

if TYPE_CHECKING:
    from flows.champions import Changed

Config = Annotated[Path, typer.Argument(help="YAML file of one product line.", show_default=False)]
By = Annotated[str, typer.Option(help="Who answers for it.")]
Why = Annotated[str, typer.Option(help="Why; it is kept for ever.")]
Key = Annotated[
    str | None,
    typer.Option("--bundle", help="Its key or the beginning; without: the newest one kept back."),
]
Number = Annotated[
    int | None, typer.Option("--to", help="Number of the promotion to restore; without: the last.")
]


def promote(
    config: Config, by: By, why: Why, bundle: Key = None, json_file: JsonFile = None
) -> None:
    """Sign for a challenger that the gate kept back: it becomes the champion.

    Every known defect that the present champion catches and this one misses is listed by name and
    kept with your name in the history.
    """
    with exit_codes():
        from flows.champions import signed_off
        from flows.display import Terminal

        done = signed_off(config, bundle, by, why)
        _tell(config, done, by, why)
        write_json(done.for_machines(), json_file)
        for sentence in done.sentences:
            Terminal().say(sentence)


def rollback(
    config: Config, by: By, why: Why, to: Number = None, json_file: JsonFile = None
) -> None:
    """Make an earlier champion the champion again, at once; the history keeps both.

    A nightly that makes the same bundle again does not undo it.
    """
    with exit_codes():
        from flows.champions import rolled_back
        from flows.display import Terminal

        done = rolled_back(config, to, by, why)
        _tell(config, done, by, why)
        write_json(done.for_machines(), json_file)
        for sentence in done.sentences:
            Terminal().say(sentence)


def history(config: Config, json_file: JsonFile = None) -> None:
    """Show every champion of a line: since when, how, who and why; and which challengers were refused."""
    with exit_codes():
        from flows.champion_table import show_champions
        from flows.champions import champions_of

        found = champions_of(config)
        write_json(found.for_machines(), json_file)
        show_champions(found)


def _tell(config: Path, done: Changed, by: str, why: str) -> None:
    """Others hear of it through the Prefect server that is named; without one the command stays light."""
    if not os.environ.get("PREFECT_API_URL"):
        return
    from flows.events import CHAMPION_PROMOTED, tell
    from flows.settings import load_settings

    payload = {"number": done.number, "bundle": done.bundle, "by": by, "why": [why]}
    tell(CHAMPION_PROMOTED, load_settings(config).line, payload | {"missed": list(done.missed)})
