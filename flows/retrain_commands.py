"""The commands `demo`, `retrain` and `ingest`: their options, with the help the terminal shows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.certify_command import JsonFile
from flows.command_line import prefect_for_terminals, write_json
from flows.exit_codes import exit_codes

DEMO_CONFIGURATION = Path("configs/elpv-mono.yaml")

Config = Annotated[Path, typer.Argument(help="YAML file of one product line.", show_default=False)]
Learn = Annotated[
    bool,
    typer.Option("--learn", help="Train on images that wait, whatever the line's policy says."),
]


def demo(json_file: JsonFile = Path("build/demo.json")) -> None:
    """Run the whole chain on real images: monocrystalline solar cells (package elpv-dataset)."""
    retrain(DEMO_CONFIGURATION, json_file=json_file)


def retrain(config: Config, learn: Learn = False, json_file: JsonFile = None) -> None:
    """Ingest, train, weigh, extract, fit, certify, promote and report one product line.

    Everything that is done already is found again: run it once more after an interruption, and it goes
    on where it stood; run it with a changed setting, and only what depends on the setting is redone.
    """
    with exit_codes():
        prefect_for_terminals()
        from flows.display import Terminal
        from flows.runs import measured_retrain

        terminal = Terminal()
        figures = measured_retrain(config, terminal, learn=learn)
        write_json(figures.machine_readable, json_file)
        terminal.show_run(figures, json_file)


def ingest(config: Config, json_file: JsonFile = None) -> None:
    """Take in what is new in the archive: align it, give it roles, quarantine what cannot be used.

    Only new and changed files are read; nothing is trained.
    """
    with exit_codes():
        prefect_for_terminals()
        from flows.display import Terminal
        from flows.runs import measured_ingest

        terminal = Terminal()
        intake = measured_ingest(config, terminal)
        write_json(intake.machine_readable, json_file)
        terminal.show_intake(intake)
