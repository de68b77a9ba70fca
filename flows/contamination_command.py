"""The command `zeroescape contamination`: its options, with the help that the terminal shows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.command_line import prefect_for_terminals, write_json
from flows.display import Terminal
from flows.exit_codes import exit_codes

Config = Annotated[Path, typer.Argument(help="YAML file of one product line.", show_default=False)]
Shares = Annotated[
    list[float] | None,
    typer.Option(help="Abnormal share of the training images; repeat for more. 0, .03, .06, .09."),
]
Seed = Annotated[int, typer.Option(min=0, help="Draws which abnormal images are mixed in.")]
JsonFile = Annotated[
    Path | None,
    typer.Option("--json", help="For machines. Default: build/contamination-<configuration>.json."),
]


def contamination(
    config: Config, shares: Shares = None, seed: Seed = 0, json_file: JsonFile = None
) -> None:
    """Say what it costs that abnormal images are among those that the reconstruction learns from.

    Trains once per share, with that share of the normals replaced by abnormal development images, and
    compares the reconstructor's own scores on the others. The champion stays. Stop it whenever you
    like, what is done is found again.
    """
    with exit_codes():
        prefect_for_terminals()
        from flows.contamination import ContaminationRequest
        from flows.contamination_table import show_contamination
        from flows.runs import measured_contamination

        request = ContaminationRequest(config, tuple(shares or ContaminationRequest.shares), seed)
        terminal = Terminal()
        found = measured_contamination(request, terminal)
        figures = json_file or Path("build", f"contamination-{config.stem}.json")
        write_json(found.machine_readable, figures)
        show_contamination(found, terminal.console, figures)
