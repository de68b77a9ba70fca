"""The command `zeroescape study`: its options, with the help that the terminal shows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.command_line import prefect_for_terminals, write_json
from flows.display import Terminal
from flows.exit_codes import exit_codes

if TYPE_CHECKING:  # the flow imports Prefect; help stays light
    from flows.study import Part

Config = Annotated[Path, typer.Argument(help="YAML file of one product line.", show_default=False)]
Families = Annotated[
    bool, typer.Option("--families", help="Each family of metrics alone, left out, and added.")
]
LearningCurve = Annotated[
    bool, typer.Option("--learning-curve", help="With fewer defects to learn from.")
]
Labels = Annotated[bool, typer.Option("--labels", help="Without the most suspect labels.")]
DefectRatios = Annotated[
    bool,
    typer.Option(
        "--defect-ratios",
        help="Networks trained with so many defects; only if named, takes longer.",
    ),
]
Ratio = Annotated[
    list[float] | None,
    typer.Option(
        min=0.0,
        max=0.9,
        help="A share of defects for --defect-ratios; repeat for more. 0 to 0.5 by default.",
    ),
]
Member = Annotated[
    list[str] | None,
    typer.Option(help="This classifier; repeat for more. Default: the champion's."),
]
Repeats = Annotated[
    int | None, typer.Option(min=1, help="Of the outer folds. Default: evaluation.outer.repeats.")
]
Defects = Annotated[
    list[int] | None,
    typer.Option(min=2, help="A point of the learning curve; repeat for more. 10, 20, 40, 80."),
]
Subsets = Annotated[
    int, typer.Option(min=1, help="Random choices of the defects at each point and fold.")
]
WorkerCount = Annotated[
    int | None, typer.Option("--workers", min=1, help="Local Dask workers for this run.")
]
HtmlFile = Annotated[
    Path | None,
    typer.Option("--html", help="Page with plots. Default: build/study-<configuration>.html."),
]
JsonFile = Annotated[
    Path | None,
    typer.Option("--json", help="For machines. Default: build/study-<configuration>.json."),
]


def study(
    config: Config,
    families: Families = False,
    learning_curve: LearningCurve = False,
    labels: Labels = False,
    defect_ratios: DefectRatios = False,
    member: Member = None,
    repeats: Repeats = None,
    defects: Defects = None,
    subsets: Subsets = 2,
    ratio: Ratio = None,
    workers: WorkerCount = None,
    html_file: HtmlFile = None,
    json_file: JsonFile = None,
) -> None:
    """Say what families of metrics, more defects and doubtful labels are worth: all three, or those named.

    Works on the metrics that the last `retrain` extracted, development images only, everything fitted
    anew in outer folds. Stop it whenever you like, what is done is found again.
    """
    with exit_codes():
        prefect_for_terminals()
        from flows.runs import measured_study
        from flows.study import EVERY_PART, PARTS, StudyRequest
        from flows.study_table import show_study
        from tasks.reporting.study_page import render_study

        named: dict[Part, bool] = {
            "families": families,
            "learning_curve": learning_curve,
            "labels": labels,
            "defect_ratios": defect_ratios,
        }
        request = StudyRequest(
            config,
            tuple(part for part in EVERY_PART if named[part]) or PARTS,
            tuple(member or ()),
            repeats,
            tuple(defects or StudyRequest.defects),
            subsets,
            tuple(ratio or StudyRequest.ratios),
            workers,
        )
        terminal = Terminal()
        found = measured_study(request, terminal)
        figures = json_file or Path("build", f"study-{config.stem}.json")
        page = html_file or figures.with_suffix(".html")
        write_json(found.machine_readable, figures)
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(render_study(found.page_content), encoding="utf-8")
        show_study(found, terminal.console, {"Figures": figures, "Page": page})
