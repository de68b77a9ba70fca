"""The command `zeroescape evaluate`: its options, with the help that the terminal shows."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from flows.command_line import prefect_for_terminals, write_json
from flows.display import Terminal
from flows.exit_codes import exit_codes


class ProtocolOption(StrEnum):
    """Which figures to make."""

    BOTH = "both"
    PUBLISHED = "published"
    HONEST = "honest"


_PROTOCOLS: dict[ProtocolOption, tuple[Literal["published", "honest"], ...]] = {
    ProtocolOption.BOTH: ("published", "honest"),
    ProtocolOption.PUBLISHED: ("published",),
    ProtocolOption.HONEST: ("honest",),
}

Config = Annotated[Path, typer.Argument(help="YAML file of one product line.", show_default=False)]
Protocol = Annotated[
    ProtocolOption,
    typer.Option(help="As the paper reports, or with everything chosen anew in each outer fold."),
]
Member = Annotated[
    list[str] | None,
    typer.Option(help="Only this classifier; repeat for more. Default: evaluation.members."),
]
PublishedDraws = Annotated[
    int | None, typer.Option(min=0, help="Of the search over the whole table; the paper: 500.")
]
Draws = Annotated[
    int | None, typer.Option(min=0, help="Of the search inside each outer training part.")
]
Repeats = Annotated[int | None, typer.Option(min=1, help="Of the outer folds.")]
WorkerCount = Annotated[
    int | None, typer.Option("--workers", min=1, help="Local Dask workers for this run.")
]
JsonFile = Annotated[
    Path | None, typer.Option("--json", help="Write the figures for machines to this file.")
]


def evaluate(
    config: Config,
    protocol: Protocol = ProtocolOption.BOTH,
    member: Member = None,
    published_draws: PublishedDraws = None,
    draws: Draws = None,
    repeats: Repeats = None,
    workers: WorkerCount = None,
    json_file: JsonFile = None,
) -> None:
    """Judge all classifiers twice: as the paper does, and by folds that nothing was chosen on.

    Works on the metrics that the last `retrain` extracted. Twelve classifiers and 500 draws take hours:
    stop it whenever you like, what is done is found again.
    """
    with exit_codes():
        prefect_for_terminals()
        from flows.evaluate import EvaluateRequest
        from flows.runs import measured_evaluation

        request = EvaluateRequest(
            config,
            _PROTOCOLS[protocol],
            tuple(member or ()),
            published_draws,
            draws,
            repeats,
            workers,
        )
        terminal = Terminal()
        evaluation = measured_evaluation(request, terminal)
        write_json(evaluation.machine_readable, json_file)
        terminal.show_evaluation(evaluation)
