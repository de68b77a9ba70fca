"""The command `zeroescape compare`: its options, with the help that the terminal shows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.command_line import prefect_for_terminals, write_json
from flows.display import Terminal
from flows.exit_codes import exit_codes

if TYPE_CHECKING:  # it imports Prefect
    from flows.comparisons import Comparison

Config = Annotated[Path, typer.Argument(help="YAML file of one product line.", show_default=False)]
Rival = Annotated[
    list[str] | None,
    typer.Option(help="Only this kind of rival; repeat for more. Default: compare.rivals."),
]
Repeats = Annotated[int | None, typer.Option(min=1, help="Of the outer folds.")]
WorkerCount = Annotated[
    int | None, typer.Option("--workers", min=1, help="Local Dask workers for this run.")
]
HoldOut = Annotated[
    bool,
    typer.Option(help="Score the certification role too: each rival is a look at it, on record."),
]
HtmlFile = Annotated[Path | None, typer.Option("--html", help="Write one page to this file.")]
CsvFile = Annotated[
    Path | None, typer.Option("--csv", help="Write the table to this file, all figures.")
]
JsonFile = Annotated[
    Path | None,
    typer.Option(
        "--json",
        help="Write the figures for machines to this file. Default: build/compare-NAME.json.",
        show_default=False,
    ),
]


def compare(
    config: Config,
    rival: Rival = None,
    repeats: Repeats = None,
    workers: WorkerCount = None,
    hold_out: HoldOut = False,
    html_file: HtmlFile = None,
    csv_file: CsvFile = None,
    json_file: JsonFile = None,
) -> None:
    """Judge other methods on the images, roles and folds of the line's composite, side by side.

    A file that lists `sets` of systems, as configs/compare-papers.yaml, compares their lines instead:
    each is retrained, and judged by its own score and with the composite on top. `--html` and `--csv`
    then write one file a set.

    They learn from the images that the last `retrain` took in and see with its champion's backbone.
    Stop it whenever you like: what is done is found again.
    """
    with exit_codes():
        prefect_for_terminals()
        from flows.compare import CompareRequest
        from flows.compare_table import show_comparison
        from flows.runs import measured_comparison, measured_systems
        from flows.systems_settings import is_of_systems

        request = CompareRequest(config, tuple(rival or ()), repeats, workers, hold_out)
        terminal = Terminal()
        # A file that compares papers is called so itself.
        stem = config.stem.removeprefix("compare-")
        json_file = json_file or Path("build") / f"compare-{stem}.json"
        if is_of_systems(config):
            systems = measured_systems(request, terminal)
            write_json(systems.machine_readable, json_file)
            for found in systems.sets:
                csv_of_set, page_of_set = (
                    place and place.with_stem(f"{place.stem}-{found.line}")
                    for place in (csv_file, html_file)
                )
                _write(found, csv_of_set, page_of_set)
                files = {"Figures": json_file, "Table": csv_of_set, "Page": page_of_set}
                show_comparison(found, files, terminal.console)
            return
        found = measured_comparison(request, terminal)
        write_json(found.machine_readable, json_file)
        _write(found, csv_file, html_file)
        files = {"Figures": json_file, "Table": csv_file, "Page": html_file}
        show_comparison(found, files, terminal.console)


def _write(found: Comparison, csv_file: Path | None, html_file: Path | None) -> None:
    if csv_file is not None:
        csv_file.parent.mkdir(parents=True, exist_ok=True)
        csv_file.write_text(found.csv(), encoding="utf-8")
    if html_file is not None:
        from tasks.reporting.comparison_page import render_comparison

        html_file.parent.mkdir(parents=True, exist_ok=True)
        html_file.write_text(render_comparison(found.page()), encoding="utf-8")
