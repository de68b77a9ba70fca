"""The command line `zeroescape`; Prefect, Dask and torch are imported by the commands that need them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from flows.backfill_command import backfill
from flows.certificate_command import certificate
from flows.certify_command import certify
from flows.champion_commands import history, promote, rollback
from flows.command_line import prefect_for_terminals, write_json
from flows.compare_command import compare
from flows.contamination_command import contamination
from flows.display import Terminal
from flows.drift_command import drift
from flows.evaluate_command import evaluate
from flows.exit_codes import DONE, FAILED, WRONG_INPUT
from flows.exit_codes import exit_codes as _exit_codes
from flows.retrain_commands import demo, ingest, retrain
from flows.serve_command import deploy, serve
from flows.study_command import study
from flows.upkeep_commands import add_to as add_upkeep_to

app = typer.Typer(
    name="zeroescape",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
    help=(
        "Fewer false calls in optical inspection, at zero known escapes.\n\n"
        "Learns what good products look like, scores how far a new image is from that, and sets the "
        "threshold under which no known defect falls, with a bound on the escapes that remain possible."
    ),
    epilog=(
        "Examples:\n\n"
        "zeroescape demo\n\n"
        "zeroescape check my-line.yaml && zeroescape retrain my-line.yaml\n\n"
        "zeroescape inspect my-line.yaml new-boards/ --json verdicts.json\n\n"
        "Exit codes: 0 done, 1 failed run, 2 wrong input."
    ),
)

quarantine = typer.Typer(
    name="quarantine",
    no_args_is_help=True,
    help="Files that could not be taken in: what, why, since when, and what to do.",
    epilog=(
        "Examples:\n\n"
        "zeroescape quarantine list my-line.yaml\n\n"
        "zeroescape quarantine retry my-line.yaml normal/b17.png && zeroescape ingest my-line.yaml\n\n"
        'zeroescape quarantine release my-line.yaml b17.png --by "A. Ray" --note "pose checked"'
    ),
)
app.add_typer(quarantine)

Config = Annotated[Path, typer.Argument(help="YAML file of one product line.", show_default=False)]
JsonFile = Annotated[
    Path | None, typer.Option("--json", help="Write the figures for machines to this file.")
]


app.command(epilog="Example: zeroescape demo --json build/demo.json")(demo)
app.command(epilog="Example: zeroescape retrain my-line.yaml --json build/my-line.json")(retrain)
app.command(epilog="Example: zeroescape ingest my-line.yaml")(ingest)


@app.command(
    epilog="Example: zeroescape inspect my-line.yaml board-1.png boards/ --out build/inspect"
)
def inspect(
    config: Config,
    paths: Annotated[list[Path], typer.Argument(help="Images, or directories of images.")],
    out: Annotated[
        Path, typer.Option(help="Folder for verdicts.jsonl, localisation.json, overlays/.")
    ] = Path("build/inspect"),
    json_file: JsonFile = None,
) -> None:
    """Let the line's frozen champion judge new images; what has no answer is flagged, never passed."""
    with _exit_codes():
        prefect_for_terminals()
        from flows.runs import measured_inspect

        terminal = Terminal()
        inspection = measured_inspect(config, paths, out, terminal)
        write_json(inspection.machine_readable, json_file)
        terminal.show_inspection(inspection)


@quarantine.command("list", epilog="Example: zeroescape quarantine list my-line.yaml")
def list_quarantine(
    config: Config,
    kind: Annotated[
        str | None,
        typer.Option(help="Only this kind: unusable, misaligned, label, unreadable, duplicate ..."),
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Show every file that was not taken in, with the reason and the remedy."""
    with _exit_codes():
        from flows.quarantine import listed

        entries = listed(config, kind)
        write_json([asdict(entry) for entry in entries], json_file)
        Terminal().show_quarantine(entries)


Files = Annotated[list[str] | None, typer.Argument(help="Names as `quarantine list` shows them.")]


@quarantine.command(
    "retry", epilog="Example: zeroescape quarantine retry my-line.yaml normal/b17.png"
)
def retry_quarantine(
    config: Config,
    files: Files = None,
    everything: Annotated[bool, typer.Option("--all", help="All files in quarantine.")] = False,
) -> None:
    """Let the next ingest read these files again, although they have not changed."""
    with _exit_codes():
        from flows.quarantine import retried

        count = retried(config, files or [], everything=everything)
        Terminal().say(f"{count} files will be read again by the next ingest.")


@quarantine.command(
    "release",
    epilog=(
        "Example: zeroescape quarantine release my-line.yaml b17.png "
        '--by "A. Ray" --note "pose checked on the overlay"'
    ),
)
def release_quarantine(
    config: Config,
    files: Annotated[list[str], typer.Argument(help="Names as `quarantine list` shows them.")],
    by: Annotated[str, typer.Option(help="Who answers for it.")],
    note: Annotated[str, typer.Option(help="Why it may be taken in.")],
) -> None:
    """Take misaligned boards in as they are: a person looked and answers for it; it is kept on record."""
    with _exit_codes():
        from flows.quarantine import released

        count = released(config, files, by, note)
        Terminal().say(f"{count} files released; the next ingest takes them in.")


@app.command(epilog="Example: zeroescape labels my-line.yaml --json build/labels.json")
def labels(config: Config, json_file: JsonFile = None) -> None:
    """List every label that a person or the archive changed: before, after, who, when and why.

    And whether scores had been seen by then: what is relabelled in the knowledge of its score is counted on
    every certificate. Labels are changed in the line's relabel file (setting `relabels`).
    """
    with _exit_codes():
        from flows.labels import label_changes

        found = label_changes(config)
        write_json(found.for_machines(), json_file)
        Terminal().show_labels(found)


@app.command(epilog="Example: zeroescape check my-line.yaml")
def check(config: Config, json_file: JsonFile = None) -> None:
    """Say whether a configuration can run here, without running it: keys, images, roles, weights."""
    with _exit_codes():
        from flows.check import check_line

        findings = check_line(config)
        write_json(findings.for_machines(), json_file)
        Terminal().show_check(findings)
        if findings.problems:
            raise typer.Exit(WRONG_INPUT)


@app.command(epilog="Example: zeroescape localise my-line.yaml --truth annotations.json")
def localise(
    config: Config,
    truth: Annotated[
        str | None, typer.Option(help="COCO or truth.json file, or an MVTec folder.")
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Judge whether candidates, regions and heat maps point at the defects that are known.

    Hit rates by kind of defect with their limits and what chance would hit, AU-PRO and pixel AUROC. The
    truth is looked for where the archive keeps it: MVTec's ground_truth, truth.json of `synthesize`.
    """
    with _exit_codes():
        prefect_for_terminals()
        from flows.runs import measured_localise

        terminal = Terminal()
        judged = measured_localise(config, truth, terminal)
        write_json(judged.machine_readable, json_file)
        for sentence in judged.sentences():
            terminal.say(sentence)


app.command(
    epilog=(
        "Example: zeroescape backfill my-line.yaml --since 2026-10-01 --until 2026-10-31\n\n"
        "zeroescape backfill my-line.yaml --model champion --where camera=top --throttle 5"
    )
)(backfill)


app.command(
    epilog=(
        "Example: zeroescape evaluate my-line.yaml --json build/evaluation.json\n\n"
        "One classifier, no search: zeroescape evaluate my-line.yaml --protocol honest "
        "--member extra_trees --draws 0"
    )
)(evaluate)


app.command(
    epilog=(
        "Example: zeroescape study my-line.yaml --html build/study.html\n\n"
        "Which metrics pay, quickly: zeroescape study my-line.yaml --families --repeats 1"
    )
)(study)


app.command(
    epilog=(
        "Example: zeroescape contamination my-line.yaml\n\n"
        "Two trainings: zeroescape contamination my-line.yaml --shares 0 --shares 0.05"
    )
)(contamination)


app.command(
    epilog=(
        "Example: zeroescape compare my-line.yaml --html build/compare.html\n\n"
        "zeroescape compare my-line.yaml --rival memory_bank --repeats 2 --no-hold-out"
    )
)(compare)


app.command(
    epilog=(
        "Example: zeroescape certify scores.csv --score anomaly --label defective --id image "
        "--html certificate.html\n\n"
        "zeroescape certify scores.parquet --score anomaly --label defective --id image "
        "--group serial --threshold 0.62\n\n"
        "zeroescape certify scores.csv --score similarity --lower-is-worse --label defective "
        "--path file --escape-rate 0.02 --confidence 0.9"
    )
)(certify)


app.command(epilog="Example: zeroescape certificate my-line.yaml --html certificate.html")(
    certificate
)


app.command(
    epilog=(
        "Example: zeroescape serve line-1.yaml line-2.yaml "
        '--cron "0 2 * * *" --timezone Europe/Berlin'
    )
)(serve)


app.command(epilog="Example: zeroescape deploy line-1.yaml line-2.yaml --pool plant-7 --catch-up")(
    deploy
)


app.command(
    epilog=(
        "Example: zeroescape promote my-line.yaml "
        '--by "A. Ray" --why "the two boards are relabelled"'
    )
)(promote)


app.command(
    epilog='Example: zeroescape rollback my-line.yaml --by "A. Ray" --why "flags every second board"'
)(rollback)


app.command(epilog="Example: zeroescape history my-line.yaml --json build/history.json")(history)


add_upkeep_to(app)


app.command(
    epilog=(
        "Example: zeroescape drift my-line.yaml --json build/drift.json\n\n"
        'zeroescape drift my-line.yaml --lift --by "A. Ray" --why "lamp replaced, 20 boards looked at"'
    )
)(drift)


@app.command(epilog="Example: zeroescape metrics --json build/metrics.json")
def metrics(json_file: JsonFile = None) -> None:
    """List every metric: what it computes, its bounds, which way is worse, and where it comes from."""
    from tasks.metrics.catalogue import HEADINGS, catalogue_notes, catalogue_rows

    rows = catalogue_rows()
    write_json([dict(zip(HEADINGS, row, strict=True)) for row in rows], json_file)
    Terminal().show_catalogue(HEADINGS, rows, catalogue_notes())


@app.command(
    epilog="Example: zeroescape synthesize build/boards --normal 300 --abnormal 100 --side-px 512"
)
def synthesize(
    out: Annotated[Path, typer.Argument(help="New folder for the archive.", show_default=False)],
    normal: Annotated[int, typer.Option(help="Boards without a defect.")] = 200,
    abnormal: Annotated[int, typer.Option(help="Boards with one defect, all kinds in turn.")] = 70,
    side_px: Annotated[int, typer.Option(help="Height and width of a photograph.")] = 512,
    chip_px: Annotated[float | None, typer.Option(help="Length of a typical chip.")] = None,
    density: Annotated[float, typer.Option(help="Parts per area; 1 is a typical board.")] = 1.0,
    shift_px: Annotated[float, typer.Option(help="Largest shift of a board, each way.")] = 3.0,
    rotation_deg: Annotated[float, typer.Option(help="Largest turn of a board.")] = 0.5,
    boards_per_panel: Annotated[int, typer.Option(help="Boards that share a panel.")] = 4,
    seed: Annotated[int, typer.Option(help="One seed is one product.")] = 0,
) -> None:
    """Render an archive of circuit boards with known poses and defects, and a manifest of them.

    For tests of a set-up before the first camera stands, and for demos: truth.json tells the pose of
    every photograph and the box of every defect. The same arguments give the same files.
    """
    with _exit_codes():
        from flows.runs import rendered
        from flows.synthesize import settings_of

        product, archive, perturbation = settings_of(
            product={
                "height_px": side_px,
                "width_px": side_px,
                "chip_px": chip_px,
                "density": density,
                "seed": seed,
            },
            archive={
                "normal": normal,
                "abnormal": abnormal,
                "boards_per_panel": boards_per_panel,
            },
            perturbation={"shift_px": shift_px, "rotation_deg": rotation_deg},
        )
        terminal = Terminal()
        count = rendered(out, product, archive, perturbation, terminal)
        terminal.say(f"{count} photographs, manifest.csv and truth.json in {out}")


@app.command(epilog="Example: zeroescape ui --port 4200")
def ui(
    port: Annotated[int, typer.Option(help="Port of the Prefect UI on this machine.")] = 4200,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Start the Prefect server and its UI; runs made with or without it are shown there."""
    import flows  # noqa: F401  # sets what Prefect reads at its start

    command = [
        sys.executable,
        "-m",
        "prefect",
        "server",
        "start",
        "--host",
        host,
        "--port",
        str(port),
    ]
    # Its pages ask for port 4200 otherwise, wherever they came from.
    environment = {"PREFECT_SERVER_UI_API_URL": "/api"} | os.environ
    raise typer.Exit(subprocess.call(command, env=environment))  # noqa: S603  # our own interpreter


__all__ = ["DONE", "FAILED", "WRONG_INPUT", "app", "main"]


def main() -> None:
    """Entry point of the console script."""
    app()


if __name__ == "__main__":
    main()
