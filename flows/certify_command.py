"""The command `zeroescape certify`: its options, with the help that the terminal shows."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from flows.exit_codes import exit_codes


class CaughtByOption(StrEnum):
    """When a part with several images counts as caught."""

    EVERY = "every-image"
    ANY = "any-image"


Scores = Annotated[Path, typer.Argument(help="CSV or Parquet: one row per scored image.")]
Score = Annotated[str, typer.Option(help="Column of the score; higher is worse.")]
Label = Annotated[str, typer.Option(help="Column of the truth: 0 or 1, good or defective.")]
Id = Annotated[str | None, typer.Option(help="Column that names the image.")]
Group = Annotated[str | None, typer.Option(help="Column of the part or lot: it counts once.")]
Family = Annotated[str | None, typer.Option(help="Column of the kind of defect.")]
Size = Annotated[str | None, typer.Option(help="Column of the size of the defect.")]
Picture = Annotated[str | None, typer.Option("--path", help="Column of the image's file.")]
Time = Annotated[str | None, typer.Option(help="Column of the time: ISO 8601, or a number.")]
Lot = Annotated[str | None, typer.Option(help="Column of the lot or batch.")]
Pictures = Annotated[
    int, typer.Option(min=0, help="With --path: of each class, how many to screen; 0: none.")
]
Threshold = Annotated[
    float | None, typer.Option(help="Fixed before these boards were scored: flag from here on.")
]
EscapeRate = Annotated[
    float | None, typer.Option(help="Set the threshold on these defects for at most this rate.")
]
Confidence = Annotated[float, typer.Option(help="Of every bound, over all looks at the set.")]
CaughtBy = Annotated[
    CaughtByOption,
    typer.Option(help="With --group: a defective part is caught if every or any image is flagged."),
]
LowerIsWorse = Annotated[bool, typer.Option("--lower-is-worse", help="Low scores mean defects.")]
Delimiter = Annotated[str, typer.Option(help="Between the columns of a CSV.")]
SetName = Annotated[str | None, typer.Option("--set", help="Name under which looks are counted.")]
Store = Annotated[Path, typer.Option(help="Folder whose ledger counts the looks.")]
Prevalence = Annotated[float | None, typer.Option(help="Share of boards that are defective.")]
FlagRateToday = Annotated[float | None, typer.Option(help="Share of boards that is flagged today.")]
ReviewSeconds = Annotated[float | None, typer.Option(help="Of an operator, per flagged board.")]
HtmlFile = Annotated[Path | None, typer.Option("--html", help="Write one page to print.")]
JsonFile = Annotated[
    Path | None, typer.Option("--json", help="Write the figures for machines to this file.")
]


def certify(
    scores: Scores,
    score: Score,
    label: Label,
    id: Id = None,  # noqa: A002  # the option is called --id
    group: Group = None,
    family: Family = None,
    size: Size = None,
    picture: Picture = None,
    time: Time = None,
    lot: Lot = None,
    pictures: Pictures = 2000,
    threshold: Threshold = None,
    escape_rate: EscapeRate = None,
    confidence: Confidence = 0.95,
    caught_by: CaughtBy = CaughtByOption.EVERY,
    lower_is_worse: LowerIsWorse = False,
    delimiter: Delimiter = ",",
    set_name: SetName = None,
    store: Store = Path("build/store"),
    prevalence: Prevalence = None,
    flag_rate_today: FlagRateToday = None,
    review_seconds: ReviewSeconds = None,
    json_file: JsonFile = None,
    html_file: HtmlFile = None,
) -> None:
    """Certify the scores of any tool: escapes with an exact bound, false calls, what they cost.

    With --threshold the boards are fresh and the bound is exact for it. Without, the threshold is the
    lowest defect score (or, with --escape-rate, as high as the defects allow), and the bound holds
    only if these defects served nothing else. Every question to a set is a look, and is counted.
    """
    with exit_codes():
        from flows.certificates import write_certificate
        from flows.certify import CertifyRequest
        from tasks.attestation.scores import Columns

        request = CertifyRequest(
            scores=scores,
            columns=Columns(score, label, id, group, family, size, picture, time, lot),
            threshold=threshold,
            escape_rate=escape_rate,
            confidence=confidence,
            caught_by=caught_by.value,
            lower_is_worse=lower_is_worse,
            delimiter=delimiter,
            set_name=set_name,
            store=store,
            prevalence=prevalence,
            flag_rate_today=flag_rate_today,
            review_seconds=review_seconds,
        )
        write_certificate(request, json_file, html_file, pictures)
